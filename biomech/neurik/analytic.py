"""The network's first answer, in closed form: body frames from the markers, coordinates from the frames.

Each body's frame is the rotation that fits its markers on the generic model to those seen (Wahba's problem), by
Markley's FOAM (J Astronaut Sci 41, 1993): a root of a quartic, and no singular value decomposition. The frames take
heading, position and size out of the input; angles between neighbouring frames are the coordinates that the network
corrects. Frames of time come last, as in the skeleton.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biomech.neurik.anatomy import Anatomy

NEWTON_STEPS = 12
TINY = 1e-8


class FirstAnswer(NamedTuple):
    """What the markers of each frame say of the bodies; ``n`` seen bodies, ``f`` frames."""

    rotations: Float[Tensor, "n 3 3 f"]  # ground from body
    positions: Float[Tensor, "n 3 f"]  # m
    sizes: Float[Tensor, "n f"]  # against the generic model
    relative: Float[Tensor, "n 3 3 f"]  # parent body from body; the root's from the ground
    coordinates: Float[Tensor, "coordinates f"]  # rad and m
    local: Float[Tensor, "markers 3 f"]  # markers less the sized template, in their body's frame (m); 0 where missing
    gaps: Float[Tensor, "n 3 f"]  # between a joint's centre as its two bodies have it, in the child (m)


class Analytic(nn.Module):
    """Markers → first answer; nothing in it is learned."""

    template: Tensor
    weights: Tensor
    fits: Tensor
    triad: Tensor
    rest_triad: Tensor
    to_coordinates: Tensor
    middle: Tensor
    ranges: Tensor
    parent: Tensor
    joint_in_parent: Tensor
    joint_in_child: Tensor
    node_of_marker: Tensor
    rows: Tensor
    order: Tensor
    translation: Tensor
    own_template: Tensor
    flips: Tensor

    def __init__(self, anatomy: Anatomy):
        super().__init__()
        numbers = anatomy.chain_coordinates.reshape(-1)
        ranges = anatomy.ranges[numbers.clip(0)].reshape(-1, 3, 2)
        # Angles keep to the turn around the middle of their range; the root is free.
        ranges[0] = [[-torch.pi, torch.pi]] * 3
        markers = torch.arange(len(anatomy.marker_names))
        buffers = {
            "template": anatomy.template,
            "weights": anatomy.weights,
            "fits": (anatomy.weights[:, None] * anatomy.template.transpose(0, 2, 1)),  # n, 3, markers
            "triad": anatomy.triad,
            "rest_triad": anatomy.rest.transpose(0, 2, 1) @ anatomy.triad,
            "to_coordinates": anatomy.to_coordinates,
            "middle": ranges.mean(-1),
            "ranges": ranges,
            "joint_in_parent": anatomy.joint_in_parent,
            "joint_in_child": anatomy.joint_in_child,
            "own_template": anatomy.template[anatomy.node_of_marker, markers],
        }
        for name, value in buffers.items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32), persistent=False)
        rows = (anatomy.chain_coordinates >= 0).reshape(-1).nonzero()[0]
        whole = {
            "parent": anatomy.parent,
            "node_of_marker": anatomy.node_of_marker,
            "rows": rows,
            "order": numbers[rows],
            "translation": anatomy.translation,
            "flips": (anatomy.chain_coordinates[:, 2] >= 0).nonzero()[0][1:],  # the root's list stays within ±90°
        }
        for name, value in whole.items():
            self.register_buffer(name, torch.as_tensor(value), persistent=False)
        self.coordinates = len(anatomy.coordinate_names)

    def forward(
        self,
        markers: Float[Tensor, "markers 3 f"],
        confidence: Float[Tensor, "markers f"],
        pool: Float[Tensor, "time time"],
    ) -> FirstAnswer:
        """Fit all bodies.

        Args:
            markers: m, any heading; what stands where the confidence is 0 does not count, but is finite.
            confidence: 0 … 1.
            pool: rows sum to 1: which frames of a clip its sizes are averaged over; frames are clips × time.

        Returns:
            The answer of every frame: places in the axes of the markers (m), angles (rad) within half a turn of the
            middle of their range.
        """
        nodes, frames = len(self.template), markers.shape[-1]
        centre = (markers * confidence[:, None]).sum(0) / confidence.sum(0).clamp_min(TINY)
        seen = (markers - centre) * confidence[:, None]
        total = (self.weights @ confidence).clamp_min(TINY)  # n f
        mean_seen = (self.weights @ seen.flatten(1)).unflatten(1, (3, frames)) / total[:, None]
        mean_template = (self.fits.flatten(0, 1) @ confidence).unflatten(0, (nodes, 3)) / total[:, None]
        moment = (self.fits.flatten(0, 1) @ seen.flatten(1)).view(nodes, 3, 3, frames).transpose(1, 2)
        moment = moment - total[:, None, None] * mean_seen[:, :, None] * mean_template[:, None]
        rotations = wahba(moment)
        size_squared = (
            self.weights * self.template.square().sum(-1)
        ) @ confidence - total * mean_template.square().sum(1)
        sizes = self._sizes((rotations * moment).sum((1, 2)), size_squared, pool)
        positions = mean_seen - _apply(rotations, mean_template * sizes[:, None])

        above = rotations[self.parent]
        relative = _compose(above.transpose(1, 2), rotations)
        relative = torch.cat([rotations[:1], relative[1:]])
        node = self.node_of_marker
        arm = (markers - centre) - positions[node]
        local = _apply(rotations.transpose(1, 2)[node], arm) - self.own_template[..., None] * sizes[node][:, None]
        held = positions[self.parent] + _apply(above, self.joint_in_parent[..., None] * sizes[self.parent][:, None])
        own = positions + _apply(rotations, self.joint_in_child[..., None] * sizes[:, None])
        gaps = _apply(rotations.transpose(1, 2), held - own)
        gaps = torch.cat([torch.zeros_like(gaps[:1]), gaps[1:]])
        positions = positions + centre
        coordinates = self.coordinates_of(relative)
        coordinates[self.translation] = positions[0]
        return FirstAnswer(rotations, positions, sizes, relative, coordinates, local * confidence[:, None], gaps)

    def coordinates_of(self, relative: Float[Tensor, "n 3 3 f"]) -> Float[Tensor, "coordinates f"]:
        """Rotational coordinates from the rotations between neighbouring bodies; 0 for the others."""
        # In the triad's axes the chain is a rotation about x, then y, then z.
        turn = _compose(self.triad.transpose(1, 2)[..., None], _compose(relative, self.rest_triad[..., None]))
        angles = about_axes(turn)
        values = (self.to_coordinates[..., None] * angles[:, None]).sum(2)
        values = self._wrapped(values)
        # Three rotations have a second answer, which is the better one where the first is far out of range.
        other = torch.stack([angles[:, 0] + torch.pi, torch.pi - angles[:, 1], angles[:, 2] + torch.pi], 1)[self.flips]
        other = self._wrapped((self.to_coordinates[self.flips, ..., None] * other[:, None]).sum(2), self.flips)
        first = values[self.flips]
        better = self._outside(other) + 0.1 * other.abs().sum(1) < self._outside(first) + 0.1 * first.abs().sum(1)
        values = values.index_copy(0, self.flips, torch.where(better[:, None], other, first))
        found = values.flatten(0, 1)[self.rows]
        return found.new_zeros(self.coordinates, found.shape[-1]).index_copy(0, self.order, found)

    def _wrapped(self, values: Tensor, chains: Tensor | slice = slice(None)) -> Tensor:
        middle = self.middle[chains][..., None]
        return middle + torch.remainder(values - middle + torch.pi, 2 * torch.pi) - torch.pi

    def _outside(self, values: Tensor) -> Tensor:
        low, high = self.ranges[self.flips].unbind(-1)
        return ((low[..., None] - values).clamp_min(0) + (values - high[..., None]).clamp_min(0)).sum(1)

    def _sizes(self, along: Tensor, squared: Tensor, pool: Tensor) -> Float[Tensor, "n f"]:
        """Size of each body, one for the frames that are pooled."""
        time = pool.shape[-1]
        pooled = [(part.unflatten(-1, (-1, time)) @ pool.mT).flatten(-2) for part in (along, squared)]
        return (pooled[0] / pooled[1].clamp_min(TINY)).clamp(0.5, 2.0)


def about_axes(turn: Float[Tensor, "n 3 3 f"]) -> Float[Tensor, "n 3 f"]:
    """Angles of a rotation about x, then about the turned y, then about the turned z (rad)."""
    first = torch.atan2(-turn[:, 1, 2], turn[:, 2, 2])
    second = torch.asin(turn[:, 0, 2].clamp(-1 + 1e-6, 1 - 1e-6))
    third = torch.atan2(-turn[:, 0, 1], turn[:, 0, 0])
    return torch.stack([first, second, third], 1)


def wahba(moment: Float[Tensor, "n 3 3 f"]) -> Float[Tensor, "n 3 3 f"]:
    """The rotation with the largest trace of its product with ``moment`` (seen times template)."""
    b = moment / moment.square().sum((1, 2), keepdim=True).sqrt().clamp_min(TINY)
    adjugate = torch.stack([torch.cross(b[:, (i + 1) % 3], b[:, (i + 2) % 3], dim=1) for i in range(3)], 1)  # cofactors
    determinant = (b[:, 0] * adjugate[:, 0]).sum(1)
    small = adjugate.square().sum((1, 2))
    # The largest root of (λ² − 1)² − 8 λ det − 4 |adj|², from above: √3 is the most that it can be.
    root = torch.full_like(determinant, 3**0.5)
    for _ in range(NEWTON_STEPS):
        gap = root * root - 1
        value = gap * gap - 8 * root * determinant - 4 * small
        slope = 4 * root * gap - 8 * determinant
        root = root - value / slope.clamp_min(TINY)
    kappa = (root * root - 1) / 2
    scale = (kappa * root - determinant).clamp_min(TINY)
    triple = _compose(b, _compose(b.transpose(1, 2), b))
    return orthonormal(
        ((kappa + 1)[:, None, None] * b + root[:, None, None] * adjugate - triple) / scale[:, None, None]
    )


def orthonormal(columns: Float[Tensor, "n 3 k f"]) -> Float[Tensor, "n 3 3 f"]:
    """The rotation whose first two columns are nearest in turn to those given (Gram–Schmidt)."""
    x = nn.functional.normalize(columns[:, :, 0], dim=1, eps=TINY)
    y = columns[:, :, 1]
    y = nn.functional.normalize(y - (x * y).sum(1, keepdim=True) * x, dim=1, eps=TINY)
    return torch.stack([x, y, torch.cross(x, y, dim=1)], 2)


def _compose(left: Float[Tensor, "n 3 3 #f"], right: Float[Tensor, "n 3 3 #f"]) -> Float[Tensor, "n 3 3 f"]:
    product = left[:, :, :1] * right[:, :1]
    product = torch.addcmul(product, left[:, :, 1:2], right[:, 1:2])
    return torch.addcmul(product, left[:, :, 2:], right[:, 2:])


def _apply(matrix: Float[Tensor, "n 3 3 #f"], vector: Float[Tensor, "n 3 #f"]) -> Float[Tensor, "n 3 f"]:
    product = matrix[:, :, 0] * vector[:, None, 0]
    product = torch.addcmul(product, matrix[:, :, 1], vector[:, None, 1])
    return torch.addcmul(product, matrix[:, :, 2], vector[:, None, 2])
