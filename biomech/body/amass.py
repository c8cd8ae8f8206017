"""Reads AMASS .npz motions, in both layouts: SMPL-H (156 numbers a frame) and SMPL-X (165).

Mahmood et al., "AMASS: Archive of Motion Capture as Surface Shapes", ICCV 2019; BML-MoVi comes in the same form. The
arrays hold no objects, so that reading runs nothing.
"""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError

BODY_BY_NUMBERS = {156: "smplh", 165: "smplx"}
RATES = ("mocap_framerate", "mocap_frame_rate")
ARRAYS = {"poses", "trans", "betas"}


@dataclass(frozen=True)
class AmassMotion:
    """One motion as AMASS has it: world Z up, m, rotation vectors."""

    body: str  # "smplh" or "smplx"
    gender: str  # "male", "female" or "neutral"
    poses: Float[np.ndarray, "frames bones 3"]
    trans_m: Float[np.ndarray, "frames 3"]  # of the model's origin
    betas: Float[np.ndarray, " betas"]
    rate_hz: float

    def thinned(self, every: int) -> "AmassMotion":
        """Every so many frames."""
        return replace(self, poses=self.poses[::every], trans_m=self.trans_m[::every], rate_hz=self.rate_hz / every)


def is_amass(path: Path) -> bool:
    """Whether an .npz holds a motion (AMASS keeps other things beside them)."""
    try:
        with zipfile.ZipFile(path) as file:
            names = {Path(name).stem for name in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return names >= ARRAYS and not names.isdisjoint(RATES)


def read_amass(path: Path) -> AmassMotion:
    """Read one motion.

    Raises:
        BioposeError: the file is not a motion of AMASS, or of a body that is not known.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            poses, trans, betas = (np.asarray(file[name], float) for name in ("poses", "trans", "betas"))
            rate = next(float(file[name]) for name in RATES if name in file)
            gender = file["gender"].item() if "gender" in file else "neutral"
    except (OSError, ValueError, KeyError, StopIteration, zipfile.BadZipFile) as error:
        raise BioposeError(f"not a motion of AMASS ({error})", where=str(path)) from error
    body = BODY_BY_NUMBERS.get(poses.shape[-1])
    if body is None or poses.ndim != 2 or trans.shape != (len(poses), 3):
        raise BioposeError(
            f"poses have the shape {poses.shape}; AMASS has 156 numbers a frame (SMPL-H) or 165 (SMPL-X)",
            where=str(path),
        )
    gender = gender.decode() if isinstance(gender, bytes) else str(gender)
    return AmassMotion(body, gender.lower(), poses.reshape(len(poses), -1, 3), trans, betas.ravel(), rate)
