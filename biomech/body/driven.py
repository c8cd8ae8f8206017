"""A body driven by coordinates of our OpenSim skeleton: the one way in for gait, squats and recordings alike.

``markers → scale → solve`` gives the coordinates back: this is the inverse of the pipeline's second half.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.linkage import bone_rotations, pose_of
from biomech.body.motion import BodyMotion

TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
# A foot of which nothing is lower than this above the lowest point of both carries no weight.
SOFT_M = 0.006
EVERY = 10  # vertex of the whole skin: a centimetre or two apart
IN_THE_AIR_M = 0.03  # both feet, if the coordinates have the pelvis so much higher than standing would


def driven(
    body: AnnyBody,
    shape: Float[np.ndarray, " shape"],
    names: list[str],
    values: Float[np.ndarray, "frames coordinates"],
    time_s: Float[np.ndarray, " frames"],
) -> BodyMotion:
    """The body moving as coordinates say, on the floor Y = 0.

    The feet decide where it goes: the sole that is lowest neither slides nor sinks, whatever the legs' length. Only
    where the coordinates have both feet in the air does the pelvis travel as they say. With all coordinates 0 the
    body stands upright, soles on the floor, facing +X.

    Args:
        body: any AnnyBody; its vertices do not matter.
        shape: of the person.
        names, values: coordinates of our skeleton, rad and m; those not named are as in the neutral posture, and
            without pelvis_tx, ty, tz both feet are never in the air.
        time_s: of the frames; taken over as they are.

    Returns:
        The motion (m; Y up), beginning with the root over the origin, all its frames of quality 1.
    """
    rotations = bone_rotations(body, shape, pose_of(names, values))
    soles = _soles(shape, rotations)
    root = np.zeros((len(values), 3))
    lowest = soles[..., 1].min(1)
    root[:, 1] = -lowest
    if all(name in names for name in TRANSLATIONS):
        said = values[:, [names.index(name) for name in TRANSLATIONS]]
        root[:, 1] += _flight(said[:, 1] - said[:, 1].min(), root[:, 1] - root[:, 1].min())
    root[:, [0, 2]] = _travel(soles, root[:, 1] + lowest)
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=root,
        shape=np.asarray(shape, dtype=float),
        shape_names=list(body.shape_names),
        time_s=time_s,
        quality=np.ones(len(time_s)),
    )


def borne_by_all(motion: BodyMotion) -> BodyMotion:
    """The same motion with what is lowest of the whole body on the floor Y = 0: soles, a back, hands.

    Args:
        motion: of an Anny body; only its root changes.

    Returns:
        A copy: what is lowest neither slides nor sinks. Begins with the root over the origin.
    """
    skin = _skinned(torch.arange(0, len(AnnyBody.load().vertices), EVERY), motion.shape, motion.rotations)
    level = _travel(skin, np.zeros(len(skin)))
    return replace(motion, root_position_m=np.insert(level, 1, -skin[..., 1].min(1), axis=1))


def with_soft_forearms(motion: BodyMotion) -> BodyMotion:
    """The same motion for the eye: forearms take half of the hands' turn about them, as skin does."""
    rotations = motion.rotations.copy()
    body = AnnyBody.load([0])
    with torch.no_grad():
        joints = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32)).joints.double().numpy()
    for side in ("Right", "Left"):
        fore, hand = (motion.bone_names.index(side + bone) for bone in ("ForeArm", "Hand"))
        along = joints[hand] - joints[fore]
        along /= np.linalg.norm(along)
        quaternion = Rotation.from_matrix(rotations[:, hand]).as_quat()
        twist = 2 * np.arctan2(quaternion[:, :3] @ along, quaternion[:, 3])
        half = Rotation.from_rotvec(wrapped(twist)[:, None] / 2 * along).as_matrix()
        rotations[:, fore] = rotations[:, fore] @ half
        rotations[:, hand] = np.swapaxes(half, 1, 2) @ rotations[:, hand]
    return replace(motion, rotations=rotations)


def _soles(
    shape: Float[np.ndarray, " shape"], rotations: Float[np.ndarray, "frames bones 3 3"]
) -> Float[np.ndarray, "frames points 3"]:
    """Points of both soles with the root joint at the origin."""
    whole = AnnyBody.load([0])
    vertices = torch.cat([whole.foot_vertices[name][::4] for name in ("sole_r", "sole_l")])
    return _skinned(vertices, shape, rotations)


def _skinned(
    vertices: torch.Tensor, shape: Float[np.ndarray, " shape"], rotations: Float[np.ndarray, "frames bones 3 3"]
) -> Float[np.ndarray, "frames points 3"]:
    """Points of the skin with the root joint at the origin."""
    some = AnnyBody.load(vertices)
    with torch.no_grad():
        rest = some.rest(torch.as_tensor(np.asarray(shape), dtype=torch.float32))
        posed = some.pose(rest, torch.as_tensor(rotations, dtype=torch.float32), torch.zeros(len(rotations), 3))
        return some.skin(rest, posed).double().numpy()


def _flight(
    said_m: Float[np.ndarray, " frames"], standing_m: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, " frames"]:
    """How far the body is above the floor, of a pelvis that goes up and down as is said."""
    above = said_m - standing_m
    above = above - np.median(above)
    return np.where(above > IN_THE_AIR_M, above, 0.0)


def _travel(soles: Float[np.ndarray, "frames points 3"], clearance_m: np.ndarray) -> Float[np.ndarray, "frames 2"]:
    """Where the root goes so that the lowest points of the soles stay where they are; in the air straight on."""
    if len(soles) < 2:
        return np.zeros((len(soles), 2))
    height = soles[..., 1] - soles[..., 1].min(1, keepdims=True)
    weight = np.exp(-np.maximum(height[1:], height[:-1]) / SOFT_M)
    weight /= weight.sum(1, keepdims=True)
    moved = -((soles[1:, :, [0, 2]] - soles[:-1, :, [0, 2]]) * weight[..., None]).sum(1)
    flying = np.maximum(clearance_m[1:], clearance_m[:-1]) > 1e-3
    at = np.arange(len(moved))
    if flying.any() and not flying.all():
        for axis in range(2):
            moved[flying, axis] = np.interp(at[flying], at[~flying], moved[~flying, axis])
    return np.concatenate([np.zeros((1, 2)), np.cumsum(moved, 0)])
