"""What people look at is made last, once, and costs no run."""

import json
from pathlib import Path

import pandas as pd
import pytest
from small_trial import Trial, trial  # noqa: F401

from biomech.pipeline.run import Options, Result, run_ik


def ran(trial: Trial, folder: Path, **more: object) -> tuple[list[str], Result]:  # noqa: F811
    said: list[str] = []
    options = Options(model=trial.model, solvers=("fast",), **more)  # type: ignore[arg-type]
    result = run_ik(trial.trc, folder, options, on_stage=lambda name, skip: None if skip else said.append(name))
    return said, result


def test_tables_and_pictures_lie_beside_the_motion(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    stages, result = ran(trial, tmp_path / "run")
    assert stages == ["read", "scale", "solve", "angles"]
    assert {"angles", "angles_figure"} <= set(result.files)
    table = pd.read_csv(result.solutions[0].angles)
    assert len(table) == trial.truth.values.size and table.value.notna().all()
    assert ran(trial, tmp_path / "run")[0] == []
    result.angles_figure.unlink()
    assert ran(trial, tmp_path / "run")[0] == ["angles"]


def test_a_failure_is_a_note(trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def fails(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("biomech.report.angle_plot.write_angle_plot", fails)
    stages, result = ran(trial, tmp_path / "run")
    assert stages[-1] == "angles" and result.kinematics.is_file() and not result.angles_figure.exists()
    (note,) = (note for note in result.notes if note.startswith("angles"))
    assert note == "angles: could not be made (RuntimeError: no ink); all else is whole"
    assert "angles" not in json.loads((tmp_path / "run/biopose.json").read_text())["stages"]
    assert "angles" not in result.files
    monkeypatch.undo()
    assert ran(trial, tmp_path / "run")[0] == ["angles"], "the next run makes it"
