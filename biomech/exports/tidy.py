"""The motion as a tidy table: a row for every value, with how far off it may be and whether it is to be trusted."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomech.exports.take import Take
from biomech.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("time", "coordinate", "value", "unit", "half_width", "trusted", "reason")
OPEN = "not determined by the markers seen"
NOT_SAID = "nothing says whether it is to be trusted"
DEGREE_DECIMALS, METRE_DECIMALS = 3, 5


def tidy_angles(take: Take) -> "pd.DataFrame":
    """``COLUMNS``: time in s, value and half width in the row's unit (deg or m).

    Args:
        take: whose frames that have a pose are told.

    Returns:
        Frame by frame, coordinates in the model's order; ``half_width`` is NaN where it is not known, ``trusted`` 1 or
        0, and NaN where there is no quality file.
    """
    import pandas as pd  # slow to load

    motion = take.kinematics
    frames, count = motion.values.shape
    turned = np.where(motion.rotational, 180 / np.pi, 1.0)
    decimals = np.where(motion.rotational, DEGREE_DECIMALS, METRE_DECIMALS)
    unsure = np.full(motion.values.shape, np.nan) if take.uncertainty is None else take.uncertainty
    trusted = np.full((frames, count), np.nan)
    reasons = np.full((frames, count), NOT_SAID, dtype=object)
    if take.trusted is not None:
        rows = take.trusted.rows(motion.time_s)
        for frame, row in enumerate(rows):
            left_open = take.trusted.not_determined[row].split()
            why = [take.trusted.reasons[row] or (OPEN if name in left_open else "") for name in motion.names]
            reasons[frame] = why
            trusted[frame] = [not one for one in why]

    def rounded(values: np.ndarray) -> np.ndarray:
        scale = 10.0**decimals
        return (np.round(values * turned * scale) / scale).ravel()

    columns = (
        *(np.repeat(motion.time_s.round(6), count), np.tile(np.array(motion.names, dtype=object), frames)),
        *(rounded(motion.values), np.tile(np.where(motion.rotational, "deg", "m").astype(object), frames)),
        *(rounded(unsure), pd.array(trusted.ravel(), dtype="Int8"), reasons.ravel()),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def write_tidy(take: Take, path: Path) -> list[str]:
    """Write the table.

    Args:
        take: to be written.
        path: the .csv, written whole or not at all.

    Returns:
        What the user should know.
    """
    table = tidy_angles(take)
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)
    return []
