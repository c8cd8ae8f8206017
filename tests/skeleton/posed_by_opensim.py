"""Random poses, OpenSim's own answers for them, and how far a skeleton's are from these."""

from collections.abc import Mapping

import numpy as np
import opensim
import torch
from scipy.spatial.transform import Rotation

from biomech.skeleton.model import _state_index, quiet_opensim
from biomech.skeleton.skeleton import PosedSkeleton, Skeleton


def random_coordinates(skeleton: Skeleton, frames: int, seed: int = 0) -> torch.Tensor:
    """Inside the ranges and a little beyond; the coupled ones follow."""
    low, high = skeleton.ranges.T
    values = np.random.default_rng(seed).uniform(low - 0.2, high + 0.2, (frames, len(low)))
    return skeleton.complete(torch.as_tensor(values))


def random_scales(skeleton: Skeleton, seed: int = 0) -> torch.Tensor:
    """Of every body and direction on its own, 0.7 to 1.3; the ground's are 1."""
    factors = np.random.default_rng(seed).uniform(0.7, 1.3, (len(skeleton.body_names), 3))
    factors[0] = 1
    return torch.as_tensor(factors)


def scale(model: opensim.Model, factors: Mapping[str, np.ndarray]) -> None:
    """``Model.scale`` with the factors of each body."""
    scale_set = opensim.ScaleSet()
    for body, factor in factors.items():
        one = opensim.Scale()
        one.setSegmentName(body)
        one.setScaleFactors(opensim.Vec3(*(float(x) for x in factor)))
        one.setApply(True)
        scale_set.cloneAndAppend(one)
    with quiet_opensim("Off"):
        model.scale(model.initSystem(), scale_set, True, 70.0)
        model.initSystem()


def truth(model: opensim.Model, skeleton: Skeleton, coordinates: torch.Tensor) -> PosedSkeleton:
    """OpenSim's answer."""
    place = _state_index(model)
    state = opensim.State(model.getWorkingState())
    bodies = [model.getGround(), *(model.getBodySet().get(name) for name in skeleton.body_names[1:])]
    children = [model.getJointSet().get(name).getChildFrame() for name in skeleton.joint_names]
    markers = [model.getMarkerSet().get(name) for name in skeleton.marker_names]
    q = np.zeros(state.getNQ())
    frames: list[list[np.ndarray]] = [[], [], [], []]
    for values in coordinates.numpy():
        q[place] = values
        state.setQ(opensim.Vector.createFromMat(q))
        model.realizePosition(state)
        transforms = [body.getTransformInGround(state) for body in bodies]
        turns = [t.R().convertRotationToQuaternion() for t in transforms]
        frames[0].append(np.array([t.p().to_numpy() for t in transforms]))
        frames[1].append(np.array([[turn.get(i) for i in (1, 2, 3, 0)] for turn in turns]))
        frames[2].append(np.array([child.getPositionInGround(state).to_numpy() for child in children]))
        frames[3].append(np.array([m.getLocationInGround(state).to_numpy() for m in markers]).reshape(-1, 3))
    positions, quaternions, joints, locations = (torch.as_tensor(np.array(part)) for part in frames)
    turned = Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix().reshape(*positions.shape, 3)
    return PosedSkeleton(positions, torch.as_tensor(turned), joints, locations)


def apart(found: PosedSkeleton, expected: PosedSkeleton) -> tuple[float, float]:
    """Largest difference: of positions, joint centres and markers (m), and of orientations (rad)."""
    pairs = [(getattr(found, part), getattr(expected, part)) for part in ("positions", "joints", "markers")]
    assert all(mine.shape == theirs.shape for mine, theirs in pairs)
    distance = max((float((mine - theirs).abs().max()) for mine, theirs in pairs if mine.numel()), default=0.0)
    between = found.rotations - expected.rotations
    return distance, float((between.square().sum((-1, -2)) / 2).sqrt().max())
