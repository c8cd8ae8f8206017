"""How far MQ-HMR's points in space stray from the truth: measured on clips of bodies whose truth is known.

`python -m biomech.mesh.mqhmr.spread CLIPS WEIGHTS` writes it beside the weights, as ``spread.json``.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError, plainly
from biomech.files import read_json, whole_file
from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.fit import LANDMARK_SIZE
from biomech.mesh.mqhmr.predict import Frames, look_at
from biomech.mesh.points import detected_points
from biomech.mesh.rays import towards
from biomech.train.mqhmr.train import load_mqhmr
from biomech.train.synthetic.clips import Clip

NAME = "spread.json"  # beside the weights
LANDMARKS = len(POINT_NAMES)  # the first of the body's keypoints
FURTHEST = 10.0  # statures that a point may stray
ENOUGH = 50  # errors of a point for a deviation of its own


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the points about their mean: right, down, away; statures."""

    seen: Float[np.ndarray, "33 3"]  # where the detector is sure of the point
    hidden: Float[np.ndarray, "33 3"]  # where it is not sure at all

    @classmethod
    def load(cls, path: Path) -> "Spread":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: it is not there, or not such a table.
        """
        try:
            table = read_json(path, what="a table of how far points stray")
            found = cls(*(np.array(table[name], dtype=float) for name in ("seen", "hidden")))
            both = np.stack([found.seen, found.hidden])
            if both.shape != (2, LANDMARKS, 3) or not ((both > 0) & (both < FURTHEST)).all():
                raise ValueError
            return found
        except (BioposeError, ValueError, KeyError, TypeError) as error:
            raise BioposeError(
                f"it is not known how far the network's points stray ({plainly(error)})",
                where=str(path),
                mend="Make it with `python -m biomech.mesh.mqhmr.spread CLIPS WEIGHTS`.",
            ) from error

    def save(self, path: Path, about: str) -> None:
        """Write the table, whole or not at all."""
        rows = {name: np.round(getattr(self, name), 5).tolist() for name in ("seen", "hidden")}
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps({"about": about, "names": POINT_NAMES, **rows}) + "\n")

    def at(self, confidence: Float[np.ndarray, "frames 33"]) -> Float[np.ndarray, "frames 33 3"]:
        """Of the points of each frame."""
        share = confidence[..., None]
        return np.sqrt(share * self.seen**2 + (1 - share) * self.hidden**2)


def in_statures(
    frames: Frames, rows: Bool[np.ndarray, " frames"], camera_from_ray: Float[np.ndarray, "rows 3 3"]
) -> Float[np.ndarray, "rows 33 3"]:
    """The detector's points as the network sees them, ray axes, in statures of the clip's mean body."""
    shape = torch.from_numpy(frames.betas[frames.seen].mean(0)).float()
    stature_m = float(AnnyBody.load([0]).stature(shape))
    return frames.keypoints_m[rows, :LANDMARKS] @ camera_from_ray / stature_m


def measure(clips: Iterable[tuple[Keypoints, Frames, Float[np.ndarray, "frames 33 3"]]]) -> Spread:
    """From clips: what was detected, what the network made of it, and where the points truly were (camera axes,
    statures).

    The median absolute error as a Gaussian's deviation, apart for confidences above and below one half. Left and right
    err alike; a difference would be chance.
    """
    errors, sure = [], []
    for keypoints, frames, truth in clips:
        assert keypoints.focal_px is not None
        seen, (width, height) = frames.seen, keypoints.size_px
        center = np.array([(width - 1) / 2, (height - 1) / 2])
        turn = towards(keypoints.xy[seen], keypoints.confidence[seen], center, keypoints.focal_px)
        said, true = (
            points - points.mean(1, keepdims=True) for points in (in_statures(frames, seen, turn), truth[seen] @ turn)
        )
        size = (said * true).sum((1, 2)) / (said * said).sum((1, 2))  # is free in the fit
        errors.append(np.abs(np.clip(size, *LANDMARK_SIZE)[:, None, None] * said - true))
        sure.append(keypoints.confidence[seen] > 0.5)
    order = MIRRORED[:LANDMARKS]
    error, seen = (np.concatenate([part, part[:, order]]) for part in map(np.concatenate, (errors, sure)))
    return Spread(_deviations(error, seen), _deviations(error, ~seen))


def _deviations(
    error: Float[np.ndarray, "frames 33 3"], counted: Bool[np.ndarray, "frames 33"]
) -> Float[np.ndarray, "33 3"]:
    rows = [
        error[counted[:, point], point] if counted[:, point].sum() > ENOUGH else error[:, point]
        for point in range(LANDMARKS)
    ]
    return np.stack([1.4826 * np.median(row, axis=0) for row in rows])


def main(folder: str, weights: str) -> None:
    """Measure on the held-out clips of a folder."""
    from biomech.train.synthetic.make import keypoints_of, motion_of  # draws with VTK

    network, body, said = load_mqhmr(Path(weights)), AnnyBody.load([0]), []
    for path in sorted(Path(folder).glob("held_out_*.npz")):
        clip = Clip.load(path)
        keypoints, motion = keypoints_of(clip), motion_of(clip, body.bone_names, body.shape_names)
        motion.rotations, motion.root_position_m = clip.rotations, clip.root_position_m  # camera axes
        stature_m = float(body.stature(torch.tensor(clip.betas).float()))
        said.append((keypoints, look_at(network, keypoints), detected_points(body, motion).positions_m / stature_m))
    about = f"MQ-HMR's points on {len(said)} held-out clips; python -m biomech.mesh.mqhmr.spread"
    measure(said).save(Path(weights).with_name(NAME), about)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
