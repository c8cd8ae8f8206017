"""Tasks on processes: what goes wrong costs the one task, and a stop is heard."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import chores
from chores import square

from biomech.workers import Stop, on_processes


def test_failures_stay_with_their_tasks() -> None:
    answers = dict(on_processes(square, [1, -2, 13, 3], workers=2, stop=Stop()))
    assert [answers[n] for n in (1, 3)] == [1, 9]
    assert isinstance(answers[-2], ValueError)
    assert "process died" in str(answers[13])


def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    """Processes that are spawned run the caller's script again, unless they are not told of it."""
    script = tmp_path / "label.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(chores.__file__).parent)!r})\nprint('begun')\n"
        "from chores import square\nfrom biomech.workers import Stop, on_processes\n"
        "print(sorted(on_processes(square, [1, 2], workers=1, stop=Stop())), __file__)\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert ran.stdout.splitlines() == ["begun", f"[(1, 1), (2, 4)] {script}"], ran.stderr


def test_a_stop_finishes_what_runs_and_begins_nothing() -> None:
    stop, answers = Stop(), []
    for task, answer in on_processes(square, list(range(12)), workers=1, stop=stop):
        answers.append((task, answer))
        stop.ask()
    assert 1 <= len(answers) <= 2
    assert answers[0] == (0, 0)


def test_a_second_stop_drops_what_runs() -> None:
    stop = Stop()
    threading.Timer(4.0, lambda: stop.ask(now=True)).start()
    started = time.monotonic()
    assert list(on_processes(square, [200], workers=1, stop=stop)) == []
    assert time.monotonic() - started < 30
