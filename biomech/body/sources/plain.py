"""Parameters of SMPL, SMPL-H or SMPL-X under the usual names, and bare vertices: nothing says whose world it is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import BareSurface, Person, numbers, parameters
from biomech.errors import BioposeError

NAME = "parameters or vertices"
VERTICES = ("vertices", "verts", "pred_vertices", "v", "vertices_m")
POSES = ("poses", "pose", "fullpose", "full_pose", "body_pose", "pose_body", "rotmat")
RATES = ("rate_hz", "fps", "framerate", "frame_rate", "mocap_framerate", "mocap_frame_rate")
TIMES = ("time_s", "time", "timestamps")


def recognises(tree: Any) -> bool:
    """An array of vertices, or a dictionary that holds one, or a pose."""
    if isinstance(tree, np.ndarray):
        return tree.ndim in (2, 3, 4) and tree.shape[-1] == 3
    if not isinstance(tree, Mapping):
        return (
            isinstance(tree, list) and len(tree) > 0 and all(isinstance(one, Mapping) and _known(one) for one in tree)
        )
    return _known(tree) or _several(tree)


def _known(tree: Mapping[Any, Any]) -> bool:
    return bool(set(tree) & {*VERTICES, *POSES})


def _several(tree: Mapping[Any, Any]) -> bool:
    return bool(tree) and all(isinstance(one, Mapping) and _known(one) for one in tree.values())


def people(tree: Any, camera: str | None) -> list[Person]:
    """The one person, or those under their names or in the second dimension of an array.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    if isinstance(tree, np.ndarray):
        tree = {"vertices": tree}
    if isinstance(tree, list):
        tree = _stacked(tree)
    if not _known(tree):
        return [_person(str(name), one) for name, one in tree.items()]
    name = next((name for name in VERTICES if name in tree), None)
    if name is not None and np.ndim(tree[name]) == 4:
        rest = {key: value for key, value in tree.items() if key != name}
        array = np.asarray(tree[name])
        return [_person(str(k), {**rest, name: array[:, k]}) for k in range(array.shape[1])]
    return [_person("person", tree)]


def _stacked(frames: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A list with a dictionary for each frame, as one with arrays."""
    keys = set.intersection(*(set(one) for one in frames)) & {
        *VERTICES,
        *POSES,
        "global_orient",
        "root_orient",
        "betas",
        "trans",
        "transl",
    }
    try:
        return {key: np.stack([np.asarray(one[key], dtype=float) for one in frames]) for key in keys}
    except ValueError as error:
        raise BioposeError("the frames hold arrays of different shapes") from error


def _person(name: str, held: Mapping[str, Any]) -> Person:
    notes: list[str] = []
    rate = next((float(numbers(held[key], key).ravel()[0]) for key in RATES if key in held), None)
    times = next((numbers(held[key], key).ravel() for key in TIMES if key in held), None)
    place = next((key for key in VERTICES if key in held), None)
    body: Any
    if place is not None:
        array = np.asarray(held[place])
        if array.dtype.kind not in "fiu":
            raise BioposeError(f"{place} is no array of numbers")
        array = array[None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[-1] != 3:
            raise BioposeError(
                f"{place} has the shape {' × '.join(map(str, array.shape))} instead of frames × vertices × 3"
            )
        faces = held.get("faces", held.get("f"))
        body = BareSurface(array.astype(np.float32), faces=None if faces is None else np.asarray(faces))
    else:
        body, notes = parameters(held)
    if times is not None and len(times) != (
        len(body.vertices) if isinstance(body, BareSurface) else len(body.rotations)
    ):
        raise BioposeError(f"{len(times)} times for another number of frames")
    frames = numbers(held["frame_ids"], "frame_ids").ravel().astype(int) if "frame_ids" in held else None
    return Person(name, body, frames, None, None, "measured", rate_hz=rate, time_s=times, notes=notes)
