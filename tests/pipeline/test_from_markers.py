"""The main job from recorded markers: on a real trial, with a scaled model and with a static trial."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.mot import read_mot
from biomech.markers.trc import read_trc
from biomech.pipeline.run import Options, Result, run_ik


@pytest.fixture(scope="module")
def subject(biopose_data: Path) -> Path:
    return biopose_data / "opencap_lab_subject4"


@pytest.fixture(scope="module")
def options(subject: Path) -> Options:
    return Options(
        model=subject / "Models/manually_scaled.osim",
        tasks=subject / "IK/walking1_ik_on_manually_scaled_setup.xml",
        start_s=0.5,
        end_s=0.56,
    )


@pytest.fixture(scope="module")
def finished(subject: Path, options: Options, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run_ik(subject / "MarkerData/walking1.trc", tmp_path_factory.mktemp("markers") / "run", options)


def ran(recorded: Path, folder: Path, options: Options) -> list[str]:
    said: list[str] = []
    run_ik(recorded, folder, options, on_stage=lambda name, skipped: None if skipped else said.append(name))
    return said


def test_every_file_is_there_and_the_motion_is_the_experts(finished: Result, subject: Path) -> None:
    names = {path.name for path in finished.folder.iterdir()} - {"Geometry"}  # the bones of the experts' model
    suffixes = (
        "_fast.mot",
        "_ik_setup.xml",
        "_quality.csv",
        "_scaled.osim",
        ".trc",
        "_angles.csv",
        "_events.csv",
        "_measures.csv",
        "_angles.png",
        "_report.html",
    )
    assert names == {"biopose.json", *(f"walking1{suffix}" for suffix in suffixes)}
    kinematics = read_mot(finished.kinematics)
    expert = read_mot(subject / "IK/walking1_manual_scaling_ik.mot")
    rows = [int(np.abs(expert.time_s - time).argmin()) for time in kinematics.time_s]
    assert kinematics.time_s == pytest.approx(np.arange(50, 56) / 100)
    for name in ("hip_flexion_r", "knee_angle_l", "pelvis_tilt"):
        apart = np.rad2deg(np.abs(kinematics.column(name) - expert.column(name)[rows]))
        assert apart.max() < 3, name
    quality = (finished.quality).read_text().splitlines()
    assert quality[0] == "time,quality,marker_rms_mm,marker_max_mm,trusted,reason,not_determined" and len(quality) == 7
    record = json.loads((finished.folder / "biopose.json").read_text())
    assert (
        list(record["stages"]) == ["read", "scale", "solve", "angles", "events", "report"]
        and record["source"]["name"] == "walking1.trc"
    )
    assert 0 < record["stages"]["solve"]["marker_rms_mm"] < 20
    assert record["stages"]["read"]["markers"] == len(read_trc(finished.markers).names) == 45
    assert any("taken as scaled" in note for note in finished.notes)
    assert str(finished.model.resolve()) in finished.ik_setup.read_text()  # so OpenSim finds it from anywhere


def test_what_is_unchanged_is_not_run_again(finished: Result, subject: Path, options: Options, tmp_path: Path) -> None:
    folder, recorded = tmp_path / "run", subject / "MarkerData/walking1.trc"
    shutil.copytree(finished.folder, folder)
    assert ran(recorded, folder, options) == ["solve", "report"]  # whose setup named the model of the other folder
    assert ran(recorded, folder, options) == []
    assert ran(recorded, folder, replace(options, end_s=0.53)) == ["read", "solve", "angles", "events", "report"]
    with pytest.raises(BioposeError, match=r"another recording \(walking1\.trc\)"):
        run_ik(subject / "MarkerData/walking2.trc", folder, options)


@pytest.mark.slow
def test_opensims_own_solver_answers_the_same(
    finished: Result, subject: Path, options: Options, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    own = replace(options, solvers=("opensim",), workers=1)
    assert ran(subject / "MarkerData/walking1.trc", folder, own) == ["solve", "angles", "events", "report"]
    fast, classical = read_mot(finished.kinematics), read_mot(folder / "walking1_classical.mot")
    assert fast.names == classical.names
    assert not (folder / "walking1_fast.mot").exists()  # of other options: not beside what replaced it
    apart = np.rad2deg(np.abs(fast.values - classical.values).max(0))
    flat = ("mtp", "subtalar", "pro_sup", "arm")  # few markers hold them; _beta is an angle like any other
    well = [i for i, name in enumerate(fast.names) if not any(part in name for part in flat)]
    assert apart[well].max() < 0.1, dict(zip(fast.names, apart.round(3), strict=True))
    folders = (finished.folder, folder)
    setups = [(path / "walking1_ik_setup.xml").read_text() for path in folders]
    moved = setups[0].replace(str(finished.folder.resolve()), str(folder.resolve()))
    assert moved.replace("walking1_fast", "walking1_classical") == setups[1]
    tables = [
        np.loadtxt(path / "walking1_quality.csv", delimiter=",", skiprows=1, usecols=range(5))
        for path in (finished.folder, folder)
    ]
    np.testing.assert_allclose(tables[0], tables[1], atol=0.05)


@pytest.mark.slow
def test_a_static_trial_scales_the_model(biopose_data: Path, subject: Path, tmp_path: Path) -> None:
    setups = biopose_data / "models/laiuhlrich2022_opencap"
    said = Options(
        model=subject / "Models/unscaled_generic.osim",
        scaling=setups / "Scaling/Setup_scaling_LaiUhlrich2022_Mocap.xml",
        tasks=setups / "IK/Setup_IK_Mocap.xml",
        static=subject / "MarkerData/static1.trc",
        mass_kg=62.6,
        start_s=0.5,
        end_s=0.53,
    )
    result = run_ik(subject / "MarkerData/walking1.trc", tmp_path / "run", said)
    model = opensim.Model(str(result.model))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(62.6)
    assert result.scale_setup.is_file()
    figures = result.record["stages"]
    assert figures["solve"]["marker_rms_mm"] < 20
    assert 0.9 < figures["scale"]["factors"]["femur_r"][1] < 1.1 and figures["scale"]["factors"]["femur_r"][1] != 1
    assert [note for note in result.notes if note.startswith("static trial: ")]
    assert not any("taken as scaled" in note for note in result.notes)


@pytest.mark.slow
def test_a_generic_model_becomes_the_persons_from_the_motion_alone(subject: Path, tmp_path: Path) -> None:
    said = Options(
        model=subject / "Models/unscaled_generic.osim", personalise=True, height_m=1.68, mass_kg=62.6, end_s=1.0
    )
    result = run_ik(subject / "MarkerData/walking1.trc", tmp_path / "run", said)
    model = opensim.Model(str(result.model))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(62.6)
    figures = result.record["stages"]
    assert figures["solve"]["marker_rms_mm"] < 10  # the expert's model: 9.8 mm on the whole trial
    assert figures["scale"]["stature_m"] == pytest.approx(1.68, rel=0.03)
    assert not result.scale_setup.exists()
    with pytest.raises(BioposeError, match="needs no measurements"):
        run_ik(subject / "MarkerData/walking1.trc", tmp_path / "other", replace(said, scaling=said.model))
