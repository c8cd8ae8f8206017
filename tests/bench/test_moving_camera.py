"""A film seen again through a camera that turns: what it shows lies where the turn says."""

from pathlib import Path

import numpy as np
import pytest

from biomech.bench.moving_camera import SHARE, bench_moving_camera, narrowed, turns
from biomech.bench.sources import PARTS
from biomech.errors import BioposeError
from biomech.keypoints.camera_motion import CameraWatch
from biomech.report.overlay import write_video
from biomech.video import Video

SIZE, RATE_HZ = (320, 480), 15.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a wall of patches."""
    patches = np.random.default_rng(0).integers(0, 255, (30, 20, 1))
    wall = np.kron(np.repeat(patches, 3, 2), np.ones((16, 16, 1))).astype(np.uint8)
    path = tmp_path_factory.mktemp("film") / "wall.mp4"
    write_video(path, ((k / RATE_HZ, wall.copy()) for k in range(30)), SIZE, RATE_HZ)
    return path


def test_the_narrower_picture_stays_within_the_film() -> None:
    focal, time_s = 360.0, np.arange(0, 20, 0.1)
    turned = turns(time_s, SIZE, focal)
    half = np.array(SIZE) * SHARE / 2
    corners = np.array([[x * half[0] / focal, y * half[1] / focal, 1.0] for x in (-1, 1) for y in (-1, 1)])
    in_film = corners @ turned
    outside = np.abs(focal * in_film[..., :2] / in_film[..., 2:]) / (np.array(SIZE) / 2)
    assert outside.max() < 1.1 and (outside > 1).mean() < 0.05  # the corners, at the ends of all swings together


def test_the_turn_is_found_in_the_film_that_is_written(film: Path, tmp_path: Path) -> None:
    focal = narrowed(film, tmp_path / "seen.mp4", None, turning=True)
    seen = Video.open(tmp_path / "seen.mp4", every=None)
    assert seen.size_px == (2 * round(SHARE * SIZE[0] / 2), 2 * round(SHARE * SIZE[1] / 2))
    watch, times = CameraWatch(focal, seen.size_px), []
    for time_s, frame in seen.frames():
        watch.add(frame, [])
        times.append(time_s)
    found = watch.motion(seen.rate_hz).turns
    assert found is not None
    true = turns(np.array(times), SIZE, focal)
    ahead = (true @ true[0].T)[:, 2] - (found @ found[0].T)[:, 2]
    assert np.degrees(np.linalg.norm(ahead, axis=1)).max() < 0.1


def test_it_is_a_part_of_the_sources_and_needs_the_films(tmp_path: Path) -> None:
    assert "moving" in PARTS
    with pytest.raises(BioposeError, match="no such film"):
        bench_moving_camera(tmp_path, tmp_path)
