"""What `import biomech` gives: cheap to import, nouns through the street, and the same as the main job on files."""

import doctest
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from known_motions import known_walk
from seen_bodies import camera, seen, walking  # noqa: F401 (fixtures)

import biomech
from biomech import assets
from biomech.api.ik import IkResult
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.inverse_kinematics.solved import Solved
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.mot import is_coupled, write_mot
from biomech.kinematics.storage import read_storage
from biomech.markers.trc import write_trc

FRAMES = 12
WHO = {"height_m": 1.70, "mass_kg": 75.0}
FUNCTIONS = ("detect", "recover", "extract", "scale", "solve", "ik", "label", "compare", "events", "export")


@pytest.fixture(scope="module")
def keypoints(
    walking: Callable[..., BodyMotion],  # noqa: F811
    seen: Callable[..., Keypoints],  # noqa: F811
    camera: Camera,  # noqa: F811
) -> Keypoints:
    return seen(walking(FRAMES), camera)


@pytest.fixture(scope="module")
def street(keypoints: Keypoints) -> SimpleNamespace:
    """Every noun, and what is solved."""
    motion = biomech.recover(keypoints, **WHO)
    markers, model = biomech.extract(motion), biomech.scale(motion, **WHO, name="walk_scaled")
    return SimpleNamespace(
        motion=motion, markers=markers, model=model, solved=biomech.solve(model, markers, motion=motion)
    )


@pytest.fixture(scope="module")
def kept(keypoints: Keypoints, tmp_path_factory: pytest.TempPathFactory) -> IkResult:
    """The main job on the keypoints' file, with its folder."""
    folder = tmp_path_factory.mktemp("api")
    keypoints.save(folder / "walk_keypoints.npz")
    return biomech.ik(folder / "walk_keypoints.npz", out=folder / "run", **WHO)


@pytest.fixture
def place(keypoints: Keypoints, street: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the street's files, as the examples name them."""
    keypoints.save(tmp_path / "walk_keypoints.npz")
    street.motion.save(tmp_path / "walk_motion.npz")
    write_trc(street.markers, tmp_path / "walk.trc")
    street.model.save(tmp_path / "walk_scaled.osim")
    (tmp_path / "walk").mkdir()
    write_mot(known_walk()[0], tmp_path / "walk" / "walk_fast.mot")  # long enough to hold strides
    street.model.save(tmp_path / "walk" / "walk_scaled.osim")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_an_import_waits_for_nothing() -> None:
    heavy = "('torch', 'opensim', 'pandas', 'numpy', 'cv2', 'scipy') if name in sys.modules"
    assert run_python(f"import sys, biomech; print(*(name for name in {heavy}))").split() == []
    told = "; ".join(f"inspect.signature(biomech.{name})" for name in biomech.__all__[1:])
    light = "('torch', 'opensim') if name in sys.modules"
    code = f"import inspect, sys, biomech; {told}; print(*(name for name in {light}))"
    assert run_python(code.replace("inspect.signature(biomech.Skeleton); ", "")).split() == []  # a torch module itself


def test_all_is_there_and_nothing_else() -> None:
    assert set(FUNCTIONS) <= set(biomech.__all__) == {name for name in dir(biomech) if name in biomech.__all__}
    assert len(biomech.__all__) == len(set(biomech.__all__))
    for name in biomech.__all__:
        assert getattr(biomech, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'detekt'"):
        biomech.detekt  # noqa: B018
    names: dict[str, object] = {}
    exec("from biomech import *", names)
    assert set(biomech.__all__) <= set(names)


def test_type_checkers_see_the_same() -> None:
    stub = (Path(biomech.__file__).with_suffix(".pyi")).read_text()
    homes = {line.split(" as ")[1]: line.split()[1] for line in stub.splitlines() if line.startswith("from ")}
    assert homes == {name: f"biomech.{home}" for name, home in biomech._HOMES.items()}
    listed: dict[str, list[str]] = {}
    exec(stub[stub.index("__all__") :], listed)
    assert sorted(listed["__all__"]) == sorted(biomech.__all__)


def test_the_street_by_nouns_is_the_main_job(street: SimpleNamespace, kept: IkResult) -> None:
    solved: Solved = street.solved
    assert solved.kinematics.names == kept.kinematics.names and len(kept.kinematics.names) == 40
    np.testing.assert_allclose(solved.kinematics.time_s, kept.kinematics.time_s, atol=1e-6)
    # Files round: keypoints to float32, markers to 0.01 mm.
    apart = (solved.angles.to_numpy() - kept.angles.to_numpy())[:, kept.kinematics.rotational]
    assert np.abs(apart).max() < 0.05
    assert kept.uncertainty is not None and solved.uncertainty is not None
    np.testing.assert_allclose(kept.uncertainty, solved.uncertainty, rtol=0.02, atol=2e-4)
    np.testing.assert_allclose(kept.markers.positions_m, street.markers.positions_m, atol=1e-4)
    assert list(kept.trusted.reasons) == list(solved.trusted.reasons)
    np.testing.assert_allclose(kept.model.skeleton.defaults, street.model.skeleton.defaults, atol=1e-4)
    assert solved.marker_errors.clip_rms_m < 0.02
    assert biomech.compare(kept, solved).rotations.mae < 0.01  # type: ignore[union-attr]


def test_the_table_is_the_mot(kept: IkResult) -> None:
    table, written = kept.angles, read_storage(_mot(kept))
    assert isinstance(table, pd.DataFrame) and table.index.name == "time_s"
    assert list(table.columns) == written.names
    plain = [name for name in table.columns if not is_coupled(name)]
    columns = [written.names.index(name) for name in plain]
    np.testing.assert_allclose(table[plain].to_numpy(), written.values[:, columns], atol=1e-6)
    np.testing.assert_allclose(table.index, written.time_s)


def _mot(result: IkResult) -> Path:
    assert result.folder is not None
    (found,) = result.folder.glob("*.mot")
    assert found.name == "walk_fast.mot"
    return found


def test_without_a_folder_nothing_is_left(
    keypoints: Keypoints, kept: IkResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    found = biomech.ik(keypoints, **WHO)
    assert found.folder is None and list(tmp_path.rglob("*")) == [tmp_path / "here", tmp_path / "temporary"]
    np.testing.assert_array_equal(found.angles.to_numpy(), kept.angles.to_numpy())
    assert [*found.notes, *(note for note in kept.notes if note.startswith("no events"))] == kept.notes
    assert found.model.skeleton.coordinate_names == found.kinematics.names  # of a file that is gone


def test_paths_and_nouns_agree(place: Path, street: SimpleNamespace) -> None:
    from_file = biomech.extract(str(place / "walk_motion.npz"))
    np.testing.assert_allclose(from_file.positions_m, street.markers.positions_m, atol=1e-9)
    solved = biomech.solve(place / "walk_scaled.osim", place / "walk.trc")
    by_noun = biomech.solve(street.model, street.markers)
    np.testing.assert_allclose(solved.angles.to_numpy(), by_noun.angles.to_numpy(), atol=0.05)
    read = biomech.Model.load(place / "walk_scaled.osim")
    assert read.osim == street.model.osim and read.name == street.model.name
    np.testing.assert_allclose(
        biomech.scale(place / "walk_motion.npz", **WHO).skeleton.defaults, read.skeleton.defaults, atol=1e-6
    )


@pytest.mark.parametrize("solver", ["fast", "neural", "opensim"])
def test_every_solver_gives_the_same_kind(street: SimpleNamespace, solver: str) -> None:
    solved = biomech.solve(street.model, street.markers, solver=solver, workers=1)
    assert isinstance(solved, Solved) and len(solved.weights) == 142
    assert solved.kinematics.values.shape == (FRAMES, 40) and solved.angles.shape == (FRAMES, 40)
    assert len(solved.trusted.reasons) == len(solved.quality) == len(solved.marker_errors.time_s) == FRAMES
    assert (solved.uncertainty is not None) == (solver == "neural")
    assert abs(solved.angles["knee_angle_r"] - street.solved.angles["knee_angle_r"]).mean() < 5


def test_a_static_trial_scales_too(street: SimpleNamespace) -> None:
    model = biomech.scale(street.markers, mass_kg=80.0)
    assert set(model.factors) >= {"pelvis", "femur_r"}


def test_frames_that_nobody_saw(street: SimpleNamespace) -> None:
    markers = biomech.Markers(street.markers.names, street.markers.positions_m.copy(), street.markers.time_s)
    markers.positions_m[3] = np.nan
    left_out = biomech.solve(street.model, markers)
    assert len(left_out.kinematics.time_s) == FRAMES - 1 and not left_out.trusted.frames[3]
    assert biomech.solve(street.model, markers, fill=True).angles.shape == (FRAMES, 40)


def test_no_half_width_of_an_angle_is_over_half_a_turn(street: SimpleNamespace) -> None:
    wide = {name: np.full(FRAMES, 6.0) for name in ("knee_angle_r", "pelvis_tx")}
    solved = biomech.solve(street.model, street.markers, half_widths=wide)
    knee, place = (solved.uncertainty[:, solved.kinematics.names.index(name)] for name in wide)
    assert knee == pytest.approx(np.pi) and place == pytest.approx(6.0)


def test_what_is_refused(place: Path, street: SimpleNamespace, keypoints: Keypoints) -> None:
    def refused(what: str, work: Callable[[], object]) -> None:
        with pytest.raises(biomech.BioposeError, match=what):
            work()

    refused("no option hight_m", lambda: biomech.ik(keypoints, hight_m=1.7))
    refused("not a person's", lambda: biomech.ik(keypoints, height_m=170.0))
    refused("for a video", lambda: biomech.ik(keypoints, start_s=1.0))
    refused("no such file", lambda: biomech.ik("nosuch_keypoints.npz"))
    refused("not a keypoint file", lambda: biomech.recover(place / "walk_motion.npz"))
    refused("no such file", lambda: biomech.detect("nosuch.mp4"))
    refused("not a person's", lambda: biomech.scale(street.motion, mass_kg=1000.0))
    refused("no solver 'slow'", lambda: biomech.solve(street.model, street.markers, solver="slow"))
    refused("share 2 names", lambda: biomech.solve(street.model, street.markers.select(["RASI", "LASI"])))
    refused("no such model", lambda: biomech.solve("nosuch.osim", street.markers))
    refused(r"ends in \.osim", lambda: street.model.save(place / "model.xml"))
    refused("no such file or folder", lambda: biomech.label("nosuch", place / "labels"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples(place: Path, name: str) -> None:
    """Of every function; only the film and the recordings are not there."""
    module = importlib.import_module(f"biomech.api.{name}")
    examples = [
        test for test in doctest.DocTestFinder().find(module) if test.examples and test.name.endswith(f".{name}")
    ]
    assert len(examples) == 1
    failed, tried = doctest.DocTestRunner(verbose=False).run(examples[0])
    assert failed == 0 and tried >= 1
    assert "Args:" in examples[0].docstring and "Raises:" in examples[0].docstring


def test_the_table_s_example() -> None:
    (example,) = doctest.DocTestFinder().find(biomech.Kinematics.table, "table", globs={})
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0


def test_the_page_s_script(
    place: Path, keypoints: Keypoints, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The street as docs/api.md writes it; the detector alone is replaced."""
    page = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
    script = page[page.index("```python\n") + 10 : page.index("\n```\n")]
    assert script.startswith("import biomech") and len(script.splitlines()) <= 10
    monkeypatch.setattr(biomech, "detect", lambda film: keypoints)
    names: dict[str, Any] = {}
    exec(script, names)
    assert names["angles"].shape == (FRAMES, 40) and (place / "walk.osim").is_file()
    assert "knee_angle_r" in capsys.readouterr().out


@pytest.mark.slow
def test_on_a_real_film(biopose_data: Path) -> None:
    """From a real film, by nouns and by the main job."""
    try:
        assets.locate("blazepose_heavy")
    except biomech.BioposeError as error:
        pytest.skip(str(error))
    film = biopose_data / "video" / "pose2sim_demo" / "videos" / "cam02.mp4"
    found = biomech.ik(film, start_s=0.5, end_s=0.66, **WHO)
    assert found.angles.shape == (5, 40) and found.angles.index[0] == pytest.approx(0.5, abs=0.01)
    motion = biomech.recover(biomech.detect(film, start_s=0.5, end_s=0.66), **WHO)
    solved = biomech.solve(biomech.scale(motion, **WHO), biomech.extract(motion), motion=motion)
    assert biomech.compare(found, solved).rotations.mae < 0.05  # type: ignore[union-attr]


def test_other_things_than_nouns_are_refused(tmp_path: Path) -> None:
    """By the words for what was wanted; TypeErrors of pathlib are none."""
    for given in (None, 3, [1], b"walk.trc", np.zeros((3, 3))):
        for stage in (biomech.extract, biomech.recover, biomech.scale, biomech.ik):
            with pytest.raises(BioposeError, match="was given, not"):
                stage(given)
        with pytest.raises(BioposeError, match="was given, not a motion"):
            biomech.compare(given, "a.mot")
        with pytest.raises(BioposeError, match="was given, not a model"):
            biomech.solve(given, "walk.trc")


def test_nouns_that_cannot_be_are_refused_as_their_files_are(walking: Callable[..., BodyMotion]) -> None:  # noqa: F811
    motion = walking(3)
    nowhere = replace(motion, rotations=motion.rotations * np.nan)
    for stage in (biomech.extract, biomech.scale):
        with pytest.raises(BioposeError, match="rotations is not a number everywhere"):
            stage(nowhere)
        with pytest.raises(BioposeError, match="rotations that do not only turn"):
            stage(replace(motion, rotations=0.9 * motion.rotations))
    time = np.arange(30) / 30
    angle = biomech.Kinematics(["knee_angle_r"], np.sin(time)[:, None], time, np.array([True]))
    for wrong in (
        replace(angle, time_s=1000 * time[::-1]),
        replace(angle, values=angle.values[:, 0]),
        replace(angle, names=["knee_angle_r", "hip_flexion_r"]),
        replace(angle, values=angle.values[:0], time_s=time[:0]),
    ):
        with pytest.raises(BioposeError, match="not a motion"):
            biomech.compare(angle, wrong)
