"""What a .c3d's first bytes say and its reader (ezc3d) does not: the processor, the frames, names in lower case.

The header's words and the parameter section are those of c3d.org's manual, "The C3D file format".
"""

import contextlib
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError

BLOCK = 512
KEY = 0x50
BIG_ENDIAN = 86  # the processor's code of SGI and MIPS; 84 is Intel's, 85 is DEC's
MOST_FRAMES_SAID = 65_535  # a word; longer recordings say this, or count from 0 again


@dataclass(frozen=True)
class C3dHeader:
    """The words of the first block that are used here."""

    parameters_at: int  # bytes
    processor: int
    frames: int | None  # None where the two words cannot say it


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
    return C3dHeader(at, section[3], frames if frames > 0 and end < MOST_FRAMES_SAID else None)


@contextlib.contextmanager
def with_capital_names(path: Path, header: C3dHeader | None) -> Iterator[Path]:
    """The file; or a copy whose groups and parameters are in capitals, where some are not: case means nothing there."""
    data = bytearray(path.read_bytes()) if header is not None else bytearray()
    if header is None or not _capitals(data, header.parameters_at):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="biopose-c3d-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(data)
        yield copy


def _capitals(data: bytearray, at: int) -> bool:
    """Capitals for the names of groups and parameters, in place; whether that changed anything."""
    end = min(len(data), at + BLOCK * data[at + 2])
    place, changed = at + 4, False
    while place + 4 < end:
        length = abs(struct.unpack("<b", data[place : place + 1])[0])  # negative: the name is locked
        if not length or not data[place + 1]:
            break
        name = slice(place + 2, place + 2 + length)
        if (plain := data[name].upper()) != data[name]:
            data[name], changed = plain, True
        (onward,) = struct.unpack("<H", data[name.stop : name.stop + 2])
        if not onward:
            break
        place = name.stop + onward
    return changed
