"""Published joint angles with their spread between people, in degrees and our skeleton's signs and zeros.

Sources:

* Walking and running over the gait cycle: ``measures/published.py``.
* Stairs: A. Protopapadaki et al., "Hip, knee, ankle kinematics and kinetics during stair ascent and descent in healthy
  young individuals", Clin Biomech 22 (2007): extremes and their SD; R. Riener, M. Rabuffetti, C. Frigo, "Stair ascent
  and descent at different inclinations", Gait Posture 15 (2002): their order in time.
* Stride and speed: N. Sekiya, H. Nagasaki, "Reproducibility of the walking patterns of normal young adults: test-retest
  reliability of the walk ratio", Gait Posture 7 (1998).
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from biomech.measures.published import PELVIS_ZERO_DEG, SPEEDS_M_S, WALKING, running, walking

WALK_RATIO_M_PER_STEP_MIN = 0.0064  # step length over cadence
STANCE_SHARE = {"walk": 0.62, "run": 0.36}
# Shown and checked: a walk is right when all of these are inside the bands.
BANDS = ("pelvis_tilt", "hip_flexion", "knee_angle", "ankle_angle")

# Stairs, degrees at per cent of the cycle, from the foot's contact. Going up differs from going down as Protopapadaki's
# abstract says: hips bend 28° more and knees 3°; ankles 10° less, and stretch 9° less.
STAIRS_UP = {
    "hip_flexion": {0: 52, 10: 46, 30: 24, 50: 8, 60: 8, 70: 30, 82: 60, 90: 62},
    "knee_angle": {0: 62, 8: 60, 25: 36, 42: 12, 55: 10, 63: 34, 76: 90, 84: 92, 93: 76},
    "ankle_angle": {0: 8, 15: 11, 35: 6, 50: 4, 62: -26, 72: -6, 85: 8, 93: 6},
}
STAIRS_DOWN = {
    "hip_flexion": {0: 13, 15: 12, 35: 12, 50: 18, 65: 32, 75: 34, 88: 22},
    "knee_angle": {0: 8, 10: 20, 25: 26, 40: 36, 55: 70, 68: 89, 80: 56, 92: 14},
    "ankle_angle": {0: -31, 8: -8, 20: 10, 45: 21, 55: 21, 66: 4, 78: -18, 92: -35},
}
STAIRS_SD = {"hip_flexion": 7.2, "knee_angle": 7.3, "ankle_angle": 4.6}

# Standing people: mean and SD between people; pelvis and legs as solved from markers on these models.
STANDING = {
    "pelvis_tilt": (0.0, 4.5),
    "lumbar_extension": (-4.0, 5.0),
    "neck_extension": (3.0, 6.0),
    "knee_angle": (2.0, 3.0),
    "hip_adduction": (-3.0, 3.0),
    "hip_rotation": (0.0, 6.0),
    "subtalar_angle": (-2.0, 5.0),
    "arm_flex": (0.0, 6.0),
    "arm_add": (-9.0, 4.0),
    "arm_rot": (-5.0, 10.0),
    "elbow_flex": (24.0, 7.0),
    "pro_sup": (110.0, 12.0),
    "wrist_flex": (0.0, 6.0),
    "wrist_dev": (-8.0, 5.0),
}

Curve = Float[np.ndarray, " frames"]


def periodic(knots: Mapping[int, float], phase: Curve) -> Curve:
    """A smooth closed curve through values at per cents of the cycle.

    Args:
        knots: value by per cent of the cycle, ascending from 0 and below 100.
        phase: cycles; whole ones do not matter.

    Returns:
        In the unit of the values.
    """
    at, values = [*knots, 100], [*knots.values(), next(iter(knots.values()))]
    return CubicSpline(np.divide(at, 100), values, bc_type="periodic")(np.asarray(phase) % 1.0)


def cadence_strides_s(speed_m_s: Float[np.ndarray, "*any"] | float) -> Float[np.ndarray, "*any"]:
    """Strides per second of a walk, by the walk ratio."""
    steps_min = np.sqrt(np.maximum(speed_m_s, 0.0) * 60 / WALK_RATIO_M_PER_STEP_MIN)
    return np.asarray(steps_min / 120)


__all__ = ["PELVIS_ZERO_DEG", "SPEEDS_M_S", "WALKING", "cadence_strides_s", "periodic", "running", "walking"]
