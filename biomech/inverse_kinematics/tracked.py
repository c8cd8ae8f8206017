"""What a solver asks of markers before it starts, and how it fills the frames that it could not solve."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.markers.markers import Markers

SEEN_PART = 1 / 3  # of the tracked markers that a frame must show to be solved


def tracked_weights(
    in_model: Sequence[str], markers: Markers, tasks: Mapping[str, float], where: str
) -> dict[str, float]:
    """Weights of the markers that are tracked, in the model's order.

    Args:
        in_model: the model's marker names.
        markers: as measured; one that is never seen does not count.
        tasks: weights by name; a marker without one, or of 0, is not tracked.
        where: the file, for the message.

    Returns:
        Weights by name, all above 0.

    Raises:
        BioposeError: fewer than three markers of the model are seen and have a weight.
    """
    measured = set(markers.seen)
    weights = {name: float(tasks[name]) for name in in_model if name in measured and tasks.get(name, 0) > 0}
    if len(weights) < 3:
        raise BioposeError(
            f"the model and the markers share {len(weights)} names that have a weight; "
            f"the model has {', '.join(in_model[:6]) or 'none'} …, the trial {', '.join(markers.names[:6])} …",
            where=where,
            mend="Use the marker set that belongs to these names (`marker_set`), or rename the markers.",
        )
    return weights


def enough_seen(tracked: Markers, where: str) -> Bool[np.ndarray, " frames"]:
    """The frames that show enough markers to be solved.

    Args:
        tracked: the markers that are tracked, NaN where missing.
        where: the file, for the message.

    Returns:
        True where at least three, and a third of those that the trial ever shows, are there.

    Raises:
        BioposeError: there is none.
    """
    seen = np.isfinite(tracked.positions_m).all(-1)
    usable = np.asarray(seen.sum(1) >= max(3, SEEN_PART * seen.any(0).sum()))
    if not usable.any():
        raise BioposeError("no frame shows enough of the markers that the model tracks", where=where)
    return usable


def filled(
    time_s: Float[np.ndarray, " frames"],
    solved: Bool[np.ndarray, " frames"],
    values: Float[np.ndarray, "solved coordinates"],
    turning: Bool[np.ndarray, " coordinates"],
) -> Float[np.ndarray, "frames coordinates"]:
    """Whole turns taken out, frames that were not solved interpolated in time, the ends held.

    Args:
        time_s: of all frames.
        solved: those that have a pose, at least one.
        values: of those frames alone, rad and m.
        turning: angles that a whole turn does not lead out of a range that the model holds them in.

    Returns:
        Values of all frames, rad and m.
    """
    continuous = np.where(turning, np.unwrap(values, axis=0), values)
    return np.stack([np.interp(time_s, time_s[solved], column) for column in continuous.T], axis=1)
