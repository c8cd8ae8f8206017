"""Keypoints whose truth is known: the calibrated points of a body in motion, seen through a known camera."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.gait import walk
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.keypoints.heat_maps import scaled
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.mqhmr.bodies import anny_layer
from biomech.mesh.subject import Subject
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.ideal_detector import ideally_detected

RATE_HZ = 30.0
HEIGHT_M = 1.70  # whose world landmarks are in metres: the detector knows no stature
SIZE_PX = (720, 1280)
FOCAL_PX = 1100.0
PICTURE_NOISE_PX, LANDMARK_NOISE_M = 1.0, 0.01


@pytest.fixture(scope="session")
def camera() -> Camera:
    """Chest high, 4.5 m in front of the origin, tilted down by 6° and rolled by 2°."""
    level = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])  # right, down, away of a camera that looks along −X
    rotation = Rotation.from_euler("zx", [2, 6], degrees=True).as_matrix() @ level
    middle = ((SIZE_PX[0] - 1) / 2, (SIZE_PX[1] - 1) / 2)
    return Camera(FOCAL_PX, middle, SIZE_PX, rotation, -rotation @ np.array([4.5, 1.3, 0.0]))


@pytest.fixture(scope="session")
def walking() -> Callable[..., BodyMotion]:
    """A person of ``HEIGHT_M`` walking past the origin, obliquely towards the camera."""
    body = AnnyBody.load([0])
    shape = torch.tensor(Subject.start(body, HEIGHT_M, 75.0).shape).float()

    def make(frames: int) -> BodyMotion:
        return walk(body, shape, seconds=frames / RATE_HZ, rate_hz=RATE_HZ, speed_m_s=1.0, heading_rad=0.5)

    return make


@pytest.fixture(scope="session")
def seen() -> Callable[[BodyMotion, Camera], Keypoints]:
    """What a detector without bias, but with noise, says of a motion."""

    def make(motion: BodyMotion, camera: Camera) -> Keypoints:
        return ideally_detected(motion, camera, picture_noise_px=PICTURE_NOISE_PX, landmark_noise_m=LANDMARK_NOISE_M)

    return make


@pytest.fixture(scope="session")
def clip_of() -> Callable[..., Clip]:
    """Clips whose truth is the mean pose, somewhere before the camera, and whose evidence is at random."""
    body = anny_layer()

    def make(seed: int, frames: int = 3) -> Clip:
        rng = np.random.default_rng(seed)
        rotations = np.tile(body.mean_pose.numpy(), (frames, 1, 1, 1))
        return Clip(
            heat=scaled(rng.uniform(0, 1, (frames, 39, 64, 64)) ** 8),
            mask=scaled(rng.integers(0, 2, (frames, 64, 64))),
            xy=rng.uniform(300, 700, (frames, 33, 2)),
            confidence=rng.uniform(0, 1, (frames, 33)),
            world_m=rng.normal(0, 0.3, (frames, 33, 3)),
            center_px=np.full((frames, 2), 500.0),
            size_px=np.full(frames, 500.0),
            angle_rad=np.zeros(frames),
            focal_px=900.0,
            principal_px=np.array([480.0, 360.0]),
            body="anny",
            rotations=rotations,
            betas=body.mean_shape.numpy(),
            root_position_m=np.tile([0.0, 0.2, 4.0], (frames, 1)),
            up=np.array([0.0, -1.0, 0.0]),
            floor_m=-1.1,
        )

    return make
