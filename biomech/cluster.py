"""Many independent tasks on a Dask cluster: whose workers have this very package and see the same files.

What a lost worker had under way is given to another; a task that takes worker after worker down fails alone.
"""

import contextlib
import functools
import hashlib
import re
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from biomech import __version__
from biomech.errors import BioposeError
from biomech.files import told_of_writing
from biomech.leftovers import own_prefix
from biomech.workers import LOOK_S, Answer, Stop, Task, begin

if TYPE_CHECKING:
    from distributed import Client

TASKS_PER_THREAD = 2  # one runs, one waits
CONNECT_S = 10
ALONE_S = 60.0  # without any worker, until that is told
RESUMES = "The same command goes on."


class UnfitWorker(RuntimeError):
    """A worker that came later, with another package or without the files."""


class WorkerNeeds(NamedTuple):
    """What every worker must find at its place.

    Attributes:
        version: of the package.
        code: ``package_hash``.
        places: paths that are there.
    """

    version: str
    code: str
    places: tuple[str, ...]

    def missing(self) -> str | None:
        """What this process lacks of it, in words; None where it is all there."""
        if self.version != __version__:
            return f"it has biopose {__version__} instead of {self.version}"
        if self.code != package_hash():
            return f"it has another biopose {__version__}: its code differs"
        unseen = [place for place in self.places if not Path(place).exists()]
        return f"it does not see {unseen[0]}" if unseen else None


class CheckedWork(Generic[Task, Answer]):
    """Work that a worker does only where it finds what it needs."""

    def __init__(self, work: Callable[[Task], Answer], needs: WorkerNeeds) -> None:
        self.work, self.needs = work, needs

    def __call__(self, task: Task) -> Answer:
        if missing := self.needs.missing():
            raise UnfitWorker(missing)
        return self.work(task)


@functools.cache
def package_hash() -> str:
    """Of all Python files of the package's own folder, by name and content."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def on_cluster(
    work: Callable[[Task], Answer],
    tasks: Sequence[Task],
    *,
    scheduler: str,
    stop: Stop,
    folder: Path | None = None,
    sees: Sequence[Path] = (),
) -> Iterator[tuple[Task, Answer | BaseException]]:
    """Answers, or what went wrong, as they come; the counterpart of ``workers.on_processes``.

    Args:
        work: done to each task; importable on the workers.
        tasks: begun in this order.
        scheduler: its address, such as tcp://10.0.0.1:8786.
        stop: asked to stop, no task is begun; asked again, what waits is dropped, and what runs ends by itself.
        folder: of the results, which must be there: a file is put into it that every worker has to see.
        sees: what the workers have to see besides, absolute.

    Yields:
        A task and its answer or its error, in the order in which they are done; tasks that were not done are missing.

    Raises:
        BioposeError: Dask is missing, there is no such scheduler or it is gone, it has no workers, they have several
            threads, another biopose or do not see the files.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise BioposeError("Dask is not installed", mend='Run: pip install "biopose[cluster]"') from error
    if not re.fullmatch(r"((tcp|tls|ucx|ws|wss)://)?[^\s/]+:\d{1,5}", scheduler):  # Dask hangs on some of these
        raise BioposeError(
            f"'{scheduler}' is no address of a Dask scheduler", where="scheduler", mend="Give it as tcp://HOST:8786."
        )
    try:
        client = Client(scheduler, timeout=f"{CONNECT_S}s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise BioposeError(
            f"no Dask scheduler answers ({error})", where=scheduler, mend="Start one, and give its tcp:// address."
        ) from error
    with client, _seen_file(folder) as seen:
        needs = WorkerNeeds(__version__, package_hash(), tuple(str(place) for place in (*seen, *sees)))
        _check_workers(client, scheduler, needs)
        yield from _drain(client, scheduler, CheckedWork(work, needs), deque(tasks), stop)


@contextlib.contextmanager
def _seen_file(folder: Path | None) -> Iterator[list[Path]]:
    """A file in the folder that only who shares it sees; nothing where there is no folder."""
    if folder is None:
        yield []
        return
    folder = Path(folder).resolve()
    with (
        told_of_writing(folder),
        tempfile.NamedTemporaryFile(prefix=f"{own_prefix()}shared-", dir=folder) as file,
    ):
        yield [Path(file.name)]


def _check_workers(client: "Client", scheduler: str, needs: WorkerNeeds) -> None:
    """All of them at once, before anything is begun.

    Raises:
        BioposeError: there is none, or one cannot be used.
    """
    threads = client.nthreads()
    if not threads or max(threads.values()) > 1:
        raise BioposeError(
            "the cluster has no workers" if not threads else "the cluster's workers have several threads",
            where=scheduler,
            mend=f"Start processes with one each: dask worker {scheduler} --nthreads 1 --nworkers 8",
        )
    for address, said in client.run(needs.missing, on_error="return").items():
        if isinstance(said, ImportError):
            said = "it has no biopose, or not this one"
        elif isinstance(said, BaseException):
            said = f"it does not answer ({type(said).__name__}: {said})"
        if said:
            raise _unfit(str(said), address)


def _unfit(said: str, where: str) -> BioposeError:
    return BioposeError(
        f"a worker cannot be used: {said}",
        where=where,
        mend="All workers need the same biopose, and the recordings and results under the same paths (a shared disk).",
    )


def _drain(
    client: "Client", scheduler: str, work: Callable[[Task], Answer], waiting: deque[Task], stop: Stop
) -> Iterator[tuple[Task, Answer | BaseException]]:
    """Feed the cluster: never more than its threads can have under way soon, whoever comes and goes."""
    from distributed.scheduler import KilledWorker

    pool: Any = client.get_executor(pure=False)
    running: dict[Future[Answer], Task] = {}
    suspects: deque[Task] = deque()  # were with workers that died, they or others: each is tried alone in the end
    tried_alone = False
    seen_at = looked_at = time.monotonic()
    limit = _limit(client)
    while running or waiting or suspects:
        if suspects and not running and not waiting:
            waiting, limit, tried_alone = deque([suspects.popleft()]), max(limit, 1), True
        begin(pool, work, waiting, running, limit, stop)
        if stop.now:
            for future in running:
                future.cancel()
            return
        if not running and stop.asked:
            return
        if not running:
            time.sleep(LOOK_S)
        done, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        now = time.monotonic()
        if now - looked_at > 1.0:
            looked_at, limit = now, _limit(client)
            seen_at = now if limit else seen_at
            if client.status != "running" or now - seen_at > ALONE_S:
                lost = f"has had no workers for {ALONE_S:g} s" if client.status == "running" else "is gone"
                raise BioposeError(f"the Dask scheduler {lost}", where=scheduler, mend=f"Start it again. {RESUMES}")
        for future in done:
            task = running.pop(future)
            try:
                answer: Answer | BaseException = future.result()
            except CancelledError as error:
                raise BioposeError("the Dask scheduler is gone", where=scheduler, mend=RESUMES) from error
            except UnfitWorker as error:
                raise _unfit(str(error), scheduler) from error
            except KilledWorker:
                if not tried_alone:
                    suspects.append(task)
                    continue
                answer = BioposeError("worker after worker died over it: out of memory, or a crash inside OpenSim")
            except Exception as error:
                answer = error
            yield task, answer


def _limit(client: "Client") -> int:
    """Tasks that may be under way; 0 without workers, or where the scheduler does not say."""
    try:
        return TASKS_PER_THREAD * sum(client.nthreads().values())
    except (OSError, TimeoutError):
        return 0
