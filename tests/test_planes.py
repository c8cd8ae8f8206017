"""4:2:0 pictures: as FFmpeg makes them, turned, and drawn on in parts."""

import av
import numpy as np
import pytest

from biomech.planes import drawing_on, planes_of, split, turned

SIZES = [(64, 48), (62, 50), (6, 2)]


def smooth(width: int, height: int) -> np.ndarray:
    """Colours that change slowly, so that halves of them say the same."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([60 + 120 * x, 200 - 100 * y, 90 + 50 * x * y], -1).round().astype(np.uint8)


@pytest.mark.parametrize("size", SIZES[:2])
def test_as_ffmpeg_makes_them(size: tuple[int, int]) -> None:
    picture = smooth(*size)
    theirs = av.VideoFrame.from_ndarray(picture, format="rgb24").to_ndarray(format="yuv420p")
    assert planes_of(picture).shape == theirs.shape
    assert np.abs(planes_of(picture).astype(int) - theirs).max() <= 3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ways", list(np.ndindex(2, 2, 2)))
def test_turned(size: tuple[int, int], ways: tuple[int, int, int]) -> None:
    across, right_to_left, bottom_up = map(bool, ways)
    picture = smooth(*size)
    shown = picture.transpose(1, 0, 2) if across else picture
    shown = np.ascontiguousarray(shown[:: -1 if bottom_up else 1, :: -1 if right_to_left else 1])
    found = turned(planes_of(picture), across, right_to_left, bottom_up)
    assert found.shape == planes_of(shown).shape
    assert np.abs(found.astype(int) - planes_of(shown)).max() <= 1


@pytest.mark.parametrize("box", [None, (10, 11, 21, 20), (-5, -5, 3, 3), (60, 45, 80, 70), (63, 47, 64, 48)])
def test_what_is_drawn_in_a_part_is_there_and_nothing_else(box: tuple[int, int, int, int] | None) -> None:
    planes = planes_of(smooth(64, 48))
    before = planes.copy()
    with drawing_on(planes, box) as (part, (left, top)):
        assert part.shape[0] % 2 == part.shape[1] % 2 == left % 2 == top % 2 == 0
        if box is not None:
            assert left <= max(box[0], 0) and top <= max(box[1], 0)
            assert left + part.shape[1] >= min(box[2], 64) and top + part.shape[0] >= min(box[3], 48)
        part[:] = (255, 130, 20)
        rows, columns = part.shape[:2]
    drawn = planes_of(np.full((48, 64, 3), (255, 130, 20), np.uint8))
    inside = np.zeros((48, 64), bool)
    inside[top : top + rows, left : left + columns] = True
    for now, then, colour, where in zip(
        split(planes), split(before), split(drawn), (inside, inside[::2, ::2], inside[::2, ::2]), strict=True
    ):
        assert np.abs(now.astype(int) - colour)[where].max() <= 1
        assert (now == then)[~where].all()


def test_a_part_that_is_left_alone_stays() -> None:
    planes = planes_of(smooth(64, 48))
    before = planes.copy()
    with drawing_on(planes, (10, 10, 40, 40)):
        pass
    assert np.abs(planes.astype(int) - before).max() <= 2
