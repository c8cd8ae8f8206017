"""`biopose detect`, `models` and `doctor`, as a user calls them."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from biomech import assets
from biomech.cli.detect import detect
from biomech.cli.doctor import doctor
from biomech.cli.models import app as models
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints


def command(function) -> typer.Typer:
    app = typer.Typer()
    app.command()(function)
    return app


def test_detect_writes_keypoints(biopose_data: Path, tmp_path: Path) -> None:
    try:
        assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))
    clip = biopose_data / "video" / "pose2sim_demo" / "videos" / "cam04.mp4"
    out = tmp_path / "k.npz"
    arguments = [str(clip), "-o", str(out), "--start", "0.5", "--end", "0.55", "--focal-px", "1700", "--json"]
    result = CliRunner().invoke(command(detect), arguments, catch_exceptions=False)
    summary = json.loads(result.stdout)
    assert summary["frames"] == summary["frames_with_person"] == 2  # of three, at 60 a second
    assert Keypoints.load(out).focal_px == 1700
    assert summary["frames_looked_at"] == Keypoints.load(out).frames_looked_at == 2


def test_models_list_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOPOSE_CACHE", str(tmp_path))
    result = CliRunner().invoke(models, ["list"], catch_exceptions=False)
    pinned = assets.ASSETS["blazepose_heavy"]
    assert pinned.sha256 in result.stdout and "Apache-2.0" in result.stdout and "not here yet" in result.stdout
    row = json.loads(CliRunner().invoke(models, ["list", "--json"]).stdout)["models"][0]
    assert row["path"] is None and row["size_bytes"] == pinned.size_bytes


def test_doctor_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOPOSE_CACHE", str(tmp_path))
    monkeypatch.setattr("biomech.cli.doctor.NEEDED", ["numpy", "no-such-package"])
    result = CliRunner().invoke(command(doctor), ["--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert result.exit_code == 1 and not report["ok"]
    assert checks["no-such-package"]["mend"] == "pip install no-such-package"
    assert checks["numpy"]["ok"] and checks["OpenSim runs"]["ok"] and checks["off-screen rendering"]["ok"]
    assert "biopose models pull blazepose_heavy" in checks["blazepose_heavy"]["mend"]
