"""Comparisons over strides and repetitions: of each way of measuring, all recordings and people together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biomech.comparison.agreement import FEWEST
from biomech.comparison.belief import KEEP
from biomech.comparison.compare import Comparison
from biomech.comparison.cycle_errors import CycleErrors, cycle_errors
from biomech.comparison.mean_band import FEWEST_CYCLES, LEVEL
from biomech.comparison.paired_cycles import ONE_PERSON, PairedCycles, joined, paired_cycles, reference_events, spans_of
from biomech.errors import BioposeError

NOUNS = {"walking": "strides", "running": "strides", "squat": "squats", "jump": "jumps"}
NOUNS |= {"stand_up": "times standing up", "sit_down": "times sitting down"}


@dataclass(frozen=True)
class MethodCycles:
    """One way of measuring against the reference, over the cycles of one kind.

    Attributes:
        method: its name.
        kind: ``walking``, ``squat`` …
        paired: the curves.
        errors: by coordinate.
        notes: what is to be said of them.
    """

    method: str
    kind: str
    paired: PairedCycles
    errors: dict[str, CycleErrors]
    notes: list[str]

    @property
    def said(self) -> str:
        """What there is, in words: ``5 squats``, ``4 to 5 strides of each side``."""
        counts = sorted({errors.cycles for errors in self.errors.values()})
        number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        people = max(errors.persons for errors in self.errors.values())
        of = " of each coordinate" if len(counts) > 1 else ""
        return f"{number} {NOUNS.get(self.kind, self.kind)}{of}" + (f" of {people} people" if people > 1 else "")


@dataclass(frozen=True)
class Compared:
    """A comparison and what it belongs to: whose it is, of which way of measuring, and the reference's own model."""

    comparison: Comparison
    method: str
    person: str = ONE_PERSON
    model: Path | None = None


def over_cycles(each: Sequence[Compared]) -> tuple[list[MethodCycles], list[str]]:
    """Events of each reference, and both motions over its cycles.

    Args:
        each: at least one; those of one reference share its events.

    Returns:
        By method and kind, and notes on the references and on what is nowhere trusted.

    Raises:
        BioposeError: no reference shows a cycle, no motion shows a whole one, none is trusted, or a model is not the
            reference's.
    """
    spans, notes = {}, []
    for one in each:
        reference = one.comparison.reference
        if reference.path not in spans:
            found, said = reference_events(reference, one.model)
            spans[reference.path] = spans_of(found)
            notes += [note if len(each) == 1 else f"{reference.path.name}: {note}" for note in said]
    parts: dict[tuple[str, str], list[PairedCycles]] = {}
    for one in each:
        pairs = paired_cycles(one.comparison, spans[one.comparison.reference.path], one.person)
        for kind, paired in pairs.items():
            parts.setdefault((one.method, kind), []).append(paired)
    every = {key: joined(several) for key, several in parts.items()}
    methods = [_of(*key, paired) for key, paired in every.items() if paired.reference]
    if parts and not methods:
        raise BioposeError(
            "most of every stride and repetition is not trusted by its run",
            where=str(each[0].comparison.motion.path),
            mend=f"`untrusted={KEEP}` counts them all the same.",
        )
    if not parts:
        shown = any(spans.values())
        raise BioposeError(
            "no whole stride or repetition is in both motions"
            if shown
            else "the reference shows no stride, squat, standing up, sitting down or jump to compare over",
            where=str(each[0].comparison.reference.path),
            mend="`biopose events` says what a motion shows; leave `cycles` away to compare over time.",
        )
    notes += [
        f"{method}: its {NOUNS.get(kind, kind)} are mostly not trusted, and count in no figure"
        for (method, kind), paired in every.items()
        if not paired.reference
    ]
    return methods, list(dict.fromkeys(notes))


def _of(method: str, kind: str, paired: PairedCycles) -> MethodCycles:
    errors = cycle_errors(paired)
    notes = []
    if lost := max(paired.left_out.values(), default=0):
        notes.append(f"{lost} {NOUNS.get(kind, kind)} lie outside this motion or its gaps; left out")
    if doubtful := max(paired.doubtful.values(), default=0):
        which = "" if len(set(paired.doubtful.values())) == 1 and set(paired.doubtful) >= set(errors) else "up to "
        notes.append(f"{which}{doubtful} {NOUNS.get(kind, kind)} are mostly not trusted; in no mean")
    if nowhere := [name for name in paired.doubtful if name not in errors]:
        notes.append(f"mostly not trusted in each of them, so without a figure: {', '.join(nowhere)}")
    people = max(one.persons for one in errors.values())
    units = min(one.band.count for one in errors.values())
    if people == 1:
        notes.append("one person: limits and bands are of this person's cycles here, and say nothing of other people")
    noun = "people" if people > 1 else NOUNS.get(kind, kind)
    if units < FEWEST:
        notes.append(f"{units} {noun} are too few for limits of agreement ({FEWEST}) and for p ({FEWEST_CYCLES})")
    elif units < FEWEST_CYCLES:
        notes.append(f"{units} {noun}: bands and p need {FEWEST_CYCLES}")
    elif 2 ** (1 - units) > 1 - LEVEL:
        notes.append(f"{units} curves: p can be no smaller than {2.0 ** (1 - units):.3f}; the bands say more")
    return MethodCycles(method, kind, paired, errors, notes)
