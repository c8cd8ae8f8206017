"""The bench of several people: what counts as a switch, and that meetings are what they say."""

from pathlib import Path

import numpy as np
import pytest

from biomech.bench.crossings import COCO_17, POINTED, SIZE_PX, Whereabouts, bench_crossings, counted, draw, meetings
from biomech.keypoints.keypoints import Keypoints


def track(xs: np.ndarray, first: int = 0) -> Keypoints:
    body = np.column_stack([np.linspace(-30, 30, 17), np.linspace(-100, 100, 17)])
    xy = body + np.column_stack([xs, np.full(len(xs), 200.0)])[:, None]
    return Keypoints(list(COCO_17), xy, np.ones((len(xs), 17)), (first + np.arange(len(xs))) / 10, (640, 480))


def test_a_switch_is_counted_for_each_of_two() -> None:
    one, other = np.linspace(0, 600, 21), np.linspace(600, 0, 21)
    truth = Whereabouts(
        2, {k / 10: {"a": (np.array([one[k], 200]), 200.0), "b": (np.array([other[k], 200]), 200.0)} for k in range(21)}
    )
    kept = counted([track(one), track(other)], truth)
    assert kept == {"switches": 0, "merged": 0, "people": 2, "found": 2, "seen_share": 1.0}
    changed = [np.concatenate([one[:12], other[12:]]), np.concatenate([other[:12], one[12:]])]
    assert counted([track(x) for x in changed], truth) | {"seen_share": 1.0} == {
        **{"switches": 2, "merged": 2, "people": 2, "found": 2, "seen_share": 1.0}
    }
    lost = counted([track(one), track(other[:8]), track(other[15:], 15)], truth)
    assert lost["switches"] == 1 and lost["merged"] == 0 and lost["seen_share"] < 1
    assert counted([], truth)["seen_share"] == 0


def test_people_of_a_meeting_cross_in_the_picture() -> None:
    cross, _, back, _ = (meeting.points_px().mean(2)[..., 0] for meeting in meetings(1))
    assert (np.sign(cross[0] - cross[1])[[0, -1]] == [1, -1]).all() or (
        np.sign(cross[0] - cross[1])[[0, -1]] == [-1, 1]
    ).all()
    assert np.sign(back[0] - back[1])[0] == np.sign(back[0] - back[1])[-1]
    for ways in (cross, back):
        assert ways.min() > 0 and ways.max() < SIZE_PX[0] and np.abs(ways[0] - ways[1]).min() < 15


def test_points_of_other_programs(tmp_path: Path) -> None:
    found = bench_crossings(tmp_path, tmp_path / "runs", films=0, points=1, filmed=())
    assert found["crossings_points_people"] == 8 and found["crossings_points_found"] >= 8
    assert 0.7 < found["crossings_points_seen_share"] <= 1
    assert found["identity_switches"] == found["crossings_points_switches"]


def test_pointed_people_are_in_the_picture() -> None:
    for film in POINTED.values():
        names = {name for people in film.at.values() for name in people}
        assert len(names) == film.people


@pytest.mark.slow
def test_a_film_is_drawn(tmp_path: Path) -> None:
    draw(next(meetings(1)), tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").stat().st_size > 10_000
