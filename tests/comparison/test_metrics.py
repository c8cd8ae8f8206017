"""Metrics on points and angles whose errors are known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.angles import wrapped_deg
from biomech.comparison.metrics import (
    align,
    bend_deg,
    correlation,
    mpjpe_mm,
    pa_mpjpe_mm,
    range_of_motion,
)


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.5, (4, 12, 3))


def moved(points: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """Every frame turned and shifted its own way."""
    turns = Rotation.from_rotvec([[0, 0, 0], [0, 2.5, 0], [1, 1, 0], [0.3, 0, 3]]).as_matrix()
    return factor * points @ turns + np.arange(12.0).reshape(4, 1, 3)


def test_alignment_undoes_what_it_may(points: np.ndarray) -> None:
    np.testing.assert_allclose(align(moved(points, 1.7), points), points, atol=1e-12)
    assert pa_mpjpe_mm(moved(points, 1.7), points) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(align(moved(points), points, scale=False), points, atol=1e-12)
    assert np.abs(align(moved(points, 1.7), points, scale=False) - points).max() > 0.1


def test_a_mirror_image_is_not_aligned(points: np.ndarray) -> None:
    assert pa_mpjpe_mm(points * [1, 1, -1], points) > 100


def test_alignment_is_the_best_there_is(points: np.ndarray) -> None:
    """No small turn, shift or change of size brings the points closer in the mean square."""
    noisy = points + np.random.default_rng(1).normal(0, 0.1, points.shape)
    best = align(moved(noisy), points)
    error = np.square(best - points).sum()
    for change in (0.01, -0.01):
        for axis in np.eye(3):
            middle = best.mean(-2, keepdims=True)
            turned = (best - middle) @ Rotation.from_rotvec(change * axis).as_matrix() + middle
            assert np.square(turned - points).sum() > error
        assert np.square((best - middle) * (1 + change) + middle - points).sum() > error


def test_mpjpe_counts_from_the_root(points: np.ndarray) -> None:
    off = points.copy()
    off[:, 5, 0] += 0.12
    assert mpjpe_mm(off + np.array([1, 2, 3]), points, [0, 1]) == pytest.approx(120 / 12)
    assert mpjpe_mm(off, points, [5]) == pytest.approx(120 * 11 / 12)
    assert mpjpe_mm(moved(points), points, [0, 1]) > 100


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 145.0])
def test_bend(angle: float) -> None:
    knee = np.array([[0.1, 0.5, 0.2]])
    hip = knee + np.array([0, 0.42, 0])
    ankle = knee + 0.38 * np.array([-np.sin(np.radians(angle)), -np.cos(np.radians(angle)), 0])
    assert bend_deg(hip, knee, ankle)[0] == pytest.approx(angle, abs=1e-5)


def test_wrapped() -> None:
    np.testing.assert_allclose(wrapped_deg(np.array([0.0, 350, -350, 181, -181, 720])), [0, -10, 10, -179, 179, 0])


def test_range_and_correlation() -> None:
    t = np.linspace(0, 2 * np.pi, 200)
    assert range_of_motion(30 * np.sin(t) + 5) == pytest.approx(60, rel=1e-3)
    assert correlation(np.sin(t), 3 * np.sin(t) - 2) == pytest.approx(1)
    assert correlation(np.sin(t), -np.sin(t)) == pytest.approx(-1)
    assert np.isnan(correlation(np.sin(t), np.full(200, 7.0)))
