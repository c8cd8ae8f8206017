"""The main job: on a real clip, then run again with other options; and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech import assets
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.mot import read_mot
from biomech.markers.trc import read_trc
from biomech.mesh.recover import recover
from biomech.pipeline.run import Options, Result, run_ik

STAGES = ["detect", "recover", "extract", "scale", "solve", "overlay"]
LOOKS = ["angles", "events", "report"]
SHORT = Options(height_m=1.75, mass_kg=70.0, start_s=0.5, end_s=0.62, workers=1)


@pytest.fixture(scope="module")
def clip(biopose_data: Path) -> Path:
    try:
        assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))
    return biopose_data / "video" / "pose2sim_demo" / "videos" / "cam02.mp4"


@pytest.fixture(scope="module")
def finished(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run_ik(clip, tmp_path_factory.mktemp("main_job") / "run", SHORT)


def ran(video: Path, folder: Path, options: Options, **more: bool) -> tuple[list[str], Result]:
    """Stages that ran, and the result."""
    said: list[str] = []
    result = run_ik(
        video, folder, options, on_stage=lambda name, skipped: None if skipped else said.append(name), **more
    )
    return said, result


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_every_file_is_there_and_agrees(finished: Result, clip: Path) -> None:
    there = {"folder", "keypoints", "motion", "markers", "model", "scale_setup", "overlay"}
    assert there | {"kinematics", "ik_setup", "quality", "angles", "angles_figure", "report"} <= set(finished.files)
    times = Keypoints.load(finished.keypoints).time_s
    assert len(times) == 4 and times[0] == pytest.approx(0.5, abs=0.01)
    motion, markers = BodyMotion.load(finished.motion), read_trc(finished.markers)
    kinematics = read_mot(finished.kinematics)
    for time_s in (motion.time_s, markers.time_s, kinematics.time_s):
        np.testing.assert_allclose(time_s, times, atol=1e-4)
    assert len(markers.names) == 142 and np.isfinite(kinematics.values).all()
    model = opensim.Model(str(finished.model))
    model.initSystem()
    assert kinematics.names == [c.getName() for c in model.getCoordinateSet()]
    assert model.getTotalMass(model.getWorkingState()) == pytest.approx(70)
    record = json.loads((finished.folder / "biopose.json").read_text())
    assert list(record["stages"]) == STAGES + LOOKS and record["source"]["name"] == "cam02.mp4"
    assert record["stages"]["solve"]["marker_rms_mm"] < 40  # whichever solver: the network does not follow the markers
    assert any("focal length" in note for note in finished.notes)
    assert str(finished.model.resolve()) in finished.ik_setup.read_text()  # so OpenSim finds it from anywhere


def test_nothing_runs_twice(finished: Result, clip: Path) -> None:
    before = content(finished.folder)
    stages, result = ran(clip, finished.folder, SHORT)
    assert stages == [] and content(finished.folder) == before
    assert result.notes == finished.notes


def test_another_mass_keeps_the_keypoints(finished: Result, clip: Path, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    other = Options(height_m=1.75, mass_kg=90.0, start_s=0.5, end_s=0.62, workers=1, overlay=False)
    stages, result = ran(clip, tmp_path / "run", other)
    assert "detect" not in stages and stages[:1] == ["recover"] and {"scale", "solve"} <= set(stages)
    model = opensim.Model(str(result.model))
    assert model.getTotalMass(model.initSystem()) == pytest.approx(90)


def test_overwrite_runs_everything(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages themselves are replaced: which of them run is asked, not how well."""
    calls: list[str] = []

    def replaced(name: str, *outputs: str):
        def work(*arguments: object) -> dict[str, object]:
            calls.append(name)
            files = next(a for a in arguments if isinstance(a, Result))
            paths = [getattr(files, output) for output in outputs] or files.solutions[0].written(from_film=True)
            paths += files.scale_files if name == "scale" else []
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(name)
            return {"notes": []}

        stage = "recovering.recover_keypoints" if name == "recover" else f"from_video._{name}"
        monkeypatch.setattr(f"biomech.pipeline.{stage}", work)

    replaced("detect", "keypoints")
    replaced("recover", "motion")
    replaced("extract", "markers")
    replaced("scale", "model", "scale_setup")
    replaced("solve")
    replaced("overlay", "overlay")
    folder = tmp_path / "run"
    run_ik(clip, folder, SHORT)
    assert calls == STAGES
    run_ik(clip, folder, SHORT)
    assert calls == STAGES
    run_ik(clip, folder, SHORT, overwrite=True)
    assert calls == 2 * STAGES
    # A shorter window is another input for every stage but those whose own input came out the same.
    run_ik(clip, folder, Options(height_m=1.75, mass_kg=70.0, start_s=0.5, end_s=0.55))
    assert calls[12:] == ["detect", "overlay"]
    # Another film: refused, unless told.
    other = shutil.copy(clip, tmp_path / "other.mp4")
    with pytest.raises(BioposeError, match=r"another recording \(cam02\.mp4\)"):
        run_ik(Path(other), folder, SHORT)
    run_ik(Path(other), folder, SHORT, overwrite=True)
    assert calls[14:] == STAGES


def test_a_stage_that_fails_leaves_the_earlier_ones(
    finished: Result, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    before = content(folder)

    def fails(*_: object, **__: object) -> None:
        raise BioposeError("OpenSim failed")

    monkeypatch.setattr("biomech.pipeline.solve.solve", fails)
    with pytest.raises(BioposeError, match="OpenSim failed"):
        run_ik(clip, folder, Options(height_m=1.6, mass_kg=70.0, start_s=0.5, end_s=0.62))
    after = content(folder)
    assert set(after) == set(before)
    assert after["cam02_keypoints.npz"] == before["cam02_keypoints.npz"]
    assert after[finished.kinematics.name] == before[finished.kinematics.name]
    stages = json.loads(after["biopose.json"])["stages"]
    assert stages["scale"]["options"]["height_m"] == 1.6
    monkeypatch.undo()
    resumed, _ = ran(clip, folder, Options(height_m=1.6, mass_kg=70.0, start_s=0.5, end_s=0.62, workers=1))
    assert resumed == ["solve", "overlay", *LOOKS]


def test_a_single_frame(finished: Result, clip: Path, tmp_path: Path) -> None:
    stages, result = ran(clip, tmp_path / "run", Options(start_s=0.5, end_s=0.51, workers=1))
    assert stages == STAGES + LOOKS
    kinematics = read_mot(result.kinematics)
    assert len(kinematics.time_s) == 1 and np.isfinite(kinematics.values).all()
    assert any("no height given" in note for note in result.notes)


def test_stages_are_the_librarys_own(finished: Result) -> None:
    """`biopose ik` is the composition of the stages and nothing else."""
    motion = recover(Keypoints.load(finished.keypoints), height_m=1.75, mass_kg=70.0)
    saved = BodyMotion.load(finished.motion)
    np.testing.assert_array_equal(motion.rotations, saved.rotations)
    np.testing.assert_array_equal(motion.root_position_m, saved.root_position_m)
