"""A recorded skeleton's motion on our body: segment by segment, by directions that both rest poses share.

Recorded and own skeleton rest in different poses (a T, an A) and have different lengths. The world rotation of each of
our segments is the recorded one times a constant that brings our rest pose to the recorded zero pose: thigh and upper
arm by their direction and the hinge below them, shank and forearm likewise, the foot by its sole, the hand by fingers
and thumb; trunk, head and collars rest alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError

LONGEST_LEG_M = 3.0
LEAST_ACROSS = 1e-3  # sine between a limb and its hinge
Turns = Float[np.ndarray, "frames 3 3"]
SIDES = (("Right", 1.0), ("Left", -1.0))
FORWARD, UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
# How far the floor of a recording may slope: in CMU's it does by about 2 cm per metre. Steeper, and they climbed.
STEEPEST = 0.03
STANDING_SHARE = 0.4  # of the frames have a sole on the floor or below it: toes, stiff here, go into it at push-off


@dataclass(frozen=True)
class Limbs:
    """Directions of one side's limbs in the recording's zero pose; body axes (X forward, Y up, Z right)."""

    thigh: Float[np.ndarray, "3"]
    shank: Float[np.ndarray, "3"]
    knee_axis: Float[np.ndarray, "3"]  # flexion is a positive turn about it
    toes: Float[np.ndarray, "3"]  # along the sole
    sole_up: Float[np.ndarray, "3"]
    upper_arm: Float[np.ndarray, "3"]
    forearm: Float[np.ndarray, "3"]
    elbow_axis: Float[np.ndarray, "3"]
    fingers: Float[np.ndarray, "3"]
    thumb: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class RecordedMotion:
    """A recorded motion, under our bones' names."""

    trunk: dict[str, Turns]  # Hips in the world, then relative to the bone below: LowerBack, Spine, … Head
    limbs: dict[str, Turns]  # world: RightUpLeg, RightLeg, RightFoot, RightArm, RightForeArm, RightHand, Left…
    zero: dict[str, Limbs]  # "Right", "Left"
    hips_m: Float[np.ndarray, "frames 3"]  # midpoint of the hip joints in the world
    leg_m: float  # hip to knee to ankle
    rate_hz: float
    trusted: Float[np.ndarray, " frames"]


def retarget(recording: RecordedMotion, body: AnnyBody, shape: Float[torch.Tensor, " shape"]) -> BodyMotion:
    """The motion on a body of the given shape.

    The hips travel as recorded, scaled by the length of the leg; the soles stand on Y = 0, by one constant for the
    whole motion and a slope of the recorded floor. A turn of the hand about the forearm is halved between them.

    Args:
        recording: the motion, under our bones' names.
        body: Anny's, any vertices.
        shape: of the person to move.

    Returns:
        The motion (m; Y up), beginning over the origin; ``quality`` is the recording's ``trusted``.

    Raises:
        BioposeError: the recording holds what is no number, or a skeleton without legs.
    """
    parts = [*recording.trunk.values(), *recording.limbs.values(), recording.hips_m]
    if not all(np.isfinite(part).all() for part in parts) or not 0 < recording.leg_m < LONGEST_LEG_M:
        raise BioposeError("the recording holds turns or places that cannot be a body's")
    with torch.no_grad():
        rest = body.rest(shape)
    joints = dict(zip(body.bone_names, rest.joints.double().numpy(), strict=True))
    frames = len(recording.hips_m)
    ours = {bone: np.tile(np.eye(3), (frames, 1, 1)) for bone in body.bone_names} | recording.trunk
    chest = ours["Hips"] @ ours["LowerBack"] @ ours["Spine"] @ ours["Spine1"]
    for side, _ in SIDES:
        _leg(ours, recording.limbs, recording.zero[side], joints, side)
        _arm(ours, recording.limbs, recording.zero[side], joints, side, chest)
    rotations = np.stack([ours[bone] for bone in body.bone_names], 1)

    thigh, shank = joints["RightLeg"] - joints["RightUpLeg"], joints["RightFoot"] - joints["RightLeg"]
    leg = np.linalg.norm(thigh) + np.linalg.norm(shank)
    middle = (joints["RightUpLeg"] + joints["LeftUpLeg"]) / 2 - joints["Hips"]
    root = recording.hips_m * (leg / recording.leg_m) - ours["Hips"] @ middle
    root[:, 1] -= _floor_height(body, shape, rotations, root)
    root[:, [0, 2]] -= root[0, [0, 2]].copy()
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=root,
        shape=shape.detach().numpy(),
        shape_names=list(body.shape_names),
        time_s=np.arange(frames) / recording.rate_hz,
        quality=recording.trusted,
    )


def half(rotations: Turns) -> Turns:
    """Half of each turn."""
    return Rotation.from_rotvec(Rotation.from_matrix(rotations).as_rotvec() / 2).as_matrix()


def between(parent: Turns, child: Turns) -> Turns:
    """The child's rotation relative to its parent, from both in the world.

    Args:
        parent, child: world from bone.

    Returns:
        Parent from child.
    """
    return np.swapaxes(parent, -1, -2) @ child


def mirrored(vector: Float[np.ndarray, "3"], sign: float) -> Float[np.ndarray, "3"]:
    """A direction of the right side on either side (sign −1: left).

    Args:
        vector: of the right side, body axes (Z right).
        sign: 1: right, −1: left.

    Returns:
        The direction on that side.
    """
    return vector * [1.0, 1.0, sign]


def _frame(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    first = along / np.linalg.norm(along)
    third = np.cross(first, across)
    size = np.linalg.norm(third)
    if not size > LEAST_ACROSS:
        raise BioposeError("the recording's skeleton is none of a body: a limb points along its own hinge")
    third /= size
    return np.stack((first, np.cross(third, first), third), 1)


def _turn(from_along: np.ndarray, from_across: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The rotation that takes one direction to the other exactly, and the second pair as near as it can."""
    return _frame(along, across) @ _frame(from_along, from_across).T


def _leg(ours: dict, world: dict, zero: Limbs, joints: dict, side: str) -> None:
    flexion = np.array([0.0, 0.0, -1.0])  # our knee's axis at rest
    thigh = joints[f"{side}Leg"] - joints[f"{side}UpLeg"]
    shank = joints[f"{side}Foot"] - joints[f"{side}Leg"]
    toes = joints[f"{side}ToeBase"] - joints[f"{side}Foot"]
    upper = world[f"{side}UpLeg"] @ _turn(thigh, flexion, zero.thigh, zero.knee_axis)
    lower = world[f"{side}Leg"] @ _turn(shank, flexion, zero.shank, zero.knee_axis)
    # Our soles rest flat, the toes turned out.
    foot = world[f"{side}Foot"] @ _turn(toes * [1, 0, 1], UP, zero.toes, zero.sole_up)
    ours[f"{side}UpLeg"] = between(ours["Hips"], upper)
    ours[f"{side}Leg"] = between(upper, lower)
    ours[f"{side}Foot"] = between(lower, foot)


def _arm(ours: dict, world: dict, zero: Limbs, joints: dict, side: str, chest: Turns) -> None:
    upper_arm = joints[f"{side}ForeArm"] - joints[f"{side}Arm"]
    forearm = joints[f"{side}Hand"] - joints[f"{side}ForeArm"]
    fingers = joints[f"{side}HandFinger1"] - joints[f"{side}Hand"]
    thumb = joints[f"{side[0]}Thumb"] - joints[f"{side}Hand"]
    flexion = np.cross(upper_arm, forearm)
    upper = world[f"{side}Arm"] @ _turn(upper_arm, flexion, zero.upper_arm, zero.elbow_axis)
    lower = world[f"{side}ForeArm"] @ _turn(forearm, flexion, zero.forearm, zero.elbow_axis)
    hand = world[f"{side}Hand"] @ _turn(fingers, thumb, zero.fingers, zero.thumb)
    along = forearm / np.linalg.norm(forearm)
    quaternion = Rotation.from_matrix(between(lower, hand)).as_quat()
    twist = 2 * np.arctan2(quaternion[:, :3] @ along, quaternion[:, 3])
    twist = wrapped(twist)
    lower = lower @ Rotation.from_rotvec(twist[:, None] / 2 * along).as_matrix()
    ours[f"{side}Arm"] = between(chest @ ours[f"{side}Shoulder"], upper)
    ours[f"{side}ForeArm"] = between(upper, lower)
    ours[f"{side}Hand"] = between(lower, hand)


def _floor_height(
    body: AnnyBody, shape: torch.Tensor, rotations: np.ndarray, root: np.ndarray
) -> Float[np.ndarray, " frames"]:
    """Height of the recorded floor below the root: a plane fitted to the lower sole of every frame."""
    soles = AnnyBody.load(torch.cat((body.foot_vertices["sole_r"][::8], body.foot_vertices["sole_l"][::8])))
    with torch.no_grad():
        rest = soles.rest(shape)
        posed = soles.pose(rest, torch.tensor(rotations).float(), torch.tensor(root).float())
        lowest = soles.skin(rest, posed)[..., 1].amin(1).numpy()
    away = root[:, [0, 2]] - root[:, [0, 2]].mean(0)
    # A ridge: who stays in place says nothing about the slope.
    slope = np.linalg.solve(away.T @ away + len(away) * 0.1 * np.eye(2), away.T @ (lowest - lowest.mean()))
    slope *= min(1.0, STEEPEST / max(float(np.linalg.norm(slope)), 1e-9))
    return away @ slope + np.quantile(lowest - away @ slope, STANDING_SHARE)
