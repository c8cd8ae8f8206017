"""The whole of it: a model and its motion → what was found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.measures import gait, jumps, repetitions
from biomech.measures.course import Course, PosableModel
from biomech.measures.filtering import AUTO, CUTOFF_HZ, GENTLE_HZ, NONE, allowed_hz, check_cutoff, evenly, rate_of
from biomech.measures.found import GAITS, KINDS, ZENI, Event, Found, KnownValues, Repetition, Stride, share_between

Cutoffs = dict[str, float | None]
At = Callable[[float | None], Course]  # the motion, filtered so
Share = Callable[[float, float], float]  # of trusted frames, from when to when
Place = Callable[[float, float], Float[np.ndarray, "2"]]  # half widths of the pelvis's place, from when to when
AFTER_JUMP_S = 0.6  # in which knees bend for it, before and after
MOST_SLIDING_M_S = 0.3
WIDE_M = 0.08  # a half width of steps' width that is told: people step 0.1 m wide
DOUBTFUL = "doubtful, and in no mean"  # a note's beginning
CHANGED = "angles that change"  # another's
MOST_NAMED = 4  # of what is
NAMES = {"walking": "stride", "running": "running stride", "squat": "squat", "jump": "jump"}
NAMES |= {
    "walking_step": "step of a walk without a whole stride",
    "stand_up": "standing up",
    "sit_down": "sitting down",
}
SIDE = {"r": "right", "l": "left"}
MOMENTS = {
    "squat": ("squat_start", "squat_bottom", "squat_end"),
    "stand_up": ("seat_off", "half_risen", "standing"),
    "sit_down": ("lowering", "half_lowered", "seated"),
    "jump": ("take_off", "top", "landing"),
}
HOW = {
    "squat": "hip_height",
    "stand_up": "hip_height",
    "sit_down": "hip_height",
    "jump": "feet_and_centre_of_mass",
}


def find_events(
    model: opensim.Model | Path,
    kinematics: Kinematics,
    *,
    filter_hz: float | str = AUTO,
    trusted: Bool[np.ndarray, " frames"] | None = None,
    place_half_width_m: Float[np.ndarray, "frames 2"] | None = None,
    known: KnownValues | None = None,
) -> Found:
    """Strides, squats, standing up, sitting down and jumps of a motion, with what is measured of them.

    What is done is found by itself, and nothing is where nothing is plain. Events are always looked for in the filtered
    motion; what is measured is of the motion as ``filter_hz`` says.

    Args:
        model: scaled, with the bodies of Rajagopal's; or the path of its .osim.
        kinematics: its motion (rad and m); frames may be missing.
        filter_hz: ``auto`` for a cut-off by activity (``filtering.CUTOFF_HZ``), one for all, or ``none``: then
            velocities are not told.
        trusted: of the frames of ``kinematics``.
        place_half_width_m: how far off the pelvis's place along X and Z may be in each of them, which says how far
            off the width of steps may be.
        known: what the run knows of the motion's coordinates, for the tables.

    Returns:
        What was found; nothing at all is an answer too.

    Raises:
        BioposeError: the model has no such bodies or other coordinates, the motion is too short, or the cut-off does
            not fit its rate.
    """
    body = PosableModel.of(model)
    even, whole = evenly(body.in_one_triple(kinematics))
    rate = rate_of(even.time_s)
    wanted = _cutoffs(filter_hz, rate)
    courses: dict[float | None, Course] = {}

    def at(cutoff_hz: float | None) -> Course:
        if cutoff_hz not in courses:
            courses[cutoff_hz] = Course.of(body, even, whole, cutoff_hz, kinematics)
        return courses[cutoff_hz]

    looked_at = at(allowed_hz(GENTLE_HZ, rate))
    steps = gait.steps_of(looked_at)
    cycles = gait.cycles_of(looked_at, steps)
    flown = [
        jump
        for jump in jumps.jumps_of(at(allowed_hz(CUTOFF_HZ["jump"], rate)))
        if not any(cycle.start_s < jump.top_s < cycle.end_s for cycle in cycles)
    ]
    cycles = [cycle for cycle in cycles if not any(cycle.start_s < jump.top_s < cycle.end_s for jump in flown)]
    lone = [] if cycles or flown else gait.lone_steps_of(looked_at, steps)
    closing = [cycle for cycle in cycles if gait.closes(looked_at, cycle)]
    taken = [(step.start_s, step.end_s) for step in lone]
    taken += [(cycle.start_s, cycle.end_s) for cycle in cycles]
    cycles = [cycle for cycle in cycles if cycle not in closing]
    taken += [(jump.take_off_s - AFTER_JUMP_S, jump.landing_s + AFTER_JUMP_S) for jump in flown]
    bouts = repetitions.bouts_of(looked_at, taken)

    def share(start_s: float, end_s: float) -> float:
        if trusted is None:
            return np.nan
        return share_between(np.asarray(trusted), kinematics.time_s, start_s, end_s)

    def place(start_s: float, end_s: float) -> Float[np.ndarray, "2"]:
        if place_half_width_m is None:
            return np.full(2, np.nan)
        inside = (kinematics.time_s >= start_s) & (kinematics.time_s <= end_s)
        told = np.asarray(place_half_width_m)[inside & np.isfinite(place_half_width_m).all(1)]
        return told.mean(0) if len(told) else np.full(2, np.nan)

    strides = _strides(cycles, wanted, at, share, place)
    repeated = _repetitions(bouts, flown, lone, wanted, at, share, place)
    done = [kind for kind in KINDS if kind in {s.gait for s in strides} | {r.kind for r in repeated}]
    main = max((wanted[kind] or 0.0 for kind in done), default=wanted[""] or 0.0) or None
    own = {kind: wanted[kind] for kind in done} | {"": main}
    found = Found(
        strides=strides,
        repetitions=repeated,
        events=_events(cycles, lone, steps, repeated),
        courses={kind: at(cutoff) for kind, cutoff in own.items()},
        filter_hz=own,
        notes=[],
        known=known,
    )
    found.notes.extend(_notes(found, cycles, looked_at))
    if closing:
        listed = ", ".join(f"{SIDE[cycle.side]} at {cycle.end_s:.1f} s" for cycle in closing)
        found.notes.insert(1, f"closing up to the other foot as the walk ends, and no stride of it: {listed}")
    return found


def _cutoffs(filter_hz: float | str, rate_hz: float) -> dict[str, float | None]:
    """By activity, and of the whole motion."""
    if filter_hz == AUTO:
        return {kind: allowed_hz(hz, rate_hz) for kind, hz in {**CUTOFF_HZ, "": GENTLE_HZ}.items()}
    if filter_hz == NONE:
        return dict.fromkeys((*KINDS, ""))
    if isinstance(filter_hz, str):
        raise BioposeError(
            f"`filter_hz={filter_hz}` is no filter",
            mend="Give a cut-off in Hz such as 6, or a word: auto, none.",
        )
    check_cutoff(filter_hz, rate_hz)
    return dict.fromkeys((*KINDS, ""), float(filter_hz))


def _strides(cycles: list[gait.GaitCycle], wanted: Cutoffs, at: At, share: Share, place: Place) -> list[Stride]:
    """Measured, and numbered by side."""
    strides: list[Stride] = []
    for cycle in cycles:
        number = 1 + sum(s.side == cycle.side and s.gait == cycle.gait for s in strides)
        times = (cycle.start_s, cycle.end_s, cycle.toe_off_s, cycle.opposite_toe_off_s, cycle.opposite_strike_s)
        course, span = at(wanted[cycle.gait]), (cycle.start_s, cycle.end_s)
        wide = gait.half_widths(course, cycle, place(*span))
        measures = gait.measured(course, cycle)
        strides.append(Stride(cycle.gait, cycle.side, number, *times, measures, share(*span), wide))
    return strides


def _repetitions(
    bouts: list[repetitions.Bout],
    flown: list[jumps.Jump],
    lone: list[gait.LoneStep],
    wanted: Cutoffs,
    at: At,
    share: Share,
    place: Place,
) -> list[Repetition]:
    """Measured, and numbered by kind."""
    each: list[tuple[str, float, float, float, Callable[..., dict[str, float]], object]]
    each = [(one.kind, one.start_s, one.middle_s, one.end_s, repetitions.measured, one) for one in bouts]
    each += [("jump", one.take_off_s, one.top_s, one.landing_s, jumps.measured, one) for one in flown]
    each += [("walking_step", one.start_s, one.toe_off_s, one.end_s, gait.measured_step, one) for one in lone]
    found: list[Repetition] = []
    for kind, start, middle, end, measure, one in sorted(each, key=lambda row: row[1]):
        number = 1 + sum(other.kind == kind for other in found)
        measures = measure(at(wanted[kind]), one)
        wide = jumps.half_widths(measures) if kind == "jump" else {}
        if isinstance(one, gait.LoneStep):
            wide = gait.half_widths(at(wanted[kind]), one, place(start, end))
        found.append(
            Repetition(
                kind,
                number,
                start,
                middle,
                end,
                measures,
                share(start, end),
                getattr(one, "side", ""),
                getattr(one, "whole_s", None),
                wide,
            )
        )
    return found


def _events(
    cycles: list[gait.GaitCycle], lone: list[gait.LoneStep], steps: list[gait.Step], repeated: list[Repetition]
) -> list[Event]:
    """Of what was found; steps that belong to no stride are told nowhere."""
    walked = {
        (side, strike, time)
        for cycle in cycles
        for side, strike, time in (
            (cycle.side, True, cycle.start_s),
            (cycle.side, True, cycle.end_s),
            (cycle.side, False, cycle.toe_off_s),
            ("l" if cycle.side == "r" else "r", False, cycle.opposite_toe_off_s),
            ("l" if cycle.side == "r" else "r", True, cycle.opposite_strike_s),
        )
    }
    for one in lone:
        opposite = "l" if one.side == "r" else "r"
        walked |= {(opposite, True, one.start_s), (one.side, False, one.toe_off_s), (one.side, True, one.end_s)}
    events = [
        Event(step.time_s, "heel_strike" if step.strike else "toe_off", step.side, ZENI, step.other_s)
        for step in steps
        if (step.side, step.strike, step.time_s) in walked
    ]
    for repetition in (one for one in repeated if one.kind in MOMENTS):
        times = (repetition.start_s, repetition.middle_s, repetition.end_s)
        moments = zip(MOMENTS[repetition.kind], times, strict=True)
        events += [Event(time, kind, "", HOW[repetition.kind]) for kind, time in moments]
    return sorted(events, key=lambda event: event.time_s)


def _notes(found: Found, cycles: list[gait.GaitCycle], course: Course) -> list[str]:
    counts = {kind: sum(s.gait == kind for s in found.strides) for kind in GAITS}
    counts |= {kind: sum(r.kind == kind for r in found.repetitions) for kind in KINDS[2:]}
    there = [f"{count} {NAMES[kind]}{_plural(kind, count)}" for kind, count in counts.items() if count]
    notes = ["found: " + ", ".join(there) if there else "no whole stride, squat, standing up, sitting down or jump"]
    done: list[Stride | Repetition] = [*found.strides, *found.repetitions]
    if doubtful := [one for one in done if one.doubtful]:
        listed = ", ".join(f"{_name(one)} at {one.start_s:.1f} s" for one in doubtful[:MOST_NAMED])
        more = f" and {len(doubtful) - MOST_NAMED} more" if len(doubtful) > MOST_NAMED else ""
        notes.append(f"{DOUBTFUL}, since most of the frames are not trusted: {listed}{more}")
    if belts := [cycle.belt_m_s for cycle in cycles if cycle.belt_m_s]:
        notes.append(f"on a treadmill: its belt goes {np.median(belts):.2f} m/s, which speed and lengths count")
    elif sliding := [_slide(course, cycle) for cycle in cycles if cycle.gait == "walking"]:
        if np.median(sliding) > MOST_SLIDING_M_S:
            notes.append(f"feet that rest slide at {np.median(sliding):.2f} m/s: lengths and speed are off by as much")
    if (changed := found.course.changes.any(0)).any():
        names = ", ".join(np.array(found.course.kinematics.names)[changed])
        notes.append(
            f"{CHANGED} to the other three that name the same pose: {names}; no range, peak or fastest turn of them is "
            "told where such a change lies in between"
        )
    wide = [found.half_widths(kind).get("step_width_m", 0.0) for kind in found.activities]
    if (widest := max(wide, default=0.0)) > WIDE_M:
        notes.append(f"one camera that looks across the way hardly sees how wide steps are: half width {widest:.2f} m")
    hz = {f"{cutoff:.3g} Hz" if cutoff else "not at all" for cutoff in found.filter_hz.values()}
    notes.append(f"filtered: {', '.join(sorted(hz))} (zero-lag Butterworth of fourth order)")
    if found.filter_hz[""] is None:
        notes[-1] = "not filtered, as asked: events are found in the filtered motion, and velocities are not told"
    return notes


def _name(one: Stride | Repetition) -> str:
    return NAMES[one.gait if isinstance(one, Stride) else one.kind]


def _plural(kind: str, count: int) -> str:
    return "s" if count > 1 and kind not in ("stand_up", "sit_down", "walking_step") else ""


def _slide(course: Course, cycle: gait.GaitCycle) -> float:
    foot = gait.resting_foot(course, cycle)
    return float(np.linalg.norm((foot[-1] - foot[0])[[0, 2]])) * course.rate_hz / max(len(foot) - 1, 1)


__all__ = ["AUTO", "CHANGED", "DOUBTFUL", "NONE", "find_events"]
