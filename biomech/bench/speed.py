"""How fast the main job is: a film's length against what its run took, stage by stage, on the clock and in CPU time.

The clock says what a user waits for; on a machine that others use it says more about them. CPU time, of this process
and those that it started, hardly does.
"""

import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from biomech.files import check_file
from biomech.live.session import live
from biomech.pipeline.options import Options
from biomech.pipeline.run import run_ik
from biomech.video import Video

FILM = Path("opencap_samples/squat/video.mp4")  # 13.5 s, 720 × 1280, 60 Hz


@dataclass
class StageClock:
    """Takes the time of stages that begin one after the other.

    Attributes:
        seconds: of each stage so far, by its name: on the clock, and of CPU.
    """

    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    _now: tuple[str, float, float, int] | None = None

    def begin(self, name: str, skipped: bool = False) -> None:
        """The last stage has ended and this one begins: ``run_ik``'s ``on_stage``.

        One that begins in another thread runs beside the last one, and both are taken together.

        Args:
            name: of the stage; empty where none follows.
            skipped: not looked at.
        """
        clock, cpu, thread = perf_counter(), cpu_seconds(), threading.get_ident()
        if self._now is not None:
            last, began, began_cpu, of_thread = self._now
            if name and thread != of_thread:
                self._now = (f"{last}, {name}", began, began_cpu, of_thread)
                return
            self.seconds[last] = (clock - began, cpu - began_cpu)
        self._now = (name, clock, cpu, thread) if name else None

    def rows(self, film_s: float) -> dict[str, dict[str, float]]:
        """Per second of a film of this length: by stage, on the clock and of CPU."""
        return {
            name: {"seconds_per_s": round(clock / film_s, 3), "cpu_s_per_s": round(cpu / film_s, 3)}
            for name, (clock, cpu) in self.seconds.items()
        }


def cpu_seconds() -> float:
    """CPU time so far of this process and of those that it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def bench_speed(film: Path, folder: Path, options: Options | None = None) -> dict[str, object]:
    """Run the main job on a film, and take its time.

    Args:
        film: any that `biopose ik` takes; its own length, of the part that the options name, is what counts.
        folder: for the run, which is made anew.
        options: of the main job; the defaults where None.

    Returns:
        realtime_factor: seconds of film per second on the clock, all stages and the overlay included;
        live_latency_ms: the median of ``live`` on the film, without a window, and live: all of its figures;
        cpu_s_per_s: CPU seconds per second of film; realtime_factor_at_most: with all cores busy all the time;
        peak_memory_mb; stages: as ``StageClock.rows``; film_s and cores; sports2d_realtime_factor: None, since it is
        not run here.

    Raises:
        BioposeError: the film cannot be used, or the run fails.
    """
    options = options or Options()
    check_file(film, mend="Name the folder of the data with `data`, or a film.")
    clip = Video.open(film, options.start_s, options.end_s, options.rate_hz, options.every)
    clock = StageClock()
    began, began_cpu = perf_counter(), cpu_seconds()
    result = run_ik(film, folder, replace(options, overlay=True), overwrite=True, on_stage=clock.begin)
    clock.begin("")
    took_s, cpu_s = perf_counter() - began, cpu_seconds() - began_cpu
    film_s = int(result.figures["detect"]["frames"]) / clip.rate_hz
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lively = live(film).summary()
    peaks = [stage.get("peak_memory_mb") or 0 for stage in result.record["stages"].values()]
    return {
        "realtime_factor": round(film_s / took_s, 3),
        "realtime_factor_at_most": round(film_s * cores / cpu_s, 3),
        "cpu_s_per_s": round(cpu_s / film_s, 3),
        "live_latency_ms": lively["latency_ms_median"],
        "peak_memory_mb": max(peaks, default=0),
        "sports2d_realtime_factor": None,
        "film_s": round(film_s, 2),
        "cores": cores,
        "live": lively,
        "stages": clock.rows(film_s),
    }
