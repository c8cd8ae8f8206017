"""The ray from the lens through the person: the detector's own 3D is as seen along it."""

from collections.abc import Sequence

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


def origin_on(
    xy: Float[np.ndarray, "frames points 2"],
    weight: Float[np.ndarray, "frames points"],
    laid: Float[np.ndarray, "frames points 3"],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
) -> Float[np.ndarray, "frames 3"]:
    """Where the points' origin is if they project onto the keypoints: linear least squares, frame by frame.

    Args:
        xy: keypoints, px; where the weight is 0 any finite number.
        weight: of each.
        laid: the same points about any origin, turned as the camera sees them.
        focal_px: of the clip.
        center_px: principal point.

    Returns:
        The origin in camera axes, in the unit of ``laid``; at least 0.3 away.
    """
    return origin_of([origin_equations(xy, weight, laid, focal_px, center_px, np.eye(3))])


def origin_equations(
    xy: Float[np.ndarray, "frames points 2"],
    weight: Float[np.ndarray, "frames points"],
    laid: Float[np.ndarray, "frames points 3"],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
    turn: Float[np.ndarray, "3 3"],
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3 1"]]:
    """What one picture says of the points' origin: normal equations for ``origin_of``.

    Args:
        xy, weight, laid, focal_px, center_px: as ``origin_on`` takes them.
        turn: this camera's axes from those in which the origin is wanted.

    Returns:
        Matrix and right side of every frame.
    """
    rays = (xy - center_px) / focal_px
    each = weight[..., None]
    rows = np.zeros((*rays.shape, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -rays
    right = rays * laid[..., 2:] - laid[..., :2]
    a = (rows @ turn * each[..., None]).reshape(len(rays), -1, 3)
    b = (right * each).reshape(len(rays), -1, 1)
    return a.transpose(0, 2, 1) @ a, a.transpose(0, 2, 1) @ b


def origin_of(
    equations: Sequence[tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3 1"]]],
) -> Float[np.ndarray, "frames 3"]:
    """The origin that all pictures together say.

    Args:
        equations: of each picture, as ``origin_equations`` gives them.

    Returns:
        At least 0.3 away from the lens.
    """
    normal = sum((matrix for matrix, _ in equations), 1e-9 * np.eye(3))
    found = np.linalg.solve(normal, sum(side for _, side in equations))[..., 0]
    found[:, 2] = np.maximum(found[:, 2], 0.3)
    return found
