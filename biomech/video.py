"""The noun ``Video``: upright pictures with their own time stamps, streamed one at a time."""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData
from jaxtyping import UInt8

from biomech.camera import NARROWEST_DEG, WIDEST_DEG, check_focal, focal_from_fov
from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.names import FILM_SUFFIXES
from biomech.packets import Needed
from biomech.planes import turned

TEXT_BYTES = 2048
PICTURE_SUFFIXES = {".bmp", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FOLDER_RATE_HZ = 30.0
LATEST_S = 1e7  # of a film's time stamps
LOWEST_HZ, HIGHEST_HZ = 0.1, 100_000.0
SMALLEST_PX = 32  # of a picture's side: nobody can be found in less
STAMPS_READ = 600  # packets, whose stamps tell the rate
OTHER_RATE = 0.1  # by which a header's rate may differ from the stamps'
OTHER_SPEED = 1.3  # from which ratio of filmed to stored rate on a film is slow motion (or a time lapse)
ENDS_EARLY, ENDS_EARLY_S = 0.03, 0.5  # share and time that a film may be short of what its header says
END_TOLERANCE_S = 0.1  # by which a film may end before the time asked for without a word
MOST_LEFT_OUT = 10  # numbers for each picture of a folder; with fewer pictures the numbers are none of frames
NUMBER_JITTER = 0.15  # of a step: names may be rounded times
SMALL_PX = 1_000_000  # of a picture
FULL_RANGE, PLAIN = 2, {1, 2, 5, 6}  # FFmpeg's: AVCOL_RANGE_JPEG; BT.709, not said, BT.601 twice
ENOUGH_HZ = 30.0  # what is left of more frames; kinematics of film are filtered at 6 to 12 Hz
# Diagonal of the 36 × 24 mm film frame, to which "35 mm equivalent" focal lengths refer (CIPA DCG-001).
FILM_DIAGONAL_MM = float(np.hypot(36.0, 24.0))
# Makers state 26 mm equivalent for the main camera of most phones; on the 4:3 sensor that this refers to, whose
# longer side is 0.8 of the diagonal, that is 67° across the longer side, which video keeps.
DEFAULT_FOV_DEG = 67.0

Frame = UInt8[np.ndarray, "height width 3"]


@dataclass
class Video:
    """A clip, or a window of one; reading it needs the memory of a few frames, however long it is.

    Times are the file's own presentation stamps in seconds, so a variable rate stays as it was filmed and a window
    does not begin at 0; of slow motion, they are those of filming.
    """

    path: Path
    size_px: tuple[int, int]  # width, height of the upright picture
    rate_hz: float  # nominal, of the frames that are looked at
    n_frames: int  # of these; an estimate: containers do not always know
    start_s: float | None = None
    end_s: float | None = None
    every: int = 1  # every Nth frame is looked at, from the first in the window
    slowed: float = 1.0  # seconds in the file for one of what was filmed
    said_s: float | None = None  # how long the file says it is, in its own time
    said_frames: int = 0  # how many frames; 0: it does not say
    colorspace: int | None = None  # FFmpeg's number, of films stored as 8-bit 4:2:0 (``planes``); None of others
    focal_px: float | None = None  # from the metadata
    focal_source: str = "unknown"
    notes: list[str] = field(default_factory=list)  # what reading it met with

    @classmethod
    def open(
        cls,
        path: Path | str,
        start_s: float | None = None,
        end_s: float | None = None,
        rate_hz: float | None = None,
        every: int | None = 1,
    ) -> "Video":
        """Look at an .mp4, .mov or .avi file, or at a folder of pictures in natural order.

        Args:
            path: of the film, or of a folder of pictures.
            start_s, end_s: only the frames with start_s <= time < end_s; None: from the beginning, to the end.
            rate_hz: of a folder of pictures, 30 where not given; of a video file what it was filmed at, where that is
                not what it is played at and the file does not know (slow motion).
            every: look at every Nth frame only; None: as leaves 30 frames a second, or hardly fewer.

        Returns:
            The clip, one frame of which was read: size of the upright picture (px), rate, lens where the file tells it.

        Raises:
            BioposeError: no such file, not a video, damaged, without a picture track, a single picture, or no frame
                in the window.
        """
        path = Path(path)
        if not os.path.exists(path):  # also of what is no path, such as one too long
            raise BioposeError("no such file or folder", where=str(path), mend="Check the path of the video.")
        if (end_s is not None and end_s <= (start_s or 0.0)) or (start_s is not None and not 0 <= start_s <= LATEST_S):
            raise BioposeError(
                f"the window from {start_s or 0:g} s to {end_s} s holds nothing",
                where=str(path),
                mend="`end_s` has to be later than `start_s`, and `start_s` not below 0.",
            )
        if rate_hz is not None and not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
            raise BioposeError(
                f"a rate of {rate_hz:g} pictures a second cannot be", where=str(path), mend="Give `rate_hz=30`."
            )
        video = _look_at_folder(path, rate_hz) if path.is_dir() else _look_at_file(path, rate_hz)
        told = list(video.notes)
        # A header may count frames that an edit list hides; its seconds do not.
        duration = video.said_s / video.slowed if video.said_s else video.n_frames / video.rate_hz
        video.start_s, video.end_s = start_s, end_s
        first = next(video.frames(), None)
        if first is None:
            window = f"between {start_s or 0:g} s and {'the end' if end_s is None else f'{end_s:g} s'}"
            raise BioposeError(
                f"no frame {window}" if start_s is not None or end_s is not None else "no readable frame",
                where=str(path),
                mend=f"The file is about {duration:.2f} s long; check `start_s`, `end_s`, and whether it plays at all.",
            )
        video.notes[:] = told
        video.size_px = (first[1].shape[1], first[1].shape[0])
        if min(video.size_px) < SMALLEST_PX:
            raise BioposeError(
                f"pictures of {video.size_px[0]} x {video.size_px[1]} pixels, in which nobody can be found",
                where=str(path),
                mend="Give the film at its full size.",
            )
        seconds = min(end_s or np.inf, duration) - (start_s or 0.0)
        video.every = every or max(1, int(video.rate_hz / ENOUGH_HZ + 0.1))  # 59.94, 57 count as 60
        video.rate_hz /= video.every
        video.n_frames = max(1, round(seconds * video.rate_hz))
        if video.every > 1:
            video.notes.append(f"used one frame in {video.every}, {video.rate_hz:.3g} a second (`every=1` uses each)")
        return video

    def frames(self, size_px: tuple[int, int] | None = None) -> Iterator[tuple[float, Frame]]:
        """Time stamp in seconds and upright RGB picture, frame after frame.

        Args:
            size_px: width, height of the upright pictures, if smaller ones will do: cheaper than to shrink them later.
        """
        return _folder_frames(self, size_px) if self.path.is_dir() else _file_frames(self, size_px)

    def planes(self, size_px: tuple[int, int]) -> Iterator[tuple[float, UInt8[np.ndarray, "rows width"]]]:
        """Time stamp in seconds and upright 4:2:0 picture (``biomech.planes``) as it is stored, frame after frame.

        Args:
            size_px: width, height of the upright pictures; even.

        Returns:
            Of a film whose ``colorspace`` is known.
        """
        return _file_frames(self, size_px, planes=True)

    def window_notes(self, last_s: float) -> list[str]:
        """That the film is over before the time that was asked for, if it is.

        Args:
            last_s: time of the last picture that was read, s.

        Returns:
            One note, or none.
        """
        if self.end_s is None or last_s >= self.end_s - max(1.5 / self.rate_hz, END_TOLERANCE_S):
            return []
        return [f"the film ends at {last_s:.2f} s, before `end_s={self.end_s:g}`"]

    def in_window(self, time_s: float) -> bool:
        """Whether a time stamp lies between ``start_s`` and ``end_s``."""
        # Stamps and decimal seconds meet only to rounding.
        return time_s >= (self.start_s or 0.0) - 1e-6 and (self.end_s is None or time_s < self.end_s - 1e-6)


def focal_length(video: Video, focal_px: float | None = None, fov_deg: float | None = None) -> tuple[float, str]:
    """Focal length in pixels, and in words where it comes from.

    In this order: ``focal_px`` as given; ``fov_deg``, the angle of view across the longer side of the picture; the
    file's metadata; the angle of view of a phone's main camera.

    Args:
        video: whose size and metadata count where nothing is given.
        focal_px: of the upright picture, at the video's own size.
        fov_deg: 1 to 175.

    Returns:
        The focal length (px), and a phrase for reports that says where it comes from.

    Raises:
        BioposeError: an impossible value, or both given.
    """
    longer = max(video.size_px)
    if focal_px is not None and fov_deg is not None:
        raise BioposeError("focal length and field of view both given", mend="Give `focal_px` or `fov_deg`, not both.")
    if focal_px is not None:
        check_focal(focal_px, video.size_px)
        return float(focal_px), "given (`focal_px`)"
    if fov_deg is not None:
        if not NARROWEST_DEG <= fov_deg <= WIDEST_DEG:
            raise BioposeError(f"a field of view of {fov_deg:g}° cannot be", mend="`fov_deg` is in degrees, 1 to 175.")
        return focal_from_fov(longer, fov_deg), f"given (`fov_deg={fov_deg:g}` across the longer side)"
    if video.focal_px is not None:
        return video.focal_px, video.focal_source
    return (
        focal_from_fov(longer, DEFAULT_FOV_DEG),
        f"default: {DEFAULT_FOV_DEG:g}° across the longer side, a phone's main camera (26 mm equivalent)",
    )


def _look_at_file(path: Path, filmed_hz: float | None) -> Video:
    check_file(path)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        raise BioposeError(
            "a single picture, not a clip",
            where=str(path),
            mend="Give a video, or a folder that holds the pictures of one in order.",
        )
    if _is_text(path):
        raise BioposeError(
            "a text, not a video",
            where=str(path),
            mend="Give a video or a folder of pictures; files of recorded markers end in .trc or .c3d.",
        )
    try:
        with av.open(str(path)) as container:
            stream = _picture_stream(container)
            if stream is None:
                raise BioposeError("no picture track, only sound or data", where=str(path), mend="Give a video file.")
            rate = float(stream.average_rate or stream.guessed_rate or FOLDER_RATE_HZ)
            seconds = _said_seconds(container, stream)
            metadata = {**container.metadata, **stream.metadata}
            focal_mm = _focal_35mm(metadata)
            diagonal = float(np.hypot(stream.codec_context.width, stream.codec_context.height))
            stamped = _rate_of_stamps(container, stream)
            if stamped is not None and abs(rate / stamped - 1) > OTHER_RATE:
                rate = stamped  # browsers and screen recorders write a nominal rate, such as 1000
            video = Video(path, (0, 0), rate, stream.frames or max(1, round((seconds or 0) * rate)))
            video.said_s, video.said_frames = seconds, stream.frames
            context = stream.codec_context
            if context.pix_fmt == "yuv420p" and context.color_range != FULL_RANGE and context.colorspace in PLAIN:
                video.colorspace = context.colorspace
    except (FFmpegError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise BioposeError(
            f"not a video that can be read, or damaged ({getattr(error, 'strerror', error)})",
            where=str(path),
            mend="Check that it plays; .mp4, .mov, .avi or a folder of pictures is needed.",
        ) from error
    if focal_mm:
        video.focal_px = focal_mm / FILM_DIAGONAL_MM * diagonal
        video.focal_source = f"the file's metadata ({focal_mm:g} mm, 35 mm equivalent)"
    filmed = filmed_hz or _capture_hz(metadata)
    if filmed is not None:
        _in_real_time(video, filmed / (stamped or rate), filmed, given=filmed_hz is not None)
    return video


def _in_real_time(video: Video, ratio: float, filmed_hz: float, given: bool) -> None:
    """A film that is played at another rate than it was filmed at gets the times of filming, and that is told."""
    if not given and 1 / OTHER_SPEED < ratio < OTHER_SPEED:
        return
    said = "`rate_hz` says" if given else "the file says"
    video.notes.append(
        f"{said} that it was filmed at {filmed_hz:g} frames a second; it is stored at {video.rate_hz:.3g}: "
        f"times are those of filming" + ("" if given else f" (`rate_hz={video.rate_hz:.3g}` keeps the file's)")
    )
    video.slowed, video.rate_hz = ratio, filmed_hz


def _capture_hz(metadata: dict[str, str]) -> float | None:
    """The rate that Android's cameras note, which slow motion and time lapse differ from when they are played."""
    try:
        rate = float(metadata.get("com.android.capture.fps", ""))
    except ValueError:
        return None
    return rate if LOWEST_HZ <= rate <= HIGHEST_HZ else None


def _said_seconds(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """How long the header says the pictures are; Matroska's muxers note it of each track."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if found := re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", "")):
        return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
    return container.duration / av.time_base if container.duration else None


def _rate_of_stamps(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """Frames a second by the packets' own stamps; None where they have none. The container is read from then on."""
    stamps = []
    try:
        for packet in itertools.islice(container.demux(stream), STAMPS_READ):
            if packet.pts is not None and packet.time_base:
                stamps.append(float(packet.pts * packet.time_base))
    except FFmpegError:
        pass  # damaged further on: what was read tells it
    steps = np.diff(np.unique(stamps))
    if len(steps) < 2:
        return None
    return 1 / float(steps[steps < 1.5 * np.median(steps)].mean())  # pauses left out


def _picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first track of moving pictures; a sound file's cover is none."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def _focal_35mm(metadata: dict[str, str]) -> float | None:
    """35 mm equivalent focal length, under the keys that phones write it to (QuickTime's and EXIF's)."""
    for key, value in metadata.items():
        if "35mm" in key.lower().replace("_", "").replace("-", "").replace(" ", ""):
            found = re.search(r"\d+(\.\d+)?", value)
            if found and float(found[0]) > 0:
                return float(found[0])
    return None


def _file_frames(
    video: Video, size_px: tuple[int, int] | None, planes: bool = False
) -> Iterator[tuple[float, UInt8[np.ndarray, "..."]]]:
    with av.open(str(video.path)) as container:
        stream = _picture_stream(container)
        assert stream is not None
        # Threads cost a tenth more in all; pictures that one decodes fast enough leave the cores to others.
        stream.thread_type = "AUTO" if stream.codec_context.width * stream.codec_context.height > SMALL_PX else "NONE"
        if video.start_s:
            container.seek(int(video.slowed * video.start_s / (stream.time_base or Fraction(1, 1000))), stream=stream)
        last, damaged, decoded_frames, count, size = -np.inf, 0, 0, 0, size_px
        packets = Needed(
            _packets(container, stream), stream, video.every, lambda stamp_s: video.in_window(stamp_s / video.slowed)
        )
        for packet in packets:
            try:
                decoded = packet.decode()
            except FFmpegError:
                damaged += 1
                continue
            for picture in decoded:
                decoded_frames += 1
                time_s = None if picture.time is None else picture.time / video.slowed
                if time_s is None or time_s <= last:  # streams without stamps, or with stamps that run backwards
                    time_s = last + 1 / (video.every * video.rate_hz) if np.isfinite(last) else (video.start_s or 0.0)
                last = time_s
                if video.in_window(time_s):
                    count += packets.before(picture.pts, count)
                    if count % video.every == 0 and planes and size_px is not None:
                        yield time_s, _upright_planes(picture, size_px)
                    elif count % video.every == 0:
                        frame = _upright(picture, stream.sample_aspect_ratio, size_px)
                        size = size or (frame.shape[1], frame.shape[0])
                        if frame.shape[1::-1] != size:  # of a stream whose size changes
                            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
                        yield time_s, frame
                    count += 1
                elif video.end_s is not None and time_s >= video.end_s:
                    return
        if damaged:
            _note(video, f"{damaged} damaged packets of the video were left out")
        _note_if_short(video, decoded_frames + packets.left_out, packets.hidden, video.slowed * last)


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """Those that can be read; a file that was cut ends in an error, or as if nothing had been."""
    try:
        yield from container.demux(stream)
    except FFmpegError:
        return


def _note(video: Video, text: str) -> None:
    if text not in video.notes:
        video.notes.append(text)


def _note_if_short(video: Video, frames: int, hidden: int, last_s: float) -> None:
    """Say when a file ends before its header says so; hidden: frames that are counted there and not shown.

    last_s: the last stamp, in the file's time.
    """
    said_frames = max(0, video.said_frames - hidden)
    there_s = last_s * (1 + 1.5 / frames) if frames > 1 else last_s
    if video.said_s and there_s >= (1 - ENDS_EARLY) * video.said_s:
        short = False  # a header may count what an edit list hides, and what a reader never gets
    elif said_frames and not video.start_s:
        short = said_frames - frames > max(1, ENDS_EARLY * said_frames)
    elif video.said_s:
        short = np.isfinite(last_s) and video.said_s - last_s > max(ENDS_EARLY * video.said_s, ENDS_EARLY_S)
    else:
        short = False
    if short:
        said = f"{said_frames} frames" if said_frames else ""
        said += f" ({video.said_s:.3g} s)" if video.said_s and said else f"{video.said_s:.3g} s" if video.said_s else ""
        _note(video, f"the file says {said}, and {frames} frames up to {last_s:.3g} s could be read: it ends early")


def _upright(picture: av.VideoFrame, pixel_aspect: Fraction | None, size_px: tuple[int, int] | None) -> Frame:
    across, right_to_left, bottom_up = _display(picture)
    if size_px is None:
        width = round(picture.width * pixel_aspect) if pixel_aspect else picture.width
        rgb = picture.to_ndarray(format="rgb24", width=max(width, 1), height=picture.height)
    else:
        width, height = size_px[::-1] if across else size_px
        rgb = picture.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    if across:
        rgb = rgb.transpose(1, 0, 2)
    return np.ascontiguousarray(rgb[:: -1 if bottom_up else 1, :: -1 if right_to_left else 1])


def _upright_planes(picture: av.VideoFrame, size_px: tuple[int, int]) -> UInt8[np.ndarray, "rows width"]:
    across, *mirrored = _display(picture)
    width, height = size_px[::-1] if across else size_px
    stored = picture.to_ndarray(format="yuv420p", width=width, height=height, interpolation="AREA")
    return turned(stored, across, *mirrored)


def _display(picture: av.VideoFrame) -> tuple[bool, bool, bool]:
    """What players do with a stored picture: exchange its axes, then mirror it left to right, then top to bottom.

    The display matrix (ISO 14496-12, 8.3.2) takes stored x, y to shown ones: x' = a x + c y, y' = b x + d y. Turns and
    flips by right angles are all that cameras write; others count as the nearest of these.
    """
    parts: Any = picture.side_data  # whose stubs say that it iterates over names
    matrix = next((part for part in parts if part.type == SideData.DISPLAYMATRIX), None)
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    across = abs(b) + abs(c) > abs(a) + abs(d)
    return (True, c < 0, b < 0) if across else (False, a < 0, d < 0)


def _picture_paths(folder: Path) -> list[Path]:
    """Pictures of a folder in natural order: 2 before 10."""
    paths = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")]
    return sorted(paths, key=lambda p: [int(s) if s.isdigit() else s.lower() for s in re.split(r"(\d+)", p.name)])


def _is_text(path: Path) -> bool:
    """Whether a file begins as none of the containers does; some texts FFmpeg would draw as pictures of letters."""
    with open(path, "rb") as file:
        begin = file.read(TEXT_BYTES)
    return bool(begin) and begin.isascii() and not any(byte < 32 and byte not in b"\t\n\r\f" for byte in begin)


def _look_at_folder(folder: Path, rate_hz: float | None) -> Video:
    paths = _picture_paths(folder)
    if not paths:
        films = [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in FILM_SUFFIXES]
        if films:
            listed = ", ".join(films[:3]) + (" …" if films[3:] else "")
            raise BioposeError(
                f"the folder holds films ({listed}), not the pictures of one",
                where=str(folder),
                mend='Give one film at a time; all of them in turn: for film in FOLDER/*; do biopose ik "$film"; done',
            )
        raise BioposeError("no pictures in this folder", where=str(folder), mend="It has to hold .jpg or .png files.")
    places, notes = _places(paths)
    if rate_hz is None and len(paths) > 1:
        notes = [*notes, f"nothing says how fast the pictures were taken: {FOLDER_RATE_HZ:g} a second (`rate_hz`)"]
    return Video(folder, (0, 0), rate_hz or FOLDER_RATE_HZ, places[-1] + 1, notes=notes)


def _places(paths: list[Path]) -> tuple[list[int], list[str]]:
    """Which frame each picture is, by the numbers in their names, and what to say of numbers that are left out.

    The numbers may be frames, every Nth of them, or times; those that are left out show in longer steps.
    """
    in_turn, found = list(range(len(paths))), [re.fullmatch(r"(.*?)(\d{1,15})(\D*)", path.stem) for path in paths]
    if len(paths) < 3 or any(one is None for one in found) or len({(one[1], one[3]) for one in found if one}) > 1:
        return in_turn, []
    steps = np.diff([int(one[2]) for one in found if one])
    if steps.min() <= 0:
        return in_turn, []
    least = float(steps[steps < 1.5 * steps.min()].mean())
    ways = np.round(steps / least)
    if (ways == 1).all():
        return in_turn, []
    even = (np.abs(steps / least - ways) <= NUMBER_JITTER * ways).all()
    places = [0, *np.cumsum(ways).astype(int).tolist()]
    absent = places[-1] + 1 - len(paths)
    if not even or absent > MOST_LEFT_OUT * len(paths):
        return in_turn, [
            f"the pictures' numbers leave others out; the {len(paths)} pictures are taken as following one another"
        ]
    return places, [f"{absent} numbers are left out among the {len(paths)} pictures; their times go by the numbers"]


def _folder_frames(video: Video, size_px: tuple[int, int] | None) -> Iterator[tuple[float, Frame]]:
    size, rate_hz, paths = None, video.every * video.rate_hz, _picture_paths(video.path)
    times = [(place / rate_hz, path) for place, path in zip(_places(paths)[0], paths, strict=True)]
    for time_s, path in [(time_s, path) for time_s, path in times if video.in_window(time_s)][:: video.every]:
        picture = cv2.imread(str(check_file(path)), cv2.IMREAD_COLOR)  # turned upright by its EXIF tag
        if picture is None:
            raise BioposeError("not a picture that can be read, or damaged", where=str(path), mend="Remove the file.")
        if size not in (None, picture.shape):
            raise BioposeError("pictures of different sizes", where=str(path), mend="A clip has one size throughout.")
        size = picture.shape
        if size_px is not None:
            picture = cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)
        yield time_s, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
