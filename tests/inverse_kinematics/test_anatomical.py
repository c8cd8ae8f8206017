"""Which triple of an arm's angles a stretch of a motion gets: the same poses, nearest to what people read off them."""

from dataclasses import replace

import numpy as np
import pytest

from biomech.inverse_kinematics.anatomical import anatomical
from biomech.inverse_kinematics.branches import BallJoint, ball_joints, continuous
from biomech.osim_models import build
from biomech.skeleton.skeleton import Skeleton

ARM = ["arm_flex_l", "arm_add_l", "arm_rot_l"]
RATE_HZ = 30.0
HANGING = np.deg2rad([2.0, -12.0, -8.0])


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(build.DEFAULT_PATH)


@pytest.fixture(scope="module")
def arm(skeleton: Skeleton) -> BallJoint:
    return next(j for j in ball_joints(skeleton.description) if skeleton.coordinate_names[j.coordinates[0]] == ARM[0])


def moving(skeleton: Skeleton, arm: BallJoint, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.tile(skeleton.defaults, (len(angles), 1))
    values[:, arm.coordinates] = angles
    return values, np.arange(len(angles)) / RATE_HZ


def between(start: np.ndarray, end: np.ndarray, frames: int) -> np.ndarray:
    return start + (end - start) * np.linspace(0, 1, frames)[:, None]


def raised_and_lowered(arm: BallJoint) -> np.ndarray:
    """Up sideways, through the pose that tells the triples not apart; down before the body: at the far triple."""
    side, over = np.deg2rad([10.0, -89.0, -30.0]), np.deg2rad([-10.0, -170.0, -60.0])
    up = np.concatenate([between(HANGING, side, 30), between(side, over, 30)])
    return np.concatenate([up, between(over, arm.twin(HANGING) - 2 * np.pi, 60)])


def test_an_arm_that_comes_down_another_way_hangs_at_the_near_triple(skeleton: Skeleton, arm: BallJoint):
    values, time_s = moving(skeleton, arm, raised_and_lowered(arm))
    assert np.abs(values[-1, arm.coordinates] - HANGING).max() > 3 and np.abs(np.diff(values, axis=0)).max() < 0.2
    course, jumps, notes = anatomical(skeleton.description, values, time_s)
    angles = course[:, arm.coordinates]
    np.testing.assert_allclose(angles[-1], HANGING, atol=1e-9)
    np.testing.assert_allclose(angles[0], HANGING, atol=1e-9)
    np.testing.assert_allclose(arm.rotation(angles), arm.rotation(values[:, arm.coordinates]), atol=1e-9)
    jumped = np.flatnonzero(np.abs(np.diff(angles, axis=0)).max(1) > 0.5)
    assert len(jumped) and np.abs(np.degrees(angles[jumped, 1]) + 90).max() < 15, "only where nothing tells them apart"
    assert not jumps.any() and notes == []
    others = np.setdiff1d(np.arange(values.shape[1]), arm.coordinates)
    np.testing.assert_array_equal(course[:, others], values[:, others])


def test_what_is_read_well_all_along_stays_to_the_bit(skeleton: Skeleton, arm: BallJoint):
    """Up sideways and down again: overhead both triples are as good as each other, and nothing jumps."""
    over = np.deg2rad([-25.0, -150.0, -90.0])
    values, time_s = moving(skeleton, arm, np.concatenate([between(HANGING, over, 40), between(over, HANGING, 40)]))
    course, jumps, _ = anatomical(skeleton.description, values, time_s)
    np.testing.assert_array_equal(course, values)
    assert not jumps.any()


def test_a_film_that_is_at_the_far_triple_all_along_is_read_near(skeleton: Skeleton, arm: BallJoint):
    near = between(HANGING, np.deg2rad([60.0, -20.0, 10.0]), 50)
    values, time_s = moving(skeleton, arm, arm.twin(near))
    course, _, _ = anatomical(skeleton.description, values, time_s)
    np.testing.assert_allclose(course[:, arm.coordinates], near, atol=1e-9)


def test_a_jump_between_frames_that_are_plain_is_told(skeleton: Skeleton, arm: BallJoint):
    angles = raised_and_lowered(arm)
    far_enough = np.abs(np.degrees(angles[:, 1]) + 90) > 16
    values, time_s = moving(skeleton, arm, angles[far_enough])
    course, jumps, notes = anatomical(skeleton.description, values, time_s)
    np.testing.assert_allclose(course[-1, arm.coordinates], HANGING, atol=1e-9)
    assert jumps.any(0).sum() == 3 and jumps[:, arm.coordinates[0]].sum() == 2
    assert len(notes) == 1 and "arm_rot_l" in notes[0]


def test_in_a_gap_an_arm_may_have_passed_anything(skeleton: Skeleton, arm: BallJoint):
    angles = np.concatenate([between(HANGING, HANGING + 0.2, 40), arm.twin(between(HANGING + 0.2, HANGING, 40))])
    values, time_s = moving(skeleton, arm, angles)
    solved = np.ones(80, dtype=bool)
    solved[35:45] = False
    course, jumps, _ = anatomical(skeleton.description, values, time_s, solved)
    assert np.abs(course[:, arm.coordinates]).max() < 1 and not jumps.any()


def test_clamped_coordinates_stay_inside_their_ranges(skeleton: Skeleton, arm: BallJoint):
    parts = tuple(
        replace(c, range=(2.0, 4.0), clamped=True) if c.name == ARM[0] else c for c in skeleton.description.coordinates
    )
    values, time_s = moving(skeleton, arm, arm.twin(np.tile(HANGING, (30, 1))))
    course, _, _ = anatomical(replace(skeleton.description, coordinates=parts), values, time_s)
    assert ((course[:, arm.coordinates[0]] >= 2.0) & (course[:, arm.coordinates[0]] <= 4.0)).all()


def test_who_turns_round_and_one_frame_are_left_alone(skeleton: Skeleton):
    turning = np.tile(skeleton.defaults, (100, 1))
    turning[:, skeleton.coordinate_names.index("pelvis_rotation")] = np.linspace(-1, 8, 100)
    course, jumps, _ = anatomical(skeleton.description, turning, np.arange(100) / RATE_HZ)
    np.testing.assert_array_equal(course, turning)
    assert not jumps.any()
    for frames in (0, 1):
        one, _, _ = anatomical(skeleton.description, turning[:frames], np.zeros(frames))
        np.testing.assert_array_equal(one, turning[:frames])


def test_smoothing_before_it_stays_continuous(skeleton: Skeleton, arm: BallJoint):
    values, _ = moving(skeleton, arm, raised_and_lowered(arm))
    assert np.abs(np.diff(continuous(skeleton.description, values), axis=0)).max() < 0.2
