"""A pinhole camera in a Y-up world."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """Full perspective camera without distortion, still for the whole clip.

    Camera axes: x to the right of the picture, y down, z away from the lens. Pixels are those of the upright
    picture (rotation metadata applied).
    """

    focal_px: float
    center_px: tuple[float, float]
    size_px: tuple[int, int]  # width, height
    rotation_camera_from_world: Float[np.ndarray, "3 3"]
    position_in_camera_m: Float[np.ndarray, "3"]  # of the world's origin

    def to_camera(self, points_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Points in camera axes, m."""
        return points_world @ self.rotation_camera_from_world.T + self.position_in_camera_m

    def to_world(self, points_camera: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Points in world axes, m."""
        return (points_camera - self.position_in_camera_m) @ self.rotation_camera_from_world

    def project(self, points_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Pixel positions; NaN for points behind the lens."""
        points = self.to_camera(points_world)
        depth = np.where(points[..., 2:] > 1e-3, points[..., 2:], np.nan)
        return points[..., :2] / depth * self.focal_px + np.asarray(self.center_px)
