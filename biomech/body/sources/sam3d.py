"""SAM 3D Body: vertices of the Momentum Human Rig about a place before the camera (x right, y down, z away), m; with
70 named points. A list of frames, each a list of the people in it, or one person's arrays stacked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import BareSurface, Person, listed, numbers
from biomech.errors import BioposeError

NAME = "SAM 3D Body"
NEEDED = {"pred_vertices", "pred_cam_t"}
# Of the 70 points those that lie on the body and not on a hand, by their places in that list.
POINTS = {
    **dict(zip(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), range(5), strict=True)),
    **{f"{side}_{name}": 5 + 2 * k + s for k, name in enumerate(("shoulder", "elbow", "hip", "knee", "ankle"))
       for s, side in enumerate(("left", "right"))},
    **{f"{side}_{name}": 15 + 3 * s + k for s, side in enumerate(("left", "right"))
       for k, name in enumerate(("foot_index", "small_toe", "heel"))},
    **{"right_wrist": 41, "left_wrist": 62},
}  # fmt: skip


def _people_of(frame: Any) -> list[Mapping[str, Any]] | None:
    if isinstance(frame, Mapping) and set(frame) >= NEEDED:
        return [frame]
    if isinstance(frame, Mapping) and isinstance(frame.get("people", frame.get("outputs")), list):
        frame = frame.get("people", frame.get("outputs"))
    if isinstance(frame, list) and all(isinstance(one, Mapping) and set(one) >= NEEDED for one in frame):
        return frame
    return None


def recognises(tree: Any) -> bool:
    """Vertices about a place before the camera."""
    if isinstance(tree, Mapping) and set(tree) >= NEEDED:
        return True
    if not isinstance(tree, Mapping | list) or not len(tree):
        return False
    found = [_people_of(frame) for frame in listed(tree)]
    return all(one is not None for one in found) and any(found)


def people(tree: Any, camera: str | None) -> list[Person]:
    """Where each frame holds one person, that one; of several, each goes on as whoever is nearest in the next frame.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    if isinstance(tree, Mapping) and set(tree) >= NEEDED and np.ndim(tree["pred_vertices"]) == 3:
        return [_person("person", [dict(tree)], None, stacked=True)]
    frames = [tree] if isinstance(tree, Mapping) and set(tree) >= NEEDED else listed(tree)
    tracks: list[list[tuple[int, Mapping[str, Any]]]] = []
    for number, frame in enumerate(frames):
        free = list(tracks)
        for one in _people_of(frame) or []:
            where = numbers(one["pred_cam_t"], "pred_cam_t").ravel()
            if where.shape != (3,):
                raise BioposeError("pred_cam_t is three numbers")
            known = [number_of(one)] if number_of(one) is not None else None
            near = [
                (float(np.linalg.norm(where - np.ravel(track[-1][1]["pred_cam_t"]))), k)
                for k, track in enumerate(free)
                if known is None or number_of(track[-1][1]) == known[0]
            ]
            if near and (known is not None or min(near)[0] < 1.0 + 0.1 * abs(where[2])):
                free.pop(min(near)[1]).append((number, one))
            else:
                tracks.append([(number, one)])
    return [
        _person(str(k), [dict(one) for _, one in track], np.array([number for number, _ in track]))
        for k, track in enumerate(tracks)
    ]


def number_of(person: Mapping[str, Any]) -> int | None:
    """Of the person's track, where the program kept one."""
    found = next((person[name] for name in ("track_id", "person_id", "obj_id") if name in person), None)
    return None if found is None else int(np.ravel(found)[0])


def _person(name: str, seen: list[dict[str, Any]], frames: np.ndarray | None, stacked: bool = False) -> Person:
    def every(key: str, last: tuple[int | None, ...]) -> np.ndarray:
        arrays = [numbers(one[key], key) for one in seen]
        found = (
            arrays[0]
            if stacked
            else np.stack(
                [
                    array.reshape(-1, *array.shape[-len(last) + 1 :]) if len(last) > 1 else array.reshape(-1)
                    for array in arrays
                ]
            )
        )
        return found.reshape(len(found), *(n if n is not None else -1 for n in last))

    place = every("pred_cam_t", (3,))
    vertices = every("pred_vertices", (None, 3)) + place[:, None]
    landmarks = None
    if all("pred_keypoints_3d" in one for one in seen):
        points = every("pred_keypoints_3d", (None, 3))
        if points.shape[1] == 70:
            landmarks = points[:, list(POINTS.values())] + place[:, None]
    focal = seen[0].get("focal_length")
    return Person(
        name,
        BareSurface(vertices.astype(np.float32), landmarks, list(POINTS) if landmarks is not None else []),
        frames,
        "camera",
        None,
        "recovered",
        focal_px=None if focal is None else float(numbers(focal, "focal_length").ravel()[0]),
    )
