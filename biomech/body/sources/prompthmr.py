"""PromptHMR's results.pkl of a video: by person, SMPL-X in a world (Y up) and before the camera, with frame numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import Person, numbers, parameters
from biomech.errors import BioposeError

NAME = "PromptHMR"


def recognises(tree: Any) -> bool:
    """People, each with a body in the world or before the camera."""
    if not isinstance(tree, Mapping) or not isinstance(tree.get("people"), Mapping) or not tree["people"]:
        return False
    return all(isinstance(one, Mapping) and {"smplx_world", "smplx_cam"} & set(one) for one in tree["people"].values())


def people(tree: Any, camera: str | None) -> list[Person]:
    """As the file numbers them; in its world unless ``camera`` asks for the camera's axes.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    found = []
    focal = tree.get("camera", {}).get("img_focal")
    for name, held in tree["people"].items():
        in_camera = camera in ("camera", "weak") or "smplx_world" not in held
        if in_camera and "smplx_cam" not in held:
            raise BioposeError("the file has no bodies in the camera's axes", mend="Leave `camera` away.")
        body, notes = parameters(held["smplx_cam" if in_camera else "smplx_world"], body="smplx")
        frames = held.get("frames")
        number = None if frames is None else numbers(np.ravel(frames), "frames").astype(int)
        focal_px = None if focal is None else float(np.ravel(focal)[0])
        frame, up = ("camera", None) if in_camera else ("world", "y")
        found.append(Person(str(name), body, number, frame, up, "recovered", focal_px=focal_px, notes=notes))  # type: ignore[arg-type]
    return found
