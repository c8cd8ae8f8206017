"""Tasks on a Dask cluster of separate processes; skipped where Dask is not installed."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chores import deadly_among_slow, pid_after, square
from dask_cluster import dask_scheduler, dask_worker

from biomech import cluster
from biomech.cluster import CheckedWork, UnfitWorker, WorkerNeeds, on_cluster, package_hash
from biomech.errors import BioposeError
from biomech.workers import Stop

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """With one worker."""
    with dask_scheduler() as (address, _), dask_worker(address, tmp_path_factory.mktemp("dask")):
        yield address


def test_answers_and_failures(scheduler: str, tmp_path: Path) -> None:
    answers = dict(on_cluster(square, [1, -2, 3], scheduler=scheduler, stop=Stop(), folder=tmp_path))
    assert (answers[1], answers[3]) == (1, 9)
    assert isinstance(answers[-2], ValueError)
    assert list(tmp_path.iterdir()) == []


def test_what_kills_worker_after_worker_fails_alone(scheduler: str) -> None:
    """Dask blames those that wait at the same worker too."""
    answers = dict(on_cluster(deadly_among_slow, [13, 2, 3, 4, 5], scheduler=scheduler, stop=Stop()))
    assert "worker after worker died over it" in str(answers.pop(13))
    assert answers == {number: number for number in (2, 3, 4, 5)}


def test_a_lost_workers_task_is_done_by_another(scheduler: str, tmp_path: Path) -> None:
    with dask_worker(scheduler, tmp_path, nanny=False) as other:
        answers, killed = {}, False
        for task, answer in on_cluster(pid_after, [0.3] * 12, scheduler=scheduler, stop=Stop()):
            answers[len(answers)] = (task, answer)
            if answer == other.pid and not killed:
                killed = True
                os.kill(other.pid, signal.SIGKILL)
    assert killed and len(answers) == 12 and all(isinstance(answer, int) for _, answer in answers.values())


def test_no_scheduler() -> None:
    with pytest.raises(BioposeError, match="no Dask scheduler answers"):
        list(on_cluster(square, [1], scheduler="tcp://127.0.0.1:1", stop=Stop()))


def test_a_scheduler_that_goes(tmp_path: Path) -> None:
    with dask_scheduler() as (address, process):
        with pytest.raises(BioposeError, match="has no workers"):
            list(on_cluster(square, [1], scheduler=address, stop=Stop()))
        with dask_worker(address, tmp_path, nanny=False):
            threading.Timer(2.0, process.kill).start()
            with pytest.raises(BioposeError, match="scheduler is gone"):
                list(on_cluster(pid_after, [0.1] * 600, scheduler=address, stop=Stop()))


def test_no_worker_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ALONE_S", 2.0)
    with dask_scheduler() as (address, _), dask_worker(address, tmp_path, nanny=False) as worker:
        threading.Timer(2.0, worker.kill).start()
        with pytest.raises(BioposeError, match="has had no workers"):
            list(on_cluster(pid_after, [0.1] * 600, scheduler=address, stop=Stop()))


def test_workers_with_threads_are_refused(scheduler: str, tmp_path: Path) -> None:
    with dask_worker(scheduler, tmp_path, threads=2), pytest.raises(BioposeError, match="several threads"):
        list(on_cluster(square, [1], scheduler=scheduler, stop=Stop()))


def test_workers_without_the_files_or_with_another_biopose(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BioposeError, match="does not see /nowhere"):
        list(on_cluster(square, [1], scheduler=scheduler, stop=Stop(), sees=[Path("/nowhere")]))
    monkeypatch.setattr(cluster, "package_hash", lambda: "another")
    with pytest.raises(BioposeError, match="its code differs"):
        list(on_cluster(square, [1], scheduler=scheduler, stop=Stop()))
    monkeypatch.setattr(cluster, "__version__", "9.9")
    with pytest.raises(BioposeError, match=r"instead of 9\.9"):
        list(on_cluster(square, [1], scheduler=scheduler, stop=Stop()))


def test_who_comes_late_is_looked_at_too(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.touch()
    work = CheckedWork(square, WorkerNeeds(cluster.__version__, package_hash(), (str(seen),)))
    assert work(3) == 9
    seen.unlink()
    with pytest.raises(UnfitWorker, match="does not see"):
        work(3)


def test_a_stop(scheduler: str) -> None:
    stop, answers = Stop(), []
    for answer in on_cluster(square, list(range(40)), scheduler=scheduler, stop=stop):
        answers.append(answer)
        stop.ask()
    assert 1 <= len(answers) <= 5
    stop = Stop()
    threading.Timer(2.0, lambda: stop.ask(now=True)).start()
    began = time.monotonic()
    assert list(on_cluster(pid_after, [8.0, 8.0], scheduler=scheduler, stop=stop)) == []
    assert time.monotonic() - began < 7
