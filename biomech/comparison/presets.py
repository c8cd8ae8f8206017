"""Sets of coordinates and measures under which others have published: presets.json.

OpenCapBench: RMSE of 12 angles, with and without the best shift in time. OpenCap Monocular: MAE of 18 angles and of the
pelvis's three translations.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from biomech.comparison.compare import Comparison, compare
from biomech.comparison.coordinate_names import standard_name
from biomech.errors import BioposeError
from biomech.kinematics.mot import is_translation


@dataclass(frozen=True)
class PresetFigures:
    """A preset's numbers for one motion; NaN where a coordinate is missing."""

    title: str
    measure: str  # mae or rmse
    units: dict[str, str]  # of every number: deg or mm
    numbers: dict[str, float]
    shifted: dict[str, float] | None  # the same numbers at the best shift in time, where the preset asks for them
    shift_s: float | None
    missing: list[str]

    def mean(self, unit: str, shifted: bool = False) -> float:
        """Over the numbers in one unit; NaN unless all of them are there: fewer are not the preset's figure.

        Args:
            unit: ``deg`` or ``mm``.
            shifted: of the numbers at the best shift in time; NaN where the preset does not ask for them.

        Returns:
            In that unit.
        """
        numbers = (self.shifted or {}) if shifted else self.numbers
        return float(np.mean([value for name, value in numbers.items() if self.units[name] == unit] or [np.nan]))

    def figures(self, shifted: bool = False) -> dict[str, float]:
        """Numbers and means, with measure and units in their names."""
        numbers = (self.shifted or {}) if shifted else self.numbers
        named = {f"{name}_{self.measure}_{self.units[name]}": value for name, value in numbers.items()}
        units = sorted(set(self.units.values()))
        return named | {f"mean_{self.measure}_{unit}": self.mean(unit, shifted) for unit in units}


def presets() -> list[str]:
    """Their names."""
    return list(_presets())


def check_preset(name: str) -> None:
    """Raises BioposeError for a name that is no preset's."""
    if name not in _presets():
        raise BioposeError(f"no preset {name!r}", mend=f"There are {', '.join(_presets())}.")


def preset_figures(name: str, comparison: Comparison) -> PresetFigures:
    """The preset's numbers, each the mean over its coordinates (left and right).

    Args:
        name: one of ``presets()``.
        comparison: where it is not aligned in time and the preset asks for that too, its motions are compared again.

    Returns:
        Numbers in degrees and millimetres, NaN where the motion or the reference lacks a coordinate.

    Raises:
        BioposeError: no such preset, or no shift in time can be found where the preset asks for it.
    """
    check_preset(name)
    preset = _presets()[name]
    numbers = preset["numbers"]
    known = {standard_name(own) for own in comparison.errors}
    shifted = None
    if preset["best_shift_too"] and comparison.time_shift is None:
        turned = comparison.heading is not None
        shifted = compare(
            comparison.reference, comparison.motion, time=True, heading=turned, untrusted=comparison.untrusted
        )
    return PresetFigures(
        title=preset["title"],
        measure=preset["measure"],
        units={number: "mm" if is_translation(coordinates[0]) else "deg" for number, coordinates in numbers.items()},
        numbers=_numbers(preset, comparison),
        shifted=_numbers(preset, shifted) if shifted else None,
        shift_s=shifted.time_shift.shift_s if shifted and shifted.time_shift else None,
        missing=[c for coordinates in numbers.values() for c in coordinates if c not in known],
    )


def _numbers(preset: dict[str, Any], comparison: Comparison) -> dict[str, float]:
    values = {standard_name(own): getattr(e, preset["measure"]) for own, e in comparison.errors.items()}
    return {
        number: float(np.mean([values.get(name, np.nan) for name in coordinates]))
        for number, coordinates in preset["numbers"].items()
    }


@cache
def _presets() -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = json.loads(
        files("biomech.comparison").joinpath("presets.json").read_text(encoding="utf-8")
    )
    return told
