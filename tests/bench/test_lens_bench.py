"""The bench on lenses: what is in the picture, what the fit is told, and what the errors leave out."""

import numpy as np
import pytest

from biomech.bench import lens
from biomech.errors import BioposeError


@pytest.fixture(scope="module")
def person():
    return lens._person(0, "test")


def filmed(person, distance_m, field_deg):
    return lens.film(*person, 0.0, distance_m, field_deg, ("test", 0))


def test_what_is_outside_the_picture_is_missing(person):
    near, far = filmed(person, 0.8, 45.0), filmed(person, 5.0, 45.0)
    assert near.inside < 0.5 and far.inside == 1.0
    gone = ~np.isfinite(near.keypoints.xy).all(-1)
    assert 1 - gone.mean() == pytest.approx(near.inside) and (near.keypoints.confidence[gone] == 0).all()
    seen = near.keypoints.xy[~gone]
    assert (seen >= 0).all() and (seen <= np.array(lens.SIZE_PX) - 1).all()
    assert far.distance_m == pytest.approx(5.0, abs=0.15)


def test_errors_are_the_same_statures_at_every_distance(person, monkeypatch):
    noisy = [filmed(person, 5.0, 69.0), filmed(person, 10.0, 69.0)]
    monkeypatch.setattr(lens, "point_errors", lambda frames, *_: np.zeros((frames, 33, 2)))
    true = [filmed(person, 5.0, 69.0), filmed(person, 10.0, 69.0)]
    one, other = (np.abs(a.keypoints.xy - b.keypoints.xy).mean() for a, b in zip(noisy, true, strict=True))
    assert one / other == pytest.approx(2.0, rel=0.05)


def test_a_weak_lens_shows_no_perspective(person):
    keypoints = filmed(person, 1.5, 90.0).keypoints
    weak, guessed = (lens.focal_of(way, keypoints) for way in ("weak", "guessed"))
    assert lens.focal_of("full", keypoints) == keypoints.focal_px
    assert guessed == pytest.approx(960 / np.tan(np.radians(33.5)))
    assert weak > 15 * max(np.ptp(keypoints.xy[..., 1]) * 0.9, 1)
    with pytest.raises(BioposeError, match="guessed"):
        lens.focal_of("long", keypoints)


def test_errors_are_but_for_a_constant_heading(person):
    _, truth = person
    found = {name: truth.values[:, truth.names.index(name)].copy() for name in lens.ROTATIONS}
    found["pelvis_rotation"] = found["pelvis_rotation"] + 2.0
    found["knee_angle_r"] = found["knee_angle_r"] + np.radians(5)
    off = lens.rotation_errors_deg(truth, found)
    assert len(off) == 18
    assert off["knee_angle_r"].mean() == pytest.approx(5.0)
    assert max(error.max() for name, error in off.items() if name != "knee_angle_r") < 1e-6


def test_cells_that_nobody_would_film_say_so(monkeypatch):
    monkeypatch.setattr(lens, "recovered", lambda one, way: {"knee_deg": 3.0, "lost": 0.0})
    figures = lens.bench_lens(distances_m=(0.8, 10.0), fields_deg=(24.0,), people=3, ways=("full",))
    assert set(figures["cells"]["0.8 m, 24°"]) == {"inside"}
    assert figures["cells"]["10 m, 24°"]["full"] == {"knee_deg": 3.0, "lost": 0.0}
    assert figures["walks"]["10 m, 24°"]["clips"] == 1 and figures["full_knee_deg"] == 3.0


@pytest.mark.slow
def test_a_clip_comes_back(person):
    figures = lens.recovered(filmed(person, 3.0, 69.0), "full")
    assert figures["lost"] == 0 and 0.8 < figures["distance_ratio"] < 1.25 and figures["mae18_deg"] < 20
