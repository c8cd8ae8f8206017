"""`biopose bench lens`: what perspective is worth, near and far, and what a guessed lens costs."""

from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def lens(
    people: Annotated[int, typer.Option(min=1, max=12, help="How many, each in one motion.")] = 12,
    distances: Annotated[
        list[float] | None, typer.Option("--distance", min=0.3, help="From lens to pelvis, m; may be given again.")
    ] = None,
    fields: Annotated[
        list[float] | None,
        typer.Option("--fov", min=1, max=175, help="Across the longer side, degrees; may be given again."),
    ] = None,
    seed: Annotated[str, typer.Option(help="Draws people, motions and the points' errors.")] = "lens",
    as_json: AsJson = False,
) -> None:
    """Full perspective, a guessed lens, and a weak perspective.

    Simulated points of people at 0.8 to 10 m and 24 to 120°.
    """
    from biomech.bench.lens import DISTANCES_M, FIELDS_DEG, bench_lens
    from biomech.cli.bench import _tell

    figures = bench_lens(
        distances_m=tuple(distances or DISTANCES_M),
        fields_deg=tuple(fields or FIELDS_DEG),
        people=people,
        seed=seed,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 24)
