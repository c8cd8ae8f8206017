"""The film with the skeleton on it, small enough to lie in a page, and some of its pictures for print."""

import io
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from jaxtyping import UInt8

LONGER_SIDE_PX = 480
MOST_BYTES = 4_000_000
BITS_A_SECOND = 480_000  # of a short film; a longer one gets fewer, for ``MOST_BYTES``
KEY_FRAMES = 6
KEY_SIDE_PX = 320
CODECS = (("libx264", "mp4"), ("libvpx-vp9", "webm"), ("libvpx", "webm"))  # that browsers play


@dataclass(frozen=True)
class SmallFilm:
    """A film to be embedded.

    Attributes:
        kind: ``mp4`` or ``webm``.
        content: the file; empty where PyAV's FFmpeg has no encoder whose films browsers play.
        pictures: times from its beginning (s) and JPEGs, evenly spaced.
        size_px: width and height.
    """

    kind: str
    content: bytes
    pictures: list[tuple[float, bytes]]
    size_px: tuple[int, int]


def small_film(path: Path, most_bytes: int = MOST_BYTES) -> SmallFilm:
    """Encode a film anew, smaller.

    Args:
        path: of a film that `write_video` wrote; its stamps count from 0.
        most_bytes: about how large it may become.

    Returns:
        The film and some of its pictures.
    """
    codec, kind = next(((name, kind) for name, kind in CODECS if name in av.codecs_available), ("", ""))
    out, pictures = io.BytesIO(), list[tuple[float, bytes]]()
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        stream.thread_type = "AUTO"
        seconds = float((stream.duration or 0) * (stream.time_base or 0)) or 1.0
        scale = min(1.0, LONGER_SIDE_PX / max(stream.width, stream.height))
        width, height = (max(2, 2 * round(side * scale / 2)) for side in (stream.width, stream.height))
        due = [seconds * (k + 0.5) / KEY_FRAMES for k in range(KEY_FRAMES)]
        bits = min(BITS_A_SECOND, 8 * most_bytes / seconds)
        target = _opened(out, codec, kind, (width, height), stream.average_rate, bits)
        for frame in film.decode(stream):
            small = frame.reformat(width, height, "yuv420p", interpolation="AREA")
            if target is not None:
                small.pts, small.time_base = frame.pts, frame.time_base
                target[0].mux(target[1].encode(small))
            if due and frame.time is not None and frame.time >= due[0] - 1e-3:
                pictures.append((round(frame.time, 3), _jpeg(small.to_ndarray(format="rgb24"))))
                due = [time for time in due if time > frame.time + 1e-3]
        if target is not None:
            target[0].mux(target[1].encode())
            target[0].close()
    return SmallFilm(kind, out.getvalue(), pictures, (width, height))


def _opened(out: io.BytesIO, codec: str, kind: str, size_px: tuple[int, int], rate: object, bits: float):  # type: ignore[no-untyped-def]
    if not codec:
        return None
    container = av.open(out, "w", format=kind)
    stream = container.add_stream(codec, rate=rate or 30)  # type: ignore[call-overload]
    stream.width, stream.height = size_px
    stream.pix_fmt = "yuv420p"
    stream.gop_size = 15  # so that the player finds any picture fast
    if codec == "libx264":
        limits = {"maxrate": str(round(bits)), "bufsize": str(round(2 * bits))}
        stream.options = {"crf": "29", "preset": "veryfast", **limits}
    else:
        stream.bit_rate = round(bits)
    return container, stream


def _jpeg(picture: UInt8[np.ndarray, "height width 3"]) -> bytes:
    scale = min(1.0, KEY_SIDE_PX / max(picture.shape))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, written = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 72])
    return bytes(written)
