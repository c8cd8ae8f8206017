"""What CameraHMR, HMR 2.0 and their kin say of single pictures, gathered over a film: ``pred_smpl_params`` (matrices)
with a place before the camera, as one dictionary of stacked arrays or a list with one for each frame."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import Person, numbers, parameters
from biomech.errors import BioposeError

NAME = "CameraHMR or HMR 2.0"
PLACES = ("pred_cam_t_full", "cam_t_full", "cam_t", "pred_cam_t", "cam_trans", "trans", "transl")
WEAK = ("pred_cam_t",)  # of the crop's own lens


def _frames(tree: Any) -> list[Mapping[str, Any]] | None:
    entries = [tree] if isinstance(tree, Mapping) else tree if isinstance(tree, list) else []
    entries = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in entries]
    if not entries or not all(isinstance(one, Mapping) and "pred_smpl_params" in one for one in entries):
        return None
    return entries


def recognises(tree: Any) -> bool:
    """Predicted parameters of SMPL."""
    return _frames(tree) is not None


def people(tree: Any, camera: str | None) -> list[Person]:
    """The one person; several in a picture are not told apart, and refused.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    entries = _frames(tree)
    assert entries is not None
    held: dict[str, Any] = {}
    for name in ("global_orient", "body_pose", "betas"):
        parts = [np.asarray(one["pred_smpl_params"][name], dtype=float) for one in entries]
        if name == "betas":
            parts = [part.reshape(-1, part.shape[-1]) for part in parts]
        else:
            parts = [part.reshape(-1, {"global_orient": 1, "body_pose": 23}[name], 3, 3) for part in parts]
        if len(entries) > 1 and any(len(part) != 1 for part in parts):
            raise BioposeError(
                "several people in a picture, who are not told apart from frame to frame",
                mend="Give one person's results alone, or track them (4D-Humans does).",
            )
        held[name] = np.concatenate(parts)
    place = next((name for name in PLACES if all(name in one for one in entries)), None)
    if place is not None:
        held["trans"] = np.concatenate([np.asarray(one[place], dtype=float).reshape(-1, 3) for one in entries])
    body, notes = parameters(held, body="smpl", place=("trans",))
    focal = entries[0].get("focal_length", entries[0].get("scaled_focal_length"))
    focal_px = None if focal is None else float(numbers(focal, "focal_length").ravel()[0])
    weak = place is None or (place in WEAK and focal is None) or camera == "weak"
    return [
        Person("person", body, None, "camera", None, "weak" if weak else "recovered", focal_px=focal_px, notes=notes)
    ]
