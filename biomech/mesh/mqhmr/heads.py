"""From tokens to bone rotations, from the encoder's summary to β and the camera.

The paper has θ from the decoder, β and the camera from an MLP on the encoder. Rotations are six numbers, two columns of
a matrix (Zhou et al., "On the Continuity of Rotation Representations", CVPR 2019). Every head starts at the mean: pose,
shape, and a person in the middle of the crop.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from biomech.mesh.mqhmr.bodies import BodyLayer


def rotation_from_6d(numbers: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation whose first two columns are nearest in turn to the two that are given (Gram–Schmidt)."""
    first = functional.normalize(numbers[..., :3], dim=-1)
    second = numbers[..., 3:]
    second = functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def six_from_rotation(rotations: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other."""
    return rotations[..., :2].mT.flatten(-2)


class PoseHead(nn.Module):
    """Tokens → rotations of the turning bones: each bone's own mixture of the tokens, then its own linear layer."""

    mean: Tensor

    def __init__(self, body: BodyLayer, tokens: int, width: int):
        super().__init__()
        bones = len(body.turning)
        self.register_buffer("mean", six_from_rotation(body.mean_pose[body.turning]), persistent=False)
        self.norm = nn.LayerNorm(width)
        self.mixture = nn.Parameter(torch.randn(bones, tokens) / tokens**0.5)
        self.weight = nn.Parameter(1e-3 * torch.randn(bones, width, 6))
        self.bias = nn.Parameter(torch.zeros(bones, 6))

    def forward(self, tokens: Float[Tensor, "*batch tokens width"]) -> Float[Tensor, "*batch turning 3 3"]:
        of_bone = self.mixture @ self.norm(tokens)
        change = torch.einsum("...bw,bwk->...bk", of_bone, self.weight) + self.bias
        return rotation_from_6d(self.mean + change)


class ShapeCameraHead(nn.Module):
    """Summary → β and the three numbers of ``camera.place``."""

    def __init__(self, body: BodyLayer, summary_width: int, width: int):
        super().__init__()
        self.shape = len(body.shape_names)
        self.layers = nn.Sequential(
            nn.LayerNorm(summary_width),
            nn.Linear(summary_width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, self.shape + 3),
        )
        last = self.layers[-1]
        nn.init.normal_(last.weight, std=1e-3)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(
        self, summary: Float[Tensor, "batch summary"]
    ) -> tuple[Float[Tensor, "batch shape"], Float[Tensor, "batch 3"]]:
        """Numbers for ``BodyLayer.shape``, and the camera."""
        return self.layers(summary).split([self.shape, 3], 1)
