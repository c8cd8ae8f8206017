"""Motions against motions: readers of the true layouts, the published protocols, what is kept, and the command."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from data_sets import mot, write_lab_validation, write_movi
from typer.testing import CliRunner

from biomech.cli import main
from biomech.cli.eval import eval as command
from biomech.comparison.tables import plain
from biomech.errors import BioposeError
from biomech.evaluation import angle_judge
from biomech.evaluation.angle_score import score_angles
from biomech.evaluation.evaluate import evaluate
from biomech.evaluation.judge import EvalOptions
from biomech.evaluation.published import published
from biomech.evaluation.sequence import HowFound
from biomech.evaluation.sets import DATASETS, dataset_of
from biomech.evaluation.tables import as_json, sources, tables


def _run(*arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_lab_validation(tmp_path / "lab")
    return tmp_path / "lab"


def test_a_shift_and_a_turn_are_nobodys_error(tmp_path: Path) -> None:
    reference = mot(tmp_path / "reference.mot")
    later = score_angles(reference, mot(tmp_path / "later.mot", begin_s=0.1))
    assert later["shift_s"] == pytest.approx(-0.1, abs=0.005)
    assert later["mae18_deg"] < 0.2 and later["rmse12_shifted_deg"] < 0.2 and later["rmse12_deg"] > 5
    off = score_angles(reference, mot(tmp_path / "off.mot", off_deg=4))
    # Of the 18 and of the 12 three are the pelvis's, which is not off.
    assert off["mae18_deg"] == pytest.approx(4 * 15 / 18, abs=0.05)
    assert off["rmse12_deg"] == pytest.approx(4 * 9 / 12, abs=0.1)
    assert off["mae_knee_angle_r_deg"] == pytest.approx(4, abs=0.05)


def test_opencap_monocular_comes_out_as_published(biopose_data: Path) -> None:
    samples = biopose_data / "video" / "opencap_samples"
    for name, stated in (("squat", 3.4), ("walk", 3.9)):
        figures = score_angles(samples / name / "mocap.mot", samples / name / "opencap_monocular.mot")
        assert figures["mae18_deg"] == pytest.approx(stated, abs=0.05)


def test_lab_validation_is_read_as_it_is_laid_out(lab: Path) -> None:
    dataset = dataset_of("labvalidation")
    (walk,) = dataset.sequences(lab, HowFound("monocular"))
    assert walk.name == "subject4_walking1_Cam1" and walk.group == "walking"
    assert walk.known == {"height_m": 1.72, "mass_kg": 66.5}
    assert walk.film == lab / "subject4/VideoData/Session1/Cam1/walking1/walking1_syncdWithMocap.avi"
    assert list(walk.rivals) == ["OpenCap HRNet, 2-cameras"]
    every = dataset.sequences(lab, HowFound("all", camera="Cam3"))
    assert [one.name for one in every] == ["subject4_DJ2_Cam3", "subject4_walking1_Cam3"]
    assert every[0].film is None and every[1].film is not None
    (lab / "subject4/sessionMetadata.yaml").write_text("height_m: 172\n")
    with pytest.raises(BioposeError, match="172 is nobody's"):
        dataset.sequences(lab, HowFound("all"))


def test_movi_is_read_as_it_is_laid_out(tmp_path: Path) -> None:
    write_movi(tmp_path)
    (one,) = dataset_of("movi").sequences(tmp_path, HowFound("all"))
    assert one.name == "Subject_5_F_side_gallop_PG1" and one.film == tmp_path / "F_PG1_Subject_5_L.avi"
    assert one.known == {"start_s": 2.0, "end_s": 4.0}


def test_what_is_not_there_is_told(lab: Path, tmp_path: Path) -> None:
    dataset = dataset_of("labvalidation")
    with pytest.raises(BioposeError, match=r"no folder.*\n.*OpenSimData/Mocap/IK.*SimTK"):
        dataset.sequences(tmp_path / "absent", HowFound("all"))
    with pytest.raises(BioposeError, match=r"no split 'test'\n.*monocular or all"):
        dataset.sequences(lab, HowFound("test"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BioposeError, match="no sequence of OpenCap LabValidation"):
        dataset.sequences(tmp_path / "empty", HowFound("all"))
    with pytest.raises(BioposeError, match=r"no sequence 'subject9'\n.*subject4_DJ2"):
        dataset.sequences(lab, HowFound("all"), ["subject9"])
    with pytest.raises(BioposeError, match="no data set 'coco'"):
        dataset_of("coco")


def _options(tmp_path: Path, predictions: Path | None, split: str = "all") -> EvalOptions:
    return EvalOptions(tmp_path / "out", HowFound(split), predictions=predictions, system="Another")


def test_predictions_are_scored_once(lab: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    mot(answers / "subject4_walking1_Cam1.mot", off_deg=2)
    found = evaluate(dataset_of("labvalidation"), lab, _options(tmp_path, answers))
    ours, rival = (next(s for s in found.scores if s.system == name and s.figures) for name in
                   ("Another", "OpenCap HRNet, 2-cameras"))  # fmt: skip
    assert ours.figures["mae18_deg"] == pytest.approx(2 * 15 / 18, abs=0.05) and not ours.kept
    assert rival.figures["mae18_deg"] == pytest.approx(4 * 15 / 18, abs=0.05)
    (failed,) = found.failed
    assert failed.sequence == "subject4_DJ2_Cam1" and "no prediction" in str(failed.error)
    assert found.totals["Another"]["sequences"] == 1
    again = evaluate(dataset_of("labvalidation"), lab, _options(tmp_path, answers))
    assert all(score.kept for score in again.scores if score.error is None)
    assert [s.figures for s in again.scores] == [s.figures for s in found.scores]
    mot(answers / "subject4_walking1_Cam1.mot", off_deg=3)
    changed = evaluate(dataset_of("labvalidation"), lab, _options(tmp_path, answers))
    assert [(s.system, s.kept) for s in changed.scores if s.error is None] == [
        ("Another", False),
        ("OpenCap HRNet, 2-cameras", True),
    ]
    told = as_json(changed)
    assert told["totals"]["Another"]["mae18_deg"] == pytest.approx(2.5, abs=0.05)
    assert any(row["system"] == "OpenCap Monocular" and row["figures"]["mae18_deg"] == 4.8 for row in told["published"])
    text = "\n".join(plain(table, named=2) for table in tables(changed))
    assert (
        "subject4_walking1_Cam1" in text
        and "published [" in text
        and any("OpenCap Monocular (2026)" in line for line in sources(changed))
    )


def test_biopose_is_told_what_is_known(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main job itself is tested elsewhere; here it answers with the truth."""
    runs = []

    def run(film, folder, options, *, overwrite):
        runs.append((film.name, options.height_m, options.overlay))
        answer = mot(folder / "answer.mot")
        return type("Result", (), {"kinematics": answer})

    monkeypatch.setattr(angle_judge, "run_ik", run)
    options = EvalOptions(tmp_path / "out", HowFound("all"))
    found = evaluate(dataset_of("labvalidation"), lab, options)
    assert runs == [("walking1_syncdWithMocap.avi", 1.72, False)]
    assert found.totals["BioPose"]["mae18_deg"] == pytest.approx(0, abs=1e-6)
    assert "film or pictures are not here" in str(found.failed[0].error)


def test_bad_predictions(lab: Path, tmp_path: Path) -> None:
    dataset = dataset_of("labvalidation")
    with pytest.raises(BioposeError, match="no such folder of predictions"):
        evaluate(dataset, lab, _options(tmp_path, tmp_path / "absent"))
    (tmp_path / "answers").mkdir()
    with pytest.raises(BioposeError, match=r"no prediction of any.*\n.*subject4_DJ2_Cam1.mot"):
        evaluate(dataset, lab, _options(tmp_path, tmp_path / "answers"))
    (tmp_path / "answers/subject4_DJ2_Cam1.mot").write_text("nothing")
    with pytest.raises(BioposeError, match="none of 2 sequences could be scored"):
        evaluate(dataset, lab, _options(tmp_path, tmp_path / "answers"))
    mot(tmp_path / "answers/subject4_DJ2_Cam1.sto")
    with pytest.raises(BioposeError, match="two predictions of subject4_DJ2_Cam1"):
        evaluate(dataset, lab, _options(tmp_path, tmp_path / "answers"))


def test_the_command(lab: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    mot(answers / "subject4_walking1_Cam1.mot")
    said = ("labvalidation", "--root", lab, "--predictions", answers, "--out", tmp_path / "out")
    told = json.loads(_run(*said, "--json").output)
    assert told["split"] == "monocular" and told["totals"]["answers"]["sequences"] == 1
    plain = _run(*said)
    assert plain.exit_code == 0 and "OpenCap LabValidation, split monocular: in all" in plain.output
    result = _run("labvalidation", "--root", lab, "--system", "X")
    assert isinstance(result.exception, BioposeError) and "predictions" in result.exception.text()
    assert "eval" in main.VERBS


def test_published_rows_have_sources() -> None:
    for name in DATASETS:
        for row in published(name):
            assert row.source and row.figures and np.isfinite(list(row.figures.values())).all()
    best = next(row for row in published("3dpw") if row.system.startswith("MQ-HMR"))
    assert best.figures == {"mpjpe_mm": 69.0, "pa_mpjpe_mm": 39.5, "pve_mm": 79.8}
