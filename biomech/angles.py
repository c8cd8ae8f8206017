"""Angles that are the same turn."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor  # not needed where there are only arrays, and slow to import

Angles = TypeVar("Angles", np.ndarray, "Tensor")


def wrapped(angles: Angles) -> Angles:
    """Angles, or differences of angles, of any shape, brought to −π … π (rad)."""
    return (angles + np.pi) % (2 * np.pi) - np.pi


def wrapped_deg(angles: Angles) -> Angles:
    """Angles, or differences of angles, of any shape, brought to −180 … 180 degrees."""
    return (angles + 180) % 360 - 180
