"""Multi-scale deformable attention against its definition, written out as loops."""

import math

import pytest
import torch

from biomech.mesh.mqhmr.deformable import DeformableAttention, deformable_attention

SHAPES = [(6, 4), (3, 2), (2, 5)]
HEADS, CHANNELS, QUERIES, POINTS = 2, 3, 5, 4


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, HEADS, CHANNELS, h, w, generator=generator, dtype=torch.float64) for h, w in SHAPES]
    # Some places lie outside, where there is nothing.
    places = 1.4 * torch.rand(2, QUERIES, HEADS, 3, POINTS, 2, generator=generator, dtype=torch.float64) - 0.2
    weights = torch.rand(2, QUERIES, HEADS, 3 * POINTS, generator=generator, dtype=torch.float64).softmax(-1)
    return maps, places, weights.unflatten(-1, (3, POINTS))


def bilinear(picture, x, y):
    """Value of a picture (height, width) at x, y in cells, centres at whole numbers; 0 outside."""
    height, width = picture.shape
    value = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                value += float(picture[row, column]) * (1 - abs(x - column)) * (1 - abs(y - row))
    return value


def by_loops(maps, places, weights):
    batch, queries, heads, levels, points, _ = places.shape
    channels = maps[0].shape[2]
    answer = torch.zeros(batch, queries, heads * channels, dtype=torch.float64)
    for b in range(batch):
        for q in range(queries):
            for h in range(heads):
                for level in range(levels):
                    height, width = maps[level].shape[-2:]
                    for p in range(points):
                        x, y = (float(v) for v in places[b, q, h, level, p])
                        for c in range(channels):
                            seen = bilinear(maps[level][b, h, c], x * width - 0.5, y * height - 0.5)
                            answer[b, q, h * channels + c] += float(weights[b, q, h, level, p]) * seen
    return answer


def test_equals_the_definition(inputs):
    torch.testing.assert_close(deformable_attention(*inputs), by_loops(*inputs), rtol=1e-12, atol=1e-12)


def test_gradients(inputs):
    maps, places, weights = inputs
    some = [level[:1, :, :2].clone().requires_grad_() for level in maps]
    places, weights = places[:1, :2, :, :, :2].clone().requires_grad_(), weights[:1, :2, :, :, :2].clone()
    weights.requires_grad_()
    assert torch.autograd.gradcheck(lambda *v: deformable_attention(v[2:], v[0], v[1]), (places, weights, *some))


def test_offsets_are_cells_of_their_level():
    """An offset of one cell to the right sees the neighbouring cell, on a coarse level as on a fine one."""
    attention = DeformableAttention(4, heads=1, levels=2, points=1)
    with torch.no_grad():
        attention.value_proj.weight.copy_(torch.eye(4))
        attention.output_proj.weight.copy_(torch.eye(4))
        attention.sampling_offsets.bias.copy_(torch.tensor([1.0, 0.0, 1.0, 0.0]))
        attention.attention_weights.bias.zero_()
    maps = [torch.rand(1, 4, 4, 8), torch.rand(1, 4, 2, 4)]
    references = torch.tensor([[[2.5 / 8, 1.5 / 4]]])  # the centre of column 2 and row 1 of the fine level
    seen = attention(torch.zeros(1, 1, 4), references, maps)[0, 0]
    fine = maps[0][0, :, 1, 3]
    coarse = [bilinear(picture, 2.5 / 2 - 0.5 + 1, 1.5 / 2 - 0.5) for picture in maps[1][0]]
    torch.testing.assert_close(seen, (fine + torch.tensor(coarse)) / 2)


def test_starts_by_looking_around():
    """Published start: heads in different directions, the k-th point k cells away, all of equal weight."""
    attention = DeformableAttention(8, heads=4, levels=2, points=3)
    offsets = attention.sampling_offsets.bias.view(4, 2, 3, 2)
    torch.testing.assert_close(offsets[0, 1, :, 0], torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(offsets.abs().amax(-1)[:, 0], torch.tensor([[1.0, 2.0, 3.0]] * 4))
    assert len({tuple(o.tolist()) for o in offsets[:, 0, 0].round()}) == 4
    assert not attention.attention_weights.weight.any()


def test_equals_mmcv():
    """Where mmcv is installed: its weights, its numbers."""
    operator = pytest.importorskip("mmcv.ops.multi_scale_deform_attn")
    torch.manual_seed(0)
    theirs = operator.MultiScaleDeformableAttention(16, num_heads=4, num_levels=3, num_points=2, batch_first=True)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    ours = DeformableAttention(16, heads=4, levels=3, points=2)
    ours.load_state_dict(theirs.state_dict())
    maps = [torch.randn(2, 16, h, w) for h, w in SHAPES]
    queries, references = torch.randn(2, 5, 16), torch.rand(2, 5, 2)
    sizes = torch.tensor(SHAPES)
    wanted = theirs.eval()(
        queries,
        value=torch.cat([level.flatten(2) for level in maps], 2).mT,
        identity=torch.zeros_like(queries),
        reference_points=references[:, :, None].expand(-1, -1, 3, -1),
        spatial_shapes=sizes,
        level_start_index=torch.cat([sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]]),
    )
    torch.testing.assert_close(ours(queries, references, maps), wanted, rtol=1e-4, atol=1e-5)


def test_sampling_before_projecting_is_the_same():
    torch.manual_seed(0)
    attention = DeformableAttention(8, heads=2, levels=3, points=4, memory_width=5, value_width=6).double()
    with torch.no_grad():
        for layer in (attention.value_proj, attention.sampling_offsets, attention.attention_weights):
            layer.weight.normal_()
            layer.bias.normal_()
    maps = [torch.randn(2, 5, h, w, dtype=torch.float64) for h, w in SHAPES]
    places = 1.4 * torch.rand(2, QUERIES, 2, 3, POINTS, 2, dtype=torch.float64) - 0.2  # some outside
    weights = torch.rand(2, QUERIES, 2, 3 * POINTS, dtype=torch.float64).softmax(-1).unflatten(-1, (3, POINTS))
    torch.testing.assert_close(
        attention._sampled_first(maps, places, weights), attention._projected_first(maps, places, weights)
    )
