"""The upright world, and feet that are still in the picture."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.camera import Camera
from biomech.mesh.ground import SOLES, Floor, still_in_picture, upright_camera

LEVEL = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])  # right, down, away of a camera that looks along −X


def looking(pitch_deg: float, roll_deg: float) -> Camera:
    """From 4 m away and 1.5 m up, tilted down and rolled."""
    rotation = Rotation.from_euler("zx", [roll_deg, pitch_deg], degrees=True).as_matrix() @ LEVEL
    return Camera(1000.0, (360, 640), (720, 1280), rotation, -rotation @ np.array([4.0, 1.5, 0.0]))


def test_the_upright_world() -> None:
    """Y up, X where the person faces, here to the lens; the origin on the floor below the first root."""
    seen_by = looking(15, 3)
    up = seen_by.rotation_camera_from_world[:, 1]
    floor = Floor(up, float(seen_by.to_camera(np.zeros(3)) @ up))
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
    floor = Floor(np.array([0.0, 0, -1]), -3.0)
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
