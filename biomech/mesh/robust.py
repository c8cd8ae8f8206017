"""Residuals that far outliers pull at no longer: Geman & McClure (1985), of squared numbers of standard deviations.

Both functions take arrays or tensors of any shape.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

ROBUST = 2.0  # standard deviations beyond which a keypoint loses its say
Squares = TypeVar("Squares", np.ndarray, "Tensor")


def geman_mcclure(squared: Squares) -> Squares:
    """What squared residuals cost; never more than 4 · ROBUST²."""
    return squared / (1 + squared / ROBUST**2 / 4)


def geman_mcclure_slope(squared: Squares) -> Squares:
    """Its derivative: what a residual's square weighs in a step of Gauss-Newton."""
    return 1 / (1 + squared / ROBUST**2 / 4) ** 2
