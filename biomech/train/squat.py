"""Squats, and moving between a seat and standing: how legs and trunk fold together, by code.

Everything is sagittal: the thigh turns by what knee and ankle leave, the pelvis tilts forwards with a share of the
trunk's lean, and the two lowest bones of the spine bend by the rest.
"""

import numpy as np
from jaxtyping import Float

STRAIGHT_KNEE_RAD = 0.14  # of the Anny body's rest pose (``biomech.mesh.prior``)
Angle = Float[np.ndarray, " frames"]


def folded(knee: Angle, ankle: Angle, lean: Angle, pelvis: Angle) -> dict[str, Angle]:
    """Turns about Z (to the right) of the bones that fold, rad, of both sides.

    Args:
        knee, ankle: flexion and dorsiflexion, rad.
        lean, pelvis: of the trunk and of the pelvis forwards, from upright, rad.

    Returns:
        By bone of the Anny body, from its rest pose, whose knees are a little bent.
    """
    turns = {"Hips": -pelvis, "LowerBack": (pelvis - lean) / 2, "Spine": (pelvis - lean) / 2}
    for side in ("Left", "Right"):
        turns |= {f"{side}UpLeg": pelvis + knee - ankle, f"{side}Leg": STRAIGHT_KNEE_RAD - knee, f"{side}Foot": ankle}
    return turns


def random_fold(down: Angle, sit: bool, rng: np.random.Generator) -> dict[str, Angle]:
    """A squat of any depth, or the way to a seat, of somebody or other.

    Args:
        down: 0 standing, 1 at the lowest.
        sit: to a seat.
        rng: draws depth, ankles and lean, once for all frames.

    Returns:
        As ``folded``: rad, by bone.
    """
    knee = np.radians(rng.uniform(75, 105) if sit else rng.uniform(40, 140)) * down
    ankle = knee * (rng.uniform(-0.05, 0.15) if sit else rng.uniform(0.2, 0.35))
    # The trunk leans most in the middle of standing up, and with the depth of a squat.
    lean = np.radians(rng.uniform(20, 50)) * (np.sin(np.pi * down) if sit else down)
    return folded(knee, ankle, lean, lean * rng.uniform(0.5, 1.0))
