"""NeurIK: 142 markers over a window of frames → coordinates and body scales, through the skeleton.

The paper's network (facts as far as they are published: spatial convolution over each frame's markers, positional
embedding, temporal transformer, regression of q and s, forward kinematics). Ours starts from a closed-form first answer
(`analytic`): its body frames take heading, place and size out of the markers, the spatial convolution runs along the
kinematic tree on what is left in each body's frame, and the heads correct the first answer.

One training serves two uses: with ``causal`` each frame sees the frames up to itself (live), without it the window.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from biomech.neurik.analytic import Analytic, FirstAnswer, about_axes, orthonormal
from biomech.neurik.anatomy import MIRROR, Anatomy
from biomech.skeleton.skeleton import PosedSkeleton, Skeleton

RATE_HZ = 60.0  # of the network's windows

EDGE_RAD = float(np.deg2rad(1.0))  # how softly a coordinate stops at the end of its range
# What the features are divided by, so that they are about 1.
LOCAL_M, GAP_M, SPEED_M, TURN_RAD, LOG_SIZE = 0.02, 0.02, 0.02, 0.05, 0.1
# What the heads' outputs are multiplied by.
ANGLE_RAD, PLACE_M, LOG_SCALE = 0.1, 0.02, 0.1
# The error that an untrained head expects, and how far from it a trained one may go (natural logarithm).
USUAL_ERROR, FARTHEST_LOG = 0.03, 5.0


class Sizes(NamedTuple):
    """How large the network is; written beside its weights."""

    window: int = 64
    node_width: int = 48
    width: int = 192
    layers: int = 4
    heads: int = 6
    dropout: float = 0.0


class CoordinatePrediction(NamedTuple):
    """Coordinates (rad, m) and scale factors of each body; the ground's are 1."""

    coordinates: Float[Tensor, "clips time coordinates"]
    scales: Float[Tensor, "clips time bodies 3"]  # the same in all frames of a window, unless causal
    expected_error: Float[Tensor, "clips time coordinates"]  # mean absolute error of each coordinate (rad, m)


class NeurIK(nn.Module):
    """The network; ``skeleton`` is the model whose coordinates it gives."""

    ranges: Tensor
    free_rows: Tensor
    root_rows: Tensor
    node_of_body: Tensor
    mirror_bodies: Tensor

    def __init__(self, skeleton: Skeleton, sizes: Sizes | None = None):
        super().__init__()
        self.sizes = sizes = sizes or Sizes()
        self.anatomy = anatomy = Anatomy.of(skeleton)
        self.skeleton = skeleton.carrying(anatomy.marker_names).to(torch.float32)
        self.analytic = Analytic(anatomy)
        nodes, width = len(anatomy.node_names), sizes.node_width
        self.spatial = Spatial(anatomy, width)
        self.join = nn.Linear(nodes * width, sizes.width)
        self.place = nn.Parameter(torch.randn(sizes.window, sizes.width) * 0.02)
        self.temporal = nn.ModuleList(Block(sizes.width, sizes.heads, sizes.dropout) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        root = set(anatomy.chain_coordinates[0]) | set(anatomy.translation)
        rows = [k for k in range(len(anatomy.coordinate_names)) if k not in root]
        self.head = nn.Linear(sizes.width, len(rows) + 9)
        doubt_last = nn.Linear(sizes.width, len(anatomy.coordinate_names))
        self.doubt = nn.Sequential(nn.Linear(sizes.width, sizes.width), nn.GELU(), doubt_last)
        self.scale_first = nn.Linear(nodes * width, sizes.width)
        self.scale_last = nn.Linear(sizes.width, len(anatomy.body_names) * 3)
        for last in (self.head, self.scale_last, doubt_last):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
        whole = {
            "free_rows": np.array(rows),
            "root_rows": anatomy.chain_coordinates[0],
            "node_of_body": anatomy.node_of_body,
            "mirror_bodies": anatomy.mirror_bodies,
        }
        for name, value in whole.items():
            self.register_buffer(name, torch.as_tensor(value), persistent=False)
        self.register_buffer("ranges", torch.as_tensor(anatomy.ranges[rows], dtype=torch.float32), persistent=False)

    def forward(
        self,
        markers: Float[Tensor, "clips time markers 3"],
        confidence: Float[Tensor, "clips time markers"] | None = None,
        *,
        causal: bool = False,
    ) -> CoordinatePrediction:
        """Solve windows of at most ``sizes.window`` frames.

        Args:
            markers: m, Y up, any heading and place, in the table's order; NaN where missing.
            confidence: 0 … 1 for each marker; 1 where not given, 0 where a marker is missing whatever is given.
            causal: no frame sees a later one.

        Returns:
            Coordinates (rad, m; within their ranges but for the root's), factors of the bodies (the ground first, 1)
            and the expected errors.
        """
        clips, time = markers.shape[:2]
        seen = markers.isfinite().all(-1)
        confidence = seen.to(markers) if confidence is None else confidence * seen
        markers = markers.nan_to_num(0.0)
        pool = markers.new_ones(time, time)
        pool = pool.tril() if causal else pool
        mask = pool > 0
        pool = pool / pool.sum(1, keepdim=True)
        with torch.autocast(markers.device.type, enabled=False):  # geometry needs all of single precision
            first = self.analytic(
                markers.float().flatten(0, 1).movedim(0, -1).contiguous(), confidence.flatten(0, 1).T.contiguous(), pool
            )
        nodes, pooled = self.spatial(first, confidence.flatten(0, 1).T, pool)
        hidden = self.join(nodes.flatten(0, 1).T).unflatten(0, (clips, time)) + self.place[:time]
        for block in self.temporal:
            hidden = block(hidden, mask)
        hidden = self.norm(hidden)
        change = self.head(hidden).float().flatten(0, 1).T
        doubt = self.doubt(hidden.detach()).float()  # says how good the answer is, and does not make it better
        return CoordinatePrediction(
            self._coordinates(first, change).T.unflatten(0, (clips, time)),
            self._scales(first, self.scale_last(functional.gelu(self.scale_first(pooled.flatten(0, 1).T)))).unflatten(
                0, (clips, time)
            ),
            USUAL_ERROR * doubt.clamp(-FARTHEST_LOG, FARTHEST_LOG).exp(),
        )

    def pose(self, answer: CoordinatePrediction) -> PosedSkeleton:
        """The skeleton layer: bodies, joints and markers of an answer (m)."""
        return self.skeleton(answer.coordinates, answer.scales)

    def _coordinates(self, first: FirstAnswer, change: Float[Tensor, "outputs f"]) -> Float[Tensor, "coordinates f"]:
        # From the edge of the range on, where what the heads say still counts.
        inside = first.coordinates[self.free_rows].clamp(self.ranges[:, :1], self.ranges[:, 1:])
        angles = within(inside + ANGLE_RAD * change[:-9], self.ranges)
        # The root turns by a rotation in its own frame (6D: Zhou et al., CVPR 2019), so that heading means nothing.
        six = ANGLE_RAD * change[-9:-3].view(1, 2, 3, -1) + torch.eye(3)[None, :2, :, None].to(change)
        turn = _compose(first.rotations[:1], orthonormal(six.transpose(1, 2)))
        place = first.positions[0] + PLACE_M * _compose(first.rotations[:1], change[-3:][None, :, None])[0, :, 0]
        axes = self.analytic.triad[:1, ..., None]
        root = about_axes(_compose(axes.transpose(1, 2), _compose(turn, axes)))[0]
        answer = torch.zeros_like(first.coordinates)
        answer = answer.index_copy(0, self.free_rows, angles).index_copy(0, self.root_rows, root)
        return answer.index_copy(0, self.analytic.translation, place)

    def _scales(self, first: FirstAnswer, change: Float[Tensor, "f outputs"]) -> Float[Tensor, "f bodies 3"]:
        """Sizes that both sides share, as the labels' do."""
        of_bodies = first.sizes.log().T[:, self.node_of_body, None] + LOG_SCALE * change.unflatten(1, (-1, 3))
        scales = ((of_bodies + of_bodies[:, self.mirror_bodies]) / 2).exp()
        return torch.cat([torch.ones_like(scales[:, :1]), scales[:, 1:]], 1)


class Spatial(nn.Module):
    """Convolution along the kinematic tree: each frame's bodies see their markers, then their neighbours."""

    places: Tensor
    parent: Tensor
    below: Tensor

    def __init__(self, anatomy: Anatomy, width: int):
        super().__init__()
        nodes = len(anatomy.node_names)
        own = [np.flatnonzero(anatomy.node_of_marker == n) for n in range(nodes)]
        most = max(map(len, own))
        # Markers by node, padded with one that is always 0.
        places = np.full((nodes, most), len(anatomy.node_of_marker))
        for n, markers in enumerate(own):
            places[n, : len(markers)] = markers
        children = np.zeros((nodes, nodes), dtype=np.float32)
        children[anatomy.parent[1:], np.arange(1, nodes)] = 1
        self.register_buffer("places", torch.as_tensor(places), persistent=False)
        self.register_buffer("parent", torch.as_tensor(anatomy.parent), persistent=False)
        self.register_buffer("below", torch.as_tensor(children), persistent=False)
        self.first = NodeLinear(nodes, most * 4 + 9 + 3 + 1 + 6, width)
        self.second = NodeLinear(nodes, 4 * width, width)
        self.third = NodeLinear(nodes, 4 * width, width)

    def forward(
        self, first: FirstAnswer, confidence: Float[Tensor, "markers f"], pool: Float[Tensor, "time time"]
    ) -> tuple[Float[Tensor, "n width f"], Float[Tensor, "n width f"]]:
        """Features of every body, in its frame and pooled over the clip.

        Args:
            first: of all frames, clips × time.
            confidence: 0 … 1; 0 where a marker is missing.
            pool: rows sum to 1: which frames of a clip each frame is told the mean of.

        Returns:
            Features of every body, frame by frame, and their means over the clip as ``pool`` has them.
        """
        hidden = functional.gelu(self.first(self.features(first, confidence, pool.shape[-1])))
        for layer in (self.second, self.third):
            pooled = _pooled(hidden, pool)
            below = (self.below @ hidden.flatten(1)).view_as(hidden)
            hidden = hidden + functional.gelu(layer(torch.cat([hidden, pooled, hidden[self.parent], below], 1)))
        return hidden, _pooled(hidden, pool)

    def features(
        self, first: FirstAnswer, confidence: Float[Tensor, "markers f"], time: int
    ) -> Float[Tensor, "n features f"]:
        """What is left of the markers in the bodies' frames, and how these stand to each other and to the vertical.

        Args:
            first: of all frames, clips × time.
            confidence: 0 … 1; 0 where a marker is missing.
            time: frames of each clip, so that no motion is seen from one clip to the next.

        Returns:
            About 1 each, for every body: what is left of its markers and their confidence, its rotation against its
            parent, the gap at its joint, its size, and how it moved since the frame before.
        """
        left = torch.cat([first.local / LOCAL_M, confidence[:, None]], 1)
        left = torch.cat([left, torch.zeros_like(left[:1])])[self.places].flatten(1, 2)
        # The root is told the vertical alone, which no heading changes.
        upright = torch.cat([first.relative[:1, 1:2], torch.zeros_like(first.relative[:1, 1:])], 1)
        relative = torch.cat([upright, first.relative[1:]]).flatten(1, 2)
        sizes = first.sizes.log()[:, None] / LOG_SIZE
        return torch.cat([left, relative, first.gaps / GAP_M, sizes, _motion(first, time)], 1)


class NodeLinear(nn.Module):
    """A linear layer with its own weights for every body."""

    def __init__(self, nodes: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(nodes, outputs, inputs).uniform_(-1, 1) * (1 / inputs) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(nodes, outputs, 1))

    def forward(self, values: Float[Tensor, "n inputs f"]) -> Float[Tensor, "n outputs f"]:
        return torch.baddbmm(self.bias, self.weight, values)


class Block(nn.Module):
    """A transformer layer, normalised before each part."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_mix, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(
        self, hidden: Float[Tensor, "clips time width"], mask: Bool[Tensor, "time time"]
    ) -> Float[Tensor, "clips time width"]:
        """Attention over time, then a layer for each frame; both added to what came in.

        Args:
            hidden: of whole clips.
            mask: rows: frames that ask, columns: frames that they may see (True).

        Returns:
            As ``hidden``, not normalised.
        """
        query, key, value = (
            self.mix(self.norm_mix(hidden)).unflatten(-1, (3, self.heads, -1)).movedim(2, 0).transpose(2, 3)
        )
        rate = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=rate)
        hidden = hidden + functional.dropout(self.out(mixed.transpose(1, 2).flatten(2)), rate)
        return hidden + functional.dropout(self.feed(self.norm_feed(hidden)), rate)


def within(values: Float[Tensor, "c f"], ranges: Float[Tensor, "c 2"]) -> Float[Tensor, "c f"]:
    """Squashed into the ranges: unchanged well inside, ends approached over about ``EDGE_RAD``.

    Args:
        values: rad, a row for each coordinate.
        ranges: lowest and highest of each (rad).

    Returns:
        Within the ranges (rad), as long as these are much wider than ``EDGE_RAD``.
    """
    low, high = ranges[:, :1], ranges[:, 1:]
    values = low + EDGE_RAD * functional.softplus((values - low) / EDGE_RAD)
    return high - EDGE_RAD * functional.softplus((high - values) / EDGE_RAD)


def in_mirror(anatomy: Anatomy, markers: Float[Tensor, "*batch markers 3"]) -> Float[Tensor, "*batch markers 3"]:
    """Markers of the mirrored person (Z changes its sign, left and right their names).

    Args:
        anatomy: says which marker is which on the other side.
        markers: in its order, in the model's axes: Z to the right.

    Returns:
        In the same order and unit.
    """
    return markers[..., torch.as_tensor(anatomy.mirror_markers), :] * torch.as_tensor(MIRROR).to(markers)


def coordinates_in_mirror(
    anatomy: Anatomy, values: Float[Tensor, "*batch coordinates"]
) -> Float[Tensor, "*batch coordinates"]:
    """Coordinates of the mirrored person.

    Args:
        anatomy: says which coordinate is which on the other side, and which change their sign.
        values: in its order (rad, m).

    Returns:
        As ``values``, in the same order.
    """
    signs = torch.as_tensor(anatomy.mirror_signs).to(values)
    return values[..., torch.as_tensor(anatomy.mirror_coordinates)] * signs


def _pooled(values: Float[Tensor, "n k f"], pool: Float[Tensor, "time time"]) -> Float[Tensor, "n k f"]:
    return (values.unflatten(-1, (-1, len(pool))) @ pool.mT).flatten(-2)


def _motion(first: FirstAnswer, time: int) -> Float[Tensor, "n 6 f"]:
    """How each body moved since the frame before, in its own frame: as far and as turned; 0 in the first frame."""
    rotation, position = first.rotations.unflatten(-1, (-1, time)), first.positions.unflatten(-1, (-1, time))
    now = rotation[..., 1:].flatten(-2)
    step = (position[..., 1:] - position[..., :-1]).flatten(-2)
    turn = _compose(now.transpose(1, 2), rotation[..., :-1].flatten(-2))
    moved = torch.stack([(now[:, :, i] * step).sum(1) for i in range(3)], 1) / SPEED_M
    spin = torch.stack([turn[:, i, j] - turn[:, j, i] for i, j in ((1, 2), (2, 0), (0, 1))], 1) / (2 * TURN_RAD)
    motion = torch.cat([moved, spin], 1).unflatten(-1, (-1, time - 1)) if time > 1 else None
    whole = rotation.new_zeros(len(rotation), 6, *rotation.shape[-2:])
    if motion is not None:
        whole[..., 1:] = motion
    return whole.flatten(-2)


def _compose(left: Float[Tensor, "n 3 3 #f"], right: Float[Tensor, "n 3 k #f"]) -> Float[Tensor, "n 3 k f"]:
    return (left[:, :, :, None] * right[:, None]).sum(2)
