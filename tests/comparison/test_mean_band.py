"""Bands that hold the whole mean curve as often as they say, and a test that is wrong no oftener than it says."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from biomech.comparison.mean_band import FEWEST_CYCLES, mean_band

BUMP = 6 * np.exp(-0.5 * ((np.arange(101) - 70) / 6) ** 2)


def curves(rng: np.random.Generator, count: int, smooth: float = 8.0) -> np.ndarray:
    """Smooth differences about zero, that spread differently along the cycle."""
    noise = gaussian_filter1d(rng.standard_normal((count, 301)), smooth, axis=1)[:, 100:201]
    return noise / noise.std() * (1 + 0.5 * np.sin(np.linspace(0, 6, 101)))


@pytest.mark.parametrize("count", [5, 8, 10])
def test_coverage_and_false_alarms(count: int) -> None:
    rng, inside, alarms = np.random.default_rng(3), [], []
    for _ in range(200):
        band = mean_band(curves(rng, count))
        inside.append(not band.differs.any())
        alarms.append(band.p_value <= 0.05)
    assert np.mean(inside) > 0.9 and np.mean(alarms) < 0.09  # 0.95 and 0.05 (of five curves p cannot be so small)
    assert np.mean(inside) < 1


def test_a_difference_is_found_where_it_is() -> None:
    band = mean_band(curves(np.random.default_rng(4), 10) + BUMP)
    assert band.p_value < 0.01 and len(band.spans) == 1
    start, end = band.spans[0]
    assert 50 < start < 66 and 74 < end < 90
    np.testing.assert_allclose(band.mean[70], 6, atol=1.5)


def test_curves_that_are_all_alike() -> None:
    same = mean_band(np.full((6, 101), 3.0))
    assert same.spans == [(0, 100)] and same.p_value == pytest.approx(2 / 2**6)
    nothing = mean_band(np.zeros((6, 101)))
    assert nothing.spans == [] and nothing.p_value == 1


def test_too_few_have_a_mean_alone() -> None:
    band = mean_band(np.ones((FEWEST_CYCLES - 1, 101)))
    assert (band.mean == 1).all() and np.isnan(band.half_width).all() and np.isnan(band.p_value) and band.spans == []


def test_the_same_every_time() -> None:
    given = curves(np.random.default_rng(5), 30)
    one, other = mean_band(given), mean_band(given)
    assert one.p_value == other.p_value and (one.half_width == other.half_width).all()
