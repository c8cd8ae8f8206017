"""Whether a command that says it succeeded did: its files are whole, finite, of a person's size; OpenSim opens them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import opensim

from biomech.skeleton.model import quiet_opensim

FURTHEST_M = 1000.0
MOST_TURNED_DEG = 3600.0
SAME = 0.05  # rad, m or of a table's own unit: two results that differ by less are one
# What Python says of itself is no message for a user.
BARE = re.compile(
    r"invalid literal for|could not convert string|object is not (iterable|subscriptable|callable)|object has no attr"
    r"|unsupported operand|index out of (range|bounds)|cannot reshape|not enough values to unpack|too many values to"
    r"|'NoneType'|NoneType|KeyError|IndexError|TypeError|ValueError|AttributeError|LinAlgError|codec can't|\[Errno"
    r"|Expecting value|Expecting property|expected (str|string)|\bdtype\b|argument must be|must be real number"
    r"|out of bounds|float\(\) |int\(\) |__\w+__|<class '|line \d+ column \d+|RuntimeError|could not broadcast"
    r"|singular matrix|did not converge|recursion|operands could not|zero-size array|mutually|allow_pickle="
)


def judged(folder: Path, before: set[Path], said: str) -> list[str]:
    """What is wrong about the files that a command left in its folder, and about the JSON that it printed.

    Args:
        folder: looked through with all folders in it.
        before: files that were there before; they are not judged.
        said: standard output.

    Returns:
        A line for each fault, the file's name first.
    """
    faults = []
    for path in sorted(folder.rglob("*")):
        if path in before or not path.is_file():
            continue
        if path.name.startswith("."):
            faults.append(f"{path.name}: a temporary file was left behind")
            continue
        try:
            faults += [f"{path.name}: {fault}" for fault in _file(path)]
        except Exception as error:
            faults.append(f"{path.name}: cannot be read ({type(error).__name__}: {error})")
    if said.lstrip().startswith('{"'):
        faults += _json(said)
    return faults


def _file(path: Path) -> Iterable[str]:
    kind = path.suffix.lower()
    if kind in (".mot", ".sto"):
        return _mot(path)
    if kind == ".trc":
        return _trc(path)
    if kind == ".npz":
        return _npz(path)
    if kind == ".osim":
        return _osim(path)
    if kind == ".csv":
        return _csv(path)
    if kind == ".json":
        return _json(path.read_text())
    return ["is empty"] if not path.stat().st_size else []


def _mot(path: Path) -> Iterable[str]:
    with quiet_opensim("Off"):
        table = opensim.TimeSeriesTable(str(path))
    values = np.array(
        [[row[i] for i in range(row.size())] for row in map(table.getRowAtIndex, range(table.getNumRows()))]
    )
    time = np.array(table.getIndependentColumn())
    names = np.array(table.getColumnLabels())
    if not len(values):
        yield "OpenSim reads no row"
        return
    if not np.isfinite(values).all() or not np.isfinite(time).all():
        yield "holds what is not a number"
    lengths = np.array([re.search(r"_t[xyz]$", str(name)) is not None for name in names])
    if np.abs(values[:, lengths]).max(initial=0) > FURTHEST_M:
        yield f"{np.abs(values[:, lengths]).max():.3g} m"
    if np.abs(values[:, ~lengths]).max(initial=0) > MOST_TURNED_DEG:
        yield f"{np.abs(values[:, ~lengths]).max():.3g}°"
    yield from _time(time)


def _trc(path: Path) -> Iterable[str]:
    from biomech.markers.trc import read_trc

    with quiet_opensim("Off"):
        opensim.TimeSeriesTableVec3(str(path))
    markers = read_trc(path)
    if np.nanmax(np.abs(markers.positions_m), initial=0) > FURTHEST_M:
        yield f"a marker at {np.nanmax(np.abs(markers.positions_m)):.3g} m"
    if not np.isfinite(markers.positions_m).any():
        yield "no marker is seen in any frame"
    yield from _time(markers.time_s)


def _time(time: np.ndarray) -> Iterable[str]:
    if not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        yield "time does not increase"
    elif len(time) > 1 and not 1e-4 < np.median(np.diff(time)) < 100:
        yield f"a time step of {np.median(np.diff(time)):.3g} s"


def _npz(path: Path) -> Iterable[str]:
    with np.load(path, allow_pickle=False) as held:
        for name in held.files:
            array = held[name]
            if array.dtype.kind != "f" or name in ("xy", "world_m", "mask_from_image"):
                continue
            if not np.isfinite(array).all():
                yield f"{name} is not finite"
            elif np.abs(array).max(initial=0) > (1e7 if name == "time_s" else 1e6):
                yield f"{name} is {np.abs(array).max():.3g}"
        if "time_s" in held:
            yield from _time(held["time_s"])
        if "camera_focal_px" in held and not held["camera_focal_px"] > 0:
            yield "the focal length is not above 0"


def _osim(path: Path) -> Iterable[str]:
    with quiet_opensim("Off"):
        model = opensim.Model(str(path))
        state = model.initSystem()
        mass = model.getTotalMass(state)
    if not 0 < mass < 1000:
        yield f"the model weighs {mass:.3g} kg"
    places = [marker.get_location().to_numpy() for marker in model.getMarkerSet()]
    if places and not np.abs(np.array(places)).max() < 10:
        yield "a marker lies metres from its body"


def _csv(path: Path) -> Iterable[str]:
    for cell in re.split(r"[,\n]", path.read_text()):
        if cell.strip().lower() in ("inf", "-inf"):
            yield "holds infinity"
            return


def _json(text: str) -> Iterable[str]:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return [f"JSON that other programs refuse ({error})"]
    return []


def result(folder: Path, patterns: tuple[str, ...], said: str) -> dict[str, np.ndarray]:
    """The numbers of a result, to be laid beside another's.

    Args:
        folder: the command's.
        patterns: of the files that hold the result; without one the result is what was said.
        said: standard output.

    Returns:
        By file (and array in it): (frames, columns) of a table, other shapes of an .npz. A .mot's numbers are all
        divided by 57.3, so that angles are in rad.
    """
    found: dict[str, np.ndarray] = {}
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            name = re.sub(r"\W+", "_", path.name)
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as held:
                    found |= {f"{name}.{k}": held[k] for k in ("rotations", "trans", "time_s") if k in held}
            elif path.suffix in (".mot", ".trc"):
                rows = [line.split() for line in path.read_text().splitlines()]
                numbers = [row for row in rows if len(row) > 3 and all(_is_number(cell) for cell in row)]
                table = np.array(numbers[1:] if path.suffix == ".trc" else numbers, float)
                found[name] = table / (180 / np.pi if path.suffix == ".mot" else 1)
            elif path.suffix == ".csv":
                cells = re.split(r"[,\n]", path.read_text())
                found[name] = np.array([float(cell) for cell in cells if _is_number(cell)])
    if not patterns:
        found["said"] = np.array([float(n) for n in re.findall(r"(?<![\w.])-?\d+\.\d+", said)])
    return found


def differ(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> str:
    """Where two results are not one; empty where they are.

    Args:
        one: what counts; all of it must be in the other.
        other: what ``result`` gave of the other run.

    Returns:
        A line on the first difference above ``SAME``.
    """
    for name in one:
        if name not in other or one[name].shape != other[name].shape:
            return f"{name}: another number of values"
        apart = np.abs(one[name] - other[name])
        if not np.nanmax(apart, initial=0) <= SAME or (np.isnan(one[name]) != np.isnan(other[name])).any():
            return f"{name}: {np.nanmax(apart, initial=0):.3g} apart"
    return ""


def notes(said: str) -> set[str]:
    """What a command remarked, numbers apart."""
    if said.lstrip().startswith("{"):
        try:
            tree = json.loads(said)
        except ValueError:
            return set()
        listed = [*tree.get("notes", []), *tree.get("reference_notes", [])]
        listed += [
            note for motion in tree.get("motions", []) if isinstance(motion, dict) for note in motion.get("notes", [])
        ]
        files = [file for file in tree.get("files", []) if isinstance(file, dict)]  # of `biopose check`
        listed += [f"{found.get('code')}: {found.get('what')}" for file in files for found in file.get("findings", [])]
        return {re.sub(r"[\d.]+", "#", str(note)) for note in listed}
    remarks = [line for line in said.splitlines() if line.startswith(("note:", "failed:"))]
    return {re.sub(r"[\d.]+", "#", line) for line in remarks}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
