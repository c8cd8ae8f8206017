"""Interpreters that are started from a folder which holds files named as modules: none of them is run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from biomech import children
from biomech.children import check_working_folder, python_module
from biomech.errors import BioposeError

POOL = """
import sys
sys.path.insert(0, sys.argv[1])
from chores import square
from biomech.workers import Stop, on_processes
if __name__ == "__main__":
    print([answer for _, answer in on_processes(square, [3], workers=1, stop=Stop())])
"""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose Python files say so when they are run."""
    for name in ("pip", "socket", "pickle", "multiprocessing", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write('{name} ')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sprung"


@pytest.mark.skipif(not children.SAFE_PATH, reason="Python 3.10 is refused instead")
def test_workers_do_not_look_in_the_working_folder(
    trap: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)  # CI sets it
    script = tmp_path_factory.mktemp("elsewhere") / "pool.py"
    script.write_text(POOL)
    chores = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, str(script), chores], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[9]", done.stderr
    assert not trap.exists(), trap.read_text()
    assert "PYTHONSAFEPATH" not in os.environ


@pytest.mark.skipif(not children.SAFE_PATH, reason="there the module is run in a folder of our own")
def test_a_module_is_not_sought_in_the_working_folder(trap: Path) -> None:
    done = subprocess.run(python_module("pip", "--version"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("pip "), done.stderr
    assert not trap.exists(), trap.read_text()


def test_python_3_10_refuses_such_a_folder(trap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "SAFE_PATH", False)
    with pytest.raises(BioposeError, match=r"holds json\.py"):
        check_working_folder()
    monkeypatch.chdir("/")
    check_working_folder()
