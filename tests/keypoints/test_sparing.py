"""Fewer looks: which frames are left out, what stands in for them, and that frames keep their order."""

import numpy as np
import pytest

from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.sparing import LONGEST_S, Sparing, lagrange, middle_region, told_between
from biomech.keypoints.tracking import Tracker

FRAME = np.zeros((480, 640, 3), np.uint8)
RATE_HZ = 30.0


class Moving:
    """A detector of one person who is where a function of the time says; the frame holds its number."""

    name = "moving"
    gives_world, gives_maps = True, False
    point_names = ["nose", "mid_hip"]  # noqa: RUF012

    def __init__(self, x_of, gone: tuple[int, ...] = ()):
        self.x_of, self.gone, self.looked = x_of, gone, []

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        return [] if _number(frame) in self.gone else [(0.9, self._region(frame))]

    def points(self, frame: np.ndarray, region: Region) -> Detection:
        number = _number(frame)
        self.looked.append(number)
        there = self._region(frame)
        x = there.center_px[0]
        return Detection(
            xy=np.array([[x, 200.0], [x, 260.0]]),
            confidence=np.full(2, 0.9),
            world_m=np.full((2, 3), x),
            presence=0.0 if number in self.gone else 0.99,
            region=region,
            next_region=there,
            mask=np.ones((64, 64), bool),
            appearance=np.eye(4)[0],
        )

    def _region(self, frame: np.ndarray) -> Region:
        return Region((float(self.x_of(_number(frame) / RATE_HZ)), 240.0), 256.0, 0.0)


def _number(frame: np.ndarray) -> int:
    return int(frame[0, 0, 0])


def frames(count: int):
    for number in range(count):
        frame = FRAME.copy()
        frame[0, 0, 0] = number
        yield number / RATE_HZ, frame


def followed(detector: Moving, count: int, every_look: bool = False) -> tuple[list, Sparing]:
    sparing = Sparing(Tracker(detector), every_look)
    return list(sparing.follow(frames(count))), sparing


def slowly(time_s: float) -> float:
    return 320 + 20 * np.sin(2 * np.pi * 0.5 * time_s)


def test_a_slow_motion_is_looked_at_seven_times_a_second() -> None:
    detector = Moving(slowly)
    found, sparing = followed(detector, 60)
    assert [round(time_s * RATE_HZ) for time_s, _, _ in found] == list(range(60))
    assert [_number(frame) for _, frame, _ in found] == list(range(60))
    assert sparing.left_out == 60 - len(set(detector.looked)) > 35
    assert np.diff(sorted(set(detector.looked))).max() / RATE_HZ <= LONGEST_S
    for time_s, _, person in found:
        assert person is not None
        assert np.allclose(person.xy[:, 0], slowly(time_s), atol=0.05)
        assert person.world_m is not None
        assert np.allclose(person.world_m, slowly(time_s), atol=0.05)


def test_what_was_not_looked_at_has_no_mask() -> None:
    detector = Moving(slowly)
    found, _ = followed(detector, 30)
    assert all((person.mask is None) == (k not in detector.looked) for k, (_, _, person) in enumerate(found))


def test_a_fast_motion_is_looked_at_in_every_frame() -> None:
    detector = Moving(lambda time_s: 320 + 60 * np.sin(2 * np.pi * 3 * time_s + 0.5))
    found, sparing = followed(detector, 40)
    assert len(found) == 40
    assert sparing.left_out < 8  # only about where it is straight
    for time_s, _, person in found:
        assert np.allclose(person.xy[:, 0], 320 + 60 * np.sin(2 * np.pi * 3 * time_s + 0.5), atol=1.0)


def test_a_jerk_is_looked_at() -> None:
    detector = Moving(lambda time_s: 320.0 if time_s < 1 else 320 + 400 * (time_s - 1))
    found, _ = followed(detector, 60)
    assert set(range(29, 36)) <= set(detector.looked)
    assert 15 not in detector.looked
    for time_s, _, person in found:
        assert person is not None
        assert np.allclose(person.xy[:, 0], detector.x_of(time_s), atol=1.0)


def test_who_starts_to_run_is_followed_frame_by_frame() -> None:
    detector = Moving(lambda time_s: 320.0 + 300 * max(0.0, time_s - 0.99) ** 2)
    followed(detector, 60)
    late = [k for k in detector.looked if k > 50]
    assert set(late) == set(range(51, 60))


def test_a_picture_unlike_its_neighbours_is_looked_at() -> None:
    """A black frame, a flash: nobody is to be told there from the frames about it."""

    def with_a_flash():
        for number, (time_s, frame) in enumerate(frames(60)):
            frame[10:] = 255 if number == 33 else 90
            yield time_s, frame

    detector = Moving(slowly, gone=(33,))
    found = list(Sparing(Tracker(detector)).follow(with_a_flash()))
    assert [k for k, (_, _, person) in enumerate(found) if person is None] == [33]


def test_every_look_looks_at_every_frame() -> None:
    detector = Moving(slowly)
    found, sparing = followed(detector, 21, every_look=True)
    assert detector.looked == list(range(21))
    assert sparing.left_out == 0
    assert all(person.mask is not None for _, _, person in found)


def test_frames_about_somebody_who_is_gone_are_looked_at() -> None:
    detector = Moving(slowly, gone=tuple(range(20, 27)))
    found, _ = followed(detector, 50)
    assert [k for k, (_, _, person) in enumerate(found) if person is None] == list(range(20, 27))
    assert {19, 27} <= set(detector.looked)


@pytest.mark.parametrize("count", range(1, 9))
def test_short_films(count: int) -> None:
    found, _ = followed(Moving(slowly), count)
    assert len(found) == count
    assert all(person is not None for _, _, person in found)


def test_few_frames_wait() -> None:
    sparing, given = Sparing(Tracker(Moving(slowly))), []

    def counted():
        for k, one in enumerate(frames(60)):
            assert k - len(given) <= 3 * 4
            yield one

    for one in sparing.follow(counted()):
        given.append(one)
    assert len(sparing._window) <= 4 * 4


def test_weights_of_a_cubic() -> None:
    assert np.allclose(lagrange(np.array([-3.0, -1, 1, 3]), 0.0), np.array([-1, 9, 9, -1]) / 16)
    times = np.array([0.0, 1, 2.5, 3])
    assert np.isclose(lagrange(times, 1.7) @ times**3, 1.7**3)


def test_unsure_points_are_not_waited_for() -> None:
    detector = Moving(slowly)
    looks = [detector.points(frame, detector._region(frame)) for _, frame in frames(4)]
    looks[1].xy[0] += 50
    assert told_between(looks, [0.0, 1.0, 2.0, 3.0], 1.5) is None
    for look in looks:
        look.confidence[0] = 0.2
    told = told_between(looks, [0.0, 1.0, 2.0, 3.0], 1.5)
    assert told is not None
    assert np.allclose(told.confidence, [0.2, 0.9])


def test_the_middle_of_regions_turns_the_shorter_way() -> None:
    middle = middle_region([Region((0.0, 0.0), 100.0, 3.1), Region((10.0, 20.0), 200.0, -3.1)])
    assert middle.center_px == (5.0, 10.0)
    assert middle.size_px == 150.0
    assert np.isclose(abs(middle.angle_rad), np.pi)
