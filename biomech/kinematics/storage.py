"""Tables of numbers over time as OpenSim and its neighbours write them: .mot, .sto, .csv with or without a header."""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import open_text
from biomech.tables import read_numbers

MOST_HEADER_LINES = 1000
BLANK = " \t\r\n\f\v\0\x1a"  # a text of DOS ends with the last one
_TIME = re.compile(r"time(stamp)?s?([ _]?[(\[]?s(ec(onds)?)?[)\]]?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Storage:
    """A table as it stands in the file: no unit is converted yet."""

    title: str
    header: dict[str, str] | None  # keys in lower case; None where the file begins with the columns' names
    names: list[str]
    time_s: Float[np.ndarray, "rows"]
    values: Float[np.ndarray, "rows columns"]

    @property
    def in_degrees(self) -> bool:
        """As OpenSim takes it: without an inDegrees line radians if there is a version line, else degrees (SIMM)."""
        header = self.header or {}
        return header["indegrees"].lower() == "yes" if "indegrees" in header else "version" not in header


def read_storage(path: Path, *, bare: bool = False) -> Storage:
    """Read a table with a time column.

    Args:
        path: .mot, .sto or .csv, separated by tabs, blanks, commas or semicolons.
        bare: take a file without a header too, whose first line names the columns.

    Returns:
        The numbers as they stand there, NaN for an empty cell; the first column is the time (s).

    Raises:
        BioposeError: the file cannot be read as such a table.
    """
    path = Path(path)
    with open_text(path) as file:
        head = list(itertools.islice(file, MOST_HEADER_LINES))
        end = next((i for i, line in enumerate(head) if line.strip().strip(",;").lower() == "endheader"), None)
        header = None if end is None else _header(head[:end])
        begin = 0 if end is None else end + 1
        rows = (line.lstrip().rstrip("\r\n") for line in itertools.chain(head[begin:], file) if line.strip(BLANK))
        first = list(itertools.islice(rows, 3))
        if end is None and not (bare and first and _TIME.fullmatch(_cells(first[0], _separator(first))[0])):
            mend = (
                "Give a .mot or .sto, or a .csv whose first line is time and the coordinates' names." if bare else None
            )
            raise BioposeError("not a .mot file: there is no line 'endheader'", where=str(path), mend=mend)
        names, table = _table(first, rows, path, begin + 2, whole_rows=end is not None)
    if len(names) < 2 or not _TIME.fullmatch(names[0]):
        raise BioposeError("the first column must be `time`, and coordinates follow it", where=str(path))
    return Storage(head[0].strip() if end else "", header, names[1:], table[:, 0], table[:, 1:])


def _header(lines: list[str]) -> dict[str, str]:
    pairs = (line.strip().strip(",;").partition("=") for line in lines)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _table(
    first: list[str], further: Iterator[str], path: Path, first_line: int, whole_rows: bool
) -> tuple[list[str], Float[np.ndarray, "rows columns"]]:
    """Names and numbers; ``first``: the names and a row or two, ``further``: the other rows.

    Spreadsheets leave empty cells at the end of a row away. OpenSim's files never do (``whole_rows``): there a cell is
    lost, nobody knows which; only the last row may have been cut off, and then none of its values is to be trusted.
    """
    if not first:
        raise BioposeError("there are no rows", where=str(path))
    separator = _separator(first)
    named = first[0].strip().removesuffix(separator)  # one at the end of every row is no column
    names, ends = _cells(named, separator), separator if named != first[0].strip() else ""
    widest = max((len(_cells(row.strip().removesuffix(ends), separator)) for row in first[1:]), default=0)
    if widest > len(names):
        raise BioposeError(f"a row has {widest} values under {len(names)} names", where=str(path))
    short: list[int] = []
    rows = _counted(itertools.chain(first[1:], further), len(names), separator, short if whole_rows else [])
    table = read_numbers(
        (row.strip().removesuffix(ends) for row in rows),
        len(names),
        separator,
        where=path,
        first_line=first_line,
        decimal="," if separator == ";" else ".",
    )
    if short and short[0] < len(table) - 1:
        raise BioposeError(
            f"line {first_line + short[0]} has fewer values than there are names: one is lost",
            where=str(path),
            mend="Correct or remove that line.",
        )
    table[short, 1:] = np.nan
    return names, table


def _counted(rows: Iterable[str], columns: int, separator: str, short: list[int]) -> Iterator[str]:
    """The same rows; numbers of those with fewer cells than columns go to ``short``."""
    for number, row in enumerate(rows):
        if (len(row.split()) if separator == r"\s+" else row.count(separator) + 1) < columns:
            short.append(number)
        yield row


def _separator(rows: list[str]) -> str:
    """Tabs (they keep empty cells and blanks in names apart) if names and rows have them, else what the names have."""
    for separator in ("\t", ";", ","):
        if all(separator in row for row in rows[:2]):
            return separator
    return r"\s+"


def _cells(row: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in re.split(separator, row)]
