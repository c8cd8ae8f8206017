"""Packets that need not be decoded: what is seen is the same to the bit; what is damaged or odd is decoded whole."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from biomech.packets import Needed
from biomech.video import Video

SIZE = (96, 64)
HZ = 60
needs_x264 = pytest.mark.skipif("libx264" not in av.codecs_available, reason="PyAV's FFmpeg has no libx264")


def write_film(path: Path, frames: int, between: int, codec: str = "libx264") -> Path:
    """A film of 60 pictures a second, each its own, with so many "B" pictures between two others."""
    rng = np.random.default_rng(1)
    ground = rng.integers(0, 200, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=HZ)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "x264-params": f"bframes={between}:b-adapt=0:b-pyramid=normal"}
        for k in range(frames):
            picture = ground.copy()
            picture[20:40, k % 60 : k % 60 + 20] = (250, 200, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    """All pictures, by nothing of ours."""
    with av.open(str(path)) as container:
        return [(float(frame.time or 0), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


@pytest.fixture
def left_out(monkeypatch: pytest.MonkeyPatch) -> list[Needed]:
    """Those that are made from now on."""
    made: list[Needed] = []
    begin = Needed.__init__

    def noted(self, *given) -> None:
        begin(self, *given)
        made.append(self)

    monkeypatch.setattr(Needed, "__init__", noted)
    return made


@needs_x264
@pytest.mark.parametrize(("between", "least"), [(3, 90), (1, 90), (0, 0)])
def test_what_is_looked_at_is_the_same_to_the_bit(tmp_path: Path, left_out, between: int, least: int) -> None:
    path = write_film(tmp_path / "film.mp4", 200, between)
    video = Video.open(path, every=None)
    seen = list(video.frames())
    expected = decoded(path)[::2]
    assert [time_s for time_s, _ in seen] == pytest.approx([time_s for time_s, _ in expected])
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(seen, expected, strict=True))
    assert left_out[-1].left_out >= least and (between or not left_out[-1].left_out)
    assert len([note for note in video.notes if "early" in note]) == 0  # what is left out is counted


@needs_x264
@pytest.mark.parametrize("start_s", [0.5, 0.5 + 1 / HZ])
def test_a_window_begins_with_its_own_first_picture(tmp_path: Path, start_s: float) -> None:
    path = write_film(tmp_path / "film.mp4", 200, 3)
    seen = list(Video.open(path, start_s, 2.5, every=None).frames())
    expected = [one for one in decoded(path) if start_s - 1e-6 <= one[0] < 2.5 - 1e-6][::2]
    assert len(seen) == len(expected)
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(seen, expected, strict=True))


@needs_x264
def test_every_picture_is_decoded_where_every_one_is_wanted(tmp_path: Path, left_out) -> None:
    path = write_film(tmp_path / "film.mp4", 60, 3)
    assert len(list(Video.open(path).frames())) == 60
    assert left_out[-1].left_out == 0


@needs_x264
def test_damage_ends_the_leaving_out(tmp_path: Path, left_out) -> None:
    path = write_film(tmp_path / "film.mp4", 300, 3)
    whole = list(Video.open(path, every=None).frames())
    without = left_out[-1].left_out
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    path.write_bytes(content)
    seen = list(Video.open(path, every=None).frames())
    assert 0.7 * len(whole) <= len(seen) <= len(whole)
    assert np.diff([time_s for time_s, _ in seen]).min() > 0
    assert left_out[-1].left_out <= without


def test_other_codecs_are_decoded_whole(tmp_path: Path, left_out) -> None:
    path = write_film(tmp_path / "film.mp4", 60, 0, "mpeg4")
    assert len(list(Video.open(path, every=None).frames())) == 30
    assert left_out[-1].left_out == 0
