"""Walking with known joint angles, for pictures and films whose truth is exact.

Sagittal angles of hip, knee and ankle over the gait cycle: natural cadence in D. A. Winter, "The Biomechanics and Motor
Control of Human Gait" (2nd ed. 1991), read off to whole degrees at a few knots. Arms: M. P. Murray et al., "Patterns
of sagittal rotation of the upper limbs in walking", Phys Ther 47 (1967). Pelvis and trunk: M. P. Murray et al.,
"Walking patterns of normal men", J Bone Joint Surg Am 46 (1964); their curves are reduced to one harmonic.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion

# Per cent of the cycle, from heel strike to the next of the same foot, and degrees there.
HIP_FLEXION = {0: 21, 8: 20, 20: 12, 35: -4, 50: -11, 60: -4, 70: 11, 80: 20, 88: 22}
KNEE_FLEXION = {0: 3, 7: 11, 15: 18, 27: 14, 40: 7, 50: 13, 60: 37, 71: 64, 80: 53, 90: 16, 96: 2}
ANKLE_DORSIFLEXION = {0: 0, 6: -4, 18: 2, 32: 7, 45: 10, 54: -2, 62: -19, 70: -8, 80: 0, 92: 1}
TOE_EXTENSION = {0: 8, 9: 0, 20: 0, 37: 0, 50: 14, 60: 30, 70: 12, 80: 5, 92: 8}
STANCE_SHARE = 0.62
# One harmonic each, degrees; the phase counts from the heel strike of the right foot, or of the arm's own side.
PELVIS_ROTATION, PELVIS_LIST, TRUNK_ROTATION = 5.0, 3.5, 4.0
ARM_FLEXION_MEAN, ARM_FLEXION_SWING, ELBOW_FLEXION_MEAN, ELBOW_FLEXION_SWING = -5.0, 16.0, 28.0, 11.0
LEG_ADDUCTION, ARM_ABDUCTION = 3.0, 8.0

CYCLE_STEPS = 240  # at which one cycle's travel is worked out
HARMONICS = 5  # of the travel that are kept: a pelvis moves smoothly
SOFT_M = 0.004  # points of the sole that are higher than the lowest by more carry no weight


def joint_angles(phase: Float[np.ndarray, " frames"]) -> dict[str, Float[np.ndarray, " frames"]]:
    """Sagittal angles of one side in radians, OpenSim's signs; the phase counts cycles since its heel strike."""
    swing = np.cos(2 * np.pi * phase)
    return {
        "hip_flexion": _curve(HIP_FLEXION, phase),
        "knee_angle": _curve(KNEE_FLEXION, phase),
        "ankle_angle": _curve(ANKLE_DORSIFLEXION, phase),
        "mtp_extension": _curve(TOE_EXTENSION, phase),
        "arm_flex": np.radians(ARM_FLEXION_MEAN - ARM_FLEXION_SWING * swing),
        "elbow_flex": np.radians(ELBOW_FLEXION_MEAN - ELBOW_FLEXION_SWING * swing),
    }


def walk(
    body: AnnyBody,
    shape: Float[torch.Tensor, " shape"],
    *,
    seconds: float = 4.0,
    rate_hz: float = 30.0,
    speed_m_s: float = 1.2,
    heading_rad: float = 0.0,
) -> BodyMotion:
    """The body walking straight on over the origin, which it passes at half time.

    The angles are the same at any speed: they and the legs give the length of a stride, and that and the speed the
    cadence. The root travels so that the standing foot stays where it is.

    Args:
        body: Anny's, any vertices.
        shape: of the person.
        seconds: how long the film is.
        rate_hz: frames a second.
        speed_m_s: mean speed of the root.
        heading_rad: 0 walks along X (towards the camera), π/2 along −Z.

    Returns:
        The motion (m; Y up, floor at Y = 0) from 0 s on, all its frames of quality 1.
    """
    with torch.no_grad():
        rest = body.rest(shape)
    joints = dict(zip(body.bone_names, rest.joints.double().numpy(), strict=True))
    cycle = np.arange(CYCLE_STEPS) / CYCLE_STEPS
    stride_m, sway = _travel(body, shape, _rotations(body.bone_names, joints, cycle), cycle)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = time_s * speed_m_s / stride_m
    root = np.stack([_periodic(column, phase) for column in sway.T], 1)
    root[:, 0] += stride_m * (phase - phase[-1] / 2)
    rotations = _rotations(body.bone_names, joints, phase)
    turn = Rotation.from_euler("y", heading_rad).as_matrix()
    rotations[:, 0] = turn @ rotations[:, 0]
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=root @ turn.T,
        shape=shape.detach().numpy().astype(float),
        shape_names=list(body.shape_names),
        time_s=time_s,
        quality=np.ones(len(time_s)),
    )


def _curve(knots: dict[int, int], phase: np.ndarray) -> np.ndarray:
    at, degrees = [*knots, 100], [*knots.values(), knots[0]]
    return np.radians(CubicSpline(np.divide(at, 100), degrees, bc_type="periodic")(phase % 1.0))


def _rotations(
    bone_names: list[str], joints: dict[str, np.ndarray], phase: np.ndarray
) -> Float[np.ndarray, "frames bones 3 3"]:
    """Of every bone relative to its parent, walking along X."""
    # The world rotations first; a bone without one of its own keeps to its parent.
    ours = {bone: np.tile(np.eye(3), (len(phase), 1, 1)) for bone in bone_names}
    swing, sideways = np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)
    pelvis = _about("y", np.radians(PELVIS_ROTATION) * swing) @ _about("x", -np.radians(PELVIS_LIST) * sideways)
    trunk = _about("y", -np.radians(TRUNK_ROTATION) * swing)
    ours["Hips"] = pelvis
    third = Rotation.from_rotvec(Rotation.from_matrix(_in_parent(pelvis, trunk)).as_rotvec() / 3).as_matrix()
    ours["LowerBack"] = ours["Spine"] = ours["Spine1"] = third
    ours["Neck"] = _in_parent(trunk, np.eye(3))
    for side, sign, ahead in (("Right", 1.0, 0.0), ("Left", -1.0, 0.5)):
        angles = joint_angles(phase + ahead)
        thigh = _about("z", angles["hip_flexion"])
        shank = thigh @ _about("z", -angles["knee_angle"])
        foot = shank @ _about("z", angles["ankle_angle"])
        adduction = np.radians(LEG_ADDUCTION)
        down, outwards = np.array([0, -np.cos(adduction), -sign * np.sin(adduction)]), np.array([0.0, 0.0, 1.0])
        thigh = thigh @ _onto(joints, f"{side}UpLeg", f"{side}Leg", outwards, down, outwards)
        shank = shank @ _onto(joints, f"{side}Leg", f"{side}Foot", outwards, down, outwards)
        ours[f"{side}UpLeg"] = _in_parent(pelvis, thigh)
        ours[f"{side}Leg"] = _in_parent(thigh, shank)
        ours[f"{side}Foot"] = _in_parent(shank, foot)
        ours[f"{side}ToeBase"] = _about("z", angles["mtp_extension"])

        abduction = np.radians(ARM_ABDUCTION)
        down = np.array([0, -np.cos(abduction), sign * np.sin(abduction)])
        hinge = np.cross(
            joints[f"{side}ForeArm"] - joints[f"{side}Arm"], joints[f"{side}Hand"] - joints[f"{side}ForeArm"]
        )
        upper = _about("z", angles["arm_flex"])
        fore = upper @ _about("z", angles["elbow_flex"])
        upper = trunk @ upper @ _onto(joints, f"{side}Arm", f"{side}ForeArm", hinge, down, outwards)
        fore = trunk @ fore @ _onto(joints, f"{side}ForeArm", f"{side}Hand", hinge, down, outwards)
        ours[f"{side}Arm"] = _in_parent(trunk, upper)
        ours[f"{side}ForeArm"] = _in_parent(upper, fore)
    return np.stack([ours[bone] for bone in bone_names], 1)


def _travel(
    body: AnnyBody, shape: torch.Tensor, rotations: Float[np.ndarray, "steps bones 3 3"], cycle: np.ndarray
) -> tuple[float, Float[np.ndarray, "steps 3"]]:
    """Length of a stride and, over the cycle, where the root is besides its steady walk.

    The points of the soles that carry weight do not move; the lowest is on the floor.
    """
    feet = [AnnyBody.load(torch.cat([body.foot_vertices[f"{p}_{s}"] for p in ("heel", "ball", "toe")])) for s in "rl"]
    velocity, weights, lowest = [], [], []
    for foot, ahead in zip(feet, (0.0, 0.5), strict=True):
        with torch.no_grad():
            rest = foot.rest(shape)
            posed = foot.pose(rest, torch.tensor(rotations).float(), torch.zeros(len(cycle), 3))
            soles = foot.skin(rest, posed).double().numpy()
        moving = (np.roll(soles, -1, 0) - np.roll(soles, 1, 0)) * len(cycle) / 2  # per cycle
        height = soles[..., 1]
        within = ((cycle + ahead) % 1.0) / STANCE_SHARE
        loaded = np.clip(np.minimum(within, 1 - within) / 0.12, 0, 1)
        velocity.append(moving)
        weights.append(loaded[:, None] * np.exp(-(height - height.min(1, keepdims=True)) / SOFT_M))
        lowest.append(height.min(1))
    share = np.concatenate(weights, 1)
    share /= share.sum(1, keepdims=True)
    speed = -(np.concatenate(velocity, 1) * share[..., None]).sum(1)
    stride = float(speed[:, 0].mean())
    forward = np.cumsum(speed[:, 0] - stride) / len(cycle)
    right = np.cumsum(speed[:, 2] - speed[:, 2].mean()) / len(cycle)
    sway = np.stack((forward - forward.mean(), -np.minimum(*lowest), right - right.mean()), 1)
    return stride, np.stack([_periodic(column, cycle) for column in sway.T], 1)


def _periodic(values: Float[np.ndarray, " steps"], phase: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """The lowest harmonics of one cycle of values, at any phase."""
    spectrum = np.fft.rfft(values)[: HARMONICS + 1] / len(values)
    spectrum[1:] *= 2
    return (spectrum * np.exp(2j * np.pi * phase[:, None] * np.arange(HARMONICS + 1))).real.sum(1)


def _about(axis: str, angles: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "frames 3 3"]:
    return Rotation.from_rotvec(angles[:, None] * np.eye(3)["xyz".index(axis)]).as_matrix()


def _in_parent(parent: np.ndarray, child: np.ndarray) -> np.ndarray:
    return np.swapaxes(parent, -1, -2) @ child


def _onto(
    joints: dict[str, np.ndarray], bone: str, end: str, across: np.ndarray, along_to: np.ndarray, across_to: np.ndarray
) -> Float[np.ndarray, "3 3"]:
    """Takes the resting bone exactly to a direction, and what lies across it as near as possible to another."""
    along = joints[end] - joints[bone]
    return Rotation.align_vectors([along_to, across_to], [along, across], weights=[np.inf, 1.0])[0].as_matrix()
