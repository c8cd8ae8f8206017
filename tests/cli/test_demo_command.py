"""`biopose demo`: what it says of a run."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import biomech.assets
import biomech.pipeline.demo
from biomech.cli.demo import demo
from biomech.comparison.truth import CoordinateError, JointErrors
from biomech.pipeline.run import Result


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command, told what the demo found instead of running it."""
    record = {"stages": {"solve": {"marker_rms_mm": 9.87, "notes": ["the left arm is hidden"]}}}

    def found(folder: Path, **_) -> biomech.pipeline.demo.DemoResult:
        return biomech.pipeline.demo.DemoResult(
            film=folder / "walk.mp4",
            height_m=1.7,
            mass_kg=60.2,
            result=Result.of(folder / "result", "walk", record, ("fast",)),
            truth=Result.of(folder / "truth", "walk", {}),
            joints=JointErrors(34.4, 45.6),
            coordinates={"knee_angle_r": CoordinateError(4.44, 17.1, 61.2, 63.8, 0.987)},
        )

    monkeypatch.setattr(biomech.pipeline.demo, "run_demo", found)
    monkeypatch.setattr(biomech.assets, "locate", lambda name, say: tmp_path / name)
    app = typer.Typer()
    app.command()(demo)
    return lambda *arguments: CliRunner().invoke(app, ["-o", str(tmp_path), *arguments])


def test_it_prints_the_errors_beside_the_truth_and_where_the_files_are(run, tmp_path):
    said = run()
    assert said.exit_code == 0, said.output
    text = " ".join(said.output.split())
    assert "PA-MPJPE 34 mm, MPJPE 46 mm" in text
    assert "knee_angle_r 4.4° (17.1°) 61° (64°) 0.99" in text
    assert "IK marker RMS 9.9 mm" in text
    assert "note: the left arm is hidden" in text
    for file in ("walk.mp4", "result/overlay.mp4", "result/walk_scaled.osim"):
        assert str(tmp_path / file) in said.output


def test_json_is_one_object(run, tmp_path):
    summary = json.loads(run("--json").output)
    assert summary["pa_mpjpe_mm"] == 34.4
    assert summary["coordinates"]["knee_angle_r"]["true_range_deg"] == 63.8
    assert summary["motion"] == str(tmp_path / "result" / "walk_fast.mot")
    assert summary["notes"] == ["the left arm is hidden"]
