"""`biopose bench real-video`: the main job on every film that has a reference."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson, Keep, Only, Out, Recover, Refit, Solver, runs_of
from biomech.cli.data import check_data
from biomech.names import DEFAULT_RECOVERER


def real_video(
    data: Annotated[
        Path,
        typer.Option(help="Folder of the films, or its pose2sim_demo for the beam alone.", envvar="BIOPOSE_VIDEO"),
    ] = Path("../shared/data/video"),
    out: Out = Path("runs/films"),
    only: Only = None,
    recover: Recover = DEFAULT_RECOVERER,
    solver: Solver = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average with the mirrored picture.")] = False,
    keep: Keep = False,
    refit: Refit = False,
    as_json: AsJson = False,
) -> None:
    """The main job on real film against references.

    Optical markers, two-camera OpenCap and a triangulation.
    """
    from biomech.cli.bench import _tell

    check_data(data)
    from biomech.bench.real_video import bench_real_video

    runs = runs_of(out, only, recover, solver, keep, refit, as_json, overlay=True, mirror=mirror)
    _tell(bench_real_video(data, runs), as_json, 40)
