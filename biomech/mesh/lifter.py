"""What the detector's answer says about the body in space, better than the detector's own 3D.

BlazePose's world landmarks are skewed, shortened in depth and without a word on how sure they are. A small network,
trained on bodies whose truth is known as the same detector saw them (`biopose train clips`), corrects them and gives
each coordinate the mean error that is to be expected. It sees one frame; time, bones and the pose prior are the fit's.

The fit takes that mean error for a standard deviation, of which it is 0.8 (normal) or 0.7 (Laplace): it believes the
lifter a little more than it says of itself. What the fit weighs by was chosen with it so; to put it right moves every
figure, and belongs with the next choice of those weights.

`python -m biomech.train.lifter CLIPS` makes ``lifter.safetensors``; ``lifter.json`` says from what, and how good.
"""

import functools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.mesh.rays import towards

FILE = Path(__file__).with_name("lifter.safetensors")
POINTS = len(POINT_NAMES)
MIRROR = torch.tensor(MIRRORED[:POINTS])
HIPS = [POINT_NAMES.index("left_hip"), POINT_NAMES.index("right_hip")]
USUAL_STATURE_M = 1.7  # world landmarks are those of a person of about this size
FEATURES = POINTS * 6 + 1
LEAST_SD, MOST_SD = 0.004, 0.3  # statures


class Lifter(nn.Module):
    """Features of a frame → body points about their mean, ray axes (right, down, away), statures, and their spread."""

    def __init__(self, width: int = 512, dropout: float = 0.0):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(FEATURES, width), nn.GELU(), nn.Dropout(dropout))
        self.middle = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout),
                          nn.Linear(width, width))
            for _ in range(2)
        )  # fmt: skip
        self.last = nn.Linear(width, POINTS * 6)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(
        self, features: Float[Tensor, "frames features"]
    ) -> tuple[Float[Tensor, "frames points 3"], Float[Tensor, "frames points 3"]]:
        hidden = self.first(features)
        for block in self.middle:
            hidden = hidden + block(hidden)
        answer = self.last(hidden).view(-1, POINTS, 6)
        said = features[:, : POINTS * 3].view(-1, POINTS, 3)
        points = said + 0.1 * answer[..., :3]
        spread = torch.exp(answer[..., 3:] - 3.5).clamp(LEAST_SD, MOST_SD)
        return points - points.mean(1, keepdim=True), spread

    @classmethod
    @functools.lru_cache(maxsize=1)
    def load(cls, path: Path = FILE) -> "Lifter":
        """The weights in the package; not to be changed."""
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        lifter = cls(tensors["first.0.bias"].shape[0])
        lifter.load_state_dict(tensors)
        return lifter.eval()


def features(
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    world_m: Float[np.ndarray, "frames points 3"],
    focal_px: Float[np.ndarray, "*frames"] | float,
    center_px: Float[np.ndarray, "*frames 2"],
) -> tuple[Float[np.ndarray, "frames features"], Float[np.ndarray, "frames 3 3"]]:
    """What the network sees, and the rotation camera from ray axes: landmarks, picture about its mean and size.

    Args:
        xy: px, of BlazePose's 33 points; finite, those not seen too.
        confidence: 0 … 1.
        world_m: the detector's 3D, m: x right, y down, z away; about any point.
        focal_px: of the clip, or of each frame.
        center_px: principal point, of the clip or of each frame.

    Returns:
        ``FEATURES`` numbers a frame, and the rotations of ``towards``.
    """
    turn = towards(xy, confidence, center_px, focal_px)
    flat = (xy - np.reshape(center_px, (-1, 1, 2))) / np.reshape(focal_px, (-1, 1, 1))
    rays = np.concatenate([flat, np.ones((*flat.shape[:2], 1))], -1) @ turn
    seen = rays[..., :2] / rays[..., 2:]
    seen = seen - seen.mean(1, keepdims=True)
    size = np.sqrt(np.square(seen).sum(-1).mean(1, keepdims=True)) + 1e-6
    said = world_m / USUAL_STATURE_M
    said = said - said.mean(1, keepdims=True)
    columns = [said.reshape(len(xy), -1), (seen / size[..., None]).reshape(len(xy), -1), confidence, np.log(size)]
    return np.concatenate(columns, 1), turn


def in_mirror(points: Float[Tensor, "frames points size"]) -> Float[Tensor, "frames points size"]:
    """Points (x to the right first) as the mirror image has them: left is right."""
    flipped = points[:, MIRROR].clone()
    flipped[..., 0] *= -1
    return flipped


def mirrored(columns: Float[Tensor, "frames features"]) -> Float[Tensor, "frames features"]:
    """The features of the mirror image."""
    said, seen = columns[:, : POINTS * 3].view(-1, POINTS, 3), columns[:, POINTS * 3 : POINTS * 5].view(-1, POINTS, 2)
    confidence, size = columns[:, POINTS * 5 : POINTS * 6], columns[:, POINTS * 6 :]
    return torch.cat([in_mirror(said).flatten(1), in_mirror(seen).flatten(1), confidence[:, MIRROR], size], 1)


def lift(
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    world_m: Float[np.ndarray, "frames points 3"],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
) -> tuple[Float[np.ndarray, "frames points 3"], Float[np.ndarray, "frames points 3"]]:
    """Body points about their mean and their spread, in the axes of ``towards`` and statures, of BlazePose's 33.

    Args:
        xy: px, of BlazePose's 33 points; finite, those not seen too.
        confidence: 0 … 1.
        world_m: the detector's 3D, m: x right, y down, z away.
        focal_px: of the clip.
        center_px: principal point.

    Returns:
        Points and the mean errors that are expected of them, along right, down and away (statures).
    """
    columns, _ = features(xy, confidence, world_m, focal_px, center_px)
    seen, lifter = torch.from_numpy(columns).float(), Lifter.load()
    with torch.no_grad():
        points, spread = lifter(seen)
        other_points, other_spread = lifter(mirrored(seen))
    # What the network makes of the mirror image differs a little by chance: the mean is steadier.
    points = (points + in_mirror(other_points)) / 2
    spread = (spread + other_spread[:, MIRROR]) / 2
    return points.double().numpy(), spread.double().numpy()


def lifted_m(
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    world_m: Float[np.ndarray, "frames points 3"],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "frames points 3"]:
    """``lift`` in camera axes, about the middle of the hips, of a person of usual stature; m.

    Args:
        xy, confidence, world_m, focal_px, center_px: as ``lift``.

    Returns:
        m: x right, y down, z away from the lens.
    """
    points, _ = lift(xy, confidence, world_m, focal_px, center_px)
    points = USUAL_STATURE_M * points @ np.swapaxes(towards(xy, confidence, center_px, focal_px), 1, 2)
    return points - points[:, HIPS].mean(1, keepdims=True)
