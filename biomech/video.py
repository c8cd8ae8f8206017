"""The noun ``Video``: upright pictures with their own time stamps, streamed one at a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from jaxtyping import UInt8

from biomech.camera import NARROWEST_DEG, WIDEST_DEG, check_focal, focal_from_fov
from biomech.errors import BioposeError

PICTURE_SUFFIXES = {".bmp", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FOLDER_RATE_HZ = 30.0
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
    does not begin at 0.
    """

    path: Path
    size_px: tuple[int, int]  # width, height of the upright picture
    rate_hz: float  # nominal, of the frames that are looked at
    n_frames: int  # of these; an estimate: containers do not always know
    start_s: float | None = None
    end_s: float | None = None
    every: int = 1  # so manieth frame is looked at, from the first in the window
    focal_px: float | None = None  # from the metadata
    focal_source: str = "unknown"
    notes: list[str] = field(default_factory=list)  # what reading it met with

    @classmethod
    def open(
        cls,
        path: Path | str,
        start_s: float | None = None,
        end_s: float | None = None,
        rate_hz: float = FOLDER_RATE_HZ,
        every: int | None = 1,
    ) -> "Video":
        """Look at an .mp4, .mov or .avi file, or at a folder of pictures in natural order.

        Args:
            start_s, end_s: only the frames with start_s <= time < end_s.
            rate_hz: of a folder of pictures; a video file knows its own.
            every: look at every so manieth frame only; None: as leaves 30 frames a second, or hardly fewer.

        Raises:
            BioposeError: no such file, not a video, damaged, without a picture track, a single picture, or no frame
                in the window.
        """
        path = Path(path)
        if not path.exists():
            raise BioposeError("no such file or folder", where=str(path), mend="Check the path of the video.")
        if (end_s is not None and end_s <= (start_s or 0.0)) or (start_s is not None and start_s < 0):
            raise BioposeError(
                f"the window from {start_s or 0:g} s to {end_s} s holds nothing",
                where=str(path),
                mend="--end has to be later than --start, and --start not below 0.",
            )
        video = _look_at_folder(path, rate_hz) if path.is_dir() else _look_at_file(path)
        duration = video.n_frames / video.rate_hz
        video.start_s, video.end_s = start_s, end_s
        first = next(video.frames(), None)
        if first is None:
            window = f"between {start_s or 0:g} s and {'the end' if end_s is None else f'{end_s:g} s'}"
            raise BioposeError(
                f"no frame {window}" if start_s is not None or end_s is not None else "no readable frame",
                where=str(path),
                mend=f"The file is about {duration:.2f} s long; check --start and --end, or whether it plays at all.",
            )
        video.notes.clear()
        video.size_px = (first[1].shape[1], first[1].shape[0])
        seconds = min(end_s or np.inf, duration) - (start_s or 0.0)
        video.every = every or max(1, int(video.rate_hz / ENOUGH_HZ + 0.1))  # 59.94, 57 count as 60
        video.rate_hz /= video.every
        video.n_frames = max(1, round(seconds * video.rate_hz))
        if video.every > 1:
            video.notes.append(
                f"looked at one frame in {video.every}, {video.rate_hz:.3g} a second (--every 1: at all)"
            )
        return video

    def frames(self, size_px: tuple[int, int] | None = None) -> Iterator[tuple[float, Frame]]:
        """Time stamp in seconds and upright RGB picture, frame after frame.

        Args:
            size_px: width, height of the upright pictures, if smaller ones will do: cheaper than to shrink them later.
        """
        return _folder_frames(self, size_px) if self.path.is_dir() else _file_frames(self, size_px)

    def in_window(self, time_s: float) -> bool:
        """Whether a time stamp lies between ``start_s`` and ``end_s``."""
        # Stamps and decimal seconds meet only to rounding.
        return time_s >= (self.start_s or 0.0) - 1e-6 and (self.end_s is None or time_s < self.end_s - 1e-6)


def focal_length(video: Video, focal_px: float | None = None, fov_deg: float | None = None) -> tuple[float, str]:
    """Focal length in pixels, and in words where it comes from.

    In this order: ``focal_px`` as given; ``fov_deg``, the angle of view across the longer side of the picture; the
    file's metadata; the angle of view of a phone's main camera.

    Raises:
        BioposeError: an impossible value, or both given.
    """
    longer = max(video.size_px)
    if focal_px is not None and fov_deg is not None:
        raise BioposeError("focal length and field of view both given", mend="Give --focal-px or --fov, not both.")
    if focal_px is not None:
        check_focal(focal_px, video.size_px)
        return float(focal_px), "given (--focal-px)"
    if fov_deg is not None:
        if not NARROWEST_DEG <= fov_deg <= WIDEST_DEG:
            raise BioposeError(f"a field of view of {fov_deg:g}° cannot be", mend="--fov is in degrees, 1 to 175.")
        return focal_from_fov(longer, fov_deg), f"given (--fov {fov_deg:g}° across the longer side)"
    if video.focal_px is not None:
        return video.focal_px, video.focal_source
    return (
        focal_from_fov(longer, DEFAULT_FOV_DEG),
        f"default: {DEFAULT_FOV_DEG:g}° across the longer side, a phone's main camera (26 mm equivalent)",
    )


def _look_at_file(path: Path) -> Video:
    if path.suffix.lower() in PICTURE_SUFFIXES:
        raise BioposeError(
            "a single picture, not a clip",
            where=str(path),
            mend="Give a video, or a folder that holds the pictures of one in order.",
        )
    try:
        with av.open(str(path)) as container:
            stream = _picture_stream(container)
            if stream is None:
                raise BioposeError("no picture track, only sound or data", where=str(path), mend="Give a video file.")
            rate = float(stream.average_rate or stream.guessed_rate or FOLDER_RATE_HZ)
            if stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = (container.duration or 0) / av.time_base
            focal_mm = _focal_35mm({**container.metadata, **stream.metadata})
            diagonal = float(np.hypot(stream.codec_context.width, stream.codec_context.height))
            video = Video(path, (0, 0), rate, stream.frames or max(1, round(seconds * rate)))
    except (FFmpegError, UnicodeDecodeError) as error:
        raise BioposeError(
            f"not a video that can be read, or damaged ({getattr(error, 'strerror', error)})",
            where=str(path),
            mend="Check that it plays; .mp4, .mov, .avi or a folder of pictures is needed.",
        ) from error
    if focal_mm:
        video.focal_px = focal_mm / FILM_DIAGONAL_MM * diagonal
        video.focal_source = f"the file's metadata ({focal_mm:g} mm, 35 mm equivalent)"
    return video


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


def _file_frames(video: Video, size_px: tuple[int, int] | None) -> Iterator[tuple[float, Frame]]:
    with av.open(str(video.path)) as container:
        stream = _picture_stream(container)
        assert stream is not None
        stream.thread_type = "AUTO"
        if video.start_s:
            container.seek(int(video.start_s / (stream.time_base or Fraction(1, 1000))), stream=stream)
        last, damaged, count = -np.inf, 0, 0
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except FFmpegError:
                damaged += 1
                continue
            for picture in decoded:
                time_s = picture.time
                if time_s is None or time_s <= last:  # streams without stamps, or with stamps that run backwards
                    time_s = last + 1 / (video.every * video.rate_hz) if np.isfinite(last) else (video.start_s or 0.0)
                last = time_s
                if video.in_window(time_s):
                    if count % video.every == 0:
                        yield time_s, _upright(picture, stream.sample_aspect_ratio, size_px)
                    count += 1
                elif video.end_s is not None and time_s >= video.end_s:
                    return
        if damaged:
            video.notes.append(f"{damaged} damaged packets of the video were left out")


def _upright(picture: av.VideoFrame, pixel_aspect: Fraction | None, size_px: tuple[int, int] | None) -> Frame:
    # The display matrix turns the stored picture counter-clockwise by ``rotation`` degrees.
    quarters = round(picture.rotation / 90) % 4
    if size_px is None:
        width = round(picture.width * pixel_aspect) if pixel_aspect else picture.width
        rgb = picture.to_ndarray(format="rgb24", width=width, height=picture.height)
    else:
        width, height = size_px[::-1] if quarters % 2 else size_px
        rgb = picture.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb


def _picture_paths(folder: Path) -> list[Path]:
    """Pictures of a folder in natural order: 2 before 10."""
    paths = [p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith(".")]
    return sorted(paths, key=lambda p: [int(s) if s.isdigit() else s.lower() for s in re.split(r"(\d+)", p.name)])


def _look_at_folder(folder: Path, rate_hz: float) -> Video:
    if not rate_hz > 0:
        raise BioposeError(f"a rate of {rate_hz:g} pictures a second cannot be", where=str(folder))
    paths = _picture_paths(folder)
    if not paths:
        raise BioposeError("no pictures in this folder", where=str(folder), mend="It has to hold .jpg or .png files.")
    return Video(folder, (0, 0), rate_hz, len(paths))


def _folder_frames(video: Video, size_px: tuple[int, int] | None) -> Iterator[tuple[float, Frame]]:
    size, rate_hz = None, video.every * video.rate_hz
    times = [(index / rate_hz, path) for index, path in enumerate(_picture_paths(video.path))]
    for time_s, path in [(time_s, path) for time_s, path in times if video.in_window(time_s)][:: video.every]:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)  # turned upright by its EXIF tag
        if picture is None:
            raise BioposeError("not a picture that can be read, or damaged", where=str(path), mend="Remove the file.")
        if size not in (None, picture.shape):
            raise BioposeError("pictures of different sizes", where=str(path), mend="A clip has one size throughout.")
        size = picture.shape
        if size_px is not None:
            picture = cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)
        yield time_s, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
