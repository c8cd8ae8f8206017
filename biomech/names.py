"""The recoverers and solvers by name, for who asks before anything heavy is loaded."""

from biomech.errors import BioposeError

RECOVERERS = ("fit", "mqhmr")
DEFAULT_RECOVERER = "fit"
SOLVERS = ("neural", "fast", "opensim")
# Inverse kinematics gives back what the fit found; the network moves it by what it learned of others.
DEFAULT_SOLVER = "fast"
# How the motion of each solver is named: <name>_neural.mot, <name>_fast.mot, <name>_classical.mot.
MOTION_NAMES = {"neural": "neural", "fast": "fast", "opensim": "classical"}

# Of OpenSim's tool. Its default of 1e-5 is not converged: 1.5° from noise-free truth, 0.14° at 1e-7. Two stretches of a
# jump with the 142 markers differ from one run by 0.06° at 1e-7 and 0.004° at 1e-8, for half as much time again.
ACCURACY = 1e-8


def check_recoverer(recoverer: str) -> None:
    """Refuse a recoverer that there is not.

    Raises:
        BioposeError: it is not of ``RECOVERERS``.
    """
    if recoverer not in RECOVERERS:
        known = " or ".join(RECOVERERS)
        raise BioposeError(f"there is no recoverer '{recoverer}'", mend=f"Give `recover={known}`.")


MQHMR_WEIGHTS = "mqhmr.safetensors"
FILM_SUFFIXES = {".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mts", ".webm", ".wmv"}
ARRAY_SUFFIXES = (".npz", ".npy", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".json")  # of ``array_files``
RUN_RECORD = "biopose.json"  # in every folder of results
# What a session of `biopose live` keeps: the film, and the points and angles that were seen in it.
LIVE_FILM, LIVE_KEYPOINTS, LIVE_ANGLES = "live.mp4", "seen_keypoints.npz", "seen_angles.csv"
