"""Geman & McClure's cost: a square while small, bounded when large, and its slope."""

import numpy as np
import torch

from biomech.mesh.robust import ROBUST, geman_mcclure, geman_mcclure_slope


def test_cost_and_slope() -> None:
    squared = np.geomspace(1e-6, 1e8, 50)
    cost = geman_mcclure(squared)
    assert abs(cost[0] / squared[0] - 1) < 1e-6 and cost[-1] < 4 * ROBUST**2
    step = 1e-5 * squared
    numeric = (geman_mcclure(squared + step) - geman_mcclure(squared - step)) / (2 * step)
    np.testing.assert_allclose(geman_mcclure_slope(squared), numeric, rtol=1e-4, atol=1e-12)
    np.testing.assert_array_equal(geman_mcclure(torch.from_numpy(squared)).numpy(), cost)
