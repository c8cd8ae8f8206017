"""Where feet stand and the floor is, from a body whose world is known; the camera against gravity."""

from collections.abc import Callable

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.linkage import pose_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.mesh.ground import sole_points
from biomech.mesh.level import Level
from biomech.mesh.placing import Placing
from biomech.mesh.standing import standing
from biomech.mesh.subject import Subject

RATE_HZ = 30


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load([0])


def soles_of(body: AnnyBody, motion: BodyMotion) -> np.ndarray:
    placing = Placing(body)
    subject = Subject.start(body, None, None).with_shape(motion.shape)
    pose = pose_of_bones(body, motion.shape, motion.rotations)
    frame = placing.frame(subject.shaped, pose, motion.root_position_m)
    return placing.points(frame, sole_points())


def test_who_walks_stands_on_the_lower_foot(body: AnnyBody, walking: Callable[..., BodyMotion]) -> None:
    motion = walking(60)
    soles = soles_of(body, motion)
    found, floor_m = standing(soles, motion.root_position_m, None, 1 / RATE_HZ)
    assert abs(floor_m) < 0.03
    assert found.contact[soles[..., 1] > 0.1].max() < 0.3
    assert (found.contact.max(1) > 0.5).mean() > 0.9
    assert found.slow.max() < 0.1  # at a metre a second nobody is in balance


def test_a_foot_held_in_the_air_does_not_stand() -> None:
    left = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0]])
    still = np.tile(np.concatenate([left, left + np.array([0, 0.3, 0.2])]), (20, 1, 1))
    found, floor_m = standing(still, np.tile([0.1, 0.9, 0.0], (20, 1)), None, 1 / RATE_HZ)
    assert abs(floor_m) < 1e-9
    assert found.contact[:, :3].min() > 0.9 and found.contact[:, 3:].max() < 0.01
    assert found.slow.min() > 0.99


def test_one_frame_stands() -> None:
    soles = np.zeros((1, 6, 3))
    found, _ = standing(soles, np.zeros((1, 3)), None, 1.0)
    assert found.contact.min() > 0.9


def test_the_level_s_slopes_are_differences() -> None:
    level, step = Level(0.2, -0.1, -1.2), 1e-6
    slopes = level.slopes()
    for k, change in enumerate(([step, 0, 0], [0, step, 0])):
        moved = level.moved(np.array(change))
        np.testing.assert_allclose((moved.camera_from_world - level.camera_from_world) / step, slopes[k], atol=1e-5)
    up = level.camera_from_world[:, 1]
    assert up[1] < -0.9 and up[2] < 0  # tilted down, the vertical leans towards the lens


def test_a_level_camera_sees_who_faces_it_upright(body: AnnyBody) -> None:
    pose = pose_of([], np.zeros((1, 0)))
    placing, subject = Placing(body), Subject.start(body, 1.8, None)
    frame = placing.frame(subject.shaped, pose, np.array([[-3.0, 0.0, 0.0]]))
    seen = frame.joints[0] @ Level(0.0, 0.0).camera_from_world.T
    head, right = (body.bone_names.index(bone) for bone in ("Head", "RightHand"))
    assert seen[head, 1] < -0.5 and seen[right, 0] < -0.1 and seen[head, 2] > 2.5
