"""Two pieces of work at once, as long as a core is free; numpy's large products and sums let other threads run.

What is computed does not depend on whether one was: only when. Torch's own threads are no help with small tensors.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")
CORES = min(os.cpu_count() or 1, 2)
_free = threading.Semaphore(CORES - 1)


def both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What both give; the other in a thread of its own where a core is free, else after the one.

    Args:
        one, other: neither changes what the other reads.

    Returns:
        Their answers.

    Raises:
        BaseException: what either raised.
    """
    if not _free.acquire(blocking=False):
        return one(), other()
    try:
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(other)
            return one(), later.result()
    finally:
        _free.release()


@contextmanager
def one_thread() -> Iterator[None]:
    """Around torch's work on small tensors, also as a decorator: its threads wait for each other with busy cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def taking_a_core() -> Iterator[None]:
    """Around work in a further thread, so that ``both`` knows; goes on where none is free."""
    took = _free.acquire(blocking=False)
    try:
        yield
    finally:
        if took:
            _free.release()
