"""A body motion is looked at where it comes in: rotations that turn, places in a room, times that increase."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError

CAMERA = Camera(500.0, (319.5, 239.5), (640, 480), np.eye(3), np.zeros(3))
WHOLE = BodyMotion(
    body="anny",
    bone_names=["Hips", "Spine"],
    rotations=np.tile(np.eye(3), (3, 2, 1, 1)),
    root_position_m=np.zeros((3, 3)),
    shape=np.zeros(2),
    shape_names=["height", "weight"],
    time_s=np.arange(3) / 30,
    camera=CAMERA,
    quality=np.ones(3),
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "a.npz")
    found = BodyMotion.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.rotations, WHOLE.rotations)
    assert found.camera is not None and found.camera.size_px == (640, 480) and found.bone_names == WHOLE.bone_names


@pytest.mark.parametrize(
    "wrong",
    [
        {"rotations": np.full((3, 2, 3, 3), np.nan)},
        {"rotations": np.tile(np.diag([1.0, 1, -1]), (3, 2, 1, 1))},
        {"rotations": WHOLE.rotations[:2]},
        {"root_position_m": np.full((3, 3), 1e30)},
        {"shape": np.zeros(3)},
        {"time_s": np.array([0, 0.1, np.inf])},
        {"quality": np.full(3, 7.0)},
        {"camera": replace(CAMERA, focal_px=-500.0)},
        {"camera": replace(CAMERA, rotation_camera_from_world=np.zeros((3, 3)))},
    ],
)
def test_what_cannot_be(tmp_path: Path, wrong: dict) -> None:
    replace(WHOLE, **wrong).save(tmp_path / "a.npz")
    with pytest.raises(BioposeError, match=r"a\.npz"):
        BodyMotion.load(tmp_path / "a.npz")
