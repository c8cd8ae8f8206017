"""Two pieces of work at once: both answers, errors of either, and no thread too many."""

import gc
import threading

import pytest

from biomech.collecting import put_off
from biomech.side_by_side import CORES, both, one_thread, taking_a_core


def test_both_give_their_answers() -> None:
    assert both(lambda: 1, lambda: "two") == (1, "two")


@pytest.mark.parametrize("which", [0, 1])
def test_an_error_of_either_is_raised(which: int) -> None:
    works = [lambda: 1, lambda: 2]
    works[which] = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        both(*works)
    assert both(lambda: 1, lambda: 2) == (1, 2)


def test_one_thread_does_both_where_no_core_is_free() -> None:
    with taking_a_core():
        here, there = both(threading.get_ident, threading.get_ident)
    assert here == there == threading.get_ident()
    apart = both(threading.get_ident, threading.get_ident)
    assert (apart[0] != apart[1]) == (CORES > 1)


def test_the_search_for_cycles_is_put_off_and_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), put_off():
        assert not gc.isenabled()
        with put_off():
            pass
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()


def test_torch_has_its_threads_back_after_one() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError), one_thread():
            assert torch.get_num_threads() == 1
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
