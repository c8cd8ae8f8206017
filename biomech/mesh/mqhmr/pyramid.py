"""Feature maps at 4×, 8× and 16× of the crop, from the one map that a plain ViT has, or from what a detector said."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from biomech.mesh.mqhmr.camera import Crop, exact

STRIDES = (4, 8, 16)
HEAT_MAPS, LANDMARKS = 39, 33
HEAT_SIZE = 64
CROP_NUMBERS = 5
SUMMARY_LAYERS = 3


class Features(NamedTuple):
    """What a front end hands on: evidence with a place, evidence without one, and one summary."""

    maps: list[Float[Tensor, "batch memory_width height width"]]  # finest first
    context: Float[Tensor, "batch n width"]  # tokens that the pose tokens attend to beside each other
    summary: Float[Tensor, "batch summary"]  # for β, the camera and a first guess of θ


class DetectorOutput(NamedTuple):
    """What the embedded detector says of one person in one picture; crop: the region it looked at."""

    heat: Float[Tensor, "batch 39 64 64"]  # 0 … 1 (the sigmoid of the network's maps), over the crop
    mask: Float[Tensor, "batch mask mask"]  # 0 … 1, of the person, over the crop; of any size from 64 on
    xy: Float[Tensor, "batch 33 2"]  # px of the picture
    confidence: Float[Tensor, "batch 33"]  # 0 … 1
    lifted_m: Float[Tensor, "batch 33 3"]  # its 3D, as ``lifter.lifted_m`` corrects it: x right, y down, z away


class Pyramid(nn.Module):
    """Levels of a plain ViT's last map: transposed convolutions upwards, then 1 × 1 and 3 × 3 with a norm after each.

    Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection", ECCV 2022 (the simple pyramid; the
    paper of MQ-HMR names only the three scales).
    """

    def __init__(self, encoder_width: int, width: int, strides: Sequence[int] = STRIDES):
        super().__init__()
        half, quarter = encoder_width // 2, encoder_width // 4
        scale: dict[int, tuple[nn.Module, int]] = {
            4: (
                nn.Sequential(
                    nn.ConvTranspose2d(encoder_width, half, 2, 2),
                    nn.GroupNorm(1, half),
                    nn.GELU(),
                    nn.ConvTranspose2d(half, quarter, 2, 2),
                ),
                quarter,
            ),
            8: (nn.ConvTranspose2d(encoder_width, half, 2, 2), half),
            16: (nn.Identity(), encoder_width),
        }
        self.levels = nn.ModuleList(
            nn.Sequential(
                scale[stride][0],
                nn.Conv2d(scale[stride][1], width, 1, bias=False),
                nn.GroupNorm(1, width),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.GroupNorm(1, width),
            )
            for stride in strides
        )

    def forward(self, features: Float[Tensor, "batch encoder height width"]) -> list[Float[Tensor, "batch width _ _"]]:
        return [level(features) for level in self.levels]


class EvidenceFront(nn.Module):
    """What the detector says, as a pyramid: maps by convolution, landmarks as tokens beside the pose tokens.

    Args:
        width: of the tokens.
        memory_width: of the maps.
        summary_width: of the summary, which is of the landmarks alone: it needs no maps and so learns fast.
        stem_widths: channels of the maps at 4×, 8× and 16× before they are brought to ``memory_width``.
        strides: the levels that are handed on.
    """

    def __init__(
        self,
        width: int,
        memory_width: int,
        summary_width: int = 384,
        stem_widths: Sequence[int] = (32, 64, 128),
        strides: Sequence[int] = STRIDES,
        dropout: float = 0.0,
    ):
        super().__init__()
        fine, middle, coarse = stem_widths
        self.strides = tuple(strides)
        self.first = nn.Sequential(_convolution(HEAT_MAPS + 1, fine, 1, 1), _convolution(fine, fine, 3, 1, fine))
        self.second = _convolution(fine, middle, 3, 2)
        self.third = _convolution(middle, coarse, 3, 2)
        by_stride = dict(zip(STRIDES, stem_widths, strict=True))
        self.out = nn.ModuleList(nn.Conv2d(by_stride[stride], memory_width, 1) for stride in strides)
        self.landmark = nn.Linear(6, width)
        self.place = CropToken(width)
        self.names = nn.Parameter(0.02 * torch.randn(LANDMARKS, width))
        self.summary_width = summary_width
        self.summary = nn.Sequential(
            nn.Linear(LANDMARKS * 6 + CROP_NUMBERS, summary_width),
            *(_Residual(summary_width, dropout) for _ in range(SUMMARY_LAYERS)),
        )

    def forward(self, evidence: DetectorOutput, crop: Crop) -> Features:
        """What a detector said, for the decoder and the heads.

        Args:
            evidence: of each person.
            crop: where the detector looked.

        Returns:
            Maps of ``strides``, a token for each landmark and one for the crop, and the summary.
        """
        mask = functional.adaptive_avg_pool2d(evidence.mask[:, None], HEAT_SIZE)
        first = self.first(torch.cat([evidence.heat, mask], 1))
        second = self.second(first)
        maps = dict(zip(STRIDES, (first, second, self.third(second)), strict=True))
        seen = self._seen(evidence, crop)
        context = torch.cat([self.landmark(seen) + self.names, self.place(crop)], 1)
        levels = [out(maps[stride]) for out, stride in zip(self.out, self.strides, strict=True)]
        return Features(levels, context, self.summarised(evidence, crop))

    def summarised(self, evidence: DetectorOutput, crop: Crop) -> Float[Tensor, "batch summary"]:
        """The summary alone.

        Args:
            evidence: of which the landmarks count alone, not the maps.
            crop: where the detector looked.

        Returns:
            ``summary_width`` numbers a person.
        """
        return self.summary(torch.cat([self._seen(evidence, crop).flatten(1), crop.numbers()], 1))

    def _seen(self, evidence: DetectorOutput, crop: Crop) -> Float[Tensor, "batch 33 6"]:
        """Landmarks as the crop shows them: about −1 … 1."""
        with exact(evidence.xy):
            places, lifted_m = crop.into(evidence.xy), crop.upright(evidence.lifted_m)
        return torch.cat([2 * places, evidence.confidence[..., None], 2 * lifted_m], -1)


class _Residual(nn.Module):
    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, hidden: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        return hidden + self.layers(hidden)


class CropToken(nn.Module):
    """Where in the picture the crop is, and how wide it looks, as a token (CLIFF, Li et al., ECCV 2022)."""

    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(CROP_NUMBERS, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, crop: Crop) -> Float[Tensor, "batch 1 width"]:
        return self.layers(crop.numbers())[:, None]


def _convolution(inputs: int, outputs: int, size: int, stride: int, groups: int = 1) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.GroupNorm(min(8, outputs), outputs), nn.GELU())
