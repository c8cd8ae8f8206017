"""Motions by code: in range, on the floor, smooth, different from person to person, and right where figures say so."""

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library import norms
from biomech.labels.library.bands import walk_of
from biomech.labels.library.generated import KINDS, generate
from biomech.labels.library.poses import ARMS
from biomech.labels.library.skeleton import foot_height_m, limits_rad, names, skeleton


def degrees(motion: Kinematics, name: str) -> np.ndarray:
    return np.degrees(motion.column(name))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_motion_of_our_skeleton(kind):
    one, other = (generate(kind, 3.0, 50, np.random.default_rng(seed)) for seed in (1, 2))
    again = generate(kind, 3.0, 50, np.random.default_rng(1))
    assert tuple(one.names) == names() and one.values.shape == (150, 40)
    np.testing.assert_array_equal(one.values, again.values)
    assert np.abs(one.values - other.values).max() > 0.05
    for column, name in enumerate(names()):
        low, high = limits_rad()[name]
        assert (one.values[:, column] >= low).all() and (one.values[:, column] <= high).all(), name
    speed = np.abs(np.diff(one.values[:, one.rotational], axis=0)) * 50
    assert speed.max() < 25  # rad/s; sprinters' knees reach 20
    if "stairs" not in kind:
        lowest = foot_height_m(one.values).min(1)
        assert lowest.min() > -1e-6 and (kind in ("jump", "run") or lowest.max() < 1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_plain_walk_is_inside_the_published_bands(seed):
    walk = walk_of(generate("plain_walk", 6.0, 50, np.random.default_rng(seed)))
    assert walk is not None and 0.4 <= walk.speed_m_s <= 2.3
    assert walk.least_inside[1] > 0.9, walk.least_inside  # the phase is found by the knee, to about 1 %


def test_walkers_differ_as_people_do():
    walks = [walk_of(generate("plain_walk", 3.0, 30, np.random.default_rng(seed))) for seed in range(16)]
    for name in ("pelvis_tilt", "knee_angle_r"):
        means = [np.nanmean(walk.curves[name]) for walk in walks if walk]
        _, sd = norms.walking(name.removesuffix("_r"), np.linspace(0, 1, 50), 1.28)
        assert 0.35 * sd.mean() < np.std(means) < 1.3 * sd.mean(), name


def test_who_stands_is_upright():
    knees, tilts, elbows = [], [], []
    for seed in range(16):
        motion = generate("standing", 2.0, 20, np.random.default_rng(seed))
        knees.append(min(np.median(degrees(motion, f"knee_angle_{side}")) for side in "rl"))
        tilts.append(np.median(degrees(motion, "pelvis_tilt")))
        elbows.append(np.median(degrees(motion, "elbow_flex_r")))
    assert abs(np.mean(knees) - 1.0) < 2 and max(np.abs(knees)) < 9
    assert abs(np.mean(tilts)) < 2.5 and 2 < np.std(tilts) < 6
    assert np.min(elbows) > 5


def test_a_squat_folds_as_one_solved_from_markers():
    """OpenCap's subject 4 at 100° of knee: 30° of pelvis, 25° of spine, 100° of hip."""
    pelvis, spine, hip = [], [], []
    for seed in range(24):
        motion = generate("squat", 4.0, 20, np.random.default_rng(seed))
        knee = degrees(motion, "knee_angle_r")
        for frame in np.flatnonzero(np.abs(knee - 100) < 4):
            pelvis.append(-degrees(motion, "pelvis_tilt")[frame])
            spine.append(-degrees(motion, "lumbar_extension")[frame])
            hip.append(degrees(motion, "hip_flexion_r")[frame])
    assert 20 < np.mean(pelvis) < 40 and 15 < np.mean(spine) < 38 and 85 < np.mean(hip) < 112


def test_a_jump_flies():
    motion = generate("jump", 6.0, 50, np.random.default_rng(3))
    above = foot_height_m(motion.values).min(1)
    flying = above > 0.01
    assert 0.05 < above.max() < 0.5 and flying.any() and not flying.all()


def test_hands_are_where_the_posture_says():
    ours = skeleton()
    hand, pelvis = ours.body_names.index("hand_r"), ours.body_names.index("pelvis")

    def hand_at(arms: str) -> np.ndarray:
        import torch

        values = np.zeros(40)
        for joint, angle in {"elbow_flex": 24, "pro_sup": 110, "arm_add": -9, **ARMS[arms]}.items():
            values[names().index(f"{joint}_r")] = np.radians(angle)
        pose = ours(torch.as_tensor(values)[None])
        return (pose.positions[0, hand] - pose.positions[0, pelvis]).numpy()

    hips, crossed, hanging = hand_at("hips"), hand_at("crossed"), hand_at("hanging")
    assert np.linalg.norm(hips - [-0.04, 0.07, 0.22]) < 0.05  # beside the crest of the pelvis
    assert crossed[0] > 0.1 and crossed[2] < 0.05 and crossed[1] > 0.15  # before the chest, past the middle
    assert hanging[1] < 0 and hanging[2] > 0.15


@pytest.mark.parametrize(("kind", "seconds"), [("flying", 2.0), ("walk", 0.0), ("walk", float("nan"))])
def test_what_there_is_not_is_refused(kind, seconds):
    with pytest.raises(BioposeError):
        generate(kind, seconds, 50, np.random.default_rng(0))
