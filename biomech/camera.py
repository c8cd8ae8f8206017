"""A pinhole camera in a Y-up world."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError

# Camera axes from those of a world whose Y is up and whose X leads level to the lens.
TO_THE_LENS = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])
NEAREST_M = 0.1  # from the lens, in a fit: what is nearer or behind it would be thrown about
NARROWEST_DEG, WIDEST_DEG = 1.0, 175.0  # angle of view across the longer side


def focal_from_fov(side_px: float, fov_deg: float) -> float:
    """Focal length (px) of an angle of view (degrees) across a side of so many pixels.

    Args:
        side_px: the side that the angle spans.
        fov_deg: the whole angle, not half of it.

    Returns:
        Focal length in pixels.
    """
    return side_px / 2 / float(np.tan(np.radians(fov_deg) / 2))


def check_focal(focal_px: float, size_px: tuple[int, int], where: str | None = None) -> None:
    """Refuse a focal length (px) that no lens has over a picture of that size (width, height).

    Args:
        focal_px: of the upright picture.
        size_px: width and height; the longer side counts.
        where: the file, for the message.

    Raises:
        BioposeError: the angle of view would be outside 1 to 175°.
    """
    shortest, longest = (focal_from_fov(max(size_px), fov) for fov in (WIDEST_DEG, NARROWEST_DEG))
    if not shortest <= focal_px <= longest:
        raise BioposeError(
            f"a focal length of {focal_px:g} px cannot be: over {max(size_px)} px, {shortest:.3g} to {longest:.3g} can",
            where=where,
            mend="Give it in pixels of the upright picture (`focal_px`), or the angle of view (`fov_deg`).",
        )


def projected(
    points: Float[np.ndarray, "*n 3"],
    focal_px: float | Float[np.ndarray, "*#n 1"],
    center_px: Sequence[float] | Float[np.ndarray, "*#n 2"],
    *,
    nearest_m: float = NEAREST_M,
) -> Float[np.ndarray, "*n 2"]:
    """Pixels of points in camera axes (m; x right, y down, z away); nearer ones count as ``nearest_m`` away.

    Args:
        points: in camera axes, m.
        focal_px: one, or each point's own.
        center_px: where the lens looks at the picture, x and y; one, or each point's own.
        nearest_m: least distance along the camera's axis.

    Returns:
        x to the right and y down, px; also of points that lie behind the camera or outside the picture.
    """
    return points[..., :2] / np.maximum(points[..., 2:], nearest_m) * focal_px + np.asarray(center_px)


def rotation_looking(away: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Camera from world of a camera that is held upright and looks along ``away``, of length 1 and not straight up."""
    right = np.cross(away, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(away, right), away))


def direction(pitch_rad: float, heading_rad: float) -> Float[np.ndarray, "3"]:
    """So far below the horizon, and about the vertical from X towards Z; of length 1.

    Args:
        pitch_rad: below the horizon.
        heading_rad: 0 along X, π/2 along Z.

    Returns:
        X, Y, Z in the world, Y up.
    """
    level = np.cos(pitch_rad)
    return np.array([level * np.cos(heading_rad), -np.sin(pitch_rad), level * np.sin(heading_rad)])


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

    def turned(self, turn: Float[np.ndarray, "3 3"]) -> "Camera":
        """The camera in the same place, with other axes: ``turn`` is those from these."""
        return replace(
            self,
            rotation_camera_from_world=turn @ self.rotation_camera_from_world,
            position_in_camera_m=turn @ self.position_in_camera_m,
        )

    def to_camera(self, points_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Points in camera axes, m."""
        return points_world @ self.rotation_camera_from_world.T + self.position_in_camera_m

    def to_world(self, points_camera: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Points in world axes, m."""
        return (points_camera - self.position_in_camera_m) @ self.rotation_camera_from_world

    def project(self, points_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Pixel positions; NaN for points behind the lens."""
        points = self.to_camera(points_world)
        pixels = projected(points, self.focal_px, self.center_px, nearest_m=1e-3)
        return np.where(points[..., 2:] > 1e-3, pixels, np.nan)
