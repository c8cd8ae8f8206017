"""A body driven by coordinates of our OpenSim skeleton: the one way in for gait, squats and recordings alike.

``markers → scale → solve`` gives the coordinates back: this is the inverse of the pipeline's second half.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from biomech.angles import wrapped
from biomech.body.anny import AnnyBody
from biomech.body.linkage import bone_rotations, pose_of
from biomech.body.motion import BodyMotion

TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
# A foot of which nothing is lower than this above the lowest point of both carries no weight.
SOFT_M = 0.006
LEAST_PELVIS_M = 0.3  # above the floor, by the coordinates: to tell how long their legs are
EVERY = 10  # vertex of the whole skin: a centimetre or two apart
# By how much a point of a sole may have the pelvis go otherwise than the coordinates say; and what these count
# themselves, where there is no such point.
AGREES_M_S, SAID = 0.4, 1e-4
STEADY_S = 0.06  # over which the feet's word is taken
IN_THE_AIR_M = 0.03  # both feet, if the coordinates have the pelvis so much higher than standing would


def driven(
    body: AnnyBody,
    shape: Float[np.ndarray, " shape"],
    names: list[str],
    values: Float[np.ndarray, "frames coordinates"],
    time_s: Float[np.ndarray, " frames"],
) -> BodyMotion:
    """The body moving as coordinates say, on the floor Y = 0.

    The feet decide where it goes, whatever the legs' length: the lowest sole does not sink, and of the low ones that
    neither slides which goes with the coordinates' own way. (On a body of other proportions the foot that swings by is
    often the lower one: alone it would hold the body on the spot, or carry it backwards.) Only where the coordinates
    have both feet in the air does the pelvis travel as they say. With all coordinates 0 the body stands upright, soles
    on the floor, facing +X.

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
    way = None
    if all(name in names for name in TRANSLATIONS):
        said = values[:, [names.index(name) for name in TRANSLATIONS]]
        way = said[:, [0, 2]] * float(np.median(root[:, 1]) / max(np.median(said[:, 1]), LEAST_PELVIS_M))
        root[:, 1] += _flight(said[:, 1] - said[:, 1].min(), root[:, 1] - root[:, 1].min())
    root[:, [0, 2]] = _travel(soles, root[:, 1] + lowest, way, time_s)
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


def _travel(
    soles: Float[np.ndarray, "frames points 3"],
    clearance_m: Float[np.ndarray, " frames"],
    way_m: Float[np.ndarray, "frames 2"] | None = None,
    time_s: Float[np.ndarray, " frames"] | None = None,
) -> Float[np.ndarray, "frames 2"]:
    """Where the root goes so that low points of the soles stay where they are; in the air straight on.

    Args:
        soles: about the root.
        clearance_m: of the lowest point above the floor.
        way_m: of the pelvis, as is said: of the low points those count that go with it. None: all.
        time_s: of the frames, for the way.

    Returns:
        From 0.
    """
    if len(soles) < 2:
        return np.zeros((len(soles), 2))
    height = soles[..., 1] - soles[..., 1].min(1, keepdims=True)
    weight = np.exp(-np.maximum(height[1:], height[:-1]) / SOFT_M)
    by_point = soles[:-1, :, [0, 2]] - soles[1:, :, [0, 2]]
    said, its_weight = np.zeros((len(weight), 2)), 0.0
    if way_m is not None and time_s is not None:
        said, its_weight = np.diff(way_m, axis=0), SAID
        otherwise_m_s = np.linalg.norm(by_point - said[:, None], axis=2) / np.diff(time_s)[:, None]
        weight *= np.exp(-0.5 * (otherwise_m_s / AGREES_M_S) ** 2)
    moved = (by_point * weight[..., None]).sum(1) + its_weight * said
    moved /= weight.sum(1, keepdims=True) + its_weight
    if way_m is not None and time_s is not None:  # from foot to foot no pelvis goes by a jerk
        moved = said + gaussian_filter1d(moved - said, STEADY_S / float(np.median(np.diff(time_s))), axis=0)
    flying = np.maximum(clearance_m[1:], clearance_m[:-1]) > 1e-3
    at = np.arange(len(moved))
    if flying.any() and not flying.all():
        for axis in range(2):
            moved[flying, axis] = np.interp(at[flying], at[~flying], moved[~flying, axis])
    return np.concatenate([np.zeros((1, 2)), np.cumsum(moved, 0)])
