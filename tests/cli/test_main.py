"""The command `biopose` itself: what it offers, how fast, and how errors leave it."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from biomech import __version__
from biomech.cli import main as command


def biopose(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The real thing, in a process of its own."""
    code = "from biomech.cli.main import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=cwd)


def test_help_names_every_command() -> None:
    result = biopose("--help")
    assert result.returncode == 0 and result.stderr == ""
    for name in (*command.VERBS, *command.GROUPS):
        assert name in result.stdout


@pytest.mark.parametrize("group", [(), *((name,) for name in command.GROUPS)])
def test_a_list_of_commands_has_whole_sentences(group: tuple[str, ...]) -> None:
    """In a terminal of 80 columns, the width that help has where there is room."""
    result = biopose(*group, "-h")
    assert result.returncode == 0 and "Commands:" in result.stdout and "..." not in result.stdout.split("Commands:")[1]


def test_version() -> None:
    result = biopose("--version")
    assert (result.returncode, result.stdout) == (0, f"biopose {__version__}\n")


def test_help_needs_nothing_heavy() -> None:
    """`biopose --help` answers in 0.3 s only as long as no command imports the library's packages at its top."""
    code = (
        "import sys\nfrom biomech.cli.main import _register\n_register()\n"
        "print(sorted({'torch', 'numpy', 'opensim', 'cv2', 'av', 'pandas', 'scipy', 'pyvista'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("verb", [*command.VERBS, *command.GROUPS])
def test_every_command_has_help(verb: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["biopose", verb, "--help"])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 0 and "Usage" in capsys.readouterr().out


def test_errors_are_one_message_and_exit_code_2(tmp_path: Path) -> None:
    result = biopose("ik", "none.mp4", "-o", "out", cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.splitlines()[0] == "Error: none.mp4: no such file or folder"
    assert "Traceback" not in result.stderr and list(tmp_path.iterdir()) == []


def test_errors_for_machines(tmp_path: Path) -> None:
    result = biopose("ik", "none.mp4", "--json", cwd=tmp_path)
    assert result.returncode == 2
    error = json.loads(result.stdout)
    assert error["error"] == "no such file or folder" and error["where"] == "none.mp4" and error["mend"]


def test_a_mistyped_option_is_told() -> None:
    result = biopose("ik", "none.mp4", "--heigth", "1.7")
    assert result.returncode == 2 and "--heigth" in result.stderr and "Traceback" not in result.stderr


def test_two_numbers_with_a_comma_are_not_one_with_a_point() -> None:
    command._check_decimals(["train", "mqhmr", "--levels", "8,16", "--person", "100,200"])


@pytest.mark.parametrize("arguments", [["--height", "1,78"], ["--height=1,78"]])
def test_a_number_with_a_comma_is_told(arguments: list[str], tmp_path: Path) -> None:
    run = biopose("ik", str(tmp_path / "film.mp4"), *arguments)
    assert run.returncode == 2 and "Give --height 1.78." in run.stderr


@pytest.mark.parametrize("arguments", [["mqhmr", "--maps", "inf"], ["joint", "--clips", "none", "--rate", "inf"]])
def test_what_is_no_number_is_told_of_grouped_commands_too(arguments: list[str], tmp_path: Path) -> None:
    run = biopose("train", *arguments, "--out", str(tmp_path / "out"))
    assert run.returncode == 2 and "is no number" in run.stderr and not (tmp_path / "out").exists()


def test_what_is_not_several_films_is_told(tmp_path: Path) -> None:
    for name in ("a.trc", "b.trc"):
        (tmp_path / name).write_text("")
    run = biopose("ik", str(tmp_path / "a.trc"), str(tmp_path / "b.trc"))
    assert run.returncode == 2 and "2 recordings given" in run.stderr and "for film in" in run.stderr
    run = biopose("ik", str(tmp_path / "a.mp4"), str(tmp_path / "a.mp4"))
    assert run.returncode == 2 and "the same film twice" in run.stderr


def test_a_bench_without_data_names_the_option(tmp_path: Path) -> None:
    run = biopose("bench", "solver", "--data", str(tmp_path / "none"))
    assert run.returncode == 2 and "with --data" in run.stderr


def test_a_second_ctrl_c_ends_it_without_a_word(monkeypatch) -> None:
    def aborted() -> None:
        raise SystemExit(130)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(command, "_register", aborted)
    monkeypatch.setattr(command, "_check_decimals", lambda _: None)
    try:
        with pytest.raises(SystemExit):
            command.main()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_does_not_wait_for_ever_for_a_thread(monkeypatch) -> None:
    waits, left = threading.Event(), []
    monkeypatch.setattr(command, "LONGEST_IMPORT_S", 0.1)
    monkeypatch.setattr(command.os, "_exit", left.append)
    thread = threading.Thread(target=waits.wait)
    thread.start()
    try:
        command._leave_threads()
        assert left == [130]
    finally:
        waits.set()
        thread.join()
