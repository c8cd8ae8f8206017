"""Marker trajectories as .trc, the form that OpenSim's tools and its GUI take.

What OpenSim accepts without a word and then solves wrongly is caught here: a missing marker written as 0, 0, 0 (taken
as a real point), millimetres labelled metres and the reverse, a DataRate that disagrees with the time column.
"""

import hashlib
import itertools
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import on_one_line, open_text, read_text, whole_file
from biomech.markers.checks import (
    METRES_PER_UNIT,
    UNSAID_UNIT,
    factor_to_person,
    far_as_missing,
    one_unit,
    sentinels_as_missing,
)
from biomech.markers.markers import Markers
from biomech.tables import MOST_COLUMNS, read_numbers, repeated

HEADER_KEYS = (
    "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames".split()
)  # in OpenSim's order

SUM_DIGITS = 16
SUMMED = re.compile(rf"PathFileType\t4\t\(X/Y/Z\)\t.*\t([0-9a-f]{{{SUM_DIGITS}}})")  # the first line as written here
WRITTEN = re.compile(r"(\d+\.\d{6})\t\1\t\d+\t\d+\tm\t\1\t1\t\d+")  # the values of the header as written here
AXIS = re.compile(r"[XYZ]\d", re.IGNORECASE)
BLANK = " \t\r\n\f\v\0\x1a"  # a text of DOS ends with the last one
RATE_TOLERANCE = 0.01  # relative; headers round 29.97 to 30
MILLISECONDS = 1000.0
SLOWEST_COUNTED_HZ = 10.0  # a column that goes 1, 2, 3 … is of frames, unless so slow a rate makes it seconds
COARSEST_S = 0.1  # to which a time may be rounded
SKIPPED_STEP = 1.5  # usual time steps: where nearly all steps are usual ones, a frame was left out


def read_trc(path: Path) -> Markers:
    """Read a .trc into metres; empty cells, NaN and 0, 0, 0 become NaN.

    The time column is the truth about time, the marker names about their number. What can be told without doubt is
    mended: metres labelled millimetres and the reverse, by the size of a person; times in ms, counted in frames or
    rounded until they stand still, by DataRate; -1 or 9999 thrice for a gap; decimal commas; blanks in place of tabs.
    ``notes`` of the result says what was mended or looks wrong.

    Raises:
        BioposeError: the file cannot be read as .trc, or its unit cannot be right.
    """
    path = Path(path)
    text = read_text(path)
    lines = text.splitlines()
    header = _header(lines, path)
    names = _marker_names(lines, path)
    notes: list[str] = []
    table = _numbers(lines, 2 + 3 * len(names), path, notes, ends=text.endswith("\n"))
    positions = table[:, 2:].reshape(len(table), len(names), 3)

    stated = _number(header.get("datarate", ""))
    time = _seconds(table[:, 1], stated, path, notes)
    unit = str(header.get("units", "")).strip().lower() or UNSAID_UNIT
    if unit not in METRES_PER_UNIT:
        raise BioposeError(
            f"Units is {unit!r}, not one of m, cm, mm", where=str(path), mend="Correct the third line of the file."
        )
    zero = (positions == 0).all(-1)
    if zero.any():
        notes.append(f"{int(zero.sum())} marker positions of exactly 0, 0, 0 are taken as missing")
    sentinels_as_missing(positions, notes)
    positions[zero | ~np.isfinite(positions).all(-1)] = np.nan
    one_unit(positions, names, unit, notes)
    positions *= METRES_PER_UNIT[unit]
    positions *= factor_to_person(positions, unit, path, notes)
    far_as_missing(positions, names, notes, path)
    markers = Markers(names, positions, time, notes)

    if len(time) > 1 and not abs(stated / markers.rate_hz - 1) <= RATE_TOLERANCE:
        notes.append(f"DataRate says {stated:g} Hz, the time column {markers.rate_hz:g} Hz; the time column is used")
    if left_out := _frames_left_out(time):
        notes.append(f"the time column leaves frames out in {left_out} places; so does the motion")
    for key, counted, what in (("NumFrames", len(time), "frames"), ("NumMarkers", len(names), "markers")):
        if header.get(key.lower(), "").strip() not in ("", str(counted)):
            notes.append(f"{key} says {header[key.lower()].strip()}, the file has {counted} {what}")
    return markers


def write_trc(markers: Markers, path: Path) -> None:
    """Write metres, whole or not at all; missing markers are ``nan``.

    Empty cells would do for one of OpenSim's readers and not for the other, when they end a row. The rates in the
    header are the mean rate of the time column, which is written as it is.

    Args:
        markers: positions in m, Y up; one with NaN on any axis is missing.
        path: the .trc.

    Raises:
        BioposeError: repeated names, or a time that does not increase.
    """
    frames, count = markers.positions_m.shape[:2]
    if twice := repeated(markers.names):
        raise BioposeError(f"marker names are repeated: {', '.join(twice)}", where=str(path))
    if not frames or not np.isfinite(markers.time_s).all() or (np.diff(markers.time_s) <= 0).any():
        raise BioposeError("the markers need at least one frame, and time that increases", where=str(path))
    rate = f"{markers.rate_hz:.6f}"
    values = [rate, rate, str(frames), str(count), "m", rate, "1", str(frames)]
    columns = "".join(f"\t{name}\t\t" for name in markers.names)
    axes = "".join(f"\tX{i}\tY{i}\tZ{i}" for i in range(1, count + 1))
    missing = ~np.isfinite(markers.positions_m).all(-1)
    positions = np.where(missing[..., None], np.nan, markers.positions_m).reshape(frames, -1)
    table = np.column_stack([np.arange(1, frames + 1), markers.time_s, positions])
    first = f"PathFileType\t4\t(X/Y/Z)\t{on_one_line(Path(path).name)}\t"
    with whole_file(path) as temporary:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(f"{first}{'0' * SUM_DIGITS}\n")
            file.write("\t".join(HEADER_KEYS) + "\n" + "\t".join(values) + "\n")
            file.write(f"Frame#\tTime{columns}\n\t{axes}\n\n")
            np.savetxt(file, table, delimiter="\t", fmt=["%d", "%.8f"] + ["%.8f"] * (3 * count))
        with open(temporary, "r+b") as file:
            said = _sum(file)
            file.seek(len(first.encode()))
            file.write(said.encode())


def is_ours(path: Path) -> bool:
    """Whether a .trc is as ``write_trc`` left it: by the sum in its first line, which an edit leaves behind.

    Files of earlier versions have none; nobody else states rates to six digits, and metres.
    """
    with open_text(path) as text:
        first, *_, values = [*itertools.islice(text, 3), "", ""][:3]
    if WRITTEN.fullmatch(values.strip()) is None:
        return False
    if (summed := SUMMED.fullmatch(first.rstrip("\n"))) is None:
        return True
    with open(path, "rb") as file:
        return _sum(file) == summed[1]


def _sum(file: BinaryIO) -> str:
    """Of all lines but the first."""
    file.seek(0)
    file.readline()
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()[:SUM_DIGITS]


def _header(lines: list[str], path: Path) -> dict[str, str]:
    """What the second and third line say; the keys in lower case."""
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        raise BioposeError("not a .trc file: the first line must start with PathFileType", where=str(path))
    keys, values = (line.split() for line in lines[1:3])
    if len(values) < len(keys):  # a cell is empty; single tabs keep it apart
        keys, values = ([cell.strip() for cell in line.split("\t")] for line in lines[1:3])
    return dict(zip(map(str.lower, keys), values, strict=False))


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("nan")


def _seconds(
    column: Float[np.ndarray, " frames"], stated_hz: float, path: Path, notes: list[str]
) -> Float[np.ndarray, " frames"]:
    """The time column in seconds; where it cannot be that, what DataRate makes of it without doubt.

    Raises:
        BioposeError: it does not increase, and DataRate does not explain why.
    """
    steps, known = np.diff(column), np.isfinite(stated_hz) and stated_hz > 0
    if known and len(steps) and (steps > 0).all():
        if abs(stated_hz * np.mean(steps) / MILLISECONDS - 1) <= RATE_TOLERANCE:
            notes.append(f"the time column is in ms, by DataRate ({stated_hz:g} Hz) and its steps; read so")
            return column / MILLISECONDS
        if (steps == 1).all() and stated_hz >= SLOWEST_COUNTED_HZ:
            notes.append(f"the time column counts frames; the time is DataRate's ({stated_hz:g} Hz)")
            return column / stated_hz
    if known and len(steps) and np.isfinite(steps).all() and (steps >= 0).all() and (steps == 0).any():
        even = column[0] + np.arange(len(column)) / stated_hz
        digit = steps[steps > 0].min(initial=np.inf)
        if np.abs(even - column).max() <= digit <= COARSEST_S:
            notes.append(
                f"the time column is rounded to {digit:.3g} s and stands still; DataRate ({stated_hz:g} Hz) is used"
            )
            return even
    if not np.isfinite(column).all() or (steps <= 0).any():
        row = int(np.argmax(~(np.diff(column, prepend=-np.inf) > 0)))
        raise BioposeError(
            f"the time column does not increase at data row {row + 1}",
            where=str(path),
            mend="Sort the rows by time and remove repeated ones.",
        )
    return column


def _marker_names(lines: list[str], path: Path) -> list[str]:
    # The fourth line gives each name one cell of three; some writers put one tab more after Time.
    cells = lines[3].split("\t") if "\t" in lines[3] else lines[3].split()
    names = [cell.strip() for cell in cells[2:] if cell.strip()]
    if len(names) > MOST_COLUMNS:
        raise BioposeError(f"the fourth line names {len(names)} markers", where=str(path))
    if twice := repeated(names):
        raise BioposeError(f"marker names are repeated: {', '.join(twice[:10])}", where=str(path))
    if not names:
        raise BioposeError("the fourth line names no marker", where=str(path))
    return names


def _numbers(
    lines: list[str], columns: int, path: Path, notes: list[str], ends: bool
) -> Float[np.ndarray, "frames columns"]:
    """The rows of frames; one that was cut off while it was written is left out and told.

    ``ends``: whether the last line ends.
    """
    # Cells left empty at the end of a row and tabs too many look alike; pandas fills short rows with NaN.
    begin = 4 if AXIS.search(lines[4]) is None else 5  # some writers leave the line of X1, Y1, Z1 away
    body = [line.rstrip(BLANK) for line in itertools.islice(lines, begin, None)]
    at = [number for number, line in enumerate(body, begin + 1) if line]
    rows = [line for line in body if line]
    if not rows:
        raise BioposeError("there is no frame in the file", where=str(path))
    separator = "\t" if "\t" in rows[0] else None
    widths = [len(row.split(separator)) for row in rows]
    if len(rows) > 1 and widths[-1] < min(widths[:-1]) and (not ends or widths[-1] % 3 != 2):
        notes.append(f"the last row ends after {widths[-1]} of {columns} cells: the file was cut off; left out")
        rows, widths = rows[:-1], widths[:-1]
    # A marker has three cells or, at the end of a row, none.
    if separator and (lost := [number for number, width in zip(at, widths, strict=False) if width % 3 != 2]):
        raise BioposeError(
            f"line {lost[0]} has {widths[at.index(lost[0])]} cells, which is not a frame, a time and three for each "
            "marker: one is lost or too many",
            where=str(path),
            mend="Correct or remove that line.",
        )
    if (widest := max(widths)) > columns:
        raise BioposeError(
            f"a data row has {widest} columns, and the marker names on the fourth line are for {columns}",
            where=str(path),
            mend="Name every marker on the fourth line, or take the columns without a name away.",
        )
    decimal = "," if "," in rows[0] and "." not in rows[0] else "."
    return read_numbers(rows, columns, separator or r"\s+", where=path, first_line=at[0], decimal=decimal)


def _frames_left_out(time_s: Float[np.ndarray, " frames"]) -> int:
    """Longer steps in a time column that is regular otherwise; a variable frame rate leaves nothing out."""
    if len(time_s) < 3:
        return 0
    steps = np.diff(time_s) / np.median(np.diff(time_s))
    return int((steps > SKIPPED_STEP).sum()) if (np.abs(steps - 1) < 0.1).mean() > 0.9 else 0
