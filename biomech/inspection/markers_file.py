"""Findings in recorded markers, .trc and .c3d; and the same written without them."""

import itertools
import re
from pathlib import Path

import numpy as np
import opensim

from biomech.errors import BioposeError
from biomech.files import open_text
from biomech.inspection.explained import of_notes
from biomech.inspection.finding import Finding, refused
from biomech.inspection.opensims_readers import marker_table, wide_text
from biomech.markers.checks import METRES_PER_UNIT, recording_notes
from biomech.markers.markers import Markers
from biomech.markers.matching import listed, people, without_common_beginning
from biomech.markers.read import read_for_model, read_markers
from biomech.markers.trc import AXIS, write_trc

LYING = 1.5  # times as far as along Y, from which on markers that extend along Z look like Z up
SAME_M = 1e-3
MOST = 0.5  # of a file's markers that a model has to know, for names and axes to be mended by it


def check_markers(path: Path, model: opensim.Model | None = None) -> list[Finding]:
    """What is wrong with recorded markers.

    Args:
        path: .trc or .c3d.
        model: that they are meant for, with its system initialised.

    Returns:
        In the order found; of a file that cannot be read the reason alone.
    """
    try:
        markers = read_markers(path)
    except BioposeError as error:
        return [refused(error)]
    findings = of_notes([*markers.notes, *recording_notes(markers)])
    findings += _names(markers)
    if path.suffix.lower() == ".trc":
        findings += wide_text(path) + _dialect(path, markers)
        findings += _start(path, markers)
        if not any(one.severity == "error" for one in findings):
            findings += _as_opensim_reads(path, markers)
    if model is None:
        return findings + _upright(markers)
    try:
        known = read_for_model(path, model)
    except BioposeError as error:
        return [*findings, refused(error, severity="error", code="not-this-model")]
    told = {one.what for one in findings}
    if len(known.names) < MOST * len(markers.names):
        what = f"only {len(known.names)} of {len(markers.names)} markers are the model's"
        mend = "Give the model with the marker set of this file."
        return [*findings, Finding("warning", "not-this-model", what, None, "OpenSim leaves the others out.", mend)]
    return findings + [one for one in of_notes(known.notes) if one.what not in told and one.code not in _OF_WHOLE]


_OF_WHOLE = ("markers-gaps", "markers-never-seen")  # told of all markers already


def fix_markers(path: Path, out: Path, model: opensim.Model | None = None) -> None:
    """Write a .trc again as it is read: what the reader mends is mended, gaps are nan, the header agrees.

    Args:
        path: .trc.
        out: .trc.
        model: then under its names where these match, and turned Y up where the body stands along another axis.

    Raises:
        BioposeError: it cannot be read.
    """
    markers = read_markers(path)
    if model is not None:
        try:
            known = read_for_model(path, model)
        except BioposeError:
            known = None  # not of this model: left as it is
        if known is not None and len(known.names) >= MOST * len(markers.names):
            markers = _as_known(markers, known, [marker.getName() for marker in model.getMarkerSet()])
    write_trc(markers, out)


def _as_known(markers: Markers, known: Markers, model_names: list[str]) -> Markers:
    """All markers of a file, named and turned as those that the model knows."""
    names, found = without_common_beginning(markers.names, model_names)
    renamed = [found.model_names.get(name, name) for name in names]
    own = markers.positions_m[:, [renamed.index(name) for name in known.names]]
    seen = np.isfinite(own).all(-1) & np.isfinite(known.positions_m).all(-1)
    turn = np.linalg.lstsq(own[seen], known.positions_m[seen], rcond=None)[0]
    return Markers(renamed, markers.positions_m @ np.round(turn, 9), markers.time_s)


def _names(markers: Markers) -> list[Finding]:
    findings = []
    if who := people(markers.names):
        what = f"the markers of {len(who)} people are in the file: {listed(who)}"
        findings.append(
            Finding(
                "warning", "several-people", what, mend=f"Say whose are meant: `subject={who[0]}`, or part the file."
            )
        )
    if odd := [name for name in markers.names if re.search(r"[\s/\\:*+]", name)]:
        what = f"{len(odd)} marker names hold blanks, colons or slashes: {listed(odd)}"
        why = "OpenSim compares names letter by letter, and a model's markers cannot be named so."
        findings.append(Finding("warning", "names-odd", what, odd[0], why, "Rename them as the model's markers."))
    return findings


def _dialect(path: Path, markers: Markers) -> list[Finding]:
    """What the reader takes and OpenSim's tools do not."""
    with open_text(path) as text:
        lines = [line.rstrip("\r\n") for line in text]
    findings = []

    def found(code: str, line: int, what: str, why: str, mend: str) -> None:
        findings.append(Finding("error", code, what, f"line {line}", why, mend, certain=True))

    refuses = "OpenSim's tools refuse the file."
    keys, values = (re.split(r"\t|\s{2,}| ", lines[k].strip()) for k in (1, 2))
    units = dict(zip(map(str.lower, keys), values, strict=False)).get("units", "").strip().lower()
    if "units" not in map(str.lower, keys) or not units:
        found("trc-no-unit", 3, "the header says no unit", refuses, "Write the unit, m or mm, under Units.")
    if "\t" not in lines[3]:
        found("trc-blanks", 4, "blanks part the cells where tabs should", refuses, "Put tabs between the cells.")
    if AXIS.search(lines[4]) is None:
        why = "OpenSim takes the first frame for it."
        found("trc-no-axes", 5, "the line of X1, Y1, Z1 … is missing", why, "Write it under the markers' names.")
    begin = 4 if AXIS.search(lines[4]) is None else 5
    rows = [(k, line) for k, line in enumerate(lines[begin:], begin + 1) if line.strip()]
    if any("," in line and "." not in line for _, line in itertools.islice(rows, 1)):
        why = "OpenSim reads the digits before them only, or refuses the file."
        found("trc-commas", rows[0][0], "the numbers have decimal commas", why, "Write decimal points.")
    columns = 2 + 3 * len(markers.names)
    short = [k for k, line in rows if "\t" in line and len(line.rstrip("\t ").split("\t")) < columns]
    if short:
        what = f"{len(short)} rows end before the last marker: empty cells at their end"
        found("trc-short-rows", short[0], what, refuses, "Write nan for a missing marker.")
    return findings


def _start(path: Path, markers: Markers) -> list[Finding]:
    with open_text(path) as text:
        keys, values = (line.split() for line in itertools.islice(text, 1, 3))
    first = dict(zip(map(str.lower, keys), values, strict=False)).get("origdatastartframe", "1")
    if markers.time_s[0] or not first.isdigit() or int(first) <= 1:
        return []
    what = f"the time begins at 0, and the trial at frame {first} of its recording"
    return [Finding("note", "trc-start", what, "line 3", "Forces of the same trial may have the recording's time.")]


def _as_opensim_reads(path: Path, markers: Markers) -> list[Finding]:
    """Whatever is still read otherwise there: the last word is that of OpenSim's own class."""
    read = marker_table(path)
    if isinstance(read, str):
        what = f"OpenSim's tools refuse the file: {read}"
        return [Finding("error", "trc-refused", what, mend="Write it again.", certain=True)]
    names, time, positions = read
    with open_text(path) as text:
        keys, values = (line.split() for line in itertools.islice(text, 1, 3))
    unit = dict(zip(map(str.lower, keys), values, strict=False)).get("units", "").lower()
    same = names == markers.names and len(time) == len(markers.time_s) and np.abs(time - markers.time_s).max() < 1e-6
    if same and unit in METRES_PER_UNIT:
        theirs = positions.reshape(markers.positions_m.shape) * METRES_PER_UNIT[unit]
        ours = np.isfinite(markers.positions_m)
        same = bool((np.abs(theirs - markers.positions_m)[ours] < SAME_M).all())
    if same:
        return []
    what = f"OpenSim's tools read it otherwise: {len(time)} frames of {len(names)} markers, or other numbers"
    return [Finding("error", "trc-read-otherwise", what, mend="Write it again.", certain=True)]


def _upright(markers: Markers) -> list[Finding]:
    """Without a model only a guess: a person is taller than wide or deep within one frame."""
    seen = markers.positions_m[np.isfinite(markers.positions_m).all(-1).sum(1) >= 4]
    if not len(seen):
        return []
    extent = np.median(np.nanmax(seen, 1) - np.nanmin(seen, 1), axis=0)
    axis = int(np.argmax(extent))
    if axis == 1 or extent[axis] < LYING * extent[1]:
        return []
    what = f"the markers extend {extent[axis]:.2f} m along {'XYZ'[axis]} and {extent[1]:.2f} m along Y"
    mend = (
        f"If the person stands, {'XYZ'[axis]} points up here: give the model, and it is turned where that is certain."
    )
    return [Finding("warning", "not-y-up", what, None, "OpenSim takes Y as up.", mend)]
