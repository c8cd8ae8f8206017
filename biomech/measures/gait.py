"""Heel strikes, toe offs and strides, from how the feet move against the pelvis.

Heel strike is where the heel is furthest ahead of the pelvis and toe off where the toe is furthest behind it, along
where the pelvis faces (J. A. Zeni, J. G. Richards, J. S. Higginson, "Two simple methods for determining gait events
during treadmill and overground walking using kinematic data", Gait Posture 27, 2008; the middle of the hips stands for
the sacrum here). Beside it the same events by the feet's vertical velocity: heel strike is the foot's fastest fall near
the floor and toe off its fastest rise (after C. M. O'Connor, S. K. Thorpe, M. J. O'Malley, C. L. Vaughan, "Automatic
detection of gait events using kinematic data", Gait Posture 25, 2007). Zeni's are told to parts of a frame.

A stride is one foot's strike to its next, with one strike of the other foot and one toe off of each between them and
both feet near the floor where they strike and leave it; what is none, a lunge or a march on the spot, is left out, and
so is what begins or ends outside the motion.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.signal import find_peaks

from biomech.measures.course import SIDES, Course, Track

EXCURSION = 0.17  # of the leg: the least that a foot goes forwards and back
BY_THE_EDGE_M = 0.005  # that a foot has come forwards, or gone back, since the motion's first frame or until its last
STRIDE_S = (0.45, 2.6)
# Of the leg: the highest that a heel strikes, and a toe leaves; of a walk above the lower foot, of a run above its own
# lowest of the stride.
LOW = 0.14, 0.30
LOW_RUNNING = 0.2, 0.6
SHORTEST_STRIDE = 0.35  # of the leg
SLOWEST_M_S = 0.15
RUNNING_STANCE, RUNNING_M_S = 0.5, 2.3  # runs whose stance is shorter than this share, or that are faster
RESTS = {"walking": (0.15, 0.35), "running": (0.12, 0.26)}  # of the stride: the foot on the floor
STANCE = (0.5, 0.85)  # of a walk
BELT_M_S, BELT_SHARE = 0.25, 0.35  # a foot that rests goes back so fast, and the body stays behind: a treadmill
# The half width of a step's width over that of the pelvis across the way: 68 % of 59 strides of ten drawn people
# lie within, seen from front, side and behind; of ten others 75 %.
WIDTH_OVER_PLACE = 4.0
# A step that closes up to the other foot as the body halts: of the stride's other step, and of its speed from shortly
# before the strike to after it.
CLOSING, HALTS, ABOUT_S = 0.5, 0.4, (0.1, 0.4)
BESIDE_S, CLEARLY = 0.15, 2.0  # the other method means the same event: so near, and the next so many times as far


@dataclass(frozen=True)
class Step:
    """One foot's event.

    Attributes:
        side: ``r`` or ``l``.
        strike: heel strike rather than toe off.
        time_s: by the foot's place (Zeni).
        other_s: by its velocity (O'Connor); NaN where that has none or two nearby, or nothing was filtered.
    """

    side: str
    strike: bool
    time_s: float
    other_s: float


@dataclass(frozen=True)
class GaitCycle:
    """A stride before it is measured; seconds.

    Attributes:
        gait: ``walking`` or ``running``.
        side: whose heel strikes at ``start_s`` and again at ``end_s``.
        toe_off_s: of the same foot.
        opposite_toe_off_s, opposite_strike_s: of the other one.
        belt_m_s: of a treadmill, backwards; 0 over ground.
    """

    gait: str
    side: str
    start_s: float
    end_s: float
    toe_off_s: float
    opposite_toe_off_s: float
    opposite_strike_s: float
    belt_m_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Of the stride."""
        return self.end_s - self.start_s


def steps_of(course: Course) -> list[Step]:
    """All that may be heel strikes and toe offs, of both feet, in order.

    Args:
        course: filtered.

    Returns:
        Also of feet that do not walk: ``cycles_of`` judges.
    """
    found, span_s = [], (float(course.time_s[0]), float(course.time_s[-1]))
    for side in SIDES:
        heel, toe = course.ahead_m(course.heel_m[side]), course.ahead_m(course.toe_m[side])
        falls, rises = _by_velocity(course, side)
        for strike, signal, others in ((True, heel, falls), (False, -toe, rises)):
            for row in furthest(signal, EXCURSION * course.leg_m, course.rate_hz):
                time = float(course.time_s[0] + row / course.rate_hz)
                found.append(Step(side, strike, time, _the_same(time, others, span_s)))
    return sorted(found, key=lambda step: step.time_s)


def _the_same(time_s: float, others_s: Float[np.ndarray, " others"], span_s: tuple[float, float]) -> float:
    """When the other method has an event; NaN where it has none nearby, or two, of which chance would choose one.

    A foot whose toe is raised before it strikes falls twice, before and after, and by its velocity either is meant.
    Where the motion (``span_s``) begins or ends so near that a second one may lie outside, nothing is told either.
    """
    away = np.sort(np.abs(others_s - time_s))
    if not len(away) or away[0] > BESIDE_S:
        return float("nan")
    apart = CLEARLY * away[0]
    if (len(away) > 1 and away[1] < apart) or not span_s[0] <= time_s - apart <= time_s + apart <= span_s[1]:
        return float("nan")
    return float(others_s[np.abs(others_s - time_s).argmin()])


def furthest(signal: Track, excursion: float, rate_hz: float) -> list[float]:
    """The tops that stand out; the ends of the motion count as low, as nobody knows them.

    Args:
        signal: how far a foot is ahead, or behind (m).
        excursion: the least that a top stands out (m).
        rate_hz: frames a second.

    Returns:
        Rows, with fractions by a parabola.
    """
    low = signal.min() - 2 * excursion
    tops, _ = find_peaks(np.r_[low, signal, low], prominence=excursion, distance=max(1, round(0.4 * rate_hz)))
    rows: list[float] = []
    for top in (tops - 1).tolist():
        inside = 1 <= top < len(signal) - 1
        if inside and signal[top] - min(signal[0], signal[:top].min()) >= BY_THE_EDGE_M:
            if signal[top] - min(signal[-1], signal[top + 1 :].min()) >= BY_THE_EDGE_M:
                rows.append(float(top + _apex(signal[top - 1], signal[top], signal[top + 1])))
    return rows


def _apex(before: float, top: float, after: float) -> float:
    """Of the parabola through three values, in frames from the middle one."""
    bend = before - 2 * top + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _by_velocity(course: Course, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Times of the foot's fastest falls and rises (s): O'Connor's strikes and offs."""
    middle = (course.heel_m[side] + course.toe_m[side])[:, 1] / 2
    speed = course.derived(middle)
    if not np.isfinite(speed).all():
        return np.zeros(0), np.zeros(0)
    low = middle < middle.min() + 0.35 * np.ptp(middle)  # the swing's own fall is higher, as O'Connor says
    found = []
    for signal in (np.where(low, -speed, -np.inf), speed):
        tops, _ = find_peaks(np.where(np.isfinite(signal), signal, -10.0), height=0.1)
        found.append(course.time_s[0] + tops / course.rate_hz)
    return found[0], found[1]


def cycles_of(course: Course, steps: list[Step]) -> list[GaitCycle]:
    """The strides among the steps.

    Args:
        course: that the steps are of.
        steps: all of them.

    Returns:
        By the time at which they start.
    """
    found = [_judged(course, cycle) for cycle in _between(steps)]
    return sorted((cycle for cycle in found if cycle is not None), key=lambda cycle: cycle.start_s)


def _between(steps: list[Step]) -> Iterator[GaitCycle]:
    for side, opposite in (("r", "l"), ("l", "r")):
        strikes = [step.time_s for step in steps if step.strike and step.side == side]
        for start, end in itertools.pairwise(strikes):

            def inside(strike: bool, of: str, start: float = start, end: float = end) -> list[float]:
                return [s.time_s for s in steps if s.strike == strike and s.side == of and start < s.time_s < end]

            events = inside(False, side), inside(False, opposite), inside(True, opposite)
            if STRIDE_S[0] <= end - start <= STRIDE_S[1] and all(len(one) == 1 for one in events):
                (off,), (opposite_off,), (opposite_strike,) = events
                walks = opposite_off < opposite_strike < off
                if walks or off < opposite_strike < opposite_off:
                    gait = "walking" if walks else "running"
                    yield GaitCycle(gait, side, start, end, off, opposite_off, opposite_strike)


def _judged(course: Course, cycle: GaitCycle) -> GaitCycle | None:
    """With its gait and its belt; None where the feet do not walk."""
    side, seconds = cycle.side, cycle.seconds
    frames = course.frames(cycle.start_s, cycle.end_s)
    if not course.known[frames].all():
        return None
    facing = course.facing[frames].mean(0)
    body = _speed(course.hips_m[frames], facing, course.rate_hz)
    back = -_speed(resting_foot(course, cycle), facing, course.rate_hz)
    if back > BELT_M_S and abs(body) < BELT_SHARE * back:
        cycle = replace(cycle, belt_m_s=back)
    length = float(np.linalg.norm(_way(course, cycle)))
    speed, stance = length / seconds, (cycle.toe_off_s - cycle.start_s) / seconds
    if length < SHORTEST_STRIDE * course.leg_m or speed < SLOWEST_M_S:
        return None
    runs = cycle.gait == "running" or stance < RUNNING_STANCE or speed > RUNNING_M_S
    if not runs and not STANCE[0] <= stance <= STANCE[1]:
        return None
    heel, toe = course.heel_m[side][:, 1], course.toe_m[side][:, 1]
    # A walker's floor is the lower foot, there and then: one camera lets a body that comes nearer rise or sink.
    floor = np.full_like(heel, heel[frames].min()) if runs else course.lower_foot_m
    beneath = np.full_like(toe, toe[frames].min()) if runs else course.lower_foot_m
    high = [
        course.at(heel - floor, cycle.start_s),
        course.at(heel - floor, cycle.end_s),
        course.at(toe - beneath, cycle.toe_off_s),
    ]
    strikes, leaves = LOW_RUNNING if runs else LOW
    if (np.array(high) > course.leg_m * np.array([strikes, strikes, leaves])).any():
        return None
    return replace(cycle, gait="running" if runs else "walking")


def closes(course: Course, cycle: GaitCycle) -> bool:
    """Whether a stride's last step brings the foot up to the other one, and the body halts: the end of a walk.

    Args:
        course: that the stride is of.
        cycle: the stride.

    Returns:
        False of who goes on, however short one of the steps is, of a run and on a treadmill.
    """
    if cycle.gait != "walking" or cycle.belt_m_s:
        return False
    told = measured(course, cycle)
    step, stride, speed = (told[name] for name in ("step_length_m", "stride_length_m", "speed_m_s"))
    frames = course.frames(cycle.end_s - ABOUT_S[0], min(cycle.end_s + ABOUT_S[1], float(course.time_s[-1])))
    hips = course.hips_m[frames][:, [0, 2]]
    seconds = max(len(hips) - 1, 1) / course.rate_hz
    return step < CLOSING * (stride - step) and float(np.linalg.norm(hips[-1] - hips[0])) / seconds < HALTS * speed


def resting_foot(course: Course, cycle: GaitCycle) -> Float[np.ndarray, "frames 3"]:
    """The middle of the foot while it carries the body: of a walk from 15 to 35 % of the stride, of a run to 26 %.

    Args:
        course: that the stride is of.
        cycle: the stride.

    Returns:
        m.
    """
    first, last = RESTS[cycle.gait]
    rests = course.frames(cycle.start_s + first * cycle.seconds, cycle.start_s + last * cycle.seconds)
    return (course.heel_m[cycle.side] + course.toe_m[cycle.side])[rests] / 2


def _speed(points: Float[np.ndarray, "frames 3"], along: Float[np.ndarray, "3"], rate_hz: float) -> float:
    """Mean velocity along a direction (m/s)."""
    return float((points[-1] - points[0]) @ along) * rate_hz / max(len(points) - 1, 1)


def _placed(course: Course, side: str, time_s: float, cycle: GaitCycle) -> Float[np.ndarray, "2"]:
    """Where a heel is on the floor that is walked over (m, X and Z)."""
    facing = course.facing[course.frames(cycle.start_s, cycle.end_s)].mean(0)
    there = course.at(course.heel_m[side], time_s) + cycle.belt_m_s * (time_s - cycle.start_s) * facing
    return there[[0, 2]]


def _way(course: Course, cycle: GaitCycle) -> Float[np.ndarray, "2"]:
    """From one heel strike to the next on the floor (m, X and Z)."""
    start, end = (_placed(course, cycle.side, at, cycle) for at in (cycle.start_s, cycle.end_s))
    return end - start


def measured(course: Course, cycle: GaitCycle) -> dict[str, float]:
    """Times (s), lengths (m) and shares of a stride.

    The stride's step is its last: from where the other foot strikes to where this one does again. Lengths are between
    the places where heels strike, along the line from this heel's first to its second, and the width is across it (F.
    Huxham et al., "Defining spatial parameters for non-linear walking", Gait Posture 23, 2006): negative where feet
    cross. Of a run the floor times of the feet are not told: foot against pelvis does not show when a runner leaves it.

    Args:
        course: that the stride is of.
        cycle: the stride.

    Returns:
        By name with the unit.
    """
    seconds = cycle.seconds
    opposite = "l" if cycle.side == "r" else "r"
    way = _way(course, cycle)
    length = float(np.linalg.norm(way))
    along = way / length
    right = np.array([-along[1], along[0]])  # of X ahead, Z: Y is up
    other = _placed(course, opposite, cycle.opposite_strike_s, cycle)
    start, end = (_placed(course, cycle.side, at, cycle) for at in (cycle.start_s, cycle.end_s))
    own_side = 1 if cycle.side == "r" else -1
    found = {
        "stride_time_s": seconds,
        "stride_length_m": length,
        "speed_m_s": length / seconds,
        "cadence_steps_min": 120 / seconds,
        "step_time_s": cycle.end_s - cycle.opposite_strike_s,
        "step_length_m": float((end - other) @ along),
        "step_width_m": own_side * float((start - other) @ right),
    }
    if cycle.gait == "walking":
        double = (cycle.opposite_toe_off_s - cycle.start_s) + (cycle.toe_off_s - cycle.opposite_strike_s)
        found |= {
            "stance_share": (cycle.toe_off_s - cycle.start_s) / seconds,
            "double_support_share": double / seconds,
        }
    return found


def half_widths(course: Course, span: "GaitCycle | LoneStep", place_m: Float[np.ndarray, "2"]) -> dict[str, float]:
    """How far off the step's width may be: where one camera looks along the width, it sees next to none of it.

    Args:
        course: that the stride or step is of.
        span: the stride or step.
        place_m: half widths of the pelvis's place along X and Z.

    Returns:
        By name with the unit; nothing where the place's are not known.
    """
    if not np.isfinite(place_m).all():
        return {}
    ahead = course.facing[course.frames(span.start_s, span.end_s)].mean(0)
    across = np.hypot(place_m[0] * ahead[2], place_m[1] * ahead[0]) / np.hypot(ahead[0], ahead[2])
    return {"step_width_m": WIDTH_OVER_PLACE * float(across)}


@dataclass(frozen=True)
class LoneStep:
    """A step of a walk that shows no whole stride: from the other foot's strike to this one's; seconds."""

    side: str
    start_s: float
    toe_off_s: float
    end_s: float


def lone_steps_of(course: Course, steps: list[Step]) -> list[LoneStep]:
    """Single steps: one foot strikes, the other leaves the floor behind it and strikes ahead.

    Args:
        course: that the steps are of.
        steps: all of them.

    Returns:
        Only where both feet are near the floor, and the body walks at a walk's speed.
    """
    found = []
    for first, off, last in zip(steps, steps[1:], steps[2:], strict=False):
        if not (first.strike and not off.strike and last.strike and first.side != last.side == off.side):
            continue
        step = LoneStep(last.side, first.time_s, off.time_s, last.time_s)
        frames = course.frames(step.start_s, step.end_s)
        if not STRIDE_S[0] / 2 <= step.end_s - step.start_s <= STRIDE_S[1] / 2 or not course.known[frames].all():
            continue
        told = measured_step(course, step)
        least = course.leg_m
        high = [course.at(course.heel_m[s][:, 1], at) - course.heel_m[s][:, 1].min() for s, at in
                ((first.side, step.start_s), (last.side, step.end_s))]  # fmt: skip
        toe = course.toe_m[last.side][:, 1]
        low = max(high) <= LOW[0] * least and course.at(toe, step.toe_off_s) - toe.min() <= LOW[1] * least
        walks = SLOWEST_M_S <= told["speed_m_s"] <= RUNNING_M_S
        if low and walks and told["step_length_m"] >= SHORTEST_STRIDE / 2 * least:
            found.append(step)
    return found


def measured_step(course: Course, step: LoneStep) -> dict[str, float]:
    """Time (s), length and width (m) of a step, and the body's speed (m/s) in it.

    Args:
        course: that it is of.
        step: the step.

    Returns:
        By name with the unit; lengths are along where the pelvis faces.
    """
    frames = course.frames(step.start_s, step.end_s)
    ahead = course.facing[frames].mean(0)
    right = np.array([-ahead[2], 0.0, ahead[0]])
    opposite = "l" if step.side == "r" else "r"
    way = course.at(course.heel_m[step.side], step.end_s) - course.at(course.heel_m[opposite], step.start_s)
    seconds = step.end_s - step.start_s
    return {
        "step_time_s": seconds,
        "step_length_m": float(way @ ahead),
        "step_width_m": float(way @ right) * (1 if step.side == "r" else -1),
        "cadence_steps_min": 60 / seconds,
        "speed_m_s": _speed(course.hips_m[frames], ahead, course.rate_hz),
    }
