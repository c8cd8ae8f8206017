"""`biopose solve` on a real trial."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.cli import main
from biomech.cli.solve import solve
from biomech.errors import BioposeError
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc


def _run(*arguments: str):
    import typer

    app = typer.Typer()
    app.command()(solve)
    return CliRunner().invoke(app, list(arguments))


def test_an_already_scaled_model(biopose_data: Path, tmp_path: Path) -> None:
    subject = biopose_data / "opencap_lab_subject4"
    whole = read_trc(subject / "MarkerData/walking1.trc")
    few = Markers(whole.names, whole.positions_m[20:23], whole.time_s[20:23])
    write_trc(few, tmp_path / "walk.trc")
    result = _run(
        str(tmp_path / "walk.trc"),
        *("--model", str(subject / "Models/manually_scaled.osim"), "-o", str(tmp_path / "out"), "--json"),
        *("--tasks", str(subject / "IK/walking1_ik_on_manually_scaled_setup.xml"), "--solver", "opensim"),
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["frames"] == 3 and summary["marker_rms_mm"] < 20
    assert [note for note in summary["notes"] if note.startswith("measured, and not in the model (6): ")]
    files = ["walk.trc", "walk_classical.mot", "walk_ik_setup.xml", "walk_quality.csv"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == files


def test_smoothing_is_done_and_told(biopose_data: Path, tmp_path: Path) -> None:
    subject = biopose_data / "opencap_lab_subject4"
    whole = read_trc(subject / "MarkerData/walking1.trc")
    rng = np.random.default_rng(0)
    noisy = whole.positions_m[20:60] + rng.normal(0, 0.01, whole.positions_m[20:60].shape)
    write_trc(Markers(whole.names, noisy, whole.time_s[20:60]), tmp_path / "walk.trc")
    shaking = []
    for name, option in (("plain", ()), ("smooth", ("--smooth", "10"))):
        result = _run(
            *(str(tmp_path / "walk.trc"), "--model", str(subject / "Models/manually_scaled.osim")),
            *("-o", str(tmp_path / name), "--json", *option),
        )
        assert result.exit_code == 0, result.output
        told = [note for note in json.loads(result.output)["notes"] if "smoothed against 10 mm" in note]
        assert len(told) == len(option) // 2
        knee = read_mot(tmp_path / name / "walk_fast.mot").column("knee_angle_r")
        shaking.append(np.diff(knee, 2).std())
    assert shaking[1] < shaking[0] / 5


def test_what_it_refuses(biopose_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim")
    monkeypatch.chdir(tmp_path)
    walk = tmp_path / "walk.trc"
    walk.write_bytes((biopose_data / "opencap_lab_subject4/MarkerData/walking1.trc").read_bytes())
    before = walk.read_bytes()
    for arguments, message in (
        (("walk.mp4", "--model", model), "not a marker file"),
        (("walk.trc", "--model", model, "-o", "."), "written over this file"),
        (("walk.trc", "--model", model, "--solver", "slow"), "no solver 'slow'"),
        (("walk.trc", "--model", "absent.osim"), "no such model"),
        (("walk.trc", "--model", model, "--smooth", "10", "--solver", "opensim"), "our own solver"),
        (("walk.trc", "--model", model, "--smooth", "0"), "noise in mm"),
    ):
        error = _run(*arguments).exception
        assert isinstance(error, BioposeError) and message in str(error)
    assert walk.read_bytes() == before and list(tmp_path.iterdir()) == [walk]
    assert "solve" in main.VERBS
