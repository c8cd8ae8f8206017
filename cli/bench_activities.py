"""`biopose bench activities`: drawn people with known angles, by activity and view."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson, Recover, Solver, options_of
from biomech.names import DEFAULT_RECOVERER


def activities(
    clips: Annotated[
        Path, typer.Option(help="Folder of what was drawn and detected; what is not there is drawn, 9 s a clip.")
    ] = Path("runs/activities/clips"),
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the solved motions.")] = Path("runs/activities"),
    people: Annotated[int, typer.Option(min=1, help="In each activity and view.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people, what they do, and the scenes.")] = 0,
    only: Annotated[
        list[str] | None, typer.Option(help="Activity and view, such as walk_front, or walk; may be given again.")
    ] = None,
    sized: Annotated[bool, typer.Option("--sized", help="Tell the person's true height and mass.")] = False,
    recover: Recover = DEFAULT_RECOVERER,
    solver: Solver = None,
    as_json: AsJson = False,
) -> None:
    """Drawn people from front, side and behind.

    Walking, squats and sit-to-stand against what drove them.
    """
    from biomech.bench.activities import bench_activities
    from biomech.cli.bench import _tell

    figures = bench_activities(
        clips,
        out,
        options=options_of(recover, solver, overlay=False),
        count=people,
        seed=seed,
        sized=sized,
        only=tuple(only or ()),
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 36)
