"""A task on a process of its own: its answer, its errors, its progress, and that it ends."""

import gc
import os
import signal
import sys
import time

import pytest

from biomech.errors import BioposeError
from biomech.helper import Helper


def add(one: int, other: int, *, progress=None) -> tuple[int, int]:
    if progress:
        progress(1, 2)
        progress(2, 2)
    return one + other, os.getpid()


def refuse(*, progress=None) -> None:
    raise BioposeError("not this", where="here", mend="Do that.")


def die(main: int, *, progress=None) -> int:
    if os.getpid() != main:
        os._exit(9)
    return 7


def be_told_to_end(main: int, *, progress=None) -> int:
    if os.getpid() != main:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
    return 8


def started(*modules: str) -> Helper:
    helper = Helper(*modules)
    helper.start()
    assert helper._process is not None
    return helper


def test_it_is_done_there_and_told() -> None:
    said: list[tuple[int, int]] = []
    helper = started("json")
    process = helper._process
    answer, where = helper.call(add, 2, other=3, progress=lambda done, expected: said.append((done, expected)))
    assert answer == 5 and where != os.getpid()
    assert said[-1] == (2, 2)
    assert process is not None and not process.is_alive() and helper._process is None


def test_it_is_done_here_where_it_was_not_started() -> None:
    assert Helper().call(add, 2, 3) == (5, os.getpid())


def test_an_error_comes_back_as_it_is() -> None:
    with pytest.raises(BioposeError) as found:
        started().call(refuse)
    assert (found.value.what, found.value.where, found.value.mend) == ("not this", "here", "Do that.")


def test_what_kills_it_is_done_here() -> None:
    assert started().call(die, os.getpid()) == 7


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_what_tells_it_to_end_is_done_here() -> None:
    assert started().call(be_told_to_end, os.getpid()) == 8


def test_a_helper_that_nobody_has_ends() -> None:
    helper = started()
    process = helper._process
    assert process is not None
    del helper
    gc.collect()
    until = time.monotonic() + 20
    while process.is_alive() and time.monotonic() < until:
        time.sleep(0.05)
    assert not process.is_alive()
