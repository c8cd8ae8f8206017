"""Reads MoVi's V3D .mat files: one subject, one take, 67 real markers, and where the motions of the take begin and end.

Ghorbani et al., "MoVi: A large multi-purpose human motion and video dataset", PLoS ONE 16(6), 2021. The fields as the
authors' toolbox uses them: ``Subject_<n>_<round>`` with ``subject`` (id, sex, height, mass) and ``move`` (one or
several), which holds ``markerLocation`` (frames, markers, 3; mm, Z up), ``markerName``, ``motions_list`` and
``flags120`` (first and last frame of each motion, counted from 1, at 120 Hz). A marker that was not seen is NaN or
all zeros.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.markers.checks import far_as_missing
from biomech.markers.markers import Markers

RATE_HZ = 120.0
METRES_PER_UNIT = 1e-3
UPRIGHT_FROM_MOVI = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
WHOLE_TAKE = "take"  # the motion's name where a take has no flags
TALLEST_M, TALLEST_CM = 3.0, 300.0


@dataclass(frozen=True)
class V3d:
    """One motion of a subject."""

    markers: Markers
    height_m: float | None
    mass_kg: float | None


def v3d_motions(path: Path) -> list[tuple[str, str]]:
    """(subject, motion) of every motion in the file; the name of a motion that comes twice gets a number."""
    subject, takes = _read(Path(path))
    return [(subject, name) for take in takes for name in take.motions]


def v3d_times(path: Path) -> dict[str, tuple[float, float]]:
    """When each motion of the file begins and ends in its take, s; the set's films run on the same clock."""
    _, takes = _read(Path(path))
    spans = {name: span for take in takes for name, span in take.motions.items()}
    return {name: (first / RATE_HZ, last / RATE_HZ) for name, (first, last) in spans.items()}


def read_v3d(path: Path, motion: str) -> V3d:
    """The markers of one motion, m, Y up, time from its own beginning in the take.

    Args:
        path: the .mat of a subject.
        motion: its name there, as ``v3d_motions`` lists them.

    Returns:
        The markers, and the subject's height and mass where the file has them.

    Raises:
        BioposeError: the file is not one of MoVi's V3D files, or holds no such motion.
    """
    _, takes = _read(Path(path))
    take = next((take for take in takes if motion in take.motions), None)
    if take is None:
        names = ", ".join(name for take in takes for name in take.motions)
        raise BioposeError(f"no motion '{motion}'", where=str(path), mend=f"There are {names}.")
    first, last = take.motions[motion]
    time_s = np.arange(first, last) / RATE_HZ
    if last <= first:
        raise BioposeError(f"the motion '{motion}' has no frame", where=str(path))
    return V3d(Markers(list(take.names), take.positions_m[first:last].copy(), time_s), take.height_m, take.mass_kg)


@dataclass(frozen=True)
class _Take:
    names: list[str]
    positions_m: Float[np.ndarray, "frames markers 3"]
    motions: dict[str, tuple[int, int]]
    height_m: float | None
    mass_kg: float | None


@functools.lru_cache(maxsize=1)  # a worker takes the motions of a file one after the other
def _read(path: Path) -> tuple[str, list[_Take]]:
    check_file(path)
    try:
        content = scipy.io.loadmat(path, struct_as_record=False, squeeze_me=True)
    except NotImplementedError as error:  # MATLAB's format 7.3
        raise BioposeError("a .mat of MATLAB 7.3, which MoVi's are not", where=str(path)) from error
    except Exception as error:  # of a foreign reader, of any kind
        raise BioposeError("not one of MoVi's V3D files (no whole .mat)", where=str(path)) from error
    try:
        key = next(name for name in content if name.startswith("Subject_"))
        person = content[key].subject
        moves = np.atleast_1d(content[key].move)
        used: set[str] = set()
        takes = [_take(move, person, used) for move in moves if hasattr(move, "markerLocation")]
    except (ValueError, AttributeError, StopIteration, TypeError, IndexError, OverflowError) as error:
        raise BioposeError("not one of MoVi's V3D files (a field of theirs is missing)", where=str(path)) from error
    if not takes:
        raise BioposeError("there are no marker trajectories in the file", where=str(path))
    return key, takes


def _take(move: Any, person: Any, used: set[str]) -> _Take:
    names = [str(name).strip() for name in np.atleast_1d(move.markerName)]
    raw = np.asarray(move.markerLocation, dtype=float).reshape(-1, len(names), 3)
    raw[(raw == 0).all(-1)] = np.nan
    listed = [str(name).strip() for name in np.atleast_1d(getattr(move, "motions_list", []))]
    flags = np.asarray(getattr(move, "flags120", []), dtype=int).reshape(-1, 2)
    if not listed:
        listed, flags = [WHOLE_TAKE], np.array([[1, len(raw)]])
    motions = {}
    for name, (first, last) in zip(listed, flags.tolist(), strict=True):
        plain = name
        while plain in used:
            stem, _, number = plain.partition(" #")
            plain = f"{stem} #{int(number or 1) + 1}"
        used.add(plain)
        motions[plain] = (max(first - 1, 0), min(last, len(raw)))
    positions = raw * METRES_PER_UNIT @ UPRIGHT_FROM_MOVI.T
    far_as_missing(positions, names, [])
    return _Take(names, positions, motions, _height_m(person), _number(person, "mass"))


def _height_m(person: Any) -> float | None:
    height = _number(person, "height")
    if height is None:
        return None
    return height / 1000 if height > TALLEST_CM else height / 100 if height > TALLEST_M else height


def _number(person: Any, key: str) -> float | None:
    try:
        value = float(getattr(person, key))
    except (AttributeError, TypeError, ValueError):
        return None
    return value if np.isfinite(value) and value > 0 else None
