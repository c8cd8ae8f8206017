"""Motions of one subject against a reference: every coordinate, every part of the body, and published sets of numbers.

Errors of angles are taken around the circle, in degrees; those of translations in millimetres. A mean error alone says
little about an angle that hardly moves, so that the error of a motion that stays at zero, the range of motion and the
correlation stand beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from biomech.angles import wrapped
from biomech.comparison.alignment import (
    LEAST_SHARED,
    PELVIS_ROTATIONS,
    Heading,
    TimeShift,
    best_heading,
    best_shift,
    held_at,
    resample,
    turned,
    unwrapped,
)
from biomech.comparison.belief import KEEP, OMIT, check_untrusted
from biomech.comparison.coordinate_names import COUPLED_GROUP, group, group_order, match_coordinates, standard_name
from biomech.comparison.metrics import correlation
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion

MOVES = 1e-6  # rad and m; a coordinate that moves less in both motions is locked and counts in no mean
OLD_KNEE_RAD = -np.deg2rad(20)  # no knee overextends so far: beyond it flexion is negative, as in gait2392
FEWEST_FRAMES = 10  # of a coordinate, for a correlation, a range of motion or a skill
COARSEST_S, OTHER_CLOCK = 0.5, 10.0  # between rows, and over the other motion's: what is more is no second
LEAST_S = 0.2  # the same, where the motions share less than LEAST_SHARED of the shorter one
UNIT_SLIP = (40.0, 80.0)  # ratio of two ranges of motion when one of them is in the other unit (57.3)


@dataclass(frozen=True)
class CoordinateErrors:
    """Of one coordinate, or the mean over some; rotations in degrees, translations in millimetres."""

    unit: str  # deg or mm
    mae: float
    rmse: float
    max: float
    bias: float  # mean of motion less reference
    # Pearson's r; NaN where one of the two does not move. It, the ranges and zero_mae (so the skill) are NaN where too
    # few frames are compared (FEWEST_FRAMES).
    correlation: float
    range: float
    reference_range: float
    # Of a motion that stays at 0 (where headings are aligned: at the reference's mean heading); NaN for translations,
    # whose zero is a place in the room.
    zero_mae: float
    trusted_share: float = float("nan")  # of the values that both have; NaN where no run says what it trusts

    @property
    def range_ratio(self) -> float:
        """Range of motion over the reference's."""
        return self.range / self.reference_range if self.reference_range > 0 else float("nan")

    @property
    def skill(self) -> float:
        """1 for no error, 0 for no better than a motion that stays at zero, below 0 for worse."""
        return 1 - self.mae / self.zero_mae if self.zero_mae > 0 else float("nan")

    def figures(self) -> dict[str, float]:
        """All of them, with units in their names."""
        lengths = ("mae", "rmse", "max", "bias", "zero_mae", "range", "reference_range")
        named = {f"{name}_{self.unit}": float(getattr(self, name)) for name in lengths}
        named |= {"range_ratio": self.range_ratio, "correlation": self.correlation, "skill": self.skill}
        return named | ({"trusted_share": self.trusted_share} if np.isfinite(self.trusted_share) else {})


@dataclass(frozen=True)
class Comparison:
    """One motion against the reference, on the reference's times where both are there."""

    reference: ReadMotion
    motion: ReadMotion
    names: list[str]  # of the coordinates that both have, as the reference calls them
    reference_curves: Kinematics  # all of the reference's times; names are standard ones
    curves: Kinematics  # the motion's at those times, aligned, next to the reference's turn; NaN where it is not
    errors: dict[str, CoordinateErrors]  # by the reference's names
    groups: dict[str, CoordinateErrors]  # by part of the body, left and right together
    rotations: CoordinateErrors | None  # mean over all angles that move
    time_shift: TimeShift | None
    heading: Heading | None
    notes: list[str]
    believed: Bool[np.ndarray, "frames coordinates"]  # by the runs of both; True where no run says
    trusted_share: float  # of all values that both have; NaN where no run says what it trusts
    untrusted: str  # omit: they count in no figure; keep: all count

    @property
    def kept(self) -> bool:
        """Whether values that are not trusted count too."""
        return self.untrusted == KEEP

    @property
    def compared_s(self) -> tuple[float, float, int]:
        """First and last time at which something was compared, and how many times there are."""
        times = self.curves.time_s[(np.isfinite(self.curves.values) & (self.believed | self.kept)).any(1)]
        return float(times[0]), float(times[-1]), len(times)


def compare(
    reference: ReadMotion, motion: ReadMotion, *, time: bool = False, heading: bool = False, untrusted: str = OMIT
) -> Comparison:
    """Compare a motion with the reference.

    Where either says which of its values are to be trusted (``belief.read_believing``), the others count in no figure
    and in no alignment, unless they are kept; the curves have them all.

    Args:
        reference: counts as true; errors are at its times.
        motion: any program's; coordinates are matched by name and known synonyms.
        time: shift the motion in time to where its angles correlate best.
        heading: turn it about the vertical and move it horizontally, each by a constant, onto the reference.
        untrusted: ``omit`` or ``keep`` the values that a motion's own run does not trust.

    Returns:
        Errors (deg, mm) by coordinate and by part of the body, the aligned curves (rad, m), and notes on what was not
        matched, not compared, not trusted, or looks like another convention.

    Raises:
        BioposeError: no coordinate in common, no time in common, nothing trusted in it, one motion's time is in another
            unit, or nothing to align by.
    """
    check_untrusted(untrusted)
    where = f"{motion.path} against {reference.path}"
    matches = match_coordinates(reference.kinematics.names, motion.kinematics.names)
    if not matches:
        raise BioposeError(
            f"no coordinate in common: {_listed(reference.kinematics.names)} and {_listed(motion.kinematics.names)}",
            where=where,
            mend="Rename the columns as the reference has them.",
        )
    names = list(matches)
    notes = [*motion.notes, *_matching_notes(reference, motion, matches)]
    standard = [standard_name(name) for name in names]
    standard = [own if standard.count(new) > 1 else new for own, new in zip(names, standard, strict=True)]
    ours = knees_forward(_chosen(reference.kinematics, names, standard), "the reference", notes)
    theirs = knees_forward(_chosen(motion.kinematics, list(matches.values()), standard), "this motion", notes)
    held = _held(reference, names), _held(motion, matches.values())
    counting = (None, None) if untrusted == KEEP else held
    shift = None
    if time:
        shift = best_shift(_where(ours, counting[0]), _where(theirs, counting[1]), where=where)
        theirs = Kinematics(theirs.names, theirs.values, theirs.time_s + shift.shift_s, theirs.rotational)
        if shift.second_s is not None:
            notes.append(f"a shift of {shift.second_s:+.3f} s fits nearly as well: the motion repeats itself")
    _check_clocks(ours, theirs, where)
    resampled = resample(theirs, ours.time_s)
    both = np.isfinite(resampled.values) & np.isfinite(ours.values)
    if not both.any():
        spans = [f"{m.time_s[0]:g} to {m.time_s[-1]:g} s" for m in (ours, theirs)]
        raise BioposeError(
            f"no time in common: the reference has {spans[0]}, this motion {spans[1]}",
            where=where,
            mend="If they show the same movement on different clocks, `time` finds the shift.",
        )
    trust = _Trust.of(ours, theirs, held, both, untrusted, turns=heading)
    if not trust.counted.any():
        raise BioposeError(
            "nothing in the time that both have is trusted by the run that it is of",
            where=where,
            mend=f"NAME_quality.csv beside the motion says why; `untrusted={KEEP}` compares it all the same.",
        )
    turn = None
    if heading:
        holds = None if trust.counted is both else trust.counted
        turn = best_heading(_where(ours, holds), _where(resampled, holds), where=where)
        resampled = turned(resampled, turn)
    curves = _on_the_same_turn(ours, resampled)
    little = _little_shared(ours, theirs, both.any(1), np.any(trust.counted, axis=1))
    fewest = len(both) + 1 if little.few else FEWEST_FRAMES
    errors = {
        name: replace(
            _errors(ours, curves, i, turn, trust.counted[:, i], fewest), trusted_share=trust.share(both[:, i], i)
        )
        for i, name in enumerate(names)
        if trust.counted[:, i].any()
    }
    notes = little.notes + trust.notes + notes
    notes += [f"{name} has no time in common; not compared" for i, name in enumerate(names) if not both[:, i].any()]
    if lost := [name for i, name in enumerate(names) if both[:, i].any() and name not in errors]:
        notes.append(f"nowhere trusted, so without a figure: {_listed(lost, len(lost))}")
    still = [name for name, e in errors.items() if e.range < _least(e) and e.reference_range < _least(e)]
    if still:
        notes.append(f"still in both, in no mean: {_listed(still)}")
    moving = {name: e for name, e in errors.items() if name not in still}
    notes += _suspicions(moving)
    groups = _groups(moving)
    counted = [e for name, e in moving.items() if e.unit == "deg" and group(name) != COUPLED_GROUP]
    rotations = mean_errors(counted) if counted else None
    return Comparison(
        *(reference, motion, names, ours, curves, errors, groups, rotations, shift, turn, notes),
        *(trust.believed, trust.share(both), untrusted),
    )


@dataclass(frozen=True)
class _Trust:
    """Which values are trusted by the runs of both motions, at the reference's times, and which count."""

    said: bool
    believed: Bool[np.ndarray, "frames coordinates"]
    counted: Bool[np.ndarray, "frames coordinates"]
    notes: list[str]

    @classmethod
    def of(
        cls,
        ours: Kinematics,
        theirs: Kinematics,
        held: "tuple[_Held, _Held]",
        both: Bool[np.ndarray, "frames coordinates"],
        untrusted: str,
        turns: bool,
    ) -> "_Trust":
        """Of what each motion's run says of its own values (``held``), where ``both`` have one."""
        told = [held[0]] if held[0] is not None else []
        if held[1] is not None:
            its = held_at(theirs.time_s, held[1], ours.time_s)
            told.append(_turned_belief(its, ours.names) if turns else its)
        believed = np.logical_and.reduce(told) if told else np.ones(both.shape, dtype=bool)
        doubted = [float((~one[both]).mean()) for one in told]
        share = float((~believed[both]).mean())
        notes = []
        if share:
            whose = "the reference and this motion" if min(doubted) > 0 and len(told) == 2 else None
            whose = whose or ("the reference" if held[0] is not None and doubted[0] else "this motion")
            said = f"{share:.0%}" if share >= 0.005 else "under 1%"
            what = "counted all the same" if untrusted == KEEP else "left out"
            notes.append(f"{said} of the values are not trusted by the run of {whose}; {what}")
        counted = both if untrusted == KEEP or not share else both & believed
        doubtful = both & ~believed
        without = float(doubtful[:, ~counted.any(0)].sum() / max(doubtful.sum(), 1))  # in coordinates without a row
        if without >= 0.005:
            part = "all" if without == 1 else f"{without:.0%}"
            notes[-1] += f"; {part} of these belong to coordinates that are trusted nowhere and have no figures"
        return cls(bool(told), believed, counted, notes)

    def share(self, there: np.ndarray, column: int | None = None) -> float:
        """That is trusted, of the values that are there, of one coordinate or all; NaN where no run says."""
        believed = self.believed if column is None else self.believed[:, column]
        return float(believed[there].mean()) if self.said and there.any() else float("nan")


_Held = Bool[np.ndarray, "frames coordinates"] | None


def _held(motion: ReadMotion, names: Iterable[str]) -> _Held:
    """Of the coordinates that are compared."""
    if motion.believed is None:
        return None
    return motion.believed[:, [motion.kinematics.names.index(name) for name in names]]


def _where(motion: Kinematics, held: _Held) -> Kinematics:
    """NaN where something does not hold."""
    return motion if held is None else replace(motion, values=np.where(held, motion.values, np.nan))


def _turned_belief(
    held: Bool[np.ndarray, "frames coordinates"], names: list[str]
) -> Bool[np.ndarray, "frames coordinates"]:
    """Once a pelvis is turned, each of its angles hangs on all three, and X and Z on each other."""
    held = held.copy()
    for together in (PELVIS_ROTATIONS, ["pelvis_tx", "pelvis_tz"]):
        if set(together) <= set(names):
            columns = [names.index(name) for name in together]
            held[:, columns] = held[:, columns].all(1, keepdims=True)
    return held


def _check_clocks(ours: Kinematics, theirs: Kinematics, where: str) -> None:
    """That both times can be seconds: nobody samples a movement once a second, and ms or frame numbers look so.

    Raises:
        BioposeError: one motion's rows are seconds apart, and the other's are not.
    """
    if min(len(ours.time_s), len(theirs.time_s)) < 2:
        return
    steps = {
        name: float(np.median(np.diff(one.time_s))) for name, one in (("the reference", ours), ("this motion", theirs))
    }
    (quick, short), (slow, long) = sorted(steps.items(), key=lambda one: one[1])
    if long > COARSEST_S and long > OTHER_CLOCK * short:
        raise BioposeError(
            f"the rows of {slow} are {long:.3g} s apart, those of {quick} {short:.3g} s: is the time of {slow} in ms, "
            "or does it count frames?",
            where=where,
            mend="Write its time in seconds.",
        )


class _Little(NamedTuple):
    """What two motions share, where it is little."""

    few: bool  # too little for any course
    notes: list[str]


def _little_shared(
    ours: Kinematics, theirs: Kinematics, both: Bool[np.ndarray, " frames"], counted: Bool[np.ndarray, " frames"]
) -> _Little:
    """Whether what both have is a part of the shorter motion, and what counts of it is no course at all."""
    times, count = ours.time_s[both], int(counted.sum())
    shared = float(times[-1] - times[0])
    shorter = min(float(np.ptp(one.time_s)) for one in (ours, theirs))
    part = shared < LEAST_SHARED * shorter
    few = count < FEWEST_FRAMES or (part and shared < LEAST_S)
    notes = []
    if part:
        spans = [f"{one.time_s[0]:g} to {one.time_s[-1]:g} s" for one in (ours, theirs)]
        notes.append(
            f"the motions share {shared:.3g} s of {spans[0]} (reference) and {spans[1]}: all figures are of that part "
            "alone; if they show the same movement on different clocks, `time` finds the shift"
        )
    if few:
        notes.append(
            f"{count} frames ({shared:.3g} s) are compared: correlation, ranges and skill need {FEWEST_FRAMES} frames"
            + (f" and {LEAST_S:g} s" if part else "")
        )
    return _Little(few, notes)


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _matching_notes(reference: ReadMotion, motion: ReadMotion, matches: dict[str, str]) -> list[str]:
    renamed = [f"{theirs} = {ours}" for ours, theirs in matches.items() if ours != theirs]
    lacking = [name for name in reference.kinematics.names if name not in matches]
    unknown = [name for name in motion.kinematics.names if name not in set(matches.values())]
    said = (("matched by synonym", renamed), ("only in the reference", lacking), ("only in this motion", unknown))
    return [f"{what}: {_listed(which)}" for what, which in said if which]


def _chosen(motion: Kinematics, names: Sequence[str], called: list[str]) -> Kinematics:
    columns = [motion.names.index(name) for name in names]
    if columns == list(range(len(motion.names))):
        return Kinematics(called, motion.values, motion.time_s, motion.rotational)
    return Kinematics(called, motion.values[:, columns], motion.time_s, motion.rotational[columns])


def knees_forward(motion: Kinematics, which: str, notes: list[str]) -> Kinematics:
    """Flexion positive, as in the models since Rajagopal's; gait2392 and its kin count it negative.

    Args:
        motion: standard names; rad.
        which: motion it is, for the note.
        notes: gets a sentence where it was turned round.

    Returns:
        The same motion, or a copy with its knees turned round.
    """
    knees = [i for i, name in enumerate(motion.names) if name in ("knee_angle_r", "knee_angle_l")]
    values = wrapped(motion.values[:, knees])
    if not knees or not np.isfinite(values).any():
        return motion
    least, most = np.nanmin(values), np.nanmax(values)
    if not (least < OLD_KNEE_RAD and -least > most):
        return motion
    notes.append(f"{which} counts knee flexion negative, as older models do; turned round")
    turned_round = motion.values.copy()
    turned_round[:, knees] *= -1
    return Kinematics(motion.names, turned_round, motion.time_s, motion.rotational)


def _on_the_same_turn(reference: Kinematics, motion: Kinematics) -> Kinematics:
    values = motion.values.copy()
    for i in np.flatnonzero(motion.rotational):  # column by column: the tables may be long
        values[:, i] -= 2 * np.pi * np.round((values[:, i] - reference.values[:, i]) / (2 * np.pi))
    return Kinematics(motion.names, values, motion.time_s, motion.rotational)


def _errors(
    reference: Kinematics,
    curves: Kinematics,
    column: int,
    heading: Heading | None,
    counted: Bool[np.ndarray, " frames"],
    fewest: int,
) -> CoordinateErrors:
    """Of a coordinate; fewer frames than ``fewest`` have errors, but no course that could be like another."""
    rotational = bool(reference.rotational[column])
    ours, theirs = reference.values[:, column], curves.values[:, column]
    both = counted & np.isfinite(theirs)
    if not both.any():
        unknown = dict.fromkeys(("mae", "rmse", "max", "bias", "correlation", "range", "reference_range"), float("nan"))
        return CoordinateErrors(unit="deg" if rotational else "mm", zero_mae=float("nan"), **unknown)
    ours, theirs = ours[both], theirs[both]
    error = theirs - ours
    # Ranges and correlation are of the course without jumps; the error is already around the circle.
    smooth_ours, smooth_theirs = (unwrapped(ours), unwrapped(theirs)) if rotational else (ours, theirs)
    per = 180 / np.pi if rotational else 1000
    turned_too = heading is not None and reference.names[column] == "pelvis_rotation"
    zero = float(np.angle(np.exp(1j * ours).mean())) if turned_too else 0.0
    course = len(ours) >= fewest
    return CoordinateErrors(
        unit="deg" if rotational else "mm",
        mae=per * float(np.abs(error).mean()),
        rmse=per * float(np.sqrt(np.square(error).mean())),
        max=per * float(np.abs(error).max()),
        bias=per * float(error.mean()),
        correlation=correlation(smooth_theirs, smooth_ours) if course else float("nan"),
        range=per * float(np.ptp(smooth_theirs)) if course else float("nan"),
        reference_range=per * float(np.ptp(smooth_ours)) if course else float("nan"),
        zero_mae=per * float(np.abs(wrapped(ours - zero)).mean()) if rotational and course else float("nan"),
    )


def _least(errors: CoordinateErrors) -> float:
    return MOVES * (180 / np.pi if errors.unit == "deg" else 1000)


def mean_errors(errors: Sequence[CoordinateErrors]) -> CoordinateErrors:
    """Of each measure over the coordinates; the largest of the maxima."""

    def of(name: str) -> float:
        values = np.array([getattr(e, name) for e in errors])
        return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")

    names = ("mae", "rmse", "bias", "correlation", "range", "reference_range", "zero_mae", "trusted_share")
    return CoordinateErrors(unit=errors[0].unit, max=max(e.max for e in errors), **{name: of(name) for name in names})


def _groups(errors: dict[str, CoordinateErrors]) -> dict[str, CoordinateErrors]:
    members: dict[str, list[CoordinateErrors]] = {}
    for name, e in errors.items():
        part = group(name)
        if e.unit == "mm" and "position" not in part:
            part = f"{part} position"
        members.setdefault(part, []).append(e)
    return {part: mean_errors(members[part]) for part in sorted(members, key=group_order)}


def _suspicions(errors: dict[str, CoordinateErrors]) -> list[str]:
    """What looks like a convention rather than an error: an opposite sign, or the other unit."""
    notes = []
    for name, e in errors.items():
        if e.unit != "deg" or e.reference_range < 5:
            continue
        if e.correlation < -0.9:
            notes.append(f"{name} goes against the reference (r {e.correlation:.2f}): another sign convention?")
        ratio = max(e.range_ratio, 1 / e.range_ratio) if e.range_ratio > 0 else 0
        if e.correlation > 0.9 and UNIT_SLIP[0] < ratio < UNIT_SLIP[1]:
            notes.append(f"{name} differs from the reference by a factor of {ratio:.0f}: degrees and radians?")
    return notes


def curve_deg_mm(values: Float[np.ndarray, "frames"], rotational: bool) -> Float[np.ndarray, "frames"]:
    """A curve in the units of the tables: degrees or millimetres.

    Args:
        values: rad, or m.
        rotational: an angle, not a translation.

    Returns:
        Degrees, or millimetres.
    """
    return values * (180 / np.pi if rotational else 1000)
