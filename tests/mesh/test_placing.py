"""Points on links, features of poses, the habit: derivatives against differences, mirrors, round trips."""

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.linkage import TURNING, Pose, pose_of, turned_by
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import NAMES, SIZE, by_turns, features, mirrored, pose_of_features
from biomech.mesh.habit import Habit
from biomech.mesh.placing import Placing
from biomech.mesh.subject import Subject
from biomech.train.habit import learn

FRAMES, STEP = 6, 1e-6


@pytest.fixture(scope="module")
def pose() -> Pose:
    rng = np.random.default_rng(1)
    return turned_by(pose_of([], np.zeros((FRAMES, 0))), rng.normal(0, 0.4, (FRAMES, len(TURNING))))


def test_points_move_as_their_jacobian_says(pose: Pose) -> None:
    body = AnnyBody.load([0])
    placing, subject = Placing(body), Subject.start(body, None, None)
    points, root = Correspondence.load(body.bone_names).points, np.random.default_rng(2).normal(size=(FRAMES, 3))
    slopes = subject.slopes()
    placed = placing.place(placing.frame(subject.shaped, pose, root), points, slopes)
    for unknown in range(placing.size):
        step = np.zeros((FRAMES, placing.size))
        step[:, unknown] = STEP
        moved = placing.points(placing.frame(subject.shaped, *placing.moved(pose, root, step)), points)
        np.testing.assert_allclose((moved - placed.points) / STEP, placed.by_pose[..., unknown], atol=2e-5)
    assert placed.by_shape is not None
    legs = [k for k, name in enumerate(points.names) if name.endswith(("hip", "knee", "ankle"))]
    for number in range(subject.size):  # the arms' bones turn in their links with the shape, which slopes leave out
        change = np.eye(subject.size)[number] * 1e-4
        frame = placing.frame(subject.moved(change).shaped, pose, root)
        by_shape = (placing.points(frame, points) - placed.points) / 1e-4
        np.testing.assert_allclose(by_shape[:, legs], placed.by_shape[..., number][:, legs], atol=5e-3)


def test_a_limb_moves_by_its_own_turns_alone(pose: Pose) -> None:
    body = AnnyBody.load([0])
    placing, subject = Placing(body), Subject.start(body, None, None)
    points, root = Correspondence.load(body.bone_names).points, np.zeros((FRAMES, 3))
    frame = placing.frame(subject.shaped, pose, root)
    whole = placing.place(frame, points)
    limbs = placing.limbs(points)
    assert sorted(place for places, _ in limbs for place in places) == list(range(len(points.names)))
    assert len(limbs) > 3
    for places, turns in limbs:
        part = placing.place(frame, points.some(places), turns=turns)
        np.testing.assert_allclose(part.points, whole.points[:, places], atol=1e-14)
        rest = np.setdiff1d(np.arange(len(TURNING)), turns)
        assert not whole.by_pose[:, places][..., 3 + rest].any()
        columns = np.concatenate([np.arange(3), 3 + turns])
        np.testing.assert_allclose(part.by_pose, whole.by_pose[:, places][..., columns], atol=1e-14)


def test_features_and_their_derivatives(pose: Pose) -> None:
    values = features(pose)
    assert values.shape == (FRAMES, SIZE)
    jacobian = by_turns(pose, values)
    for turn in range(len(TURNING)):
        step = np.zeros((FRAMES, len(TURNING)))
        step[:, turn] = STEP
        np.testing.assert_allclose((features(turned_by(pose, step)) - values) / STEP, jacobian[..., turn], atol=1e-5)
    np.testing.assert_allclose(features(pose_of_features(values)), values, atol=1e-9)
    np.testing.assert_array_equal(mirrored(mirrored(values)), values)


def test_features_do_not_hang_on_the_heading(pose: Pose) -> None:
    about_y = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    balls = pose.balls.copy()
    balls[:, 0] = about_y @ balls[:, 0]
    np.testing.assert_allclose(features(Pose(balls, pose.hinges)), features(pose), atol=1e-12)


def test_the_habit_s_rows_are_its_cost() -> None:
    habit, rng = Habit.load(), np.random.default_rng(0)
    values = habit.means[rng.integers(len(habit.means), size=20)] + rng.normal(0, 0.05, (20, SIZE))
    rows, by_values = habit.rows(values)
    component = habit.components(values)
    np.testing.assert_allclose(habit.cost(values), np.square(rows).sum() / 2 + habit.rarity[component].sum())
    step = np.zeros(SIZE)
    step[3] = 1e-7
    np.testing.assert_allclose((habit.rows(values + step)[0] - rows) / 1e-7, by_values[..., 3], atol=1e-3)


def test_who_stands_is_nearer_to_the_habit_than_who_crouches() -> None:
    habit = Habit.load()
    names = ["pelvis_tilt", *(f"{joint}_{s}" for joint in ("hip_flexion", "knee_angle", "ankle_angle") for s in "rl")]
    upright = features(pose_of(names, np.radians([[0.0, 0, 0, 3, 3, 2, 2]])))
    crouching = features(pose_of(names, np.radians([[-10.0, 22, 22, 30, 30, 18, 18]])))
    assert habit.cost(upright) + 3 < habit.cost(crouching)


def test_a_mixture_finds_two_kinds_of_poses() -> None:
    rng = np.random.default_rng(0)
    knees = [NAMES.index("knee_angle_r"), NAMES.index("knee_angle_l")]
    poses = rng.normal(0, 0.02, (800, SIZE))
    poses[400:, knees] += 1.5
    habit = Habit.of(learn(poses, np.ones(800), 2, seed=1))
    np.testing.assert_allclose(sorted(habit.means[:, knees[0]]), [0, 1.5], atol=0.05)
    assert habit.upper[knees[0]] > 1.5 and habit.cost(poses[:1]) < habit.cost(poses[:1] + 0.75)
