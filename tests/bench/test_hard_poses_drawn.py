"""The bench on drawn hard poses: what is counted, what is told apart, and which recordings are taken."""

import numpy as np
import pytest

from biomech.bench import hard_poses, hard_poses_drawn
from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError

FIGURES = {"mae18_deg": 20.0, "trusted": 0.5, "wrong": 1.0, "trusted_wrong": 0.25}


@pytest.fixture
def nobody_draws(monkeypatch):
    """Neither body nor detector: what is seen is said by the test."""
    monkeypatch.setattr(hard_poses_drawn, "Skin", lambda: None)
    monkeypatch.setattr(hard_poses_drawn, "BlazePose", lambda threads: None)
    monkeypatch.setattr(hard_poses_drawn, "errors", lambda clip, way: FIGURES)


def test_standing_is_no_hard_pose_and_shares_are_of_the_trusted(nobody_draws, monkeypatch):
    monkeypatch.setattr(hard_poses_drawn, "drawn", lambda *_: ("clip", 1))
    found = hard_poses_drawn.bench_hard_poses_drawn(("standing", "plank"), people=1)
    assert len(found["cells"]) == 2 * 3 * 2
    for recoverer in ("fit", "mqhmr"):
        assert set(found[recoverer]) == {"front", "side", "behind"}
        assert found[recoverer]["front"]["trusted_wrong_of_trusted"] == 0.5
    only = hard_poses_drawn.bench_hard_poses_drawn(("standing",), people=1, recoverers=("fit",))
    assert only["fit"] == {}


def test_who_is_never_seen_counts_nowhere_else(nobody_draws, monkeypatch):
    monkeypatch.setattr(hard_poses_drawn, "drawn", lambda *_: (None, hard_poses_drawn.SCENES))
    found = hard_poses_drawn.bench_hard_poses_drawn(("plank",), people=2, recoverers=("fit",))
    assert found["cells"]["plank, front, fit"] == {"seen": 0.0} and found["fit"] == {}


def test_bad_poses_and_recoverers_are_refused_before_anything_is_drawn():
    with pytest.raises(BioposeError, match="no pose 'lying'"):
        hard_poses_drawn.bench_hard_poses_drawn(("lying",))
    with pytest.raises(BioposeError, match="mqhm"):
        hard_poses_drawn.bench_hard_poses_drawn(("plank",), recoverers=("mqhm",))


def test_the_hardest_of_recorded_motion_bends_far_and_is_held_throughout(biopose_data):
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    found = hard_poses_drawn.hardest(biopose_data / "cmu_bvh_01_14.zip", 2, [shape])
    assert len(found) == 2
    for motion, truth in found:
        assert len(motion.rotations) == len(truth.values) == 30
        assert hard_poses.held(truth).start == 0
        angles = [np.abs(truth.values[:, truth.names.index(name)]) for name in ("hip_flexion_r", "knee_angle_r")]
        assert np.degrees(np.max(angles)) > 60
        assert np.hypot(*motion.root_position_m[:, [0, 2]].mean(0)) < 1e-6


@pytest.mark.slow
def test_a_drawn_pose_is_seen_and_recovered():
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    eyes = hard_poses_drawn.DrawingEyes(hard_poses_drawn.Skin(), hard_poses_drawn.BlazePose(threads=1))
    rng = np.random.default_rng(0)
    clip, scenes = hard_poses_drawn.drawn(hard_poses.posed("squat", shape), "side", rng, eyes)
    assert clip is not None and scenes <= hard_poses_drawn.SCENES
    figures = hard_poses.errors(clip)
    assert figures["mae18_deg"] < 15 < figures["zero_mae18_deg"]
