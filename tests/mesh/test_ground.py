"""The floor and the vertical, from a body whose world is known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.mesh.chain import Chain
from biomech.mesh.ground import SOLES, Floor, find_floor, sole_points, still_in_picture, upright_camera
from biomech.mesh.subject import Subject

HEIGHT_M = 1.70
LEVEL = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])  # right, down, away of a camera that looks along −X


def looking(pitch_deg: float, roll_deg: float) -> Camera:
    """From 4 m away and 1.5 m up, tilted down and rolled."""
    rotation = Rotation.from_euler("zx", [roll_deg, pitch_deg], degrees=True).as_matrix() @ LEVEL
    return Camera(1000.0, (360, 640), (720, 1280), rotation, -rotation @ np.array([4.0, 1.5, 0.0]))


def joints_and_soles(motion: BodyMotion, camera: Camera) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """In camera axes."""
    body = AnnyBody.load([0])
    chain = Chain(body.parents, body.bone_names)
    subject = Subject.start(body, None, None).with_shape(motion.shape)
    joints = chain.joints(subject.shaped.joints, chain.globals(motion.rotations), motion.root_position_m)
    soles = chain.positions(
        sole_points(body, subject.shaped.stature_m), subject.shaped, motion.rotations, motion.root_position_m
    )
    return camera.to_camera(joints), camera.to_camera(soles), body.bone_names


def standing(frames: int) -> BodyMotion:
    """Upright at rest, soles on the floor."""
    body = AnnyBody.load()
    shape = torch.tensor(Subject.start(body, HEIGHT_M, None).shape).float()
    with torch.no_grad():
        rest = body.rest(shape)
    root = rest.joints[0].double().numpy()
    root = root - [0, float(rest.vertices[:, 1].min()), 0]
    return BodyMotion(
        body="anny",
        bone_names=body.bone_names,
        rotations=np.tile(np.eye(3), (frames, len(body.parents), 1, 1)),
        root_position_m=np.tile(root, (frames, 1)),
        shape=shape.double().numpy(),
        shape_names=body.shape_names,
        time_s=np.arange(frames) / 30,
    )


def degrees_apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (8, 0), (20, 5), (-5, -4)])
@pytest.mark.parametrize("frames", [1, 3, 30])
def test_standing(pitch: float, roll: float, frames: int) -> None:
    camera = looking(pitch, roll)
    joints, soles, names = joints_and_soles(standing(frames), camera)
    floor = find_floor(joints, soles, names, 1 / 30)
    assert degrees_apart(floor.up, camera.rotation_camera_from_world[:, 1]) < 5
    heights = floor.height(soles)
    assert np.abs(heights).max() < 0.04
    assert floor.contact.shape == soles.shape[:2] and floor.contact.min() > 0.7


@pytest.mark.parametrize(("pitch", "roll"), [(8, 0), (20, 5)])
def test_walking(walking: Callable[..., BodyMotion], pitch: float, roll: float) -> None:
    camera = looking(pitch, roll)
    motion = walking(60)
    joints, soles, names = joints_and_soles(motion, camera)
    floor = find_floor(joints, soles, names, 1 / 30)
    assert degrees_apart(floor.up, camera.rotation_camera_from_world[:, 1]) < 4
    true_heights = camera.to_world(soles)[..., 1]
    assert np.abs(floor.height(soles) - true_heights).mean() < 0.03
    # The foot in the air carries nothing, and at every moment something stands.
    assert floor.contact[true_heights > 0.1].max() < 0.3
    assert (floor.contact.max(1) > 0.5).mean() > 0.9


@pytest.mark.parametrize("turned_deg", [0, 90, 180])
def test_a_foot_held_in_the_air_does_not_stand(turned_deg: float) -> None:
    """It is as still as the other; only its height tells. The body leans over the foot that it stands on."""
    camera, motion = looking(8, 0), standing(20)
    names = motion.bone_names
    lean = Rotation.from_rotvec([0.19, 0, 0]).as_matrix()
    bend = Rotation.from_rotvec([0, 0, 1.2]).as_matrix()
    motion.rotations[:, names.index("LeftUpLeg")] = bend
    motion.rotations[:, names.index("LeftLeg")] = bend.T
    motion.rotations[:, names.index("RightFoot")] = lean.T
    motion.rotations[:, 0] = Rotation.from_euler("y", turned_deg, degrees=True).as_matrix() @ lean
    _, soles, _ = joints_and_soles(motion, camera)
    motion.root_position_m[:, 1] -= camera.to_world(soles)[0, 3:, 1].min()
    joints, soles, names = joints_and_soles(motion, camera)
    floor = find_floor(joints, soles, names, 1 / 30)
    assert floor.contact[:, :3].max() < 0.1 < 0.5 < floor.contact[:, 3:].min()
    assert degrees_apart(floor.up, camera.rotation_camera_from_world[:, 1]) < 9


def test_the_upright_world() -> None:
    """Y up, X where the person faces, here to the lens; the origin on the floor below the first root."""
    seen_by = looking(15, 3)
    up = seen_by.rotation_camera_from_world[:, 1]
    floor = Floor(up, float(seen_by.to_camera(np.zeros(3)) @ up), np.zeros((1, 6)))
    root = np.array([0.3, 0.95, -0.2])
    to_the_lens = np.array([[0.0, 0.3, -1.0]])
    camera = upright_camera(floor, seen_by.to_camera(root), to_the_lens, 1000.0, (360, 640), (720, 1280))
    np.testing.assert_allclose(camera.to_world(seen_by.to_camera(root)), [0, 0.95, 0], atol=1e-9)
    lens = camera.to_world(np.zeros(3))
    assert lens[0] > 3 and abs(lens[1] - 1.5) < 1e-9
    right_of_picture = camera.to_camera(np.array([0, 1, -1])) - camera.to_camera(np.array([0.0, 1, 0]))
    assert right_of_picture[0] > 0.9
    assert np.linalg.det(camera.rotation_camera_from_world) == pytest.approx(1)
    sideways = np.tile([1.0, 0.1, 0.0], (5, 1)) * 0.9
    camera = upright_camera(floor, seen_by.to_camera(root), sideways, 1000.0, (360, 640), (720, 1280))
    ahead = camera.to_camera(np.array([1.0, 1, 0])) - camera.to_camera(np.array([0.0, 1, 0]))
    assert ahead[0] > 0.95 and camera.to_world(np.zeros(3))[2] > 3  # the lens is to the right of who faces right
    about = np.array([[1.0, 0, 0], [-1.0, 0, 0], [0, 0, -1.0], [0, 0, 1.0]])
    camera = upright_camera(floor, seen_by.to_camera(root), about, 1000.0, (360, 640), (720, 1280))
    assert camera.to_world(np.zeros(3))[0] > 3


def test_a_camera_that_looks_straight_down_has_a_world_too() -> None:
    floor = Floor(np.array([0.0, 0, -1]), -3.0, np.zeros((1, 6)))
    about = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    camera = upright_camera(floor, np.array([0.2, 0.1, 2.0]), about, 1000.0, (360, 640), (720, 1280))
    np.testing.assert_allclose(camera.to_world(np.array([0.2, 0.1, 2.0])), [0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(camera.to_world(np.zeros(3))[1], 3, atol=1e-9)


def test_a_toe_that_is_still_in_the_picture_stands_and_one_that_moves_or_is_unsure_does_not():
    rng = np.random.default_rng(0)
    frames, interval_s = 20, 1 / 15
    names = ["left_foot_index", "right_foot_index"]
    xy = np.full((frames, 2, 2), 500.0)
    xy[:10, 1, 0] += 60 * np.arange(10)[::-1]  # the right one comes down at frame 9, with 0.9 m/s
    xy += rng.normal(0, 2, xy.shape)
    sure, m_per_px = np.ones((frames, 2)), np.full(frames, 1e-3)
    still = still_in_picture(xy, sure, m_per_px, names, interval_s)
    at = {name: column for name, column in zip(SOLES, still.T, strict=True)}
    assert at["toe_l"][3:-3].min() > 0.9 and at["ball_r"][3:7].max() < 0.01 and at["toe_r"][13:17].min() > 0.9
    assert not at["heel_l"].any()  # a heel tells nothing of the floor
    sure[8] = 0.1
    assert still_in_picture(xy, sure, m_per_px, names, interval_s)[8].max() <= 0.1
    for few in (xy[:6], xy[:1]):
        assert not still_in_picture(few, sure[: len(few)], m_per_px[: len(few)], names, interval_s).any()
    assert not still_in_picture(xy, sure, m_per_px, ["nose", "left_hip"], interval_s).any()
