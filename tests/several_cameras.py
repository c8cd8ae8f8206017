"""Cameras round a walking person, and what an ideal detector sees in each."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.train.synthetic.ideal_detector import ideally_detected

SIZE_PX, FOCAL_PX = (720, 1280), 1100.0
MIDDLE = ((SIZE_PX[0] - 1) / 2, (SIZE_PX[1] - 1) / 2)
FRAMES = 24


def camera_round(azimuth_deg: float, height_m: float = 1.4, distance_m: float = 4.5) -> Camera:
    """Looks at the middle of a body at the origin, from so far about the vertical, from X towards Z."""
    place = Rotation.from_euler("y", -azimuth_deg, degrees=True).apply([distance_m, 0, 0]) + np.array([0, height_m, 0])
    away = np.array([0, 0.95, 0]) - place
    away /= np.linalg.norm(away)
    right = np.cross(away, [0, 1, 0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(away, right), away])
    return Camera(FOCAL_PX, MIDDLE, SIZE_PX, rotation, -rotation @ place)


def calibrated(cameras: Sequence[Camera], distortion: Sequence[float] = (0, 0, 0, 0, 0)) -> Calibration:
    """The same cameras as a calibration has them, named cam1, cam2 …"""
    matrix = np.array([[FOCAL_PX, 0, MIDDLE[0]], [0, FOCAL_PX, MIDDLE[1]], [0, 0, 1.0]])
    found = [
        CalibratedCamera(
            f"cam{k}",
            SIZE_PX,
            matrix,
            np.array(distortion, float),
            camera.rotation_camera_from_world,
            camera.position_in_camera_m,
        )
        for k, camera in enumerate(cameras, 1)
    ]
    return Calibration(found, "test", np.array([0.0, 1, 0]))


@pytest.fixture(scope="session")
def round_walker() -> list[Camera]:
    """From the front, from the side, and from behind on the other side."""
    return [camera_round(25), camera_round(110), camera_round(250, height_m=1.8)]


@pytest.fixture(scope="session")
def walker(walking: Callable[..., BodyMotion]) -> BodyMotion:
    """About the origin."""
    return walking(FRAMES)


@pytest.fixture(scope="session")
def walker_seen(walker: BodyMotion, round_walker: list[Camera]) -> list[Keypoints]:
    """With a pixel and a half of noise."""
    return [
        ideally_detected(walker, camera, picture_noise_px=1.5, landmark_noise_m=0.02, rng=np.random.default_rng(number))
        for number, camera in enumerate(round_walker)
    ]
