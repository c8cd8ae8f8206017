"""The same tasks on a Dask cluster of separate processes; skipped where Dask is not installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chores import square
from walking import mishap, walking

from biomech.errors import BioposeError
from biomech.labels.campaign import LabelOptions, run_campaign
from biomech.labels.workers import Stop, on_cluster

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}", "OMP_NUM_THREADS": "1"}


def _worker(address: str, threads: int, folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-dashboard"]
    command += ["--nthreads", str(threads), "--nworkers", "1", "--local-directory", str(folder)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    process = subprocess.Popen(
        [*command, "--scheduler-file", str(file)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    address = next(line.split()[-1] for line in process.stderr if "Scheduler at" in line)
    worker = _worker(address, 1, folder)
    yield address
    worker.terminate()
    process.terminate()
    worker.wait()
    process.wait()


@pytest.fixture(scope="module", autouse=True)
def _ready(scheduler: str) -> None:
    from distributed import Client

    with Client(scheduler) as client:
        client.wait_for_workers(1, timeout=120)


def test_answers_and_failures(scheduler: str) -> None:
    answers = dict(on_cluster(square, [1, -2, 3], scheduler=scheduler, stop=Stop()))
    assert (answers[1], answers[3]) == (1, 9)
    assert isinstance(answers[-2], ValueError)


def test_a_campaign_on_the_cluster(scheduler: str, tmp_path: Path) -> None:
    report = run_campaign([*walking(2), mishap("bad")], tmp_path / "cluster", LabelOptions(scheduler=scheduler))
    assert (report.labelled, report.failed) == (2, {"x_bad": "here: the recording is bad"})
    run_campaign(walking(2), tmp_path / "here", LabelOptions())
    for file in (tmp_path / "here").rglob("*"):
        if file.is_file() and file.name not in ("biopose.json", "failures.csv"):
            assert (tmp_path / "cluster" / file.relative_to(tmp_path / "here")).read_bytes() == file.read_bytes()


def test_no_scheduler() -> None:
    with pytest.raises(BioposeError, match="no Dask scheduler answers"):
        list(on_cluster(square, [1], scheduler="tcp://127.0.0.1:1", stop=Stop()))


def test_workers_with_threads_are_refused(scheduler: str, tmp_path: Path) -> None:
    from distributed import Client

    worker = _worker(scheduler, 2, tmp_path)
    try:
        with Client(scheduler) as client:
            client.wait_for_workers(2, timeout=120)
        with pytest.raises(BioposeError, match="several threads"):
            list(on_cluster(square, [1], scheduler=scheduler, stop=Stop()))
    finally:
        worker.terminate()
        worker.wait()
