"""`biopose bench standing`: what the main job says of people who plainly stand upright."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson, Keep, Only, Out, Recover, Refit, Solver, runs_of
from biomech.cli.data import check_data
from biomech.names import DEFAULT_RECOVERER


def standing(
    data: Annotated[Path, typer.Option(help="Folder of the data, with its films in video/.", envvar="BIOPOSE_DATA")] = (
        Path("../shared/data")
    ),
    out: Out = Path("runs/films"),
    only: Only = None,
    recover: Recover = DEFAULT_RECOVERER,
    solver: Solver = None,
    keep: Keep = False,
    refit: Refit = False,
    as_json: AsJson = False,
) -> None:
    """How straight people who stand are found.

    Knees, hips, pelvis, lean and soles, with and without their size; all of it should be 0.
    """
    from biomech.cli.bench import _tell

    runs = runs_of(out, only, recover, solver, keep, refit, as_json, overlay=False)
    check_data(data)
    from biomech.bench.standing import bench_standing

    _tell(bench_standing(data, runs), as_json, 28)
