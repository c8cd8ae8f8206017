"""Trains the sequence network: first on moving people before simulated detectors, then on rendered clips.

The simulated detector errs as the real one was measured to err on film: each point is off by a constant of 10 to 30 mm
a clip, and scatters about that by 5 to 20 mm, a part of it for half a second.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biomech.mesh.features import SIZE, mirrored
from biomech.mesh.sequence import COLUMNS, INPUTS, MIRROR, POINTS, SequenceNet, columns_of, mirrored_columns

# Of the simulated detector, in statures: a constant of a point and clip, what lasts half a second, what does not.
CONSTANT_SD, SLOW_SD, WHITE_SD = 0.009, 0.004, 0.003
MEMORY_S = 0.5
WORSE = 0.15  # share of the points that err three times as much: hidden ones
ABSENT, ABSENT_S = 0.03, 0.8
FOCAL_ERROR = 0.06
FOV_DEG = (40, 85)
DISTANCE_M = (1.8, 9.0)
PITCH_RAD, PITCH_SD, ROLL_SD = 0.09, 0.12, 0.04


@dataclass(frozen=True)
class Moving:
    """People in motion, ``RATE_HZ`` frames a second; Y up, m."""

    points: Float[np.ndarray, "motions frames points 3"]
    features: Float[np.ndarray, "motions frames features"]
    stature_m: Float[np.ndarray, " motions"]


@dataclass(frozen=True)
class Batch:
    """What the network sees, and the truth."""

    columns: Float[Tensor, "clips frames inputs"]
    features: Float[Tensor, "clips frames features"]
    points: Float[Tensor, "clips frames points 3"]


def filmed(moving: Moving, rows: np.ndarray, frames: int, rate_hz: float, rng: np.random.Generator) -> Batch:
    """Pieces of motions before random cameras, as the simulated detector tells them."""
    columns, features, points = [], [], []
    for row in rows:
        first = rng.integers(moving.points.shape[1] - frames + 1)
        world = moving.points[row, first : first + frames].astype(float)
        camera, root = _camera(world, rng)
        seen = (world - root) @ camera.T
        focal, stature = 1.0, moving.stature_m[row]
        xy = seen[..., :2] / seen[..., 2:]
        error = _errors(frames, rate_hz, rng)
        xy = xy + error * stature / seen[..., 2:].mean(1, keepdims=True)
        present = _present(frames, rate_hz, rng)
        focal = float(np.exp(rng.normal(0, FOCAL_ERROR)))
        columns.append(columns_of(xy, present, None, focal, np.zeros(2)))
        features.append(moving.features[row, first : first + frames])
        points.append(_about(seen, columns_turn(xy, present, focal), stature))
    return Batch(*(torch.from_numpy(np.stack(part)).float() for part in (columns, features, points)))


def columns_turn(xy: np.ndarray, present: np.ndarray, focal_px: float) -> Float[np.ndarray, "frames 3 3"]:
    """Camera axes from the axes of the ray through the person, of a picture whose centre is 0."""
    from biomech.mesh.rays import towards

    return towards(xy, present, np.zeros(2), focal_px)


def _about(seen: np.ndarray, turn: np.ndarray, stature_m: float) -> Float[np.ndarray, "frames points 3"]:
    points = seen @ turn / stature_m
    return points - points.mean(1, keepdims=True)


def _camera(world: Float[np.ndarray, "frames points 3"], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Camera axes from the world's, and where the lens is; nobody nearer than 1.2 m."""
    middle = world.mean((0, 1))
    reach = np.linalg.norm((world.mean(1) - middle)[:, [0, 2]], axis=1).max()
    distance = np.exp(rng.uniform(*np.log(DISTANCE_M))) + reach
    azimuth = rng.uniform(0, 2 * np.pi)
    height = float(np.clip(rng.normal(1.15, 0.35), 0.2, 2.4))
    place = np.array([middle[0] + distance * np.cos(azimuth), height, middle[2] + distance * np.sin(azimuth)])
    away = middle - place
    # Aimed at the person, more or less: only what is left of the tilt then tells how the camera was held.
    pitch = np.arctan2(-away[1], np.hypot(away[0], away[2])) + rng.normal(0, 0.08)
    heading = np.arctan2(away[2], away[0]) + rng.normal(0, 0.08)
    ahead = np.array([np.cos(pitch) * np.cos(heading), -np.sin(pitch), np.cos(pitch) * np.sin(heading)])
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    camera = np.stack([right, np.cross(ahead, right), ahead])
    roll = rng.normal(0, ROLL_SD)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return turn @ camera, place


def _errors(frames: int, rate_hz: float, rng: np.random.Generator) -> Float[np.ndarray, "frames points 2"]:
    """Of the simulated detector, statures."""
    size = np.where(rng.random((POINTS, 1)) < WORSE, 3.0, 1.0) * np.exp(rng.normal(0, 0.4))
    keep = np.exp(-1 / (MEMORY_S * rate_hz))
    slow = np.empty((frames, POINTS, 2))
    slow[0] = rng.normal(size=(POINTS, 2))
    for frame in range(1, frames):
        slow[frame] = keep * slow[frame - 1] + np.sqrt(1 - keep**2) * rng.normal(size=(POINTS, 2))
    white = rng.normal(size=(frames, POINTS, 2))
    return size * (CONSTANT_SD * rng.normal(size=(POINTS, 2)) + SLOW_SD * slow + WHITE_SD * white)


def _present(frames: int, rate_hz: float, rng: np.random.Generator) -> Float[np.ndarray, "frames points"]:
    present = np.ones((frames, POINTS))
    for point in np.flatnonzero(rng.random(POINTS) < ABSENT * 2):
        first = rng.integers(frames)
        present[first : first + 1 + int(rng.exponential(ABSENT_S) * rate_hz), point] = 0
    if rng.random() < 0.1:  # the head's small points, or hands: other detectors do not have them
        present[:, [1, 2, 3, 4, 5, 6, 9, 10, 17, 18, 19, 20, 21, 22]] = 0
    return present


def surprise(values: Tensor, spread: Tensor, truth: Tensor) -> Tensor:
    """Negative log likelihood under Laplace's distribution, whose tails are a detector's."""
    return ((values - truth).abs() / spread + spread.log()).mean()


def loss_of(network: SequenceNet, batch: Batch) -> Tensor:
    """Of features and points."""
    values, spread, points, points_spread = network(batch.columns)
    return surprise(values, spread, batch.features) + surprise(points, points_spread, batch.points)


def in_mirror(batch: Batch) -> Batch:
    """The mirror image."""
    points = batch.points[..., MIRROR, :] * torch.tensor([-1.0, 1.0, 1.0])
    features = torch.from_numpy(mirrored(batch.features.numpy())).float()
    return Batch(mirrored_columns(batch.columns), features, points)


def without_3d(batch: Batch, share: float, rng: np.random.Generator) -> Batch:
    """Some clips as of a detector without 3D."""
    columns = batch.columns.clone()
    start = INPUTS - COLUMNS["said"] - COLUMNS["any_said"]
    columns[torch.from_numpy(rng.random(len(columns)) < share), :, start:] = 0
    return Batch(columns, batch.features, batch.points)


__all__ = ["SIZE", "Batch", "Moving", "filmed", "in_mirror", "loss_of", "without_3d"]
