"""The ray from the lens through the person: the detector's own 3D is as seen along it."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation


def towards(
    xy: Float[np.ndarray, "frames points 2"],
    confidence: Float[np.ndarray, "frames points"],
    center_px: Float[np.ndarray, "*frames 2"],
    focal_px: Float[np.ndarray, "*frames"] | float,
) -> Float[np.ndarray, "frames 3 3"]:
    """Least rotation that takes the lens axis to the ray through the mean keypoint, camera axes from ray axes.

    Args:
        xy: px; where the confidence is 0 any finite number.
        confidence: weights of the mean; a frame with none of them looks along the lens axis.
        center_px: principal point, of the clip or of each frame.
        focal_px: of the clip, or of each frame.

    Returns:
        Columns: the ray axes (right, down, away along the ray) in camera axes.
    """
    weight = confidence / np.maximum(confidence.sum(1, keepdims=True), 1e-9)
    middle = (xy * weight[..., None]).sum(1) - center_px
    seen = confidence.sum(1, keepdims=True) > 0
    rays = np.concatenate([np.where(seen, middle, 0.0) / np.reshape(focal_px, (-1, 1)), np.ones((len(xy), 1))], 1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    axis = np.cross([0.0, 0.0, 1.0], rays)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine, rays[:, 2:])
    return Rotation.from_rotvec(axis / np.maximum(sine, 1e-9) * angle).as_matrix()
