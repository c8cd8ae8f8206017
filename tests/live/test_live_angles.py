"""Causal angles: nothing later has a say, gaps begin anew, and what the network is unsure of is left out."""

import numpy as np
import pytest
from somebody import somebody

from biomech.errors import BioposeError
from biomech.keypoints.layouts import BLAZEPOSE_33
from biomech.live.angles import CausalAngles, check_angles, known_angles, takes_points

SIZE_PX = (720, 1280)


def angles(*names: str) -> CausalAngles:
    return CausalAngles(names or ("knee_angle_r",), 1000.0, SIZE_PX)


def test_a_bent_knee_is_told_from_a_straight_one() -> None:
    causal = angles("knee_angle_r", "knee_angle_l")
    straight = [causal.add(somebody(), k / 15) for k in range(20)][-1]
    bent = [causal.add(somebody(min(k / 15, 1.0)), (20 + k) / 15) for k in range(30)][-1]
    assert straight["knee_angle_r"] < 25
    assert bent["knee_angle_r"] > straight["knee_angle_r"] + 20
    assert bent["knee_angle_l"] > straight["knee_angle_l"] + 20


def test_only_the_past_counts() -> None:
    one, other = angles(), angles()
    same = [(one.add(somebody(k / 20), k / 30), other.add(somebody(k / 20), k / 30)) for k in range(10)]
    assert all(a == b for a, b in same)
    before = dict(same[-1][0])
    other.add(somebody(1.0), 1.0)
    assert before == same[-1][0]


def test_what_is_long_past_is_forgotten() -> None:
    fresh, old = angles(), angles()
    old.add(somebody(1.0), 0.0)
    assert old.add(somebody(), 5.0) == fresh.add(somebody(), 5.0)
    for k in range(300):
        old.add(somebody(), 5.0 + (k + 1) / 30)
    assert len(old._past) <= 62


def test_nobody_has_no_angles() -> None:
    causal = angles()
    assert np.isnan(causal.add(None, 0.0)["knee_angle_r"])
    causal.add(somebody(), 0.1)
    assert np.isfinite(causal.add(somebody(), 0.2)["knee_angle_r"])


def test_uneven_times() -> None:
    causal = angles()
    for time_s in (0.0, 0.03, 0.2, 0.21, 0.6, 0.6001):
        assert np.isfinite(causal.add(somebody(), time_s)["knee_angle_r"])


def test_which_angles_there_are() -> None:
    assert {"knee_angle_r", "hip_flexion_l", "elbow_flex_r", "pelvis_tilt"} <= set(known_angles())
    check_angles(known_angles())
    causal = CausalAngles(known_angles(), 1000.0, SIZE_PX)
    assert set(causal.add(somebody(), 0.0)) == set(known_angles())
    with pytest.raises(BioposeError, match="no angle 'knee'"):
        angles("knee")
    assert takes_points(BLAZEPOSE_33)
    assert not takes_points(["nose"])
