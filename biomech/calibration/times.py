"""When films of the same began: offsets found from the motion, and keypoints of all at the same moments."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from biomech.calibration.cameras import Calibration
from biomech.keypoints.keypoints import Keypoints

TELLING = [
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
LEAST_CONFIDENCE = 0.3
MOST_S, LEAST_COMMON_S = 20.0, 1.0
LEAST_SHARE = 0.5  # of the shorter film that the other must show too, unless offsets are given
SMOOTH_S = 0.08
ALIKE = 0.3  # correlation of speeds below which nothing is told
BETTER = 0.8  # of the disagreement at no offset: a smaller one is told from it
LONGEST_GAP = 2.6  # frames

Curve = Float[np.ndarray, "frames points n"]


def at_times(keypoints: Keypoints, time_s: Float[np.ndarray, " wanted"]) -> Keypoints:
    """Keypoints at other moments, straight between the two frames about each.

    Args:
        keypoints: of one film.
        time_s: by the film's own time; outside it nobody is seen.

    Returns:
        Positions, confidences and the detector's 3D; without masks and maps.
    """
    own = keypoints.time_s
    after = np.searchsorted(own, time_s, side="left").clip(0, len(own) - 1)
    before = np.maximum(after - 1, 0)
    exact = np.abs(own[after] - time_s) < 1e-6
    before = np.where(exact, after, before)
    apart = own[after] - own[before]
    usual = float(np.median(np.diff(own))) if len(own) > 1 else 1.0
    share = np.where(apart > 0, (time_s - own[before]) / np.where(apart > 0, apart, 1.0), 0.0)
    inside = (time_s >= own[0] - 1e-6) & (time_s <= own[-1] + 1e-6) & (apart < LONGEST_GAP * usual)

    def between(values: np.ndarray) -> np.ndarray:
        part = share.reshape(-1, *[1] * (values.ndim - 1))
        found = np.where(part == 0, values[before], (1 - part) * values[before] + part * values[after])
        return np.where(inside.reshape(part.shape), found, np.nan)

    xy = between(keypoints.xy)
    confidence = np.nan_to_num(np.minimum(between(keypoints.confidence), 1.0))
    return replace(
        keypoints,
        xy=xy,
        confidence=np.where(np.isfinite(xy).all(-1), confidence, 0.0),
        time_s=np.asarray(time_s, float),
        world_m=None if keypoints.world_m is None else between(keypoints.world_m),
        mask_bits=None,
        mask_from_image=None,
        heat_maps=None,
        camera_turns=None,
        camera_unsure=None,
        frames_looked_at=None,
    )


def offsets_by_speed(first: Keypoints, other: Keypoints, most: int = 3) -> list[float]:
    """How much later the other film may have begun, from what goes up and down in both.

    Cameras that stand upright agree on it, wherever they stand; but steps are like each other.

    Args:
        first, other: of the same person.
        most: answers, at most.

    Returns:
        s, the likeliest first: the first film's time is the other's plus this. None of them where nothing tells.
    """
    step, curves = _step(first, other), []
    for film in (first, other):
        at = np.arange(film.time_s[0], film.time_s[-1] + 1e-6, step)
        curves.append(_speeds(at_times(film, at), step))
    # Of each shift how well the speeds go together, where both are known.
    (one, one_known), (two, two_known) = curves

    def unlike(shift: int) -> float:
        a, b = _overlap(len(one), len(two), shift)
        both = one_known[a] & two_known[b]
        if both.any(1).sum() * step < LEAST_COMMON_S:
            return np.inf
        x, y = one[a][both], two[b][both]
        norm = np.sqrt(np.square(x).sum() * np.square(y).sum())
        return float(1 - (x * y).sum() / norm) if norm > 0 else np.inf

    found = [shift for shift, cost in _least(unlike, len(one), len(two), step) if cost < 1 - ALIKE]
    return [shift + float(first.time_s[0] - other.time_s[0]) for shift in found[:most]]


def offset_by_geometry(first: Keypoints, other: Keypoints, calibration: Calibration, camera: int) -> float | None:
    """How much later the other film began, by where the points of one picture must lie in the other.

    A camera that is off by a little shifts all points by about as much: what counts is how much their distances from
    the epipolar lines scatter.

    Args:
        first, other: rectified.
        calibration: of these cameras; the first one's is its first.
        camera: the other one's number in it.

    Returns:
        s: the first film's time is the other's plus this; None where they have too little in common.
    """
    step = _step(first, other)
    turn, shift_m = calibration.turn(camera), calibration.shift_m(camera)
    x, y, z = shift_m
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ turn
    sides = []
    for film in (first, other):
        at = np.arange(film.time_s[0], film.time_s[-1] + 1e-6, step)
        sides.append(_rays(at_times(film, at)))
    (one, one_known), (two, two_known) = sides
    lines = one @ essential.T
    lines = lines / np.maximum(np.linalg.norm(lines[..., :2], axis=-1, keepdims=True), 1e-9)

    def scatter(shift: int) -> float:
        a, b = _overlap(len(one), len(two), shift)
        both = one_known[a] & two_known[b]
        if both.any(1).sum() * step < LEAST_COMMON_S:
            return np.inf
        off = np.where(both, (lines[a] * two[b]).sum(-1), np.nan)
        return float(np.nanmedian(np.abs(off - np.nanmedian(off))))

    found = _least(scatter, len(one), len(two), step)
    return found[0][0] + float(first.time_s[0] - other.time_s[0]) if found else None


def _step(first: Keypoints, other: Keypoints) -> float:
    """The finer film's interval."""
    return float(min(np.median(np.diff(film.time_s)) for film in (first, other)))


def _least(cost: Callable[[int], float], one: int, two: int, step: float) -> list[tuple[float, float]]:
    """Shifts (s) of which each costs less than its neighbours, the cheapest first, between the frames too, with their
    costs; none first where it is hardly worse."""
    most, least = round(MOST_S / step), LEAST_SHARE * min(one, two)
    shifts = np.arange(max(1 - two, -most), min(one, most + 1))
    common = np.minimum(one, two + shifts) - np.maximum(shifts, 0)
    costs = np.array([cost(int(shift)) if n >= least else np.inf for shift, n in zip(shifts, common, strict=True)])
    walled = np.concatenate([[np.inf], costs, [np.inf]])
    lowest = np.flatnonzero(np.isfinite(costs) & (costs <= walled[:-2]) & (costs <= walled[2:]))
    found = []
    for at in lowest[np.argsort(costs[lowest], kind="stable")]:
        before, here, after = walled[at : at + 3]
        part, bend = 0.0, before - 2 * here + after
        if np.isfinite(bend) and bend > 0:
            part = float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
        found.append(((float(shifts[at]) + part) * step, float(here)))
    none = float(costs[np.flatnonzero(shifts == 0)[0]])
    if found and found[0][1] > BETTER * none:
        return [(0.0, none), *found]
    return found


def _overlap(one: int, two: int, shift: int) -> tuple[slice, slice]:
    """Frames of the first that are those of the other when it began ``shift`` frames later."""
    begin, end = max(shift, 0), min(one, two + shift)
    return slice(begin, max(end, begin)), slice(begin - shift, max(end, begin) - shift)


def _telling(film: Keypoints) -> list[int]:
    return [film.names.index(name) for name in TELLING if name in film.names]


def _speeds(film: Keypoints, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Of the telling points, upwards, in sizes of the person a second; and where they are known."""
    rows = _telling(film)
    xy = film.xy[:, rows]
    known = np.isfinite(xy).all(-1) & (film.confidence[:, rows] >= LEAST_CONFIDENCE)
    some = known.any(1)
    extent = (
        np.ptp(np.where(known, xy[..., 1], np.nanmean(xy[known][:, 1]))[some], axis=1) if some.any() else np.ones(1)
    )
    size = float(np.median(extent))
    at, height = np.arange(len(xy)), np.zeros(known.shape)
    for k in range(len(rows)):
        if known[:, k].sum() > 1:
            height[:, k] = np.interp(at, at[known[:, k]], -xy[known[:, k], k, 1]) / max(size, 1.0)
    speed = np.gradient(gaussian_filter1d(height, SMOOTH_S / step, axis=0), step, axis=0)
    return speed - speed.mean(0), known


def _rays(film: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    rows = _telling(film)
    assert film.focal_px is not None
    xy = film.xy[:, rows]
    known = np.isfinite(xy).all(-1) & (film.confidence[:, rows] >= LEAST_CONFIDENCE)
    flat = np.where(known[..., None], xy - (np.array(film.size_px) - 1) / 2, 0.0) / film.focal_px
    return np.concatenate([flat, np.ones((*flat.shape[:2], 1))], -1), known
