"""The noun ``Kinematics``: coordinates of an OpenSim model over time."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass
class Kinematics:
    """Coordinates by name; rotations in radians and translations in metres."""

    names: list[str]
    values: Float[np.ndarray, "frames coordinates"]
    time_s: Float[np.ndarray, "frames"]
    rotational: Bool[np.ndarray, "coordinates"]

    def column(self, name: str) -> Float[np.ndarray, "frames"]:
        """One coordinate over time (rad or m)."""
        return self.values[:, self.names.index(name)]
