"""`biopose export`: what it reads, what it leaves, and what it refuses."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_trial import Trial, trial  # noqa: F401 (fixture)

import biomech
from biomech.cli.main import main
from biomech.errors import BioposeError
from biomech.exports.take import Take
from biomech.kinematics.mot import write_mot

Biopose = Callable[..., tuple[int, str, str]]
FITTING = ("c3d", "json", "glb", "bvh", "csv")


@pytest.fixture
def biopose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Biopose:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["biopose", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return call


@pytest.fixture
def run(trial: Trial, tmp_path: Path) -> Path:  # noqa: F811
    """A folder as `biopose ik` leaves it, as far as it is read."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "small_scaled.osim").write_bytes(trial.model.read_bytes())
    (folder / "small.trc").write_bytes(trial.trc.read_bytes())
    write_mot(trial.truth, folder / "small_fast.mot")
    outputs = {"read": ["small.trc"], "scale": ["small_scaled.osim"], "solve": ["small_fast.mot"]}
    stages = {name: {"outputs": dict.fromkeys(files, "")} for name, files in outputs.items()}
    (folder / "biopose.json").write_text(json.dumps({"source": {"name": "small.trc"}, "stages": stages}))
    return folder


def test_a_run_in_every_format(biopose: Biopose, run: Path, tmp_path: Path) -> None:
    code, out, _ = biopose("export", run, "--to", ",".join(FITTING), "--json")
    said = json.loads(out)
    assert code == 0 and list(said["files"]) == list(FITTING) and said["frames"] == 130
    names = ["small.bvh", "small.c3d", "small_angles.csv", "small_skeleton.glb", "small_viewer.json"]
    assert sorted(path.name for path in (tmp_path / "small_export").iterdir()) == names


def test_all_is_what_can_hold_it(biopose: Biopose, run: Path) -> None:
    """A skeleton without arms is no SMPL; asked for, that is an error."""
    code, out, _ = biopose("export", run, "--json")
    said = json.loads(out)
    assert (
        code == 0 and list(said["files"]) == list(FITTING) and said["notes"][0].startswith("no npz: the model has no")
    )
    code, _, told = biopose("export", run, "--to", "npz,json", "-o", "other")
    assert code == 2 and "no body calcn_l" in told and not any(run.parent.glob("other/*"))


def test_nothing_is_written_over(biopose: Biopose, run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/small.bvh").write_text("mine")
    code, _, told = biopose("export", run, "--to", "json,bvh", "-o", "out")
    assert code == 2 and "small.bvh: there is a file of this name" in told and "--overwrite" in told
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]
    assert biopose("export", run, "--to", "json,bvh", "-o", "out", "--overwrite")[0] == 0
    assert (tmp_path / "out/small.bvh").read_text().startswith("HIERARCHY")


def test_what_is_exported_is_never_written_over(biopose: Biopose, run: Path, trial: Trial) -> None:  # noqa: F811
    markers = run / "small.c3d"
    assert biopose("export", run, "--to", "c3d", "-o", markers)[0] == 0
    before = markers.read_bytes()
    files = [run / "small_scaled.osim", run / "small_fast.mot", markers]
    code, _, told = biopose("export", *files, "--to", "c3d", "-o", markers, "--overwrite")
    assert code == 2 and "this is what is exported" in told and markers.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], "not a file that is exported"),
        (["empty"], "this is no folder of a run"),
        (["run", "--to", "fbx"], "there is no format 'fbx'"),
        (["run", "--to", ""], "there is no format ''"),
        (["run/small_fast.mot"], "a model (.osim) is missing"),
        (["run/small_scaled.osim"], "a motion (.mot) is missing"),
        (["run/small_scaled.osim", "run"], "a folder beside other files"),
        (["run/small_scaled.osim", "run/small_fast.mot", "run/small_fast.mot"], "a second file of one kind"),
        (["run", "--geometry", "nosuch"], "there is no such folder"),
        (["run", "-o", "run/biopose.json"], "a file is there, not a folder"),
        (["damaged"], "this run made no model and motion"),
        (["broken"], "the record of the run is damaged"),
    ],
)
def test_what_cannot_be_is_told(biopose: Biopose, run: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    for name, text in (("empty", None), ("damaged", '{"stages": {}}'), ("broken", "[]")):
        (tmp_path / name).mkdir()
        if text:
            (tmp_path / name / "biopose.json").write_text(text)
    before = sorted(path for path in tmp_path.rglob("*"))
    code, out, err = biopose("export", *arguments)
    assert code == 2 and told in err and out == "" and "Traceback" not in err
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_motion_of_another_model_leaves_nothing(biopose: Biopose, run: Path, tmp_path: Path) -> None:
    text = (run / "small_fast.mot").read_text().replace("hip_flexion_r", "hop_flexion_r")
    (run / "small_fast.mot").write_text(text)
    code, _, err = biopose("export", run, "--to", "csv,bvh", "-o", "out")
    assert code == 2 and "no coordinate hop_flexion_r" in err
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_in_python(run: Path, tmp_path: Path) -> None:
    exported = biomech.export(run, tmp_path / "there.bvh", to="bvh")
    assert isinstance(exported, biomech.Exported) and exported.files == {"bvh": tmp_path / "there.bvh"}
    files = [run / "small_scaled.osim", run / "small_fast.mot"]
    again = biomech.export(files, tmp_path / "by_hand", to=["csv"])
    assert again.files["csv"].name == "small_fast_angles.csv"
    with pytest.raises(BioposeError, match="there is a file of this name"):
        biomech.export(run, tmp_path / "there.bvh", to="bvh")
    np.testing.assert_allclose(Take.read([run]).beat.rate_hz, 50)
