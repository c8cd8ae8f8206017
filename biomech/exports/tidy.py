"""The motion as a tidy table: that of every run, of the frames that have a pose."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomech.exports.take import Take
from biomech.files import write_csv
from biomech.inverse_kinematics.tidy import tidy_table
from biomech.report.courses import Courses

if TYPE_CHECKING:
    import pandas as pd


def tidy_angles(take: Take) -> "pd.DataFrame":
    """The table of ``tidy_table``.

    Args:
        take: whose frames that have a pose are told.

    Returns:
        ``half_width`` is NaN where it is not known, and ``trusted`` empty where there is no quality file.
    """
    motion = take.kinematics
    turned = np.where(motion.rotational, 180 / np.pi, 1.0)
    unsure = np.full(motion.values.shape, np.nan) if take.uncertainty is None else take.uncertainty
    believed, reasons = None, [""] * len(motion.time_s)
    if take.trusted is not None:
        rows = take.trusted.rows(motion.time_s)
        believed = Courses.of(take.name, motion, take.trusted).believed[rows]
        reasons = [take.trusted.reasons[row] for row in rows]
    return tidy_table(
        motion.names, motion.rotational, motion.time_s, motion.values * turned, unsure * turned, believed, reasons
    )


def write_tidy(take: Take, path: Path) -> list[str]:
    """Write the table.

    Args:
        take: to be written.
        path: the .csv, written whole or not at all.

    Returns:
        What the user should know.
    """
    write_csv(tidy_angles(take), path)
    return []
