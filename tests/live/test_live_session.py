"""A session on a small film: the newest frame is shown, nothing lags, and what is kept can be read again."""

import csv
import itertools
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from somebody import somebody

from biomech.errors import BioposeError
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.layouts import BLAZEPOSE_33
from biomech.live import session
from biomech.live.drawing import draw_live
from biomech.live.frames import LiveCamera, Newest, camera_of, paced
from biomech.live.session import LiveFigures, live
from biomech.live.window import LiveWindow
from biomech.report.overlay import write_video
from biomech.video import Video

RATE_HZ, SECONDS, SIZE_PX = 30.0, 1.5, (96, 128)


class Slow:
    """A detector of somebody who stands; a look takes its time."""

    name = "slow"
    point_names = BLAZEPOSE_33
    gives_world, gives_maps = True, False

    def __init__(self, seconds: float = 0.0, there: bool = True):
        self.seconds, self.there, self.closely = seconds, there, 0

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        self.closely += closely
        return [(0.9, Region((48.0, 60.0), 100.0, 0.0))] if self.there else []

    def points(self, frame: np.ndarray, region: Region) -> Detection:
        time.sleep(self.seconds)
        there = Region((48.0, 60.0), 100.0, 0.0)
        found = somebody()
        xy = found.xy / 10
        return Detection(xy, found.confidence, found.world_m, 0.99, there, there, None, found.appearance)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = (
        (k / RATE_HZ, np.full((SIZE_PX[1], SIZE_PX[0], 3), 100 + k, np.uint8)) for k in range(int(SECONDS * RATE_HZ))
    )
    write_video(path, frames, SIZE_PX, RATE_HZ)
    return path


def test_a_slow_look_misses_frames_and_does_not_lag(film: Path) -> None:
    figures = live(film, detector=Slow(0.15))
    summary = figures.summary()
    assert summary["frames_missed"] > summary["frames"] > 2
    # A look that takes ten times a frame: were frames to wait, the last one would be shown a film's length late.
    assert min(figures.latency_ms[-2:]) < 1000 * SECONDS / 2
    assert figures.with_person == len(figures.latency_ms)


def test_what_is_kept(film: Path, tmp_path: Path) -> None:
    figures = live(film, detector=Slow(), folder=tmp_path / "run", fov_deg=60.0, angles=("knee_angle_l",))
    assert [path.name for path in figures.files] == ["live.mp4", "seen_keypoints.npz", "seen_angles.csv"]
    kept = Video.open(tmp_path / "run" / "live.mp4")
    assert kept.size_px == SIZE_PX
    keypoints = Keypoints.load(tmp_path / "run" / "seen_keypoints.npz")
    assert keypoints.found.all()
    assert len(keypoints.time_s) == len(figures.latency_ms)
    assert keypoints.focal_px == pytest.approx(64 / np.tan(np.radians(30)))
    rows = list(csv.DictReader((tmp_path / "run" / "seen_angles.csv").open()))
    assert list(rows[0]) == ["time_s", "knee_angle_l_deg"]
    assert len(rows) == len(figures.latency_ms)
    # What was drawn is not in the film that is kept.
    _, first = next(kept.frames())
    assert np.ptp(first) < 12


def test_it_ends_where_the_window_says_so(film: Path) -> None:
    shown: list[np.ndarray] = []
    figures = live(film, detector=Slow(), show=lambda picture: shown.append(picture) or len(shown) < 3)
    assert len(shown) == len(figures.latency_ms) == 3
    assert np.ptp(shown[0]) > 50  # the skeleton is on it


def test_a_film_that_breaks_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE_PX, "yuvj420p"
        noise = np.random.default_rng(0)
        for _ in range(30):
            picture = noise.integers(0, 255, (SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    assert any("it ends early" in note for note in live(path, detector=Slow()).notes)


def test_it_ends_after_some_seconds(film: Path) -> None:
    figures = live(film, detector=Slow(), seconds=0.3)
    assert 0.25 < figures.seconds < 1.2


def test_nobody_is_told_and_not_searched_for_closely(film: Path, tmp_path: Path) -> None:
    detector = Slow(there=False)
    figures = live(film, detector=detector, folder=tmp_path)
    assert "nobody was seen" in figures.notes
    assert detector.closely == 0
    assert [path.name for path in figures.files] == ["live.mp4", "seen_angles.csv"]


def test_ctrl_c_keeps_what_was_seen(film: Path, tmp_path: Path) -> None:
    def interrupt(_: np.ndarray) -> bool:
        raise KeyboardInterrupt

    figures = live(film, detector=Slow(), show=interrupt, folder=tmp_path)
    assert "ended by Ctrl-C" in figures.notes
    assert (tmp_path / "live.mp4").is_file()


def test_what_cannot_be_used(film: Path, tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no such file"):
        live(tmp_path / "none.mp4", detector=Slow())
    with pytest.raises(BioposeError, match="no angle"):
        live(film, detector=Slow(), angles=("nose",), folder=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    other = Slow()
    other.point_names = ["nose"]
    with pytest.raises(BioposeError, match="BlazePose's points"):
        live(film, detector=other)


def test_no_camera() -> None:
    with pytest.raises(BioposeError, match="no camera 97"):
        LiveCamera(97)


def test_cameras_and_files(tmp_path: Path) -> None:
    assert camera_of("0") == camera_of(0) == camera_of("/dev/video0") == 0
    assert camera_of("film.mp4") is None
    assert camera_of(tmp_path / "3.mp4") is None


def test_the_newest_alone_is_handed_over() -> None:
    newest = Newest[int]()
    for k in range(3):
        newest.put(k)
    newest.end()
    assert newest.take() == 2
    assert newest.take() is None
    assert newest.missed == 2


def test_an_error_of_the_source_is_raised_where_frames_are_taken() -> None:
    newest = Newest[int]()
    threading.Timer(0.05, lambda: newest.end(BioposeError("unplugged"))).start()
    with pytest.raises(BioposeError, match="unplugged"):
        newest.take()


def test_a_film_keeps_its_own_pace(film: Path) -> None:
    began = time.perf_counter()
    times = [taken.time_s for taken in paced(Video.open(film))]
    assert time.perf_counter() - began > SECONDS - 0.2
    assert times == sorted(times)


def test_a_dash_stands_for_an_unknown_angle() -> None:
    picture = np.zeros((320, 240, 3), np.uint8)
    draw_live(picture, BLAZEPOSE_33, None, {"knee_angle_r": np.nan})
    assert picture.any()


@pytest.mark.parametrize("size", [(960, 540), (1920, 1080), (1080, 1920), (320, 240)])
def test_no_angle_covers_another(size: tuple[int, int]) -> None:
    rows = []
    for shown in range(4):
        picture = np.full((size[1], size[0], 3), 200, np.uint8)
        angles = {"knee_angle_r": 39.0, "hip_flexion_l": -12.0, "ankle_angle_r": 5.0, "elbow_flex_l": 100.0}
        draw_live(picture, [], None, dict(list(angles.items())[: shown + 1]))
        rows.append(np.flatnonzero((picture != 200).any((1, 2))))
    for before, after in itertools.pairwise(rows):
        assert len(after) > len(before) and set(before) < set(after)
        new = sorted(set(after) - set(before))
        assert new[0] > before[-1], "the next one begins below the one before"
        assert np.ptp(new) + 1 == len(new) >= 10
    assert rows[0][0] > 0 and rows[-1][-1] < size[1] / 2


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    tkinter = pytest.importorskip("tkinter")

    def refuse() -> None:
        raise tkinter.TclError("no display name")

    monkeypatch.setattr(tkinter, "Tk", refuse)
    with pytest.raises(BioposeError, match="no window can be opened here"):
        LiveWindow("title")


def test_a_slow_machine_is_told() -> None:
    told = session._told(LiveFigures(latency_ms=[300.0, 400.0], with_person=1, left_out=2))
    assert any("too slow" in note for note in told.notes)
    assert any("lacks 2 frames" in note for note in told.notes)
    assert LiveFigures().summary()["frames"] == 0
