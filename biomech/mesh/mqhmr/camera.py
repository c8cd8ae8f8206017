"""Where the body stands before the camera, from three numbers about its place in the crop, and how points project.

Camera axes are ours (``biomech.camera``): x to the right of the picture, y down, z away from the lens; m and px.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from biomech.camera import NEAREST_M

Projection = Literal["full", "weak"]
MEAN_SCALE = 0.9  # of a person, 1.8 m of a crop's 2 m, as usual for weak-perspective heads
WEAK_FOCAL_SIDES = 5000 / 256  # of the crop, the paper's fixed focal length as its kin have it: 5000 px for 256


def exact(values: Tensor) -> torch.autocast:
    """Geometry is not for half precision: a context in which nothing is cast."""
    return torch.autocast(values.device.type, enabled=False)


def wide(values: Tensor) -> Tensor:
    """Half precision to single; others as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


class Crop(NamedTuple):
    """Turned square regions of pictures, one person in each, and the pictures' pinhole cameras, px."""

    center_px: Float[Tensor, "batch 2"]
    size_px: Float[Tensor, " batch"]  # side; the height of an upright 4 : 3 crop, whose width is ¾ of it
    angle_rad: Float[Tensor, " batch"]  # of the person's long axis from upright, clockwise in the picture
    focal_px: Float[Tensor, " batch"]
    principal_px: Float[Tensor, "batch 2"]

    def into(self, xy: Float[Tensor, "batch points 2"]) -> Float[Tensor, "batch points 2"]:
        """Picture pixels to sides of the crop about its centre: −½ … ½ inside."""
        return (xy - self.center_px[:, None]) @ self._roll()[:, :2, :2] / self.size_px[:, None, None]

    def out_of(self, places: Float[Tensor, "batch points 2"]) -> Float[Tensor, "batch points 2"]:
        """The way back: sides of the crop to picture pixels."""
        return places * self.size_px[:, None, None] @ self._roll()[:, :2, :2].mT + self.center_px[:, None]

    def upright(self, points: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch points 3"]:
        """Vectors in axes of the picture, in those of the crop."""
        return points @ self._roll()

    def rotation_camera_from_ray(self) -> Float[Tensor, "batch 3 3"]:
        """Axes turned with the crop, z along the ray through its centre: a person looks the same there wherever in the
        picture one stands."""
        x, y = ((self.center_px - self.principal_px) / self._reach()).unbind(1)
        z = self.focal_px / self._reach()[:, 0]
        # The least rotation from (0, 0, 1) to the ray, which never points backwards.
        rows = [1 - x * x / (1 + z), -x * y / (1 + z), x, -x * y / (1 + z), 1 - y * y / (1 + z), y, -x, -y, z]
        return torch.stack(rows, 1).view(-1, 3, 3) @ self._roll()

    def sides(self) -> Float[Tensor, "batch 1"]:
        """Side of the crop over its distance from the lens, both in pixels: how wide the view is."""
        return self.size_px[:, None] / self._reach()

    def numbers(self) -> Float[Tensor, "batch 5"]:
        """What a network is told: the place about the principal point, in focal lengths; the view's width; the turn."""
        place = (self.center_px - self.principal_px) / self.focal_px[:, None]
        angle = self.angle_rad[:, None]
        return torch.cat([place, self.sides(), angle.sin(), angle.cos() - 1], 1)

    def weak(self) -> "Crop":
        """The same crop through the paper's camera: a fixed long lens, its axis through the crop's centre."""
        return self._replace(focal_px=WEAK_FOCAL_SIDES * self.size_px, principal_px=self.center_px)

    def _reach(self) -> Float[Tensor, "batch 1"]:
        away = torch.cat([self.center_px - self.principal_px, self.focal_px[:, None]], 1)
        return away.norm(dim=1, keepdim=True)

    def _roll(self) -> Float[Tensor, "batch 3 3"]:
        cos, sin, zero, one = (
            self.angle_rad.cos(),
            self.angle_rad.sin(),
            torch.zeros_like(self.angle_rad),
            torch.ones_like(self.angle_rad),
        )
        return torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], 1).view(-1, 3, 3)


def place(
    camera: Float[Tensor, "batch 3"], turn: Float[Tensor, "*layers batch 3 3"], crop: Crop
) -> tuple[Float[Tensor, "*layers batch 3 3"], Float[Tensor, "batch 3"]]:
    """Rotation (camera from rest) and position (camera axes, m) of the root.

    Args:
        camera: log of the scale s over its mean, and where in the crop (sides about its centre) the root's joint is.
            s is the usual weak-perspective scale: the crop is 2 / s metres wide at the body's distance; the place is
            s / 2 times the usual translation.
        turn: of the root, as the crop shows it.
        crop: where the person is in the picture, and its camera.

    Returns:
        The rotations of every layer, and one position for all.
    """
    wide_m = 2 / (MEAN_SCALE * camera[:, :1].exp())
    camera_from_ray = crop.rotation_camera_from_ray()
    position = torch.cat([camera[:, 1:] * wide_m, wide_m / crop.sides()], 1)
    return camera_from_ray @ turn, (camera_from_ray @ position[..., None])[..., 0]


def project(points_m: Float[Tensor, "batch points 3"], crop: Crop) -> Float[Tensor, "batch points 2"]:
    """As `biomech.camera.projected`, of tensors: picture pixels of points in camera axes.

    Args:
        points_m: in camera axes; what is nearer than ``NEAREST_M`` counts as if so far away.
        crop: of which only the focal length and the principal point matter.

    Returns:
        x and y, px of the whole picture; inside it or not.
    """
    depth = points_m[..., 2:].clamp_min(NEAREST_M)
    return points_m[..., :2] / depth * crop.focal_px[:, None, None] + crop.principal_px[:, None]


def seen_through(points_m: Float[Tensor, "batch 3"], crop: Crop, view: Crop) -> Float[Tensor, "batch 3"]:
    """Where a small thing is before another lens if it lies at the same place of the picture, as large.

    Args:
        points_m: one a person, in the axes of the true camera; what is nearer than ``NEAREST_M`` counts as if so far
            away.
        crop: with the true camera.
        view: the same crop with the other lens, such as ``crop.weak()``.

    Returns:
        In the other camera's axes, m; the same points where both lenses are one.
    """
    depth = points_m[:, 2:].clamp_min(NEAREST_M) * (view.focal_px / crop.focal_px)[:, None]
    aside = project(points_m[:, None], crop)[:, 0] - view.principal_px
    return torch.cat([aside * depth / view.focal_px[:, None], depth], 1)
