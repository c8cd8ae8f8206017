"""One run at a time in a folder; what killed ones leave is cleared, and nobody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from biomech.errors import BioposeError, MachineError
from biomech.files import whole_file
from biomech.leftovers import clear_leftovers, is_running, own_prefix, temporary_folder
from biomech.pipeline.claim import LOCK, claimed

HOLD = """
import sys
from pathlib import Path
from biomech.pipeline.claim import claimed
from biomech.files import whole_file
with claimed(Path(sys.argv[1])), whole_file(Path(sys.argv[1]) / "overlay.mp4") as temporary:
    temporary.write_text("half")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that is at work in ``tmp_path / "run"``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_told_who_is_there(tmp_path: Path, holder: subprocess.Popen) -> None:
    said = rf"another run is at work in this folder \(process {holder.pid}, since 2"
    with pytest.raises(BioposeError, match=said), claimed(tmp_path / "run"):
        pass
    assert len(list((tmp_path / "run").glob(".biopose-*overlay*"))) == 1, "a living process keeps its files"


def test_a_killed_run_keeps_nobody_out_and_leaves_nothing(tmp_path: Path, holder: subprocess.Popen) -> None:
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / LOCK).is_file() and len(list((tmp_path / "run").iterdir())) == 2
    with claimed(tmp_path / "run"):
        assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
        (tmp_path / "run" / "result").touch()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["result"]


def test_a_folder_that_stayed_empty_goes(tmp_path: Path) -> None:
    with pytest.raises(ValueError), claimed(tmp_path / "a" / "b"):
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BioposeError, match="there is a file where"), claimed(tmp_path / "file" / "run"):
        pass
    if Path("/proc").is_dir():
        with pytest.raises(MachineError, match="cannot be written"), claimed(Path("/proc/nowhere/run")):
            pass


def test_only_what_is_ours_and_dead_is_cleared(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    machine = own_prefix().split("-")[1]
    dead = tmp_path / f".biopose-{machine}-{gone.pid}-walk"
    dead.mkdir()
    (dead / "within").touch()
    kept = [f".biopose-{machine}-{os.getpid()}-walk", f".biopose-00000000-{gone.pid}-x", ".overlay-abc.mp4", "mine"]
    for name in kept:
        (tmp_path / name).touch()
    clear_leftovers(tmp_path, tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    assert is_running(os.getpid()) and is_running(os.getppid()) and not is_running(gone.pid)


def test_temporary_folders_say_whose_they_are(tmp_path: Path) -> None:
    with temporary_folder("ik", tmp_path) as folder:
        assert folder.name.startswith(own_prefix() + "ik-") and folder.parent == tmp_path
        with whole_file(folder / ("ö" * 100 + ".mot")) as temporary:
            assert temporary.name.startswith(own_prefix())
    assert not list(tmp_path.iterdir())
