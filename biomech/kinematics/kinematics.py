"""The noun ``Kinematics``: coordinates of an OpenSim model over time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from biomech.arrays import Field, check_arrays, check_names, check_times

if TYPE_CHECKING:
    import pandas as pd

NOUN = "a motion"
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
