"""The table of doubts: other poses than the bench reports, and a regression that finds what it is given."""

from pathlib import Path

import numpy as np
import pytest

from biomech.bench import doubts, other_poses
from biomech.bench.doubts import Judged
from biomech.bench.hard_poses import POSES, entered
from biomech.body.anny import AnnyBody
from biomech.coverage import LEVEL
from biomech.errors import BioposeError
from biomech.labels.library.skeleton import limits_rad, names
from biomech.mesh import expected
from biomech.mesh.doubt_signals import SIGNALS
from biomech.train.synthetic.clips import Clip


def test_no_pose_is_one_of_the_reported() -> None:
    poses = other_poses.OTHERS | other_poses.HIDING
    assert not set(poses) & set(POSES)
    assert not [name for name, table in poses.items() if table in POSES.values()]


def test_mixtures_name_coordinates_and_are_the_same_each_time() -> None:
    one = other_poses.mixture(3)
    assert one == other_poses.mixture(3) != other_poses.mixture(4)
    assert set(one) <= set(names()) <= set(limits_rad())


def test_the_regression_finds_what_is_wrong() -> None:
    rng = np.random.default_rng(1)

    def clip(group: str, shift: float) -> Judged:
        signals = rng.standard_normal((200, len(SIGNALS)))
        signals[:, 0] += shift
        wrong = (signals[:, 0] > 3.0) & (group != "ordinary")
        return Judged(group, signals, wrong, np.ones(200, bool), 1.0)

    hard, ordinary = [clip("one", 3.0), clip("two", 3.0)], [clip("ordinary", 0.0)]
    table = doubts._regression([*hard, *ordinary])
    assert np.abs(table[2]).argmax() == 0 and table[2][0] > 1
    assert doubts._odds(ordinary[0], table).mean() < doubts._odds(hard[0], table).mean()
    assert doubts._beyond(ordinary, table, np.inf) == 0


def test_widths_are_widened_until_the_level_is_reached() -> None:
    table = (np.zeros(len(SIGNALS)), np.ones(len(SIGNALS)), np.zeros(len(SIGNALS)), 1.0)
    times = np.tile(np.linspace(0.1, 4, 200)[:, None], (1, len(expected.NAMES)))
    times[:, 0] = np.nan
    one = Judged("one", np.zeros((200, len(SIGNALS))), *[np.ones(200, bool)] * 2, 1.0, 0, times)
    widen = doubts._widening([one], table, 0.0)
    assert widen[0] == 1 and doubts._within(one, widen) == pytest.approx(LEVEL, abs=0.01)


def test_no_poses_are_told() -> None:
    with pytest.raises(BioposeError, match="no clips of poses"):
        doubts.learned(Path("nowhere"), [], [])


def test_the_truth_of_a_clip_is_what_drove_it() -> None:
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    motion, truth = entered({}, other_poses.OTHERS["kneeling"], shape)
    camera = other_poses._camera("side", np.random.default_rng(0))
    turn = camera.rotation_camera_from_world
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    frames, nothing = len(rotations), np.zeros((len(rotations), 0))
    clip = Clip(
        *(nothing, nothing, np.zeros((frames, 33, 2)), np.ones((frames, 33)), np.zeros((frames, 33, 3))),
        *(np.zeros((frames, 2)), np.ones(frames), np.zeros(frames), camera.focal_px, np.array(camera.center_px)),
        *("anny", rotations, motion.shape, camera.to_camera(motion.root_position_m), turn[:, 1], 0.0),
    )
    found = doubts.truth_of(clip)
    for name in ("pelvis_tilt", "knee_angle_r", "hip_flexion_l", "lumbar_extension"):
        true = truth.values[:, truth.names.index(name)]
        assert np.allclose(found.values[:, found.names.index(name)], true, atol=1e-4)


def test_cameras_of_lessons_stand_about_their_view() -> None:
    for view, ahead in (("front", 1), ("behind", -1)):
        for seed in range(5):
            camera = other_poses._camera(view, np.random.default_rng(seed))
            place = -camera.rotation_camera_from_world.T @ camera.position_in_camera_m
            assert ahead * place[0] > 0.8 * np.hypot(place[0], place[2])
            assert 2.9 < np.hypot(place[0], place[2]) < 5.6 and 0.5 < place[1] < 1.7
