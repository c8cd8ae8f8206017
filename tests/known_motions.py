"""Motions of our skeleton whose strikes, bottoms and flights are known, because they are made with them."""

import numpy as np

from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library import norms
from biomech.labels.library.folds import balanced_lean_deg, fold
from biomech.labels.library.person import SIDES, Draft, StandingPosture, ramp

RATE_HZ = 60.0


def draft(seconds: float) -> Draft:
    rng = np.random.default_rng(3)
    return Draft(StandingPosture.random(rng), seconds, RATE_HZ, rng)


def known_walk(
    speed_m_s: float = 1.3, seconds: float = 6.0, *, belt: bool = False, late: float = 0.0
) -> tuple[Kinematics, dict[str, np.ndarray]]:
    """Schwartz's mean walk on ground or on a treadmill, and when each heel strikes (s); `late` makes the left limp."""
    one = draft(seconds)
    hz = float(norms.cadence_strides_s(speed_m_s))
    phase = 0.3 + one.time_s * hz
    for name in ("pelvis_tilt", "pelvis_list", "pelvis_rotation"):
        one.curves[name] = norms.walking(name, phase, speed_m_s)[0]
    for side, ahead in (("r", 0.0), ("l", 0.5 - late)):
        for name in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"):
            one.curves[f"{name}_{side}"] = norms.walking(name, phase + ahead, speed_m_s)[0]
    strikes = {"r": (np.arange(1, 30) - 0.3) / hz, "l": (np.arange(1, 30) - 0.8 + late) / hz}
    motion = one.finish(0.0 if belt else speed_m_s * one.time_s)
    return motion, {side: times[times < seconds] for side, times in strikes.items()}


def _folded(one: Draft, deep_deg: float, share: np.ndarray) -> None:
    knee = deep_deg * share
    ankle = np.minimum(0.31 * knee, 38.0)
    lean = balanced_lean_deg(knee, ankle, 0.03) - balanced_lean_deg(np.zeros(1), np.zeros(1))[0]
    fold(one, knee, ankle, lean * np.clip(share / 0.08, 0, 1), 0.7)


def known_squats(bottoms_s: list[float], deep_deg: float = 95.0, seconds: float = 12.0) -> Kinematics:
    """Down and up in two times 0.9 s about each bottom."""
    one = draft(seconds)
    share = sum(np.clip(1 - np.abs(one.time_s - at) / 0.9, 0, 1) for at in bottoms_s)
    _folded(one, deep_deg, 0.5 - 0.5 * np.cos(np.pi * share))
    return one.finish()


def known_jump(height_m: float, off_s: float = 1.5, seconds: float = 4.0) -> tuple[Kinematics, float]:
    """A jump in which the feet rise as high as said, and how long they are above the floor (s)."""
    one = draft(seconds)
    flight = 2 * np.sqrt(2 * height_m / 9.81)
    time, touch = one.time_s, off_s + flight
    crouch = ramp(time, off_s - 0.9, 0.6) - ramp(time, off_s - 0.3, 0.3)
    crouch = crouch + 0.5 * (ramp(time, touch, 0.3) - ramp(time, touch + 0.4, 0.7))
    _folded(one, 90.0, crouch)
    # As a foot that leaves the floor last with its toes, and comes down with them.
    air = ramp(time, off_s - 0.1, 0.1) - ramp(time, touch, 0.1)
    for side in SIDES:
        one.add(f"ankle_angle_{side}", -40.0 * air)
    within = np.clip((time - off_s) / flight, 0, 1)
    return one.finish(above_floor_m=4 * height_m * within * (1 - within)), flight


def halting_walk(speed_m_s: float = 1.3, halts_s: float = 3.0, seconds: float = 5.0) -> tuple[Kinematics, float]:
    """A walk that ends: after a right strike the left foot is brought up beside the right; and when it is there (s)."""
    walk, strikes = known_walk(speed_m_s, seconds)
    begin = float(strikes["r"][np.abs(strikes["r"] - halts_s).argmin()]) + 0.1
    share = np.clip((walk.time_s - begin) / 0.55, 0, 1)
    share = share**2 * (3 - 2 * share)
    values, at = walk.values.copy(), int(np.searchsorted(walk.time_s, begin))
    for k, name in enumerate(walk.names):
        if name not in ("pelvis_tx", "pelvis_ty", "pelvis_tz"):
            values[at:, k] = values[at, k] * (1 - share[at:])
    x, y = (walk.names.index(name) for name in ("pelvis_tx", "pelvis_ty"))
    values[at:, x] = values[at, x] + 0.3 * share[at:]
    values[at:, y] = values[at, y] + (np.max(walk.values[:, y]) + 0.01 - values[at, y]) * share[at:]
    over = np.clip((walk.time_s - begin) / 0.8, 0, 1)
    for name, most in (("hip_flexion_l", 0.4), ("knee_angle_l", 0.6)):
        values[:, walk.names.index(name)] += most * np.sin(np.pi * over) ** 2
    return Kinematics(walk.names, values, walk.time_s, walk.rotational), begin + 0.55
