"""Motions of other models' .mot files, by the names of their coordinates.

Rajagopal's and LaiUhlrich's models share the zeros of legs, pelvis and trunk with ours: values are taken as they are.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation, read_mot
from biomech.labels.library.skeleton import names

STILL_RAD = 1e-4  # a coordinate that moves less was locked
MOST_HZ = 60.0  # files are thinned to about this
DEGREES_MEANT = 12.0  # rad; no angle is larger
_OSIM = "motions/nimblephysics_osim/"


@dataclass(frozen=True)
class MotFile:
    """A file of coordinates."""

    name: str
    subject: str
    file: str
    licence: str
    kind: str
    rate_hz: float | None = None  # of files that do not say it


FILES = (
    *(
        MotFile(f"dorn_{speed}", "dorn", f"{_OSIM}dorn_run_sprint/run{speed}cms.mot", "BSD-2", "run")
        for speed in ("0350", "0500", "0700", "0900")
    ),
    MotFile("welk002", "welk002", f"{_OSIM}welk002_run/manual_ik.mot", "BSD-2", "run"),
    MotFile(
        "welk007", "welk007", f"{_OSIM}welk007_run/c3d_Trimmed_running_natural2_manual_scaling_ik.mot", "BSD-2", "run"
    ),
    MotFile("bmclab_run_ik", "bmclab_run", "motions/bmclab_notebooks/ik_output_run.mot", "CC BY 4.0", "run"),
    MotFile("loco_walk", "loco_mujoco", "motions/loco_mujoco_walk_run/02-constspeed_full_humanoid.npz", "MIT", "walk"),
)


def transfer(path: Path) -> tuple[Kinematics, Bool[np.ndarray, " coordinates"]]:
    """A file's motion on our skeleton and which coordinates it knows; knees that bend negatively are turned about.

    Raises:
        BioposeError: the file cannot be read, or holds no leg.
    """
    theirs = _read_npz(path) if path.suffix == ".npz" else read_mot(path)
    values, known = np.zeros((len(theirs.time_s), len(names()))), np.zeros(len(names()), bool)
    for column, name in enumerate(names()):
        if name not in theirs.names:
            continue
        found = theirs.column(name)
        if not is_translation(name) and np.abs(found).max() > DEGREES_MEANT:
            raise BioposeError(f"{name} reaches {np.abs(found).max():.0f} rad", where=str(path))
        if name.startswith("knee_angle") and np.median(found) < 0:
            found = -found
        values[:, column], known[column] = found, np.ptp(found) > STILL_RAD
    if not any(known[names().index(f"knee_angle_{side}")] for side in "rl"):
        raise BioposeError("the file moves no knee of ours", where=str(path))
    rate = (len(theirs.time_s) - 1) / float(np.ptp(theirs.time_s))
    every = max(1, round(rate / MOST_HZ))
    time_s, values = (theirs.time_s - theirs.time_s[0])[::every], values[::every]
    return Kinematics(list(names()), values, time_s, np.array([not is_translation(n) for n in names()])), known


def _read_npz(path: Path) -> Kinematics:
    """LocoMuJoCo's: positions ``q_…`` and velocities ``dq_…``, which tell the rate; its Y and Z are named so too."""
    with np.load(path, allow_pickle=False) as stored:
        found = [key.removeprefix("q_") for key in stored.files if key.startswith("q_")]
        values = np.stack([np.asarray(stored[f"q_{name}"], float) for name in found], 1)
        speed = np.asarray(stored["dq_pelvis_tx"], float)
    steps = np.diff(values[:, found.index("pelvis_tx")])
    rate = float(np.round(np.median(speed[:-1]) / np.median(steps)))
    return Kinematics(found, values, np.arange(len(values)) / rate, np.array([not is_translation(n) for n in found]))
