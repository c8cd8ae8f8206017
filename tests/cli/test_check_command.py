"""`biopose check`: what a person reads, what a script reads, the exit codes."""

import json
import sys
from pathlib import Path

import pytest
from small_skeleton import build, motion, pose

from biomech.cli import main as command
from biomech.markers.trc import write_trc


def biopose(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["biopose", *arguments])
    with pytest.raises(SystemExit) as left:
        command.main()
    return int(left.value.code or 0), capsys.readouterr().out


def test_from_a_finding_to_a_sound_file(tmp_path: Path, capsys, monkeypatch) -> None:
    trial = tmp_path / "walk.trc"
    write_trc(pose(build(tmp_path / "small.osim"), motion()), trial)
    assert biopose(capsys, monkeypatch, "check", str(trial)) == (0, f"{trial}: nothing found\n")
    trial.write_text(trial.read_text().replace("\tm\t", "\tmm\t", 1))
    code, said = biopose(capsys, monkeypatch, "check", str(trial))
    assert code == 1 and "[trc-unit]" in said and "(--fix does.)" in said
    code, said = biopose(capsys, monkeypatch, "check", str(trial), "--fix", "--json")
    told = json.loads(said)
    assert code == told["exit_code"] == 0 and told["files"][0]["fixed"] == str(tmp_path / "walk_fixed.trc")
    assert told["files"][0]["findings"][0]["severity"] == "error"
    trial.write_text("nothing")
    code, said = biopose(capsys, monkeypatch, "check", str(trial))
    assert code == 2 and "unreadable" in said
