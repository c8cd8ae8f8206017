"""Published joint angles with their spread between people, in degrees and our skeleton's signs and zeros.

Sources of the tables:

* ``walking_norms.csv``: M. H. Schwartz, A. Rozumalski, J. P. Trost, "The effect of walking speed on the gait of
  typically developing children", J Biomech 41 (2008): mean and SD at five speeds (the copy in biomechZoo, Apache-2.0).
* ``running_norms.csv``: R. K. Fukuchi et al., running at 2.5 m/s of 46 adults (BMC-RIC, CC BY 4.0).
* Stairs: A. Protopapadaki et al., "Hip, knee, ankle kinematics and kinetics during stair ascent and descent in healthy
  young individuals", Clin Biomech 22 (2007): extremes and their SD; R. Riener, M. Rabuffetti, C. Frigo, "Stair ascent
  and descent at different inclinations", Gait Posture 15 (2002): their order in time.
* Stride and speed: N. Sekiya, H. Nagasaki, "Reproducibility of the walking patterns of normal young adults: test-retest
  reliability of the walk ratio", Gait Posture 7 (1998).

Plug-in Gait's zero of the pelvis is the plane of the iliac spines, which leans forwards in somebody who stands; that of
the LaiUhlrich and Rajagopal models is near upright. ``PELVIS_ZERO_DEG`` lies between the two: it takes Schwartz's 11°
of anterior tilt to the +1 to +5° of walking people solved from markers on the models.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.interpolate import CubicSpline

PELVIS_ZERO_DEG = 13.5
# What adults solved from markers on the models have more than Schwartz's children of Plug-in Gait (OpenCap's walks).
ADDUCTION_MORE_DEG, TRUNK_ROTATION_FACTOR = 2.5, 1.6
# Schwartz's dimensionless speeds, middle of each class, times √(9.81 · 0.9): an adult's leg.
SPEEDS_M_S = {"very_slow": 0.5, "slow": 0.88, "free": 1.28, "fast": 1.69, "very_fast": 2.1}
WALK_RATIO_M_PER_STEP_MIN = 0.0064  # step length over cadence
STANCE_SHARE = {"walk": 0.62, "run": 0.36}
# Every curve of one side counts from the heel strike of that side.
WALKING = (
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation", "trunk_list", "trunk_rotation"),
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"),
)
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


@functools.cache
def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(Path(__file__).parent / name)


@functools.cache
def _spline(file: str, curve: str, column: str) -> CubicSpline:
    rows = _table(file)
    rows = rows[rows.curve == curve]
    values = rows[column].to_numpy(float)
    at = np.append(rows.percent.to_numpy() / 100, 1.0)
    return CubicSpline(at, np.append(values, values[0]), bc_type="periodic")


def walking(curve: str, phase: Curve, speed_m_s: float | Curve) -> tuple[Curve, Curve]:
    """Mean and between-subject SD (degrees) at phases (cycles since the heel strike of that side).

    Pelvis tilt, list and rotation and hip flexion are in our skeleton's signs, as for the right side; speeds outside
    the table take its ends.

    Args:
        curve: one of ``WALKING``, without a side.
        phase: cycles; whole ones do not matter.
        speed_m_s: one, or one for each phase.

    Returns:
        Mean and SD at each phase.
    """
    phase = np.asarray(phase, float) % 1.0
    speed = np.clip(speed_m_s, min(SPEEDS_M_S.values()), max(SPEEDS_M_S.values()))
    at = np.interp(speed, list(SPEEDS_M_S.values()), np.arange(len(SPEEDS_M_S)))
    mean, sd = np.zeros_like(phase), np.zeros_like(phase)
    for number, name in enumerate(SPEEDS_M_S):
        share = np.clip(1 - np.abs(at - number), 0, 1)
        mean += share * _spline("walking_norms.csv", curve, f"{name}_mean")(phase)
        sd += share * _spline("walking_norms.csv", curve, f"{name}_sd")(phase)
    if curve == "pelvis_tilt":
        mean = PELVIS_ZERO_DEG - mean
    elif curve == "hip_flexion":
        mean = mean - PELVIS_ZERO_DEG
    elif curve == "hip_adduction":
        mean = mean + ADDUCTION_MORE_DEG
    elif curve == "trunk_rotation":
        mean = mean * TRUNK_ROTATION_FACTOR
    elif curve in ("pelvis_list", "trunk_list"):
        mean = -mean  # Plug-in Gait: the side is up; here the right side is down
    return mean, sd


def running(curve: str, phase: Curve) -> tuple[Curve, Curve]:
    """Mean and SD (degrees) of hip_flexion, knee_angle or ankle_angle at 2.5 m/s.

    Args:
        curve: one of the three.
        phase: cycles since the heel strike of that side; whole ones do not matter.

    Returns:
        Mean and SD at each phase.
    """
    phase = np.asarray(phase, float) % 1.0
    return _spline("running_norms.csv", curve, "mean")(phase), _spline("running_norms.csv", curve, "sd")(phase)


def cadence_strides_s(speed_m_s: Curve | float) -> Curve:
    """Strides per second of a walk, by the walk ratio."""
    steps_min = np.sqrt(np.maximum(speed_m_s, 0.0) * 60 / WALK_RATIO_M_PER_STEP_MIN)
    return steps_min / 120
