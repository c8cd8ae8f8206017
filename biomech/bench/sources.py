"""What came from elsewhere: bodies, layouts, cameras, several people, moving cameras; each part a bench of its own.

A part is a function of the data's folder, a folder for its runs, and whom to tell; a row of ``PARTS`` makes it one of
`biopose bench sources`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from biomech.bench.cameras import bench_cameras
from biomech.bench.crossings import bench_crossings
from biomech.bench.films import chosen
from biomech.bench.layouts import bench_layouts
from biomech.bench.mesh_sources import bench_mesh_sources
from biomech.bench.moving_camera import bench_moving_camera

Say = Callable[[str], None]


def _cameras(data: Path, folder: Path, say: Say) -> dict[str, Any]:
    return bench_cameras(data / "video", folder / "cameras", say=say)


def _layouts(data: Path, folder: Path, say: Say) -> dict[str, Any]:
    return bench_layouts(data / "video", folder, say=say)


def _meshes(data: Path, folder: Path, say: Say) -> dict[str, Any]:
    return bench_mesh_sources(folder / "meshes", say=say)


def _people(data: Path, folder: Path, say: Say) -> dict[str, Any]:
    return bench_crossings(data / "video", folder / "people", say=say)


def _moving(data: Path, folder: Path, say: Say) -> dict[str, Any]:
    return bench_moving_camera(data / "video", folder / "moving", say=say)


PARTS: dict[str, Callable[[Path, Path, Say], dict[str, Any]]] = {
    "meshes": _meshes,
    "layouts": _layouts,
    "cameras": _cameras,
    "people": _people,
    "moving": _moving,
}


def bench_sources(data: Path, folder: Path, *, only: tuple[str, ...] = (), say: Say = lambda _: None) -> dict[str, Any]:
    """Run the parts.

    Args:
        data: the folder of the data.
        folder: where the runs go; may be that of other benches on film.
        only: names of parts, or their beginnings.
        say: told of every run.

    Returns:
        The figures of all parts.

    Raises:
        BioposeError: there is no such part, or one fails.
    """
    figures: dict[str, Any] = {}
    for name in chosen(list(PARTS), only):
        figures |= PARTS[name](data, folder, say)
    return figures
