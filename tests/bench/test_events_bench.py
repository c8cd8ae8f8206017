"""`biopose bench events` on the data: what it states is held."""

from pathlib import Path

import numpy as np
import pytest

from biomech.bench.events import _times, bench_events, check_there
from biomech.errors import BioposeError
from biomech.measures.found import Event


def test_times_missed_and_false() -> None:
    truth = [Event(t, "heel_strike", "r") for t in (1.0, 2.0, 3.0)]
    told = [Event(1.02, "heel_strike", "r"), Event(2.5, "heel_strike", "r"), Event(2.96, "heel_strike", "r")]
    figures = _times(told, truth)
    assert figures["heel_strike_ms"] == pytest.approx(30) and figures["heel_strike_late_ms"] == pytest.approx(-10)
    assert figures["false_events"] == 1 and figures["missed_events"] == 1


def test_the_laboratory(biopose_data: Path, tmp_path: Path) -> None:
    figures = bench_events(biopose_data, tmp_path, tmp_path)
    assert figures["force_plates_event_ms"] < 20 and figures["markers_event_ms"] < 20  # type: ignore[operator]
    assert figures["markers_step_length_cm"] < 2  # type: ignore[operator]
    rows = figures["rows"]
    assert len(rows) == 13  # type: ignore[arg-type]
    walks = [row for name, row in rows.items() if name.startswith("markers")]  # type: ignore[attr-defined]
    assert all(1.0 < row["speed_m_s"] < 1.5 and 90 < row["cadence_steps_min"] < 120 for row in walks)
    assert np.isnan(figures["drawn_event_ms"])  # type: ignore[call-overload]


def test_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="there is no opensim_core_walk3d"):
        check_there(tmp_path)
