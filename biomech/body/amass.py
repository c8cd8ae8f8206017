"""Reads AMASS .npz motions: SMPL-H (156 numbers a frame), SMPL-X (165), and plain SMPL (72) kept in the same form.

Mahmood et al., "AMASS: Archive of Motion Capture as Surface Shapes", ICCV 2019; BML-MoVi comes in the same form. The
arrays hold no objects, so that reading runs nothing.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.arrays import Field, read_arrays
from biomech.errors import BioposeError
from biomech.files import names_in_npz

BODY_BY_NUMBERS = {72: "smpl", 156: "smplh", 165: "smplx"}
LARGEST_RAD, FURTHEST_M, LARGEST_BETA = 100.0, 1000.0, 100.0
RATES = ("mocap_framerate", "mocap_frame_rate")
ARRAYS = {"poses", "trans", "betas"}
FIELDS = {
    "poses": Field("number", ("frames", "numbers"), -LARGEST_RAD, LARGEST_RAD),
    "trans": Field("number", ("frames", 3), -FURTHEST_M, FURTHEST_M),
    "betas": Field("number", ("betas",), -LARGEST_BETA, LARGEST_BETA),
    "gender": Field("text", optional=True),
    **{name: Field("number", (), 1.0, 10_000.0, optional=True) for name in RATES},
}


@dataclass(frozen=True)
class AmassMotion:
    """One motion as AMASS has it: world Z up, m, rotation vectors."""

    body: str  # "smpl", "smplh" or "smplx"
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
    names = names_in_npz(path)
    return names >= ARRAYS and not names.isdisjoint(RATES)


def read_amass(path: Path) -> AmassMotion:
    """Read one motion.

    Raises:
        BioposeError: the file is not a motion of AMASS, or of a body that is not known.
    """
    path = Path(path)
    held = read_arrays(path, FIELDS, noun="a motion of AMASS", mend="Download it again.")
    rates = [float(held[name]) for name in RATES if name in held]
    if not rates:
        raise BioposeError("not a motion of AMASS (it has no frame rate)", where=str(path))
    rate = rates[0]
    poses, trans, betas = (held[name].astype(np.float64) for name in ("poses", "trans", "betas"))
    gender = str(held.get("gender", "neutral"))
    body = BODY_BY_NUMBERS.get(poses.shape[-1])
    if body is None or not len(poses):
        raise BioposeError(
            f"poses have the shape {poses.shape}; read are 72 numbers a frame (SMPL), 156 (SMPL-H) and 165 (SMPL-X)",
            where=str(path),
        )
    return AmassMotion(body, gender.lower(), poses.reshape(len(poses), -1, 3), trans, betas.ravel(), rate)
