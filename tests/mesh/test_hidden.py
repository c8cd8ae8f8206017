"""Legs that are hidden are not guessed: straight, untrusted, and said."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.recover import recover


@pytest.fixture(scope="module")
def keypoints(walking: Callable[..., BodyMotion], camera: Camera, seen: Callable[..., Keypoints]) -> Keypoints:
    return seen(walking(30), camera)


def test_hidden_legs_are_straight_untrusted_and_said(keypoints: Keypoints) -> None:
    confidence = keypoints.confidence.copy()
    legs = [k for k, name in enumerate(keypoints.names) if name.endswith(("knee", "ankle", "heel", "foot_index"))]
    confidence[:, legs] = 0.2
    motion = recover(replace(keypoints, confidence=confidence))
    angles = coordinates_of(pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations))
    knees = np.degrees([angles["knee_angle_r"], angles["knee_angle_l"]])
    assert np.abs(knees).mean() < 8
    assert (motion.quality < LEAST_QUALITY).all()
    assert any("both legs are hidden in 100%" in note for note in motion.notes)


def test_one_leg_before_the_other_is_no_hiding(keypoints: Keypoints) -> None:
    confidence = keypoints.confidence.copy()
    far = [k for k, name in enumerate(keypoints.names) if name in ("left_knee", "left_ankle")]
    confidence[:, far] = 0.2
    assert not any("both legs" in note for note in recover(replace(keypoints, confidence=confidence)).notes)
