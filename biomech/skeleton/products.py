"""Products of 3×3 matrices and vectors, frames last.

Many frames go term by term along contiguous memory; for few, what counts is how few calls there are.
"""

import torch
from jaxtyping import Float
from torch import Tensor

FEW = 200  # frames


def compose(left: Float[Tensor, "#n 3 3 #frames"], right: Float[Tensor, "#n 3 columns #frames"]) -> Tensor:
    """Matrices times matrices.

    Args:
        left, right: either may have one matrix for all, and one frame for all.

    Returns:
        (n, 3, columns, frames).
    """
    if right.shape[-1] <= FEW:
        return (left[:, :, :, None] * right[:, None]).sum(2)
    product = left[:, :, :1] * right[:, :1]
    product = torch.addcmul(product, left[:, :, 1:2], right[:, 1:2])
    return torch.addcmul(product, left[:, :, 2:], right[:, 2:])


def apply(matrix: Float[Tensor, "#n 3 3 #frames"], vector: Float[Tensor, "#n 3 #frames"]) -> Tensor:
    """Matrices times vectors.

    Args:
        matrix, vector: either may be one for all, and have one frame for all.

    Returns:
        (n, 3, frames).
    """
    if max(matrix.shape[-1], vector.shape[-1]) <= FEW:
        return (matrix * vector[:, None]).sum(2)
    product = matrix[:, :, 0] * vector[:, None, 0]
    product = torch.addcmul(product, matrix[:, :, 1], vector[:, None, 1])
    return torch.addcmul(product, matrix[:, :, 2], vector[:, None, 2])


def cross_(out: Tensor, a: Float[Tensor, "n 3 #frames"], b: Float[Tensor, "n 3 #frames"]) -> None:
    """out = a × b.

    Args:
        out: (n, 3, frames), written over; must not share memory with ``a`` or ``b``.
        a, b: either may have one frame for all.
    """
    if out.shape[-1] <= FEW:
        out.copy_(torch.linalg.cross(a, b, dim=1))
        return
    for k, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        torch.mul(a[:, i], b[:, j], out=out[:, k])
        out[:, k].addcmul_(a[:, j], b[:, i], value=-1)
