"""Which joints of a limb lie behind another part of the same body, as the lens sees it."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.mesh.chain import Chain, joint_positions

# Parts that may hide, from joint to joint of Anny, radius in statures; thin, so that what is said to be hidden is.
PARTS = {
    "trunk": (("LeftUpLeg", "LeftArm", 0.055), ("RightUpLeg", "RightArm", 0.055), ("Hips", "Neck", 0.06)),
    "head": (("Neck1", "Head", 0.045),),
    "left thigh": (("LeftUpLeg", "LeftLeg", 0.035),),
    "right thigh": (("RightUpLeg", "RightLeg", 0.035),),
    "left shank": (("LeftLeg", "LeftFoot", 0.022),),
    "right shank": (("RightLeg", "RightFoot", 0.022),),
    "left arm": (("LeftArm", "LeftForeArm", 0.02), ("LeftForeArm", "LeftHand", 0.018)),
    "right arm": (("RightArm", "RightForeArm", 0.02), ("RightForeArm", "RightHand", 0.018)),
}
# A joint, and the parts of its own limb, which do not hide it.
JOINTS = {
    f"{side} {name}": (f"{side.title()}{bone}", tuple(own.format(side) for own in parts))
    for side in ("left", "right")
    for name, bone, parts in (
        ("elbow", "ForeArm", ("{} arm",)),
        ("wrist", "Hand", ("{} arm",)),
        ("knee", "Leg", ("{} thigh", "{} shank")),
        ("ankle", "Foot", ("{} shank",)),
    )
}
BONES = sorted(
    {end for pieces in PARTS.values() for piece in pieces for end in piece[:2]} | {b for b, _ in JOINTS.values()}
)
BALLS = 7  # along each part
BEHIND_M = 0.08  # of the part's near surface: a joint lies some 4 cm below its own skin


def joints_m(motion: BodyMotion) -> Float[np.ndarray, "frames bones 3"]:
    """Joints of all bones (m, world) of a motion of Anny."""
    body = AnnyBody.load([0])
    with torch.no_grad():
        rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32)).joints.double().numpy()
    turned = Chain(body.parents, body.bone_names).globals(motion.rotations)
    return joint_positions(body.parents, rest, turned, motion.root_position_m)


def behind(motion: BodyMotion) -> dict[str, Bool[np.ndarray, " frames"]]:
    """In which frames each joint of ``JOINTS`` lies behind a part that is not of its own limb.

    Args:
        motion: of Anny, with the camera that saw it; one that turns has ``camera_turns``, which change nothing here.

    Returns:
        By joint; empty without a camera.
    """
    if motion.camera is None:
        return {}
    joints = motion.camera.to_camera(joints_m(motion))
    with torch.no_grad():
        body = AnnyBody.load([0])
        stature = float(body.stature(torch.as_tensor(motion.shape, dtype=torch.float32)))
    return hidden({name: joints[:, k] for k, name in enumerate(motion.bone_names)}, stature)


def hidden(
    joints: Mapping[str, Float[np.ndarray, "frames 3"]], stature_m: float
) -> dict[str, Bool[np.ndarray, " frames"]]:
    """``behind``, of joints that are placed already.

    Args:
        joints: of ``BONES`` at least, seen from the lens: m, from it, in any axes.
        stature_m: of the person.

    Returns:
        By joint of ``JOINTS``.
    """
    along = ((np.arange(BALLS) + 0.5) / BALLS)[:, None]
    found = {}
    for name, (bone, own) in JOINTS.items():
        reach = np.linalg.norm(joints[bone], axis=-1)[:, None]
        ray = joints[bone] / reach
        covered = np.zeros(len(ray), bool)
        for part, pieces in PARTS.items():
            if part in own:
                continue
            for first, second, radius in pieces:
                begin, end = (joints[end][:, None] for end in (first, second))
                balls = begin + along * (end - begin)
                depth = np.einsum("fbi,fi->fb", balls, ray)
                inside = (radius * stature_m) ** 2 - (np.square(balls).sum(-1) - depth**2)
                near = depth - np.sqrt(np.maximum(inside, 0.0))
                covered |= ((inside > 0) & (near < reach - BEHIND_M)).any(1)
        found[name] = covered
    return found
