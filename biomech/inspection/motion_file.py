"""Findings in motions and other tables over time, .mot and .sto; and the same written without them."""

import re
from pathlib import Path

import numpy as np
import opensim

from biomech.errors import BioposeError
from biomech.files import open_text, whole_file
from biomech.inspection.explained import of_notes
from biomech.inspection.finding import Finding, Severity, refused
from biomech.inspection.opensims_readers import refusal, storage_rows, wide_text
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_coupled, is_translation, read_mot, write_mot
from biomech.kinematics.recognise import ReadMotion, recognise_motion
from biomech.kinematics.storage import Storage, read_storage
from biomech.markers.matching import listed
from biomech.skeleton.model import coordinate_names, coordinate_ranges, coupled_coordinates, read_motion
from biomech.tables import repeated

FLIP_RAD = np.deg2rad(300)  # from one frame to the next: the same pose, a turn away
NEXT_S = 0.1  # frames that follow each other
UPRIGHT_M = 0.5  # a pelvis is that high, walking or sitting
BEYOND_RAD, BEYOND_M = np.deg2rad(0.5), 0.005  # a coordinate's range
MOST_TURNS_RAD = 4 * np.pi
ROOT = re.compile(r"pelvis_(tilt|list|rotation|t[xyz])")


def check_motion(path: Path, model: opensim.Model | None = None) -> list[Finding]:
    """What is wrong with a .mot or .sto.

    Args:
        path: a motion, forces, or another table over time.
        model: that the motion is meant for, with its system initialised.

    Returns:
        In the order found; of a file that cannot be read the reason alone.
    """
    try:
        storage = read_storage(path)
    except BioposeError as error:
        return [refused(error)]
    findings = wide_text(path) + _header(path, storage) + _holes(path, storage)
    motion = _motion(path, storage)
    if isinstance(motion, BioposeError):
        return [*findings, refused(motion)]
    if motion is not None:
        findings += [one for one in of_notes(motion.notes) if "lack values" not in one.what]
        findings += _as_opensim_takes(path, motion, model, findings)
        findings += _moves(motion.kinematics)
        findings += _root(motion.kinematics)
        if model is not None:
            findings += _against(motion.kinematics, path, model)
    if not any(one.severity == "error" for one in findings):
        findings += _as_opensim_reads(path, storage)
    return findings


def fix_motion(path: Path, out: Path) -> None:
    """Write a motion as its author meant it: degrees, metres, sorted out; other tables with a header that agrees.

    Rows at the begin and end without all values are left out; OpenSim does not get past them.

    Args:
        path, out: .mot or .sto.

    Raises:
        BioposeError: it cannot be read, or values are missing between others.
    """
    storage = read_storage(path)
    motion = _motion(path, storage)
    if isinstance(motion, BioposeError):
        raise motion
    if motion is None or motion.kinematics.names != storage.names:
        _write_table(storage, out)
        return
    kept = _whole(motion.kinematics.values)
    one = motion.kinematics
    write_mot(Kinematics(one.names, one.values[kept], one.time_s[kept], one.rotational), out)


def _motion(path: Path, storage: Storage) -> ReadMotion | BioposeError | None:
    """The motion in it; None of forces, speeds, activations, whose names and title say so."""
    try:
        return recognise_motion(path)
    except BioposeError as error:
        return None if "not coordinates" in error.what or "no column is a coordinate" in error.what else error


def _whole(values: np.ndarray) -> slice:
    rows = np.flatnonzero(np.isfinite(values).all(1))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def _header(path: Path, storage: Storage) -> list[Finding]:
    findings = []
    header = storage.header or {}
    frames, columns = len(storage.time_s), len(storage.names) + 1
    counts = {
        "nrows": (frames, "The GUI reads as many rows as nRows says."),
        "ncolumns": (columns, "The GUI counts cells by nColumns: values slide into other columns and rows."),
    }
    for key, (counted, why) in counts.items():
        said = header.get(key, "")
        if said != str(counted):
            name = {"nrows": "nRows", "ncolumns": "nColumns"}[key]
            what = f"{name} says {said}, the file has {counted}" if said else f"the header has no line {name}"
            more = key == "nrows" and said.isdigit() and int(said) > counted
            severity: Severity = "warning" if more or not said else "error"
            findings.append(
                Finding(severity, f"mot-{key}", what, "header", None if more else why, f"Write {name}={counted}.", True)
            )
    with open_text(path) as text:
        lines = [line.rstrip("\r\n") for line in text]
    end = next(k for k, line in enumerate(lines) if line.strip().strip(",;").lower() == "endheader")
    at = next((k for k in range(end + 1, len(lines)) if lines[k].strip()), end)
    first = re.split(r"[\t ,;]", lines[at].strip())[0].strip('"')
    if first != "time":
        what = f"the first column is called '{first}'"
        why = "OpenSim looks for `time`, in lower case, and refuses the file."
        findings.append(Finding("error", "mot-time-name", what, f"line {at + 1}", why, "Call it `time`.", True))
    if "\t" not in lines[at]:
        why = "OpenSim's tools refuse the file."
        what = "the columns are not parted by tabs"
        findings.append(Finding("error", "mot-blanks", what, f"line {at + 1}", why, "Put tabs between them.", True))
    if blank := [name for name in storage.names if " " in name]:
        why = "The GUI takes each word for a column: all that follow slide."
        what = f"column names hold blanks: {listed(blank)}"
        findings.append(Finding("error", "mot-name-blank", what, f"line {at + 1}", why, "Take the blanks out."))
    if twice := repeated(storage.names):
        what = f"more than one column is called {listed(twice)}"
        findings.append(Finding("error", "mot-name-twice", what, f"line {at + 1}", None, "Keep one of each."))
    return findings


def _holes(path: Path, storage: Storage) -> list[Finding]:
    """OpenSim's GUI stops reading, without a word, at the first row with a value that is no number."""
    holes = ~np.isfinite(storage.values)
    rows = np.flatnonzero(holes.any(1))
    if not len(rows):
        return []
    within = _whole(storage.values)
    between = [row for row in rows if within.start <= row < within.stop]
    first = rows[0]
    named = listed([storage.names[k] for k in np.flatnonzero(holes.any(0))])
    what = f"{len(rows)} of {len(holes)} rows have values that are no numbers: {named}"
    where = f"row {first + 1} of the data, {storage.time_s[first]:g} s"
    why = f"OpenSim's GUI stops there without a word: after {first + 1} rows, the last of them broken."
    if between or within.stop == within.start:
        mend, certain = "Interpolate them, or cut the motion there.", False
    else:
        mend, certain = "Leave these rows out; they stand at the begin or end.", True
    return [Finding("error", "mot-nan", what, where, why, mend, certain)]


def _as_opensim_takes(
    path: Path, motion: ReadMotion, model: opensim.Model | None, found: list[Finding]
) -> list[Finding]:
    """Columns whose values OpenSim takes for other ones than are meant; those that a note told are not told again."""
    if any(one.code in ("mot-degrees", "mot-millimetres", "mot-time-repeats") for one in found):
        return []
    meant = motion.kinematics
    taken = read_mot(path) if model is None else read_motion(model, path)
    if taken.names != meant.names or taken.values.shape != meant.values.shape:
        return []
    with np.errstate(invalid="ignore"):
        other = np.nanmax(np.abs(taken.values - meant.values), axis=0, initial=0) > 1e-6
    coupled = [n for n, differs in zip(meant.names, other, strict=True) if differs and is_coupled(n)]
    if not coupled:
        return []
    what = f"coordinates that a spline couples are in degrees: {listed(coupled)}"
    why = "OpenSim writes and reads these in radians, also where the header says degrees: they would turn 57 times."
    return [Finding("error", "mot-coupled-degrees", what, coupled[0], why, "Write these columns in radians.", True)]


def _moves(motion: Kinematics) -> list[Finding]:
    findings = []
    step = np.diff(motion.time_s)
    with np.errstate(invalid="ignore"):
        flips = (np.abs(np.diff(motion.values, axis=0)) > FLIP_RAD) & motion.rotational & (step < NEXT_S)[:, None]
        turned = np.nanmax(np.abs(motion.values), axis=0, initial=0) > MOST_TURNS_RAD
    for k in np.flatnonzero(flips.any(0)):
        at = motion.time_s[1:][flips[:, k]]
        what = f"{motion.names[k]} jumps by a turn {len(at)} times, first at {at[0]:g} s"
        why = "The pose is the same, the angle is not: curves, filters and comparisons go wrong."
        findings.append(Finding("warning", "mot-turn", what, motion.names[k], why, "Unwrap it by 360°."))
    if more := [motion.names[k] for k in np.flatnonzero(turned & motion.rotational)]:
        what = f"turned more than twice round: {listed(more)}"
        findings.append(Finding("warning", "mot-many-turns", what, more[0], None, "Is the unit right?"))
    if len(step) > 2 and (np.abs(step / np.median(step) - 1) > 0.5).any():
        at_step = int(np.argmax(np.abs(step / np.median(step) - 1)))
        after = f"{step[at_step]:.4g} s after {motion.time_s[at_step]:g} s"
        what = f"the frames are not even: {after}, {np.median(step):.4g} s else"
        findings.append(Finding("note", "mot-uneven", what, None, "Filters of OpenSim resample such a motion."))
    return findings


def _root(motion: Kinematics) -> list[Finding]:
    names = {name for name in motion.names if ROOT.fullmatch(name)}
    findings = []
    lacking = [
        f"pelvis_{part}" for part in ("tilt", "list", "rotation", "tx", "ty", "tz") if f"pelvis_{part}" not in names
    ]
    if names and lacking:
        what = f"some coordinates of the pelvis are there, others are not: {listed(lacking)}"
        why = "The GUI leaves what is not written as it was."
        findings.append(Finding("warning", "mot-pelvis", what, lacking[0], why, "Write every coordinate of the model."))
    if {"pelvis_ty", "pelvis_tz"} <= names:
        up, side = (float(np.nanmedian(motion.column(f"pelvis_t{axis}"))) for axis in "yz")
        if up < UPRIGHT_M < side < 2 * UPRIGHT_M + 0.5:
            what = f"the pelvis is {side:.2f} m along Z and {up:.2f} m along Y: is Z up here?"
            findings.append(
                Finding("warning", "not-y-up", what, "pelvis_ty", "OpenSim takes Y as up.", "Turn the axes.")
            )
    return findings


def _against(motion: Kinematics, path: Path, model: opensim.Model) -> list[Finding]:
    names = coordinate_names(model)
    shared = [name for name in motion.names if name in names]
    if not shared:
        what = f"no column is a coordinate of the model {model.getName()}"
        why = "The GUI says that it could not associate the motion to the current model."
        mend = f"Give the model that it was made with. This one has {listed(names)}."
        return [Finding("error", "not-this-model", what, motion.names[0], why, mend)]
    findings = []
    if unknown := [name for name in motion.names if name not in names]:
        what = f"not in the model {model.getName()}: {listed(unknown)}"
        findings.append(Finding("note", "mot-unknown", what, unknown[0], "OpenSim leaves these columns out."))
    if lacking := [name for name in names if name not in motion.names]:
        what = f"coordinates of the model that the file lacks: {listed(lacking)}"
        why = "The GUI leaves them as they were: a stale pose."
        findings.append(
            Finding("warning", "mot-lacking", what, lacking[0], why, "Write every coordinate of the model.")
        )
    ranges = dict(zip(names, coordinate_ranges(model), strict=True))
    followers = set(coupled_coordinates(model))
    for name in shared:
        values = motion.column(name)
        one = model.getCoordinateSet().get(name)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        slack = BEYOND_M if is_translation(name) else BEYOND_RAD
        if one.getDefaultLocked() and high - low > slack:
            what = f"{name} moves, and the model locks it"
            findings.append(
                Finding("warning", "mot-locked", what, name, "The GUI holds it.", "Unlock it in the model.")
            )
        elif one.getDefaultClamped() and name not in followers:
            beyond = max(ranges[name][0] - low, high - ranges[name][1])
            if beyond > slack:
                far = f"{beyond:.3f} m" if is_translation(name) else f"{np.rad2deg(beyond):.1f}°"
                what = f"{name} goes {far} beyond its range, to which the model clamps it"
                mend = "Widen the range in the model if the motion is right."
                findings.append(Finding("warning", "mot-clamped", what, name, "The GUI stops it there.", mend))
    return findings


def _as_opensim_reads(path: Path, storage: Storage) -> list[Finding]:
    read = storage_rows(path)
    if isinstance(read, str):
        return [
            Finding(
                "error", "mot-refused", f"OpenSim's GUI refuses the file: {read}", mend="Write it again.", certain=True
            )
        ]
    rows, names = read
    if rows != len(storage.time_s) or names != storage.names:
        there = f"{len(storage.time_s)} of {len(storage.names)}"
        what = f"OpenSim's GUI reads {rows} rows of {len(names)} columns; there are {there}"
        return [Finding("error", "mot-read-otherwise", what, mend="Write it again.", certain=True)]
    if (why := refusal(opensim.TimeSeriesTable, path)[1]) is not None:
        return [
            Finding(
                "error", "mot-refused", f"OpenSim's tools refuse the file: {why}", mend="Write it again.", certain=True
            )
        ]
    return []


def _write_table(storage: Storage, out: Path) -> None:
    """The same numbers under a header that agrees with them."""
    kept = _whole(storage.values)
    values, time = storage.values[kept], storage.time_s[kept]
    if not len(time) or not np.isfinite(values).all() or not np.isfinite(time).all() or (np.diff(time) <= 0).any():
        raise BioposeError("values are missing between others, or the time does not increase", where=str(out))
    in_degrees = (storage.header or {}).get("indegrees", "no").lower()
    head = f"{storage.title or out.stem}\nversion=1\nnRows={len(time)}\nnColumns={len(storage.names) + 1}\n"
    with whole_file(out) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(f"{head}inDegrees={'yes' if in_degrees == 'yes' else 'no'}\nendheader\n")
        names = "\t".join(["time", *storage.names])
        np.savetxt(file, np.column_stack([time, values]), fmt="%.10g", delimiter="\t", header=names, comments="")
