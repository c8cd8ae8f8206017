"""From tokens to bone rotations; from the encoder's summary to β, the camera and a first guess of the rotations.

The paper has θ from the decoder, β and the camera from an MLP on the encoder. That the MLP also guesses θ, which the
tokens then mend, is ours: it learns a hundred times faster than they do. Rotations are six numbers, two columns of
a matrix (Zhou et al., "On the Continuity of Rotation Representations", CVPR 2019). Everything starts at the mean: pose,
shape, and a person in the middle of the crop.
"""

from typing import NamedTuple

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
    """Tokens → changes of the turning bones' rotations: each bone's own mixture of the tokens, then a linear layer."""

    def __init__(self, body: BodyLayer, tokens: int, width: int):
        super().__init__()
        bones = len(body.turning)
        self.norm = nn.LayerNorm(width)
        self.mixture = nn.Parameter(torch.randn(bones, tokens) / tokens**0.5)
        self.weight = nn.Parameter(1e-3 * torch.randn(bones, width, 6))
        self.bias = nn.Parameter(torch.zeros(bones, 6))

    def forward(self, tokens: Float[Tensor, "*batch tokens width"]) -> Float[Tensor, "*batch turning 6"]:
        """What to add to the first guess's numbers."""
        of_bone = self.mixture @ self.norm(tokens)
        return torch.einsum("...bw,bwk->...bk", of_bone, self.weight) + self.bias


class Guess(NamedTuple):
    """What the summary alone says."""

    numbers: Float[Tensor, "batch turning 6"]  # of the rotations
    shape: Float[Tensor, "batch shape"]  # for ``BodyLayer.shape``
    camera: Float[Tensor, "batch 3"]  # for ``camera.place``


class GuessHead(nn.Module):
    """Summary → β, the camera and a first θ."""

    mean: Tensor

    def __init__(self, body: BodyLayer, summary_width: int, width: int):
        super().__init__()
        self.sizes = [6 * len(body.turning), len(body.shape_names), 3]
        self.register_buffer("mean", six_from_rotation(body.mean_pose[body.turning]), persistent=False)
        self.layers = nn.Sequential(
            nn.LayerNorm(summary_width),
            nn.Linear(summary_width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, sum(self.sizes)),
        )
        last = self.layers[-1]
        nn.init.normal_(last.weight, std=1e-3)  # type: ignore[arg-type]
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, summary: Float[Tensor, "batch summary"]) -> Guess:
        change, shape, camera = self.layers(summary).split(self.sizes, 1)
        return Guess(self.mean + change.unflatten(1, (-1, 6)), shape, camera)
