"""Marker trajectories from .c3d: metres, Y up, gaps as NaN."""

import itertools
from pathlib import Path

import ezc3d
import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.markers.c3d_bytes import read_header, with_capital_names
from biomech.markers.checks import (
    METRES_PER_UNIT,
    UNSAID_UNIT,
    factor_to_person,
    far_as_missing,
    one_unit,
    sentinels_as_missing,
    turned_up,
)
from biomech.markers.markers import Markers

LOWEST_HZ, HIGHEST_HZ = 1.0, 20_000.0
RATE_TOLERANCE = 0.01  # relative
AXES = {"X": (1, 0, 0), "Y": (0, 1, 0), "Z": (0, 0, 1)}


def read_c3d(path: Path, *, up: str | None = None) -> Markers:
    """Read the points of a .c3d.

    A point with a negative residual, or at exactly 0, 0, 0, is missing (c3d.org, POINT section). Modelled outputs
    that share the section (angles, forces, powers; named in POINT:ANGLES and its like) are left out. The vertical is
    ``up`` (as of ``read_markers``) or else the axis that POINT:Y_SCREEN names; without either, the axis that was
    guessed is told in ``notes``. Subject prefixes (``Name:LASI``) are dropped where the names stay unique.

    Args:
        path: the .c3d.
        up: the direction of the file that points up, such as ``z`` or ``-y``; ``read_markers`` checks it.

    Returns:
        Positions in m, Y up, NaN where missing; a trial cut from a longer take keeps the take's time (s).

    Raises:
        BioposeError: the file cannot be read, holds no points, its unit is unknown, or all its points are marked as
            missing.
    """
    path = check_file(path)
    header = read_header(path)
    try:
        with with_capital_names(path, header) as plain:
            file = ezc3d.c3d(str(plain))
    except BioposeError:
        raise
    except Exception as error:  # of a foreign reader, of any kind
        reason = " ".join(str(error).split())[:200]
        raise BioposeError(f"cannot be read as C3D: {reason}", where=str(path)) from error
    parameters = file["parameters"].get("POINT", {})
    points = file["data"]["points"][:3].transpose(2, 1, 0)  # frames, points, axes
    labels = [str(label).strip() for label in _continued(parameters, "LABELS")[: points.shape[1]]]
    outputs = {
        str(name).strip()
        for group in ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
        for name in _continued(parameters, group)
    }
    kept = [i for i, label in enumerate(labels) if label and label not in outputs and not label.startswith("*")]
    if not kept or not len(points):
        raise BioposeError("there are no marker trajectories in the file", where=str(path))
    missing = file["data"]["meta_points"]["residuals"][0].T < 0

    notes: list[str] = []
    positions = points[:, kept].astype(np.float64)
    nowhere = (positions == 0).all(-1)
    if missing[:, kept].all() and not nowhere.all():
        raise BioposeError(
            "every point is marked as missing (residual -1), although it has coordinates",
            where=str(path),
            mend="Write the file again with residuals of 0 (some converters leave -1), or as .trc.",
        )
    sentinels_as_missing(positions, notes)
    positions[missing[:, kept] | nowhere] = np.nan
    unit = _unit(parameters, path)
    one_unit(positions, [labels[i] for i in kept], unit, notes)
    positions *= METRES_PER_UNIT[unit]
    positions *= factor_to_person(positions, unit, path, notes)
    far_as_missing(positions, [labels[i] for i in kept], notes, path)
    upright_from_lab = turned_up(up) if up else _upright_from_lab(parameters, positions, notes)
    positions = positions @ upright_from_lab.T
    rate = float(next(iter(_values(parameters, "RATE")), 0.0))
    if not LOWEST_HZ <= rate <= HIGHEST_HZ:
        raise BioposeError(f"POINT:RATE is {rate:g} frames a second, which cannot be", where=str(path))
    if header and header.rate_hz and abs(header.rate_hz / rate - 1) > RATE_TOLERANCE:
        notes.append(f"the header says {header.rate_hz:g} Hz, POINT:RATE {rate:g} Hz; POINT:RATE is used")
    said = header.frames if header else None
    if said is not None and 0 < len(positions) < said:
        notes.append(f"the header says {said} frames, the file holds {len(positions)}: it ends early")
    first = int(file["header"]["points"]["first_frame"])  # a trial cut from a longer take keeps its time
    return Markers(
        _plain_names([labels[i] for i in kept]), positions, (first + np.arange(len(positions))) / rate, notes
    )


def _continued(parameters: dict, name: str) -> list:
    """A parameter's values, and those of NAME2, NAME3 …, in which those beyond the 255th stand."""
    found = _values(parameters, name)
    for number in itertools.count(2):
        more = _values(parameters, f"{name}{number}")
        if not more:
            return found
        found += more
    raise AssertionError


def _values(parameters: dict, name: str) -> list:
    """A parameter's values; none where it is not there."""
    found = parameters.get(name, {}).get("value", [])
    return list(found) if isinstance(found, list | tuple | np.ndarray) else [found]


def _unit(parameters: dict, path: Path) -> str:
    unit = str((_values(parameters, "UNITS") or [""])[0]).strip().lower() or UNSAID_UNIT
    if unit not in METRES_PER_UNIT:
        raise BioposeError(f"POINT:UNITS is {unit!r}, not one of m, cm, mm", where=str(path))
    return unit


def _upright_from_lab(
    parameters: dict, positions: Float[np.ndarray, "frames markers 3"], notes: list[str]
) -> Float[np.ndarray, "3 3"]:
    """Rotation to Y up, X as POINT:X_SCREEN says."""
    forward, up = (_axis(parameters, name) for name in ("X_SCREEN", "Y_SCREEN"))
    if up is None:
        # A person is taller than wide or deep within one frame.
        extent = np.nanmedian(np.nanmax(positions, 1) - np.nanmin(positions, 1), axis=0)
        axis = int(np.argmax(extent))
        up = np.eye(3)[axis]
        notes.append(f"the file names no vertical axis; +{'XYZ'[axis]} is taken, along which the markers extend most")
    if forward is None or abs(forward @ up) > 0.5:
        forward = np.eye(3)[0] if up[1] else np.roll(up, 1)
    return np.stack([forward, up, np.cross(forward, up)])


def _axis(parameters: dict, name: str) -> Float[np.ndarray, "3"] | None:
    text = str((_values(parameters, name) or [""])[0]).strip().upper()
    letter = text[-1:]
    if letter not in AXES:
        return None
    return np.array(AXES[letter], dtype=np.float64) * (-1 if text.startswith("-") else 1)


def _plain_names(labels: list[str]) -> list[str]:
    plain = [label.rsplit(":", 1)[-1] for label in labels]
    return plain if len(set(plain)) == len(plain) else labels
