"""The ViT encoder, and files of weights as other programs write them."""

import re

import pytest
import torch
from safetensors.torch import save_file

from biomech.errors import BioposeError
from biomech.mesh.mqhmr.encoder import Vit, VitSize, read_weights
from biomech.mesh.mqhmr.pyramid import Pyramid

SMALL = VitSize(24, 2, 3)
CROP = (64, 48)


@pytest.fixture
def vit():
    torch.manual_seed(0)
    encoder = Vit(SMALL, CROP)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return encoder.eval()


def as_mmpose(name):
    for pattern, replacement in (
        (r"^blocks\.(\d+)\.norm(\d)", r"layers.\1.ln\2"),
        (r"^blocks", "layers"),
        (r"mlp\.fc1", "ffn.layers.0.0"),
        (r"mlp\.fc2", "ffn.layers.1"),
        (r"^last_norm", "ln1"),
        (r"patch_embed\.proj", "patch_embed.projection"),
    ):
        name = re.sub(pattern, replacement, name)
    return f"backbone.{name}"


def as_transformers(weights):
    found = {}
    for name, value in weights.items():
        for pattern, replacement in (
            (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"),
            (r"^pos_embed", "embeddings.position_embeddings"),
            (r"^blocks", "encoder.layer"),
            (r"norm1", "layernorm_before"),
            (r"norm2", "layernorm_after"),
            (r"^last_norm", "layernorm"),
            (r"attn\.proj", "attention.output.dense"),
        ):
            name = re.sub(pattern, replacement, name)
        if "attn.qkv" in name:
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found["backbone." + name.replace("attn.qkv", f"attention.attention.{part}")] = piece.contiguous()
        else:
            found["backbone." + name] = value
    return found


def written(path, kind, weights):
    """A file as ViTPose, HMR2.0, mmpose or transformers have it, with a head that is not ours."""
    head = {"keypoint_head.final_layer.weight": torch.zeros(2)}
    if kind == "vitpose":
        torch.save({"state_dict": {f"backbone.{n}": v for n, v in weights.items()} | head, "epoch": 3}, path)
    elif kind == "hmr2":
        torch.save({"state_dict": {f"backbone.{n}": v for n, v in weights.items()} | {"smpl_head.x": head}}, path)
    elif kind == "mmpose":
        torch.save({"state_dict": {as_mmpose(n): v for n, v in weights.items()} | head, "meta": {}}, path)
    elif kind == "bare":
        torch.save(weights, path)
    else:
        save_file(as_transformers(weights) | head, path)
    return path


@pytest.mark.parametrize("kind", ["vitpose", "hmr2", "mmpose", "bare", "transformers"])
def test_reads_weights_of_others(vit, tmp_path, kind):
    suffix = "safetensors" if kind == "transformers" else "pth"
    path = written(tmp_path / f"weights.{suffix}", kind, {n: v.clone() for n, v in vit.state_dict().items()})
    other = Vit(SMALL, CROP).eval()
    picture = torch.rand(1, 3, *CROP)
    assert not torch.allclose(other(picture), vit(picture))
    other.load_weights(path)
    torch.testing.assert_close(other(picture), vit(picture), rtol=0, atol=0)


def test_resamples_positions_of_a_square_grid(vit, tmp_path):
    """MAE's pictures are square; a grid that grows along x still grows along x."""
    weights = {name: value.clone() for name, value in vit.state_dict().items()}
    ramp = torch.arange(5.0).expand(5, 5).reshape(1, 25, 1).expand(-1, -1, SMALL.width)
    weights["pos_embed"] = torch.cat([torch.zeros(1, 1, SMALL.width), ramp], 1)
    torch.save({"model": weights}, tmp_path / "mae.pth")
    vit.load_weights(tmp_path / "mae.pth")
    grid = vit.pos_embed[0, 1:, 0].view(4, 3)
    assert (grid.diff(dim=1) > 0.5).all() and grid.diff(dim=0).abs().max() < 1e-4


def test_refuses_what_it_cannot_use(vit, tmp_path):
    with pytest.raises(BioposeError, match="no such file"):
        read_weights(tmp_path / "none.pth")
    torch.save({"state_dict": vit.state_dict(), "hyper": re.compile("a")}, tmp_path / "objects.ckpt")
    with pytest.raises(BioposeError, match="reading runs them"):
        vit.load_weights(tmp_path / "objects.ckpt")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(BioposeError, match="cannot be read"):
        vit.load_weights(tmp_path / "broken.safetensors")
    torch.save({n: v for n, v in vit.state_dict().items() if "fc1" not in n}, tmp_path / "part.pth")
    with pytest.raises(BioposeError, match="4 of the encoder's"):
        vit.load_weights(tmp_path / "part.pth")
    torch.save(vit.state_dict(), tmp_path / "small.pth")
    with pytest.raises(BioposeError, match="Choose the size"):
        Vit(VitSize(12, 2, 3), CROP).load_weights(tmp_path / "small.pth")


def test_map_and_pyramid_have_their_sizes(vit):
    found = vit(torch.rand(2, 3, *CROP))
    assert found.shape == (2, 24, 4, 3)
    levels = Pyramid(24, 8)(found)
    assert [tuple(level.shape) for level in levels] == [(2, 8, 16, 12), (2, 8, 8, 6), (2, 8, 4, 3)]


def test_checkpointing_changes_no_gradient(vit):
    picture = torch.rand(1, 3, *CROP)
    gradients = []
    for vit.checkpointing in (False, True):
        vit.train().zero_grad()
        vit(picture).square().mean().backward()
        gradients.append(vit.blocks[0].mlp.fc1.weight.grad.clone())
    torch.testing.assert_close(*gradients)
