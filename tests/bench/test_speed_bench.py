"""The clock of the stages, and what the bench makes of a run whose time is known."""

import threading

import numpy as np
import pytest

from biomech.bench import speed
from biomech.bench.speed import StageClock, bench_speed
from biomech.errors import BioposeError
from biomech.live.session import LiveFigures
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Result
from biomech.report.overlay import write_video

SECONDS, RATE_HZ = 2.0, 30.0


@pytest.fixture
def time(monkeypatch):
    """A clock that stands until it is set, and CPU time that goes twice as fast."""
    now = [0.0]
    monkeypatch.setattr(speed, "perf_counter", lambda: now[0])
    monkeypatch.setattr(speed, "cpu_seconds", lambda: 2 * now[0])
    return now


@pytest.fixture
def film(tmp_path):
    times = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    write_video(tmp_path / "film.mp4", ((t, np.zeros((64, 64, 3), np.uint8)) for t in times), (64, 64), RATE_HZ)
    return tmp_path / "film.mp4"


def test_stages_follow_each_other(time):
    clock = StageClock()
    clock.begin("detect")
    time[0] = 3.0
    clock.begin("recover")
    time[0] = 4.0
    clock.begin("")
    assert clock.seconds == {"detect": (3.0, 6.0), "recover": (1.0, 2.0)}
    assert clock.rows(film_s=2.0)["detect"] == {"seconds_per_s": 1.5, "cpu_s_per_s": 3.0}


def test_stages_at_one_time_are_taken_together(time):
    clock = StageClock()
    clock.begin("solve")
    time[0] = 1.0
    clock.begin("overlay")
    beside = threading.Thread(target=clock.begin, args=("angles",))
    beside.start()
    beside.join()
    time[0] = 3.0
    clock.begin("report")
    clock.begin("")
    assert clock.seconds == {"solve": (1.0, 2.0), "overlay, angles": (2.0, 4.0), "report": (0.0, 0.0)}


def test_the_films_length_over_the_runs(time, film, tmp_path, monkeypatch):
    asked = []

    def run_ik(source, folder, options, *, overwrite, on_stage):
        asked.append((options.overlay, overwrite))
        on_stage("detect", False)
        time[0] += 3.0
        on_stage("overlay", False)
        time[0] += 1.0
        stages = {"detect": {"frames": 60, "peak_memory_mb": 500}, "overlay": {"peak_memory_mb": 700}}
        return Result.of(folder, "film", {"stages": stages})

    monkeypatch.setattr(speed, "run_ik", run_ik)
    monkeypatch.setattr(speed, "live", lambda film: LiveFigures(latency_ms=[80.0, 90.0, 100.0], seconds=0.2))
    figures = bench_speed(film, tmp_path / "run", Options(overlay=False))
    assert asked == [(True, True)]
    assert figures["realtime_factor"] == pytest.approx(0.5)
    assert figures["cpu_s_per_s"] == pytest.approx(4.0)
    assert figures["realtime_factor_at_most"] == pytest.approx(figures["cores"] / 4, abs=1e-3)
    assert figures["peak_memory_mb"] == 700
    assert figures["live_latency_ms"] == 90.0
    assert figures["live"]["frames"] == 3
    assert figures["sports2d_realtime_factor"] is None
    assert list(figures["stages"]) == ["detect", "overlay"]


def test_no_film(tmp_path):
    with pytest.raises(BioposeError, match="no such file"):
        bench_speed(tmp_path / "none.mp4", tmp_path / "run")
