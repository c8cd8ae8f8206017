"""`biopose bench hard-poses`: gymnastics, yoga, the floor and upside down, and what limits the fit there."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def hard_poses(
    people: Annotated[int | None, typer.Option(min=1, help="In each pose. [default: 3; drawn 2]")] = None,
    poses: Annotated[list[str] | None, typer.Option("--pose", help="One of them; may be given again.")] = None,
    limits_from: Annotated[
        str, typer.Option(help="front, side or behind: what limits the fit is looked into from there.")
    ] = "side",
    seed: Annotated[
        str | None, typer.Option(help="Draws people and the points' errors. [default: as reported]")
    ] = None,
    drawn: Annotated[bool, typer.Option("--drawn", help="Draw them for the detector; MQ-HMR too.")] = False,
    recordings: Annotated[
        Path | None, typer.Option("--cmu", help="CMU's motions (.bvh, zipped), to draw the hardest of them too.")
    ] = None,
    recoverers: Annotated[
        list[str] | None, typer.Option("--recover", help="Of drawn people: fit, mqhmr. [default: both]")
    ] = None,
    mqhmr_weights: Annotated[Path | None, typer.Option(help="In place of the package's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Deep, folded, lying and inverted poses; what limits them.

    Simulated points of known poses from the front, the side and half behind; or drawn people for the real detector.
    """
    from biomech.bench.hard_poses import POSES, bench_hard_poses
    from biomech.cli.bench import _tell

    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    chosen = tuple(poses or POSES)
    if drawn or recordings:
        from biomech.bench.hard_poses_drawn import bench_hard_poses_drawn

        figures = bench_hard_poses_drawn(
            chosen,
            people=people or 2,
            recoverers=recoverers or ("fit", "mqhmr"),
            mqhmr_weights=mqhmr_weights,
            recordings=recordings,
            seed=seed or "hard poses, drawn",
            say=say,
        )
    else:
        figures = bench_hard_poses(
            chosen, people=people or 3, limits_from=limits_from, seed=seed or "hard poses", say=say
        )
    _tell(figures, as_json, 24)
