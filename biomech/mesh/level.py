"""The camera against gravity, and the floor: found together with the body.

The world of the fit: Y up, X towards the lens, Z to the left of the picture, the lens at the origin.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

# People hold cameras level, chest high and tilted down a little.
PITCH_RAD, PITCH_SD, ROLL_SD = np.radians(8), np.radians(12), np.radians(5)
TO_THE_LENS = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])  # camera axes of a level camera's world
SIZE = 3


@dataclass(frozen=True)
class Level:
    """A camera tilted down by ``pitch_rad`` and turned clockwise by ``roll_rad`` above a floor at ``floor_m``."""

    pitch_rad: float = float(PITCH_RAD)
    roll_rad: float = 0.0
    floor_m: float = -1.3

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
        """How far from how people hold cameras, in standard deviations."""
        return np.array([(self.pitch_rad - PITCH_RAD) / PITCH_SD, self.roll_rad / ROLL_SD])

    @staticmethod
    def residual_slope() -> Float[np.ndarray, "2 3"]:
        """Derivative of ``residual`` by pitch, roll and floor."""
        return np.array([[1 / PITCH_SD, 0, 0], [0, 1 / ROLL_SD, 0]])

    def moved(self, step: Float[np.ndarray, "3"]) -> "Level":
        """After a step of pitch, roll and floor."""
        pitch, roll, floor = np.array([self.pitch_rad, self.roll_rad, self.floor_m]) + step
        return Level(float(pitch), float(roll), float(floor))

    def _pitch(self) -> Float[np.ndarray, "3 3"]:
        return Rotation.from_euler("x", self.pitch_rad).as_matrix()

    def _roll(self) -> Float[np.ndarray, "3 3"]:
        return Rotation.from_euler("z", self.roll_rad).as_matrix()
