"""Any program's motion as Kinematics: what its header leaves open is told by the sizes, and said.

``read_mot`` takes a file as OpenSim would. Here the question is what its author meant.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_coupled, is_translation
from biomech.kinematics.storage import Storage, read_storage
from biomech.tables import repeated

# A quarter of a body's angles never exceeds half a turn, whatever it does; in degrees it does even when standing.
LARGEST_UPPER_QUARTILE_RAD = np.pi
SUSPECTED_RADIANS_DEG = 2.0  # of the same quartile: a motion in degrees that hardly leaves zero
HIGHEST_PELVIS_M = 20.0  # on average; above it the file is in millimetres
MOST_TURNED_RAD = 200 * np.pi  # a hundred turns
FURTHEST_M = 10_000.0
FOLLOWED_RAD = 0.02  # a patella tells its unit when the knee bends more than this

_STATE = re.compile(r"(?:/?jointset)?/(?:[^/]+/)*([^/]+)/value", re.IGNORECASE)
_OTHER = re.compile(
    r".*(_moment|_force|/speed|_u|\.activation|\.fiber_length)|/?forceset/.*|ground_(force|torque|moment).*",
    re.IGNORECASE,
)
_OTHER_TITLES = re.compile(r"speeds|accelerations|electromyography|.*\b(forces|moments|controls|activations)\b", re.I)


@dataclass(frozen=True)
class ReadMotion:
    """A motion, the file it stands in, and what had to be told about reading it.

    Attributes:
        path: the file.
        kinematics: rad and m.
        notes: what was told.
        believed: which of the values are to be trusted; None where nothing says, as where the file alone is read.
    """

    path: Path
    kinematics: Kinematics
    notes: list[str] = field(default_factory=list)
    believed: Bool[np.ndarray, "frames coordinates"] | None = None


def recognise_motion(path: Path) -> ReadMotion:
    """Read a .mot, .sto or .csv of any program into radians and metres, with notes on what was not plain.

    Names are those of the file, without the path of OpenSim's states. Rows without a time and a second row of the same
    time are left out; other missing values stay NaN.

    Raises:
        BioposeError: the file cannot be read, holds no coordinates, or its time runs backwards.
    """
    path = Path(path)
    storage = read_storage(path, bare=True)
    if _OTHER_TITLES.fullmatch(storage.title):
        raise BioposeError(f"this holds {storage.title.lower()}, not coordinates", where=str(path), mend=_MEND)
    notes: list[str] = []
    columns = [i for i, name in enumerate(storage.names) if not _OTHER.fullmatch(name)]
    if len(columns) < len(storage.names):
        notes.append(f"{len(storage.names) - len(columns)} columns are no coordinates (speeds, forces …); left out")
    names = [_plain(storage.names[i]) for i in columns]
    if not names:
        raise BioposeError("no column is a coordinate", where=str(path), mend=_MEND)
    if twice := repeated(names):
        raise BioposeError(f"more than one column is called {', '.join(twice[:10])}", where=str(path))
    rows = _rows(storage, path, notes)
    whole = len(rows) == len(storage.time_s) and len(columns) == len(storage.names)
    values = (
        storage.values if whole else storage.values[np.ix_(rows, np.array(columns))]
    )  # a copy less of what may be long
    rotational = np.array([not is_translation(name) for name in names])
    _to_radians(values, names, rotational, storage, notes)
    if "pelvis_ty" in names:
        height = values[:, names.index("pelvis_ty")]
        if np.isfinite(height).any() and np.nanmedian(np.abs(height)) > HIGHEST_PELVIS_M:
            values[:, ~rotational] /= 1000
            notes.append("translations are in millimetres; read so")
    most = np.where(rotational, MOST_TURNED_RAD, FURTHEST_M)
    with np.errstate(invalid="ignore"):
        beyond = (np.abs(values) > most) | np.isinf(values)
    if beyond.any():
        row, column = np.argwhere(beyond)[0]
        said = f"{np.rad2deg(values[row, column]):.4g}°" if rotational[column] else f"{values[row, column]:.4g} m"
        raise BioposeError(
            f"{names[column]} is {said} at {storage.time_s[rows][row]:g} s, which no body does",
            where=str(path),
            mend="Correct these values, or leave the column away.",
        )
    return ReadMotion(path, Kinematics(names, values, storage.time_s[rows], rotational), notes)


_MEND = "Give the motion itself: a .mot or .sto with the coordinates of the joints."


def _plain(name: str) -> str:
    state = _STATE.fullmatch(name)
    return state[1] if state else name


def _rows(storage: Storage, path: Path, notes: list[str]) -> np.ndarray:
    """Numbers of the rows that count, in the order of time."""
    rows = np.flatnonzero(np.isfinite(storage.time_s))
    if len(rows) == 0:
        raise BioposeError("no row has a time and values", where=str(path))
    steps = np.diff(storage.time_s[rows])
    if (steps < 0).any():
        at = storage.time_s[rows][int(np.argmax(steps < 0))]
        raise BioposeError(f"time runs backwards after {at:g} s", where=str(path), mend="Sort the rows by time.")
    repeated = int((steps == 0).sum())
    if repeated:
        notes.append(f"{repeated} rows repeat a time; the first of each is used")
        rows = rows[np.r_[True, steps > 0]]
    missing = int((~np.isfinite(storage.values[rows])).any(1).sum())
    if missing or len(storage.time_s) > len(rows) + repeated:
        lost = len(storage.time_s) - len(rows) - repeated
        notes.append(f"{missing + lost} of {len(storage.time_s)} rows lack values; not compared there")
    return rows


def _to_radians(
    values: Float[np.ndarray, "frames coordinates"],
    names: list[str],
    rotational: np.ndarray,
    storage: Storage,
    notes: list[str],
) -> None:
    coupled = np.array([is_coupled(name) for name in names])
    angles = rotational & ~coupled
    largest = np.nanmax(np.abs(values[:, angles]), axis=0, initial=0) if angles.any() else np.zeros(1)
    size = float(np.quantile(largest, 0.75))
    degrees, said = _in_degrees(storage, size)
    if said and angles.any():
        notes.append(said)
    in_degrees = angles & degrees
    values[:, in_degrees] = np.deg2rad(values[:, in_degrees])
    # OpenSim writes coupled coordinates as they are inside, so that file and column may differ.
    differ = []
    for i in np.flatnonzero(coupled):
        leader = names[i].removesuffix("_beta")
        its = _coupled_in_degrees(values[:, i], values[:, names.index(leader)] if leader in names else None)
        if its:
            values[:, i] = np.deg2rad(values[:, i])
        if its is not degrees:
            differ.append(names[i])
    if differ:
        notes.append(f"in {_unit(not degrees)} inside a file in {_unit(degrees)}, and read so: {', '.join(differ)}")


def _in_degrees(storage: Storage, size: float) -> tuple[bool, str]:
    """Whether angles are in degrees, and what to say about it; size: upper quartile of the coordinates' maxima."""
    large = size > LARGEST_UPPER_QUARTILE_RAD
    if storage.header is None:
        return large, f"no header: by their size the angles are in {_unit(large)}"
    if "indegrees" not in storage.header and "version" in storage.header:
        if large:
            return True, "no inDegrees line: OpenSim takes radians, but these angles can only be degrees; read so"
        return False, "no inDegrees line: read as radians, as OpenSim does"
    if not storage.in_degrees and large:
        said = storage.header["indegrees"]
        return True, f"inDegrees={said}: OpenSim takes radians, but these angles can only be degrees; read so"
    if storage.in_degrees and 0 < size < SUSPECTED_RADIANS_DEG:
        return True, "the header says degrees, but the angles hardly leave zero: radians? Read as degrees"
    return storage.in_degrees, ""


def _coupled_in_degrees(values: np.ndarray, leader_rad: np.ndarray | None) -> bool:
    """A patella turns about as its knee bends: the unit that comes nearer; radians where the knee tells nothing."""
    if leader_rad is None or not np.nanmax(np.abs(leader_rad), initial=0) > FOLLOWED_RAD:
        return False
    misses = [np.nanmean(np.abs(np.abs(values) * unit - np.abs(leader_rad))) for unit in (1, np.pi / 180)]
    return bool(misses[1] < misses[0])


def _unit(degrees: bool) -> str:
    return "degrees" if degrees else "radians"
