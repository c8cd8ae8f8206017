"""Standing and reaching, and what arms do while legs and trunk do something."""

import numpy as np
from jaxtyping import Float

from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.person import SIDES, Draft, StandingPosture, normal, ramp, wander

Curve = Float[np.ndarray, " frames"]

# Degrees, both sides alike; found by taking our skeleton's hands to those places (tests/labels/library/test_poses.py).
ARMS: dict[str, dict[str, float]] = {
    "hanging": {},
    "forward": {"arm_flex": 85, "arm_add": -5, "arm_rot": 0, "elbow_flex": 10, "pro_sup": 90},
    "crossed": {"arm_flex": 35, "arm_add": -10, "arm_rot": 58, "elbow_flex": 94, "pro_sup": 107, "wrist_dev": -17},
    "hips": {"arm_flex": -14, "arm_add": -46, "arm_rot": 46, "elbow_flex": 94, "pro_sup": 114, "wrist_flex": -31},
    "clasped": {"arm_flex": 23, "arm_add": -13, "arm_rot": 35, "elbow_flex": 81, "pro_sup": 107, "wrist_dev": -20},
    "thighs": {"arm_flex": 15, "arm_add": -2, "arm_rot": -9, "elbow_flex": 25, "pro_sup": 107, "wrist_dev": -18},
    "behind": {"arm_flex": -24, "arm_add": -7, "arm_rot": 47, "elbow_flex": 50, "pro_sup": 107, "wrist_flex": 10},
    "pockets": {"arm_flex": -15, "arm_add": -19, "arm_rot": 14, "elbow_flex": 59, "pro_sup": 106},
    "phone": {"arm_flex": 21, "arm_add": 4, "arm_rot": -2, "elbow_flex": 85, "pro_sup": 107, "wrist_dev": -18},
    "face": {"arm_flex": 44, "arm_add": -10, "arm_rot": 13, "elbow_flex": 124, "pro_sup": 107, "wrist_dev": -20},
}
SPREAD_DEG = 5.0


def arms_of(draft: Draft, among: tuple[str, ...], moved: Curve | float = 1.0) -> Curve | float:
    """One of these ways to hold the arms, for the whole motion or coming up with it (``moved``, 0 to 1).

    Args:
        draft: is changed.
        among: names of ``ARMS``; one is drawn.
        moved: how far legs and trunk have gone; arms held forward come up with it half of the time.

    Returns:
        How far forwards they are held, 0 to 1.
    """
    rng = draft.rng
    name = str(rng.choice(among))
    coming = np.clip(moved, 0, 1) if rng.random() < 0.5 and name == "forward" else 1.0
    hold(draft, name, coming)
    return coming if name == "forward" else 0.0


def hold(draft: Draft, name: str, share: Curve | float = 1.0, sides: tuple[str, ...] = SIDES) -> None:
    """Arms as named, with the spread between people; where ``share`` is 0 they stay as they are.

    Args:
        draft: is changed.
        name: one of ``ARMS``.
        share: 0 to 1, of the way from where the arms are to there.
        sides: ``r``, ``l`` or both.
    """
    common = {joint: SPREAD_DEG * float(normal(draft.rng)) for joint in ARMS[name]}
    for side in sides:
        for joint, value in ARMS[name].items():
            at = f"{joint}_{side}"
            aim = value + common[joint] + 0.3 * SPREAD_DEG * float(normal(draft.rng))
            draft.curves[at] = draft.curves[at] * (1 - share) + aim * share


def standing(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Quiet standing with sway, sometimes shifting the weight or looking around, arms in any usual place.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the arms and what they do.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    frames = len(draft.time_s)
    if rng.random() < 0.5:
        hold(draft, str(rng.choice([n for n in ARMS if n not in ("hanging", "forward", "thighs")])))
    # As an inverted pendulum about the ankles, and a little about the hips (Winter 1995: below a degree).
    sway = wander(rng, frames, rate_hz, 0.35, 0.8)
    hips = wander(rng, frames, rate_hz, 0.3, 0.5)
    for side in SIDES:
        draft.add(f"ankle_angle_{side}", sway)
        draft.add(f"hip_flexion_{side}", hips)
    draft.add("pelvis_tilt", -sway - hips)
    draft.add("lumbar_extension", 0.7 * hips)
    if rng.random() < 0.5:
        _shift_weight(draft)
    if rng.random() < 0.5:
        draft.add("neck_rotation", wander(rng, frames, rate_hz, 14.0, 0.7))
        draft.add("neck_extension", wander(rng, frames, rate_hz, 6.0, 0.7))
    if rng.random() < 0.3:
        _turn_trunk(draft)
    draft.tremble(0.15)
    return draft.finish()


def _shift_weight(draft: Draft) -> None:
    """From one leg to the other: the pelvis goes aside, the trunk stays upright, the free knee may bend."""
    rng = draft.rng
    to_right = np.tanh(wander(draft.rng, len(draft.time_s), draft.rate_hz, 1.2, 1.0) + 0.5 * normal(rng))
    size, bend = rng.uniform(1, 6), rng.uniform(0, 22) * (rng.random() < 0.6)
    draft.add("pelvis_list", -0.6 * size * to_right)  # the free side sinks
    draft.add("lumbar_bending", 0.6 * size * to_right)
    for side, sign in zip(SIDES, (1, -1), strict=True):
        draft.add(f"hip_adduction_{side}", sign * size * to_right)
        free = np.clip(-sign * to_right, 0, 1) * bend
        draft.add(f"knee_angle_{side}", free)
        draft.add(f"ankle_angle_{side}", 0.45 * free)
        draft.add(f"hip_flexion_{side}", 0.55 * free)


def _turn_trunk(draft: Draft) -> None:
    turn = wander(draft.rng, len(draft.time_s), draft.rate_hz, 8.0, 0.8)
    draft.add("lumbar_rotation", turn)
    draft.add("pelvis_rotation", 0.4 * turn)
    for side, sign in zip(SIDES, (1, -1), strict=True):
        draft.add(f"hip_rotation_{side}", sign * -0.4 * turn)


def reach(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Standing and reaching up, ahead, aside or to the floor with one hand or both; deep ones bend hips and knees.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person and each reach.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    time = draft.time_s
    start = rng.uniform(-0.5, 0.8)
    while start < seconds:
        out, stay, back = rng.uniform(0.6, 1.4), rng.uniform(0.1, 1.0), rng.uniform(0.6, 1.4)
        share = ramp(time, start, out) - ramp(time, start + out + stay, back)
        _one_reach(draft, share)
        start += out + stay + back + rng.uniform(0.0, 1.2)
    draft.tremble(0.4)
    return draft.finish()


def _one_reach(draft: Draft, share: Curve) -> None:
    rng = draft.rng
    sides = SIDES if rng.random() < 0.4 else (str(rng.choice(SIDES)),)
    low = rng.random() < 0.4
    height = rng.uniform(20, 70) if low else rng.uniform(50, 165)  # of the arm
    lean = rng.uniform(20, 85) if low else rng.uniform(0, 20)
    knees = rng.uniform(0, 40) if low else 0.0
    # The first part of a bend is the spine's, the rest the hips' (lumbo-pelvic rhythm: Esola et al. 1996).
    spine = min(0.55 * lean, 45.0)
    pelvis = lean - spine
    draft.add("pelvis_tilt", -pelvis * share)
    draft.add("lumbar_extension", -spine * share)
    draft.add("neck_extension", 0.3 * lean * share)
    aside = rng.uniform(-15, 15)
    draft.add("lumbar_bending", aside * share)
    draft.add("lumbar_rotation", rng.uniform(-15, 15) * share)
    for side in SIDES:
        # The pelvis goes back over the feet as the trunk leans.
        ankle = 0.33 * knees - 0.10 * pelvis
        draft.add(f"knee_angle_{side}", knees * share)
        draft.add(f"ankle_angle_{side}", ankle * share)
        draft.add(f"hip_flexion_{side}", (knees - ankle + pelvis) * share)
    for side in sides:
        draft.add(f"arm_flex_{side}", height * share)
        draft.add(f"arm_add_{side}", -rng.uniform(0, 45) * share)
        draft.add(f"elbow_flex_{side}", rng.uniform(-15, 30) * share)


__all__ = ["ARMS", "StandingPosture", "arms_of", "hold", "reach", "standing"]
