"""Multi-scale deformable attention: each query looks at a few places of every level of a feature pyramid.

Zhu et al., "Deformable DETR", ICLR 2021. Conventions and parameter names are those of mmcv's
``MultiScaleDeformableAttention``, so that weights go either way: sampling places are parts of the map's width and
height (0 its outer left edge, 1 its outer right one, cell centres at (i + ½) / n, bilinear, nothing outside), and an
offset of 1 is one cell of the level that it is for.
"""

import functools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from biomech.mesh.mqhmr.camera import exact, wide


@functools.cache
def _operator():
    """mmcv's operator for a GPU, where it is installed with its compiled part."""
    try:
        from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction  # optional, slow to import
    except ImportError:
        return None
    return MultiScaleDeformableAttnFunction


def deformable_attention(
    maps: Sequence[Float[Tensor, "batch heads channels height width"]],
    places: Float[Tensor, "batch queries heads levels points 2"],
    weights: Float[Tensor, "batch queries heads levels points"],
) -> Float[Tensor, "batch queries heads*channels"]:
    """Weighted sums of the maps' values at the places.

    Args:
        maps: the values of each level.
        places: x and y as parts of the map.
        weights: of every sample; a head's add up to 1.

    Returns:
        The heads' sums, one head after the other; nothing is added outside the map.
    """
    batch, heads = maps[0].shape[:2]
    if maps[0].is_cuda and (operator := _operator()) is not None:
        values = torch.cat([values.flatten(3) for values in maps], 3).permute(0, 3, 1, 2).contiguous()
        sizes = torch.tensor([values.shape[-2:] for values in maps], device=values.device)
        starts = torch.cat([sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]])
        return operator.apply(values, sizes, starts, places.contiguous(), weights.contiguous(), batch)
    grids = (2 * places - 1).transpose(1, 2).flatten(0, 1)  # batch × heads, queries, levels, points, 2
    shares = weights.transpose(1, 2).flatten(0, 1)
    levels = []
    for level, values in enumerate(maps):
        # grid_sample's −1 … 1 runs, without align_corners, from outer edge to outer edge: the operator's own places.
        sampled = functional.grid_sample(values.flatten(0, 1), grids[:, :, level], align_corners=False)
        levels.append((sampled * shares[:, None, :, level]).sum(-1))
    answer = torch.stack(levels).sum(0)
    return answer.unflatten(0, (batch, heads)).flatten(1, 2).transpose(1, 2)


class DeformableAttention(nn.Module):
    """The attention with its projections.

    Args:
        width: of queries and answer.
        memory_width: of the levels' features; ``width`` by default, as in mmcv.
        value_width: of all heads' values together; ``width`` by default, as in mmcv.
    """

    def __init__(
        self,
        width: int,
        heads: int = 8,
        levels: int = 3,
        points: int = 4,
        *,
        memory_width: int | None = None,
        value_width: int | None = None,
    ):
        super().__init__()
        memory_width, value_width = memory_width or width, value_width or width
        if value_width % heads:
            raise ValueError(f"value width {value_width} is not a multiple of {heads} heads")
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(memory_width, value_width)
        self.output_proj = nn.Linear(value_width, width)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """As published: each head starts looking in its own direction, each point a cell farther; all weigh alike."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack([angle.cos(), angle.sin()], -1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        steps = direction[:, None, None] * torch.arange(1.0, self.points + 1)[:, None]
        nn.init.zeros_(self.sampling_offsets.weight)
        self.sampling_offsets.bias.copy_(steps.expand(-1, self.levels, -1, -1).flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        queries: Float[Tensor, "batch queries width"],
        references: Float[Tensor, "batch queries 2"],
        maps: Sequence[Float[Tensor, "batch memory_width height width"]],
    ) -> Float[Tensor, "batch queries width"]:
        """What the queries see around their reference points (x and y as parts of the map).

        Args:
            queries: say where around the reference point to look, and how much each place counts.
            references: x and y as parts of the map (0 … 1).
            maps: as many levels as the layer was made for, of any sizes.

        Returns:
            Of the queries' width, projected; the queries themselves are not added.
        """
        offsets, scores = self.sampling_offsets(queries), self.attention_weights(queries)
        with exact(queries):  # half precision tells no more than 256 places across a map
            offsets = wide(offsets).unflatten(-1, (self.heads, self.levels, self.points, 2))
            weights = wide(scores).unflatten(-1, (self.heads, -1)).softmax(-1)
            cells = offsets.new_tensor([(level.shape[-1], level.shape[-2]) for level in maps])
            places = references[:, :, None, None, None] + offsets / cells[:, None]
            weights = weights.unflatten(-1, (self.levels, self.points))
        if queries.is_cuda and _operator() is not None:
            seen = self._projected_first(maps, places, weights)
        else:
            seen = self._sampled_first(maps, places, weights)
        return self.output_proj(seen)

    def _projected_first(self, maps: Sequence[Tensor], places: Tensor, weights: Tensor) -> Tensor:
        """As mmcv's operator wants it."""
        kernel = self.value_proj.weight[:, :, None, None]
        projected = [functional.conv2d(level, kernel, self.value_proj.bias) for level in maps]
        with exact(places):
            return deformable_attention(
                [wide(level).unflatten(1, (self.heads, -1)) for level in projected], places, weights
            )

    def _sampled_first(self, maps: Sequence[Tensor], places: Tensor, weights: Tensor) -> Tensor:
        """The same: sums and projection are linear, and only what is looked at is projected, not every cell."""
        queries = places.shape[1]
        places, weights = (part.transpose(1, 2).flatten(1, 2) for part in (places, weights))
        with exact(places):
            seen, inside = [], []
            for level, values in enumerate(maps):
                at, share = places[:, :, level], weights[:, :, level]
                sampled = functional.grid_sample(wide(values), 2 * at - 1, align_corners=False)
                seen.append((sampled * share[:, None]).sum(-1))  # as einsum: thousands of tiny products of matrices
                # The part of each sample that is on the map: outside there is no bias either.
                size = at.new_tensor([values.shape[-1], values.shape[-2]])
                cell = at * size
                within = (cell + 0.5).clamp(0, 1) * (size - cell + 0.5).clamp(0, 1)
                inside.append((within.prod(-1) * share).sum(-1))
            of_head = torch.stack(seen).sum(0).unflatten(-1, (self.heads, queries))
            kernel = wide(self.value_proj.weight).unflatten(0, (self.heads, -1))
            projected = torch.einsum("bmhq,hvm->bqhv", of_head, kernel)
            bias = wide(self.value_proj.bias).unflatten(0, (self.heads, -1))
            share_inside = torch.stack(inside).sum(0).unflatten(-1, (self.heads, queries)).mT
            return (projected + share_inside[..., None] * bias).flatten(2)
