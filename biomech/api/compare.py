"""Two motions → Comparison."""

from pathlib import Path
from typing import Protocol

from biomech.comparison import compare as stage
from biomech.comparison.belief import believed_by, check_untrusted, read_believing
from biomech.comparison.compare import Comparison
from biomech.files import path_of
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion


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
    untrusted: str = "omit",
) -> Comparison:
    """How far a motion is from a reference: each coordinate, each part of the body, and all rotations together.

    Args:
        reference, motion: kinematics (rad, m), what ``solve`` or ``ik`` gave back, or the path of a .mot, .sto or .csv
            of any program.
        time: shift the motion in time to where its angles correlate best.
        heading: turn it about the vertical and move it horizontally, each by a constant, onto the reference.
        untrusted: ``omit`` leaves out of the figures what the run of a motion does not trust, by what ``solve`` or
            ``ik`` gave back or by the run's tables beside the file; ``keep`` counts every value.

    Returns:
        Errors in degrees and millimetres by coordinate and by part of the body, the curves, and notes.

    Raises:
        BioposeError: a file cannot be read, a run's table beside it is another motion's, no coordinate or no time in
            common, nothing trusted, or nothing to align by.

    Example:
        >>> import biomech
        >>> import numpy as np
        >>> def knee(offset_rad):
        ...     angle = np.sin(np.arange(50) / 5) + offset_rad
        ...     return biomech.Kinematics(["knee_angle_r"], angle[:, None], np.arange(50) / 30, np.array([True]))
        >>> round(biomech.compare(knee(0.0), knee(0.1)).errors["knee_angle_r"].mae, 2)
        5.73
    """
    check_untrusted(untrusted)
    ours, theirs = _motion(reference, "reference", untrusted), _motion(motion, "motion", untrusted)
    return stage.compare(ours, theirs, time=time, heading=heading, untrusted=untrusted)


def _motion(given: ReadMotion | Kinematics | HoldsKinematics | Path | str, name: str, untrusted: str) -> ReadMotion:
    if isinstance(given, ReadMotion):
        return given
    held = given if isinstance(given, Kinematics) else getattr(given, "kinematics", None)
    if isinstance(held, Kinematics):
        held.check(name)
        trusted = getattr(given, "trusted", None)
        believed = believed_by(trusted, held) if isinstance(trusted, Trusted) else None
        return ReadMotion(Path(name), held, believed=believed)
    return read_believing(path_of(given, "a motion"), untrusted)
