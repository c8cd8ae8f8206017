"""Strides and repetitions of the reference, and the motion over the same moments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.comparison.compare import Comparison, curve_deg_mm
from biomech.comparison.coordinate_names import match_coordinates, standard_name
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion
from biomech.measures.cycles import PERCENT
from biomech.measures.found import DOUBTFUL, Found, share_between
from biomech.osim_models import DEFAULT_PATH

Curves = Float[np.ndarray, "cycles percents"]
# What splits them; of the others the middle is a moment of no meaning, and a run's toe off is not seen.
PHASES = {"walking": ("stance", "swing"), "squat": ("descent", "ascent"), "jump": ("rise", "fall")}
ONE_PERSON = ""


@dataclass(frozen=True)
class Span:
    """A cycle of the reference, s; side is empty where it is of both legs."""

    side: str
    start_s: float
    split_s: float
    end_s: float


@dataclass(frozen=True)
class PairedCycles:
    """Cycles of one kind in both motions, by the reference's coordinates; degrees and millimetres.

    Attributes:
        kind: ``walking``, ``squat`` …
        units: deg or mm.
        reference, motion: over 0 to 100 %. Of a walk, coordinates with a side have that side's strides, others the
            right foot's.
        splits: where each cycle's first phase ends, %.
        persons: whose each cycle is.
        left_out: of each coordinate, cycles in which values are missing.
        doubtful: the same, cycles of which fewer than half of the values are trusted; they are left out too.
    """

    kind: str
    units: dict[str, str]
    reference: dict[str, Curves]
    motion: dict[str, Curves]
    splits: dict[str, Float[np.ndarray, " cycles"]]
    persons: dict[str, list[str]]
    left_out: dict[str, int] = field(default_factory=dict)
    doubtful: dict[str, int] = field(default_factory=dict)

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the two; none where nothing of meaning splits a cycle."""
        return PHASES.get(self.kind, ())

    def difference(self, name: str) -> Curves:
        """Motion less reference."""
        difference: Curves = self.motion[name] - self.reference[name]
        return difference

    def independent(self, name: str) -> Curves:
        """Differences that are independent of each other: cycles of one person, or the means of several people."""
        curves, persons = self.difference(name), np.array(self.persons[name])
        people = np.unique(persons)
        return curves if len(people) == 1 else np.array([curves[persons == one].mean(0) for one in people])


def reference_events(reference: ReadMotion, model: Path | None) -> tuple[Found, list[str]]:
    """Strides and repetitions of the reference.

    Args:
        reference: rad and m.
        model: its .osim; None takes our skeleton of average size, on which moments are found but for lengths.

    Returns:
        What was found, and what is to be said of it.

    Raises:
        BioposeError: the model has none of the coordinates or not the bodies, or the motion is too short.
    """
    from biomech.comparison.compare import knees_forward
    from biomech.measures.course import PosableModel
    from biomech.measures.find import find_events

    motion, notes = reference.kinematics, []
    body = PosableModel.of(DEFAULT_PATH if model is None else model)
    if model is None:
        notes.append("no model is beside the reference: its events are found on a skeleton of average size")
        motion = knees_forward(_renamed(motion), "the reference", [])
    matches = match_coordinates(body.coordinates(), motion.names)
    if not matches:
        where = str(reference.path)
        raise BioposeError("has no coordinate of the model", where=where, mend="Give the reference's own `model`.")
    columns = [motion.names.index(name) for name in matches.values()]
    values = motion.values[:, columns]
    there = np.isfinite(values).all(1)
    chosen = Kinematics(list(matches), values[there], motion.time_s[there], motion.rotational[columns])
    try:
        found = find_events(body.model, chosen)
    except BioposeError as error:
        raise BioposeError(error.what, where=str(reference.path), mend=error.mend) from error
    return found, notes + [f"reference: {note}" for note in found.notes[:1]]


def _renamed(motion: Kinematics) -> Kinematics:
    new = [standard_name(name) for name in motion.names]
    names = [own if new.count(name) > 1 else name for own, name in zip(motion.names, new, strict=True)]
    return Kinematics(names, motion.values, motion.time_s, motion.rotational)


def spans_of(found: Found) -> dict[str, list[Span]]:
    """The cycles by kind; steps without a whole stride are none."""
    spans: dict[str, list[Span]] = {}
    for stride in found.strides:
        spans.setdefault(stride.gait, []).append(Span(stride.side, stride.start_s, stride.toe_off_s, stride.end_s))
    for one in found.repetitions:
        if one.kind != "walking_step":
            spans.setdefault(one.kind, []).append(Span("", one.start_s, one.middle_s, one.end_s))
    return spans


def paired_cycles(
    comparison: Comparison, spans: dict[str, list[Span]], person: str = ONE_PERSON
) -> dict[str, PairedCycles]:
    """Both motions over each span, as they were compared (aligned).

    Args:
        comparison: of the two.
        spans: of its reference, on the reference's clock.
        person: whose motions they are.

    Returns:
        By kind; kinds of which the motion shows no cycle are left out. One whose cycles are all doubtful has no curves.
    """
    found = {}
    for kind, each in spans.items():
        paired = PairedCycles(kind, {}, {}, {}, {}, {})
        for name in comparison.errors:
            _add(paired, comparison, name, each, person)
        if paired.reference or paired.doubtful:
            found[kind] = paired
    return found


def _add(paired: PairedCycles, comparison: Comparison, name: str, spans: list[Span], person: str) -> None:
    """A coordinate's cycles, without those in which a value of either motion is missing or most are not trusted."""
    column = comparison.names.index(name)
    curves = comparison.reference_curves, comparison.curves
    rotational, time_s = bool(curves[0].rotational[column]), curves[0].time_s
    ours, theirs = (curve_deg_mm(one.values[:, column], rotational) for one in curves)
    there = np.isfinite(ours) & np.isfinite(theirs)
    plain = standard_name(name)
    side = plain[-1] if plain.endswith(("_r", "_l")) else "r"
    own = [span for span in spans if not span.side or span.side == side]
    whole = [span for span in own if _covered(there, time_s, span)]
    if len(own) > len(whole):
        paired.left_out[name] = len(own) - len(whole)
    if not comparison.kept:
        trusted = comparison.believed[:, column]
        # As `events` has it.
        believed = [s for s in whole if not share_between(trusted, time_s, s.start_s, s.end_s) < DOUBTFUL]
        if len(whole) > len(believed):
            paired.doubtful[name] = len(whole) - len(believed)
        whole = believed
    if not whole:
        return
    at = np.array([span.start_s + (span.end_s - span.start_s) * PERCENT / 100 for span in whole])
    paired.units[name] = "deg" if rotational else "mm"
    paired.reference[name], paired.motion[name] = (
        np.interp(at, time_s[there], values[there]) for values in (ours, theirs)
    )
    paired.splits[name] = np.array([100 * (s.split_s - s.start_s) / (s.end_s - s.start_s) for s in whole])
    paired.persons[name] = [person] * len(whole)


def _covered(there: np.ndarray, time_s: np.ndarray, span: Span) -> bool:
    """Whether both motions have values from before a span to after it."""
    first = int(np.searchsorted(time_s, span.start_s + 1e-9)) - 1
    last = int(np.searchsorted(time_s, span.end_s - 1e-9))
    return first >= 0 and last < len(there) and bool(there[first : last + 1].all())


def joined(parts: Sequence[PairedCycles]) -> PairedCycles:
    """Cycles of one kind of several recordings or people, coordinate by coordinate.

    Args:
        parts: all of the same kind; at least one.

    Returns:
        One after the other.
    """
    names = dict.fromkeys(name for part in parts for name in part.reference)

    def of(name: str) -> list[PairedCycles]:
        return [part for part in parts if name in part.reference]

    return PairedCycles(
        parts[0].kind,
        {name: of(name)[0].units[name] for name in names},
        {name: np.concatenate([part.reference[name] for part in of(name)]) for name in names},
        {name: np.concatenate([part.motion[name] for part in of(name)]) for name in names},
        {name: np.concatenate([part.splits[name] for part in of(name)]) for name in names},
        {name: [one for part in of(name) for one in part.persons[name]] for name in names},
        {name: sum(part.left_out.get(name, 0) for part in parts) for part in parts for name in part.left_out},
        {name: sum(part.doubtful.get(name, 0) for part in parts) for part in parts for name in part.doubtful},
    )
