"""The noun ``Kinematics``: coordinates of an OpenSim model over time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from biomech.arrays import Field, check_arrays, check_names, check_times
from biomech.errors import BioposeError

if TYPE_CHECKING:
    import pandas as pd

NOUN = "a motion"
FURTHEST_M = 10_000.0  # markers' own limit
MOST_RAD = 1000.0  # an angle that is unwrapped counts every turn
FIELDS = {
    "names": Field("text", ("coordinates",)),
    "values": Field("number", ("frames", "coordinates"), gaps=True),
    "time_s": Field("number", ("frames",)),
    "rotational": Field("truth", ("coordinates",)),
}


@dataclass
class Kinematics:
    """Coordinates by name; rotations in radians and translations in metres."""

    names: list[str]
    values: Float[np.ndarray, "frames coordinates"]
    time_s: Float[np.ndarray, "frames"]
    rotational: Bool[np.ndarray, "coordinates"]

    def check(self, where: str | None = None) -> None:
        """That this can be a motion: shapes, names that come once, times in seconds that increase.

        Raises:
            BioposeError: it cannot.
        """
        arrays = {"names": np.array(self.names), "values": self.values, "time_s": self.time_s}
        check_arrays(arrays | {"rotational": self.rotational}, FIELDS, where=where, noun=NOUN)
        check_names(list(self.names), where=where, noun=NOUN)
        check_times(np.asarray(self.time_s), where=where, noun=NOUN)

    def check_person(self, where: str | None = None) -> None:
        """That a person may have moved so: ``check``, no gaps, and nothing beyond ``FURTHEST_M`` and ``MOST_RAD``.

        Raises:
            BioposeError: it is none.
        """
        self.check(where)
        most = np.where(self.rotational, MOST_RAD, FURTHEST_M)
        if not (bad := ~(np.abs(self.values) <= most)).any():
            return
        frame, column = np.argwhere(bad)[0]
        value, turns = self.values[frame, column], self.rotational[column]
        said = f"{np.rad2deg(value):.3g}°" if turns else f"{value:.3g} m"
        what = "is not a number" if np.isnan(value) else f"is {said}"
        raise BioposeError(
            f"{self.names[column]} {what} at {self.time_s[frame]:.6g} s ({int(bad.any(1).sum())} of {len(bad)} frames)",
            where=where,
            mend="Correct the motion, or cut these frames off.",
        )

    def column(self, name: str) -> Float[np.ndarray, "frames"]:
        """One coordinate over time (rad or m)."""
        return self.values[:, self.names.index(name)]

    def table(self) -> "pd.DataFrame":
        """A row for each frame, by its time (s), and a column for each coordinate: degrees and metres.

        Every angle is in degrees here; a .mot holds coupled ones, the patellae, in radians.

        >>> import numpy as np
        >>> from biomech import Kinematics
        >>> bent = Kinematics(["knee_angle_r"], np.array([[np.pi / 2]]), np.array([0.5]), np.array([True]))
        >>> float(bent.table().loc[0.5, "knee_angle_r"])
        90.0
        """
        import pandas as pd

        values = np.where(self.rotational, np.rad2deg(self.values), self.values)
        return pd.DataFrame(values, index=pd.Index(self.time_s, name="time_s"), columns=self.names)
