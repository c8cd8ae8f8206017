"""The noun ``Calibration``: cameras that filmed the same, with lens and place in one world."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from biomech.camera import Camera, check_focal
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints

AXES = {"X": (1, 0, 0), "Y": (0, 1, 0), "Z": (0, 0, 1), "-X": (-1, 0, 0), "-Y": (0, -1, 0), "-Z": (0, 0, -1)}
SURELY_UP = 0.6  # cosine between an axis of the world and what is upwards in the pictures, in the mean: 53°
SAME_SHAPE = 0.01  # of width over height, relative: beyond it the picture was cut or turned, not scaled
BLOCK = 16  # px: to multiples of it codecs fill pictures up, to the right and below, which some programs show
FURTHEST_M = 1000.0
OUTSIDE = 1.5  # of the picture's half diagonal: what lies farther out is nobody, and distortion means nothing there


@dataclass(frozen=True)
class CalibratedCamera:
    """A lens and where it is: camera = rotation · world + shift; x right, y down, z away, m.

    Pixels are those of the upright picture of ``size_px``.
    """

    name: str
    size_px: tuple[int, int]  # width, height
    matrix: Float[np.ndarray, "3 3"]  # px
    distortion: Float[np.ndarray, " numbers"]  # k1, k2, p1, p2, k3 …, as OpenCV has them
    rotation: Float[np.ndarray, "3 3"]  # camera from world
    shift_m: Float[np.ndarray, "3"]  # of the world's origin in the camera

    @property
    def focal_px(self) -> float:
        """The mean of the lens' two."""
        return float(np.sqrt(self.matrix[0, 0] * self.matrix[1, 1]))

    @property
    def center_px(self) -> tuple[float, float]:
        return float(self.matrix[0, 2]), float(self.matrix[1, 2])

    @property
    def place_m(self) -> Float[np.ndarray, "3"]:
        """Of the lens, in the world."""
        return -self.rotation.T @ self.shift_m

    def check(self, where: str | None = None) -> None:
        """That there can be such a camera.

        Raises:
            BioposeError: a number is none, or no lens and no place are like that.
        """
        numbers = (self.matrix, self.distortion, self.rotation, self.shift_m)
        right = self.matrix.shape == self.rotation.shape == (3, 3) and self.shift_m.shape == (3,)
        if not right or not all(np.isfinite(part).all() for part in numbers):
            raise BioposeError(f"camera {self.name} lacks numbers", where=where, mend="Calibrate it again.")
        if np.abs(self.rotation @ self.rotation.T - np.eye(3)).max() > 0.02 or np.linalg.det(self.rotation) < 0:
            raise BioposeError(f"the rotation of camera {self.name} is none", where=where, mend="Calibrate it again.")
        check_focal(self.focal_px, self.size_px, where)
        if np.abs(self.shift_m).max() > FURTHEST_M:
            raise BioposeError(
                f"camera {self.name} is {np.linalg.norm(self.shift_m):.0f} m away",
                where=where,
                mend="Give the places of a .toml in metres, of other files in millimetres.",
            )

    def of_size(self, size_px: tuple[int, int], film: str) -> "CalibratedCamera":
        """The same camera for pictures of another size, which show the same.

        Args:
            size_px: of the film, width and height.
            film: for the message.

        Returns:
            Lens scaled; itself where the size is the calibration's.

        Raises:
            BioposeError: the pictures are of another shape.
        """
        if size_px == self.size_px:
            return self
        (width, height), (wide, high) = size_px, self.size_px
        if max(abs(width - wide), abs(height - high)) < BLOCK:
            return replace(self, size_px=size_px)
        if abs(width * high / (wide * height) - 1) > SAME_SHAPE:
            turned = abs(width * wide / (height * high) - 1) <= SAME_SHAPE
            raise BioposeError(
                f"the pictures are {width}×{height}, those of the calibration of {self.name} {wide}×{high}: "
                + ("the film or the calibration lies on its side" if turned else "they do not show the same"),
                where=film,
                mend="Calibrate with the resolution and orientation that is filmed with.",
            )
        scale = np.array([width / wide, height / high])
        matrix = self.matrix.copy()
        # The middle of the first pixel is at 0, its rim at −0.5.
        matrix[:2, :2] *= scale[:, None]
        matrix[:2, 2] = (self.matrix[:2, 2] + 0.5) * scale - 0.5
        return replace(self, size_px=size_px, matrix=matrix)

    def rectified(self, keypoints: Keypoints) -> Keypoints:
        """Keypoints as a lens without distortion, whose axis meets the middle of the picture, would have them.

        Args:
            keypoints: px of this camera's pictures; left as they are.

        Returns:
            A copy, with the focal length of this camera; points far outside the picture are gone.
        """
        size = np.array(keypoints.size_px)
        middle = (size - 1) / 2
        xy = keypoints.xy.reshape(-1, 2).astype(float)
        known = np.isfinite(xy).all(1)
        known &= np.where(known, np.linalg.norm(xy - middle, axis=1), 0.0) < OUTSIDE * np.linalg.norm(size) / 2
        ideal = np.full_like(xy, np.nan)
        if known.any():
            ideal[known] = self.normalised(xy[known]) * self.focal_px + middle
        return replace(
            keypoints,
            xy=ideal.reshape(keypoints.xy.shape),
            focal_px=self.focal_px,
            focal_source=f"calibration of {self.name}",
        )

    def normalised(self, xy: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Pixels as x/z and y/z in camera axes, distortion taken off."""
        return cv2.undistortPoints(xy[:, None].astype(float), self.matrix, self.distortion)[:, 0]

    def pixels(self, points_world: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 2"]:
        """Where points (m) are in the picture, distortion and all; NaN behind the lens."""
        flat = points_world.reshape(-1, 3) @ self.rotation.T + self.shift_m
        seen = cv2.projectPoints(flat.astype(float), np.zeros(3), np.zeros(3), self.matrix, self.distortion)[0][:, 0]
        return np.where(flat[:, 2:] > 1e-3, seen, np.nan).reshape(*points_world.shape[:-1], 2)


@dataclass(frozen=True)
class Calibration:
    """Cameras in one world."""

    cameras: list[CalibratedCamera]
    source: str  # in words, for reports
    up: Float[np.ndarray, "3"] | None = None  # in the world; None: not known
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [camera.name for camera in self.cameras]

    def turn(self, camera: int) -> Float[np.ndarray, "3 3"]:
        """From the first camera's axes into another's."""
        return self.cameras[camera].rotation @ self.cameras[0].rotation.T

    def shift_m(self, camera: int) -> Float[np.ndarray, "3"]:
        """Where the first camera's lens is, in another's axes."""
        return self.cameras[camera].shift_m - self.turn(camera) @ self.cameras[0].shift_m

    @property
    def up_in_first(self) -> Float[np.ndarray, "3"] | None:
        """The vertical in the first camera's axes; None: not known."""
        return None if self.up is None else self.cameras[0].rotation @ self.up

    def with_vertical(self) -> "Calibration":
        """The calibration with the axis of its world that points up in the pictures, as far as one surely does."""
        upwards = np.mean([-camera.rotation[1] for camera in self.cameras], axis=0)
        axis = max(AXES, key=lambda name: float(upwards @ AXES[name]))
        if upwards @ AXES[axis] < SURELY_UP:
            return replace(
                self, notes=[*self.notes, "no axis of the calibration points up: the vertical is found from the person"]
            )
        up = np.array(AXES[axis], float)
        return replace(self, up=up, notes=[*self.notes, f"{axis} of the calibration is taken to point up"])

    def for_films(self, films: Sequence[Path], sizes_px: Sequence[tuple[int, int]]) -> "Calibration":
        """A camera for each film, in the films' order: by name, else by order.

        Args:
            films: whose file or folder may name the camera.
            sizes_px: of their pictures, upright.

        Returns:
            As many cameras as films, for the films' sizes, with a note that says which is whose.

        Raises:
            BioposeError: there are fewer cameras, or another resolution.
        """
        if len(self.cameras) < len(films):
            raise BioposeError(
                f"{len(films)} films, but {len(self.cameras)} cameras ({', '.join(self.names)})",
                where=self.source,
                mend="Give the calibration of all cameras, or fewer films.",
            )
        chosen, how = self._by_name(films), "by name"
        if chosen is None and len(self.cameras) > len(films):
            raise BioposeError(
                f"which of the {len(self.cameras)} cameras ({', '.join(self.names)}) filmed is not to be told",
                where=self.source,
                mend="Name the films by their cameras.",
            )
        if chosen is None:
            chosen, how = list(range(len(films))), "by order"
        pairs = [(film, self.cameras[k]) for film, k in zip(films, chosen, strict=True)]
        said = ", ".join(f"{film.name} is {camera.name}" for film, camera in pairs)
        cameras = [camera.of_size(size, str(film)) for (film, camera), size in zip(pairs, sizes_px, strict=True)]
        return replace(self, cameras=cameras, notes=[*self.notes, f"cameras {how}: {said}"])

    def _by_name(self, films: Sequence[Path]) -> list[int] | None:
        """The camera of which each film's own name, else its folders', speaks; None if one's does not."""
        for parts in (lambda film: [film.stem], lambda film: list(film.parts[:-1])):
            found = [
                [k for k, name in enumerate(self.names) if any(_speaks_of(part, name) for part in parts(film))]
                for film in films
            ]
            chosen = [one[0] for one in found if len(one) == 1]
            if len(chosen) == len(films) == len(set(chosen)):
                return chosen
        return None

    def first_camera(self) -> Camera:
        """The first one's lens, with its axes as the world."""
        first = self.cameras[0]
        return Camera(first.focal_px, first.center_px, first.size_px, np.eye(3), np.zeros(3))


def _speaks_of(text: str, name: str) -> bool:
    """Whether a file's name holds a camera's, and not a longer one: cam1 of walk_cam1.mp4, not of cam10.mp4."""
    return re.search(rf"(?<![a-z0-9]){re.escape(name.lower())}(?![a-z0-9])", text.lower()) is not None
