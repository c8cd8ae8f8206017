"""How far MQ-HMR's points in space stray from the truth: measured by training.

`python -m biomech.train.mqhmr.point_sd CLIPS WEIGHTS` writes it beside the weights, as ``spread.json``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError, plainly
from biomech.files import read_json, whole_file
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.mqhmr.predict import Frames

NAME = "spread.json"  # beside the weights
LANDMARKS = len(POINT_NAMES)  # the first of the body's keypoints
FURTHEST = 10.0  # statures that a point may stray


@dataclass(frozen=True)
class PointSd:
    """Standard deviations of the points about their mean: right, down, away; statures."""

    seen: Float[np.ndarray, "33 3"]  # where the detector is sure of the point
    hidden: Float[np.ndarray, "33 3"]  # where it is not sure at all

    @classmethod
    def load(cls, path: Path) -> "PointSd":
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
                mend="Make it with `python -m biomech.train.mqhmr.point_sd CLIPS WEIGHTS`.",
            ) from error

    def save(self, path: Path, about: str) -> None:
        """Write the table, whole or not at all.

        Args:
            path: as a rule ``NAME`` beside the network's weights.
            about: in words, what was measured on what.
        """
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
    """The detector's points as the network sees them, ray axes, in statures of the clip's mean body.

    Args:
        frames: of a clip, some of them seen.
        rows: the frames that are wanted; NaN comes back of those not seen.
        camera_from_ray: of those frames alone (``rays.towards``).

    Returns:
        Right, down and away along the ray, from the lens.
    """
    shape = torch.from_numpy(frames.betas[frames.seen].mean(0)).float()
    stature_m = float(AnnyBody.load([0]).stature(shape))
    return frames.keypoints_m[rows, :LANDMARKS] @ camera_from_ray / stature_m
