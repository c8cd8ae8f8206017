"""Scores of a motion against a reference motion, by the protocols under which video → OpenSim is published.

OpenCap Monocular: mean absolute error of 18 rotations and 3 translations, after one shift in time and one turn about
the vertical (with one horizontal move): a film's clock and the room's axes are nobody's error. OpenCapBench: RMSE of 12
angles, left and right averaged, with and without its best shift in time; the heading is laid on the reference's here
too, since one camera cannot know the room's. BioPose's tables: mean absolute error of all rotations that both have and
that move; which coordinates the paper counted is not published.
"""

from pathlib import Path

import numpy as np

from biomech.comparison.compare import Comparison, compare
from biomech.comparison.presets import preset_figures
from biomech.errors import BioposeError
from biomech.evaluation.sequence import Figures
from biomech.kinematics.recognise import ReadMotion, recognise_motion

MONOCULAR, BENCH = "opencap-monocular", "opencapbench"


def score_angles(reference: Path, motion: Path) -> Figures:
    """All of a motion's scores.

    Args:
        reference: .mot, .sto or .csv.
        motion: of the same movement, on any clock, in a room of any axes.

    Returns:
        Degrees, mm, s; NaN in a mean of which a coordinate is missing. ``frames`` were compared.

    Raises:
        BioposeError: a file cannot be read, or the motions have nothing in common to be aligned by.
    """
    truth, ours = recognise_motion(reference), recognise_motion(motion)
    aligned = compare(truth, ours, time=True, heading=True)
    assert aligned.time_shift is not None and aligned.heading is not None
    monocular = preset_figures(MONOCULAR, aligned)
    shifted = preset_figures(BENCH, aligned)
    figures = {
        "mae18_deg": monocular.mean("deg"),
        "mae3_mm": monocular.mean("mm"),
        "rmse12_deg": _unshifted(truth, ours),
        "rmse12_shifted_deg": shifted.mean("deg"),
        "angles_mae_deg": aligned.rotations.mae if aligned.rotations else float("nan"),
        "shift_s": aligned.time_shift.shift_s,
        "heading_deg": float(np.degrees(aligned.heading.turn_rad)),
        "frames": float(aligned.compared_s[2]),
    }
    return figures | {f"rmse_{name}_deg": value for name, value in shifted.numbers.items()} | _by_coordinate(aligned)


def _unshifted(truth: ReadMotion, ours: ReadMotion) -> float:
    """The 12 angles' mean RMSE on the clocks as they are; NaN where these have no time in common."""
    try:
        plain = compare(truth, ours, heading=True)
        return preset_figures(BENCH, plain).mean("deg")
    except BioposeError:
        return float("nan")


def _by_coordinate(aligned: Comparison) -> Figures:
    numbers = preset_figures(MONOCULAR, aligned)
    return {f"mae_{name}_{numbers.units[name]}": value for name, value in numbers.numbers.items()}
