"""Python's search for unused cycles of objects, put off: imports and plots make many objects and hardly a cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """Around seconds of work that keeps what it makes: an eighth of its time went into the search.

    Of two threads at once, whichever ends first has it searched again.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
