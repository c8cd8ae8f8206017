"""The camera against gravity, and the floor: found together with the body.

The world of the fit: Y up, X towards the lens, Z to the left of the picture, the lens at the origin.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.camera import TO_THE_LENS

# People hold cameras level, chest high and tilted down a little.
PITCH_RAD, PITCH_SD, ROLL_SD = np.radians(8), np.radians(12), np.radians(5)
CALIBRATED_SD = np.radians(1)  # of the vertical that a calibration says: boards are hung, frames laid by hand
SIZE = 3


@dataclass(frozen=True)
class Level:
    """A camera tilted down by ``pitch_rad`` and turned clockwise by ``roll_rad`` above a floor at ``floor_m``.

    What is expected of pitch and roll, and within what standard deviations, is how people hold cameras, or what a
    calibration says.
    """

    pitch_rad: float = float(PITCH_RAD)
    roll_rad: float = 0.0
    floor_m: float = -1.3
    expected_rad: tuple[float, float] = (float(PITCH_RAD), 0.0)
    spread_rad: tuple[float, float] = (float(PITCH_SD), float(ROLL_SD))

    @classmethod
    def calibrated(cls, up: Float[np.ndarray, "3"]) -> "Level":
        """Of a camera that is known to have ``up`` there (unit length, camera axes), within ``CALIBRATED_SD``."""
        pitch, roll = float(-np.arcsin(np.clip(up[2], -1, 1))), float(np.arctan2(up[0], -up[1]))
        return cls(pitch, roll, expected_rad=(pitch, roll), spread_rad=(float(CALIBRATED_SD), float(CALIBRATED_SD)))

    @property
    def camera_from_world(self) -> Float[np.ndarray, "3 3"]:
        return self._roll() @ self._pitch() @ TO_THE_LENS

    def slopes(self) -> Float[np.ndarray, "2 3 3"]:
        """Derivatives of ``camera_from_world`` by pitch and roll."""
        about_x = np.array([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]])
        about_z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 0]])
        return np.stack(
            [self._roll() @ about_x @ self._pitch() @ TO_THE_LENS, self._roll() @ about_z @ self._pitch() @ TO_THE_LENS]
        )

    def residual(self) -> Float[np.ndarray, "2"]:
        """How far from what is expected, in standard deviations."""
        return (np.array([self.pitch_rad, self.roll_rad]) - self.expected_rad) / self.spread_rad

    def residual_slope(self) -> Float[np.ndarray, "2 3"]:
        """Derivative of ``residual`` by pitch, roll and floor."""
        return np.array([[1 / self.spread_rad[0], 0, 0], [0, 1 / self.spread_rad[1], 0]])

    def moved(self, step: Float[np.ndarray, "3"]) -> "Level":
        """After a step of pitch, roll and floor."""
        pitch, roll, floor = np.array([self.pitch_rad, self.roll_rad, self.floor_m]) + step
        return replace(self, pitch_rad=float(pitch), roll_rad=float(roll), floor_m=float(floor))

    def _pitch(self) -> Float[np.ndarray, "3 3"]:
        return Rotation.from_euler("x", self.pitch_rad).as_matrix()

    def _roll(self) -> Float[np.ndarray, "3 3"]:
        return Rotation.from_euler("z", self.roll_rad).as_matrix()
