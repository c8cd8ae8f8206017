"""The kept evidence: sparse on the way, whole again at its end, in one file with the keypoints."""

from pathlib import Path

import numpy as np
import pytest

from biomech.keypoints.blazepose import BlazePose
from biomech.keypoints.detect import detect
from biomech.keypoints.detector import Region
from biomech.keypoints.heat_maps import LEAST, FrameHeatMaps, HeatMaps, scaled
from biomech.keypoints.keypoints import Keypoints
from biomech.video import Video


@pytest.fixture
def heat() -> np.ndarray:
    """Two frames: maps that say nothing, maps full of it, and something in every corner."""
    rng = np.random.default_rng(1)
    heat = scaled(rng.uniform(size=(2, 39, 64, 64)) ** 30)
    heat[0, 3], heat[0, 38], heat[1, 0] = 0, 0, 200
    heat[:, 7, [0, 0, -1, -1], [0, -1, 0, -1]] = 255
    return heat


def gathered(heat: np.ndarray) -> HeatMaps:
    masks = np.arange(2)[:, None, None] * np.full((64, 64), 9, np.uint8)
    maps = [
        FrameHeatMaps.of(h, m.astype(np.uint8), Region((3.0, 4.5 + i), 100.0, 0.1))
        for i, (h, m) in enumerate(zip(heat, masks, strict=True))
    ]
    return HeatMaps.gathered([None, maps[0], None, maps[1]])


def test_cells_that_say_something_come_back(heat: np.ndarray) -> None:
    heat_maps = gathered(heat)
    assert heat_maps.seen.tolist() == [False, True, False, True]
    back = heat_maps.heat(np.array([3, 1, 2]))
    np.testing.assert_array_equal(back[:2], np.where(heat < LEAST, 0, heat)[::-1])
    assert not back[2].any() and heat_maps.mask(np.array([3])).max() == 9


def test_one_file_with_the_keypoints(heat: np.ndarray, tmp_path: Path) -> None:
    heat_maps = gathered(heat)
    keypoints = Keypoints(
        ["nose"], np.zeros((4, 1, 2)), np.ones((4, 1)), np.arange(4) / 30, (640, 480), heat_maps=heat_maps
    )
    keypoints.save(tmp_path / "k.npz")
    again = Keypoints.load(tmp_path / "k.npz").heat_maps
    assert again is not None
    np.testing.assert_array_equal(again.heat(np.arange(4)), heat_maps.heat(np.arange(4)))
    np.testing.assert_array_equal(again.center_px, heat_maps.center_px)
    Keypoints(["nose"], np.zeros((4, 1, 2)), np.ones((4, 1)), np.arange(4) / 30, (640, 480)).save(tmp_path / "no.npz")
    assert Keypoints.load(tmp_path / "no.npz").heat_maps is None


def test_the_maps_of_a_film_peak_where_the_points_are(beam: Path, task: Path) -> None:
    keypoints = detect(Video.open(beam, end_s=0.1), BlazePose(task), keep_heat_maps=True)
    heat_maps = keypoints.heat_maps
    assert heat_maps is not None and heat_maps.seen.all()
    heat = heat_maps.heat(np.arange(len(keypoints.xy)))[:, :33].reshape(-1, 33, 64 * 64)
    rows, columns = np.divmod(heat.argmax(-1), 64)
    matrix = keypoints.mask_from_image
    assert matrix is not None
    cells = keypoints.xy @ np.swapaxes(matrix[:, :, :2], 1, 2) + matrix[:, None, :, 2]
    away = np.hypot(cells[..., 0] - columns, cells[..., 1] - rows)
    assert np.median(away[keypoints.confidence > 0.8]) < 1.5
    mask = heat_maps.mask(np.arange(1))[0] > 127
    assert (mask == keypoints.mask(0)).mean() > 0.99
    assert len(heat_maps.values) < 5000 * len(keypoints.xy)
