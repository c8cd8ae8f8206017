"""Angles that are the same turn, and the angle of a rotation."""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from torch import Tensor  # not needed where there are only arrays, and slow to import

Angles = TypeVar("Angles", np.ndarray, "Tensor")


def wrapped(angles: Angles) -> Angles:
    """Angles, or differences of angles, of any shape, brought to −π … π (rad)."""
    return (angles + np.pi) % (2 * np.pi) - np.pi


def wrapped_deg(angles: Angles) -> Angles:
    """Angles, or differences of angles, of any shape, brought to −180 … 180 degrees."""
    return (angles + 180) % 360 - 180


def rotation_angle_deg(rotations: Float[np.ndarray, "*n 3 3"]) -> Float[np.ndarray, "*n"]:
    """By how much rotations turn, small ones too.

    Args:
        rotations: matrices.

    Returns:
        0 … 180 degrees.
    """
    skew = rotations - np.swapaxes(rotations, -1, -2)
    sine = np.sqrt(np.square(skew).sum((-2, -1)) / 8)
    cosine = (np.trace(rotations, axis1=-2, axis2=-1) - 1) / 2
    return np.asarray(np.degrees(np.arctan2(sine, cosine)))
