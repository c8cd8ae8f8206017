"""Recorded markers as a model takes them: read, checked, under the model's names, Y up."""

from pathlib import Path

import numpy as np
import opensim

from biomech.errors import BioposeError
from biomech.markers.c3d import read_c3d
from biomech.markers.checks import agree_with_model, recording_notes, turned_up
from biomech.markers.markers import Markers, is_marker_file
from biomech.markers.matching import of_subject, with_model_names
from biomech.markers.trc import read_trc

UP = ("x", "y", "z", "-x", "-y", "-z")


def read_markers(path: Path, *, up: str | None = None, subject: str | None = None) -> Markers:
    """Read a .trc or .c3d.

    Args:
        path: the file; its ending says which of the two.
        up: the direction of the file that points up, ``x``, ``y``, ``z``, ``-x``, ``-y`` or ``-z``; Y of a .trc and
            what a .c3d says of itself where not given.
        subject: whose markers, where the file holds several people's (``A`` of ``A:C7``).

    Returns:
        Positions in m, Y up, NaN where missing, at the file's times (s).

    Raises:
        BioposeError: neither format, an unknown axis or subject, or what the readers refuse.
    """
    path = Path(path)
    if not is_marker_file(path):
        raise BioposeError("not a marker file", where=str(path), mend="Give a .trc or .c3d file.")
    if up is not None and up not in UP:
        raise BioposeError(f"`up={up}` is no axis", mend=f"Give the axis of the file that points up: {', '.join(UP)}.")
    if path.suffix.lower() == ".c3d":
        markers = read_c3d(path, up=up)
    else:
        markers = read_trc(path)
        if up is not None:
            markers.positions_m = markers.positions_m @ turned_up(up).T
    if subject is not None:
        markers = of_subject(markers, subject, path)
    markers.check(str(path))
    return markers


def read_for_model(
    path: Path,
    model: opensim.Model,
    *,
    up: str | None = None,
    subject: str | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Markers:
    """The markers of a file that the model knows, under its names; ``notes`` says all that was mended or left out.

    Args:
        path: .trc or .c3d.
        model: with its markers, its system initialised.
        up: as of ``read_markers``; where not given, a body that stands along another direction than Y is turned up.
        subject: as of ``read_markers``.
        start_s: where to begin; at the first frame where not given.
        end_s: the first time that is left out.

    Returns:
        Positions in m, Y up, NaN where missing, at the file's times (s).

    Raises:
        BioposeError: what the reader refuses, no frame in the window, too few names in common, or markers that are not
            of a person's size.
    """
    names = [marker.getName() for marker in model.getMarkerSet()]
    markers = with_model_names(
        between(read_markers(path, up=up, subject=subject), start_s, end_s, path), names, where=path
    )
    state = model.getWorkingState()
    model.realizePosition(state)
    own = [model.getMarkerSet().get(name) for name in markers.names]
    places = np.array([marker.getLocationInGround(state).to_numpy() for marker in own])
    bodies = [marker.getParentFrame().findBaseFrame().getName() for marker in own]
    markers = agree_with_model(markers, places, bodies, where=path, up=up)
    markers.notes += recording_notes(markers)
    return markers


def between(markers: Markers, start_s: float | None, end_s: float | None, where: Path) -> Markers:
    """The frames from ``start_s`` on and before ``end_s``.

    Args:
        markers: of the whole trial.
        start_s: where to begin; at the first frame where None.
        end_s: the first time that is left out; None: to the end.
        where: the file, for the message.

    Returns:
        Those frames, at their own times.

    Raises:
        BioposeError: there is none.
    """
    start, end = -np.inf if start_s is None else start_s, np.inf if end_s is None else end_s
    kept = (markers.time_s >= start) & (markers.time_s < end)
    if not kept.any():
        first, last = markers.time_s[0], markers.time_s[-1]
        raise BioposeError(
            f"no frame between {start:g} s and {end:g} s: the trial goes from {first:g} s to {last:g} s",
            where=str(where),
            mend="Correct `start_s` and `end_s`.",
        )
    return Markers(
        markers.names, markers.positions_m[kept], markers.time_s[kept], markers.notes + _beyond(markers, start, end)
    )


def _beyond(markers: Markers, start_s: float, end_s: float) -> list[str]:
    """That the window reaches beyond the trial, if it does by more than a frame."""
    first, last = float(markers.time_s[0]), float(markers.time_s[-1])
    step = (last - first) / max(len(markers.time_s) - 1, 1)
    outside = {
        "`start_s`": np.isfinite(start_s) and start_s < first - 1.5 * step,
        "`end_s`": np.isfinite(end_s) and end_s > last + 1.5 * step,
    }
    named = " and ".join(name for name, is_outside in outside.items() if is_outside)
    return [f"the trial goes from {first:g} s to {last:g} s: {named} outside it"] if named else []
