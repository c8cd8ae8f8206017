"""The sequence network: what keypoints over a second or two say of a pose that those of one frame leave open.

Dilated convolutions over time, 15 frames a second, see where the keypoints are, how they move, and the detector's own
3D where there is any. They say, frame by frame, how the body is held against gravity (``features``) and where its
points are in space, each with the mean error that they expect. Learned by ``train.sequence`` from motions drawn by code
before simulated detectors, then from rendered bodies before the real one.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.mesh.completed import LOOKS, completed, lacking
from biomech.mesh.features import SIZE, mirrored
from biomech.mesh.lifter import USUAL_STATURE_M
from biomech.mesh.rays import towards

FILE = Path(__file__).with_name("sequence.safetensors")
RATE_HZ = 15.0
POINTS = len(POINT_NAMES)
MIRROR = [int(k) for k in MIRRORED[:POINTS]]
WIDTH, DILATIONS, DROPOUT = 256, (1, 2, 4, 8, 1, 4), 0.1
# What one frame's numbers are, in order: points in the picture, whether each is seen, the person's way and size in the
# picture, the detector's 3D and whether there is any.
COLUMNS = {"seen": 2 * POINTS, "present": POINTS, "way": 6, "said": 3 * POINTS, "any_said": 1}
INPUTS = sum(COLUMNS.values())
LEAST_SD, MOST_SD = 0.003, 1.0
MOST_LOG = 10.0  # of a spread, far beyond the widest


@dataclass(frozen=True)
class ClipPrediction:
    """Of every frame; spreads are expected mean errors."""

    features: Float[np.ndarray, "frames features"]
    features_sd: Float[np.ndarray, "frames features"]
    points: Float[np.ndarray, "frames points 3"]  # about their mean, statures, axes of ``rays.towards``
    points_sd: Float[np.ndarray, "frames points 3"]


class SequenceNet(nn.Module):
    """Residual dilated convolutions."""

    def __init__(self, width: int = WIDTH, dropout: float = DROPOUT):
        super().__init__()
        self.first = nn.Conv1d(INPUTS, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(1, width),
                nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Conv1d(width, width, 1),
            )
            for dilation in DILATIONS
        )
        self.last = nn.Conv1d(width, 2 * (SIZE + 3 * POINTS), 1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)
        self.scale: Tensor
        self.mean: Tensor
        self.register_buffer("scale", torch.ones(SIZE))
        self.register_buffer("mean", torch.zeros(SIZE))

    def forward(self, columns: Float[Tensor, "clips frames inputs"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features, their spread, points, their spread."""
        hidden = self.first(columns.transpose(1, 2))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        answer = self.last(nn.functional.gelu(hidden)).transpose(1, 2)
        values, spread, points, points_spread = answer.split([SIZE, SIZE, 3 * POINTS, 3 * POINTS], -1)
        points = 0.3 * points.unflatten(-1, (POINTS, 3))
        points = points - points.mean(-2, keepdim=True)
        return (
            self.mean + self.scale * values,
            (self.scale * _exp(spread - 0.5)).clamp(LEAST_SD, MOST_SD),
            points,
            _exp(points_spread - 3.5).clamp(LEAST_SD, MOST_SD).unflatten(-1, (POINTS, 3)),
        )

    @classmethod
    @functools.lru_cache(maxsize=1)
    def load(cls, path: Path = FILE) -> "SequenceNet":
        """The weights in the package; not to be changed."""
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        network = cls(tensors["first.bias"].shape[0])
        network.load_state_dict(tensors)
        return network.eval()


def _exp(log: Tensor) -> Tensor:
    """Without overflow, whose gradient would be no number."""
    return torch.exp(log.clamp(max=MOST_LOG))


def columns_of(
    xy: Float[np.ndarray, "frames points 2"],
    present: Float[np.ndarray, "frames points"],
    world_m: Float[np.ndarray, "frames points 3"] | None,
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "frames inputs"]:
    """What the network sees of a clip, ``RATE_HZ`` frames a second; absent points at the mean of the others.

    Args:
        xy: px, of BlazePose's 33 points; finite, those absent too.
        present: 1 where a keypoint is to be believed, else 0.
        world_m: the detector's 3D (m, x right, y down, z away), without gaps; None where it has none.
        focal_px: of the clip.
        center_px: principal point.

    Returns:
        ``COLUMNS`` side by side.
    """
    frames = len(xy)
    turn = towards(xy, present, center_px, focal_px)
    rays = np.concatenate([(xy - center_px) / focal_px, np.ones((*xy.shape[:2], 1))], -1) @ turn
    seen = rays[..., :2] / np.maximum(rays[..., 2:], 0.1)
    weight = present[..., None] / np.maximum(present.sum(1), 1)[:, None, None]
    seen = (seen - (seen * weight).sum(1, keepdims=True)) * present[..., None]
    size = np.sqrt((np.square(seen).sum(-1) * weight[..., 0]).sum(1)) + 1e-4
    usual = float(np.median(size))
    middle = turn[:, :, 2]
    middle = middle[:, :2] / middle[:, 2:]
    way = np.concatenate(
        [
            (middle - np.median(middle, 0)) / usual,
            middle,
            np.log(size / usual)[:, None],
            np.full((frames, 1), np.log(usual)),
        ],
        1,
    )
    said = np.zeros((frames, POINTS, 3)) if world_m is None else world_m / USUAL_STATURE_M
    said = said - said.mean(1, keepdims=True)
    known = np.full((frames, 1), 0.0 if world_m is None else 1.0)
    parts = [(seen / usual).reshape(frames, -1), present, way, said.reshape(frames, -1), known]
    return np.concatenate(parts, 1)


def mirrored_columns(columns: Tensor) -> Tensor:
    """Of the mirror image."""
    seen, present, way, said, known = columns.split(list(COLUMNS.values()), -1)
    flip2, flip3 = torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0, 1.0])
    seen = (seen.unflatten(-1, (POINTS, 2))[..., MIRROR, :] * flip2).flatten(-2)
    said = (said.unflatten(-1, (POINTS, 3))[..., MIRROR, :] * flip3).flatten(-2)
    way = way * torch.tensor([-1.0, 1.0, -1.0, 1.0, 1.0, 1.0])
    return torch.cat([seen, present[..., MIRROR], way, said, known], -1)


def guess(columns: Float[np.ndarray, "frames inputs"], network: SequenceNet | None = None) -> ClipPrediction:
    """What the network says of a clip and of its mirror image, in the mean.

    Args:
        columns: by ``columns_of``, one clip.
        network: in place of the package's.

    Returns:
        Features as ``features`` has them (sines, rad), points in statures, and their spreads.
    """
    network = network or SequenceNet.load()
    seen = torch.from_numpy(columns).float()[None]
    with torch.no_grad():
        one, other = (
            [part[0].double().numpy() for part in network(columns)] for columns in (seen, mirrored_columns(seen))
        )
    flip = np.array([-1.0, 1.0, 1.0])
    return ClipPrediction(
        (one[0] + mirrored(other[0])) / 2,
        (one[1] + np.abs(mirrored(other[1]))) / 2,
        (one[2] + other[2][:, MIRROR] * flip) / 2,
        (one[3] + other[3][:, MIRROR]) / 2,
    )


def seen_over_time(
    names: list[str],
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    world_m: Float[np.ndarray, "frames points 3"] | None,
    time_s: Float[np.ndarray, " frames"],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
    network: SequenceNet | None = None,
) -> ClipPrediction:
    """``guess`` of a clip at any rate, by whatever detector, at the clip's own times.

    What the detector's layout lacks is put where the answer itself says: see ``completed``.

    Args:
        names: of the points, of which some are BlazePose's.
        xy: px.
        confidence: 0 where a keypoint is not to be believed.
        world_m: the detector's 3D (m, x right, y down, z away), frames without it NaN; looked at only if all of
            BlazePose's 33 points are there.
        time_s: of the frames, increasing.
        focal_px: of the clip.
        center_px: principal point.
        network: in place of the package's.

    Returns:
        At ``time_s``; points are BlazePose's 33, whatever the names.
    """
    at = np.arange(time_s[0], time_s[-1] + 1e-6, 1 / RATE_HZ)
    known = [k for k, name in enumerate(names) if name in POINT_NAMES]
    rows = [POINT_NAMES.index(names[k]) for k in known]
    picture, present = np.zeros((len(at), POINTS, 2)), np.zeros((len(at), POINTS))
    for k, row in zip(known, rows, strict=True):
        good = confidence[:, k] > 0
        if good.any():
            picture[:, row] = _at(at, time_s[good], xy[good, k])
            present[:, row] = np.interp(at, time_s, good.astype(float)) > 0.5
    said = None
    good = np.zeros(len(time_s), dtype=bool) if world_m is None else np.isfinite(world_m).all((1, 2))
    if world_m is not None and good.any() and len(known) == POINTS:
        said = np.zeros((len(at), POINTS, 3))
        said[:, rows] = _at(at, time_s[good], world_m[good][:, known].reshape(good.sum(), -1)).reshape(len(at), -1, 3)
    answer = guess(columns_of(picture, present, said, focal_px, center_px), network)
    if lacks := lacking(np.isin(np.arange(POINTS), rows)):
        for _ in range(LOOKS):
            turned = answer.points @ np.swapaxes(towards(picture, present, center_px, focal_px), 1, 2)
            whole = completed(picture, present, turned, lacks, focal_px, center_px)
            answer = guess(columns_of(*whole, said, focal_px, center_px), network)
    flat = {name: getattr(answer, name) for name in ("features", "features_sd", "points", "points_sd")}
    return ClipPrediction(
        **{name: _at(time_s, at, v.reshape(len(at), -1)).reshape(-1, *v.shape[1:]) for name, v in flat.items()}
    )


def _at(
    wanted_s: Float[np.ndarray, " wanted"], time_s: Float[np.ndarray, " times"], values: Float[np.ndarray, "times n"]
) -> Float[np.ndarray, "wanted n"]:
    return np.stack([np.interp(wanted_s, time_s, column) for column in values.T], 1)
