"""How `biopose batch` bears ten thousand recordings: time of each, failures, memory, and a worker that is lost.

Finding and planning them, the processes or the cluster, each one's folder with its lock, record and keys, the second
look at what is unchanged, and the tables, figures and page of all are the batch's own code. What a recording's run does
in between is a stand-in: it reads a .trc of eleven frames by the real reader, writes it again, and puts tables of a
plausible gait beside it (``stand_in``), which takes some milliseconds in place of seconds to minutes. So these times
are what a batch adds to the runs, and not what runs cost.
"""

import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from biomech.errors import BioposeError
from biomech.files import write_csv
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.pipeline.batch import entries_of
from biomech.pipeline.batch_runs import BatchOutcome, run_batch
from biomech.pipeline.claim import claimed
from biomech.pipeline.figures import StageRecord
from biomech.pipeline.options import Options
from biomech.pipeline.record import Run, peak_memory_mb
from biomech.pipeline.run import walk
from biomech.pipeline.stages import Result, Stage, recording_name
from biomech.report.batch_figure import SHOWN
from biomech.report.batch_tables import write_tables

HERE = Path(__file__)
FRAMES, RATE_HZ = 11, 10.0
OF_A_SUBJECT = 20  # recordings
GROUPS = ("patients", "controls")
BROKEN_SHARE = 0.02
BROKEN_AS = ("broken", "", "PathFileType\t4\t(X/Y/Z)\tcut.trc\nDataRate\tCameraRate\n")  # texts that are no .trc
DEADLY = "DEADLY"  # the marker of a recording that takes its process down
SIZES = (100, 1000)  # of the batches that are smaller than the one asked for
PROCESSES = 2
CONFIG = "study.toml"


@dataclass(frozen=True)
class MadeClips:
    """A folder of recordings and a configuration.

    Attributes:
        folder: of both.
        bad: names of those that cannot be run, the deadly one included.
    """

    folder: Path
    bad: frozenset[str]


def make_clips(folder: Path, count: int, *, seed: int = 0) -> MadeClips:
    """Write small recordings of people in two groups, a share of them broken and one deadly.

    Args:
        folder: made anew.
        count: of recordings, from 3 on; one is whole.
        seed: draws which are broken, and what moves.

    Returns:
        Where they lie, and which are bad.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    drawn = np.random.default_rng(seed)
    broken = drawn.choice(count, max(2, round(BROKEN_SHARE * count)), replace=False)
    kinds = {int(clip): BROKEN_AS[k % len(BROKEN_AS)] if k else DEADLY for k, clip in enumerate(broken)}
    time_s, bad = np.arange(FRAMES) / RATE_HZ, set[str]()
    for clip in range(count):
        path = folder / f"s{clip // OF_A_SUBJECT:04d}_{clip:06d}.trc"
        kind = kinds.get(clip)
        if kind is not None:
            bad.add(path.stem)
        if kind is None or kind == DEADLY:
            up = 1 + 0.1 * drawn.random() * np.sin(2 * np.pi * time_s)
            places = np.stack([np.stack([time_s, up + 0.2 * k, 0.1 * k + 0 * up], -1) for k in range(3)], 1)
            write_trc(Markers(["A", "B", kind or "C"], places, time_s), path)
        else:
            path.write_text(kind)
    people = range((count - 1) // OF_A_SUBJECT + 1)
    said = [f'[subjects.s{k:04d}]\nheight = 1.7\ngroup = "{GROUPS[k % len(GROUPS)]}"\n' for k in people]
    (folder / CONFIG).write_text("".join(said))
    return MadeClips(folder, frozenset(bad))


def stand_in(source: Path, folder: Path, options: Options, overwrite: bool) -> Result:
    """What ``run_ik`` is for a batch, in place of its work: two stages with keys and a record.

    Args:
        source: a .trc of ``make_clips``.
        folder: where the results go.
        options: of the recording.
        overwrite: run both stages, whatever is there.

    Returns:
        Markers, a tidy table of angles and one of measures.

    Raises:
        BioposeError: it is no .trc.
    """
    with claimed(folder):
        run = Run.open(folder, overwrite=overwrite)
        files = Result.of(folder, recording_name(source), run.record)
        stages = [
            Stage("read", {"recording": source}, [files.markers], {}, lambda: _read(source, files), (HERE,)),
            Stage(
                "solve",
                {"markers": files.markers},
                [files.solutions[0].angles, files.measures],
                {"height_m": options.height_m},
                lambda: _tables(files),
                (HERE,),
            ),
        ]
        return walk(run, [source], files, options, stages, overwrite)


def _read(source: Path, files: Result) -> StageRecord:
    markers = read_trc(source)
    if DEADLY in markers.names:
        os._exit(13)
    write_trc(markers, files.markers)
    return {"notes": markers.notes}


def _tables(files: Result) -> StageRecord:
    markers = read_trc(files.markers)
    bend = 40 * (1 + 5 * (markers.positions_m[:, 0, 1] - 1))
    names = [name for one in SHOWN for name in _sides(one)]
    long = pd.DataFrame(
        {
            "time": np.repeat(markers.time_s, len(names)),
            "coordinate": names * len(bend),
            "value": (bend[:, None] * np.linspace(0.2, 1, len(names))).round(4).ravel(),
            **{"unit": "deg", "half_width": np.nan, "trusted": 1, "reason": ""},
        }
    )
    write_csv(long, files.solutions[0].angles)
    first, last = markers.time_s[[0, -1]]
    strides = [
        {"activity": "walking", "number": 1, "side": side, "start_s": first, "end_s": last, "trusted_share": 1.0}
        | {"coordinate": "", "measure": "stride_time", "value": last - first, "unit": "s"}
        for side in "rl"
    ]
    write_csv(pd.DataFrame(strides), files.measures)
    figures = {"frames": len(bend), "marker_rms_mm": 0.0, "notes": []}
    return figures  # type: ignore[return-value]  # as much of the solve's as a batch looks at


def _sides(name: str) -> tuple[str, ...]:
    return (name,) if name.startswith(("lumbar", "pelvis")) else (f"{name}_r", f"{name}_l")


def bench_batch(
    folder: Path, *, clips: int = 10_000, seed: int = 0, say: Callable[[str], None] = lambda _: None
) -> dict[str, object]:
    """Run batches of rising size by one process, then one by two, and one on a cluster that loses a worker.

    Args:
        folder: for recordings and results; what an earlier bench left there is removed.
        clips: in the largest batch.
        seed: draws which recordings are broken.
        say: told of every part.

    Returns:
        by_size: for each number of recordings seconds of the first run and of the second, when all are unchanged, and
        milliseconds of one, the starts of processes included; the part of both that is tables, figures and page;
        failures found and made; the parent's peak memory so far and its growth since the start; the page's bytes.
        first_ms_more, again_ms_more: of one recording more, between the smallest size and the largest.
        two_processes_ratio: time of one process over that of two. cluster: the largest size on two Dask workers of
        which one is killed midway, and whether its tables are the same.

    Raises:
        BioposeError: nothing can be written there, or too few recordings are asked for.
    """
    if clips < SIZES[0]:
        raise BioposeError(f"a bench of a batch needs {SIZES[0]} recordings or more", mend=f"Give {SIZES[0]}.")
    began_mb = peak_memory_mb()
    by_size: dict[str, dict[str, object]] = {}
    for size in (*(one for one in SIZES if one < clips), clips):
        made = make_clips(folder / f"clips_{size}", size, seed=seed)
        out = folder / f"out_{size}"
        shutil.rmtree(out, ignore_errors=True)
        first_s, first_tables_s, outcomes = _timed(made, out, 1)
        again_s, again_tables_s, outcomes_again = _timed(made, out, 1)
        by_size[str(size)] = {
            "first_s": round(first_s, 2),
            "again_s": round(again_s, 2),
            "first_ms_each": _each_ms(first_s, size),
            "again_ms_each": _each_ms(again_s, size),
            "first_tables_ms_each": _each_ms(first_tables_s, size),
            "again_tables_ms_each": _each_ms(again_tables_s, size),
            "failures_made": len(made.bad),
            "failures_found": len(_failed(outcomes) & made.bad),
            "failed_besides": len((_failed(outcomes) | _failed(outcomes_again)) - made.bad),
            "parent_peak_mb": round(peak_memory_mb()),
            "parent_growth_mb": round(peak_memory_mb() - began_mb),
            "page_bytes": (out / "index.html").stat().st_size,
        }
        say(f"{size} recordings: {by_size[str(size)]}")
    small = next(iter(by_size))
    more = {}
    for part in ("first", "again"):
        seconds = [float(str(by_size[size][f"{part}_s"])) for size in (small, str(clips))]
        more[f"{part}_ms_more"] = _each_ms(seconds[1] - seconds[0], clips - int(small)) if clips > int(small) else None
    middle = str(min(SIZES[-1], clips))
    made = make_clips(folder / f"clips_{middle}", int(middle), seed=seed)
    shutil.rmtree(folder / "out_two", ignore_errors=True)
    two_s, _, _ = _timed(made, folder / "out_two", PROCESSES)
    one_s = by_size[middle]["first_s"]
    assert isinstance(one_s, float)
    say(f"{middle} by two processes: {two_s:.1f} s")
    return {
        "clips": clips,
        **more,
        "by_size": by_size,
        "two_processes_ratio": round(one_s / two_s, 2),
        "cluster": _on_cluster(folder, clips, seed),
    }


def _each_ms(seconds: float, count: int) -> float:
    return round(1000 * seconds / count, 3)


def _failed(outcomes: list[BatchOutcome]) -> set[str]:
    return {one.entry.name for one in outcomes if one.error is not None}


def _timed(
    made: MadeClips,
    out: Path,
    jobs: int,
    scheduler: str | None = None,
    done: Callable[[BatchOutcome, int, int], None] | None = None,
) -> tuple[float, float, list[BatchOutcome]]:
    """Seconds of the batch, those of its tables among them, and what became of its recordings."""
    begun = time.perf_counter()
    entries = entries_of(made.folder, made.folder / CONFIG)
    outcomes = run_batch(entries, out, jobs=jobs, scheduler=scheduler, done=done, run=stand_in)
    ran = time.perf_counter()
    write_tables([outcome.trial() for outcome in outcomes], out)
    ended = time.perf_counter()
    return ended - begun, ended - ran, outcomes


def _on_cluster(folder: Path, clips: int, seed: int) -> dict[str, object] | None:
    """None where Dask is not installed."""
    try:
        from distributed import LocalCluster
    except ImportError:
        return None
    made = make_clips(folder / f"clips_{clips}", clips, seed=seed)
    here, out = folder / f"out_{clips}", folder / "out_cluster"
    shutil.rmtree(out, ignore_errors=True)
    killed = []
    with (
        _quiet(),
        LocalCluster(
            n_workers=PROCESSES,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):

        def done(_: BatchOutcome, count: int, total: int) -> None:
            if count == total // 2:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[-1], signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

        first_s, _, outcomes = _timed(made, out, 1, cluster.scheduler_address, done)
        again_s, _, outcomes_again = _timed(made, out, 1, cluster.scheduler_address)
    tables = ("ranges.csv", "measures.csv")
    return {
        "first_s": round(first_s, 2),
        "again_s": round(again_s, 2),
        "workers_killed": len(killed),
        "failures_made": len(made.bad),
        "failures_found": len(_failed(outcomes) & made.bad),
        "failed_besides": len((_failed(outcomes) | _failed(outcomes_again)) - made.bad),
        "same_tables": all((out / name).read_bytes() == (here / name).read_bytes() for name in tables),
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the cluster's log of workers that die, which is what it is for here."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
