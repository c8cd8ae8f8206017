"""Errors against a truth, where the answer is known beforehand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.gait import walk
from biomech.comparison.truth import LIMB_BONES, coordinate_error, joint_errors, limb_joints
from biomech.kinematics.kinematics import Kinematics


@pytest.fixture(scope="module")
def motion():
    body = AnnyBody.load([0])
    return walk(body, body.default_shape(), seconds=0.5)


def test_a_turned_body_has_the_right_pose_in_the_wrong_place(motion):
    turned = replace(
        motion, rotations=motion.rotations.copy(), root_position_m=motion.root_position_m + np.array([1.0, 0.2, -3])
    )
    turned.rotations[:, 0] = Rotation.from_euler("y", 30, degrees=True).as_matrix() @ motion.rotations[:, 0]
    errors = joint_errors(turned, motion)
    assert errors.pa_mpjpe_mm < 0.01
    assert errors.mpjpe_mm > 50
    assert joint_errors(replace(motion, root_position_m=motion.root_position_m + 1), motion).mpjpe_mm < 0.01


def test_one_bent_knee_moves_one_ankle(motion):
    bent = replace(motion, rotations=motion.rotations.copy())
    knee = motion.bone_names.index("RightLeg")
    bent.rotations[:, knee] = bent.rotations[:, knee] @ Rotation.from_euler("z", -20, degrees=True).as_matrix()
    moved = np.linalg.norm(limb_joints(bent) - limb_joints(motion), axis=-1)
    assert {LIMB_BONES[k] for k in np.flatnonzero(moved.max(0) > 1e-6)} == {"RightFoot"}
    shank = np.linalg.norm(
        limb_joints(motion)[0, LIMB_BONES.index("RightFoot")] - limb_joints(motion)[0, LIMB_BONES.index("RightLeg")]
    )
    assert joint_errors(bent, motion).mpjpe_mm == pytest.approx(2000 * np.sin(np.radians(10)) * shank / 12, rel=0.02)


def test_coordinate_errors_wrap_and_know_what_standing_still_scores():
    time_s = np.linspace(0, 1, 50)
    true_deg = 30 + 30 * np.sin(2 * np.pi * time_s)

    def kinematics(degrees):
        return Kinematics(["knee_angle_r"], np.radians(degrees)[:, None], time_s, np.array([True]))

    error = coordinate_error(kinematics(true_deg + 362), kinematics(true_deg), "knee_angle_r")
    assert error.mae_deg == pytest.approx(2)
    assert error.zero_mae_deg == pytest.approx(true_deg.mean())
    assert error.range_deg == pytest.approx(error.true_range_deg) == pytest.approx(np.ptp(true_deg))
    assert error.correlation == pytest.approx(1)
    assert np.isnan(coordinate_error(kinematics(0 * true_deg), kinematics(true_deg), "knee_angle_r").correlation)
