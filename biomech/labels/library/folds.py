"""Squats, lunges, sitting down and jumps: how legs and trunk fold together.

The knee says how deep; the shank leans with it, the soles stay flat, and the trunk leans as far as keeps the mass above
the feet. Of that lean pelvis and spine have shares as in squats and sit-to-stand solved from markers (OpenCap's subject
4: at 100° of knee 30° of pelvis, 25° of spine and 100° of hip; sitting down up to 30° and 40°). Segments and their
masses: D. A. Winter, "Biomechanics and Motor Control of Human Movement" (4th ed. 2009), table 4.1.
"""

import numpy as np
from jaxtyping import Float

from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.person import GRAVITY, SIDES, Draft, StandingPosture, normal, ramp, wander
from biomech.labels.library.poses import arms_of

Curve = Float[np.ndarray, " frames"]

# Shares of stature: shank, thigh, hip to the mass of head, arms and trunk. Masses as shares of the body.
SHANK, THIGH, TRUNK = 0.246, 0.245, 0.17
SHANKS_MASS, THIGHS_MASS, REST_MASS = 0.122, 0.20, 0.678
SPINE_SHARE = 0.5  # of the spine's bend that leans the mass of the trunk


def balanced_lean_deg(knee: Curve, ankle: Curve, ahead: Curve | float = 0.03, arms: Curve | float = 0.0) -> Curve:
    """Lean of the trunk (degrees) that has the mass ``ahead`` of the ankles (shares of stature).

    Args:
        knee, ankle: flexion and dorsiflexion, degrees; soles flat.
        ahead: of the ankles, where the whole mass is to be (share of stature).
        arms: how far forwards they are held, 0 to 1: 10 % of the mass half a metre ahead.

    Returns:
        Forwards from upright, about −17° to 72°: farther no trunk leans, whatever the balance asks for.
    """
    shank, thigh = np.radians(ankle), np.radians(np.asarray(knee) - ankle)
    at_knee = SHANK * np.sin(shank)
    at_hip = at_knee - THIGH * np.sin(thigh)
    legs = SHANKS_MASS * 0.57 * at_knee + THIGHS_MASS * (at_knee - 0.57 * THIGH * np.sin(thigh))
    need = (ahead - legs - 0.1 * np.asarray(arms) * 0.3) / REST_MASS - at_hip
    return np.degrees(np.arcsin(np.clip(need / TRUNK, -0.3, 0.95)))


def fold(draft: Draft, knee: Curve, ankle: Curve, lean: Curve, spine: float) -> None:
    """Write legs and trunk; all degrees, on top of how the person stands.

    Args:
        draft: is changed.
        knee, ankle: more flexion than standing, both sides.
        lean: of the trunk's mass, more than standing.
        spine: bend of the spine per degree of pelvis.
    """
    pelvis = lean / (1 + SPINE_SHARE * spine)
    draft.add("pelvis_tilt", -pelvis)
    draft.add("lumbar_extension", -spine * pelvis)
    draft.add("neck_extension", np.minimum(0.5 * (1 + spine) * pelvis, 35))
    for side in SIDES:
        draft.add(f"knee_angle_{side}", knee)
        draft.add(f"ankle_angle_{side}", ankle)
        draft.add(f"hip_flexion_{side}", knee - ankle + pelvis)


def cycles(draft: Draft, down_s: float, up_s: float, wait_s: float) -> Curve:
    """0 standing, 1 at the lowest, again and again, each a little otherwise; starts anywhere.

    Args:
        draft: its times and its chance; stays as it is.
        down_s: how long going down takes, in the median.
        up_s: how long coming up takes, in the median.
        wait_s: standing between two, times 0.3 to 1.5.

    Returns:
        At the draft's times, 0 to 1.
    """
    rng, time = draft.rng, draft.time_s
    start = -rng.uniform(0, down_s + up_s + wait_s)
    depth = np.zeros(len(time))
    while start < draft.seconds:
        down, up, hold = (x * np.exp(0.12 * float(normal(rng))) for x in (down_s, up_s, 0.15))
        size = 1 - abs(0.06 * float(normal(rng)))
        depth += size * (ramp(time, start, down) - ramp(time, start + down + hold, up))
        start += down + hold + up + wait_s * rng.uniform(0.3, 1.5)
    return depth


def squat(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Any depth from 30 to 130° of knee.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the depth and the pace.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    most = rng.uniform(30, 130)
    slow = rng.uniform(0.7, 1.8)
    depth = cycles(draft, slow, slow * rng.uniform(0.7, 1.1), 1.0)
    knee = most * depth
    ankle = np.minimum(knee * np.clip(rng.normal(0.31, 0.05), 0.18, 0.42), 38.0)
    forwards = arms_of(draft, ("hanging", "forward", "crossed", "hips", "clasped"), depth)
    lean = balanced_lean_deg(knee, ankle, 0.03 + 0.012 * float(normal(rng)), forwards)
    lean = lean - balanced_lean_deg(np.zeros(1), np.zeros(1))[0]
    fold(draft, knee, ankle, _eased(lean, depth), float(np.clip(rng.normal(0.75, 0.35), 0.0, 1.6)))
    wide = max(4 + 5 * float(normal(rng)), -2)
    for side in SIDES:
        draft.add(f"hip_adduction_{side}", -wide * (0.5 + 0.5 * depth))
        draft.add(f"hip_rotation_{side}", -wide * (0.5 - 0.2 * depth))
    if rng.random() < 0.3:
        lopsided(draft, depth)
    draft.tremble(0.5)
    return draft.finish()


def _eased(lean: Curve, depth: Curve) -> Curve:
    """A lean that is none while standing: the balance of somebody who stands is how they stand."""
    return lean * np.clip(depth / 0.08, 0, 1)


def lopsided(draft: Draft, depth: Curve) -> None:
    """More weight on one leg.

    Args:
        draft: is changed.
        depth: 0 standing, 1 at the lowest.
    """
    size = 6 * float(normal(draft.rng))
    draft.add("pelvis_list", size * depth)
    draft.add("lumbar_bending", -size * depth)
    for side, sign in zip(SIDES, (1, -1), strict=True):
        draft.add(f"hip_adduction_{side}", sign * size * depth)
        draft.add(f"knee_angle_{side}", -sign * size * depth)
        draft.add(f"hip_flexion_{side}", -sign * size * depth)


def sit_to_stand(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Up from a seat and down again, with sitting between; 80 to 105° of knee.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the seat, the pace and the way of leaning.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    most = rng.uniform(78, 105)
    up_s, down_s = rng.uniform(0.9, 1.8), rng.uniform(1.1, 2.0)
    seated = cycles(draft, down_s, up_s, rng.uniform(0.5, 2.0))
    if rng.random() < 0.5:
        seated = 1 - seated / max(seated.max(), 1e-6) if seated.max() > 0.5 else seated
    knee = most * seated
    ankle = rng.uniform(0.0, 0.16) * knee
    # Leaning back on the seat, forwards while the seat is left or found: from the speed of the seat.
    moving = np.clip(4 * seated * (1 - seated), 0, 1) * np.clip(seated * 2, 0, 1)
    most_lean = balanced_lean_deg(np.array([most * 0.9]), np.array([ankle.max() + 8.0]))[0]
    slouch = rng.uniform(-8, 25)
    lean = np.clip(most_lean, 20, 55) * moving
    ankle = ankle + 10.0 * moving
    spine = float(np.clip(rng.normal(0.9, 0.3), 0.2, 1.6))
    fold(draft, knee, ankle, lean, spine)
    draft.add("pelvis_tilt", slouch * seated * (1 - moving))
    draft.add("lumbar_extension", -(slouch + rng.uniform(-5, 12)) * seated * (1 - 0.6 * moving))
    for side in SIDES:
        draft.add(f"hip_flexion_{side}", -slouch * seated * (1 - moving))
        draft.add(f"hip_adduction_{side}", -3.0 * seated)
    arms_of(draft, ("crossed", "thighs", "hanging", "forward"), seated)
    draft.tremble(0.5)
    return draft.finish(forward_m=-0.3 * seated)


def lunge(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """A long step forwards, down with both knees, and back.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the front leg, the depth and the pace.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    down = cycles(draft, rng.uniform(0.8, 1.4), rng.uniform(0.8, 1.4), 0.8)
    most = rng.uniform(60, 105)
    front, back = SIDES if rng.random() < 0.5 else SIDES[::-1]
    lean = rng.uniform(0, 25) * down
    spine = rng.uniform(0.2, 0.8)
    draft.add("pelvis_tilt", -lean)
    draft.add("lumbar_extension", -spine * lean + 0.3 * lean)
    shank = rng.uniform(0.1, 0.3)
    draft.add(f"knee_angle_{front}", most * down)
    draft.add(f"ankle_angle_{front}", shank * most * down)
    draft.add(f"hip_flexion_{front}", (1 - shank) * most * down + lean)
    behind = rng.uniform(0.75, 1.0) * most
    thigh_back = rng.uniform(0, 18)
    draft.add(f"knee_angle_{back}", behind * down)
    draft.add(f"hip_flexion_{back}", lean - thigh_back * down)
    draft.add(f"ankle_angle_{back}", rng.uniform(8, 22) * down)
    draft.add(f"mtp_angle_{back}", -np.minimum(45.0, 0.5 * behind) * down)
    arms_of(draft, ("hanging", "hips", "crossed", "forward"), down)
    draft.tremble(0.6)
    return draft.finish(forward_m=0.3 * down)


def jump(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Counter-movement jumps: down, up, flight, landing; arms swing or rest on the hips.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the height (8 to 45 cm), the depth and the pace.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    time = draft.time_s
    deep, land = rng.uniform(60, 110), rng.uniform(45, 95)
    height = rng.uniform(0.08, 0.45)
    flight_s = 2 * np.sqrt(2 * height / GRAVITY)
    swinging = rng.random() < 0.6
    crouch, air, above, up = (np.zeros(len(time)) for _ in range(4))
    start = rng.uniform(-0.5, 1.0)
    while start < seconds:
        down_s, up_s = rng.uniform(0.45, 0.8), rng.uniform(0.24, 0.34)
        off = start + down_s + up_s
        crouch += ramp(time, start, down_s) - ramp(time, start + down_s, up_s)
        within = np.clip((time - off) / flight_s, 0, 1)
        above += 4 * height * within * (1 - within)
        air += ramp(time, off - 0.08, 0.12) - ramp(time, off + flight_s - 0.10, 0.14)
        touch = off + flight_s
        crouch += land / deep * (ramp(time, touch - 0.06, 0.30) - ramp(time, touch + 0.30, rng.uniform(0.5, 0.9)))
        up += ramp(time, start + down_s - 0.05, up_s + 0.05) - ramp(time, touch - 0.05, 0.5)
        start = touch + 1.3 + rng.uniform(0.2, 1.5)
    knee = deep * crouch
    ankle = np.minimum(0.33 * knee, 36.0)
    lean = balanced_lean_deg(knee, ankle, 0.035) - balanced_lean_deg(np.zeros(1), np.zeros(1))[0]
    fold(draft, knee, ankle, _eased(lean, crouch), float(np.clip(rng.normal(0.7, 0.3), 0.1, 1.4)))
    points = rng.uniform(35, 50)
    for side in SIDES:
        draft.add(f"ankle_angle_{side}", -points * air)
        draft.add(f"mtp_angle_{side}", -6.0 * air)
        draft.add(f"knee_angle_{side}", 5.0 * air)
        draft.add(f"hip_flexion_{side}", 3.0 * air)
    if swinging:
        reach = rng.uniform(70, 160)
        for side in SIDES:
            draft.add(f"arm_flex_{side}", reach * up - rng.uniform(25, 55) * np.clip(crouch - up, 0, 1))
            draft.add(f"elbow_flex_{side}", 15.0 * crouch)
    else:
        arms_of(draft, ("hips", "crossed", "hanging"), crouch)
    draft.tremble(0.5)
    wandering = 0.05 * wander(rng, len(time), rate_hz, 1.0, 1.0)
    return draft.finish(forward_m=wandering, above_floor_m=above)


__all__ = ["StandingPosture", "balanced_lean_deg", "jump", "lunge", "sit_to_stand", "squat"]
