"""A result against a truth that is known throughout: joints in mm, coordinates in degrees."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from biomech.angles import wrapped_deg
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.metrics import correlation, mpjpe_mm, pa_mpjpe_mm, range_of_motion
from biomech.kinematics.kinematics import Kinematics

LIMB_BONES = [side + bone for bone in ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot") for side in ("Left", "Right")]
COORDINATES = ("hip_flexion_r", "hip_flexion_l", "knee_angle_r", "knee_angle_l")


@dataclass(frozen=True)
class JointErrors:
    """Of the 12 limb joints (shoulder, elbow, wrist, hip, knee, ankle), mean over the clip."""

    pa_mpjpe_mm: float  # every frame turned, moved and scaled onto the truth
    mpjpe_mm: float  # every frame moved: hips onto hips


@dataclass(frozen=True)
class CoordinateError:
    """Of one coordinate over the clip, degrees."""

    mae_deg: float
    zero_mae_deg: float  # of a motion that stays at 0, for comparison
    range_deg: float
    true_range_deg: float
    correlation: float


def joint_errors(result: BodyMotion, truth: BodyMotion) -> JointErrors:
    """Of a recovered body at the truth's frames: as their cameras saw them, or else in the world that they share.

    Args:
        result: an Anny body.
        truth: an Anny body at the same frames, so that the two go frame by frame.

    Returns:
        Two mean distances (mm).
    """
    ours, true = limb_joints(result), limb_joints(truth)
    if result.camera is not None and truth.camera is not None:
        ours, true = result.camera.to_camera(ours), truth.camera.to_camera(true)
    hips = [LIMB_BONES.index("LeftUpLeg"), LIMB_BONES.index("RightUpLeg")]
    return JointErrors(pa_mpjpe_mm(ours, true), mpjpe_mm(ours, true, hips))


def coordinate_error(result: Kinematics, truth: Kinematics, name: str) -> CoordinateError:
    """Of a rotational coordinate that both have, at the same frames.

    Args:
        result: rad.
        truth: rad; row for row the same frames.
        name: of the coordinate, in both.

    Returns:
        Errors around the circle and ranges (degrees), and Pearson's r.
    """
    ours, true = np.degrees(result.column(name)), np.degrees(truth.column(name))
    return CoordinateError(
        mae_deg=float(np.abs(wrapped_deg(ours - true)).mean()),
        zero_mae_deg=float(np.abs(wrapped_deg(true)).mean()),
        range_deg=range_of_motion(ours),
        true_range_deg=range_of_motion(true),
        correlation=correlation(ours, true),
    )


def limb_joints(motion: BodyMotion) -> Float[np.ndarray, "frames 12 3"]:
    """Joint centres of the Anny body in the order of ``LIMB_BONES``, m."""
    body = AnnyBody.load([0])
    with torch.no_grad():
        rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32))
        rotations = torch.as_tensor(motion.rotations, dtype=torch.float32)
        root = torch.as_tensor(motion.root_position_m, dtype=torch.float32)
        joints = body.pose(rest, rotations, root).joints
    return joints[:, [body.bone_names.index(bone) for bone in LIMB_BONES]].double().numpy()
