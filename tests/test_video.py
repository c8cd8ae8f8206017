"""Video: what users' files are like, and what is said of files that are none."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.video import Video, focal_length

SIZE = (64, 48)


def picture(index: int) -> np.ndarray:
    """Upper left quarter red, the rest as grey as the frame's number says."""
    frame = np.full((SIZE[1], SIZE[0], 3), 40 + 4 * index, np.uint8)
    frame[: SIZE[1] // 2, : SIZE[0] // 2] = (250, 0, 0)
    return frame


def write_clip(path: Path, stamps_ms: list[int], codec: str = "mpeg4", metadata: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p" if codec != "mjpeg" else "yuvj420p"
        stream.bit_rate = 2_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, stamp in enumerate(stamps_ms):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path: Path, quarters_clockwise: int) -> Path:
    """Write the display matrix that phones write into an .mp4's track header."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and ids, layer and volume
    one = 0x10000
    cos, sin = {1: (0, 1), 2: (-1, 0), 3: (0, -1)}[quarters_clockwise]
    matrix = [cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 0x40000000]
    content[at : at + 36] = np.array(matrix, ">i4").tobytes()
    path.write_bytes(content)
    return path


def test_variable_rate_keeps_its_stamps(tmp_path: Path) -> None:
    stamps = [0, 33, 67, 140, 150, 400, 433]
    video = Video.open(write_clip(tmp_path / "a.mp4", stamps))
    assert [round(1000 * time_s) for time_s, _ in video.frames()] == stamps
    assert video.size_px == SIZE


@pytest.mark.parametrize("suffix", ["mp4", "mov", "avi"])
def test_containers(tmp_path: Path, suffix: str) -> None:
    stamps = [round(1000 * i / 30) for i in range(10)]
    video = Video.open(write_clip(tmp_path / f"a.{suffix}", stamps, "mjpeg" if suffix == "avi" else "mpeg4"))
    frames = list(video.frames())
    assert len(frames) == 10
    np.testing.assert_allclose([t for t, _ in frames], np.arange(10) / 30, atol=2e-3)
    assert np.abs(frames[3][1][40, 50].astype(int) - 52).max() < 12


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_metadata_turns_the_picture_upright(tmp_path: Path, quarters: int) -> None:
    video = Video.open(turned(write_clip(tmp_path / "a.mp4", [0, 33, 67]), quarters))
    _, frame = next(video.frames())
    assert video.size_px == (SIZE if quarters == 2 else SIZE[::-1])
    expected = np.rot90(picture(0), -quarters)
    assert np.abs(frame.astype(int) - expected).mean() < 10


@pytest.mark.parametrize("quarters", [0, 1, 2])
def test_smaller_pictures_are_asked_for_as_they_stand_upright(tmp_path: Path, quarters: int) -> None:
    path = write_clip(tmp_path / "a.mp4", [0, 33, 67])
    video = Video.open(turned(path, quarters) if quarters else path)
    times = [time_s for time_s, _ in video.frames()]
    small = list(video.frames((video.size_px[0] // 2, video.size_px[1] // 2)))
    assert [time_s for time_s, _ in small] == times
    expected = np.rot90(picture(0), -quarters)[::2, ::2]
    assert small[0][1].shape == expected.shape
    assert np.abs(small[0][1].astype(int) - expected).mean() < 10


def test_window(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [100 * i for i in range(30)])
    video = Video.open(path, start_s=1.2, end_s=1.5)
    assert [round(t, 3) for t, _ in video.frames()] == [1.2, 1.3, 1.4]
    assert Video.open(path, end_s=2.95).window_notes(2.9) == []
    assert Video.open(path, end_s=9).window_notes(2.9) == ["the film ends at 2.90 s, before `end_s=9`"]
    with pytest.raises(BioposeError, match="no frame between 7 s and 8 s"):
        Video.open(path, 7, 8)
    with pytest.raises(BioposeError, match="holds nothing"):
        Video.open(path, 2, 1)


def test_of_more_than_thirty_frames_a_second_so_many_are_looked_at(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [round(1000 * k / 60) for k in range(24)])
    every = [time_s for time_s, _ in Video.open(path).frames()]
    video = Video.open(path, every=None)
    assert video.every == 2 and video.rate_hz == pytest.approx(30, rel=0.1) and video.n_frames == 12
    assert [time_s for time_s, _ in video.frames()] == every[::2] and "one frame in 2" in video.notes[0]
    third = Video.open(path, start_s=0.1, every=3)
    assert [time_s for time_s, _ in third.frames()] == [t for t in every if t >= 0.1][::3]
    assert Video.open(write_clip(tmp_path / "b.mp4", [40 * k for k in range(20)]), every=None).every == 1


def test_folder_of_pictures_in_natural_order(tmp_path: Path) -> None:
    for index in (10, 9, 100):
        cv2.imwrite(str(tmp_path / f"img{index}.png"), picture(index % 50)[..., ::-1])
    (tmp_path / "notes.txt").write_text("no picture")
    video = Video.open(tmp_path, rate_hz=50)
    assert len(list(Video.open(tmp_path, rate_hz=60, every=None).frames())) == -(-len(list(video.frames())) // 2)
    frames = list(video.frames())
    assert [t for t, _ in frames] == [0, 0.02, 0.04]
    assert [int(f[40, 50, 0]) for _, f in frames] == [76, 80, 40]
    assert tuple(frames[0][1][0, 0]) == (250, 0, 0)
    _, small = next(video.frames((SIZE[0] // 2, SIZE[1] // 2)))
    np.testing.assert_array_equal(small, frames[0][1][::2, ::2])


def test_a_folder_of_unknown_rate_says_which_is_taken(tmp_path: Path) -> None:
    for name in "12":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((64, 48, 3), 90, np.uint8))
    assert [note for note in Video.open(tmp_path).notes if "30 a second" in note]
    assert not Video.open(tmp_path, rate_hz=10).notes


def test_clips_of_one_and_three_frames(tmp_path: Path) -> None:
    for count in (1, 3):
        path = write_clip(tmp_path / f"{count}.mp4", [33 * i for i in range(count)])
        assert len(list(Video.open(path).frames())) == count


def test_files_that_are_no_clip(tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no such file"):
        Video.open(tmp_path / "none.mp4")
    cv2.imwrite(str(tmp_path / "still.jpg"), picture(0))
    with pytest.raises(BioposeError, match="single picture"):
        Video.open(tmp_path / "still.jpg")
    (tmp_path / "words.mp4").write_text("these are words")
    with pytest.raises(BioposeError, match="not a video"):
        Video.open(tmp_path / "words.mp4")
    whole = write_clip(tmp_path / "whole.mp4", [33 * i for i in range(30)]).read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BioposeError, match="damaged"):
        Video.open(tmp_path / "half.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BioposeError, match="no pictures"):
        Video.open(tmp_path / "empty")


def test_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        sound.rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(BioposeError, match="only sound"):
        Video.open(path)


def test_damage_in_the_middle_is_left_out(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", [round(1000 * i / 30) for i in range(30)], "mjpeg")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 3000] = b"\0" * 3000
    path.write_bytes(content)
    assert 20 <= len(list(Video.open(path).frames())) <= 30


def test_focal_length_in_order_of_trust(tmp_path: Path) -> None:
    key = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    video = Video.open(write_clip(tmp_path / "a.mov", [0, 33, 67], metadata={key: "26"}))
    focal, source = focal_length(video)
    assert focal == pytest.approx(26 / 43.2666 * 80, rel=1e-4) and "metadata" in source  # 64 × 48: diagonal 80 px
    assert focal_length(video, focal_px=123)[0] == 123
    assert focal_length(video, fov_deg=90)[0] == pytest.approx(32)
    plain = Video.open(write_clip(tmp_path / "b.mov", [0, 33, 67]))
    focal, source = focal_length(plain)
    assert focal == pytest.approx(32 / np.tan(np.radians(33.5))) and source.startswith("default: 67°")
    for wrong in ({"focal_px": -1}, {"fov_deg": 0}, {"fov_deg": 60, "focal_px": 60}):
        with pytest.raises(BioposeError):
            focal_length(plain, **wrong)


def displayed(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write a, b, c, d of a display matrix into an .mp4's track header."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (0x10000 * part for part in matrix)
    content[at : at + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 0x40000000], ">i4").tobytes()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda p: p.transpose(1, 0, 2)[::-1, ::-1]),
    ],
)
@pytest.mark.parametrize("half", [False, True])
def test_flips_of_the_display_matrix_are_done_as_players_do(tmp_path: Path, matrix, shown, half: bool) -> None:
    video = Video.open(displayed(write_clip(tmp_path / "a.mp4", [0, 33, 67]), matrix))
    assert not half or (video.size_px[0] // 2, video.size_px[1] // 2) != video.size_px
    _, frame = next(video.frames((video.size_px[0] // 2, video.size_px[1] // 2) if half else None))
    expected = shown(picture(0))[:: 2 if half else 1, :: 2 if half else 1]
    assert frame.shape == expected.shape and np.abs(frame.astype(int) - expected).mean() < 10


def test_the_rate_is_what_the_stamps_say(tmp_path: Path) -> None:
    path = tmp_path / "browser.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(picture(index % 20), format="rgb24")
            frame.pts, frame.time_base = round(1000 * index / 30), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = Video.open(path, every=None)
    assert video.rate_hz == pytest.approx(30, rel=0.05) and video.every == 1
    assert len(list(video.frames())) == 60 and video.notes == []


def test_slow_motion_gets_the_times_of_filming(tmp_path: Path) -> None:
    stamps = [200 * i for i in range(12)]
    path = write_clip(tmp_path / "a.mp4", stamps, metadata={"com.android.capture.fps": "20.0"})
    video = Video.open(path)
    assert [round(t, 3) for t, _ in video.frames()] == [round(0.05 * i, 3) for i in range(12)]
    assert "filmed at 20 frames a second; it is stored at 5" in video.notes[0] and video.rate_hz == 20
    assert [round(t, 3) for t, _ in Video.open(path, start_s=0.2, end_s=0.4).frames()] == [0.2, 0.25, 0.3, 0.35]
    plain = write_clip(tmp_path / "b.mp4", stamps)
    assert [round(t, 3) for t, _ in Video.open(plain, rate_hz=20).frames()][:3] == [0, 0.05, 0.1]
    assert [round(t, 3) for t, _ in Video.open(plain).frames()][:3] == [0, 0.2, 0.4]
    usual = write_clip(tmp_path / "c.mp4", [33 * i for i in range(12)], metadata={"com.android.capture.fps": "30.0"})
    assert Video.open(usual).notes == []


@pytest.mark.parametrize("suffix", ["mkv", "avi", "mp4"])
def test_a_film_that_ends_early_says_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"whole.{suffix}"
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuvj420p"
        for index in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index % 50), format="rgb24")))
        container.mux(stream.encode())
    whole = Video.open(path)
    assert len(list(whole.frames())) == 60 and whole.notes == []
    content = path.read_bytes()
    (tmp_path / f"cut.{suffix}").write_bytes(content[: int(0.6 * len(content))])
    cut = Video.open(tmp_path / f"cut.{suffix}")
    for _ in range(2):
        assert 20 < len(list(cut.frames())) < 45
    assert len(cut.notes) <= 2 and "it ends early" in cut.notes[-1] and "2 s" in cut.notes[-1]


@pytest.mark.parametrize(
    ("numbers", "frames", "said"),
    [
        ([0, 80, 120, 200, 240, 320, 360, 440], [0, 2, 3, 5, 6, 8, 9, 11], "4 numbers are left out"),
        ([7, 8, 9, 12], [0, 1, 2, 5], "2 numbers are left out"),
        ([0, 33, 67, 100, 133], [0, 1, 2, 3, 4], None),
        ([10, 20, 30], [0, 1, 2], None),
        ([9, 10, 100], [0, 1, 2], "following one another"),
    ],
)
def test_numbers_that_pictures_leave_out(
    tmp_path: Path, numbers: list[int], frames: list[int], said: str | None
) -> None:
    for number in numbers:
        cv2.imwrite(str(tmp_path / f"frame_{number:06d}.png"), picture(0))
    video = Video.open(tmp_path, rate_hz=25)
    np.testing.assert_allclose([time_s for time_s, _ in video.frames()], np.array(frames) / 25)
    assert [said in note for note in video.notes] == ([True] if said else [])


def test_pictures_too_small_to_show_anybody(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((540, 2, 3), np.uint8))
    with pytest.raises(BioposeError, match="2 x 540 pixels"):
        Video.open(tmp_path)


def test_texts_and_folders_of_films(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("time,x,y\n" + "0.1,2,3\n" * 1000)
    with pytest.raises(BioposeError, match="a text, not a video"):
        Video.open(tmp_path / "notes.txt")
    for name in ("b.mov", "a.MP4"):
        (tmp_path / name).write_bytes(b"film")
    with pytest.raises(BioposeError, match=r"holds films \(a.MP4, b.mov\)") as told:
        Video.open(tmp_path)
    assert "one film at a time" in str(told.value.mend)


def test_frames_that_an_edit_list_hides_are_not_missed(tmp_path: Path) -> None:
    """A phone's cut: the header counts the frames before the cut, players do not show them."""
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    with av.open(str(whole), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"g": "60", "bf": "0", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index % 50), format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        given = source.streams.video[0]
        copy = target.add_stream_from_template(given)
        for packet in source.demux(given):
            if packet.pts is not None:
                packet.pts -= round(0.5 / packet.time_base)
                packet.dts -= round(0.5 / packet.time_base)
                packet.stream = copy
                target.mux(packet)
    video = Video.open(cut)
    shown = [time_s for time_s, _ in video.frames()]
    assert video.said_frames == 60 and len(shown) == 45 and video.notes == []
    with pytest.raises(BioposeError, match=r"about 1\.50 s long"):
        Video.open(cut, start_s=20)
    content = dict(video.__dict__)
    short = Video(**(content | {"said_s": 4.0, "said_frames": 120, "notes": []}))
    list(short.frames())
    assert "the file says 105 frames (4 s), and 45 frames" in short.notes[0]
