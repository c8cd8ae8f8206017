"""Measures how far MQ-HMR's points in space stray: `python -m biomech.train.mqhmr.point_sd CLIPS WEIGHTS`."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.body.anny import AnnyBody
from biomech.keypoints.blazepose import MIRRORED
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.fit import LANDMARK_SIZE
from biomech.mesh.mqhmr.load import load_mqhmr
from biomech.mesh.mqhmr.point_sd import LANDMARKS, NAME, PointSd, in_statures
from biomech.mesh.mqhmr.predict import Frames, look_at
from biomech.mesh.points import detected_points
from biomech.mesh.rays import towards
from biomech.train.synthetic.clips import Clip

ENOUGH = 50  # errors of a point for a deviation of its own


def measure(clips: Iterable[tuple[Keypoints, Frames, Float[np.ndarray, "frames 33 3"]]]) -> PointSd:
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
    return PointSd(_deviations(error, seen), _deviations(error, ~seen))


def _deviations(
    error: Float[np.ndarray, "frames 33 3"], counted: Bool[np.ndarray, "frames 33"]
) -> Float[np.ndarray, "33 3"]:
    rows = [
        error[counted[:, point], point] if counted[:, point].sum() > ENOUGH else error[:, point]
        for point in range(LANDMARKS)
    ]
    return np.stack([1.4826 * np.median(row, axis=0) for row in rows])


def main(folder: str, weights: str) -> None:
    """Measure on the held-out clips of a folder.

    Args:
        folder: of `biopose train clips`; its ``held_out_*.npz`` are read.
        weights: .safetensors of a trained network; the table is written beside it.
    """
    from biomech.train.synthetic.make import keypoints_of, motion_of  # draws with VTK

    network, body, said = load_mqhmr(Path(weights)), AnnyBody.load([0]), []
    for path in sorted(Path(folder).glob("held_out_*.npz")):
        clip = Clip.load(path)
        keypoints, motion = keypoints_of(clip), motion_of(clip, body.bone_names, body.shape_names)
        motion.rotations, motion.root_position_m = clip.rotations, clip.root_position_m  # camera axes
        stature_m = float(body.stature(torch.tensor(clip.betas).float()))
        said.append((keypoints, look_at(network, keypoints), detected_points(body, motion).positions_m / stature_m))
    about = f"MQ-HMR's points on {len(said)} held-out clips; python -m biomech.train.mqhmr.point_sd"
    measure(said).save(Path(weights).with_name(NAME), about)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
