"""A plain vision transformer (ViT/16) on crops of 256 × 192, and the user's weights for it.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; sizes and the padded patches are ViTPose's (Xu et al.,
NeurIPS 2022), whose weights HMR2.0 (Goel et al., ICCV 2023) starts from. Parameters have the names of those two; files
of mmpose 1 and of the transformers library are renamed on reading.
"""

import pickle
import re
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from biomech.errors import BioposeError

PATCH, PADDING = 16, 2  # the patches' convolution looks two pixels over the crop's edge
CROP_HEIGHT, CROP_WIDTH = 256, 192
MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, per colour, of 0 … 1

# In this order, pieces of other writers' names to ours.
RENAMED = (
    (r"^(state_dict|module|model)\.", ""),
    (r"^backbone\.", ""),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),  # transformers
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.attention\.attention\.", ".attn."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"^layernorm\.", "last_norm."),
    (r"^patch_embed\.projection\.", "patch_embed.proj."),  # mmpose 1
    (r"^layers\.", "blocks."),
    (r"^ln1\.", "last_norm."),
    (r"\.ln([12])\.", r".norm\1."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
    (r"^norm\.", "last_norm."),  # MAE's own
)


class VitSize(NamedTuple):
    """Depth and width of a ViT."""

    width: int
    depth: int
    heads: int


VIT_SIZES = {
    "H": VitSize(1280, 32, 16),
    "B": VitSize(768, 12, 12),
    "S": VitSize(384, 12, 12),
    "L": VitSize(1024, 24, 16),
}


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        query, key, value = self.qkv(hidden).unflatten(-1, (3, self.heads, -1)).movedim(2, 0).transpose(2, 3)
        return self.proj(functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class _Mlp(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(hidden)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = _Attention(width, heads), _Mlp(width)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.attn(self.norm1(hidden))
        return hidden + self.mlp(self.norm2(hidden))


class _PatchEmbed(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH, PADDING)

    def forward(self, picture: Tensor) -> Tensor:
        return self.proj(picture)


class Vit(nn.Module):
    """Pictures → one feature map at 16×.

    Args:
        crop: height and width in pixels, multiples of 16.
        checkpointing: keep no activations within the blocks for the way back.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, size: VitSize, crop: tuple[int, int] = (CROP_HEIGHT, CROP_WIDTH), checkpointing: bool = False):
        super().__init__()
        self.size, self.checkpointing = size, checkpointing
        self.cells = (crop[0] // PATCH, crop[1] // PATCH)
        self.patch_embed = _PatchEmbed(size.width)
        # The first place is the class token's, which ViTPose drops but whose position it adds to every patch.
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + self.cells[0] * self.cells[1], size.width))
        self.blocks = nn.ModuleList(_Block(size.width, size.heads) for _ in range(size.depth))
        self.last_norm = nn.LayerNorm(size.width, eps=1e-6)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("sd", torch.tensor(SD)[:, None, None], persistent=False)

    def forward(self, picture: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch width rows columns"]:
        """One map of a batch of crops.

        Args:
            picture: RGB, 0 … 1; of another size than the encoder was made for, the places are told as resampled.

        Returns:
            A cell for each 16 × 16 pixels.
        """
        patches = self.patch_embed((picture - self.mean) / self.sd)
        cells = (patches.shape[-2], patches.shape[-1])
        places = self.pos_embed[:, 1:]
        if cells != self.cells:
            grid = places.mT.unflatten(-1, self.cells)
            places = functional.interpolate(grid, size=cells, mode="bilinear", align_corners=False).flatten(2).mT
        hidden = patches.flatten(2).mT + places + self.pos_embed[:, :1]
        for block in self.blocks:
            if self.checkpointing and self.training:
                hidden = checkpoint(block, hidden, use_reentrant=False)
            else:
                hidden = block(hidden)
        return self.last_norm(hidden).mT.unflatten(-1, cells)

    def load_weights(self, path: Path) -> None:
        """Take the encoder's weights out of a file of ViTPose, HMR2.0, mmpose, transformers or MAE.

        Position embeddings of another grid are resampled. Everything else in the file is left aside.

        Raises:
            BioposeError: the file cannot be read without running what it holds, lacks some of the encoder's weights, or
                is of another size.
        """
        found = renamed(read_weights(Path(path)))
        wanted = self.state_dict()
        if missing := sorted(wanted.keys() - found.keys()):
            raise BioposeError(
                f"{len(missing)} of the encoder's {len(wanted)} weights are not in it, {missing[0]} first",
                where=str(path),
                mend="It takes ViTPose's (not ViTPose+'s experts), HMR2.0's, mmpose 1's or a plain MAE's ViT/16.",
            )
        found["pos_embed"] = self._resampled(found["pos_embed"])
        for name, value in wanted.items():
            if found[name].shape != value.shape:
                raise BioposeError(
                    f"{name} is {tuple(found[name].shape)}; this encoder's is {tuple(value.shape)}",
                    where=str(path),
                    mend=f"Choose the size of the file's own: {', '.join(f'{k} {v}' for k, v in VIT_SIZES.items())}.",
                )
        self.load_state_dict({name: found[name] for name in wanted})

    def _resampled(self, positions: Float[Tensor, "1 n width"]) -> Float[Tensor, "1 m width"]:
        rows, columns = self.cells
        count = positions.shape[1]
        first, grid = positions[:, :1], positions[:, 1:]
        if count == rows * columns:  # no class token
            return torch.cat([torch.zeros_like(positions[:, :1]), positions], 1)
        side = round((count - 1) ** 0.5)
        if count == 1 + rows * columns or side * side != count - 1:
            return positions
        grid = functional.interpolate(
            grid.mT.unflatten(-1, (side, side)), size=self.cells, mode="bicubic", align_corners=False
        )
        return torch.cat([first, grid.flatten(2).mT], 1)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors or of a torch file, whichever of the usual keys they lie under.

    Raises:
        BioposeError: there is no such file, or it holds more than tensors and plain numbers.
    """
    if not path.is_file():
        raise BioposeError("there is no such file", where=str(path))
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, SafetensorError) as error:
        raise BioposeError(
            f"cannot be read as plain weights ({str(error).splitlines()[0]})",
            where=str(path),
            mend="Checkpoints that also hold a program's objects are not read, since reading runs them. Where you "
            "trust the file, save torch.load(…, weights_only=False)['state_dict'] as .safetensors, and give that.",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under ViTPose's names."""
    ours = {}
    for name, value in weights.items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        ours[name] = value
    for name in [n for n in ours if ".attn.query." in n]:  # transformers keeps the three apart
        parts = [ours.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        ours[name.replace("query", "qkv")] = torch.cat(parts)
    return ours
