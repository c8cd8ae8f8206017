"""Two motions → Comparison."""

from pathlib import Path
from typing import Protocol

from biomech.comparison import compare as stage
from biomech.comparison.compare import Comparison
from biomech.files import path_of
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion, recognise_motion


class HoldsKinematics(Protocol):
    """What ``solve`` and ``ik`` give back."""

    @property
    def kinematics(self) -> Kinematics: ...


def compare(
    reference: ReadMotion | Kinematics | HoldsKinematics | Path | str,
    motion: ReadMotion | Kinematics | HoldsKinematics | Path | str,
    *,
    time: bool = False,
    heading: bool = False,
) -> Comparison:
    """How far a motion is from a reference: each coordinate, each part of the body, and all rotations together.

    Args:
        reference, motion: kinematics (rad, m), what ``solve`` or ``ik`` gave back, or the path of a .mot, .sto or .csv
            of any program.
        time: shift the motion in time to where its angles correlate best.
        heading: turn it about the vertical and move it horizontally, each by a constant, onto the reference.

    Returns:
        Errors in degrees and millimetres by coordinate and by part of the body, the curves, and notes.

    Raises:
        BioposeError: a file cannot be read, no coordinate or no time in common, or nothing to align by.

    Example:
        >>> import biomech
        >>> import numpy as np
        >>> def knee(offset_rad):
        ...     angle = np.sin(np.arange(50) / 5) + offset_rad
        ...     return biomech.Kinematics(["knee_angle_r"], angle[:, None], np.arange(50) / 30, np.array([True]))
        >>> round(biomech.compare(knee(0.0), knee(0.1)).errors["knee_angle_r"].mae, 2)
        5.73
    """
    return stage.compare(_motion(reference, "reference"), _motion(motion, "motion"), time=time, heading=heading)


def _motion(given: ReadMotion | Kinematics | HoldsKinematics | Path | str, name: str) -> ReadMotion:
    if isinstance(given, ReadMotion):
        return given
    held = given if isinstance(given, Kinematics) else getattr(given, "kinematics", None)
    if isinstance(held, Kinematics):
        held.check(name)
        return ReadMotion(Path(name), held)
    return recognise_motion(path_of(given, "a motion"))
