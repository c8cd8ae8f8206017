"""What a .c3d's first bytes say and its reader (ezc3d) does not: the processor, the frames, names in lower case.

And whether its parameters are whole: ezc3d takes the process down, or goes on for ever, where one points beyond them.

The header's words and the parameter section are those of c3d.org's manual, "The C3D file format".
"""

import contextlib
import math
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError

BLOCK = 512
KEY = 0x50
INTEL, BIG_ENDIAN = 84, 86  # the processor's code of PCs, and of SGI and MIPS; 85 is DEC's
KINDS = (-1, 1, 2, 4)  # letters, bytes, whole numbers, real ones; the size of each is the number itself
MOST_DIMENSIONS = 7
# ezc3d takes the first value of these unseen, and of lists of words how long one is.
NEVER_EMPTY = {b"POINT": (b"USED", b"SCALE", b"RATE", b"FRAMES"), b"ANALOG": (b"USED", b"GEN_SCALE", b"RATE")}
LISTS = (b"LABELS", b"DESCRIPTIONS", b"UNITS")
MOST_FRAMES_SAID = 65_535  # a word; longer recordings say this, or count from 0 again


@dataclass(frozen=True)
class C3dHeader:
    """The words of the first block that are used here."""

    parameters_at: int  # bytes
    processor: int
    frames: int | None  # None where the two words cannot say it
    rate_hz: float | None = None  # None where it is none, or of another machine's numbers


def read_header(path: Path) -> C3dHeader | None:
    """The header; None where it is not one.

    Raises:
        BioposeError: the file is one of a big-endian machine.
    """
    with open(path, "rb") as file:
        first = file.read(BLOCK)
        if len(first) < BLOCK or first[1] != KEY or not first[0]:
            return None
        file.seek(at := BLOCK * (first[0] - 1))
        section = file.read(4)
    if len(section) < 4:
        return None
    if section[3] == BIG_ENDIAN:
        raise BioposeError(
            "a C3D file of a big-endian machine (SGI, MIPS), which is not read",
            where=str(path),
            mend="Save it again as Intel (PC) with the program that recorded it, or as .trc; Mokka does either.",
        )
    start, end = struct.unpack("<HH", first[6:10])
    frames = end - start + 1
    (rate,) = struct.unpack("<f", first[20:24])
    return C3dHeader(
        at,
        section[3],
        frames if frames > 0 and end < MOST_FRAMES_SAID else None,
        rate if section[3] == INTEL and 0 < rate < math.inf else None,
    )


@contextlib.contextmanager
def with_capital_names(path: Path, header: C3dHeader | None) -> Iterator[Path]:
    """The file; or a copy whose groups and parameters are in capitals, where some are not: case means nothing there.

    Args:
        path: the .c3d.
        header: what its first block says; None leaves the file as it is.

    Yields:
        The path of either; a copy is gone afterwards.

    Raises:
        BioposeError: the parameters are cut or damaged.
    """
    if header is None:
        yield path
        return
    data, changed = bytearray(path.read_bytes()), False
    for name in _names(data, header.parameters_at, path):
        if (plain := data[name].upper()) != data[name]:
            data[name], changed = plain, True
    if not changed:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="biopose-c3d-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(data)
        yield copy


def _names(data: bytes | bytearray, at: int, where: Path) -> Iterator[slice]:
    """Where the names of groups and parameters stand.

    Raises:
        BioposeError: a group or parameter does not fit in the place that it has.
    """
    place, groups = at + 4, dict[int, bytes]()
    while True:
        length, number = struct.unpack("<bb", data[place : place + 2]) if place + 2 <= len(data) else (0, 0)
        name = slice(place + 2, place + 2 + abs(length))  # negative: the name is locked
        if name.stop + 2 > len(data):
            raise _damaged(where)
        if not length or not number:
            return
        (onward,) = struct.unpack("<H", data[name.stop : name.stop + 2])
        said, left = bytes(data[name]).upper(), (onward or len(data) - name.stop) - 2
        held: int | None = 0
        if number < 0:
            groups[-number] = said
        else:
            held = _held(data, name.stop + 2, said, groups.get(number, b""))
        if held is None or name.stop + onward > len(data) or not _described(data, name.stop + 2 + held, left - held):
            raise _damaged(where)
        yield name
        if not onward:
            return
        place = name.stop + onward


def _held(data: bytes | bytearray, at: int, name: bytes, group: bytes) -> int | None:
    """How many bytes a parameter's type, dimensions and values take, from ``at``; None where it cannot be."""
    if at + 2 > len(data):
        return None
    kind, dimensions = struct.unpack("<bB", data[at : at + 2])
    count = math.prod(data[at + 2 : at + 2 + dimensions])
    empty = not count and name in NEVER_EMPTY.get(group, ())
    if kind not in KINDS or dimensions > MOST_DIMENSIONS or empty or (name in LISTS and not dimensions):
        return None
    return 2 + dimensions + abs(kind) * count


def _described(data: bytes | bytearray, at: int, left: int) -> bool:
    """Whether a description, its length before it, fits in what is left."""
    return at < len(data) and left >= 1 + data[at]


def _damaged(where: Path) -> BioposeError:
    return BioposeError(
        "cannot be read as C3D: its parameters are cut or damaged",
        where=str(where),
        mend="Copy the file again from where it was recorded.",
    )
