"""Rows of numbers in a text, as .trc, .mot, .sto and .csv hold them."""

import io
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from biomech.errors import BioposeError

ROWS_AT_ONCE = 20_000
MOST_COLUMNS = 20_000  # of a table; nobody records so many
MISSING = {"", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "infinity"}


def read_numbers(
    rows: Iterable[str], columns: int, separator: str, *, where: Path, first_line: int, decimal: str = "."
) -> Float[np.ndarray, "rows columns"]:
    """The numbers of rows under ``columns`` names; cells that are missing, or at the end of a row, are NaN.

    Rows may come as they are read: only some are held as text at once.

    Args:
        rows: lines without their ends; blank ones are to be left out before.
        columns: how many numbers a row has at most.
        separator: a sign, or an expression for pandas.
        where: the file, for the message.
        first_line: of the rows in the file, for the message.
        decimal: the sign before the fraction.

    Returns:
        The numbers as they stand there, no unit converted.

    Raises:
        BioposeError: a cell is no number.
    """
    if columns > MOST_COLUMNS:
        raise BioposeError(f"it names {columns} columns; at most {MOST_COLUMNS} are read", where=str(where))
    parts, coming = [], iter(rows)
    while some := list(itertools.islice(coming, ROWS_AT_ONCE)):
        try:
            part = pd.read_csv(
                io.StringIO("\n".join(some)),
                sep=separator,
                header=None,
                names=list(range(columns)),
                index_col=False,
                skipinitialspace=True,
                dtype=np.float64,
                on_bad_lines="error",
                decimal=decimal,
            )
        except (ValueError, OverflowError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise _told(some, separator, where, first_line) from error
        parts.append(part.to_numpy(copy=True))
        first_line += len(some)
    return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.zeros((0, columns))


def _told(rows: Sequence[str], separator: str, where: Path, first_line: int) -> BioposeError:
    """Which cell is no number."""
    for number, row in enumerate(rows):
        for cell in row.split() if separator == r"\s+" else row.split(separator):
            plain = cell.strip().strip('"')
            if plain.lower() in MISSING or _is_number(plain):
                continue
            shown = plain[:20].encode("ascii", "replace").decode()
            commas = _is_number(plain.replace(",", "."))
            return BioposeError(
                f"on line {first_line + number} stands '{shown}' where a number should be",
                where=str(where),
                mend="Write decimal points instead of decimal commas." if commas else "Correct or remove that line.",
            )
    return BioposeError("the rows are not all of numbers", where=str(where))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def repeated(names: Sequence[str]) -> list[str]:
    """Names that come more than once, in alphabetical order."""
    return sorted(name for name, times in Counter(names).items() if times > 1)
