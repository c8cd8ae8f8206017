"""`biopose label`: one real recording, and what it says of what it cannot use."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from biomech.cli.label import _told, label
from biomech.errors import BioposeError
from biomech.labels.shards import Shards


def _run(*arguments: str):
    app = typer.Typer()
    app.command()(label)
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.slow
def test_a_recording_of_cmu(biopose_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(biopose_data / "cmu_bvh_01_14.zip") as archive:
        member = next(name for name in archive.namelist() if name.endswith("09_01.bvh"))
        (tmp_path / "09_01.bvh").write_bytes(archive.read(member))
    arguments = [str(tmp_path / "09_01.bvh"), "--out", str(tmp_path / "out"), "--rate", "30", "--workers", "1"]
    result = _run(*arguments, "--check", "1", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert (said["labelled"], said["failed"]) == (1, {})
    assert said["totals"]["marker_rms_mm"] < 20
    assert said["check"]["mean_deg"] < 0.1 and said["check"]["frames"] == said["frames"]
    again = _run(*arguments)
    assert again.exit_code == 0
    assert "0 trials labelled, 1 unchanged, 0 failed" in again.output


def test_what_it_cannot_use(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    for arguments, said in (
        ([str(tmp_path / "gone.bvh")], "no such file"),
        ([str(tmp_path)], "no motion capture found"),
        ([str(tmp_path), "--solver", "slow"], "no solver 'slow'"),
    ):
        assert isinstance(error := _run(*arguments, *out).exception, BioposeError)
        assert said in str(error)
    assert not (tmp_path / "out").exists()


def test_notes_on_trials_are_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trials = [{"name": "a", "notes": ["cut off", "of both"]}, {"name": "b", "notes": ["of both"]}]
    monkeypatch.setattr(Shards, "open", lambda _: SimpleNamespace(trials=trials))
    assert _told(tmp_path) == ["2 trials: of both", "a: cut off"]
