"""WHAM's wham_output.pkl: by person, SMPL rotation vectors in its world (Y up) and in the camera's axes; no rate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import BareSurface, Person, numbers, parameters

NAME = "WHAM"


def recognises(tree: Any) -> bool:
    """People with a pose in the world and one before the camera."""
    if not isinstance(tree, Mapping) or not tree:
        return False
    return all(isinstance(one, Mapping) and {"pose_world", "trans_world", "betas"} <= set(one) for one in tree.values())


def people(tree: Any, camera: str | None) -> list[Person]:
    """As the file numbers them; in its world unless ``camera`` asks for the camera's axes.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    found = []
    for name, held in tree.items():
        in_camera = camera in ("camera", "weak")
        if in_camera and held.get("verts") is not None:  # which needs no model
            vertices = numbers(held["verts"], "verts", (None, 6890, 3)).astype(np.float32)
            found.append(Person(str(name), BareSurface(vertices), _frames(held), "camera", None, "recovered"))
            continue
        keys = ("pose", "trans") if in_camera else ("pose_world", "trans_world")
        body, notes = parameters(held, body="smpl", root=(), pose=(), whole=keys[:1], place=keys[1:])
        frame, up = ("camera", None) if in_camera else ("world", "y")
        found.append(Person(str(name), body, _frames(held), frame, up, "recovered", notes=notes))  # type: ignore[arg-type]
    return found


def _frames(held: Mapping[str, Any]) -> np.ndarray | None:
    frames = held.get("frame_ids")
    return None if frames is None else numbers(np.ravel(frames), "frame_ids").astype(int)
