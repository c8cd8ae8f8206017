"""Gauss–Newton steps for a clip: one block of unknowns a frame, neighbours coupled, a few unknowns shared by all."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import as_strided
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solveh_banded

from biomech.errors import BioposeError

State = TypeVar("State")

REACH = 2  # frames; a second difference couples a frame with the next two


class NormalEquations:
    """Sums JᵀJ and Jᵀr of a clip whose residuals reach over at most three consecutive frames.

    Unknowns: ``size`` for each of ``frames`` frames, and ``shared`` ones of the whole clip (the subject's shape).
    """

    def __init__(self, frames: int, size: int, shared: int):
        self.frames, self.size, self.shared = frames, size, shared
        self.blocks = [np.zeros((max(frames - k, 0), size, size)) for k in range(REACH + 1)]  # row frame f+k, column f
        self.gradient = np.zeros((frames, size))
        self.border = np.zeros((frames, size, shared))
        self.corner = np.zeros((shared, shared))
        self.shared_gradient = np.zeros(shared)

    def add_frames(
        self,
        residual: Float[np.ndarray, "frames rows"],
        jacobian: Float[np.ndarray, "frames rows size"],
        shared_jacobian: Float[np.ndarray, "frames rows shared"] | None = None,
    ) -> None:
        """Residuals that depend on one frame each; weights already multiplied in."""
        transposed = jacobian.transpose(0, 2, 1)
        self.blocks[0] += transposed @ jacobian
        self.gradient += (transposed @ residual[..., None])[..., 0]
        if shared_jacobian is not None and self.shared:
            self.border += transposed @ shared_jacobian
            flat = shared_jacobian.reshape(-1, self.shared)
            self.corner += flat.T @ flat
            self.shared_gradient += flat.T @ residual.reshape(-1)

    def add_differences(
        self,
        stencil: tuple[float, ...],
        residual: Float[np.ndarray, "pieces rows"],
        jacobian: Float[np.ndarray, "frames rows size"],
        weight: Float[np.ndarray, "pieces rows"] | None = None,
    ) -> None:
        """Residuals weight · Σ stencil[k] · x(frame + k), where x has the given Jacobian in each frame.

        The weight is already in the residual; without one it is in the Jacobian too.
        """
        pieces = len(residual)
        if pieces <= 0:
            return
        for row, factor in enumerate(stencil):
            here = factor * jacobian[row : row + pieces]
            weighted = residual if weight is None else weight * residual
            self.gradient[row : row + pieces] += (weighted[:, None] @ here)[:, 0]
        for gap in range(len(stencil)):
            if weight is None:  # each product of two frames serves every place of the stencil
                ahead = jacobian[gap:].transpose(0, 2, 1) @ jacobian[: len(jacobian) - gap]
            for column in range(len(stencil) - gap):
                factor = stencil[column] * stencil[column + gap]
                if weight is None:
                    product = ahead[column : column + pieces]
                else:
                    there = jacobian[column : column + pieces] * np.square(weight)[..., None]
                    product = jacobian[column + gap : column + gap + pieces].transpose(0, 2, 1) @ there
                self.blocks[gap][column : column + pieces] += factor * product

    def solve(self, damping: float) -> tuple[Float[np.ndarray, "frames size"], Float[np.ndarray, "shared"]]:
        """The step that lowers the sum of squares, with Marquardt's damping of the diagonal.

        Raises:
            BioposeError: the equations hold no finite solution (NaN among the keypoints).
        """
        n, d = self.frames, self.size
        bands = (REACH + 1) * d
        columns = np.zeros((n * d, bands))  # of each unknown: its diagonal, then what is below it
        for k, block in enumerate(self.blocks):
            # Row r and column c of frame f's block stand at (f d + c) bands + k d + r − c of the flat array. What the
            # diagonal's blocks have above it would stand in the column before: it is zero, and written first.
            block = block if k else np.tril(block)
            step = columns.itemsize
            places = as_strided(
                columns.reshape(-1)[k * d :], (len(block), d, d), (d * bands * step, step, (bands - 1) * step)
            )
            places[:] = block
        banded = columns.T
        banded[0] *= 1 + damping
        banded[0] += 1e-9 * max(float(banded[0].max()), 1e-12)
        right = np.concatenate([self.gradient.reshape(n * d, 1), self.border.reshape(n * d, self.shared)], axis=1)
        try:
            solved = solveh_banded(banded, right, lower=True, overwrite_ab=True, check_finite=True)
            if not self.shared:
                return -solved[:, 0].reshape(n, d), np.zeros(0)
            border = right[:, 1:]
            schur = self.corner - border.T @ solved[:, 1:]
            schur[np.diag_indices(self.shared)] *= 1 + damping
            shared_step = -cho_solve(
                cho_factor(schur + 1e-9 * np.trace(schur) * np.eye(self.shared)),
                self.shared_gradient - border.T @ solved[:, 0],
            )
        except (ValueError, LinAlgError) as error:
            raise BioposeError(f"the body could not be fitted ({error})", mend="Check the keypoints file.") from error
        return (-solved[:, 0] - solved[:, 1:] @ shared_step).reshape(n, d), shared_step

    def covariances(self) -> Float[np.ndarray, "frames size size"]:
        """How sure each frame's unknowns are, all others free too: diagonal blocks of the inverse of JᵀJ.

        The shared unknowns are taken as known. Blocks of two frames make the band block tridiagonal, of whose inverse
        the diagonal follows from one pass there and one back.

        Raises:
            BioposeError: the equations leave something open.
        """
        d, pairs = self.size, -(-self.frames // REACH)
        main = np.zeros((pairs, REACH * d, REACH * d))
        main[:] = np.eye(REACH * d)  # what an odd frame lacks
        below = np.zeros((max(pairs - 1, 0), REACH * d, REACH * d))
        for gap, blocks in enumerate(self.blocks):
            for frame, block in enumerate(blocks):
                column, row = divmod(frame, REACH), divmod(frame + gap, REACH)
                target = main[column[0]] if row[0] == column[0] else below[column[0]]
                places = slice(row[1] * d, row[1] * d + d), slice(column[1] * d, column[1] * d + d)
                target[places] = block
                if row[0] == column[0] and gap:
                    target[places[::-1]] = block.T
        found = np.empty_like(main)
        try:
            inverses: list[np.ndarray] = []
            for k in range(pairs):
                left = main[k] - below[k - 1] @ inverses[-1] @ below[k - 1].T if k else main[k]
                inverses.append(np.linalg.inv(left))
            found[-1] = inverses[-1]
            for k in range(pairs - 2, -1, -1):
                across = inverses[k] @ below[k].T
                found[k] = inverses[k] + across @ found[k + 1] @ across.T
        except (ValueError, LinAlgError) as error:
            raise BioposeError(f"how sure the body is could not be found ({error})") from error
        frames = [found[:, k * d : (k + 1) * d, k * d : (k + 1) * d] for k in range(REACH)]
        return np.stack(frames, 1).reshape(-1, d, d)[: self.frames]


def minimised(
    state: State,
    *,
    cost: Callable[[State], float],
    equations: Callable[[State], NormalEquations],
    moved: Callable[[State, np.ndarray, np.ndarray], State],
    iterations: int,
) -> State:
    """Levenberg–Marquardt until the cost falls by less than a thousandth.

    Args:
        cost: half the sum of squares.
        equations: of the next step.
        moved: a state after a step of each frame's unknowns and of the shared ones.
    """
    damping, least = 1e-3, cost(state)
    for _ in range(iterations):
        normal = equations(state)
        while True:
            trial = moved(state, *normal.solve(damping))
            trial_cost = cost(trial)
            if trial_cost < least or damping > 1e3:
                break
            damping *= 8
        if trial_cost >= least:
            break
        gain, state, least = 1 - trial_cost / least, trial, trial_cost
        damping = max(damping / 6, 1e-6)
        if gain < 1e-3:
            break
    return state
