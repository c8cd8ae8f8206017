"""Pictures as films store them, 4:2:0: drawing on one costs the colours of a part of it, not of the whole.

A picture is one array of ``height × 3 / 2`` rows: brightness (Y), then U and V at half the size in each direction, as
FFmpeg's yuv420p and OpenCV's I420 have them. Sides are even.
"""

import contextlib
from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8

# U and V of R, G, B and 1: ITU-R BT.601, 16 … 240.
CHROMA = np.array([[-0.1482, -0.2910, 0.4392, 128], [0.4392, -0.3678, -0.0714, 128]])

Picture = UInt8[np.ndarray, "height width 3"]
Planes = UInt8[np.ndarray, "three_halves_of_height width"]
Part = UInt8[np.ndarray, "rows columns"]
Box = tuple[int, int, int, int]


def planes_of(picture: Picture) -> Planes:
    """4:2:0 of a picture of even sides: as FFmpeg makes it, in half of its time.

    Args:
        picture: RGB.

    Returns:
        Brightness and colours; those of BT.601.
    """
    height, width = picture.shape[:2]
    planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)  # whose colours are those of every second pixel
    four = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for part, colour in enumerate(np.split(planes[height:].reshape(-1), 2)):
        cv2.transform(four, CHROMA[part : part + 1], colour.reshape(four.shape[:2]))
    return np.asarray(planes)


def split(planes: Planes) -> tuple[Part, Part, Part]:
    """Y, U and V, which are views.

    Args:
        planes: of a picture of even sides.

    Returns:
        Y at the picture's size, U and V at half of it.
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    half = (height // 2, width // 2)
    u, v = np.split(planes[height:].reshape(-1), 2)
    return planes[:height], u.reshape(half), v.reshape(half)


def turned(planes: Planes, across: bool, right_to_left: bool, bottom_up: bool) -> Planes:
    """With axes exchanged, then mirrored.

    Args:
        planes: of a picture of even sides.
        across: exchange its axes.
        right_to_left, bottom_up: then mirror it.

    Returns:
        A new picture, or the same where there is nothing to do.
    """
    if not (across or right_to_left or bottom_up):
        return planes
    parts = []
    for part in split(planes):
        shown = cv2.transpose(part) if across else part
        if right_to_left or bottom_up:
            shown = cv2.flip(shown, -1 if right_to_left and bottom_up else int(right_to_left))
        parts.append(shown)
    return np.concatenate([part.ravel() for part in parts]).reshape(-1, parts[0].shape[1])


@contextlib.contextmanager
def drawing_on(planes: Planes, box: Box | None = None) -> Iterator[tuple[Picture, tuple[int, int]]]:
    """A part of the picture as RGB, to be drawn on; what is drawn is there afterwards.

    Args:
        planes: changed.
        box: left, top, right and bottom (px, the last two excluded) of what is drawn on; all where None.

    Yields:
        The part, a little larger so that its sides are even, and where its upper left corner is (x, y).
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    left, top, right, bottom = (0, 0, width, height) if box is None else box
    left, top = (2 * (min(max(at, 0), side - 2) // 2) for at, side in ((left, width), (top, height)))
    right, bottom = (
        min(max(2 * -(-at // 2), low + 2), side) for at, low, side in ((right, left, width), (bottom, top, height))
    )
    whole = [part[top:bottom, left:right] for part in split(planes)[:1]]
    whole += [part[top // 2 : bottom // 2, left // 2 : right // 2] for part in split(planes)[1:]]
    packed = np.concatenate([part.ravel() for part in whole]).reshape(-1, right - left)
    picture = np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_I420))
    yield picture, (left, top)
    for part, drawn in zip(whole, split(planes_of(picture)), strict=True):
        part[...] = drawn
