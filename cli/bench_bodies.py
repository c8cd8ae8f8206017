"""`biopose bench bodies`: people whose body the model does not have, before the real detector."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def bodies(
    clips: Annotated[
        Path, typer.Option(help="Folder of what was drawn and detected; what is not there is drawn, 3 s a clip.")
    ] = Path("runs/bodies/clips"),
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the solved motions.")] = Path("runs/bodies"),
    people: Annotated[int, typer.Option(min=1, help="Of each kind.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of people and scenes; limits were chosen on 101.")] = 303,
    only: Annotated[list[str] | None, typer.Option(help="Kind, such as toddler or stoops; may be given again.")] = None,
    sized: Annotated[bool, typer.Option("--sized", help="Tell the person's true height and mass.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bodies that the model does not have.

    Toddlers, the very heavy, who stoops, lacks a limb or sits in a wheelchair: errors, and what a run says, beside the
    same people in an ordinary body.
    """
    from biomech.bench.bodies import bench_bodies
    from biomech.bench.films import chosen
    from biomech.cli.bench import _tell
    from biomech.train.synthetic.odd_people import KINDS

    figures = bench_bodies(
        clips,
        out,
        kinds=chosen(list(KINDS), tuple(only or ())),
        count=people,
        seed=seed,
        sized=sized,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 32)
