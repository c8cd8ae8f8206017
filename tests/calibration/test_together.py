"""Films put together, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from several_cameras import calibrated, camera_round

from biomech.calibration.cameras import Calibration
from biomech.calibration.together import SyncedFilms, together
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints

NAMES = ["a.mp4", "b.mp4", "c.mp4"]


@pytest.fixture
def calibration(round_walker: list[Camera]) -> Calibration:
    return calibrated(round_walker)


def joined(films: list[Keypoints], calibration: Calibration, **more) -> SyncedFilms:
    return together(films, NAMES[: len(films)], calibration, **more)


def test_all_at_the_first_ones_moments(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    later = replace(walker_seen[1], time_s=walker_seen[1].time_s - 0.2)
    found = joined([walker_seen[0], later, walker_seen[2]], calibration, offsets_s=(0.2, 0.0))
    assert found.offsets_s == [0.0, 0.2, 0.0] and len(found.off_px) == 3
    for film, true in zip(found.keypoints, walker_seen, strict=True):
        np.testing.assert_allclose(film.time_s, walker_seen[0].time_s)
        np.testing.assert_allclose(film.xy, true.xy, atol=1.0)
    assert max(found.off_px) < 3
    assert any("b.mp4 +0.200 s" in note and "as given" in note for note in found.notes)
    assert any("median px" in note for note in found.notes)


def test_only_what_another_film_shows_too(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    part = [
        replace(film, xy=film.xy[8:], confidence=film.confidence[8:], world_m=None, time_s=film.time_s[8:])
        for film in walker_seen[1:]
    ]
    found = joined([walker_seen[0], *part], calibration, offsets_s=(0, 0))
    np.testing.assert_allclose(found.keypoints[0].time_s, walker_seen[0].time_s[8:])
    assert any("of 24 frames of a.mp4 the 16 are used" in note for note in found.notes)


def test_a_film_that_loses_the_person_does_not_matter(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    lost = replace(walker_seen[1], xy=walker_seen[1].xy.copy(), confidence=walker_seen[1].confidence.copy())
    lost.xy[4:12], lost.confidence[4:12] = np.nan, 0.0
    found = joined([walker_seen[0], lost, walker_seen[2]], calibration)
    assert max(found.off_px) < 3 and len(found.keypoints[0].time_s) == 24


def test_exchanged_films_are_told(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    with pytest.raises(BioposeError, match=r"another order: a.mp4 as cam2, b.mp4 as cam1, c.mp4 as cam3"):
        joined([walker_seen[1], walker_seen[0], walker_seen[2]], calibration)
    two = replace(calibration, cameras=calibration.cameras[:2])
    with pytest.raises(BioposeError, match="another order"):
        joined([walker_seen[1], walker_seen[0]], two)


def test_a_back_taken_for_a_front_is_told_where_the_keypoints_meet(
    walker_seen: list[Keypoints], calibration: Calibration
) -> None:
    world_m = walker_seen[1].world_m
    assert world_m is not None
    found = joined(
        [walker_seen[0], replace(walker_seen[1], world_m=world_m * [-1, 1, -1]), walker_seen[2]], calibration
    )
    assert max(found.off_px) < 3 and any("took a back for a front" in note for note in found.notes)
    assert not any("took a back" in note for note in joined(walker_seen, calibration).notes)


def test_other_cameras_are_refused(walker_seen: list[Keypoints]) -> None:
    others = calibrated([camera_round(azimuth, distance_m=3) for azimuth in (0, 60, 180)])
    with pytest.raises(BioposeError, match=r"the films (do not go together|fit the calibration)"):
        joined(walker_seen, others)
    turned_away = calibrated([camera_round(25), camera_round(110), camera_round(250)])
    behind = replace(turned_away.cameras[1], shift_m=-turned_away.cameras[1].shift_m)
    with pytest.raises(BioposeError, match=r"do not go together|another order"):
        joined(walker_seen[:2], replace(turned_away, cameras=[turned_away.cameras[0], behind]))


def test_films_that_are_not_several(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    with pytest.raises(BioposeError, match="the same film twice") as told:
        joined([walker_seen[0], walker_seen[1], walker_seen[0]], calibration)
    assert told.value.where == "a.mp4, c.mp4"
    nobody = replace(walker_seen[2], xy=np.full_like(walker_seen[2].xy, np.nan))
    with pytest.raises(BioposeError, match="nobody is seen") as told:
        joined([*walker_seen[:2], nobody], calibration)
    assert told.value.where == "c.mp4"
    with pytest.raises(BioposeError, match="different detectors"):
        joined([*walker_seen[:2], replace(walker_seen[2], names=walker_seen[2].names[::-1])], calibration)


@pytest.mark.parametrize(
    ("offsets", "why"),
    [((0.1,), "1 offsets for 3 films"), ((0, np.nan), "2 offsets"), ((1e6, 0), "offsets"), ((50, 50), "no time in")],
)
def test_offsets_that_cannot_be(
    offsets: tuple[float, ...], why: str, walker_seen: list[Keypoints], calibration: Calibration
) -> None:
    with pytest.raises(BioposeError, match=why):
        joined(walker_seen, calibration, offsets_s=offsets)


def test_never_both_at_once(walker_seen: list[Keypoints], calibration: Calibration) -> None:
    one, other = (replace(film, confidence=film.confidence.copy(), xy=film.xy.copy()) for film in walker_seen[:2])
    one.xy[12:], one.confidence[12:] = np.nan, 0
    other.xy[:12], other.confidence[:12] = np.nan, 0
    with pytest.raises(BioposeError, match="at once"):
        joined([one, other], replace(calibration, cameras=calibration.cameras[:2]))
