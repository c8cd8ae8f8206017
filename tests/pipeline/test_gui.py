"""A run for OpenSim's GUI: its files, the program, the script of the GUI's."""

import json
import sys
from pathlib import Path

import pytest

from biomech.cli import main as command
from biomech.errors import BioposeError
from biomech.pipeline import gui


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "walk_biopose"
    folder.mkdir()
    names = ("walk_scaled.osim", "walk_scaled_generic.osim", "walk_fast.mot", "walk_replay.mot", "walk.trc")
    for name in (*names, "walk_scaled_static.trc", "walk_ik_setup.xml"):
        (folder / name).write_text("<a></a>")
    return folder


def test_files_of_a_run(run: Path, tmp_path: Path) -> None:
    files = gui.run_files(run)
    assert files.model == run / "walk_scaled.osim" and files.motions == [run / "walk_fast.mot"]
    assert files.markers == [run / "walk.trc"] and files.setups == [run / "walk_ik_setup.xml"]
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(BioposeError):
            gui.run_files(folder)


def test_the_script_loads_the_model_then_the_motions(run: Path) -> None:
    called: list[tuple[str, str]] = []
    script = gui.write_script(gui.run_files(run))
    doing = {name: lambda path, name=name: called.append((name, path)) for name in ("loadModel", "loadMotion")}
    exec(compile(script.read_text(), str(script), "exec"), dict(doing))
    expected = [("loadModel", "walk_scaled.osim"), ("loadMotion", "walk_fast.mot")]
    assert [(name, Path(path).name) for name, path in called] == expected
    assert all(Path(path).is_file() for _, path in called)


def test_the_program_is_found_and_started(run: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(gui, "PLACES", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OPENSIM_HOME", raising=False)
    assert gui.find_gui() is None
    program = tmp_path / "home" / "bin" / "OpenSim64"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\n: > "$(dirname "$0")/started"\n')
    program.chmod(0o755)
    monkeypatch.setenv("OPENSIM_HOME", str(tmp_path / "home"))
    assert gui.find_gui() == program
    monkeypatch.setattr(sys, "argv", ["biopose", "open", str(run), "--no-start", "--json"])
    with pytest.raises(SystemExit) as left:
        command.main()
    told = json.loads(capsys.readouterr().out)
    assert left.value.code == 0 and told["gui"] == str(program) and len(told["steps"]) == 4
    program.write_text("not a program")
    with pytest.raises(BioposeError, match="could not be started"):
        gui.start_gui(program)
