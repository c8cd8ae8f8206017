"""Many independent tasks on processes of this machine, to be stopped at any time; on a cluster: ``biomech.cluster``."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import connection
from typing import Any, TypeVar

from biomech.children import ENVIRONMENT, check_working_folder
from biomech.errors import BioposeError

LOOK_S = 0.2  # how often a stop is looked for
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Stop:
    """A wish to stop: first what runs is finished and nothing begun, the second time what runs is dropped."""

    def __init__(self) -> None:
        self.asked = self.now = False

    def ask(self, *, now: bool = False) -> None:
        self.now = now or self.asked
        self.asked = True


@contextlib.contextmanager
def stop_on_signals(say: Callable[[str], None]) -> Iterator[Stop]:
    """Turn Ctrl-C into a wish to stop, a second Ctrl-C or SIGTERM into one to stop at once."""
    stop = Stop()

    def on_signal(number: int, _: Any) -> None:
        stop.ask(now=number == signal.SIGTERM)
        say("stopping" if stop.now else "finishing what is under way; Ctrl-C again drops it")

    former = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def on_processes(
    work: Callable[[Task], Answer], tasks: Sequence[Task], *, workers: int, stop: Stop, threads: int = 1
) -> Iterator[tuple[Task, Answer | BaseException]]:
    """Answers, or what went wrong, as they come; a task that takes its process down costs only itself.

    ``work`` and the tasks must be importable in a fresh interpreter, and a calling script guarded by
    ``if __name__ == "__main__"``.

    Args:
        work: done to each task in a process of its own interpreter.
        tasks: begun in this order.
        workers: processes at once.
        stop: asked to stop, no task is begun; asked again, what runs is dropped.
        threads: of the libraries in each process.

    Yields:
        A task and its answer or its error, in the order in which they are done; tasks that were not done are missing.
    """
    waiting = deque(tasks)
    while waiting and not stop.asked:
        lost: list[Task] = []
        with _pool(workers, threads) as pool:
            yield from _drain(pool, work, waiting, workers, stop, lost)
        # One of them killed the pool. Each alone: then it is plain which.
        for task in lost:
            if stop.asked:
                break
            again: list[Task] = []
            with _pool(1, threads) as pool:
                yield from _drain(pool, work, deque([task]), 1, stop, again)
            if again:
                yield task, BioposeError("the process died over it: out of memory, or a crash inside OpenSim")


def all_done(
    work: Callable[[Task], Any], tasks: Sequence[Task], *, workers: int, stop: Stop, done: Callable[[int], None]
) -> int:
    """Work that is worth nothing in part: on processes, or here where one worker is enough; returns how many were done.

    Args:
        work: done to each task; what it gives back is not kept.
        tasks: begun in this order.
        workers: processes at once; with 1 this process does it.
        stop: asked to stop, no task is begun.
        done: called with how many are.

    Returns:
        All of them unless it was stopped.

    Raises:
        BaseException: what went wrong with one.
    """
    count = 0
    answers: Iterator[tuple[Task, Any]] = on_processes(work, tasks, workers=workers, stop=stop)
    if workers == 1:
        answers = ((task, work(task)) for task in tasks if not stop.asked)
    for count, (_, answer) in enumerate(answers, 1):
        if isinstance(answer, BaseException):
            raise answer
        done(count)
    return count


def begin(
    pool: Executor,
    work: Callable[[Task], Answer],
    waiting: deque[Task],
    running: dict[Future[Answer], Task],
    limit: int,
    stop: Stop,
) -> None:
    """Begin what waits, as far as the limit goes and no stop was asked for.

    Args:
        pool: of processes, or Dask's.
        work: done to each task.
        waiting: what was begun is taken out.
        running: and put in here; a task whose beginning fails stays where it was.
        limit: how many may run.
        stop: asked to stop, nothing is begun.
    """
    while waiting and len(running) < limit and not stop.asked:
        running[pool.submit(work, waiting[0])] = waiting[0]
        waiting.popleft()


def _drain(
    pool: Executor,
    work: Callable[[Task], Answer],
    waiting: deque[Task],
    limit: int,
    stop: Stop,
    lost: list[Task],
) -> Iterator[tuple[Task, Answer | BaseException]]:
    """Feed a pool; what was under way when it broke goes to ``lost``, what had not begun stays in ``waiting``."""
    running: dict[Future[Answer], Task] = {}
    while (running or waiting) and not lost:
        try:
            begin(pool, work, waiting, running, limit, stop)
        except BrokenExecutor:  # its tasks say so below
            pass
        if stop.now:
            for future in running:
                future.cancel()
            for process in multiprocessing.active_children():
                process.terminate()
            return
        if not running:
            return
        done, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        for future in done:
            task = running.pop(future)
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                lost.append(task)
            else:
                yield task, future.result() if error is None else error
        if lost:
            lost.extend(running.values())


@contextlib.contextmanager
def _pool(workers: int, threads: int) -> Iterator[ProcessPoolExecutor]:
    # The libraries read this when a worker loads them.
    check_working_folder()
    set_now = dict.fromkeys(THREAD_VARIABLES, str(threads)) | ENVIRONMENT
    former = {name: os.environ.get(name) for name in set_now}
    os.environ.update(set_now)
    try:
        with without_main(), ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), prepare_worker) as pool:
            yield pool
    finally:
        for name, value in former.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Start processes within: a worker runs the script that called us once more, unless it is not told of one.

    A script without a guard would start the same work in every worker, and what else stands in it.
    """
    main = vars(sys.modules["__main__"])
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(kept)


def prepare_worker() -> None:
    """In each worker: the parent hears Ctrl-C for all; a worker whose parent is gone goes too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _leave(*_: Any) -> None:
    raise SystemExit(143)  # so that temporary folders and OpenSim's own processes are cleared away


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
