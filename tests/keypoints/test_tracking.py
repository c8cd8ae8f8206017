"""Following one person: the rules on a made-up detector, the outcome on a real clip with two people."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.detect import _came_back, _others, detect
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.keypoints import MASK_SIZE
from biomech.keypoints.tracking import Tracker
from biomech.video import Video

FRAME = np.zeros((480, 640, 3), np.uint8)
CENTER = slice(MASK_SIZE // 2 - 8, MASK_SIZE // 2 + 8)


Place = tuple[float, float, int]
NOWHERE: Place = (-9e9, 1.0, 1)


class Stage:
    """A detector of people whose places are given: x in px, size in px, colour bin."""

    name = "stage"
    gives_world = gives_maps = False
    point_names: list[str] = ["nose", "mid_hip"]  # noqa: RUF012

    def __init__(self, *people: tuple[float, float, int]):
        self.people = list(people)

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        return [(0.9, Region((x, 240.0), size, 0.0)) for x, size, _ in self.people if x > NOWHERE[0]]

    def points(self, frame: np.ndarray, region: Region) -> Detection:
        """Sees whoever is nearest, as a network does."""
        x, size, colour = min(self.people, key=lambda person: abs(person[0] - region.center_px[0]))
        there = Region((x, 240.0), size, 0.0)
        mask = np.zeros((MASK_SIZE, MASK_SIZE), bool)
        mask[CENTER, CENTER] = True
        return Detection(
            xy=np.array([[x, 200.0], [x, 260.0]]),
            confidence=np.full(2, 0.9),
            world_m=np.zeros((2, 3)),
            presence=0.99 if there.shift(region) < 0.3 else 0.0,
            region=there,
            next_region=there,
            mask=mask,
            appearance=np.eye(4)[colour],
        )


def x_of(found: Detection | None) -> float | None:
    return None if found is None else found.next_region.center_px[0]


@pytest.mark.parametrize(("person", "x"), [(None, 330.0), (0, 100.0), (1, 330.0), (2, 600.0), ((605.0, 250.0), 600.0)])
def test_who_is_chosen(person: int | tuple[float, float] | None, x: float) -> None:
    stage = Stage((600, 80, 0), (100, 90, 1), (330, 100, 2))
    assert x_of(Tracker(stage, person).follow(FRAME, 0.0)) == x


def test_parts_of_the_picture_are_searched_only_where_a_more_prominent_person_may_be() -> None:
    class Counted(Stage):
        closely: list[bool]

        def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
            self.closely.append(closely)
            return super().regions(frame, closely)

    for size, wanted in ((400, [False]), (100, [False, True])):
        stage = Counted((330, size, 0))
        stage.closely = []
        assert x_of(Tracker(stage).follow(FRAME, 0.0)) == 330
        assert stage.closely == wanted


def test_nobody_to_choose() -> None:
    for person, words in ((3, "no person 3: at most 2"), ((20.0, 20.0), "nobody at pixel")):
        tracker = Tracker(Stage((600, 80, 0), (100, 90, 1)), person)
        assert tracker.follow(FRAME, 0.0) is None
        assert words in tracker.missing().what
    tracker = Tracker(Stage())
    assert tracker.follow(FRAME, 0.0) is None
    assert "no person in view" in tracker.missing().what


def test_somebody_else_nearby_is_not_taken() -> None:
    stage = Stage((100, 100, 1))
    tracker = Tracker(stage)
    assert x_of(tracker.follow(FRAME, 0.0)) == 100
    stage.people = [(125, 100, 2)]  # the first one has gone; another one, in other colours, is where they were
    assert tracker.follow(FRAME, 0.03) is None
    stage.people = [(125, 100, 2), (110, 100, 1)]
    assert x_of(tracker.follow(FRAME, 0.06)) == 110


def test_a_leap_across_the_picture_is_not_believed_but_a_return_is() -> None:
    stage = Stage((100, 100, 1))
    tracker = Tracker(stage)
    tracker.follow(FRAME, 0.0)
    stage.people = [(500, 100, 1)]
    assert tracker.follow(FRAME, 0.03) is None
    stage.people = [(160, 100, 1)]
    assert x_of(tracker.follow(FRAME, 0.5)) == 160


def test_one_person_answered_twice_counts_once() -> None:
    tracker = Tracker(Stage((300, 100, 1), (304, 120, 1)))
    tracker.follow(FRAME, 0.0)
    assert tracker.most_seen == 1


@pytest.mark.slow
def test_the_one_who_somersaults_is_followed(two_people: Path, task: Path) -> None:
    """From a roof at the left to the ground at the right, while another person walks by below."""
    keypoints = detect(Video.open(two_people, 3.8, 7.0), person=(690.0, 258.0))
    hips, time_s = keypoints.xy[keypoints.found, 23:25].mean(1), keypoints.time_s[keypoints.found]
    assert keypoints.found.mean() > 0.85
    assert (hips[time_s < 5.5, 1] < 400).all()  # up
    assert (hips[time_s > 6.2, 0] > 800).all()  # at the right
    assert (np.linalg.norm(np.diff(hips, axis=0), axis=1) < 80 + 2000 * np.diff(time_s)).all()


@pytest.mark.slow
def test_the_one_who_walks_by_is_followed(two_people: Path, task: Path) -> None:
    keypoints = detect(Video.open(two_people, 4.8, 7.2), person=(600.0, 700.0))
    hips = keypoints.xy[keypoints.found, 23:25].mean(1)
    assert keypoints.found[keypoints.time_s < 6.8].mean() > 0.95
    assert (hips[:, 1] > 550).all()
    assert (np.diff(hips[:, 0]) < 40).all()  # to the left, but for the jitter at the rim of the picture


def test_a_second_person_who_comes_later(two_people: Path, task: Path) -> None:
    keypoints = detect(Video.open(two_people, 1.0, 1.7), person=1)
    hips = keypoints.xy[keypoints.found, 23:25].mean(1)
    assert not keypoints.found[:3].any() and keypoints.found[-6:].all()
    assert (hips > [1300, 550]).all()


def test_detect_says_when_nobody_is_there(two_people: Path, task: Path) -> None:
    with pytest.raises(BioposeError, match="no person 5"):
        detect(Video.open(two_people, 0, 0.2), person=5)


def test_detect_fills_every_field(two_people: Path, task: Path, tmp_path: Path) -> None:
    seen = []
    keypoints = detect(
        Video.open(two_people, 1.0, 1.2), fov_deg=60, progress=lambda done, expected: seen.append((done, expected))
    )
    assert seen[-1] == (6, 6)
    assert keypoints.time_s[0] == pytest.approx(1.0)
    assert keypoints.found.all() and keypoints.size_px == (1768, 994)
    assert (
        keypoints.focal_px == pytest.approx(884 / np.tan(np.radians(30))) and "`fov_deg=60`" in keypoints.focal_source
    )
    assert keypoints.mask(0) is not None and keypoints.mask(0).any()
    keypoints.save(tmp_path / "k.npz")
    again = type(keypoints).load(tmp_path / "k.npz")
    np.testing.assert_allclose(again.xy, keypoints.xy, atol=1e-3)


def told(people: int, person: int | tuple[float, float] | None = None) -> list[str]:
    """What is said where so many were seen before the start."""
    tracker = Tracker(Stage(), person)
    tracker.most_seen = people
    return _others(tracker, person)


def test_others_in_view_are_told() -> None:
    assert told(1) == told(1, 0) == []
    assert told(2) == ["2 people in view: the most prominent one was followed (`person` chooses)"]
    assert told(2, 1) == ["2 people in view: person 1 was followed"]


def test_somebody_who_comes_by_is_told_once() -> None:
    stage = Stage((300, 250, 1))
    tracker, looked = Tracker(stage, others=True), []
    found = stage.regions
    stage.regions = lambda frame, closely=False: looked.append(closely) or found(frame, closely)  # type: ignore
    for time_s in np.arange(10.0, 13.0, 0.1):
        tracker.follow(FRAME, time_s)
    assert tracker.other_seen is None and len(looked) == 2  # at the start and once since
    stage.people.append((600, 80, 2))
    for time_s in np.arange(13.0, 30.0, 0.1):
        assert x_of(tracker.follow(FRAME, time_s)) == 300
    assert len(looked) == 3 and tracker.other_seen is not None
    assert 13 <= tracker.other_seen[0] < 13.2 and x_of(tracker.other_seen[1]) == 600
    assert "pixel 600, 240" in _others(tracker, None)[0] and "`person` chooses" in _others(tracker, None)[0]
    live = Tracker(stage)  # of whom nobody asked
    for time_s in np.arange(0.0, 5.0, 0.1):
        live.follow(FRAME, time_s)
    assert live.other_seen is None


def followed(where: Callable[[float], Place], until_s: float = 9.0) -> Tracker:
    """One person at a time, who is where that says."""
    stage = Stage()
    tracker = Tracker(stage, others=True)
    for time_s in np.arange(0.0, until_s, 0.1):
        stage.people = [where(float(time_s))]
        tracker.follow(FRAME, float(time_s))
    return tracker


def test_another_who_comes_after_the_first_has_left_is_told() -> None:
    first, other = (300.0, 100.0, 0), (600.0, 80.0, 2)
    tracker = followed(lambda t: first if t < 4 else other if t > 6 else NOWHERE)
    assert tracker.other_seen is not None and 6 <= tracker.other_seen[0] < 6.6
    assert "pixel 600, 240" in _others(tracker, None)[0] and not tracker.out_of_view
    assert followed(lambda t: first if t < 4 else NOWHERE).other_seen is None
    furniture = followed(lambda t: first if t < 2 else other if 5 < t < 5.15 else NOWHERE)  # seen once
    assert furniture.other_seen is None


def test_who_comes_back_in_like_colours_may_be_another() -> None:
    first = (300.0, 100.0, 0)
    tracker = followed(lambda t: NOWHERE if 2 < t < 4 else first)
    ((left_s, back_s),) = tracker.out_of_view
    assert left_s == pytest.approx(2.0) and 4 <= back_s < 4.3
    assert "out of view from 2.0 to 4." in _came_back(tracker)[0]
    assert not followed(lambda t: NOWHERE if 2 < t < 2.6 else first).out_of_view


def test_another_who_walks_by_in_a_film_is_told(two_people: Path, task: Path) -> None:
    (note,) = [note for note in detect(Video.open(two_people, 1.0, 2.6)).notes if "somebody else" in note]
    assert "was followed" in note


def test_what_is_lost_at_once_was_nobody() -> None:
    """A table's foot for two frames; then somebody comes."""
    stage = Stage((330, 100, 0))
    tracker = Tracker(stage)
    assert x_of(tracker.follow(FRAME, 0.0)) == x_of(tracker.follow(FRAME, 0.1)) == 330
    stage.people = [(100.0, 90.0, 2)]
    assert [x_of(tracker.follow(FRAME, time_s)) for time_s in (0.5, 1.0, 1.3, 1.5)] == [None, None, 100, 100]
    assert tracker.forgotten_until_s == 0.1


@pytest.mark.parametrize(("person", "until_s"), [(None, 0.6), (0, 0.1)])
def test_who_was_followed_or_named_is_waited_for(person: int | None, until_s: float) -> None:
    stage = Stage((330, 100, 0))
    tracker = Tracker(stage, person)
    for time_s in np.arange(0, until_s + 0.01, 0.1):
        tracker.follow(FRAME, float(time_s))
    stage.people = [(100.0, 90.0, 2)]
    assert [tracker.follow(FRAME, time_s) for time_s in (1.0, 2.0, 3.0)] == [None, None, None]
