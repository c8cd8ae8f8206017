"""Angles that are the same turn, as arrays and as tensors."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.angles import rotation_angle_deg, wrapped, wrapped_deg


def test_whole_turns_go() -> None:
    angles = np.linspace(-20, 20, 101)
    found = wrapped(angles)
    assert (found >= -np.pi).all() and (found < np.pi).all()
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * angles), atol=1e-12)
    np.testing.assert_allclose(wrapped_deg(np.degrees(angles)), np.degrees(found), atol=1e-9)
    np.testing.assert_array_equal(wrapped(torch.from_numpy(angles)).numpy(), found)


@pytest.mark.parametrize("degrees", [0.0, 1e-7, 0.3, 90.0, 179.9999, 180.0])
def test_the_angle_of_a_rotation_small_and_large(degrees: float) -> None:
    axis = np.array([0.6, 0.0, 0.8])
    turned = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix()
    assert rotation_angle_deg(np.stack([turned, turned.T])) == pytest.approx([degrees] * 2, rel=1e-6, abs=1e-13)
