"""What the readers' notes mean to OpenSim: they mend what they read and say so; here it is told what happens elsewhere.

Each row: the words by which a note is known, then what makes a finding of it. A note that no row knows is a warning.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from biomech.inspection.finding import Finding, Severity, place_in

REWRITTEN = "Write the file again in that way."


@dataclass(frozen=True)
class _Row:
    words: str
    code: str
    severity: Severity
    why: str | None = None
    mend: str | None = None
    certain: bool = False


_ROWS = (
    # markers
    _Row(
        "the unit is given as",
        "trc-unit",
        "error",
        "OpenSim believes the header: it runs, says that it succeeded, and is kilometres off.",
        "Correct Units.",
        True,
    ),
    _Row(
        "exactly 0, 0, 0",
        "trc-zero",
        "error",
        "OpenSim takes 0, 0, 0 for a place: a knee came out 17° wrong.",
        "Write nan, or leave the cells empty.",
        True,
    ),
    _Row(
        "thrice, are taken as missing",
        "trc-sentinel",
        "error",
        "OpenSim takes them for places.",
        "Write nan for a missing marker.",
        True,
    ),
    _Row("two units are mixed", "trc-mixed-units", "error", "OpenSim takes one unit for all markers.", REWRITTEN, True),
    _Row(
        "m away are taken as missing",
        "trc-far",
        "error",
        "OpenSim takes them for places.",
        "Write nan for a missing marker.",
        True,
    ),
    _Row(
        "the time column is in ms",
        "trc-time-ms",
        "error",
        "OpenSim takes seconds.",
        "Divide the time column by 1000.",
        True,
    ),
    _Row(
        "the time column counts frames",
        "trc-time-frames",
        "error",
        "OpenSim takes seconds.",
        "Write seconds.",
        True,
    ),
    _Row(
        "the time column is rounded",
        "trc-time-rounded",
        "error",
        "OpenSim refuses times that do not increase.",
        "Write times with enough digits.",
        True,
    ),
    _Row(
        "DataRate says",
        "trc-rate",
        "warning",
        "Some of OpenSim's classes take the header's rate, others the time column.",
        "Correct DataRate.",
        True,
    ),
    _Row("the time column leaves frames out", "trc-frames-left-out", "warning"),
    _Row(
        "NumMarkers says",
        "trc-num-markers",
        "error",
        "OpenSim's tools refuse the file.",
        "Correct NumMarkers.",
        True,
    ),
    _Row(
        "NumFrames says",
        "trc-num-frames",
        "warning",
        "The GUI's preview shows as many frames as NumFrames says.",
        "Correct NumFrames.",
        True,
    ),
    _Row("the last row ends after", "trc-cut-off", "error", "OpenSim refuses the file.", "Remove that row.", True),
    _Row("POINT:RATE is used", "c3d-rate", "warning"),
    _Row("it ends early", "c3d-short", "warning"),
    _Row(
        "names no vertical axis",
        "c3d-axis",
        "warning",
        "OpenSim takes Y as up.",
        "Say which axis points up where the file is read.",
    ),
    _Row("markers never seen", "markers-never-seen", "note"),
    _Row("gaps in ", "markers-gaps", "note"),
    _Row("the whole body jumps", "markers-jump", "warning", None, "See that the rows are in order."),
    _Row("stand to the last digit", "markers-held", "warning", "It takes the held places for measured ones."),
    # markers against a model
    _Row(
        "matched by normalised names",
        "names-differ",
        "warning",
        "OpenSim compares names letter by letter: its tools do not track these markers.",
        "Spell them as the model does.",
        True,
    ),
    _Row(
        "the names' common beginning",
        "names-prefix",
        "warning",
        "OpenSim compares names letter by letter: its tools do not track these markers.",
        "Write the names without it.",
        True,
    ),
    _Row("could each be the model's", "names-ambiguous", "warning", None, "Rename one of them."),
    _Row("measured, and not in the model", "names-unknown", "note", "OpenSim leaves these markers out."),
    _Row("of the model, and not measured", "names-unmeasured", "note", "Nothing draws on these markers of the model."),
    _Row(
        "the body stands along",
        "not-y-up",
        "error",
        "OpenSim takes Y as up: the model would lie, or fall over while it is solved.",
        "Turn the axes: Y up, in m, right-handed.",
        True,
    ),
    # motions
    _Row("columns are no coordinates", "mot-other-columns", "note"),
    _Row(
        "no inDegrees line: OpenSim takes radians, but",
        "mot-degrees",
        "error",
        "The skeleton would whirl: 57 times the angles.",
        "Write `inDegrees=yes` into the header.",
        True,
    ),
    _Row(
        "no inDegrees line: read as radians",
        "mot-no-in-degrees",
        "warning",
        "OpenSim takes radians.",
        "Say it: `inDegrees=no`, or `inDegrees=yes` for degrees.",
    ),
    _Row(
        "inDegrees=",
        "mot-degrees",
        "error",
        "Only the word yes means degrees to OpenSim, which takes all others for radians: 57 times the angles.",
        "Write `inDegrees=yes` into the header.",
        True,
    ),
    _Row(
        "the header says degrees, but",
        "mot-radians",
        "warning",
        "The skeleton hardly moves in OpenSim if these are radians.",
        "Write `inDegrees=no` if they are.",
    ),
    _Row(
        "rows repeat a time",
        "mot-time-repeats",
        "error",
        "OpenSim's tools refuse the file; its GUI leaves rows out.",
        "Remove the repeated rows.",
        True,
    ),
    _Row(
        "translations are in millimetres",
        "mot-millimetres",
        "error",
        "OpenSim takes metres: the skeleton is far out of sight.",
        "Divide the translations by 1000.",
        True,
    ),
    _Row(
        "in radians inside a file in degrees",
        "mot-coupled",
        "note",
        "So OpenSim writes and reads coordinates that a spline couples (the patellae).",
    ),
)


def of_notes(notes: Iterable[str]) -> list[Finding]:
    """Findings of what readers noted."""
    return [_of_note(note) for note in notes]


def _of_note(note: str) -> Finding:
    row = next((row for row in _ROWS if row.words in note), _Row("", "reader", "warning"))
    return Finding(row.severity, row.code, note, place_in(note), row.why, row.mend, row.certain)
