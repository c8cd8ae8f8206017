"""Squats, standing up and sitting down: both knees bend at once while the feet stay, and the hips sink or rise.

A body whose centre of mass is behind its heels for a while does not stand on them: it sits. One whose mass stays over
its feet squats. A repetition goes from a plain stand, or a plain seat, to the next; what begins or ends outside the
motion is none. It starts where the hips have gone 5 % of their way and ends where 5 % are left; how far joints and
hips go is read from the stand itself, for legs that straighten hardly raise the hips: at 5 % knees are bent by 20°.
"""

from dataclasses import dataclass

import numpy as np

from biomech.measures.course import SIDES, Course, Track

BENT_DEG, DEEP_DEG = 30.0, 45.0  # of the straighter knee: a repetition passes the one, and reaches the other
STRAIGHT_DEG = 30.0  # of somebody who stands
LEAST_DEPTH = 0.08  # of the leg, that hips sink
# Of the leg: ankles apart from front to back, one above the other, and a foot's way: no squat.
ASTRIDE, ABOVE, MOVED = 0.45, 0.12, 0.35
BEHIND_M, SEATED_S = 0.02, 0.25  # the centre of mass behind the heels, for so long
# So little behind is less than one camera errs by: who squats the other times as deep as this squats this time, too.
HARDLY_M, ALIKE = 0.06, 0.1  # the second a share of the leg
AHEAD_M = 0.12  # of the toes, that a mass over the feet may be found
FASTEST_M_S = 1.5  # of the centre of mass, up or down: faster ones jump or land
SETTLED_S = 1.0  # in which a stand or a seat is looked for
PART = 0.05  # of the way


@dataclass(frozen=True)
class Bout:
    """A repetition before it is measured; seconds.

    Attributes:
        kind: ``squat``, ``stand_up`` or ``sit_down``.
        start_s, end_s: 5 and 95 % of the way; of a squat both in standing.
        middle_s: a squat's lowest; half way up or down otherwise.
        whole_s: from where the hips are highest in the stand (lowest in the seat) to where they are so again.
    """

    kind: str
    start_s: float
    middle_s: float
    end_s: float
    whole_s: tuple[float, float]


def bouts_of(course: Course, taken: list[tuple[float, float]]) -> list[Bout]:
    """What there is of squats, standing up and sitting down.

    Args:
        course: filtered.
        taken: from when to when there is something else (strides, jumps).

    Returns:
        In order.
    """
    bend = np.minimum(course.bend_deg("r"), course.bend_deg("l"))
    height = course.hips_above_ankles_m
    bent: list[tuple[int, int]] = []
    for first, last in _stretches(bend > BENT_DEG):
        if bend[first:last].max() < DEEP_DEG or not course.known[first:last].all():
            continue
        start, end = course.time_s[first], course.time_s[last - 1]
        if not any(start < other_end and end > other_start for other_start, other_end in taken):
            bent.append((first, last))
    found: list[Bout] = []
    for (first, last), seat in zip(bent, _seats(course, height, bent), strict=True):
        if seat is not None:
            found += _in_and_out(course, height, bend, (first, last), seat)
        elif first > 0 and last < len(bend) and _squats(course, first, last):
            found += _squat(course, height, bend, first, last)
    return sorted(found, key=lambda bout: bout.start_s)


def _seats(course: Course, height: Track, bent: list[tuple[int, int]]) -> list[tuple[int, int] | None]:
    """Of each time that the legs bend, the seat, if there is one."""
    seats = [_seated(course, first, last) for first, last in bent]
    lowest = np.array([height[first:last].min() for first, last in bent])
    over_heels = _over_feet(course)[0]
    for k, ((first, last), seat) in enumerate(zip(bent, list(seats), strict=True)):
        if seat is None or over_heels[first:last].min() < -HARDLY_M:
            continue
        others = [j for j in np.flatnonzero(np.abs(lowest - lowest[k]) < ALIKE * course.leg_m) if j != k]
        if sum(_squats(course, *bent[j]) for j in others) > len(others) / 2 and _squats(course, first, last):
            seats[k] = None
    return seats


def _stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _over_feet(course: Course) -> tuple[Track, Track]:
    """How far the centre of mass is ahead of the heels and of the toes (m)."""
    mass = course.ahead_m(course.com_m)
    heels, toes = (sum(course.ahead_m(part[s]) for s in SIDES) / 2 for part in (course.heel_m, course.toe_m))
    return mass - heels, mass - toes


def _seated(course: Course, first: int, last: int) -> tuple[int, int] | None:
    """From the first to the last frame in which the body can only sit."""
    behind = _over_feet(course)[0][first:last] < -BEHIND_M
    spells = [(a, b) for a, b in _stretches(behind) if (b - a) >= SEATED_S * course.rate_hz]
    return (first + spells[0][0], first + spells[-1][1]) if spells else None


def _squats(course: Course, first: int, last: int) -> bool:
    """Feet side by side, where they were, under the mass."""
    ahead_of_heels, ahead_of_toes = (one[first:last] for one in _over_feet(course))
    ankles = [course.ankle_m[side][first:last] for side in SIDES]
    apart = np.abs(np.einsum("fi,fi->f", ankles[0] - ankles[1], course.facing[first:last])).max()
    above = np.abs(ankles[0][:, 1] - ankles[1][:, 1]).max()
    moved = max(np.linalg.norm(one - one[0], axis=1).max() for one in ankles)
    low = np.median(ahead_of_heels) > -BEHIND_M and np.median(ahead_of_toes) < AHEAD_M
    speed = np.abs(course.com_velocity_m_s[first:last, 1]).max()
    within = np.array([apart, above, moved]) < course.leg_m * np.array([ASTRIDE, ABOVE, MOVED])
    return bool(low and speed < FASTEST_M_S and within.all())


def _squat(course: Course, height: Track, bend: Track, first: int, last: int) -> list[Bout]:
    frames = round(SETTLED_S * course.rate_hz)
    stood = _standing(bend, first, -1, frames)
    before = height[stood : first + 1]
    after = height[last - 1 : _standing(bend, last - 1, 1, frames) + 1]
    bottom = first + int(height[first:last].argmin())
    depths = before.max() - height[bottom], after.max() - height[bottom]
    if min(depths) < LEAST_DEPTH * course.leg_m or min(len(before), len(after)) < 2:
        return []
    start = _crossing(height[: bottom + 1], before.max() - PART * depths[0], from_end=True)
    end = _crossing(height[bottom:], after.max() - PART * depths[1], from_end=False)
    if start is None or end is None:
        return []
    rows = (start, bottom, bottom + end, stood + int(before.argmax()), last - 1 + int(after.argmax()))
    start_s, middle_s, end_s, *whole_s = (float(course.time_s[0] + row / course.rate_hz) for row in rows)
    return [Bout("squat", start_s, middle_s, end_s, (whole_s[0], whole_s[1]))]


def _standing(bend: Track, row: int, step: int, most: int) -> int:
    """As far as the legs stay straight, a second at the most."""
    at = row
    while 0 <= at + step < len(bend) and abs(at + step - row) <= most and bend[at + step] <= STRAIGHT_DEG:
        at += step
    return at


def _in_and_out(
    course: Course, height: Track, bend: Track, stretch: tuple[int, int], seat: tuple[int, int]
) -> list[Bout]:
    """Sitting down before the seat and standing up after it, as far as there is a stand on that side."""
    first, last = stretch
    frames = round(SETTLED_S * course.rate_hz)
    found = []

    def back(time_s: float) -> float:
        """Of the motion, where that was a time of the motion run backwards."""
        return float(2 * course.time_s[0] + (len(height) - 1) / course.rate_hz - time_s)

    if first > 0:
        stand = _standing(bend, first, -1, frames)
        inside = slice(seat[0], min(seat[1], seat[0] + frames) + 1)
        found += _between(course, "sit_down", height, stand, first, height[inside].min(), seat[1])
    if last < len(bend):
        stand = _standing(bend, last - 1, 1, frames)
        inside = slice(max(seat[0], seat[1] - frames), seat[1])
        mirrored = len(height) - 1
        found += [
            Bout(
                "stand_up",
                back(one.end_s),
                back(one.middle_s),
                back(one.start_s),
                (back(one.whole_s[1]), back(one.whole_s[0])),
            )
            for one in _between(
                course,
                "sit_down",
                height[::-1],
                mirrored - stand,
                mirrored - (last - 1),
                height[inside].min(),
                mirrored - seat[0],
            )
        ]
    return found


def _between(
    course: Course, kind: str, height: Track, stand: int, bent: int, seated_m: float, until: int
) -> list[Bout]:
    """From a stand down to a seat."""
    tallest = stand + int(height[stand : bent + 1].argmax())
    standing_m = height[tallest]
    way = standing_m - seated_m
    if way < 2 * LEAST_DEPTH * course.leg_m:
        return []
    half = _crossing(height[stand : until + 1], standing_m - way / 2, from_end=False, falling=True)
    if half is None:
        return []
    half += stand
    start = _crossing(height[: int(half) + 1], standing_m - PART * way, from_end=True)
    end = _crossing(height[int(half) :], seated_m + PART * way, from_end=False, falling=True)
    if start is None or end is None:
        return []
    down = int(half) + int(np.argmax(height[int(half) : until + 1] <= seated_m))
    rows = (start, half, int(half) + end, tallest, max(down, int(half) + end))
    start_s, middle_s, end_s, *whole_s = (float(course.time_s[0] + row / course.rate_hz) for row in rows)
    return [Bout(kind, start_s, middle_s, end_s, (whole_s[0], whole_s[1]))]


def _crossing(height: Track, level: float, *, from_end: bool, falling: bool = False) -> float | None:
    """The row, with its fraction, at which a level is passed: the last one from the end, or the first one."""
    above = height > level
    wanted = above if not falling else ~above
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return None
    row = int(rows[-1] if from_end else rows[0])
    other = row + 1 if from_end else row - 1
    if not 0 <= other < len(height) or above[other] == above[row]:
        return float(row)
    share = (level - height[row]) / (height[other] - height[row])
    return row + share * (other - row)


def measured(course: Course, bout: Bout) -> dict[str, float]:
    """Times (s), depths (m), knee bend (degrees) and the fastest rise or fall (m/s) of a repetition.

    Args:
        course: that the repetition is of.
        bout: the repetition.

    Returns:
        By name with the unit; what is derived is NaN where nothing was filtered.
    """
    frames = course.frames(bout.start_s, bout.end_s)
    knees = (course.bend_deg("r")[frames] + course.bend_deg("l")[frames]) / 2
    upwards = course.com_velocity_m_s[frames, 1]
    whole = course.frames(*bout.whole_s)
    hips, mass = course.hips_above_ankles_m[whole], course.com_m[whole, 1]
    found = {
        "duration_s": bout.end_s - bout.start_s,
        "hip_height_change_m": float(np.ptp(hips)),
        "com_height_change_m": float(np.ptp(mass)),
        "knee_bend_peak_deg": float(knees.max()),
    }
    if bout.kind != "sit_down":
        found["rise_speed_peak_m_s"] = float(upwards.max())
    if bout.kind != "stand_up":
        found["fall_speed_peak_m_s"] = float(-upwards.min())
    if bout.kind == "squat":
        found |= {"descent_s": bout.middle_s - bout.start_s, "ascent_s": bout.end_s - bout.middle_s}
    return found
