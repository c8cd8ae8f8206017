"""Frames that cannot follow each other are told; those that can are not."""

import numpy as np
import pytest

from biomech.markers.checks import time_notes
from biomech.markers.markers import Markers

FRAMES, RATE_HZ = 100, 100.0


@pytest.fixture
def walking() -> Markers:
    rng = np.random.default_rng(0)
    time = np.arange(FRAMES) / RATE_HZ
    at = rng.normal(0, 0.4, (1, 12, 3)) + np.array([1.4, 0.0, 0.0]) * time[:, None, None]
    at = at + 0.02 * np.sin(6 * time)[:, None, None]
    at[20:30, 3] = np.nan
    return Markers([f"m{k}" for k in range(12)], at, time)


def moved(markers: Markers, positions_m: np.ndarray) -> Markers:
    return Markers(markers.names, positions_m, markers.time_s)


def test_walking_and_standing_are_silent(walking: Markers) -> None:
    assert time_notes(walking) == []
    assert time_notes(moved(walking, np.repeat(walking.positions_m[:1], FRAMES, 0))) == []
    assert time_notes(moved(walking, np.full_like(walking.positions_m, np.nan))) == []


def test_rows_in_another_order_are_told(walking: Markers) -> None:
    order = np.r_[0:50, 99:49:-1]
    (note,) = time_notes(moved(walking, walking.positions_m[order]))
    assert "0.50 s" in note and "rows in order" in note


def test_a_gap_that_was_held_is_told(walking: Markers) -> None:
    held = walking.positions_m.copy()
    held[40:51] = held[40]
    (note,) = time_notes(moved(walking, held))
    assert "in 10 frames, first at 0.41 s" in note
