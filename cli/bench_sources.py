"""`biopose bench sources`: bodies, keypoints and cameras from elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson, Out
from biomech.cli.data import check_data

ONLY = (
    "A part (meshes, layouts, cameras, people, moving), or PART/NAME of one film, set of cameras or kind in it, as "
    "cameras/beam_01; beginnings do; may be given again."
)


def sources(
    data: Annotated[Path, typer.Option(help="Folder of the data, or its folder video.", envvar="BIOPOSE_DATA")] = Path(
        "../shared/data"
    ),
    out: Out = Path("runs/films"),
    only: Annotated[list[str] | None, typer.Option(help=ONLY)] = None,
    as_json: AsJson = False,
) -> None:
    """Bodies, keypoints, cameras and people of all kinds."""
    from biomech.cli.bench import _tell

    check_data(data)
    from biomech.bench.sources import bench_sources

    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    _tell(bench_sources(data, out, only=tuple(only or ()), say=say), as_json, 40)
