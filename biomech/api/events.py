"""A motion and its Model → Found: strides, repetitions, jumps, and what is measured of them."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from biomech.api.compare import HoldsKinematics
from biomech.errors import BioposeError
from biomech.files import path_of
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import recognise_motion
from biomech.measures.filtering import AUTO
from biomech.measures.found import Found
from biomech.skeleton.osim import Model


def events(
    motion: Kinematics | HoldsKinematics | Path | str,
    model: Model | Path | str | None = None,
    *,
    filter_hz: float | str = AUTO,
    trusted: Bool[np.ndarray, " frames"] | None = None,
) -> Found:
    """Gait events, strides, squats, standing up, sitting down and jumps of a motion, and what is measured of them.

    What is done is found by itself; where nothing is plain, nothing is found, and what begins or ends outside the
    motion does not count.

    Args:
        motion: kinematics (rad, m), what ``solve`` or ``ik`` gave back, or the path of a .mot, .sto or .csv.
        model: scaled; or the path of its .osim. Of what ``ik`` gave back its own by default.
        filter_hz: ``auto`` for a cut-off by activity (walking, squats and sitting 6 Hz, running 10, jumps 12), one in
            Hz for all, or ``none``: velocities are then not told.
        trusted: of the motion's frames; its share of each stride and repetition is told.

    Returns:
        ``strides``, ``repetitions``, ``events``, ``summary``, ``notes``; as tables ``events_table()``,
        ``measures_table()``, ``course_table()``; ``cycles(kind)`` over 0 to 100 %.

    Raises:
        BioposeError: no model, one without the bodies of pelvis, legs and feet or with other coordinates, a motion that
            is too short, or a filter that does not fit its rate.

    Example:
        >>> import biomech
        >>> found = biomech.events("walk/walk_fast.mot", "walk/walk_scaled.osim")
        >>> found.activities
        ['walking']
    """
    from biomech.measures.find import find_events  # here, for it loads OpenSim and torch

    held = motion if isinstance(motion, Kinematics) else getattr(motion, "kinematics", None)
    if isinstance(held, Kinematics):
        held.check("motion")
    else:
        held = recognise_motion(path_of(motion, "a motion")).kinematics
    place = _place(motion, held)
    model = getattr(motion, "model", None) if model is None else model
    if model is None:
        raise BioposeError(
            "events are found from where a model's feet go, and there is no model", mend="Give the scaled `model`."
        )
    if isinstance(model, Model):
        with model.as_file() as path:
            return find_events(path, held, filter_hz=filter_hz, trusted=trusted, place_half_width_m=place)
    path = path_of(model, "a model")
    return find_events(path, held, filter_hz=filter_hz, trusted=trusted, place_half_width_m=place)


def _place(motion: object, held: Kinematics) -> Float[np.ndarray, "frames 2"] | None:
    """How far off the pelvis's place may be, where what was given knows it."""
    unsure, names = getattr(motion, "uncertainty", None), ("pelvis_tx", "pelvis_tz")
    if unsure is None or not set(names) <= set(held.names):
        return None
    place: Float[np.ndarray, "frames 2"] = np.asarray(unsure)[:, [held.names.index(name) for name in names]]
    return place
