"""The noun ``Courses``: a motion as people look at it, with how far off it may be and what of it is to be believed.

The tidy table, the angle plot and the report show the same courses; all of them are in degrees and metres here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from biomech.arrays import nearest
from biomech.comparison.coordinate_names import COUPLED_GROUP, group, group_order, standard_name
from biomech.files import write_csv
from biomech.inverse_kinematics.tidy import tidy_table
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Courses:
    """Every coordinate of one solver's motion at every frame of the markers, those without a pose included.

    Attributes:
        solver: whose motion it is.
        names: of the coordinates.
        rotational: which are angles.
        time_s: of the frames.
        values: degrees and metres; NaN in frames that could not be solved.
        half_widths: the same; they hold the true value as often as one standard deviation does. NaN: not known.
        believed: which values are to be trusted.
        reasons: of each frame why it is not trusted; empty where it is.
    """

    solver: str
    names: list[str]
    rotational: Bool[np.ndarray, " coordinates"]
    time_s: Float[np.ndarray, " frames"]
    values: Float[np.ndarray, "frames coordinates"]
    half_widths: Float[np.ndarray, "frames coordinates"]
    believed: Bool[np.ndarray, "frames coordinates"]
    reasons: list[str]

    @classmethod
    def of(
        cls,
        solver: str,
        kinematics: Kinematics,
        trusted: Trusted,
        uncertainty: Float[np.ndarray, "solved coordinates"] | None = None,
    ) -> "Courses":
        """Of what a solver left.

        Args:
            solver: its name.
            kinematics: rad and m, at all frames of ``trusted`` or at some.
            trusted: of every frame of the markers.
            uncertainty: half widths of ``kinematics`` (rad, m), where something knows them.

        Returns:
            Frames of ``trusted``, each with its pose, if there is one of that frame.

        Raises:
            BioposeError: ``trusted`` is of other frames.
        """
        rows = trusted.rows(kinematics.time_s)
        turned = np.where(kinematics.rotational, 180 / np.pi, 1.0)
        values = np.full((len(trusted.time_s), len(kinematics.names)), np.nan)
        values[rows] = kinematics.values * turned
        half_widths = np.full_like(values, np.nan)
        if uncertainty is not None:
            half_widths[rows] = uncertainty * turned
        believed = trusted.values(kinematics.names) & np.isfinite(values)
        return cls(
            solver,
            list(kinematics.names),
            kinematics.rotational,
            trusted.time_s,
            values,
            half_widths,
            believed,
            list(trusted.reasons),
        )

    def at_all_frames(self, kinematics: Kinematics) -> Float[np.ndarray, "frames coordinates"]:
        """The motion that these are the courses of (rad and m), at every frame; NaN where it has none."""
        values = np.full((len(self.time_s), len(kinematics.names)), np.nan)
        values[nearest(self.time_s, kinematics.time_s)] = kinematics.values
        return values

    @property
    def shown(self) -> list[str]:
        """The coordinates that a reader looks at, part by part: without those that only follow others."""
        own = [name for name in self.names if group(name) != COUPLED_GROUP]
        return sorted(own, key=lambda name: group_order(group(name)))

    def unit(self, name: str) -> str:
        """Of a coordinate's values: ``deg`` or ``m``."""
        return "deg" if self.rotational[self.names.index(name)] else "m"

    def table(self) -> "pd.DataFrame":
        """One row for every value, as ``tidy_table`` says."""
        return tidy_table(
            self.names, self.rotational, self.time_s, self.values, self.half_widths, self.believed, self.reasons
        )

    def write(self, path: Path) -> None:
        """``table`` as a .csv, written whole or not at all."""
        write_csv(self.table(), path)


def in_pairs(names: list[str]) -> dict[str, list[str]]:
    """Coordinates that belong into one picture, by their name without its side: right and left of one joint."""
    found: dict[str, list[str]] = {}
    for name in names:
        plain = standard_name(name)
        found.setdefault(plain[:-2] if plain.endswith(("_r", "_l")) else plain, []).append(name)
    return found


def side(name: str) -> str:
    """``r``, ``l`` or nothing: of a coordinate."""
    plain = standard_name(name)
    return plain[-1] if plain.endswith(("_r", "_l")) else ""
