"""One task on another process, which has made its imports by the time that the task comes.

A thread would not do for what runs Python of its own all the time: two of them take turns.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from biomech.children import ENVIRONMENT, check_working_folder
from biomech.errors import BioposeError
from biomech.workers import prepare_worker, without_main

Answer = TypeVar("Answer")
TOLD_EVERY_S = 0.1  # of the progress


class Helper:
    """Waits for a task of this process; ends with it, or when nobody has it any more.

    Args:
        modules: imported while it waits.
    """

    def __init__(self, *modules: str):
        self._modules = modules
        self._ends: Connection | None = None
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Let it begin with its imports; nothing where this process is a worker itself, whose cores are given away."""
        if self._process is not None or multiprocessing.parent_process() is not None:
            return
        context = multiprocessing.get_context("spawn")
        ours, its = context.Pipe()
        process = context.Process(target=_serve, args=(its, self._modules), daemon=True)
        former = {name: os.environ.get(name) for name in ENVIRONMENT}
        os.environ.update(ENVIRONMENT)
        try:
            check_working_folder()
            with without_main():
                process.start()
        except (OSError, BioposeError):  # no room for another one: then the task is done here
            return
        finally:
            its.close()
            for name, value in former.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        self._ends, self._process = ours, process

    def call(
        self,
        work: Callable[..., Answer],
        *given: Any,
        progress: Callable[[int, int], None] | None = None,
        **named: Any,
    ) -> Answer:
        """Do it there, and wait; here where the helper was not started or has died. It ends with that.

        Args:
            work: importable by its name; takes ``progress``.
            given, named: for it.
            progress: called with what is done and expected.

        Returns:
            Its answer.

        Raises:
            BaseException: what it raised.
        """
        if self._ends is None:
            return work(*given, progress=progress, **named)
        try:
            self._ends.send((work, given, named))
            while True:
                kind, said = self._ends.recv()
                if kind == "progress":
                    if progress:
                        progress(*said)
                elif kind == "error":
                    raise said
                else:
                    return said  # type: ignore[no-any-return]
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return work(*given, progress=progress, **named)
        finally:
            self.close()

    def close(self) -> None:
        """It ends, whatever it is at."""
        if self._ends is not None:
            self._ends.close()
        if self._process is not None:
            self._process.terminate()
            self._process.join()
        self._ends = self._process = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


def _serve(ends: Connection, modules: Sequence[str]) -> None:
    prepare_worker()
    for module in modules:
        importlib.import_module(module)
    try:
        work, given, named = ends.recv()
    except EOFError:
        return
    told_s = 0.0

    def progress(done: int, expected: int) -> None:
        nonlocal told_s
        if (now := time.monotonic()) - told_s > TOLD_EVERY_S or done == expected:
            told_s = now
            ends.send(("progress", (done, expected)))

    try:
        answer = ("done", work(*given, progress=progress, **named))
    except SystemExit:  # told to end: as one that is killed, so that the work is done where it was asked for
        raise
    except BaseException as error:
        answer = ("error", error)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # all is done: told to end while it leaves, it goes without a word
    with contextlib.suppress(OSError):
        ends.send(answer)
