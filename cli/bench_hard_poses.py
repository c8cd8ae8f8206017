"""`biopose bench hard-poses`: gymnastics, yoga, the floor and upside down, and what limits the fit there."""

from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def hard_poses(
    people: Annotated[int, typer.Option(min=1, help="In each pose.")] = 3,
    poses: Annotated[list[str] | None, typer.Option("--pose", help="One of them; may be given again.")] = None,
    limits_from: Annotated[
        str, typer.Option(help="front, side or behind: what limits the fit is looked into from there.")
    ] = "side",
    seed: Annotated[str, typer.Option(help="Draws people and the points' errors.")] = "hard poses",
    as_json: AsJson = False,
) -> None:
    """Deep, folded, lying and inverted poses; what limits them.

    Simulated points of known poses from the front, the side and half behind.
    """
    from biomech.bench.hard_poses import POSES, bench_hard_poses
    from biomech.cli.bench import _tell

    figures = bench_hard_poses(
        tuple(poses or POSES),
        people=people,
        limits_from=limits_from,
        seed=seed,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 24)
