"""Choosing frames that show a person in many poses."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.vq import kmeans2
from scipy.linalg import eigh

from biomech.inverse_kinematics.tracked import SEEN_PART
from biomech.markers.markers import Markers

CANDIDATES = 1500  # frames looked at, evenly over all trials
DIMENSIONS = 12  # that tell poses apart


def varied_frames(trials: Sequence[Markers], names: Sequence[str], count: int) -> list[tuple[int, int]]:
    """Frames (trial, frame) of many poses, in order.

    A pose is known by the distances between the markers, which need no skeleton and do not change with place and
    heading. The poses are grouped (k-means of their principal components), and of each group the frame nearest to its
    middle is taken: so rare poses count as much as frequent ones, and a single wild frame next to nothing.

    Args:
        trials: all or some of the named markers each.
        names: the markers to look at.
        count: at most so many frames; fewer where there are fewer poses.

    Returns:
        Indices into ``trials`` and into that trial's frames; the same for the same input.
    """
    places = [_candidates(trial, names) for trial in trials]
    keep = max(1, -(-sum(len(frames) for _, frames in places) // CANDIDATES))
    where = [(trial, int(frame)) for trial, (_, frames) in enumerate(places) for frame in frames[::keep]]
    positions = np.concatenate([positions[::keep] for positions, _ in places])
    if len(where) <= count:
        return where
    poses = _poses(positions)
    centres, group = kmeans2(poses, count, minit="++", rng=np.random.default_rng(0), missing="warn")
    distance = ((poses - centres[group]) ** 2).sum(1)
    nearest = {g: int(k) for k, g in sorted(zip(range(len(where)), group, strict=True), key=lambda p: -distance[p[0]])}
    return [where[k] for k in sorted(nearest.values())]


def gather(
    trials: Sequence[Markers], names: Sequence[str], frames: Sequence[tuple[int, int]]
) -> Float[np.ndarray, "frames markers 3"]:
    """The named markers at those frames (m), NaN where a trial lacks them.

    Args:
        trials: all or some of the named markers each.
        names: the markers' order in what comes back.
        frames: indices into ``trials`` and into that trial's frames.

    Returns:
        Positions, a row for each of ``frames``.
    """
    return np.stack([_named(trials[trial], names, np.array([frame]))[0] for trial, frame in frames])


def _candidates(
    trial: Markers, names: Sequence[str]
) -> tuple[Float[np.ndarray, "kept markers 3"], Int[np.ndarray, " kept"]]:
    """Frames of a trial that show enough of the markers that it has."""
    positions = _named(trial, names, np.arange(len(trial.time_s)))
    seen = np.isfinite(positions).all(-1)
    frames = np.flatnonzero(seen.sum(1) >= max(3, SEEN_PART * seen.any(0).sum()))
    return positions[frames], frames


def _named(
    trial: Markers, names: Sequence[str], frames: Int[np.ndarray, " kept"]
) -> Float[np.ndarray, "kept markers 3"]:
    positions = np.full((len(frames), len(names), 3), np.nan)
    shared = [name for name in names if name in trial.names]
    positions[:, [names.index(name) for name in shared]] = trial.select(shared).positions_m[frames]
    return positions


def _poses(positions: Float[np.ndarray, "frames markers 3"]) -> Float[np.ndarray, "frames dimensions"]:
    """Principal components of the distances between markers; a missing distance is taken for the mean."""
    first, second = np.triu_indices(positions.shape[1], 1)
    distances = np.linalg.norm(positions[:, first] - positions[:, second], axis=-1)
    distances = distances[:, np.isfinite(distances).any(0)]
    distances = np.nan_to_num(distances - np.nanmean(distances, axis=0))
    _, axes = eigh(
        distances.T @ distances, subset_by_index=(max(0, distances.shape[1] - DIMENSIONS), distances.shape[1] - 1)
    )
    return distances @ axes
