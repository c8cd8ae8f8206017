"""From the error that the network expects to a half width that holds the true one.

The network's last layer learns its mean absolute error as the scale of a Laplace distribution. What it says is in the
right order more than in the right size: sizes are measured on people whom it has not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.coverage import LEVEL, LEVELS

# How fast a coordinate may leave the straight line that fills a gap, where no recipe says it (rad/s, m/s).
USUAL_SPEED = 1.0


@dataclass(frozen=True)
class UncertaintyCalibration:
    """Half widths for expected errors (rad, m), and how fast each coordinate moves (rad/s, m/s)."""

    expected: Float[np.ndarray, "coordinates knots"]
    half_width: Float[np.ndarray, "levels coordinates knots"]
    speed: Float[np.ndarray, " coordinates"]

    @classmethod
    def laplace(cls, coordinates: int) -> "UncertaintyCalibration":
        """As if the network's own word could be taken."""
        expected = np.ones((coordinates, 1))
        wide = [np.log(1 / (1 - level)) * expected for level in LEVELS]
        return cls(expected, np.stack(wide), np.full(coordinates, USUAL_SPEED))

    @classmethod
    def of(cls, recipe: Mapping[str, Any], coordinates: int) -> "UncertaintyCalibration":
        """What a recipe holds, or the Laplace distribution where it holds nothing.

        Args:
            recipe: as the .json beside the weights has it.
            coordinates: their number.

        Returns:
            Ready for ``width``.
        """
        if "calibration" not in recipe:
            return cls.laplace(coordinates)
        said = recipe["calibration"]
        return cls(*(np.array(said[name], dtype=float) for name in ("expected", "half_width", "speed")))

    def width(
        self, expected: Float[np.ndarray, "frames coordinates"], level: float = LEVEL
    ) -> Float[np.ndarray, "frames coordinates"]:
        """Half widths: between the knots a power law, beyond them in proportion.

        Args:
            expected: the network's expected errors (rad, m), above 0.
            level: share of frames that hold the truth; one of ``LEVELS``.

        Returns:
            Half widths (rad, m).
        """
        widths = self.half_width[LEVELS.index(level)]
        columns = []
        for x, knots, values in zip(np.log(expected.T), np.log(self.expected), np.log(widths), strict=True):
            inside = x.clip(knots[0], knots[-1])
            columns.append(np.interp(inside, knots, values) + x - inside)
        return np.exp(np.stack(columns, -1))
