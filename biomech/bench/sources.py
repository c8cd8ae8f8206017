"""What came from elsewhere: bodies, layouts, cameras, several people, moving cameras; each part a bench of its own.

A part is a function of the folder of films, a folder for its runs, what of it is wanted, and whom to tell; a row of
``PARTS`` makes it one of `biopose bench sources`. All of them take more than an hour: what a part found is written as
soon as it is found, and one that fails does not stop the others.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biomech.bench.cameras import bench_cameras
from biomech.bench.crossings import FILMS, POINTED, POINTS, bench_crossings
from biomech.bench.films import chosen
from biomech.bench.layouts import bench_layouts
from biomech.bench.mesh_sources import KINDS, bench_mesh_sources
from biomech.bench.moving_camera import SOURCES, bench_moving_camera
from biomech.bench.rendered_camera import bench_rendered_camera
from biomech.errors import BioposeError
from biomech.files import whole_file

Only = tuple[str, ...]
Say = Callable[[str], None]
Part = Callable[[Path, Path, Only, Say], dict[str, Any]]
VIDEO, RENDERED = "video", "rendered"


def _cameras(video: Path, folder: Path, only: Only, say: Say) -> dict[str, Any]:
    return bench_cameras(video, folder / "cameras", only=only, say=say)


def _layouts(video: Path, folder: Path, only: Only, say: Say) -> dict[str, Any]:
    return bench_layouts(video, folder, only=only, say=say)


def _meshes(video: Path, folder: Path, only: Only, say: Say) -> dict[str, Any]:
    return bench_mesh_sources(folder / "meshes", kinds=tuple(chosen(list(KINDS), only)), say=say)


def _people(video: Path, folder: Path, only: Only, say: Say) -> dict[str, Any]:
    kinds = chosen(["drawn", "points", *POINTED], only)
    return bench_crossings(
        video,
        folder / "people",
        films=FILMS if "drawn" in kinds else 0,
        points=POINTS if "points" in kinds else 0,
        filmed=[name for name in POINTED if name in kinds],
        say=say,
    )


def _moving(video: Path, folder: Path, only: Only, say: Say) -> dict[str, Any]:
    kinds = chosen([*SOURCES, RENDERED], only)
    films = tuple(name for name in SOURCES if name in kinds)
    figures = bench_moving_camera(video, folder / "moving", only=films, say=say) if films else {}
    rendered = bench_rendered_camera(folder / "moving" / RENDERED, say=say) if RENDERED in kinds else {}
    return figures | rendered


PARTS: dict[str, Part] = {
    "meshes": _meshes,
    "layouts": _layouts,
    "cameras": _cameras,
    "people": _people,
    "moving": _moving,
}


def bench_sources(data: Path, folder: Path, *, only: tuple[str, ...] = (), say: Say = lambda _: None) -> dict[str, Any]:
    """Run the parts.

    Args:
        data: the folder of the data, or its folder video.
        folder: where the runs go; may be that of other benches on film. Each part's figures are left there as
            ``sources_{part}.json``.
        only: names of parts, or their beginnings; of one film, set of cameras or kind within a part as ``PART/NAME``.
        say: told of every run.

    Returns:
        The figures of all parts; under ``notes``, if there are any, what was left out and why.

    Raises:
        BioposeError: there is no such part, or all that were asked for fail: the first one's error.
    """
    video = data / VIDEO if (data / VIDEO).is_dir() else data
    figures: dict[str, Any] = {}
    notes: list[str] = []
    failed: list[BioposeError] = []
    wanted = chosen(list(PARTS), tuple(one.partition("/")[0] for one in only))
    for name in wanted:
        try:
            found = PARTS[name](video, folder, _within(name, only), say)
        except BioposeError as error:
            failed.append(error)
            say(f"{name} failed: {error}")
            notes.append(f"{name} failed: {error}")
            continue
        with whole_file(folder / f"sources_{name}.json") as path:
            path.write_text(json.dumps(found, indent=1) + "\n")
        notes += found.pop("notes", [])
        figures |= found
    if len(failed) == len(wanted):
        raise failed[0]
    return figures | ({"notes": notes} if notes else {})


def _within(part: str, only: Only) -> Only:
    """What of a part is wanted; all of it where it is named alone."""
    said = [one.partition("/")[::2] for one in only]
    names = tuple(name for of, name in said if part.startswith(of))
    return () if "" in names else names
