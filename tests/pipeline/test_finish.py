"""What people look at is made last, once, and costs no run."""

import json
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from small_trial import Trial, trial  # noqa: F401

from biomech.cli.main import main
from biomech.errors import BioposeError
from biomech.pipeline.figures import StageRecord
from biomech.pipeline.finish import finish, report_again
from biomech.pipeline.record import Run
from biomech.pipeline.run import Options, Result, run_ik
from biomech.pipeline.stages import Stage


def ran(trial: Trial, folder: Path, **more: object) -> tuple[list[str], Result]:  # noqa: F811
    said: list[str] = []
    options = Options(model=trial.model, solvers=("fast",), **more)  # type: ignore[arg-type]
    result = run_ik(trial.trc, folder, options, on_stage=lambda name, skip: None if skip else said.append(name))
    return said, result


def test_tables_and_pictures_lie_beside_the_motion(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    stages, result = ran(trial, tmp_path / "run")
    assert stages == ["read", "scale", "solve", "angles", "events", "report"]
    assert {"angles", "angles_figure", "events", "measures", "report"} <= set(result.files)
    table = pd.read_csv(result.solutions[0].angles)
    assert len(table) == trial.truth.values.size and table.value.notna().all()
    assert ran(trial, tmp_path / "run")[0] == []
    assert ran(trial, tmp_path / "run", report=False)[0] == [] and result.report.is_file()
    result.angles_figure.unlink()
    assert ran(trial, tmp_path / "run")[0] == ["angles"]
    page = result.report.read_text(encoding="utf-8")
    assert "small_fast.mot" in page and len(page) < 1e6


def test_a_failure_is_a_note(trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def fails(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("biomech.report.angle_plot.write_angle_plot", fails)
    stages, result = ran(trial, tmp_path / "run", report=False)
    assert "angles" in stages and result.kinematics.is_file() and not result.angles_figure.exists()
    (note,) = (note for note in result.notes if note.startswith("angles"))
    assert note == "angles: could not be made (RuntimeError: no ink); all else is whole"
    assert "angles" not in json.loads((tmp_path / "run/biopose.json").read_text())["stages"]
    assert "angles" not in result.files
    monkeypatch.undo()
    assert ran(trial, tmp_path / "run", report=False)[0] == ["angles"], "the next run makes it"


def test_tables_are_made_while_a_stage_beside_them_runs(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    _, result = ran(trial, tmp_path / "run", report=False)
    result.angles_figure.unlink()
    run = Run.open(tmp_path / "run")
    drawn = tmp_path / "run/overlay.mp4"

    def draw() -> StageRecord:
        for _ in range(600):  # it ends only once the others have
            if result.angles_figure.is_file() and "angles" in run.record["stages"]:
                break
            time.sleep(0.1)
        drawn.write_bytes(b"film")
        return {"frames": int(result.angles_figure.is_file())}

    del run.record["stages"]["angles"]
    stage = Stage("overlay", inputs={}, outputs=[drawn], options={}, work=draw)
    done, failed = finish(run, result, Options(report=False), [stage])
    assert [*done] == ["overlay", "angles", "events"] and not failed
    assert done["overlay"]["frames"] == 1
    assert {"overlay", "angles", "events"} <= set(json.loads((tmp_path / "run/biopose.json").read_text())["stages"])

    def fails() -> StageRecord:
        raise BioposeError("no room")

    with pytest.raises(BioposeError, match="no room"):
        finish(Run.open(tmp_path / "run", overwrite=True), result, Options(report=False), [replace(stage, work=fails)])


def test_the_report_is_made_again(
    trial: Trial,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran(trial, tmp_path / "run", report=False)
    assert not (tmp_path / "run/small_report.html").exists()
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")

    def told(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["biopose", "report", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    code, said = told(str(tmp_path / "elsewhere"), "--json")
    assert code == 0 and json.loads(said)["report"].endswith("small_report.html")
    assert (tmp_path / "elsewhere/small_report.html").is_file()
    assert "report" in json.loads((tmp_path / "elsewhere/biopose.json").read_text())["stages"]
    (tmp_path / "elsewhere/small.trc").unlink()
    code, said = told(str(tmp_path / "elsewhere"))
    assert code == 2 and "not there any more" in said
    for folder, why in ((tmp_path, "holds a run (elsewhere)"), (tmp_path / "nothing", "no run of `biopose ik`")):
        code, said = told(str(folder))
        assert code == 2 and why in said and "Traceback" not in said
    half = tmp_path / "half"
    half.mkdir()
    (half / "biopose.json").write_text('{"stages": {"read": {"outputs": {}}}}')
    code, said = told(str(half))
    assert code == 2 and "not come to a motion" in said
    assert {path.name for path in tmp_path.iterdir()} == {"half", "elsewhere", "small.osim", "small.trc"}


def test_a_report_of_markers_that_were_cut(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    _, result = ran(trial, tmp_path / "run", report=False)
    lines = result.markers.read_text().splitlines()
    result.markers.write_text("\n".join(lines[:-3]) + "\n")
    with pytest.raises(BioposeError, match="not the frames of the run's motion"):
        report_again(tmp_path / "run")
