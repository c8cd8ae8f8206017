"""Motions by code, in coordinates of our skeleton: published curves, the spread between people, and chance."""

from collections.abc import Callable
from functools import partial

import numpy as np

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.folds import jump, lunge, sit_to_stand, squat
from biomech.labels.library.gait import run, stairs, walk
from biomech.labels.library.poses import reach, standing

_MAKERS: dict[str, Callable[[float, float, np.random.Generator], Kinematics]] = {
    "standing": standing,
    "walk": walk,
    "plain_walk": partial(walk, plain=True),
    "run": run,
    "stairs_up": partial(stairs, True),
    "stairs_down": partial(stairs, False),
    "squat": squat,
    "lunge": lunge,
    "sit_to_stand": sit_to_stand,
    "jump": jump,
    "reach": reach,
}
KINDS = tuple(_MAKERS)


def generate(kind: str, seconds: float, rate_hz: float, rng: np.random.Generator) -> Kinematics:
    """One motion of somebody or other.

    All 40 coordinates in the model's order, rad and m, inside their ranges. The lower foot is on the floor Y = 0 for an
    average adult (or as high as it flies), the pelvis travels as fast as the motion says; whoever plays it on another
    body places the feet anew. Starts at +X.

    Args:
        kind: one of ``KINDS``; "plain_walk" is straight on at one speed; "walk" may curve, start or stop.
        seconds: length of the motion, above 0.
        rate_hz: frames a second, above 0.
        rng: the same generator in the same state gives the same motion.

    Returns:
        The motion, time from 0; no NaN.

    Raises:
        BioposeError: no such kind, or no time.
    """
    if kind not in _MAKERS:
        raise BioposeError(f"no motion of the kind {kind}", mend=f"One of: {', '.join(KINDS)}.")
    if not (seconds > 0 and rate_hz > 0 and np.isfinite(seconds * rate_hz)):
        raise BioposeError(f"a motion of {seconds:g} s at {rate_hz:g} Hz", mend="Give seconds and a rate above 0.")
    return _MAKERS[kind](seconds, rate_hz, rng)
