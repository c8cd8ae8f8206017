"""What the sequence network learns from: people in motion before simulated detectors, and rendered clips.

Motions are drawn by code, recorded (`biopose label --library`), or lead from one random pose to others. The simulated
detector errs as the real one was measured to err on film: each point is off by a constant of 10 to 30 mm a clip, and
scatters about that by 5 to 20 mm, a part of it for half a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.linkage import Pose, coordinates_of, pose_of, pose_of_bones
from biomech.camera import direction, rotation_looking
from biomech.labels.library.generated import generate
from biomech.labels.library.skeleton import names as coordinate_names
from biomech.labels.people import random_person
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import features, mirrored, pose_of_features
from biomech.mesh.ground import against_gravity
from biomech.mesh.placing import Linked, Placing
from biomech.mesh.rays import towards
from biomech.mesh.sequence import COLUMNS, INPUTS, MIRROR, POINTS, RATE_HZ, columns_of, mirrored_columns
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.motions import Motions

# Of the simulated detector, in statures: a constant of a point and clip, what lasts half a second, what does not.
CONSTANT_SD, SLOW_SD, WHITE_SD = 0.009, 0.004, 0.003
MEMORY_S = 0.5
WORSE = 0.15  # share of the points that err three times as much: hidden ones
ABSENT, ABSENT_S = 0.03, 0.8
FOCAL_ERROR = 0.06
DISTANCE_M = (1.8, 9.0)
ROLL_SD = 0.04
KINDS = {
    **{"standing": 0.1, "walk": 0.3, "plain_walk": 0.1, "run": 0.06, "stairs_up": 0.03, "stairs_down": 0.03},
    **{"squat": 0.12, "lunge": 0.05, "sit_to_stand": 0.12, "jump": 0.05, "reach": 0.04},
}
MOTION_S, OF_A_PERSON = 6.0, 5  # of a motion; motions of a person
RECORDED_SHARE, POSED_SHARE = 0.2, 0.2  # of the motions, where there is a library
POSES = 3, 9  # of a motion through random poses
SEEN = 0.1  # confidence from which a keypoint is there


@dataclass(frozen=True)
class Moving:
    """People in motion, ``RATE_HZ`` frames a second; Y up, m."""

    points: Float[np.ndarray, "motions frames points 3"]
    features: Float[np.ndarray, "motions frames features"]
    stature_m: Float[np.ndarray, " motions"]


class ClipBatch(NamedTuple):
    """What the network sees, and the truth."""

    columns: Float[Tensor, "clips frames inputs"]
    features: Float[Tensor, "clips frames features"]
    points: Float[Tensor, "clips frames points 3"]

    @classmethod
    def of(cls, examples: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> "ClipBatch":
        """Of columns, features and points of each clip."""
        return cls(*(torch.from_numpy(np.stack(part)).float() for part in zip(*examples, strict=True)))


class Piece(NamedTuple):
    """A part of a motion before a camera whose focal length is 1."""

    seen: Float[np.ndarray, "frames points 3"]  # camera axes, m
    features: Float[np.ndarray, "frames features"]
    stature_m: float

    @classmethod
    def of(cls, moving: Moving, row: int, frames: int, rng: np.random.Generator) -> "Piece":
        """Any part of a motion, before any camera.

        Args:
            moving: people in motion.
            row: of the motion.
            frames: of the piece; not more than the motion has.
            rng: of piece and camera.

        Returns:
            Truth alone; no detector has looked.
        """
        first = rng.integers(moving.points.shape[1] - frames + 1)
        part = slice(first, first + frames)
        world = moving.points[row, part].astype(float)
        camera, lens = random_camera(world, rng)
        return cls((world - lens) @ camera.T, moving.features[row, part], float(moving.stature_m[row]))

    def picture(self, error: Float[np.ndarray, "*#frames points 2"] | float = 0.0) -> np.ndarray:
        """Where a detector that errs so sees the points; errors in statures at the person's distance."""
        distance = self.seen[..., 2:].mean(1, keepdims=True)
        return self.seen[..., :2] / self.seen[..., 2:] + np.asarray(error, float) * self.stature_m / distance

    def truth(self, xy: np.ndarray, present: np.ndarray, focal: float = 1.0) -> Float[np.ndarray, "frames points 3"]:
        """The points about their mean, statures, in the ray axes that a detector's answer gives.

        Args:
            xy: of ``picture``.
            present: 1 where a keypoint is to be believed, else 0.
            focal: what is taken for the focal length.

        Returns:
            As ``about_mean``.
        """
        return about_mean(self.seen, towards(xy, present, np.zeros(2), focal), self.stature_m)


def filmed(
    moving: Moving, rows: Int[np.ndarray, " clips"], frames: int, rate_hz: float, rng: np.random.Generator
) -> ClipBatch:
    """Pieces of motions before random cameras, as the simulated detector tells them.

    Args:
        moving: people in motion.
        rows: of the motions that are seen, one for a piece.
        frames: of a piece; not more than a motion has.
        rate_hz: of the motions; says how many frames an error lasts.
        rng: of pieces, cameras and errors.

    Returns:
        A piece a row, without 3D; ``points`` about their mean, statures, axes of ``rays.towards``.
    """
    examples = []
    for row in rows:
        piece = Piece.of(moving, row, frames, rng)
        xy, present = piece.picture(point_errors(frames, rate_hz, rng)), _present(frames, rate_hz, rng)
        focal = wrong_focal(rng)
        columns = columns_of(xy, present, None, focal, np.zeros(2))
        examples.append((columns, piece.features, piece.truth(xy, present, focal)))
    return ClipBatch.of(examples)


def wrong_focal(rng: np.random.Generator) -> float:
    """What is taken for a focal length of 1."""
    return float(np.exp(rng.normal(0, FOCAL_ERROR)))


def about_mean(
    seen: Float[np.ndarray, "frames points 3"], turn: Float[np.ndarray, "frames 3 3"], stature_m: float
) -> Float[np.ndarray, "frames points 3"]:
    """Points about their mean.

    Args:
        seen: points in camera axes, m.
        turn: camera from ray axes, of ``rays.towards``.
        stature_m: of the person.

    Returns:
        Statures, ray axes.
    """
    points = seen @ turn / stature_m
    return points - points.mean(1, keepdims=True)


def random_camera(
    world: Float[np.ndarray, "frames points 3"], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Somebody's camera, aimed at the person more or less; nobody nearer than 1.2 m.

    Args:
        world: the person's points, m, Y up.
        rng: of place and aim.

    Returns:
        Camera axes from the world's, and where the lens is (m).
    """
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
    roll = rng.normal(0, ROLL_SD)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return turn @ rotation_looking(direction(pitch, heading)), place


def point_errors(frames: int, rate_hz: float, rng: np.random.Generator) -> Float[np.ndarray, "frames points 2"]:
    """How far off the simulated detector's points are: a constant, what lasts ``MEMORY_S``, and what does not.

    Args:
        frames: how many, one after another.
        rate_hz: of the frames.
        rng: a few points err three times as much as the others.

    Returns:
        Right and down, statures at the person's distance.
    """
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


def in_mirror(batch: ClipBatch) -> ClipBatch:
    """The mirror image."""
    points = batch.points[..., MIRROR, :] * torch.tensor([-1.0, 1.0, 1.0])
    features = torch.from_numpy(mirrored(batch.features.numpy())).float()
    return ClipBatch(mirrored_columns(batch.columns), features, points)


def without_3d(batch: ClipBatch, share: float, rng: np.random.Generator) -> ClipBatch:
    """Some clips as of a detector without 3D.

    Args:
        batch: stays as it is.
        share: chance of each clip, 0 to 1.
        rng: says which clips.

    Returns:
        The same truth; the last columns of those clips are 0.
    """
    columns = batch.columns.clone()
    start = INPUTS - COLUMNS["said"] - COLUMNS["any_said"]
    columns[torch.from_numpy(rng.random(len(columns)) < share), :, start:] = 0
    return ClipBatch(columns, batch.features, batch.points)


def drawn(motions: int, rng: np.random.Generator, library: Path | None = None) -> Moving:
    """People of real proportions in motion, and where the detector's points are on them.

    Args:
        motions: how many, of ``MOTION_S`` each; ``OF_A_PERSON`` of them are one person's.
        rng: of people and motions.
        library: whose recordings take part, and with them random poses; None for motions by code alone.

    Returns:
        Points in a world with the floor at Y = 0, features of the pose, and statures.

    Raises:
        BioposeError: there is no such library, or no recording in it is long enough.
    """
    body = AnnyBody.load([0])
    placing, points = Placing(body), Correspondence.load(body.bone_names).points
    placed, values, statures = [], [], []
    recordings = Motions(round(MOTION_S * RATE_HZ), RATE_HZ, library) if library else None
    for number in range(motions):
        if number % OF_A_PERSON == 0:
            shape = random_person(rng).shape
            linked = Linked.of(body, shape)
        names, motion = _moves(rng, recordings)
        pose = pose_of(names, motion)
        root = driven(body, shape, names, motion, np.arange(len(motion)) / RATE_HZ).root_position_m
        placed.append(placing.points(placing.frame(linked, pose, root), points))
        values.append(features(pose))
        statures.append(linked.stature_m)
    return Moving(np.stack(placed), np.stack(values), np.array(statures))


def _moves(rng: np.random.Generator, recordings: Motions | None) -> tuple[list[str], np.ndarray]:
    """Names of coordinates, and their values at ``RATE_HZ``."""
    kind = rng.random()
    if recordings and kind < RECORDED_SHARE:
        return list(coordinate_names()), recordings.recording(rng)
    if recordings and kind < RECORDED_SHARE + POSED_SHARE:
        count, frames = rng.integers(*POSES), round(MOTION_S * RATE_HZ)
        poses = np.stack([recordings.pose(rng) for _ in range(count)])
        at = np.concatenate([[0], np.sort(rng.uniform(0, frames, count - 2)), [frames]])
        found = coordinates_of(pose_of_features(PchipInterpolator(at, poses, axis=0)(np.arange(frames))))
        return list(found), np.stack(list(found.values()), 1)
    made = generate(str(rng.choice(list(KINDS), p=list(KINDS.values()))), MOTION_S, RATE_HZ, rng)
    return made.names, made.values


@dataclass(frozen=True)
class SeenClip:
    """A rendered clip: what the real detector said of it, and where the points are."""

    clip: Clip
    pose: Pose
    seen: Float[np.ndarray, "frames points 3"]  # camera axes, m
    truth: Float[np.ndarray, "frames points 3"]  # the same about their mean, statures, axes of ``rays.towards``
    xy: Float[np.ndarray, "frames points 2"]  # px
    present: Float[np.ndarray, "frames points"]  # 1 where a keypoint is to be believed
    world_m: Float[np.ndarray, "frames points 3"]
    stature_m: float


def seen_clips(paths: Iterable[Path]) -> list[SeenClip]:
    """Clips of `biopose train clips`, without their heat maps."""
    body = AnnyBody.load([0])
    placing, points = Placing(body), Correspondence.load(body.bone_names).points
    found = []
    for path in paths:
        clip = Clip.load(path, maps=False, body=body.name)
        pose, linked = pose_of_bones(body, clip.betas, clip.rotations.astype(float)), Linked.of(body, clip.betas)
        seen = placing.points(placing.frame(linked, pose, clip.root_position_m.astype(float)), points)
        present, xy = (clip.confidence >= SEEN).astype(float), clip.xy.astype(float)
        truth = about_mean(seen, towards(xy, present, clip.principal_px, clip.focal_px), linked.stature_m)
        found.append(SeenClip(clip, pose, seen, truth, xy, present, clip.world_m.astype(float), linked.stature_m))
    return found


def rendered(clips: Iterable[SeenClip]) -> ClipBatch:
    """Clips of one length, as the real detector tells them."""
    return ClipBatch.of(
        (
            columns_of(one.xy, one.present, one.world_m, one.clip.focal_px, one.clip.principal_px),
            features(against_gravity(one.pose, one.clip.up)),
            one.truth,
        )
        for one in clips
    )
