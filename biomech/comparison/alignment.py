"""Two motions brought to one time base and, where asked for, to one clock and one heading."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.fft import irfft, next_fast_len, rfft
from scipy.interpolate import make_interp_spline
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics

TIME_TOLERANCE_S = 1e-4  # times are written with few digits
LONGEST_STEP = 2.5  # of the usual step; over a longer one nothing is interpolated
FEWEST_FOR_SHIFT = 10  # samples that must move
LEAST_SHARED = 0.5  # of the shorter motion, for a shift to count
NEARLY_AS_GOOD = 1.2  # times the best shift's 1 − r: what noise may decide between two steps or two squats
PELVIS_ROTATIONS = ["pelvis_tilt", "pelvis_list", "pelvis_rotation"]
SEQUENCE: Literal["ZXY"] = (
    "ZXY"  # of those three, in the pelvis's own turning axes, in every model of coordinate_names.csv
)


@dataclass(frozen=True)
class TimeShift:
    """Added to a motion's time it gives the reference's time."""

    shift_s: float
    correlation: float  # of all rotations together, each about its mean
    second_s: float | None = None  # another shift that fits nearly as well: periodic motions have them


@dataclass(frozen=True)
class Heading:
    """A turn about the vertical and a horizontal move that lay a motion on the reference."""

    turn_rad: float
    offset_m: tuple[float, float] | None  # X and Z, after the turn; None without pelvis_tx and pelvis_tz


def unwrapped(angles: Float[np.ndarray, "frames"]) -> Float[np.ndarray, "frames"]:
    """Without jumps of a whole turn; missing values are passed over (rad)."""
    out = angles.copy()
    seen = np.isfinite(angles)
    out[seen] = np.unwrap(angles[seen])
    return out


def resample(motion: Kinematics, time_s: Float[np.ndarray, "samples"]) -> Kinematics:
    """The motion at other times by cubic splines, angles unwrapped; NaN outside it and beside what is missing.

    Args:
        motion: rad and m, NaN where something is missing.
        time_s: the times wanted, on the motion's clock.

    Returns:
        The same coordinates at ``time_s``. A time within 0.1 ms of a sample takes that sample's value; nothing is
        interpolated over a gap longer than 2.5 of the usual steps.
    """
    values = np.full((len(time_s), len(motion.names)), np.nan)
    for i, rotational in enumerate(motion.rotational):
        column = unwrapped(motion.values[:, i]) if rotational else motion.values[:, i]
        seen = np.isfinite(column)
        if not seen.any():
            continue
        covered, at = _covered(motion.time_s, seen, time_s)
        known = motion.time_s[seen]
        order = min(3, len(known) - 1)
        if order:
            values[covered, i] = make_interp_spline(known, column[seen], k=order)(at[covered])
        else:
            values[covered, i] = column[seen][0]
    return Kinematics(motion.names, values, time_s, motion.rotational)


def held_at(
    time_s: Float[np.ndarray, " frames"],
    held: Bool[np.ndarray, "frames coordinates"],
    wanted_s: Float[np.ndarray, " samples"],
) -> Bool[np.ndarray, "samples coordinates"]:
    """At which other times something holds that holds at some frames, where ``resample`` would have values of those.

    Args:
        time_s: of the frames.
        held: at them.
        wanted_s: the other times.

    Returns:
        True at a frame that holds, and between two neighbours that do.
    """
    found = [_covered(time_s, column, wanted_s)[0] for column in held.T]
    return np.stack(found, 1) if found else np.zeros((len(wanted_s), 0), dtype=bool)


def _covered(
    known_s: Float[np.ndarray, "frames"], seen: Bool[np.ndarray, "frames"], time_s: Float[np.ndarray, "samples"]
) -> tuple[Bool[np.ndarray, "samples"], Float[np.ndarray, "samples"]]:
    """Which times lie at or between two samples that are there, and the times, moved onto a sample that they mean."""
    if len(known_s) == 1:
        meant = np.abs(time_s - known_s[0]) < TIME_TOLERANCE_S
        return meant & seen[0], np.where(meant, known_s[0], time_s)
    after = np.clip(np.searchsorted(known_s, time_s), 1, len(known_s) - 1)
    nearest = np.where(time_s - known_s[after - 1] < known_s[after] - time_s, after - 1, after)
    meant = np.abs(known_s[nearest] - time_s) < TIME_TOLERANCE_S
    steps = np.diff(known_s)
    between = (time_s > known_s[0]) & (time_s < known_s[-1]) & seen[after - 1] & seen[after]
    between &= steps[after - 1] <= LONGEST_STEP * np.median(steps)
    return np.where(meant, seen[nearest], between), np.where(meant, known_s[nearest], time_s)


def best_shift(reference: Kinematics, motion: Kinematics, *, where: str) -> TimeShift:
    """The shift at which the rotations of two motions correlate best (normalised cross-correlation of what is there).

    Both have the same coordinates. Each counts by how much it moves. Missing samples are left out of the sums (masked
    correlation, Padfield 2012). The shift is found on the reference's median step and refined by a parabola. Of shifts
    that fit nearly alike the smallest is taken where the motions overlap in time as they are, else the best.

    Args:
        reference: rad; its clock is kept.
        motion: the one to be shifted.
        where: what is compared, for the text of an error.

    Returns:
        Seconds to add to the motion's time, r at that shift, and the next best shift where one fits nearly as well.

    Raises:
        BioposeError: nothing moves, or the motions are too short.
    """
    step = float(np.median(np.diff(reference.time_s))) if len(reference.time_s) > 1 else 0.0
    ours, theirs = (_even_angles(one, step) for one in (reference, motion))
    if min(len(ours), len(theirs)) < FEWEST_FOR_SHIFT:
        raise BioposeError(
            "too short to find a shift in time", where=where, mend="Leave `time` away, or give longer motions."
        )
    correlation = _correlations(ours, theirs)
    if not np.isfinite(correlation).any():
        raise BioposeError("nothing moves that could be aligned in time", where=where, mend="Leave `time` away.")
    score = np.where(np.isfinite(correlation), correlation, -np.inf)
    start = reference.time_s[0] - motion.time_s[0] - (len(theirs) - 1) * step
    unlike = NEARLY_AS_GOOD * (1 - score.max()) + 1e-4
    padded = np.concatenate([[-np.inf], score, [-np.inf]])
    peaks = np.flatnonzero((score >= padded[:-2]) & (score >= padded[2:]) & (1 - score <= unlike))
    peaks = peaks[np.argsort(-score[peaks], kind="stable")]
    if motion.time_s[0] <= reference.time_s[-1] and reference.time_s[0] <= motion.time_s[-1]:
        # The clocks may be one: a step or a squat further on is no better an answer for fitting a trace better.
        peaks = peaks[np.argsort(np.abs(start + peaks * step), kind="stable")]
    shifts = [start + (peak + _parabola_top(score, int(peak))) * step for peak in peaks]
    return TimeShift(float(shifts[0]), float(score[peaks[0]]), float(shifts[1]) if len(shifts) > 1 else None)


def _parabola_top(score: Float[np.ndarray, "lags"], peak: int) -> float:
    """How far from a peak's lag the top of the parabola through it and its neighbours lies, in lags."""
    around = score[max(peak - 1, 0) : peak + 2]
    if len(around) < 3 or not np.isfinite(around).all():
        return 0.0
    left, middle, right = around
    bend = left - 2 * middle + right
    return float(0.5 * (left - right) / bend) if bend else 0.0


def _even_angles(motion: Kinematics, step: float) -> Float[np.ndarray, "samples used"]:
    if step <= 0:
        return np.zeros((0, int(motion.rotational.sum())))
    times = np.arange(motion.time_s[0], motion.time_s[-1] + TIME_TOLERANCE_S, step)
    angles = resample(motion, times).values[:, motion.rotational]
    # Rounding in the sums of squares grows with the mean, so that it goes first.
    seen = np.isfinite(angles)
    return np.asarray(angles - np.where(seen, angles, 0).sum(0) / np.maximum(seen.sum(0), 1))


def _correlations(
    ours: Float[np.ndarray, "samples used"], theirs: Float[np.ndarray, "others used"]
) -> Float[np.ndarray, "lags"]:
    """Pearson's r of all columns together at every lag, NaN where too little is shared or nothing moves."""
    lags = len(ours) + len(theirs) - 1
    length = next_fast_len(lags, real=True)

    def at_all_lags(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        sums = irfft(first * second.conj(), length)
        return np.roll(sums, len(theirs) - 1)[:lags]

    covariance, spread_a, spread_b, shared = np.zeros((4, lags))
    for a, b in zip(ours.T, theirs.T, strict=True):
        there_a, there_b = np.isfinite(a), np.isfinite(b)
        a, b = np.where(there_a, a, 0), np.where(there_b, b, 0)
        a1, b1, a2, b2, n_a, n_b = (rfft(x, length) for x in (a, b, a * a, b * b, there_a * 1.0, there_b * 1.0))
        count = np.round(at_all_lags(n_a, n_b))
        sum_a, sum_b = at_all_lags(a1, n_b), at_all_lags(n_a, b1)
        per = 1 / np.maximum(count, 1)
        covariance += at_all_lags(a1, b1) - sum_a * sum_b * per
        spread_a += at_all_lags(a2, n_b) - sum_a**2 * per
        spread_b += at_all_lags(n_a, b2) - sum_b**2 * per
        shared += count
    enough = shared >= LEAST_SHARED * np.max(shared)
    moves = (spread_a > 1e-9 * np.max(spread_a)) & (spread_b > 1e-9 * np.max(spread_b)) & (spread_a * spread_b > 1e-20)
    product = np.sqrt(np.where(enough & moves, spread_a * spread_b, np.nan))
    return covariance / product


def best_heading(reference: Kinematics, motion: Kinematics, *, where: str) -> Heading:
    """The turn about the vertical that brings the pelvis closest to the reference's in the mean, and the move left.

    Both have standard names and the same times. With all three rotations of the pelvis the turn is that of its
    orientation (closed form); with pelvis_rotation alone the circular mean of the difference.

    Args:
        reference: rad and m, Y up.
        motion: the one to be turned.
        where: what is compared, for the text of an error.

    Returns:
        The turn to give the motion (rad, about Y), and its move in X and Z (m) where both have pelvis_tx and pelvis_tz.

    Raises:
        BioposeError: one of them has no pelvis_rotation, or they have no time of it in common.
    """
    for one in (reference, motion):
        if "pelvis_rotation" not in one.names:
            raise BioposeError("there is no pelvis_rotation to align the heading by", where=where)
    if _has_orientation(reference) and _has_orientation(motion):
        ours, theirs = _orientations(reference), _orientations(motion)
        both = np.isfinite(ours).all((1, 2)) & np.isfinite(theirs).all((1, 2))
        _check_shared(both, where)
        rotation = np.einsum("fij,fkj->ik", ours[both], theirs[both])
        turn = float(np.arctan2(rotation[0, 2] - rotation[2, 0], rotation[0, 0] + rotation[2, 2]))
    else:
        difference = reference.column("pelvis_rotation") - motion.column("pelvis_rotation")
        _check_shared(np.isfinite(difference), where)
        turn = float(np.angle(np.nanmean(np.exp(1j * difference))))
    if not all("pelvis_tx" in one.names and "pelvis_tz" in one.names for one in (reference, motion)):
        return Heading(turn, None)
    moved = turned(motion, Heading(turn, None))
    between = [reference.column(name) - moved.column(name) for name in ("pelvis_tx", "pelvis_tz")]
    if not all(np.isfinite(one).any() for one in between):
        return Heading(turn, None)
    return Heading(turn, (float(np.nanmean(between[0])), float(np.nanmean(between[1]))))


def _check_shared(both: Bool[np.ndarray, " frames"], where: str) -> None:
    if not both.any():
        raise BioposeError(
            "at no time is the pelvis's turn known in both, to align the heading by",
            where=where,
            mend="Leave `heading` away.",
        )


def turned(motion: Kinematics, heading: Heading) -> Kinematics:
    """The motion as if its subject had walked in another direction.

    The pelvis is turned as a body: tilt and list come before rotation in the models' sequence, so that they change with
    the direction in which a tilted pelvis faces.

    Args:
        motion: standard names; must have pelvis_rotation.
        heading: turn about Y (rad), then move in X and Z (m; none where that is None).

    Returns:
        A copy in which only the pelvis's rotations, pelvis_tx and pelvis_tz differ (rad and m).
    """
    values = motion.values.copy()
    if _has_orientation(motion):
        columns = [motion.names.index(name) for name in PELVIS_ROTATIONS]
        seen = np.isfinite(values[:, columns]).all(1)
        if seen.any():
            pelvis = Rotation.from_euler("Y", heading.turn_rad) * Rotation.from_euler(
                SEQUENCE, values[seen][:, columns]
            )
            angles = pelvis.as_euler(SEQUENCE)
            values[np.ix_(seen, columns)] = np.unwrap(angles, axis=0)
        values[~seen, columns[2]] += heading.turn_rad
    else:
        values[:, motion.names.index("pelvis_rotation")] += heading.turn_rad
    if "pelvis_tx" in motion.names and "pelvis_tz" in motion.names:
        x, z = motion.names.index("pelvis_tx"), motion.names.index("pelvis_tz")
        flat = Rotation.from_euler("Y", heading.turn_rad).as_matrix()[np.ix_([0, 2], [0, 2])]
        values[:, [x, z]] = motion.values[:, [x, z]] @ flat.T + (heading.offset_m or (0, 0))
    return replace(motion, values=values)


def _has_orientation(motion: Kinematics) -> bool:
    return set(PELVIS_ROTATIONS) <= set(motion.names)


def _orientations(motion: Kinematics) -> Float[np.ndarray, "frames 3 3"]:
    angles = np.stack([motion.column(name) for name in PELVIS_ROTATIONS], axis=1)
    seen = np.isfinite(angles).all(1)
    matrices = np.full((len(angles), 3, 3), np.nan)
    if seen.any():
        matrices[seen] = Rotation.from_euler(SEQUENCE, angles[seen]).as_matrix()
    return matrices
