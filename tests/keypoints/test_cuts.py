"""Cuts are found at their time; movement, flashes, pans and left-out frames are none."""

import numpy as np
import pytest

from biomech.keypoints.cuts import NEAR, Cuts

RATE_HZ, FRAMES = 30.0, 40


def room(seed: int) -> np.ndarray:
    """Furniture of some colours."""
    return np.kron(np.random.default_rng(seed).integers(0, 255, (12, 40, 3)), np.ones((10, 10, 1))).astype(np.uint8)


def film(seed: int = 0, speed: int = 1, pan: int = 0, frames: int = FRAMES) -> list[np.ndarray]:
    """Somebody walks through a room, filmed with noise; ``speed`` and ``pan`` in pixels a frame."""
    rng, wall = np.random.default_rng(seed), room(seed)
    found = []
    for k in range(frames):
        frame = wall[:, pan * k : pan * k + 160].astype(int)
        frame[30:110, 10 + speed * k : 30 + speed * k] = (200, 40, 90)
        found.append((frame + rng.integers(-6, 7, frame.shape)).clip(0, 255).astype(np.uint8))
    return found


def times(frames: list[np.ndarray], at: np.ndarray | None = None) -> list[float]:
    cuts = Cuts()
    for k, frame in enumerate(frames):
        cuts.add(frame, k / RATE_HZ if at is None else float(at[k]))
    assert bool(cuts.notes()) == bool(cuts.times_s)
    assert len(cuts._small) <= 2 * NEAR + 2
    return cuts.times_s


def test_a_cut_between_pictures_that_stand_still() -> None:
    held = [frame for frame in (film(0)[0], film(1)[0]) for _ in range(40)]
    assert times(held) == [pytest.approx(40 / RATE_HZ)]


@pytest.mark.parametrize("after", [1, 2, 17, FRAMES - 2])
def test_a_cut_is_found_wherever_it_is(after: int) -> None:
    assert times([*film(0)[:after], *film(1)[after:]]) == [pytest.approx(after / RATE_HZ)]


def test_several_cuts_are_told_together() -> None:
    cuts = Cuts()
    for k, frame in enumerate([*film(0), *film(1), *film(2, pan=2)]):
        cuts.add(frame, k / RATE_HZ)
    (note,) = cuts.notes()
    assert "at once at 1.33, 2.67 s" in note and "`start_s`" in note


def test_what_is_no_cut() -> None:
    for calm in (film(), film(speed=3), film(pan=2), film(pan=5), film(frames=1), film(frames=2), []):
        assert times(calm) == []
    held = [frame for frame in film(speed=4, frames=12) for _ in range(8)]  # few pictures a second, stored at many
    assert times(held) == []
    flash = film()
    flash[20] = np.full_like(flash[20], 250)
    assert times(flash) == []
    left_out = np.r_[0:15, 30:FRAMES]
    assert times([film(speed=3)[k] for k in left_out], left_out / RATE_HZ) == []
    fade = film()
    for k in range(10, FRAMES):
        fade[k] = (fade[k] * (1 - (k - 10) / 40)).astype(np.uint8)
    assert times(fade) == []
