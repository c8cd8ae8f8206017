"""What a detector of one frame is: the protocol that ``tracking`` builds on."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, UInt8


@dataclass(frozen=True)
class Region:
    """A turned square of the picture with one person in it."""

    center_px: tuple[float, float]
    size_px: float  # side
    angle_rad: float  # of the person's long axis from upright, clockwise in the picture

    def matrix(self, cells: int) -> Float[np.ndarray, "2 3"]:
        """Affine map from picture pixels to a crop of ``cells`` × ``cells``."""
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        turn = np.array([[cos, sin], [-sin, cos]]) * cells / self.size_px
        return np.column_stack([turn, cells / 2 - turn @ np.array(self.center_px)])

    def shift(self, other: "Region") -> float:
        """Distance of the centres in sides of this region."""
        return float(np.hypot(*np.subtract(self.center_px, other.center_px))) / self.size_px

    def overlaps(self, other: "Region") -> bool:
        """Whether two regions are likely to be one person's: centres near, sizes alike."""
        return self.shift(other) < 0.15 and 0.5 < self.size_px / other.size_px < 2


@dataclass(frozen=True)
class Maps:
    """What a landmark network's maps say, over the region that it looked at; logits."""

    heat_logits: Float[np.ndarray, "64 64 39"]
    mask_logits: Float[np.ndarray, "64 64"]

    @property
    def heat(self) -> Float[np.ndarray, "39 64 64"]:
        """Where each point may be, 0 … 1."""
        return sigmoid(np.ascontiguousarray(np.moveaxis(self.heat_logits, -1, 0)))

    @property
    def mask(self) -> Float[np.ndarray, "64 64"]:
        """How much of each cell is the person, 0 … 1."""
        return sigmoid(self.mask_logits)


@dataclass(frozen=True)
class Detection:
    """One person in one frame."""

    xy: Float[np.ndarray, "points 2"]  # px of the upright picture
    confidence: Float[np.ndarray, " points"]  # 0..1
    # Hip-centred; x right, y down, z away from the lens. None of a detector without 3D.
    world_m: Float[np.ndarray, "points 3"] | None
    presence: float  # 0..1: is there a person in the region at all
    region: Region  # where the person was looked for
    next_region: Region  # where to look for the same person in the next frame
    mask: Bool[np.ndarray, "64 64"] | None  # of the person, over ``region``; None of a detector without masks
    appearance: Float[np.ndarray, " bins"]  # colour histogram of the person, sums to 1
    maps: Maps | None = None  # where the detector has any


class Detector(Protocol):
    """Finds people in a picture, and one person's points in a region of it; ``detectors`` knows them by name.

    Attributes:
        name: with its weights and what it was told, as ``Keypoints.detector`` keeps it.
        point_names: its layout, in the order of ``Detection.xy``.
        gives_world: whether its detections have 3D landmarks, which the fit starts from where there are any.
        gives_maps: whether they have the maps behind the points, which MQ-HMR looks at.
    """

    name: str
    point_names: list[str]
    gives_world: bool
    gives_maps: bool

    def regions(self, frame: UInt8[np.ndarray, "height width 3"], closely: bool = False) -> list[tuple[float, Region]]:
        """People in the picture, best first.

        Args:
            frame: RGB, upright.
            closely: find small people too, at more cost.

        Returns:
            Score (0..1) and region of each; empty where nobody is found.
        """
        ...

    def points(self, frame: UInt8[np.ndarray, "height width 3"], region: Region) -> Detection:
        """The points of the person in a region. What ``presence`` says is for the caller to judge.

        Args:
            frame: RGB, upright.
            region: where to look; it may reach beyond the picture.

        Returns:
            Points in pixels of the frame, whoever they are.
        """
        ...


def sigmoid(logits: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """0 … 1 of what a network says."""
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
