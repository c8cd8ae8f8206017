"""A film's motion against optical markers, as OpenCap Monocular is judged: the mean error of 18 rotations.

Protocol: MAE of pelvis 3, hips 6, knees 2, ankles 2, subtalars 2 and lumbar 3 (the preset ``opencap-monocular``) over
the time that both have, after one constant shift in time and one constant turn about the vertical: a film's clock and
the room's axes are nobody's error. With both, OpenCap Monocular's own motions of the two films in ../shared/data come
out at the 3.4° and 3.9° that are stated there (without the shift 3.6° and 4.1°). Besides: the same without each
coordinate's mean error, which tells bias from shape, and the error of a motion that stays at zero.
"""

from pathlib import Path
from typing import TypedDict

import numpy as np

from biomech.comparison.compare import Comparison, compare
from biomech.comparison.presets import preset_figures
from biomech.kinematics.recognise import recognise_motion

PRESET = "opencap-monocular"
KNEES = ("knee_angle_r", "knee_angle_l")


class OneRotation(TypedDict):
    """Of one rotation over the shared frames."""

    mae_deg: float
    bias_deg: float
    without_mean_deg: float
    range_share: float
    r: float


class RotationFigures(TypedDict):
    """Of one motion beside its reference."""

    mae18_deg: float
    mae18_without_mean_deg: float
    zero_mae18_deg: float
    knee_r_min: float
    knee_range_share: float
    knee_mae_deg: float
    shift_s: float
    heading_deg: float
    coordinates: dict[str, OneRotation]


def rotations18(reference: Path, motion: Path) -> RotationFigures:
    """Mean errors of the 18 rotations, the knees' shape, and every coordinate's own figures.

    Args:
        reference: .mot, .sto or .csv.
        motion: of the same movement, on any clock.

    Returns:
        Degrees, seconds (the shift) and shares, as the names say; NaN in the means where one of the 18 is missing.

    Raises:
        BioposeError: a file cannot be read, or the motions have nothing in common.
    """
    comparison = compare(recognise_motion(reference), recognise_motion(motion), time=True, heading=True)
    preset = preset_figures(PRESET, comparison)
    names = [name for name, unit in preset.units.items() if unit == "deg"]
    errors = {name: comparison.errors[name] for name in names if name in comparison.errors}
    shapes = _without_mean_deg(comparison)
    # Fewer than 18 are not the preset's figure, in none of the means.
    whole = 1.0 if len(errors) == len(names) else np.nan
    assert comparison.time_shift is not None and comparison.heading is not None
    return {
        "mae18_deg": round(preset.mean("deg"), 3),
        "mae18_without_mean_deg": round(whole * float(np.mean([shapes[name] for name in errors])), 3),
        "zero_mae18_deg": round(whole * float(np.mean([e.zero_mae for e in errors.values()])), 3),
        "knee_r_min": round(min(errors[name].correlation for name in KNEES), 3),
        "knee_range_share": round(float(np.mean([errors[name].range_ratio for name in KNEES])), 3),
        "knee_mae_deg": round(float(np.mean([errors[name].mae for name in KNEES])), 2),
        "shift_s": round(comparison.time_shift.shift_s, 3),
        "heading_deg": round(float(np.degrees(comparison.heading.turn_rad)), 1),
        "coordinates": {
            name: {
                "mae_deg": round(e.mae, 2),
                "bias_deg": round(e.bias, 2),
                "without_mean_deg": round(shapes[name], 2),
                "range_share": round(e.range_ratio, 2),
                "r": round(e.correlation, 3),
            }
            for name, e in errors.items()
        },
    }


def _without_mean_deg(comparison: Comparison) -> dict[str, float]:
    """Of every coordinate, the mean absolute difference of error and mean error, degrees."""
    error = np.degrees(comparison.curves.values - comparison.reference_curves.values)
    seen = [column[np.isfinite(column)] for column in error.T]
    named = zip(comparison.names, seen, strict=True)
    return {name: float(np.abs(column - column.mean()).mean()) for name, column in named if len(column)}
