"""One command in a forked child: torch and OpenSim are imported once, and every input costs only its own work.

The child gets a folder of its own, a limit of time, memory and file size, and nothing on standard input. What it did
is told by its exit status and by what it left. POSIX only, as ``os.fork`` is.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 60.0
MEMORY_BYTES = 6 << 30  # beyond what the imports hold
CAPABILITY_VERSION_3, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 0x20080522, 1 << 1, 1 << 2
LOOK_S = 0.002
LEFT = 97  # exit status of a child that wrote down an uncaught exception


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int | None  # exit code; None where a signal or the limit ended it
    signal: int | None
    timed_out: bool
    seconds: float  # of processor time
    said: str  # standard output
    error: str  # standard error
    trace: str  # of an exception that nothing caught
    faults: list[str]  # what is wrong about the files of a success


@dataclass(frozen=True)
class ResourceLimits:
    """What a child may use."""

    seconds: float = LIMIT_S
    memory_bytes: int = MEMORY_BYTES
    file_bytes: int | None = None  # a disk that is nearly full
    unprivileged: bool = False  # permissions count, even for root


def preload() -> None:
    """Import what the commands import, before anything is forked."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import importlib

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.figure
    import torch

    torch.set_num_threads(1)
    from biomech.cli import main

    for name in (*main.VERBS, *main.GROUPS):
        importlib.import_module(f"biomech.cli.{name}")
    for name in PRELOADED:
        importlib.import_module(name)


PRELOADED = (
    *("biomech.pipeline.run", "biomech.pipeline.solve", "biomech.pipeline.demo", "biomech.pipeline.people"),
    *("biomech.comparison.compare", "biomech.comparison.presets", "biomech.comparison.tables"),
    *("biomech.comparison.curves", "biomech.mesh.mqhmr.refine", "biomech.train.neurik.train"),
    *("biomech.keypoints.readers", "biomech.labels.campaign", "biomech.labels.sources", "biomech.workers"),
    *("biomech.inspection.check", "biomech.pipeline.occasions", "biomech.measures.written", "biomech.pipeline.alone"),
    *("biomech.pipeline.batch_runs", "biomech.report.batch_tables", "biomech.pipeline.finish", "biomech.pipeline.gui"),
    *("biomech.report.page", "biomech.report.scene", "biomech.report.measured", "biomech.report.angle_plot"),
    *("biomech.exports.write", "biomech.exports.glb", "biomech.exports.bvh", "biomech.exports.c3d"),
    *("biomech.exports.smpl", "biomech.exports.tidy", "biomech.exports.visualizer"),
)


def in_child(
    arguments: list[str],
    folder: Path,
    *,
    limits: ResourceLimits | None = None,
    judge: Callable[[], list[str]] | None = None,
) -> Ended:
    """Run ``biopose ARGUMENTS`` in a child whose working directory is ``folder``.

    Args:
        arguments: without ``biopose`` itself.
        folder: must be there; what the child said goes to a folder beside it, named so with ``.said``.
        limits: time, memory, file size and rights; the usual ones where None.
        judge: run in the child after a success, in the same folder; says what is wrong about what was written.

    Returns:
        How the child ended, and what it said.
    """
    limits = limits or ResourceLimits()
    aside = folder.with_name(folder.name + ".said")
    aside.mkdir(exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _run(arguments, folder, aside, limits, judge)
    return _waited(child, aside, limits)


def _run(
    arguments: list[str], folder: Path, aside: Path, limits: ResourceLimits, judge: Callable[[], list[str]] | None
) -> None:
    """In the child: never returns."""
    code = LEFT
    try:
        os.setsid()
        for number, place, how in ((0, os.devnull, os.O_RDONLY), (1, aside / "out", None), (2, aside / "err", None)):
            file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if how is None else how, 0o666)
            os.dup2(file, number)
            os.close(file)
        trace = os.open(aside / "trace", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        verdict = os.open(aside / "faults", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.chdir(folder)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _linux() else 0
        resource.setrlimit(resource.RLIMIT_AS, (held + limits.memory_bytes,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limits.unprivileged:
            _obey_permissions()
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        if limits.file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, most))
        code, uncaught = _command(arguments)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        os.write(trace, uncaught.encode(errors="replace"))
        if code == 0 and judge is not None:
            os.write(verdict, json.dumps(judge()).encode())
    except BaseException:
        with contextlib.suppress(OSError):
            os.write(2, traceback.format_exc().encode(errors="replace"))
        code = LEFT
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _command(arguments: list[str]) -> tuple[int, str]:
    """The exit code of the command, and what nothing caught."""
    from biomech.cli.main import main

    sys.argv = ["biopose", *arguments]
    try:
        main()
    except SystemExit as left:
        return (left.code if isinstance(left.code, int) else 0 if left.code is None else 1), ""
    except BaseException:
        return LEFT, traceback.format_exc()[-8000:]
    return 0, ""


def _obey_permissions() -> None:
    """Root may read and write what is locked; without two of its capabilities it is an owner like others."""
    if os.geteuid() or not _linux():
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of the first 32; then of the others
    if libc.capget(header, sets) == 0:
        sets[0] &= ~(CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH)
        sets[1] &= ~(CAP_DAC_OVERRIDE | CAP_DAC_READ_SEARCH)
        libc.capset(header, sets)


def _waited(child: int, aside: Path, limits: ResourceLimits) -> Ended:
    started, timed_out = time.monotonic(), False
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - started > limits.seconds:
            timed_out = True
            os.killpg(child, signal.SIGKILL)
            _, status, used = os.wait4(child, 0)
            break
        time.sleep(LOOK_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # what it started goes with it

    def said(name: str) -> str:
        path = aside / name
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            return file.read(1 << 20).decode(errors="replace")

    faults = said("faults")
    return Ended(
        code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        timed_out=timed_out,
        seconds=used.ru_utime + used.ru_stime,
        said=said("out"),
        error=said("err"),
        trace=said("trace"),
        faults=json.loads(faults) if faults else [],
    )


def _linux() -> bool:
    return sys.platform == "linux"
