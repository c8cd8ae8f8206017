"""Jumps: both feet leave the floor while the centre of mass flies.

A jump is a top of the centre of mass about which it falls freely, thrown up by the legs before; a step off a box is
none. Take-off and landing are where the lowest point of both feet leaves and reaches the floor beside it.

Of a real jump the centre of mass rises after take-off by v² / 2g of its speed there (N. P. Linthorne, "Analysis of
standing vertical jumps using a force platform", Am J Phys 69, 2001). Of a film the two come apart: its feet leave the
floor too early, so that the rise is too high, and its fastest rise is blunted, so that v² / 2g is too low. The height
is the middle of both, and its half width what they are off it, or what it was off where the truth is known if that is
more. Beside it stand both, and g t² / 8 of the time of flight, which takes landing in the pose of take-off for granted.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from biomech.measures.course import Course, Track
from biomech.measures.repetitions import STRAIGHT_DEG

GRAVITY_M_S2 = 9.81
FALLS_M_S2 = (6.0, 13.5)  # of a parabola through the top
HEIGHT_OFF_M = 0.03  # in the mean: 0.02 of film beside two cameras, 0.04 of drawn jumps (`biopose bench events`)
LEAST_RISE_M, LEAST_THROW_M_S = 0.05, 0.9
ABOUT_TOP_S, FLIGHT_S = (0.09, 0.16), (0.12, 1.1)  # of a tuck the wider one tells it
LEFT_M = 0.025  # the feet's lowest point above the floor
BEFORE_S = 0.7  # in which the throw and the landing are looked for
ABOUT_CONTACT_S = 0.08  # of the fastest rise and fall, within which the feet are on the floor


@dataclass(frozen=True)
class Jump:
    """Seconds, and the height (m) of the feet's floor before and after.

    Attributes:
        take_off_s, top_s, landing_s: the flight.
        floors_m: before and after.
        thrown_m_s: the fastest that the centre of mass rises before the top.
    """

    take_off_s: float
    top_s: float
    landing_s: float
    floors_m: tuple[float, float]
    thrown_m_s: float


def jumps_of(course: Course) -> list[Jump]:
    """All jumps.

    Args:
        course: filtered as jumps are.

    Returns:
        In order.
    """
    rate, height = course.rate_hz, course.com_m[:, 1]
    lowest = course.lower_foot_m
    upwards = course.com_velocity_m_s[:, 1]
    window, contact = max(3, round(BEFORE_S * rate)), max(1, round(ABOUT_CONTACT_S * rate))
    tops, _ = find_peaks(height, prominence=LEAST_RISE_M)
    found = []
    for top in tops.tolist():
        first, last = max(0, top - window), min(len(height), top + window + 1)
        thrown, down = first + int(upwards[first : top + 1].argmax()), top + int(upwards[top:last].argmin())
        falls = any(FALLS_M_S2[0] <= _falling(course, top, about) <= FALLS_M_S2[1] for about in ABOUT_TOP_S)
        if not falls or upwards[thrown] < LEAST_THROW_M_S or not course.known[thrown : down + 1].all():
            continue
        before, after = lowest[first : top + 1], lowest[top:last]
        floors = (
            float(lowest[max(0, thrown - contact) : thrown + 1].min()),
            float(lowest[down : down + contact + 1].min()),
        )
        left, reached = _last_below(before, floors[0] + LEFT_M), _first_below(after, floors[1] + LEFT_M)
        if left is None or reached is None:
            continue
        take_off, landing = (top - (len(before) - 1) + left) / rate, (top + reached) / rate
        if FLIGHT_S[0] <= landing - take_off <= FLIGHT_S[1]:
            zero = float(course.time_s[0])
            jump = Jump(zero + take_off, zero + top / rate, zero + landing, floors, float(upwards[thrown]))
            if height[top] - course.at(height, jump.take_off_s) >= LEAST_RISE_M:
                found.append(jump)
    return [jump for jump, following in zip(found, [*found, None][1:], strict=True) if _first(jump, following)]


def _falling(course: Course, top: int, about_s: float) -> float:
    """How fast the centre of mass falls about a top (m/s²), by a parabola."""
    about = max(2, round(about_s * course.rate_hz))
    near = slice(max(0, top - about), top + about + 1)
    return -2 * float(np.polyfit(course.time_s[near] - course.time_s[top], course.com_m[near, 1], 2)[0])


def _first(jump: Jump, following: Jump | None) -> bool:
    """Of two tops in one flight only one counts."""
    return following is None or following.take_off_s >= jump.landing_s - 1e-9


def _last_below(values: Track, level: float) -> float | None:
    """Where a level is passed upwards for good, with the part of a frame."""
    rows = np.flatnonzero(values <= level)
    if not len(rows) or rows[-1] == len(values) - 1:
        return None
    row = int(rows[-1])
    return row + (level - values[row]) / (values[row + 1] - values[row])


def _first_below(values: Track, level: float) -> float | None:
    rows = np.flatnonzero(values <= level)
    if not len(rows) or rows[0] == 0:
        return None
    row = int(rows[0])
    return row - (level - values[row]) / (values[row - 1] - values[row])


def measured(course: Course, jump: Jump) -> dict[str, float]:
    """Heights (m), times (s) and the speed at take-off (m/s) of a jump.

    Args:
        course: that it is of.
        jump: the jump.

    Returns:
        By name with the unit; ``height_above_standing_m`` only where there is a stand before. The height
        is also told of a motion that was not filtered: by the speed of the filtered one, in which the jump was found.
    """
    height = course.com_m[:, 1]
    top = float(height[course.frames(jump.take_off_s, jump.landing_s)].max())
    flight = jump.landing_s - jump.take_off_s
    off, on = (float(course.at(height, at)) for at in (jump.take_off_s, jump.landing_s))
    rise, by_speed = top - off, jump.thrown_m_s**2 / (2 * GRAVITY_M_S2)
    found = {
        "height_m": (rise + by_speed) / 2,
        "height_by_rise_m": rise,
        "height_by_speed_m": by_speed,
        "height_by_flight_time_m": GRAVITY_M_S2 * flight**2 / 8,
        "flight_time_s": flight,
        "take_off_speed_m_s": jump.thrown_m_s if course.cutoff_hz else np.nan,
        "com_take_off_less_landing_m": off - on,
        "floor_lower_m": jump.floors_m[0] - jump.floors_m[1],
    }
    bend = np.minimum(course.bend_deg("r"), course.bend_deg("l"))
    stands = (bend < STRAIGHT_DEG) & (course.time_s < jump.take_off_s - 0.3)
    stands &= course.lower_foot_m < jump.floors_m[0] + LEFT_M
    if stands.sum() >= 0.2 * course.rate_hz:
        found["height_above_standing_m"] = top - float(np.median(height[stands]))
    dip = course.frames(max(float(course.time_s[0]), jump.take_off_s - BEFORE_S), jump.take_off_s)
    found["dip_before_m"] = off - float(height[dip].min())
    return found


def half_widths(told: dict[str, float]) -> dict[str, float]:
    """How far off the height may be: what its two ways are apart, and no less than it was found to be off.

    Args:
        told: of ``measured``.

    Returns:
        By name with the unit.
    """
    apart = abs(told["height_by_rise_m"] - told["height_by_speed_m"]) / 2
    return {"height_m": max(apart, HEIGHT_OFF_M)}
