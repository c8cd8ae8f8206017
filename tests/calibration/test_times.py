"""When films began, and what lies between their frames."""

from dataclasses import replace

import numpy as np
import pytest
from several_cameras import calibrated

from biomech.body.motion import BodyMotion
from biomech.calibration.times import at_times, offset_by_geometry, offsets_by_speed
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.train.synthetic.ideal_detector import ideally_detected

FRAMES = 90


@pytest.fixture(scope="module")
def films(walking, round_walker: list[Camera]) -> list[Keypoints]:
    motion: BodyMotion = walking(FRAMES)
    return [
        ideally_detected(motion, camera, picture_noise_px=1.5, rng=np.random.default_rng(k))
        for k, camera in enumerate(round_walker[:2])
    ]


def began_later(film: Keypoints, frames: int) -> Keypoints:
    """The same film as a camera has it that was switched on later; its time begins at 0 again."""
    return replace(
        film, xy=film.xy[frames:], confidence=film.confidence[frames:], world_m=None, time_s=film.time_s[:-frames]
    )


@pytest.mark.parametrize("frames", [0, 14, 31])
def test_offsets(films: list[Keypoints], round_walker: list[Camera], frames: int) -> None:
    first, other = films
    other = began_later(other, frames) if frames else other
    calibration = calibrated(round_walker[:2])
    assert offset_by_geometry(first, other, calibration, 1) == pytest.approx(frames / 30, abs=0.01)
    assert min(abs(found - frames / 30) for found in offsets_by_speed(first, other)) < 0.04  # or a step off


def test_the_first_film_may_have_begun_later(films: list[Keypoints], round_walker: list[Camera]) -> None:
    first, other = began_later(films[0], 14), films[1]
    found = offset_by_geometry(first, other, calibrated(round_walker[:2]), 1)
    assert found == pytest.approx(-14 / 30, abs=0.01)


def test_other_rates(films: list[Keypoints], round_walker: list[Camera]) -> None:
    """A film of 25 frames a second against one of 30, 0.3 s later."""
    first, other = films
    at = np.arange(0.3, other.time_s[-1], 1 / 25)
    slow = replace(at_times(other, at), time_s=at - 0.3)
    assert offset_by_geometry(first, slow, calibrated(round_walker[:2]), 1) == pytest.approx(0.3, abs=0.01)


def test_who_stands_still_tells_no_offset(films: list[Keypoints], round_walker: list[Camera]) -> None:
    rng = np.random.default_rng(0)
    still = [replace(film, xy=film.xy[:1] + rng.normal(0, 1, film.xy.shape)) for film in films]
    assert offset_by_geometry(*still, calibrated(round_walker[:2]), 1) == 0.0
    assert offsets_by_speed(*still)[:1] in ([0.0], [])


def test_films_of_a_moment_tell_none(films: list[Keypoints], round_walker: list[Camera]) -> None:
    short = [began_later(film, FRAMES - 10) for film in films]
    assert offset_by_geometry(*short, calibrated(round_walker[:2]), 1) is None
    assert offsets_by_speed(*short) == []


def test_frames_looked_at_are_not_those_of_other_moments(films: list[Keypoints]) -> None:
    """Of fewer moments than that, the stages would refuse them."""
    film = replace(films[0], frames_looked_at=len(films[0].time_s))
    found = at_times(film, film.time_s[::3])
    found.check()
    assert found.frames_looked_at is None


def test_between_frames(films: list[Keypoints]) -> None:
    film = replace(films[0], xy=films[0].xy.copy())
    film.xy[10:14] = np.nan
    step = 1 / 30
    found = at_times(film, np.array([-1.0, 0.0, 0.5 * step, 9.5 * step, 11 * step, 1e3]))
    assert np.isnan(found.xy[[0, 3, 4, 5]]).all() and not found.confidence[[0, 3, 4, 5]].any()
    np.testing.assert_array_equal(found.xy[1], film.xy[0])
    np.testing.assert_allclose(found.xy[2], (film.xy[0] + film.xy[1]) / 2)
    dropped = replace(
        film,
        xy=np.delete(film.xy, slice(20, 26), 0),
        confidence=np.delete(film.confidence, slice(20, 26), 0),
        time_s=np.delete(film.time_s, slice(20, 26)),
        world_m=None,
    )
    assert np.isnan(at_times(dropped, np.array([22.5 * step])).xy).all()
