"""Equivalent angles of ball-like joints: found from the axes, the same poses, continuous through overhead abduction."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.inverse_kinematics.branches import (
    BallJoint,
    ball_joints,
    continuous,
    nearest,
    told_otherwise,
    within_a_turn,
)
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.markers.markers import Markers
from biomech.osim_models import build
from biomech.skeleton.skeleton import Skeleton

ARM = ["arm_flex_r", "arm_add_r", "arm_rot_r"]


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(build.DEFAULT_PATH)


def abduction(skeleton: Skeleton, frames: int = 120) -> np.ndarray:
    """The right arm from the side to overhead and back, a little in front of the body."""
    values = np.tile(skeleton.defaults, (frames, 1))
    phase = np.sin(np.linspace(0, np.pi, frames)) ** 2
    for name, low, high in zip(ARM, (0.3, -0.1, 0.1), (0.5, -2.9, 0.4), strict=True):
        values[:, skeleton.coordinate_names.index(name)] = low + (high - low) * phase
    return values


def rotations(skeleton: Skeleton, values: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return skeleton(skeleton.complete(torch.from_numpy(values))).rotations.numpy()


def names_of(skeleton: Skeleton) -> list[list[str]]:
    return [[skeleton.coordinate_names[k] for k in joint.coordinates] for joint in ball_joints(skeleton.description)]


def test_joints_with_three_rotations_are_found(skeleton: Skeleton):
    found = names_of(skeleton)
    assert ARM in found and ["pelvis_tilt", "pelvis_list", "pelvis_rotation"] in found
    assert not any("knee_angle_r" in names for names in found)


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, -np.pi / 2, 2.5])
def test_twins_of_any_axes_with_a_perpendicular_middle_one(angle: float):
    turned = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
    axes = np.array([[1, 0, 0], [0, 1, 0], [np.cos(angle), 0, np.sin(angle)]]) @ turned.T
    joint = BallJoint(np.arange(3), axes, np.array([1.0, -1.0, 0.5]), np.array([0.2, 0.0, -1.0]))
    values = np.random.default_rng(0).uniform(-3, 3, (20, 3))
    for one, other in zip(values, joint.twin(values), strict=True):
        assert np.abs(one - other).max() > 0.1
        np.testing.assert_allclose(joint.rotation(other), joint.rotation(one), atol=1e-9)


def test_an_arm_a_whole_turn_away_comes_back(skeleton: Skeleton):
    """From the elevated arm on, where all three angles turn about one axis, it went on at 443° in place of 83°."""
    truth = abduction(skeleton)
    arm = [skeleton.coordinate_names.index(name) for name in ARM]
    turned = truth.copy()
    turned[60:, arm[0]] += 2 * np.pi
    np.testing.assert_allclose(within_a_turn(skeleton.description, turned), truth, atol=1e-9)
    np.testing.assert_array_equal(within_a_turn(skeleton.description, truth), truth)


def test_an_arm_at_its_other_triple_is_told(skeleton: Skeleton):
    truth = abduction(skeleton)
    assert told_otherwise(skeleton.description, truth) == []
    (arm,) = [
        joint
        for joint in ball_joints(skeleton.description)
        if skeleton.coordinate_names[joint.coordinates[0]] == ARM[0]
    ]
    other = truth.copy()
    other[:, arm.coordinates] = arm.twin(truth[:, arm.coordinates])
    told = dict(told_otherwise(skeleton.description, other))
    assert told and set(told) <= set(ARM) and max(told.values()) > 0.2
    turning = np.tile(skeleton.defaults, (100, 1))
    turning[:, skeleton.coordinate_names.index("pelvis_rotation")] = np.linspace(-1, 8, 100)
    assert told_otherwise(skeleton.description, turning) == []


def test_who_turns_round_keeps_turning(skeleton: Skeleton):
    turning = np.tile(skeleton.defaults, (100, 1))
    turning[:, skeleton.coordinate_names.index("pelvis_rotation")] = np.linspace(-1, 8, 100)
    course = within_a_turn(skeleton.description, turning)
    assert np.abs(np.diff(course, axis=0)).max() < 0.1
    np.testing.assert_allclose(rotations(skeleton, course), rotations(skeleton, turning), atol=1e-9)


def test_scrambled_branches_are_put_right(skeleton: Skeleton):
    truth = abduction(skeleton)
    scrambled, rng = truth.copy(), np.random.default_rng(1)
    for joint in ball_joints(skeleton.description):
        swapped = rng.random(len(truth)) < 0.4
        scrambled[np.ix_(swapped, joint.coordinates)] = joint.twin(scrambled[np.ix_(swapped, joint.coordinates)])
        scrambled[:, joint.coordinates] += 2 * np.pi * rng.integers(-2, 3, (len(truth), 3))
    np.testing.assert_allclose(rotations(skeleton, scrambled), rotations(skeleton, truth), atol=1e-9)
    assert np.abs(np.diff(scrambled, axis=0)).max() > 6
    np.testing.assert_allclose(continuous(skeleton.description, scrambled), truth, atol=1e-9)


def test_clamped_coordinates_are_not_led_out_of_their_ranges(skeleton: Skeleton):
    description = skeleton.description
    parts = tuple(replace(c, range=(-1.8, 1.8), clamped=True) if c.name in ARM else c for c in description.coordinates)
    clamped = replace(description, coordinates=parts)
    truth = abduction(skeleton)
    joint = next(j for j in ball_joints(clamped) if skeleton.coordinate_names[j.coordinates[0]] == ARM[0])
    inside = truth.copy()
    beyond = truth[:, joint.coordinates[1]] < -1.8
    inside[np.ix_(beyond, joint.coordinates)] = joint.twin(truth[np.ix_(beyond, joint.coordinates)])
    np.testing.assert_array_equal(continuous(clamped, inside), inside)


def test_overhead_abduction_is_solved_without_a_jump(skeleton: Skeleton):
    truth = abduction(skeleton)
    with torch.no_grad():
        markers = skeleton(torch.from_numpy(truth)).markers.numpy()
    trial = Markers(list(skeleton.marker_names), markers, np.arange(len(truth)) / 60)
    kinematics, _ = inverse_kinematics(skeleton, trial, dict.fromkeys(skeleton.marker_names, 1.0))
    np.testing.assert_allclose(kinematics.values, truth, atol=1e-4)


def test_the_twin_nearest_to_another_answer(skeleton: Skeleton):
    truth = abduction(skeleton)
    scrambled = truth.copy()
    for joint in ball_joints(skeleton.description):
        scrambled[::2, joint.coordinates] = joint.twin(truth[::2, joint.coordinates])
    np.testing.assert_allclose(nearest(skeleton.description, scrambled, truth + 0.1), truth, atol=1e-9)
