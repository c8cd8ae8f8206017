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


def arm_at_twin(arm: BallJoint, values: np.ndarray) -> np.ndarray:
    """The same poses, as a film may come that was cut elsewhere."""
    other = values.copy()
    other[:, arm.coordinates] = arm.twin(values[:, arm.coordinates])
    return other


def raised_and_lowered(arm: BallJoint) -> np.ndarray:
    """Up sideways, through the pose that tells the triples not apart; down before the body: at the far triple."""
    side, over = np.deg2rad([10.0, -89.0, -30.0]), np.deg2rad([-10.0, -170.0, -60.0])
    up = np.concatenate([between(HANGING, side, 30), between(side, over, 30)])
    return np.concatenate([up, between(over, arm.twin(HANGING) - 2 * np.pi, 60)])


def test_an_arm_that_comes_down_another_way_hangs_at_the_near_triple(skeleton: Skeleton, arm: BallJoint):
    values, _ = moving(skeleton, arm, raised_and_lowered(arm))
    assert np.abs(values[-1, arm.coordinates] - HANGING).max() > 3 and np.abs(np.diff(values, axis=0)).max() < 0.2
    course, jumps, notes = anatomical(skeleton.description, values)
    angles = course[:, arm.coordinates]
    np.testing.assert_allclose(angles[[0, -1]], [HANGING, HANGING], atol=1e-9)
    np.testing.assert_allclose(arm.rotation(angles), arm.rotation(values[:, arm.coordinates]), atol=1e-9)
    jumped = np.flatnonzero(np.abs(np.diff(angles, axis=0)).max(1) > 0.5)
    assert len(jumped) == 1 and np.abs(np.degrees(angles[jumped, 1]) + 90) < 15, "only where nothing tells them apart"
    np.testing.assert_array_equal(np.flatnonzero(jumps[:, arm.coordinates].all(1)), [jumped[0], jumped[0] + 1])
    assert len(notes) == 1 and "arm_rot_l" in notes[0]
    others = np.setdiff1d(np.arange(values.shape[1]), arm.coordinates)
    np.testing.assert_array_equal(course[:, others], values[:, others])
    assert not jumps[:, others].any()


def test_the_same_pose_has_the_same_triple_whichever_way_it_was_reached_and_wherever_the_film_is_cut(
    skeleton: Skeleton, arm: BallJoint
):
    """One raise passes behind the pose that tells the triples not apart, the next well before it."""
    over = np.deg2rad([-16.0, -150.0, -85.0])
    behind, before = np.deg2rad([0.0, -89.0, -60.0]), np.deg2rad([90.0, -60.0, 40.0])
    same_over = arm.twin(over) - [0, 2 * np.pi * np.round(arm.twin(over)[1] / (2 * np.pi)), 0]
    one = np.concatenate([between(HANGING, behind, 15), between(behind, over, 15), between(over, behind, 15)])
    two = np.concatenate([between(behind, HANGING, 15), between(HANGING, before, 15), between(before, same_over, 15)])
    values, _ = moving(skeleton, arm, np.concatenate([one, two]))
    values = continuous(skeleton.description, values)
    course, jumps, _ = anatomical(skeleton.description, values)
    tops = np.degrees(course[[29, 30, 89]][:, arm.coordinates])
    np.testing.assert_allclose(tops, np.tile([164.0, -30.0, 95.0], (3, 1)), atol=1e-6)
    plain = np.abs(np.degrees(course[:, arm.coordinates[1]]) + 90) > 15
    for first, end in ((0, 40), (25, 90), (29, 31), (60, 90)):
        cut, _, _ = anatomical(skeleton.description, arm_at_twin(arm, values[first:end]))
        np.testing.assert_allclose(cut[plain[first:end]], course[first:end][plain[first:end]], atol=1e-9)
    assert not (jumps[plain].any() and not jumps[~plain].any())


def test_both_arms_are_read_alike(skeleton: Skeleton):
    joints = [j for j in ball_joints(skeleton.description) if "arm" in skeleton.coordinate_names[j.coordinates[0]]]
    values = np.tile(skeleton.defaults, (3, 1))
    over = np.deg2rad([-16.0, -150.0, -85.0])
    values[:, joints[0].coordinates], values[:, joints[1].coordinates] = over, joints[1].twin(over)
    course, jumps, notes = anatomical(skeleton.description, values)
    for joint in joints:
        np.testing.assert_allclose(np.degrees(course[:, joint.coordinates]), np.tile([164, -30, 95], (3, 1)), atol=1e-9)
    assert not jumps.any() and notes == []


def test_what_is_within_a_quarter_turn_stays_to_the_bit(skeleton: Skeleton, arm: BallJoint):
    over = np.deg2rad([165.0, -20.0, 60.0])
    values, _ = moving(skeleton, arm, np.concatenate([between(HANGING, over, 40), between(over, HANGING, 40)]))
    course, jumps, _ = anatomical(skeleton.description, values)
    np.testing.assert_array_equal(course, values)
    assert not jumps.any()


def test_an_arm_held_straight_out_at_its_side_does_not_flicker(skeleton: Skeleton, arm: BallJoint):
    out = np.deg2rad([5.0, -90.0, -20.0]) + np.deg2rad([0, 6, 0]) * np.sin(np.arange(60))[:, None]
    out = np.concatenate([between(HANGING, out[0], 20), out, between(out[-1], HANGING, 20)])
    values, _ = moving(skeleton, arm, out)
    for part in (values, values[25:75]):
        course, jumps, _ = anatomical(skeleton.description, part)
        assert np.abs(np.diff(course, axis=0)).max() < 0.3 and not jumps.any()


def test_in_a_gap_an_arm_may_have_passed_anything(skeleton: Skeleton, arm: BallJoint):
    angles = np.concatenate([between(HANGING, HANGING + 0.2, 40), arm.twin(between(HANGING + 0.2, HANGING, 40))])
    values, _ = moving(skeleton, arm, angles)
    solved = np.ones(80, dtype=bool)
    solved[35:45] = False
    course, jumps, _ = anatomical(skeleton.description, values, solved)
    assert np.abs(course[:, arm.coordinates]).max() < 1 and not jumps.any()


def test_clamped_coordinates_stay_inside_their_ranges(skeleton: Skeleton, arm: BallJoint):
    parts = tuple(
        replace(c, range=(2.0, 4.0), clamped=True) if c.name == ARM[0] else c for c in skeleton.description.coordinates
    )
    values, _ = moving(skeleton, arm, arm.twin(np.tile(HANGING, (30, 1))))
    course, _, _ = anatomical(replace(skeleton.description, coordinates=parts), values)
    assert ((course[:, arm.coordinates[0]] >= 2.0) & (course[:, arm.coordinates[0]] <= 4.0)).all()


def test_who_turns_round_and_one_frame_are_left_alone(skeleton: Skeleton):
    turning = np.tile(skeleton.defaults, (100, 1))
    turning[:, skeleton.coordinate_names.index("pelvis_rotation")] = np.linspace(-1, 8, 100)
    course, jumps, _ = anatomical(skeleton.description, turning)
    np.testing.assert_array_equal(course, turning)
    assert not jumps.any()
    for frames in (0, 1):
        one, _, _ = anatomical(skeleton.description, turning[:frames])
        np.testing.assert_array_equal(one, turning[:frames])


def test_smoothing_before_it_stays_continuous(skeleton: Skeleton, arm: BallJoint):
    values, _ = moving(skeleton, arm, raised_and_lowered(arm))
    assert np.abs(np.diff(continuous(skeleton.description, values), axis=0)).max() < 0.2
