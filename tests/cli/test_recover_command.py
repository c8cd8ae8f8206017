"""`biopose recover` takes other programs' keypoints with their film, read by the library."""

import json

import cv2
import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.readers import BODY_25, read_keypoints


@pytest.fixture
def film(tmp_path):
    folder = tmp_path / "film"
    folder.mkdir()
    for frame in range(3):
        cv2.imwrite(str(folder / f"{frame}.png"), np.full((48, 64, 3), 90, np.uint8))
    return folder


@pytest.fixture
def openpose(tmp_path):
    folder = tmp_path / "json"
    folder.mkdir()
    points = np.tile([[20.0, 30.0, 0.9]], (len(BODY_25), 1))
    points[:, 0] += np.arange(len(BODY_25))
    for frame in range(3):
        people = {"people": [{"pose_keypoints_2d": points.ravel().tolist()}]}
        (folder / f"film_{frame:012d}_keypoints.json").write_text(json.dumps(people))
    return folder


def test_openpose_keypoints_take_size_rate_and_lens_from_their_film(film, openpose):
    points = read_keypoints(openpose, video=film, fov_deg=60.0)
    assert points.size_px == (64, 48)
    assert points.focal_px == pytest.approx(32 / np.tan(np.radians(30)))
    np.testing.assert_allclose(np.diff(points.time_s), 1 / 30)
    assert points.xy[1, points.names.index("nose")] == pytest.approx([20, 30])


def test_a_film_is_asked_for(openpose):
    with pytest.raises(BioposeError, match="`video=FILM`"):
        read_keypoints(openpose)


def test_missing_keypoints_are_named(tmp_path, film):
    with pytest.raises(BioposeError, match=r"nothing\.json"):
        read_keypoints(tmp_path / "nothing.json", video=film)
