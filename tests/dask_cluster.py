"""A Dask scheduler and workers as processes of their own, as a user starts them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PLACES = os.pathsep.join(str(place) for place in (HERE, HERE / "labels", HERE / "pipeline"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": PLACES, "OMP_NUM_THREADS": "1"}


@contextlib.contextmanager
def dask_scheduler() -> Iterator[tuple[str, subprocess.Popen]]:
    """Its address and its process."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--no-dashboard"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    address = next(line.split()[-1] for line in process.stderr if "Scheduler at" in line)
    try:
        yield address, process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def dask_worker(
    address: str, folder: Path, *, threads: int = 1, nanny: bool = True, cwd: Path | None = None, **environment: str
) -> Iterator[subprocess.Popen]:
    """One more worker, once the scheduler knows of it; with a nanny, which starts it again when it dies."""
    from distributed import Client

    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-dashboard"]
    command += ["--nthreads", str(threads), "--nworkers", "1", "--local-directory", str(folder)]
    command += [] if nanny else ["--no-nanny"]
    with Client(address, set_as_default=False) as client:
        before = len(client.nthreads())
        process = subprocess.Popen(command, env={**ENVIRONMENT, **environment}, stderr=subprocess.DEVNULL, cwd=cwd)
        client.wait_for_workers(before + 1, timeout=120)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait()
