"""Errors of the real detector, laid on other motions: what the sequence network learns most of its answer from.

Rendered clips are dear (seven seconds of a core each) and few, motions are cheap. So a motion before a random camera is
given the errors that the detector made on the rendered clip that looks most alike: constants, scatter, hidden limbs and
skewed depth come together, as they do on film.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.body.linkage import pose_of_bones
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.lifter import USUAL_STATURE_M
from biomech.mesh.placing import Placing
from biomech.mesh.rays import towards
from biomech.mesh.sequence import MIRROR, POINTS, columns_of
from biomech.train.sequence_data import FOCAL_ERROR, SEEN, ClipBatch, Moving, about_mean, linked_of, random_camera
from biomech.train.synthetic.clips import Clip

COMPARED = 4  # frames of a clip by which clips are alike
CANDIDATES, ALIKE = 800, 3  # clips looked at for a motion, and how many of the most alike one is drawn from
MOST_ERROR = 1.5  # statures: beyond it somebody else was found


@dataclass(frozen=True)
class RealErrors:
    """What the detector made of rendered clips of one length, and of their mirror images; statures."""

    picture: Float[np.ndarray, "clips frames points 2"]  # at the person's distance, right and down
    said: Float[np.ndarray, "clips frames points 3"]  # of its own 3D, axes of ``rays.towards``
    present: Float[np.ndarray, "clips frames points"]  # 1 where a keypoint is to be believed
    looks: Float[np.ndarray, "clips numbers"]  # the true points of the compared frames, axes of ``rays.towards``

    @classmethod
    def of(cls, paths: list[Path]) -> "RealErrors":
        """Of clips of `biopose train clips`, all of one length."""
        body = AnnyBody.load([0])
        placing, points = Placing(body), Correspondence.load(body.bone_names).points
        found = [_errors(Clip.load(path, maps=False, body=body.name), body, placing, points) for path in paths]
        kept = [one for one in found if all(np.isfinite(part).all() for part in one) and _is_the_person(one[0])]
        picture, said, present, truth = (np.stack(part).astype(np.float32) for part in zip(*kept, strict=True))
        left, left3 = np.array([-1, 1], np.float32), np.array([-1, 1, 1], np.float32)
        picture = np.concatenate([picture, picture[:, :, MIRROR] * left])
        said, truth = (np.concatenate([part, part[:, :, MIRROR] * left3]) for part in (said, truth))
        return cls(picture, said, np.concatenate([present, present[:, :, MIRROR]]), _look(truth))

    @property
    def frames(self) -> int:
        """Of every clip."""
        return self.picture.shape[1]

    def most_alike(self, truth: Float[np.ndarray, "frames points 3"], rng: np.random.Generator) -> int:
        """The row of a clip in which the person is held and seen nearly so.

        Args:
            truth: points about their mean, statures, axes of ``rays.towards``; as many frames as the clips have.
            rng: says which clips are looked at, and which of the most alike is taken.

        Returns:
            A row of the arrays.
        """
        some = rng.choice(len(self.looks), min(CANDIDATES, len(self.looks)), replace=False)
        distance = np.square(self.looks[some] - _look(truth[None].astype(np.float32))).sum(1)
        return int(some[rng.choice(np.argsort(distance)[:ALIKE])])


def with_real_errors(moving: Moving, rows: np.ndarray, errors: RealErrors, rng: np.random.Generator) -> ClipBatch:
    """Pieces of motions before random cameras, as the real detector would err there.

    Args:
        moving: people in motion.
        rows: of the motions that are seen, one for a piece.
        errors: of the real detector, whose clips are as long as a piece is.
        rng: of pieces, cameras and clips.

    Returns:
        A piece a row, with 3D.
    """
    columns, features, points = [], [], []
    for row in rows:
        first = rng.integers(moving.points.shape[1] - errors.frames + 1)
        part = slice(first, first + errors.frames)
        world, stature = moving.points[row, part].astype(float), moving.stature_m[row]
        camera, lens = random_camera(world, rng)
        seen = (world - lens) @ camera.T
        xy = seen[..., :2] / seen[..., 2:]
        everywhere = np.ones(xy.shape[:2])
        clip = errors.most_alike(about_mean(seen, towards(xy, everywhere, np.zeros(2), 1.0), stature), rng)
        xy = xy + errors.picture[clip] * stature / seen[..., 2:].mean(1, keepdims=True)
        present, focal = errors.present[clip].astype(float), float(np.exp(rng.normal(0, FOCAL_ERROR)))
        truth = about_mean(seen, towards(xy, present, np.zeros(2), focal), stature)
        said = (truth + errors.said[clip]) * USUAL_STATURE_M
        columns.append(columns_of(xy, present, said, focal, np.zeros(2)))
        features.append(moving.features[row, part])
        points.append(truth)
    return ClipBatch(*(torch.from_numpy(np.stack(part)).float() for part in (columns, features, points)))


def _errors(clip: Clip, body: AnnyBody, placing: Placing, points) -> tuple[np.ndarray, ...]:
    """In the picture, of the detector's 3D, whether present, and the truth."""
    pose, person = pose_of_bones(body, clip.betas, clip.rotations.astype(float)), linked_of(body, clip.betas)
    seen = placing.points(placing.frame(person, pose, clip.root_position_m.astype(float)), points)
    present, xy = (clip.confidence >= SEEN).astype(float), clip.xy.astype(float)
    true_xy = seen[..., :2] / seen[..., 2:] * clip.focal_px + clip.principal_px
    statures = seen[..., 2:].mean(1, keepdims=True) / (clip.focal_px * person.stature_m)
    truth = about_mean(seen, towards(xy, present, clip.principal_px, clip.focal_px), person.stature_m)
    said = clip.world_m.astype(float) / USUAL_STATURE_M
    return (xy - true_xy) * statures, said - said.mean(1, keepdims=True) - truth, present, truth


def _is_the_person(picture: np.ndarray) -> bool:
    return bool(np.abs(picture).max() < MOST_ERROR)


def _look(truth: Float[np.ndarray, "clips frames points 3"]) -> Float[np.ndarray, "clips numbers"]:
    at = np.linspace(0, truth.shape[1] - 1, COMPARED).round().astype(int)
    return truth[:, at].reshape(len(truth), COMPARED * POINTS * 3)
