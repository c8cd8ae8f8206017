"""Walking, running and stairs from published curves and their spread between people."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library import norms
from biomech.labels.library.bands import walk_of
from biomech.labels.library.person import (
    ASYMMETRY,
    GRAVITY,
    LIMIT_SD,
    SIDES,
    Draft,
    StandingPosture,
    both_sides,
    normal,
    ramp,
    wander,
)

Curve = Float[np.ndarray, " frames"]

HARMONICS = 3  # of how a person's curve differs from the mean
# Of that variance, what does not change over the cycle: a pelvis keeps its tilt within 2 to 4°, people differ by 20°.
CONSTANT_SHARE = {"pelvis_tilt": 0.96, "hip_flexion": 0.75, "hip_rotation": 0.85, "hip_adduction": 0.7}
OTHERS_CONSTANT_SHARE = 0.6
STRIDE_TO_STRIDE = 0.12  # of the SD between people
TILT_INTO_HIP = 0.85  # a pelvis that leans forwards flexes the hip: thighs stay where they are
STRAIGHT_M_S = (0.4, 2.2)
TRIES = 200
SEEN_INSIDE = 0.95  # of every mean curve of a plain walk
# Mean and SD between people, degrees: what Schwartz's table has not.
LUMBAR_EXTENSION = {"walk": (-6.0, 4.0), "run": (-12.0, 4.0)}
RUN_PELVIS_TILT = (-5.0, 4.0)  # running people solved from markers lean 3 to 9° with the pelvis
TOE_EXTENSION = {0: 8, 9: 0, 20: 0, 37: 0, 50: 14, 60: 28, 70: 12, 80: 5, 92: 8}  # Winter 1991, as body/gait.py


@dataclass(frozen=True)
class Deviation:
    """How one person's curve differs from the mean: a smooth function of the phase, in SDs."""

    constant: float
    cosines: Float[np.ndarray, " harmonics"]
    sines: Float[np.ndarray, " harmonics"]

    def __call__(self, phase: Curve) -> Curve:
        turns = 2 * np.pi * np.asarray(phase)[:, None] * np.arange(1, HARMONICS + 1)
        return self.constant + np.cos(turns) @ self.cosines + np.sin(turns) @ self.sines

    @classmethod
    def pair(cls, rng: np.random.Generator, curve: str) -> tuple["Deviation", "Deviation"]:
        """Of the right and the left side.

        Args:
            rng: draws what both sides share and what is each one's own.
            curve: name without the side; says how much of the deviation is constant over the cycle.

        Returns:
            Right and left; each is called with phases of its own side and gives SDs.
        """
        constant = CONSTANT_SHARE.get(curve, OTHERS_CONSTANT_SHARE)

        def draw() -> np.ndarray:
            share = np.sqrt((1 - constant) * np.array([0.5, 0.3, 0.2]))
            return np.concatenate([[np.sqrt(constant) * normal(rng)], *(share * rng.standard_normal((2, 3)))])

        common, own = draw(), (draw(), draw())
        both = [np.sqrt(1 - ASYMMETRY**2) * common + ASYMMETRY * one for one in own]
        return tuple(cls(x[0], x[1:4], x[4:]) for x in both)  # type: ignore[return-value]


def walk(seconds: float, rate_hz: float, rng: np.random.Generator, *, plain: bool | None = None) -> Kinematics:
    """Level walking at 0.4 to 2.2 m/s; if not plain it curves, changes speed, starts or stops.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the speed and the course.
        plain: straight on at one speed; None draws it, half and half.

    Returns:
        All 40 coordinates in the model's order (rad and m). Drawn anew, up to 200 times, until it is inside the
        published bands.
    """
    plain = bool(rng.random() < 0.5) if plain is None else plain
    for _ in range(TRIES):
        draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
        speed, turn = _course(draft, plain)
        phase = _phase(draft, norms.cadence_strides_s(speed) * (1 + 0.05 * float(normal(rng))))
        _walk_legs(draft, phase, speed)
        if inside_bands(draft, phase, speed) and (not plain or _seen_inside(draft, speed)):
            break
    _arms(draft, phase, 2.0 + 10.0 * np.minimum(speed, 1.8), elbow=26.0, elbow_swing=9.0)
    draft.tremble(0.2)
    return _travelling(draft, speed, turn, above_m=0.0)


def inside_bands(draft: Draft, phase: Curve, speed: Curve, within_sd: float = 1.9) -> bool:
    """Whether the plain part of a walk is in the published bands.

    Args:
        draft: of a walk; degrees.
        phase: cycles since a heel strike of the right foot.
        speed: m/s; slower than 0.4 is not looked at.
        within_sd: half the bands' width, in SDs between people.

    Returns:
        False where one frame of one curve is outside.
    """
    steady = speed > STRAIGHT_M_S[0]
    for name in norms.BANDS:
        for side, ahead in zip(("",) if name == "pelvis_tilt" else ("_r", "_l"), (0.0, 0.5), strict=False):
            mean, sd = norms.walking(name, phase + ahead, speed)
            if (np.abs(draft.curves[name + side] - mean) > within_sd * sd)[steady].any():
                return False
    return True


def _seen_inside(draft: Draft, speed: Curve) -> bool:
    """As ``inside_bands``, with the phase that the knees tell and not the one that was drawn."""
    columns = [f"{name}_{side}" for name in norms.BANDS[1:] for side in SIDES] + ["pelvis_tilt"]
    values = np.radians([draft.curves[name] for name in columns])
    path = np.stack([speed * draft.time_s, 0 * draft.time_s])
    names = [*columns, "pelvis_tx", "pelvis_tz"]
    walk = walk_of(Kinematics(names, np.concatenate([values, path]).T, draft.time_s, np.ones(len(names), bool)))
    return walk is None or walk.least_inside[1] > SEEN_INSIDE


def _course(draft: Draft, plain: bool) -> tuple[Curve, Curve]:
    """Speed (m/s) and heading (degrees, to the left) over time."""
    rng, time = draft.rng, draft.time_s
    frames, end = len(time), max(draft.seconds, 1e-6)
    speed = np.full(frames, np.clip(rng.normal(1.2, 0.35), *STRAIGHT_M_S))
    turn = np.zeros(frames)
    if not plain:
        kind = rng.integers(4)
        if kind == 0:
            speed = speed * ramp(time, rng.uniform(0.1, 0.4) * end, rng.uniform(1.0, 2.0))
        elif kind == 1:
            speed = speed * (1 - ramp(time, rng.uniform(0.2, 0.6) * end, rng.uniform(1.0, 2.0)))
        elif kind == 2:
            speed = np.clip(speed + wander(rng, frames, draft.rate_hz, 0.3, 1.5), *STRAIGHT_M_S)
        if kind == 3 or rng.random() < 0.4:
            rate = rng.uniform(15, 60) * rng.choice([-1, 1])
            turn = np.cumsum(rate * ramp(time, rng.uniform(0, 0.5) * end, 0.8) * np.minimum(speed, 1)) / draft.rate_hz
    return speed, turn


def _phase(draft: Draft, strides_s: Curve) -> Curve:
    """Cycles since a heel strike of the right foot; strides are not all as long."""
    jitter = 1 + wander(draft.rng, len(draft.time_s), draft.rate_hz, 0.015, 0.7)
    return draft.rng.random() + np.cumsum(strides_s * jitter) / draft.rate_hz


def _walk_legs(draft: Draft, phase: Curve, speed: Curve) -> None:
    """Pelvis, trunk and legs; slower than the table they fade into standing."""
    rng = draft.rng
    going = np.clip(speed / norms.SPEEDS_M_S["very_slow"], 0, 1)
    deviations = {name: Deviation.pair(rng, name) for name in norms.WALKING}
    curves: dict[str, Curve] = {}
    mean, sd = norms.walking("pelvis_tilt", phase, speed)
    tilt = sd * deviations["pelvis_tilt"][0](phase)
    curves["pelvis_tilt"] = mean + tilt
    thigh_share = np.sqrt(1 - TILT_INTO_HIP**2 * 0.6)
    for number, (side, ahead) in enumerate((("r", 0.0), ("l", 0.5))):
        at = phase + ahead
        means, sds, own = {}, {}, {}
        for name in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"):
            means[name], sds[name] = norms.walking(name, at, speed)
            own[name] = sds[name] * (
                deviations[name][number](at) + wander(rng, len(at), draft.rate_hz, STRIDE_TO_STRIDE, 0.5)
            )
        own["hip_flexion"] = thigh_share * own["hip_flexion"] - TILT_INTO_HIP * tilt
        _feet_flat(own, sds, tilt, at)
        for name in means:
            curves[f"{name}_{side}"] = means[name] + own[name]
        curves[f"mtp_angle_{side}"] = -norms.periodic(TOE_EXTENSION, at) * np.clip(speed / 1.2, 0.3, 1.2)
    for name, one in (("pelvis_list", 1.0), ("pelvis_rotation", 1.0)):
        mean, sd = norms.walking(name, phase, speed)
        curves[name] = mean + one * sd * _alternating(deviations[name][0])(phase)
    lumbar_mean, lumbar_sd = LUMBAR_EXTENSION["walk"]
    curves["lumbar_extension"] = (
        lumbar_mean + lumbar_sd * float(normal(rng)) - 0.6 * tilt + 1.0 * np.cos(4 * np.pi * (phase - 0.1))
    )
    # Schwartz's trunk is against the pelvis.
    for name, trunk in (("lumbar_bending", "trunk_list"), ("lumbar_rotation", "trunk_rotation")):
        mean, sd = norms.walking(trunk, phase, speed)
        curves[name] = mean + sd * _alternating(deviations[trunk][0])(phase)
    curves["neck_rotation"] = -0.5 * (curves["lumbar_rotation"] + curves["pelvis_rotation"])
    for name, values in curves.items():
        draft.curves[name] = draft.curves[name] * (1 - going) + values * going


def _alternating(deviation: Deviation) -> Deviation:
    """Of a curve that both sides share: what is the same for the left step, mirrored."""
    keep = np.array([1.0, 0.0, 1.0])
    return Deviation(0.3 * deviation.constant, deviation.cosines * keep, deviation.sines * keep)


def _feet_flat(own: dict[str, Curve], sds: dict[str, Curve], tilt: Curve, phase: Curve) -> None:
    """Deviations of the leg such that the standing foot stays as flat as the mean's (the least change, in SDs)."""
    error = tilt + own["hip_flexion"] - own["knee_angle"] + own["ankle_angle"]
    loaded = np.clip(np.minimum((phase % 1.0) - 0.02, 0.55 - (phase % 1.0)) / 0.12, 0, 1)
    variance = {name: sds[name] ** 2 for name in ("hip_flexion", "knee_angle", "ankle_angle")}
    total = sum(variance.values())
    for name, sign in (("hip_flexion", -1), ("knee_angle", 1), ("ankle_angle", -1)):
        own[name] = own[name] + sign * variance[name] / total * error * (0.4 + 0.6 * loaded)


def _arms(draft: Draft, phase: Curve, swing_deg: Curve | float, *, elbow: float, elbow_swing: float) -> None:
    """Arms swing against the leg of their own side."""
    rng = draft.rng
    share = np.exp(0.35 * float(normal(rng)))
    late = 0.05 * float(normal(rng))
    swings = both_sides(rng, 0.15)
    for side, ahead, own in zip(SIDES, (0.0, 0.5), swings, strict=True):
        swing = -np.cos(2 * np.pi * (phase + ahead - late)) * share * (1 + own)
        going = np.minimum(np.asarray(swing_deg) / 10, 1)
        draft.add(f"arm_flex_{side}", swing * swing_deg - 3 * going)
        draft.curves[f"elbow_flex_{side}"] = draft.curves[f"elbow_flex_{side}"] + going * (
            elbow - norms.STANDING["elbow_flex"][0] + elbow_swing * (1 + swing)
        )
        draft.add(f"arm_rot_{side}", -3.0 * swing)


def _travelling(draft: Draft, speed: Curve | float, turn_deg: Curve | float, above_m: Curve | float) -> Kinematics:
    """The pelvis goes where it looks, which is forwards at first."""
    turn = np.radians(turn_deg) + np.zeros(len(draft.time_s))
    step = speed / draft.rate_hz
    draft.add("pelvis_rotation", np.degrees(turn))
    forward, right = np.cumsum(step * np.cos(turn)), np.cumsum(-step * np.sin(turn))
    return draft.finish(forward - forward[0], right - right[0], above_m)


def run(seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """Running at 2 to 5 m/s; the legs' excursions grow with the speed, both feet are off the ground between steps.

    Args:
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person and the speed.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    speed = float(np.clip(rng.normal(2.9, 0.7), 2.0, 5.0))
    strides_s = (1.36 + 0.06 * (speed - 2.5)) * (1 + 0.05 * float(normal(rng)))
    phase = _phase(draft, np.full(len(draft.time_s), strides_s))
    wider = 1 + 0.12 * (speed - 2.5)  # hip and swinging knee
    tilt_sd = RUN_PELVIS_TILT[1] * float(normal(rng))
    draft.curves["pelvis_tilt"] = RUN_PELVIS_TILT[0] + tilt_sd + 2.0 * np.cos(4 * np.pi * (phase - 0.05))
    deviations = {name: Deviation.pair(rng, name) for name in ("hip_flexion", "knee_angle", "ankle_angle")}
    for number, (side, ahead) in enumerate((("r", 0.0), ("l", 0.5))):
        at = phase + ahead
        own, sds, means = {}, {}, {}
        for name in deviations:
            means[name], sds[name] = norms.running(name, at)
            own[name] = sds[name] * deviations[name][number](at) * 0.9
        own["hip_flexion"] = 0.8 * own["hip_flexion"] - 0.6 * tilt_sd
        _feet_flat(own, sds, np.full_like(at, tilt_sd), at * norms.STANCE_SHARE["walk"] / norms.STANCE_SHARE["run"])
        swinging = norms.periodic({0: 0, 15: 0, 35: 0, 65: 1, 85: 0}, at)
        draft.curves[f"hip_flexion_{side}"] = means["hip_flexion"] * wider + own["hip_flexion"]
        draft.curves[f"knee_angle_{side}"] = means["knee_angle"] * (1 + (wider - 1) * swinging) + own["knee_angle"]
        draft.curves[f"ankle_angle_{side}"] = means["ankle_angle"] + own["ankle_angle"]
        draft.curves[f"mtp_angle_{side}"] = -norms.periodic({0: 8, 12: 0, 24: 12, 34: 30, 50: 10, 80: 5}, at)
        draft.curves[f"hip_adduction_{side}"] = norms.periodic({0: 4, 14: 9, 35: -2, 60: -4, 85: 2}, at) - 2
    side_to_side = np.cos(2 * np.pi * (phase - 0.12))
    draft.curves["pelvis_list"] = -4.0 * side_to_side
    draft.curves["pelvis_rotation"] = 5.0 * np.cos(2 * np.pi * (phase - 0.55)) * np.exp(0.3 * float(normal(rng)))
    mean, sd = LUMBAR_EXTENSION["run"]
    draft.curves["lumbar_extension"] = np.full(len(phase), mean + sd * float(normal(rng)) - 0.5 * tilt_sd)
    draft.curves["lumbar_bending"] = 5.0 * side_to_side
    draft.curves["lumbar_rotation"] = -14.0 * np.cos(2 * np.pi * phase) * np.exp(0.3 * float(normal(rng)))
    draft.curves["neck_rotation"] = -0.6 * (draft.curves["lumbar_rotation"] + draft.curves["pelvis_rotation"])
    _arms(draft, phase, 18 + 6 * (speed - 2), elbow=72.0 + 12 * float(normal(rng)), elbow_swing=8.0)
    draft.tremble(0.4)
    return _travelling(draft, speed, 0.0, above_m=_flight(phase, strides_s, norms.STANCE_SHARE["run"]))


def _flight(phase: Curve, strides_s: float, stance_share: float) -> Curve:
    """How far the lower foot is off the floor (m): a throw between one foot's lift and the other's contact."""
    length_s = max((0.5 - stance_share) / strides_s, 0.0)
    within = ((phase % 0.5) - stance_share) / max(0.5 - stance_share, 1e-6)
    within = np.clip(within, 0, 1)
    return GRAVITY / 2 * length_s**2 * within * (1 - within)


def stairs(up: bool, seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """A flight of stairs; the pelvis rises or sinks evenly, as the lower foot does not tell.

    Args:
        up: else down.
        seconds: length of the motion.
        rate_hz: frames a second.
        rng: draws the person, the pace and the steps' height.

    Returns:
        All 40 coordinates in the model's order (rad and m).
    """
    draft = Draft(StandingPosture.random(rng), seconds, rate_hz, rng)
    strides_s = rng.uniform(0.55, 0.85)
    phase = _phase(draft, np.full(len(draft.time_s), strides_s))
    knots = norms.STAIRS_UP if up else norms.STAIRS_DOWN
    steeper = 1 + 0.08 * float(normal(rng))  # steps of 15 to 19 cm
    tilt = float(normal(rng)) * 4.5
    draft.curves["pelvis_tilt"] = (-6.0 if up else 0.0) + tilt + 1.5 * np.cos(4 * np.pi * phase)
    for number, (side, ahead) in enumerate((("r", 0.0), ("l", 0.5))):
        at = phase + ahead
        for name, of_table in knots.items():
            deviation = Deviation.pair(rng, name)[number](at) * norms.STAIRS_SD[name]
            into = -0.6 * tilt if name == "hip_flexion" else 0.0
            draft.curves[f"{name}_{side}"] = norms.periodic(of_table, at) * steeper + 0.7 * deviation + into
        draft.curves[f"mtp_angle_{side}"] = -norms.periodic({0: 5, 20: 0, 45: 10, 60: 22, 80: 5}, at)
        draft.curves[f"hip_adduction_{side}"] = norms.periodic({0: 0, 20: 5, 50: 2, 70: -5, 90: -2}, at)
    draft.curves["pelvis_list"] = -4.0 * np.cos(2 * np.pi * (phase - 0.2))
    draft.curves["pelvis_rotation"] = 4.0 * np.cos(2 * np.pi * phase)
    draft.curves["lumbar_extension"] = (-10.0 if up else -6.0) + 4.0 * normal(rng) - 0.6 * tilt + 0 * phase
    draft.curves["lumbar_bending"] = 4.0 * np.cos(2 * np.pi * (phase - 0.2))
    draft.curves["lumbar_rotation"] = -4.0 * np.cos(2 * np.pi * phase)
    draft.add("neck_extension", -8.0 if rng.random() < 0.6 else 0.0)  # eyes on the steps
    _arms(draft, phase, 8.0, elbow=30.0, elbow_swing=6.0)
    draft.tremble(0.4)
    rise = 0.17 * steeper * 2 * strides_s * (1 if up else -1)
    run_m = 0.29 * 2 * strides_s
    motion = _travelling(draft, run_m, 0.0, 0.0)
    height = motion.names.index("pelvis_ty")
    bob = motion.values[:, height]
    motion.values[:, height] = bob.mean() + 0.01 * np.cos(4 * np.pi * phase) + rise * draft.time_s
    return motion


__all__ = ["LIMIT_SD", "inside_bands", "run", "stairs", "walk"]
