"""One solver alone with inverse kinematics problems: in a process of its own, on one core, timed by itself.

A process of its own, since OpenSim holds Python's lock while it solves and since a peak of memory belongs to a process.
It reads ``job.json`` in its folder and leaves ``answer_0.npz`` and so on there. Solvers are modules that do so
(``opensim_alone``, ``fast_alone``), or a script for a Python of its own (``nimble``).
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from biomech.children import python_module
from biomech.errors import BioposeError

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """What every solver gets."""

    model_osim: str
    markers_trc: str
    weights: dict[str, float]  # of the markers that count
    coordinate_tasks: dict[str, tuple[float, float]] = field(default_factory=dict)  # weight, target (rad or m)


@dataclass(frozen=True)
class TimedSolution:
    """What a solver said, and what it took; rows follow the .trc."""

    names: list[str]
    values: Float[np.ndarray, "frames coordinates"]  # rad and m
    wall_s: list[float]  # of solving alone, once for every repeat: neither starting Python nor loading the model
    cpu_s: list[float]
    peak_memory_mb: float  # of the process, its libraries included

    @property
    def frames_per_s(self) -> float:
        """By the median of the repeats."""
        return len(self.values) / float(np.median(self.wall_s))


def solve_alone(
    program: list[str],
    problems: Sequence[Problem],
    folder: Path,
    *,
    core: int | None = None,
    options: Mapping[str, float] = {},
) -> list[TimedSolution]:
    """Run one solver's program on problems, one after another in one process.

    Args:
        program: the command line; the folder is appended.
        problems: solved in this order.
        folder: a new folder for what passes between the processes.
        core: the one core that the process may use; where the system lets us say so.
        options: the solver's own (``accuracy``, ``repeats``).

    Returns:
        An answer for each problem, with its times (s) and the process's peak memory (MB).

    Raises:
        BioposeError: the solver failed, with its last word.
    """
    folder.mkdir(parents=True)
    job = {"problems": [asdict(problem) for problem in problems], **options}
    (folder / "job.json").write_text(json.dumps(job))
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    with open(folder / "errors.txt", "w") as errors:
        process = subprocess.Popen(
            [*program, str(folder)],
            cwd=folder,
            env={**os.environ, **one_thread},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            if core is not None and hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(process.pid, {core})
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    files = [folder / f"answer_{number}.npz" for number in range(len(problems))]
    if code or not all(file.is_file() for file in files):
        last = (folder / "errors.txt").read_text(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        raise BioposeError(f"the solver ended with code {code}: {last[0]}", where=" ".join([*program[1:], str(folder)]))
    return [_read(file) for file in files]


def _read(file: Path) -> TimedSolution:
    with np.load(file, allow_pickle=False) as data:
        return TimedSolution(
            [str(name) for name in data["names"]],
            data["values"],
            data["wall_s"].tolist(),
            data["cpu_s"].tolist(),
            float(data["peak_memory_mb"]),
        )


def module(name: str) -> list[str]:
    """The command line of a solver that is a module of this package."""
    return python_module(f"biomech.{name}")


@dataclass
class Clock:
    """Times of the repeats of one piece of work."""

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def time(self, work: Callable[[], T]) -> T:
        """Do it, and note what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.wall_s.append(time.perf_counter() - wall)
        self.cpu_s.append(time.process_time() - cpu)
        return result


def serve(solve: Callable[[Problem, Mapping[str, float], Path], tuple[list[str], np.ndarray, Clock]]) -> None:
    """In the solver's process: answer every problem of the job.

    Args:
        solve: gives coordinate names, their values (frames, coordinates) and what it took, from a problem, the
            options, and a folder for its own files.
    """
    folder = Path(sys.argv[1])
    options = json.loads((folder / "job.json").read_text())
    for number, said in enumerate(options.pop("problems")):
        said["coordinate_tasks"] = {name: tuple(task) for name, task in said["coordinate_tasks"].items()}
        names, values, clock = solve(Problem(**said), options, folder)
        np.savez(
            folder / f"answer_{number}.npz",
            names=np.array(names, dtype=str),
            values=values,
            wall_s=clock.wall_s,
            cpu_s=clock.cpu_s,
            peak_memory_mb=own_peak_memory_mb(),
        )


def own_peak_memory_mb() -> float:
    """Of this process since its program started; ``ru_maxrss`` would count the process that started it, on Linux."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines: Iterator[str] = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(next(lines).split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
