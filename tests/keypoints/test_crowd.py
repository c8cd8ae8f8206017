"""Who is who, of several people: crossings, newcomers, the ones who leave, and shadows."""

import json
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.crowd import FEWEST, LEAST_S, LOST_S, Crowd, Sighting, Trail, unconfused
from biomech.keypoints.detect_all import detect_all
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.read_all import read_everybody
from biomech.keypoints.tracking import SEARCH_EVERY_S
from biomech.video import Video

RATE_HZ = 30.0
RED, BLUE = np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])
SIZE = 400.0
NO_LOOKS = np.zeros(0)


def seen(x: float, looks: np.ndarray = NO_LOOKS, y: float = 300.0, sure: float = 0.9) -> Detection:
    region = Region((x, y), SIZE, 0.0)
    xy = np.array([[x, y - 100], [x - 30, y], [x + 30, y], [x, y + 100]], dtype=float)
    return Detection(xy, np.full(4, sure), None, 1.0, region, region, None, looks)


def xs(track: Trail) -> np.ndarray:
    return np.array([one.region.center_px[0] for one in track.seen])


@pytest.mark.parametrize("looks", [(RED, BLUE), (NO_LOOKS, NO_LOOKS)])
@pytest.mark.parametrize("hidden", [0, 12])
def test_two_who_cross_stay_who_they_are(looks: tuple[np.ndarray, np.ndarray], hidden: int) -> None:
    """One is hidden behind the other for a while; who is seen comes in any order."""
    crowd, rng = Crowd(), np.random.default_rng(0)
    for frame in range(90):
        one, other = 100 + 8 * frame, 820 - 8 * frame
        found = [seen(one, looks[0])]
        if abs(frame - 45) >= hidden / 2:
            found.append(seen(other, looks[1], y=320))
        rng.shuffle(found)  # type: ignore[arg-type]
        crowd.take(found, frame, frame / RATE_HZ)
    (left, right), left_out = crowd.people()
    assert left_out == []
    np.testing.assert_allclose(np.diff(xs(left)), 8)
    assert (np.diff(xs(right)) < 0).all() and len(right.seen) == 90 - max(0, hidden - 1)


def test_colours_tell_who_turned_back() -> None:
    """Two who walk up to each other, are one for a moment and turn back: by their ways alone they would cross."""
    crowd = Crowd()
    for frame in range(90):
        way = 8 * min(frame, 90 - frame)
        found = [seen(100 + way, RED)] + ([seen(820 - way, BLUE)] if abs(frame - 45) > 8 else [])
        crowd.take(found, frame, frame / RATE_HZ)
    (left, right), _ = crowd.people()
    assert xs(left)[-1] < 150 and xs(right)[-1] > 770


def test_who_was_confused_is_changed_back_by_his_colours() -> None:
    def track(way: int, first: np.ndarray, then: np.ndarray) -> Trail:
        return Trail(
            [
                Sighting(
                    k, k / RATE_HZ, Region((500 + way * (k - 45) * 12.0, 300.0), SIZE, 0), first if k < 45 else then
                )
                for k in range(90)
            ]
        )

    confused = [track(1, RED, BLUE), track(-1, BLUE, RED)]
    one, other = unconfused(confused)
    assert all(np.array_equal(s.looks, RED) for s in one.seen)
    assert all(np.array_equal(s.looks, BLUE) for s in other.seen)
    kept = [track(1, RED, RED), track(-1, BLUE, BLUE)]
    assert [t.seen for t in unconfused(kept)] == [t.seen for t in kept]


def test_who_comes_late_or_again_and_who_only_seems_to_be_there() -> None:
    crowd = Crowd()
    back = 4.0 + LOST_S + 0.2
    for frame in range(round(10 * RATE_HZ)):
        time_s = frame / RATE_HZ
        found = [seen(900, RED)] if time_s < 4.0 or time_s > back else []
        found += [seen(200, BLUE)] if 2 <= time_s < 6 else []
        found += [seen(2000, RED)] if frame in (30, 60, 150) else []  # furniture
        crowd.take(found, frame, time_s)
    people, left_out = crowd.people()
    spans = [(p.seen[0].time_s, p.last.time_s) for p in people]
    assert left_out == ["3 more seen for less than half a second are left out"]
    np.testing.assert_allclose(spans, [(0, 4), (2, 6), (back, 10)], atol=0.05)


def test_a_moment_is_nobody() -> None:
    crowd = Crowd()
    for frame in range(FEWEST + 2):
        crowd.take([seen(100)], frame, frame * LEAST_S / 100)
    assert crowd.people() == ([], ["1 more seen for less than half a second are left out"])
    crowd.take([], 99, 99.0)
    assert len(crowd.tracks) == 1


@pytest.mark.parametrize(("scores", "somebody"), [((0.53, None, 0.5), False), ((0.53, None, 0.9), True), ((), True)])
def test_clutter_of_which_the_person_finder_was_never_sure_is_left_out(
    scores: tuple[float | None, ...], somebody: bool
) -> None:
    crowd = Crowd()
    for frame in range(60):
        now = [0.95, scores[frame // 20]] if scores and frame % 20 == 0 else []
        crowd.take([seen(500, RED), seen(100, BLUE)], frame, frame / RATE_HZ, scores=now)
    people, left_out = crowd.people()
    assert len(people) == (2 if somebody else 1) and people[-1].seen[0].region.center_px[0] == 500
    if somebody:
        assert left_out == []
    else:
        assert left_out[0].startswith("what is about pixel 100, ")


class Drawn:
    """A detector of people on known ways; of two at one place it sees the first."""

    name = "drawn"
    gives_world = gives_maps = False
    point_names: list[str] = ["nose", "left_hip", "right_hip", "left_ankle"]  # noqa: RUF012

    def __init__(self) -> None:
        self.searched = self.asked = 0

    def people(self, frame: np.ndarray) -> list[Detection]:
        number = int(frame[0, 0, 0])
        late = [seen(100 + 10 * number, BLUE, y=150)] if number >= 15 else []
        return [seen(500 - 10 * number, RED), *late]

    def regions(self, frame: np.ndarray, closely: bool = False) -> list[tuple[float, Region]]:
        self.searched += 1
        return [(0.9, one.next_region) for one in self.people(frame)]

    def points(self, frame: np.ndarray, region: Region) -> Detection:
        self.asked += 1
        return min(self.people(frame), key=lambda one: region.shift(one.next_region))


class Pictures(Video):
    def frames(self, size_px: tuple[int, int] | None = None):  # type: ignore[override]
        for number in range(45):
            yield number / RATE_HZ, np.full((480, 640, 3), number, np.uint8)


def test_one_pass_over_the_film_finds_everybody() -> None:
    detector = Drawn()
    found = detect_all(Pictures(Path("drawn"), (640, 480), RATE_HZ, 45), detector)
    one, other = found.people
    assert one.found.all() and other.found.all()
    assert [note[:24] for note in found.notes] == ["whether the camera moved"]  # the pictures are plain
    assert len(one.time_s) == 45 and one.xy[-1, 0, 0] == 60
    late = other.time_s[0] - 15 / RATE_HZ
    assert 0 <= late <= SEARCH_EVERY_S and other.time_s[-1] == pytest.approx(44 / RATE_HZ)
    assert any(note.startswith(f"in view from {other.time_s[0]:.2f} to 1.47 s") for note in other.notes)
    assert any("close by" in note for note in one.notes)
    # The film is searched every fifth of a second; each person's points are looked for once a frame.
    assert detector.searched == 8 and detector.asked <= 45 + 30 + 8


def test_nobody_is_said() -> None:
    class Nobody(Drawn):
        def people(self, frame: np.ndarray) -> list[Detection]:
            return [seen(100, sure=0.1)]

    with pytest.raises(BioposeError, match="no person in view"):
        detect_all(Pictures(Path("drawn"), (640, 480), RATE_HZ, 45), Nobody())


@pytest.fixture
def crossing(tmp_path: Path) -> Path:
    """OpenPose's folder of two who cross, of whom the second comes late; in no order."""
    folder = tmp_path / "crossing_json"
    folder.mkdir()
    shape = np.column_stack([np.linspace(-40, 40, 17), np.linspace(-120, 120, 17)])
    for frame in range(60):
        places = [(60 + 8 * frame, 240)] + ([(560 - 8 * frame, 250)] if frame >= 10 else [])
        people = [
            {"pose_keypoints_2d": np.column_stack([shape + place, np.full(17, 0.9)]).ravel().tolist()}
            for place in places[:: 1 if frame % 2 else -1]
        ]
        (folder / f"crossing_{frame:012d}_keypoints.json").write_text(json.dumps({"people": people}))
    return folder


def test_everybody_in_other_programs_keypoints(crossing: Path) -> None:
    found = read_everybody(crossing, size_px=(640, 480), rate_hz=RATE_HZ, layout="coco17")
    one, other = found.people
    assert len(one.time_s) == 60 and len(other.time_s) == 50
    assert other.time_s[0] == pytest.approx(10 / RATE_HZ) and other.focal_px
    np.testing.assert_allclose(np.diff(one.xy[:, 0, 0]), 8)
    np.testing.assert_allclose(np.diff(other.xy[:, 0, 0]), -8)
    for path in crossing.iterdir():
        path.write_text('{"people": []}')
    with pytest.raises(BioposeError, match="nobody in these files"):
        read_everybody(crossing, size_px=(640, 480), rate_hz=RATE_HZ)
