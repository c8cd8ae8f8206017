"""Errors of the real detector, laid on other motions: what the sequence network learns most of its answer from.

Rendered clips are dear (seven seconds of a core each) and few, motions are cheap. So a motion before a random camera is
given the errors that the detector made on the rendered clip that looks most alike: constants, scatter, hidden limbs and
skewed depth come together, as they do on film.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from biomech.mesh.lifter import USUAL_STATURE_M
from biomech.mesh.sequence import MIRROR, POINTS, columns_of
from biomech.train.sequence_data import ClipBatch, Moving, Piece, SeenClip, wrong_focal

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
    def of(cls, clips: Iterable[SeenClip]) -> "RealErrors":
        """Of clips that are all of one length; those in which somebody else was found are left out."""
        found = [(*_errors(one), one.present, one.truth) for one in clips]
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


def with_real_errors(
    moving: Moving, rows: Int[np.ndarray, " clips"], errors: RealErrors, rng: np.random.Generator
) -> ClipBatch:
    """Pieces of motions before random cameras, as the real detector would err there.

    Args:
        moving: people in motion.
        rows: of the motions that are seen, one for a piece.
        errors: of the real detector, whose clips are as long as a piece is.
        rng: of pieces, cameras and clips.

    Returns:
        A piece a row, with 3D.
    """
    examples = []
    for row in rows:
        piece = Piece.of(moving, row, errors.frames, rng)
        clip = errors.most_alike(piece.truth(piece.picture(), np.ones(piece.seen.shape[:2])), rng)
        xy, present = piece.picture(errors.picture[clip]), errors.present[clip].astype(float)
        focal = wrong_focal(rng)
        truth = piece.truth(xy, present, focal)
        said = (truth + errors.said[clip]) * USUAL_STATURE_M
        examples.append((columns_of(xy, present, said, focal, np.zeros(2)), piece.features, truth))
    return ClipBatch.of(examples)


def _errors(one: SeenClip) -> tuple[np.ndarray, np.ndarray]:
    """In the picture, and of the detector's 3D; statures."""
    clip, depth = one.clip, one.seen[..., 2:]
    true_xy = one.seen[..., :2] / depth * clip.focal_px + clip.principal_px
    said = one.world_m / USUAL_STATURE_M
    statures = depth.mean(1, keepdims=True) / (clip.focal_px * one.stature_m)
    return (one.xy - true_xy) * statures, said - said.mean(1, keepdims=True) - one.truth


def _is_the_person(picture: np.ndarray) -> bool:
    return bool(np.abs(picture).max() < MOST_ERROR)


def _look(truth: Float[np.ndarray, "clips frames points 3"]) -> Float[np.ndarray, "clips numbers"]:
    at = np.linspace(0, truth.shape[1] - 1, COMPARED).round().astype(int)
    return truth[:, at].reshape(len(truth), COMPARED * POINTS * 3)
