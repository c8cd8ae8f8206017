"""What the arrays of a noun have to be: kind, shape, range; looked at before they are unpacked, and again by stages."""

import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.errors import BioposeError
from biomech.files import check_file

MOST_ELEMENTS = 1 << 28  # of one array: 2 GB of doubles
KINDS = {"number": "fiu", "text": "US", "bits": "u"}
SLOWEST_S, QUICKEST_S = 10.0, 1e-5  # between two frames: what is outside is in another unit
LATEST_S = 1e7
SAME_TIME_S = 5e-4


@dataclass(frozen=True)
class Field:
    """One array: a ``number``, ``text`` or ``bits`` of a shape; a name in it stands for the same length everywhere."""

    kind: str
    shape: tuple[int | str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    gaps: bool = False  # NaN may stand where something is missing
    optional: bool = False


def read_arrays(path: Path, fields: Mapping[str, Field], *, noun: str, mend: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz, as ``check_arrays`` would have them. Nothing in the file is executed.

    Args:
        path: the .npz.
        fields: what is looked for, by name; other arrays in the file are left alone.
        noun: what the file should be, for the message.
        mend: how to come by one.

    Returns:
        The arrays that are there, by name; floats as float64, optional ones only where the file has them.

    Raises:
        BioposeError: no such file, not an .npz, or another one's arrays.
    """
    path = check_file(path, missing=f"not {noun}: there is no such file", mend=mend)
    found: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            for name, field in fields.items():
                if f"{name}.npy" in members:
                    found[name] = _member(archive, name, field)
                elif not field.optional:
                    raise BioposeError(f"it has no {name}")
    except BioposeError as error:
        raise BioposeError(f"not {noun} ({error.what})", where=str(path), mend=mend) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise BioposeError(f"not {noun} (not an .npz, or damaged)", where=str(path), mend=mend) from error
    check_arrays(found, fields, where=str(path), noun=noun, mend=mend)
    return found


def _member(archive: zipfile.ZipFile, name: str, field: Field) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
    if kind.kind not in KINDS[field.kind]:
        raise BioposeError(f"{name} is no {field.kind}")
    if (
        len(shape) != len(field.shape)
        or min(shape, default=0) < 0
        or math.prod(shape) * kind.itemsize > 8 * MOST_ELEMENTS
    ):
        raise BioposeError(f"{name} has the shape {_said(shape)} instead of {_said(field.shape)}")
    with archive.open(f"{name}.npy") as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if kind.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    return array.astype(np.float64) if kind.kind == "f" else array


def check_arrays(
    arrays: Mapping[str, Any], fields: Mapping[str, Field], *, where: str | None, noun: str, mend: str | None = None
) -> dict[str, int]:
    """That arrays have the shapes and ranges of their fields.

    Args:
        arrays: by name; one that is absent or None is not looked at, nor is one without a field.
        fields: what each has to be.
        where: the file, for the message; None where there is none.
        noun: what the arrays should be, for the message.
        mend: how to come by one, for the message.

    Returns:
        The length that each named dimension turned out to have, such as ``{"frames": 300}``.

    Raises:
        BioposeError: one has not.
    """

    def refuse(why: str) -> BioposeError:
        return BioposeError(f"not {noun} ({why})", where=where, mend=mend)

    lengths: dict[str, int] = {}
    for name, field in fields.items():
        if arrays.get(name) is None:
            continue
        array = np.asarray(arrays[name])
        expected = tuple(
            lengths.setdefault(n, k) if isinstance(n, str) else n
            for n, k in zip(field.shape, array.shape, strict=False)
        )
        if array.ndim != len(field.shape) or array.shape != expected:
            raise refuse(f"{name} has the shape {_said(array.shape)} instead of {_said(field.shape)}")
        if field.kind != "number" or not array.size:
            continue
        values = array[np.isfinite(array)] if field.gaps else array
        if field.gaps and np.isinf(array).any():
            raise refuse(f"{name} is infinite somewhere")
        if not np.isfinite(values).all():
            raise refuse(f"{name} is not a number everywhere")
        if values.size and not (values.min() >= field.least and values.max() <= field.most):
            worst = values.min() if values.min() < field.least else values.max()
            raise refuse(f"{name} holds {worst:.6g}, and goes from {field.least:g} to {field.most:g}")
    return lengths


def check_times(time_s: Float[np.ndarray, " frames"], *, where: str | None, noun: str, mend: str | None = None) -> None:
    """That times in seconds increase, by steps that can be ones between frames.

    Args:
        time_s: of each frame; at least one.
        where: the file, for the message; None where there is none.
        noun: what the times belong to, for the message.
        mend: how to come by one, for the message.

    Raises:
        BioposeError: they do not.
    """

    def refuse(why: str) -> BioposeError:
        return BioposeError(f"not {noun} ({why})", where=where, mend=mend)

    if not len(time_s):
        raise refuse("it has no frame")
    if not np.isfinite(time_s).all() or np.abs(time_s).max() > LATEST_S:
        raise refuse("a time is not a number of seconds")
    steps = np.diff(time_s)
    if (steps <= 0).any():
        raise refuse(f"the time does not increase after frame {int(np.argmax(steps <= 0)) + 1}")
    if len(steps) and not QUICKEST_S <= np.median(steps) <= SLOWEST_S:
        raise refuse(f"frames are {np.median(steps):.3g} s apart: times are in seconds")


def check_names(names: list[str], *, where: str | None, noun: str, mend: str | None = None) -> None:
    """That names are there, and each once.

    Args:
        names: at least one; an empty one, or one of blanks, is refused.
        where: the file, for the message; None where there is none.
        noun: what the names belong to, for the message.
        mend: how to come by one, for the message.

    Raises:
        BioposeError: they are not.
    """
    if not names or not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise BioposeError(f"not {noun} (names are missing, or come twice)", where=where, mend=mend)


def are_rotations(matrices: Float[np.ndarray, "*n 3 3"], tolerance: float = 1e-2) -> bool:
    """Whether matrices turn and do nothing else.

    Args:
        matrices: any number of them.
        tolerance: largest deviation of any entry of R Rᵀ from the identity.

    Returns:
        Whether every matrix is orthonormal and right-handed; true of none at all.
    """
    square = matrices @ np.swapaxes(matrices, -1, -2)
    return bool(np.abs(square - np.eye(3)).max(initial=0) < tolerance and (np.linalg.det(matrices) > 0).all())


def _said(shape: tuple[int | str, ...]) -> str:
    return " × ".join(map(str, shape)) or "one value"


def nearest(times_s: Float[np.ndarray, " many"], some_s: Float[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
    """Which time is nearest to each of some others.

    Args:
        times_s: ascending.
        some_s: the others.

    Returns:
        Rows of ``times_s``.
    """
    after = np.searchsorted(times_s, some_s).clip(1, max(1, len(times_s) - 1))
    before = after - 1
    after = np.minimum(after, len(times_s) - 1)
    found: Int[np.ndarray, " some"] = np.where(some_s - times_s[before] <= times_s[after] - some_s, before, after)
    return found


def rows_at(
    times_s: Float[np.ndarray, " many"], some_s: Float[np.ndarray, " some"], *, where: str | None, noun: str
) -> Int[np.ndarray, " some"]:
    """The rows of a table that are of a motion's frames, by their times.

    Args:
        times_s: of the table's rows.
        some_s: of the motion's frames.
        where: the table's file, for the message.
        noun: what the table is, for the message.

    Returns:
        A row for each frame.

    Raises:
        BioposeError: the table's times do not increase, or a frame has no row: the table is another motion's.
    """
    if not len(times_s) or not np.isfinite(times_s).all() or (np.diff(times_s) <= 0).any():
        raise BioposeError(f"the times of {noun} do not increase", where=where)
    rows = nearest(times_s, some_s)
    off = np.abs(times_s[rows] - some_s)
    if len(off) and not off.max() <= SAME_TIME_S:
        raise BioposeError(
            f"{noun} has no row at {some_s[off.argmax()]:.6g} s, where the motion has a frame: it is another motion's",
            where=where,
            mend="Give the one that was written with the motion, or neither.",
        )
    return rows


def spans(where: Bool[np.ndarray, " frames"], time_s: Float[np.ndarray, " frames"]) -> list[tuple[float, float]]:
    """From when to when something holds, reaching half way to the neighbouring frames.

    Args:
        where: it holds.
        time_s: of the same frames.

    Returns:
        Beginnings and ends, s.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], where, [False])).astype(int)))
    middles = np.concatenate((time_s[:1], (time_s[1:] + time_s[:-1]) / 2, time_s[-1:]))
    return [(float(middles[a]), float(middles[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
