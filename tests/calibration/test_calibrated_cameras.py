"""Lenses, sizes, and which film is whose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from several_cameras import FOCAL_PX, SIZE_PX, calibrated, camera_round

from biomech.calibration.cameras import Calibration
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints

BENT = (0.13, -0.28, 0.001, -0.002, 0.21)


@pytest.fixture
def calibration(round_walker: list[Camera]) -> Calibration:
    return calibrated(round_walker, BENT)


def test_distortion_is_taken_off(calibration: Calibration, round_walker: list[Camera]) -> None:
    points = np.random.default_rng(0).uniform([-0.8, 0, -0.5], [0.8, 1.8, 0.5], (40, 3))
    seen = calibration.cameras[0].pixels(points)
    ideal = round_walker[0].project(points)
    assert np.abs(seen - ideal).max() > 1.5
    keypoints = Keypoints(
        [f"p{k}" for k in range(40)], seen[None].copy(), np.ones((1, 40)), np.zeros(1), SIZE_PX, focal_px=1.0
    )
    keypoints.xy[0, 3] = np.nan
    keypoints.xy[0, 4] = 50_000.0
    found = calibration.cameras[0].rectified(keypoints)
    assert found.focal_px == pytest.approx(FOCAL_PX) and "cam1" in found.focal_source
    assert np.isnan(found.xy[0, [3, 4]]).all()
    rest = np.delete(np.arange(40), [3, 4])
    np.testing.assert_allclose(found.xy[0, rest], ideal[rest], atol=0.02)


def test_a_smaller_picture_of_the_same(calibration: Calibration) -> None:
    camera = calibration.cameras[0]
    half = camera.of_size((360, 640), "a.mp4")
    points = np.array([[0.3, 1.2, 0.1]])
    np.testing.assert_allclose(half.pixels(points), (camera.pixels(points) + 0.5) / 2 - 0.5, atol=1e-9)
    assert camera.of_size(SIZE_PX, "a.mp4") is camera
    padded = camera.of_size((720, 1288), "a.mp4")
    np.testing.assert_array_equal(padded.matrix, camera.matrix)


@pytest.mark.parametrize(("size", "why"), [((1280, 720), "lies on its side"), ((720, 900), "do not show the same")])
def test_a_picture_of_another_shape(calibration: Calibration, size: tuple[int, int], why: str) -> None:
    with pytest.raises(BioposeError, match=why) as told:
        calibration.cameras[0].of_size(size, "a.mp4")
    assert told.value.where == "a.mp4"


def test_the_vertical_is_the_axis_that_points_up_in_the_pictures(calibration: Calibration) -> None:
    unknown = replace(calibration, up=None)
    found = unknown.with_vertical()
    assert found.up is not None and found.notes == ["Y of the calibration is taken to point up"]
    np.testing.assert_array_equal(found.up, [0, 1, 0])
    from_above = [camera_round(azimuth, height_m=6.0, distance_m=0.2) for azimuth in (0, 180)]
    none = replace(calibrated(from_above), up=None).with_vertical()
    assert none.up is None and "found from the person" in none.notes[0]


@pytest.mark.parametrize(
    ("films", "order"),
    [
        (["walk_cam3.mp4", "walk_cam1.mp4", "walk-CAM2.mp4"], ["cam3", "cam1", "cam2"]),
        (["cam2/walk.mp4", "cam1/walk.mp4"], ["cam2", "cam1"]),
        (["left.mp4", "right.mp4", "behind.mp4"], ["cam1", "cam2", "cam3"]),
        (["cam1.mp4", "cam1_again.mp4", "cam10.mp4"], ["cam1", "cam2", "cam3"]),
    ],
)
def test_whose_film_it_is(calibration: Calibration, films: list[str], order: list[str]) -> None:
    found = calibration.for_films([Path(film) for film in films], [SIZE_PX] * len(films))
    assert found.names == order
    assert ("by order" in found.notes[-1]) == (order == ["cam1", "cam2", "cam3"])


def test_too_few_or_nameless_films(calibration: Calibration) -> None:
    with pytest.raises(BioposeError, match="4 films, but 3 cameras"):
        calibration.for_films([Path(f"{k}.mp4") for k in "abcd"], [SIZE_PX] * 4)
    with pytest.raises(BioposeError, match="which of the 3 cameras"):
        calibration.for_films([Path("a.mp4"), Path("b.mp4")], [SIZE_PX] * 2)


def test_impossible_cameras(calibration: Calibration) -> None:
    camera = calibration.cameras[0]
    for changed, why in (
        ({"shift_m": np.array([0, 0, np.nan])}, "lacks numbers"),
        ({"rotation": 2 * np.eye(3)}, "rotation"),
        ({"shift_m": np.array([0, 0, 3000.0])}, "m away"),
        ({"matrix": np.diag([3.0, 3.0, 1.0])}, "focal length"),
    ):
        with pytest.raises(BioposeError, match=why):
            replace(camera, **changed).check()
