"""The recoverers and solvers by name, for who asks before anything heavy is loaded."""

from biomech.errors import BioposeError

RECOVERERS = ("fit", "mqhmr")
DEFAULT_RECOVERER = "fit"
SOLVERS = ("neural", "fast", "opensim")
# Inverse kinematics gives back what the fit found; the network moves it by what it learned of others.
DEFAULT_SOLVER = "fast"
# How the motion of each solver is named: <name>_neural.mot, <name>_fast.mot, <name>_classical.mot.
MOTION_NAMES = {"neural": "neural", "fast": "fast", "opensim": "classical"}


def check_recoverer(recoverer: str) -> None:
    """Refuse a recoverer that there is not.

    Raises:
        BioposeError: it is not of ``RECOVERERS``.
    """
    if recoverer not in RECOVERERS:
        known = " or ".join(RECOVERERS)
        raise BioposeError(f"there is no recoverer '{recoverer}'", mend=f"Give `recover={known}`.")


FILM_SUFFIXES = {".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mts", ".webm", ".wmv"}
RUN_RECORD = "biopose.json"  # in every folder of results
# What a session of `biopose live` keeps: the film, and the points and angles that were seen in it.
LIVE_FILM, LIVE_KEYPOINTS, LIVE_ANGLES = "live.mp4", "seen_keypoints.npz", "seen_angles.csv"
