"""Loading a model quietly and asking it where its bodies are, against OpenSim's own answers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.bench.faults.seeds import small_model
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.joint_centres import joint_centres
from biomech.osim_models import DEFAULT_PATH, build
from biomech.skeleton.model import (
    body_positions,
    body_transforms,
    coordinate_is_rotational,
    coordinate_names,
    coordinate_ranges,
    load_model,
    print_whole,
)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "patella"])
def model(request, tmp_path_factory) -> opensim.Model:
    path = tmp_path_factory.mktemp("model") / "skeleton.osim"
    build.write(path, patella=request.param)
    return load_model(path)


def random_kinematics(model, frames: int) -> Kinematics:
    names = [n for n in coordinate_names(model) if not n.endswith("_beta")]
    low, high = np.clip(coordinate_ranges(model), -2, 2)[[coordinate_names(model).index(n) for n in names]].T
    values = np.random.default_rng(1).uniform(low, high, (frames, len(names)))
    return Kinematics(names, values, np.arange(frames) / 50, np.ones(len(names), bool))


def test_positions_are_those_of_opensim(model):
    kinematics = random_kinematics(model, 4)
    points = [("head", (0.1, 0.2, 0.0)), ("hand_l", (0, -0.1, 0.02)), ("toes_r", (0, 0, 0)), ("ground", (1, 2, 3))]
    if "patella_r" in {b.getName() for b in model.getBodySet()}:
        points.append(("patella_r", (0.01, 0.02, 0.03)))
    found = body_positions(model, kinematics, points)
    state = model.initSystem()
    for frame, values in enumerate(kinematics.values):
        pose = dict(zip(kinematics.names, values, strict=True))
        for coordinate in model.getCoordinateSet():
            coordinate.setValue(state, pose[coordinate.getName().removesuffix("_beta")], False)
        model.realizePosition(state)
        for k, (body, location) in enumerate(points):
            frame_of = model.getGround() if body == "ground" else model.getBodySet().get(body)
            expected = frame_of.findStationLocationInGround(state, opensim.Vec3(*(float(x) for x in location)))
            assert found[frame, k] == pytest.approx(expected.to_numpy(), abs=1e-9)


def test_rotations_are_proper(model):
    _, rotations = body_transforms(model, random_kinematics(model, 3), ["radius_r", "tibia_l"])
    assert rotations @ rotations.swapaxes(-1, -2) == pytest.approx(
        np.broadcast_to(np.eye(3), rotations.shape), abs=1e-12
    )
    assert np.linalg.det(rotations) == pytest.approx(1)


def test_joint_centres_are_named_by_joint(model):
    standing = Kinematics(["pelvis_ty"], np.full((2, 1), 1.0), np.array([0.0, 0.1]), np.array([False]))
    centres = joint_centres(model, standing)
    at = dict(zip(centres.names, centres.positions_m[0], strict=True))
    assert at["ground_pelvis"] == pytest.approx([0, 1, 0])
    assert at["hip_l"] == pytest.approx([-0.056276, 1 - 0.07849, -0.07726])
    assert at["neck"][1] > at["acromial_r"][1] > at["back"][1] > at["walker_knee_r"][1] > at["ankle_r"][1]


def test_a_frame_with_nan_is_nan_and_no_other(model):
    kinematics = random_kinematics(model, 3)
    kinematics.values[1, 4] = np.nan
    found = body_positions(model, kinematics, [("pelvis", (0, 0, 0))])
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all()


def test_only_the_pelvis_translates(model):
    moves = dict(zip(coordinate_names(model), coordinate_is_rotational(model), strict=True))
    assert [n for n, rotational in moves.items() if not rotational] == ["pelvis_tx", "pelvis_ty", "pelvis_tz"]


def test_unknown_names_are_refused(model):
    kinematics = random_kinematics(model, 1)
    with pytest.raises(BioposeError, match="no body 'tail'"):
        body_positions(model, kinematics, [("tail", (0, 0, 0))])
    kinematics.names[0] = "wing_flex"
    with pytest.raises(BioposeError, match="no coordinate wing_flex"):
        body_positions(model, kinematics, [("pelvis", (0, 0, 0))])


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(BioposeError, match="no such model"):
        load_model(tmp_path / "absent.osim")
    for name, text in (("text.osim", "hello"), ("other.osim", "<a></a>"), ("empty.osim", "")):
        (tmp_path / name).write_text(text)
        with pytest.raises(BioposeError, match=name):
            load_model(tmp_path / name)


def test_loading_prints_nothing_and_leaves_no_log(tmp_path):
    code = f"from biomech.skeleton.model import load_model; load_model({str(build.DEFAULT_PATH)!r})"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == "" and run.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("said", ["nothing", "an exception", "success"])
def test_a_full_disk_is_told_by_the_system(said: str, tmp_path: Path) -> None:
    class Unwritten:
        def printToXML(self, path: str) -> bool:
            if said == "an exception":
                raise RuntimeError("Failed to write to the Xml file")
            return said == "success"

    (tmp_path / "a.osim").write_text("<OpenSimDocument><Mod")
    with pytest.raises(OSError, match="No space left on device"):
        print_whole(Unwritten(), tmp_path / "a.osim")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<mass>", "<mass>1e30</mass><!--", "mass of"),
        ("<location>", "<location>0 1e300 0</location><!--", "place of"),
    ],
)
def test_numbers_that_opensim_takes_without_a_word(tmp_path: Path, old: str, new: str, what: str) -> None:
    text = DEFAULT_PATH.read_text()
    at = text.index("<objects>", text.index("<BodySet" if "mass" in old else "<MarkerSet"))
    first = text.index(old, at)
    end = text.index("</", first)
    (tmp_path / "a.osim").write_text(text[:first] + new.removesuffix("<!--") + text[text.index(">", end) + 1 :])
    with pytest.raises(BioposeError, match=f"cannot be: {what}"):
        load_model(tmp_path / "a.osim")


def test_two_coordinates_of_one_name_are_refused(tmp_path: Path) -> None:
    small_model(path := tmp_path / "small.osim")
    path.write_text(path.read_text().replace('"hip_flexion_r"', '"knee_angle_r"'))
    with pytest.raises(BioposeError, match="two coordinates of the model have one name: knee_angle_r"):
        load_model(path)
