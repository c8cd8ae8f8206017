"""How people stand in a static trial, when their markers and most of their posture are known: thousands at once.

OpenSim's ScaleTool does the same for one, but ends before the arms have settled where coordinates are tasks beside the
markers: hands stood up to 5° off. So the posture is found here first; and where no file is wanted, this is all.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from biomech.scaling.measurements import Measurement
from biomech.skeleton.skeleton import Skeleton

STEPS = 30
STEP = 1e-5  # rad, m
DAMPING = 1e-4  # of the mean curvature, at first
SETTLED = 1e-7  # relative gain of a step after which nothing more is to be had


class StaticPoses(NamedTuple):
    """People as they stand, and the model scaled to them."""

    scales: Float[Tensor, "people bodies 3"]  # factors of each body; the ground's are 1
    coordinates: Float[Tensor, "people coordinates"]  # rad, m
    offsets: Float[Tensor, "people markers 3"]  # of the markers from their scaled generic places, in their bodies (m)


@torch.no_grad()
def static_poses(
    skeleton: Skeleton,
    seen: Float[Tensor, "people markers 3"],
    measurements: Sequence[Measurement],
    weights: Float[Tensor, " markers"],
    posture: Mapping[str, float],
) -> StaticPoses:
    """Scale by distances, settle what the posture leaves open by the markers, and move these to where they were seen.

    Args:
        skeleton: the generic model with the markers that were seen, in double precision.
        seen: one standing frame of each person (m).
        measurements: as the ScaleTool takes them; pairs must have been seen.
        weights: IK task weights.
        posture: coordinates (rad) that are known; the root's, if it is not among them, must start within a right angle.

    Returns:
        Factors, coordinates (rad, m), and how far each marker has to be moved in its body (m).
    """
    scales = _factors(skeleton, seen, measurements)
    start = torch.as_tensor(skeleton.defaults).clone()
    known = [skeleton.coordinate_names.index(name) for name in posture]
    start[known] = torch.tensor(list(posture.values()), dtype=start.dtype)
    free = torch.from_numpy(np.setdiff1d(skeleton.free, known))
    pose = settled(skeleton, seen, scales, weights, start.repeat(len(seen), 1), free)
    at = skeleton(pose, scales)
    turned = at.rotations[:, skeleton.marker_body].mT
    return StaticPoses(scales, pose, (turned @ (seen - at.markers)[..., None])[..., 0])


def _factors(
    skeleton: Skeleton, seen: Float[Tensor, "people markers 3"], measurements: Sequence[Measurement]
) -> Float[Tensor, "people bodies 3"]:
    """Mean ratio of measured to generic distance over each measurement's pairs."""
    generic = skeleton(torch.as_tensor(skeleton.defaults)).markers
    place = {name: k for k, name in enumerate(skeleton.marker_names)}
    factors = seen.new_ones(len(seen), len(skeleton.body_names), 3)
    for measurement in measurements:
        one, other = torch.tensor([[place[name] for name in pair] for pair in measurement.pairs]).T
        ratio = (seen[:, one] - seen[:, other]).norm(dim=-1) / (generic[one] - generic[other]).norm(dim=-1)
        for name in set(measurement.bodies) & set(skeleton.body_names):
            axes = ["XYZ".index(axis) for axis in measurement.axes]
            factors[:, skeleton.body_names.index(name), axes] = ratio.mean(1, keepdim=True)
    return factors


@torch.no_grad()
def settled(
    skeleton: Skeleton,
    seen: Float[Tensor, "people markers 3"],
    scales: Float[Tensor, "people bodies 3"],
    weights: Float[Tensor, " markers"],
    pose: Float[Tensor, "people coordinates"],
    free: Int[Tensor, " free"] | None = None,
    *,
    offsets: Float[Tensor, "people markers 3"] | None = None,
) -> Float[Tensor, "people coordinates"]:
    """The free coordinates that meet the markers best (Levenberg–Marquardt, each person with a damping of its own).

    Args:
        skeleton: the generic model, in double precision.
        seen: one frame of each person (m), no marker missing.
        scales: factors of each body, the ground's 1.
        weights: of the squared distances.
        pose: where to start, rad and m.
        free: indices of the coordinates that may move; all that the model leaves free, where not given.
        offsets: of the markers from their scaled generic places, in their bodies (m); none where not given.

    Returns:
        All coordinates (rad and m); those that are not free as they were.
    """
    free = torch.from_numpy(skeleton.free) if free is None else free
    roots = weights.sqrt()[:, None]

    def missed(values: Tensor, sizes: Tensor, places: Tensor | None) -> Tensor:
        wanted = seen if values.dim() == 2 else seen[:, None]
        return ((skeleton(values, sizes, places).markers - wanted) * roots).flatten(-2)

    nudge = STEP * torch.eye(pose.shape[1], dtype=pose.dtype)[free]
    damping = torch.full((len(pose), 1, 1), DAMPING, dtype=pose.dtype)
    now = missed(pose, scales, offsets)
    several = (None if part is None else part[:, None].expand(-1, len(free), -1, -1) for part in (scales, offsets))
    many_scales, many_offsets = several
    assert many_scales is not None
    for _ in range(STEPS):
        nudged = missed(pose[:, None] + nudge, many_scales, many_offsets)
        slope = (nudged - now[:, None]) / STEP  # people, free, residuals
        curvature = slope @ slope.mT
        mean = curvature.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
        step = torch.linalg.solve(curvature + damping * mean * torch.eye(len(free)).to(now), slope @ now[..., None])
        trial = pose.index_add(1, free, -step[..., 0])
        then = missed(trial, scales, offsets)
        cost, cost_then = now.square().sum(-1), then.square().sum(-1)
        better = (cost_then < cost)[:, None]
        pose, now = torch.where(better, trial, pose), torch.where(better, then, now)
        damping = torch.where(better[..., None], damping / 5, damping * 10).clamp(1e-9, 1e3)
        if (better[:, 0] & (cost - cost_then < SETTLED * cost) | (damping[:, 0, 0] > 1)).all():
            break
    return pose
