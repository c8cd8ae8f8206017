"""Frames of a video side by side as one picture, for documents:

python -m biomech.report.still biopose_demo/result/overlay.mp4 docs/overlay.png --at 0.2 1.0 1.8 2.8 --width 1400
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.video import Video

COLUMNS = 2
COLOURS = 128  # of a small picture


def stills(video: Video, times_s: list[float]) -> UInt8[np.ndarray, "height width 3"]:
    """The first frames at or after these times, in rows of two; RGB.

    Args:
        video: read from its beginning.
        times_s: on the video's own clock, in any order; at least one.

    Returns:
        One picture, the earliest time at its upper left; a place without a frame is white.

    Raises:
        BioposeError: the video ends before one of the times.
    """
    found: list[UInt8[np.ndarray, "height width 3"]] = []
    wanted = sorted(times_s)
    for time_s, picture in video.frames():
        while len(found) < len(wanted) and time_s >= wanted[len(found)] - 1e-6:
            found.append(picture)
    if len(found) < len(wanted):
        raise BioposeError(f"no frame at {wanted[len(found)]:g} s", where=str(video.path), mend="Name earlier times.")
    blank = [np.full_like(found[0], 255)] * (-len(found) % COLUMNS)
    rows = [np.hstack(row) for row in zip(*[iter(found + blank)] * COLUMNS, strict=True)]
    return np.vstack(rows)


def write_small_png(picture: UInt8[np.ndarray, "height width 3"], path: Path) -> None:
    """Write a picture with few colours, which makes a third of the bytes.

    Args:
        picture: RGB.
        path: of the .png.
    """
    from PIL import Image  # matplotlib's own reader of pictures, so it is there

    Image.fromarray(picture).quantize(COLOURS).save(path, format="png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames of a video side by side.")
    parser.add_argument("video", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--at", type=float, nargs="+", required=True, help="times, s")
    parser.add_argument("--width", type=int, help="of the whole, px  [default: as it comes]")
    said = parser.parse_args()
    picture = stills(Video.open(said.video), said.at)
    if said.width:
        height = round(picture.shape[0] * said.width / picture.shape[1])
        picture = np.asarray(cv2.resize(picture, (said.width, height), interpolation=cv2.INTER_AREA))
    with whole_file(said.picture) as temporary:
        write_small_png(picture, temporary)


if __name__ == "__main__":
    main()
