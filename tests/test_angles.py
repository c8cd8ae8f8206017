"""Angles that are the same turn, as arrays and as tensors."""

import numpy as np
import torch

from biomech.angles import wrapped, wrapped_deg


def test_whole_turns_go() -> None:
    angles = np.linspace(-20, 20, 101)
    found = wrapped(angles)
    assert (found >= -np.pi).all() and (found < np.pi).all()
    np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * angles), atol=1e-12)
    np.testing.assert_allclose(wrapped_deg(np.degrees(angles)), np.degrees(found), atol=1e-9)
    np.testing.assert_array_equal(wrapped(torch.from_numpy(angles)).numpy(), found)
