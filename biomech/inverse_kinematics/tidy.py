"""A motion as a tidy table: a row for every value, with how far off it may be and whether it is to be trusted.

The one home of that table: every run's ``_angles.csv`` and the export of that kind are it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.errors import BioposeError
from biomech.files import check_file

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("time", "coordinate", "value", "unit", "half_width", "trusted", "reason")
ANGLES = "_angles.csv"
OPEN = "not determined by the markers seen"
NOT_SAID = "nothing says whether it is to be trusted"
DEGREE_DECIMALS, METRE_DECIMALS, SECOND_DECIMALS = 3, 5, 6


def tidy_table(
    names: list[str],
    rotational: Bool[np.ndarray, " coordinates"],
    time_s: Float[np.ndarray, " frames"],
    values: Float[np.ndarray, "frames coordinates"],
    half_widths: Float[np.ndarray, "frames coordinates"],
    believed: Bool[np.ndarray, "frames coordinates"] | None,
    reasons: list[str],
) -> "pd.DataFrame":
    """``COLUMNS``, frame by frame, coordinates in the order given.

    Args:
        names: of the coordinates.
        rotational: which are angles.
        time_s: of the frames.
        values: degrees and metres; NaN where there is none.
        half_widths: the same; NaN where nothing knows them.
        believed: which values are to be trusted; None where nothing says.
        reasons: of each frame why it is not to be trusted; empty where it is.

    Returns:
        ``value`` and ``half_width`` in the row's ``unit``, deg or m; ``trusted`` 1 or 0, empty where nothing says.
    """
    import pandas as pd  # slow to load

    frames, count = values.shape
    why = np.repeat(np.array(reasons, dtype=object)[:, None], count, axis=1)
    if believed is None:
        why[:] = NOT_SAID
        trusted = pd.array([pd.NA] * values.size, dtype="Int8")
    else:
        why[~believed & (why == "")] = OPEN
        trusted = pd.array(believed.ravel().astype(int), dtype="Int8")
    decimals = np.where(rotational, DEGREE_DECIMALS, METRE_DECIMALS)
    columns = (
        np.repeat(time_s.round(SECOND_DECIMALS), count),
        np.tile(np.array(names, dtype=object), frames),
        _rounded(values, decimals),
        np.tile(np.where(rotational, "deg", "m").astype(object), frames),
        _rounded(half_widths, decimals),
        trusted,
        why.ravel(),
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def believed_values(path: Path) -> "pd.DataFrame":
    """What is trusted of a table's values.

    Args:
        path: the .csv that ``tidy_table`` became.

    Returns:
        Seconds by coordinates, in the table's order, degrees and m; NaN where a value is missing or not trusted.
        ``attrs`` has the ``units`` by coordinate, and whether anything is ``said`` of trust.

    Raises:
        BioposeError: it is no such table.
    """
    import pandas as pd  # slow to load

    try:
        table = pd.read_csv(check_file(path), usecols=["time", "coordinate", "value", "unit", "trusted"])
        table = table.astype({"time": float, "value": float, "trusted": float})
        values = np.where(table["trusted"] == 1, table["value"], np.nan)
        names = table["coordinate"].to_numpy()
        count = _of_a_frame(table["time"].to_numpy(), names)
        if count:
            times = pd.Index(table["time"].to_numpy()[::count], name="time")
            wide = pd.DataFrame(values.reshape(-1, count), times, names[:count])
        else:
            whole = table.assign(value=values).pivot(index="time", columns="coordinate", values="value")
            wide = whole[list(dict.fromkeys(names))]
    except (KeyError, TypeError, ValueError) as error:
        raise BioposeError("not a table of angles of `biopose ik`", where=str(path)) from error
    units = dict(zip(names, table["unit"].to_numpy(), strict=True))
    wide.attrs.update(units=units, said=bool(table["trusted"].notna().any()))
    return wide


def _of_a_frame(times: Float[np.ndarray, " rows"], names: np.ndarray) -> int:
    """How many rows each frame has where all have the same coordinates in the same order, as runs write it; or 0."""
    count = len(names) if not len(names) or (times == times[0]).all() else int(np.argmax(times != times[0]))
    if not count or len(names) % count or len(set(names[:count])) < count:
        return 0
    frames = times.reshape(-1, count)
    alike = (names.reshape(-1, count) == names[:count]).all() and (frames == frames[:, :1]).all()
    return count if alike else 0


def _rounded(
    values: Float[np.ndarray, "frames coordinates"], decimals: Int[np.ndarray, " coordinates"]
) -> Float[np.ndarray, " cells"]:
    steps = 10.0**decimals
    rounded: Float[np.ndarray, " cells"] = (np.round(values * steps) / steps).ravel()
    return rounded
