"""The bench on hard poses: that the poses are what they are called, and what counts as an error."""

import numpy as np
import pytest

from biomech.bench import hard_poses
from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, pose_of
from biomech.errors import BioposeError
from biomech.labels.library.skeleton import limits_rad
from biomech.mesh.points import detected_points

# Cosine between the trunk's upward axis and the vertical: of whom it stands or sits, lies, or hangs head down.
TRUNK = {
    "standing": "up",
    "squat": "up",
    "deep squat": "up",
    "forward fold": "down",
    "deep lunge": "up",
    "warrior III": "level",
    "tree": "up",
    "cross-legged": "up",
    "on the back": "level",
    "plank": "level",
    "downward dog": "down",
    "bridge": "down",
    "handstand": "down",
}
BETWEEN = {"up": (0.7, 1.0), "level": (-0.2, 0.5), "down": (-1.0, -0.2)}


@pytest.fixture(scope="module")
def average():
    return AnnyBody.load([0]).default_shape().double().numpy()


@pytest.mark.parametrize("name", hard_poses.POSES)
def test_poses_are_within_the_ranges_of_joints(name):
    own = list(limits_rad())
    for table in (hard_poses.POSES[name], hard_poses.BEGUN.get(name, {})):
        assert all(any(key in (one, one[:-2]) for one in own) for key in table)
    own = [one for one in own if one not in ("pelvis_tx", "pelvis_ty", "pelvis_tz")]
    low, high = np.array([limits_rad()[one] for one in own]).T
    values = hard_poses._values(own, hard_poses.POSES[name])
    assert (values >= low - 1e-9).all() and (values <= high + 1e-9).all()


@pytest.mark.parametrize("name", hard_poses.POSES)
def test_poses_are_upright_level_or_inverted_as_they_are_called(name, average):
    motion, truth = hard_poses.posed(name, average)
    points = detected_points(AnnyBody.load([0]), motion)
    ends = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    at = {end: points.positions_m[:, points.names.index(end)] for end in ends}
    trunk = at["left_shoulder"] + at["right_shoulder"] - at["left_hip"] - at["right_hip"]
    cosine = trunk[:, 1] / np.linalg.norm(trunk, axis=1)
    low, high = BETWEEN[TRUNK[name]]
    when = hard_poses.held(truth)
    assert (low <= cosine[when]).all() and (cosine[when] <= high).all()
    assert (cosine[0] < -0.9) if name in hard_poses.BEGUN else (cosine[0] > 0.9)
    assert 0 < points.positions_m[..., 1].min() < 0.3  # on the floor, if not of each of them
    assert np.ptp(motion.root_position_m[when], axis=0).max() < 1e-6  # held
    assert set(TRUNK) == set(hard_poses.POSES)


def test_who_is_turned_about_the_vertical_is_not_off(average):
    _, truth = hard_poses.posed("on the back", average)
    pose, when = pose_of(truth.names, truth.values), hard_poses.held(truth)

    def off(about: str) -> float:
        cos, sin = np.cos(1.0), np.sin(1.0)
        turn = {"y": [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], "x": [[1, 0, 0], [0, cos, -sin], [0, sin, cos]]}
        balls = pose.balls.copy()
        balls[:, 0] = np.array(turn[about]) @ balls[:, 0]
        return float(hard_poses.off_deg(truth, Pose(balls, pose.hinges), when)["pelvis_deg"].max())

    assert off("y") < 1e-3
    assert off("x") == pytest.approx(np.degrees(1.0), abs=1.0)  # rolled over its long axis: that is no heading


def test_what_is_trusted_though_wrong_is_counted(monkeypatch):
    row = {"mae18_deg": 20.0, "trusted": 0.5, "wrong": 1.0, "trusted_wrong": 0.5}
    monkeypatch.setattr(hard_poses, "errors", lambda clip: row)
    monkeypatch.setattr(hard_poses, "weighed", lambda trial: {"lower": 1.0})
    monkeypatch.setattr(hard_poses, "without", lambda trial: {"as it is": 20.0})
    monkeypatch.setattr(hard_poses.Tried, "of", lambda clip, motion: None)
    figures = hard_poses.bench_hard_poses(("standing", "plank"), people=1)
    assert figures["trusted"] == 0.5 and figures["trusted_wrong"] == 1.0 and figures["trusted_wrong_of_all"] == 0.5
    assert set(figures["without"]) == {"plank"} and len(figures["cells"]) == 6
    with pytest.raises(BioposeError, match="plank"):
        hard_poses.bench_hard_poses(("lying",))


@pytest.mark.slow
def test_a_cell_comes_back_and_the_truth_is_weighed(average):
    motion, truth = hard_poses.posed("squat", average)
    clip = hard_poses.film(motion, truth, 90.0, hard_poses.DISTANCE_M, hard_poses.FOV_DEG, ("test", 0))
    figures = hard_poses.errors(clip)
    assert figures["trusted"] == 1 and figures["mae18_deg"] < 12 < figures["zero_mae18_deg"]
    said = hard_poses.weighed(hard_poses.Tried.of(clip, motion))
    assert said["settled_cost"] < said["true_cost"] and 0 < said["settled_deg"] < 12
    assert said["found_deg"] == pytest.approx(figures["mae18_deg"], abs=3.0)
