"""Work beside a stage: done while it runs, not begun after it, its errors passed over."""

import threading
import time
from pathlib import Path

import pytest

from biomech.pipeline.ahead import for_film, with_ahead
from biomech.pipeline.stages import Stage


def stage(work) -> Stage:
    return Stage("detect", inputs={}, outputs=[], options={}, work=work)


def test_it_is_done_beside_the_stage() -> None:
    done = threading.Event()
    ran = with_ahead(stage(lambda: {"frames": int(done.wait(20))}), [lambda: 1 // 0, done.set])
    assert ran.work() == {"frames": 1}


def test_nothing_is_begun_once_the_stage_has_failed() -> None:
    begun, may_go, later = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        begun.set()
        may_go.wait(20)

    def fails() -> dict[str, object]:
        begun.wait(20)
        raise OSError("no camera")

    before = threading.active_count()
    with pytest.raises(OSError, match="no camera"):
        with_ahead(stage(fails), [first, lambda: later.append(1)]).work()
    may_go.set()
    until = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert later == []


def test_where_no_thread_can_be_started_the_stage_is_done_alone(monkeypatch) -> None:
    def full(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", full)
    assert with_ahead(stage(lambda: {"frames": 1}), [lambda: 1 // 0]).work() == {"frames": 1}


def test_nothing_goes_on_where_its_start_is_interrupted(monkeypatch) -> None:
    whole, begun = threading.Thread.start, list[int]()

    def interrupted(self: threading.Thread) -> None:
        whole(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        with_ahead(stage(dict), [lambda: time.sleep(0.2), lambda: begun.append(1)]).work()
    monkeypatch.undo()
    time.sleep(0.5)
    assert begun == []


def test_what_a_film_needs_can_be_got_ready() -> None:
    recover = Stage("recover", inputs={}, outputs=[], options={}, work=dict, code=("biomech.errors", Path(__file__)))
    for work in for_film([recover]):
        work()
