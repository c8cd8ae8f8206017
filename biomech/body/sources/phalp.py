"""4D-Humans' and TokenHMR's tracks (PHALP's .pkl): frame by frame, the people seen there, SMPL as rotation matrices.

The place is that of a lens of a focal length far too long (5000 px for a crop of 256), which stands for a weak
perspective: sideways it is right, along the line of sight only as far as the person's size in the picture says.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import Parameters, Person, numbers, one_shape, vectors
from biomech.errors import BioposeError

NAME = "4D-Humans or TokenHMR"
CROP_FOCAL = 5000 / 256  # px per px of the picture's longer side
KEYS = {"smpl", "camera", "tid"}


def recognises(tree: Any) -> bool:
    """Frames with people, numbers of their tracks and cameras."""
    if not isinstance(tree, Mapping) or not tree:
        return False
    return all(isinstance(one, Mapping) and set(one) >= KEYS for one in tree.values())


def people(tree: Any, camera: str | None) -> list[Person]:
    """By the numbers of their tracks; a frame in which a track is only foretold does not count.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    tracks: dict[int, list[tuple[int, Mapping[str, Any], np.ndarray]]] = {}
    size = None
    for order, held in enumerate(tree.values()):
        time = held.get("time", order)
        number = int(np.ravel(time)[0]) if np.size(time) == 1 else order
        ghosts = held.get("tracked_time") or [0] * len(held["tid"])
        for place, track in enumerate(held["tid"]):
            if place >= len(held["smpl"]) or place >= len(held["camera"]) or (place < len(ghosts) and ghosts[place]):
                continue
            where = numbers(held["camera"][place], "the camera").ravel()
            if where.shape != (3,):
                raise BioposeError("a camera of PHALP is three numbers")
            tracks.setdefault(int(np.ravel(track)[0]), []).append((number, held["smpl"][place], where))
            if size is None and held.get("size") is not None and len(held["size"]) > place:
                height, width = np.ravel(held["size"][place])[:2]
                size = (int(width), int(height))
    return [_person(track, seen, size) for track, seen in sorted(tracks.items())]


def _person(track: int, seen: list[tuple[int, Mapping[str, Any], np.ndarray]], size: tuple[int, int] | None) -> Person:
    def every(name: str) -> list[np.ndarray]:
        if not all(isinstance(body, Mapping) and name in body for _, body, _ in seen):
            raise BioposeError(f"a body without {name}")
        return [np.asarray(body[name]) for _, body, _ in seen]

    root = vectors(np.stack([one.reshape(1, 3, 3) for one in every("global_orient")]), "global_orient", (1,))
    rest = vectors(np.stack([one.reshape(-1, 3, 3) for one in every("body_pose")]), "body_pose", (23,))
    betas, notes = one_shape(np.stack([one.ravel() for one in every("betas")]))
    body = Parameters("smpl", "neutral", np.concatenate([root, rest], 1), np.stack([w for *_, w in seen]), betas)
    focal = None if size is None else CROP_FOCAL * max(size)
    frames = np.array([number for number, *_ in seen])
    return Person(str(track), body, frames, "camera", None, "weak", focal_px=focal, size_px=size, notes=notes)
