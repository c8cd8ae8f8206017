"""The recordings of a batch are run: on processes of this machine or on a Dask cluster, and on after failures."""

import errno
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from biomech.cluster import on_cluster
from biomech.errors import BioposeError, MachineError, plainly
from biomech.pipeline.batch import Entry
from biomech.pipeline.claim import claimed
from biomech.pipeline.flags import in_flags
from biomech.pipeline.options import LeftOut, Options
from biomech.pipeline.stages import Result
from biomech.report.batch_tables import NOT_RUN, BatchTrial
from biomech.workers import Stop, on_processes

RunOne = Callable[[Path, Path, Options, bool], Result]  # recording, its folder, options, overwrite


@dataclass
class BatchOutcome:
    """What became of a recording; ``folder`` holds its results where ``error`` is None.

    Attributes:
        seconds: that it took its process.
        figures: of its solve.
        left_out: what it was told to use and was run without, and why; empty where there is none.
    """

    entry: Entry
    folder: Path
    seconds: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    error: str | None = None
    left_out: str = ""

    @property
    def waits(self) -> bool:
        """Whether a stop left it out."""
        return self.error == NOT_RUN

    def trial(self) -> BatchTrial:
        """As tables take it."""
        return BatchTrial(
            name=self.entry.name,
            subject=self.entry.subject,
            group=self.entry.group,
            folder=self.folder,
            seconds=self.seconds,
            frames=self.figures.get("frames"),
            marker_rms_mm=self.figures.get("marker_rms_mm"),
            files={name: Path(path) for name, path in self.files.items()},
            notes=len(self.notes),
            error=None if self.error is None else in_flags(self.error),
            left_out=in_flags(self.left_out),
        )


def run_batch(
    entries: Sequence[Entry],
    out: Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    stop: Stop | None = None,
    done: Callable[[BatchOutcome, int, int], None] | None = None,
    run: RunOne | None = None,
) -> list[BatchOutcome]:
    """Run them all, each in a folder of its own; what is up to date already is not run again.

    A process runs one recording after the other. What takes its process down fails alone: the others that were under
    way are run again, which goes on after their last stage. A neutral trial that is there and cannot be used is left
    out, so that it does not cost all recordings of its subject.

    Args:
        entries: of ``entries_of``.
        out: a recording's results go to OUT/NAME.
        jobs: how many at once on this machine; each gets its share of the cores.
        scheduler: of a Dask cluster, instead of processes here: its address. Its workers see the same files under the
            same paths.
        overwrite: run every stage, whatever is there.
        stop: asked to stop, what runs is finished or dropped, and the rest is not run.
        done: called with each outcome, how many are done, and how many there are.
        run: what is done to a recording; ``run_ik`` where None. Importable in a fresh interpreter.

    Returns:
        One for each entry, in their order; failures among them, and those that a stop left out (``NOT_RUN``).

    Raises:
        BioposeError: another batch is at work in ``out``, nothing may be written there, or the cluster cannot be used.
    """
    place, stop = Path(out).resolve(), stop or Stop()
    entries = [_from_anywhere(entry) for entry in entries]
    number = {entry.name: k for k, entry in enumerate(entries)}
    outcomes = [BatchOutcome(entry, place / entry.name, error=NOT_RUN) for entry in entries]
    threads = 1 if scheduler is not None else max(1, (os.cpu_count() or 1) // jobs)
    work = functools.partial(_work, out=place, overwrite=overwrite, threads=threads, run=run)
    with claimed(place):
        if not entries:
            return outcomes
        if scheduler is not None:
            sees = sorted({entry.source.parent for entry in entries})
            answers = on_cluster(work, entries, scheduler=scheduler, stop=stop, folder=place, sees=sees)
        else:
            answers = on_processes(work, entries, workers=min(jobs, len(entries)), stop=stop, threads=threads)
        for count, (entry, answer) in enumerate(answers, 1):
            told = _of_error(answer) if isinstance(answer, BaseException) else answer
            k = number[entry.name]
            outcomes[k] = BatchOutcome(entry, place / entry.name, **told)
            if done is not None:
                done(outcomes[k], count, len(entries))
    return outcomes


def _from_anywhere(entry: Entry) -> Entry:
    """With paths that hold in another working folder too."""
    return replace(entry, source=entry.source.absolute(), options=entry.options.absolute())


def _work(entry: Entry, *, out: Path, overwrite: bool, threads: int, run: RunOne | None) -> dict[str, Any]:
    """In a worker; the answer is plain, and failures are answers."""
    begun, run = time.monotonic(), run or _run_ik(threads)
    told: dict[str, Any]
    left_out = ""
    try:
        try:
            result = run(entry.source, out / entry.name, entry.options, overwrite)
        except BioposeError as error:
            if not (left_out := _without_neutral(error, entry.options)):
                raise
            result = run(
                entry.source, out / entry.name, replace(entry.options, neutral=cast(Any, LeftOut(left_out))), overwrite
            )
        files = {name: str(path) for name, path in result.files.items()}
        told = {"figures": dict(result.figures.get("solve", {})), "files": files, "notes": result.notes}
    except Exception as error:  # the others go on
        told = _of_error(error)
    told["left_out"] = left_out
    return {**told, "seconds": time.monotonic() - begun}


def _without_neutral(error: BioposeError, options: Options) -> str:
    """What to say where the film of the neutral pose is to blame and the recording can go on without; else empty."""
    film = options.neutral
    if isinstance(error, MachineError) or not isinstance(film, Path) or not film.is_file() or error.where != str(film):
        return ""
    return f"run without its neutral trial {film.name}, which cannot be used: {error.what}"


def _run_ik(threads: int) -> RunOne:
    import torch

    from biomech.pipeline.run import run_ik

    torch.set_num_threads(threads)
    return lambda source, folder, options, overwrite: run_ik(source, folder, options, overwrite=overwrite)


def _of_error(error: BaseException) -> dict[str, Any]:
    if isinstance(error, BioposeError):
        return {"error": error.text()}
    if isinstance(error, SystemExit):
        return {"error": "its process was told to end. Run the same command again"}
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return {"error": "its name is too long for the names of the results. Give the recording a shorter one"}
    return {"error": f"{type(error).__name__}: {plainly(error)}"}
