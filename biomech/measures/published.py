"""Published joint angles over the gait cycle with their spread between people, in our skeleton's signs and zeros.

Sources of the tables (``build/gait_norms.py`` made them):

* ``walking_norms.csv``: M. H. Schwartz, A. Rozumalski, J. P. Trost, "The effect of walking speed on the gait of
  typically developing children", J Biomech 41 (2008): mean and SD at five speeds (the copy in biomechZoo, Apache-2.0).
* ``running_norms.csv``: R. K. Fukuchi et al., running at 2.5 m/s of 46 adults (BMC-RIC, CC BY 4.0).

Plug-in Gait's zero of the pelvis is the plane of the iliac spines, which leans forwards in somebody who stands; that of
the LaiUhlrich and Rajagopal models is near upright. ``PELVIS_ZERO_DEG`` lies between the two: it takes Schwartz's 11°
of anterior tilt to the +1 to +5° of walking people solved from markers on the models.
"""

import functools
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
# Every curve of one side counts from the heel strike of that side.
WALKING = (
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation", "trunk_list", "trunk_rotation"),
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"),
)
RUNNING = ("hip_flexion", "knee_angle", "ankle_angle")
# Of a coordinate of ours, where the name differs: Schwartz's trunk is against the pelvis.
NAMES = {"lumbar_bending": "trunk_list", "lumbar_rotation": "trunk_rotation"}
PERCENT = np.arange(101)
BAND_SOURCE = {
    "walking": "mean and SD between 83 typically developing children (Schwartz et al., J Biomech 41, 2008; Apache-2.0 "
    "copy in biomechZoo), at the walk's speed scaled to an adult's leg; pelvis and hip moved to this model's zero",
    "running": "mean and SD between 46 adults at 2.5 m/s (Fukuchi et al., BMC-RIC, CC BY 4.0)",
}

Curve = Float[np.ndarray, " frames"]


def normal_band(
    coordinate: str, gait: str, speed_m_s: float
) -> tuple[Float[np.ndarray, "101"], Float[np.ndarray, "101"]] | None:
    """Mean and SD between people at every per cent of the gait cycle, for the band behind a curve.

    Args:
        coordinate: of a motion, such as ``knee_angle_r`` or ``pelvis_tilt``; counted from its side's heel strike, the
            pelvis and the trunk from the right one's.
        gait: ``walking`` or ``running``.
        speed_m_s: of the walk; outside 0.5 to 2.1 m/s the nearest published one. Running has one speed, 2.5 m/s.

    Returns:
        Degrees in our signs; None where nothing is published. ``BAND_SOURCE`` says whose.
    """
    plain = coordinate.removesuffix("_r").removesuffix("_l")
    curve = NAMES.get(plain, plain)
    if gait == "walking" and curve in WALKING:
        return walking(curve, PERCENT / 100, speed_m_s)
    return running(curve, PERCENT / 100) if gait == "running" and curve in RUNNING else None


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
