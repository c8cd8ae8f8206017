"""The filter's own promises, and motions with gaps."""

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.measures.filtering import allowed_hz, check_cutoff, evenly, lowpass


def _motion(time_s: np.ndarray, values: np.ndarray) -> Kinematics:
    return Kinematics(["knee_angle_r"], values[:, None], time_s, np.array([True]))


@pytest.mark.parametrize("cutoff", [3.0, 6.0, 12.0])
def test_the_cutoff_lets_one_over_root_two_through_without_lag(cutoff: float) -> None:
    time = np.arange(2000) / 200
    wave = np.sin(2 * np.pi * cutoff * time)[:, None]
    passed = lowpass(wave, 200.0, cutoff)[500:1500, 0]
    inner = wave[500:1500, 0]
    assert np.std(passed) / np.std(inner) == pytest.approx(1 / np.sqrt(2), abs=0.01)
    assert np.corrcoef(passed, inner)[0, 1] > 0.9999


def test_slow_motion_stays_and_noise_goes() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(600) / 100
    slow = np.sin(2 * np.pi * time)[:, None]
    assert np.abs(lowpass(slow, 100.0, 6.0) - slow)[20:-20].max() < 0.002
    assert np.std(lowpass(rng.standard_normal((6000, 1)), 100.0, 6.0)) < 0.4


def test_missing_frames_are_bridged_and_long_gaps_are_known() -> None:
    time = np.arange(120) / 30
    there = np.ones(120, bool)
    there[[20, 21, *range(60, 80)]] = False
    even, known = evenly(_motion(time[there], np.sin(time)[there]))
    assert len(even.time_s) == 120 and np.allclose(even.time_s, time)
    assert np.allclose(even.values[:, 0], np.sin(time), atol=0.1)
    assert known[:60].all() and not known[61:79].any() and known[80:].all()
    gappy = np.sin(time)
    gappy[~there] = np.nan
    assert np.array_equal(evenly(_motion(time, gappy))[1], known)


def test_turns_are_unwrapped() -> None:
    time = np.arange(60) / 30
    even, _ = evenly(_motion(time, (time * 4 + np.pi) % (2 * np.pi) - np.pi))
    assert np.allclose(np.diff(even.values[:, 0]), 4 / 30)


def test_what_cannot_be_filtered() -> None:
    assert allowed_hz(6.0, 100.0) == 6.0 and allowed_hz(6.0, 5.0) == 2.25
    for cutoff in (0.0, -1.0, 15.0, float("nan")):
        with pytest.raises(BioposeError, match="does not fit a motion of 30 frames"):
            check_cutoff(cutoff, 30.0)
    with pytest.raises(BioposeError, match="too short"):
        evenly(_motion(np.arange(5) / 30, np.zeros(5)))
