"""Gauss–Newton steps for a clip: one block of unknowns a frame, neighbours coupled, a few unknowns shared by all."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dtrtrs

from biomech.errors import BioposeError

State = TypeVar("State")

REACH = 2  # frames; a second difference couples a frame with the next two


class BandedNormalEquations:
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
        """Residuals that depend on one frame each; weights already multiplied in.

        Args:
            residual: in standard deviations; as many rows as one likes.
            jacobian: its derivatives by the frame's own unknowns.
            shared_jacobian: by the shared ones; None where it does not depend on them.
        """
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

        Args:
            stencil: factors of at most ``REACH`` + 1 frames that follow each other.
            residual: weighted, one piece for each place of the stencil: frames + 1 − its length.
            jacobian: of x, of all frames, by their own unknowns; without the weight if one is given.
            weight: of each row of each piece; None where all pieces have the same, which the Jacobian then holds.
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
        border = self.border.reshape(self.frames * self.size, self.shared)
        right = np.concatenate([self.gradient.reshape(-1, 1), border], axis=1)
        try:
            solved = self._solved(right, damping)
            if not self.shared:
                return -solved[:, 0].reshape(self.frames, -1), np.zeros(0)
            schur = self.corner - border.T @ solved[:, 1:]
            schur[np.diag_indices(self.shared)] *= 1 + damping
            shared_step = -cho_solve(
                cho_factor(schur + 1e-9 * np.trace(schur) * np.eye(self.shared)),
                self.shared_gradient - border.T @ solved[:, 0],
            )
        except (ValueError, LinAlgError) as error:
            raise BioposeError(f"the body could not be fitted ({error})", mend="Check the keypoints file.") from error
        return (-solved[:, 0] - solved[:, 1:] @ shared_step).reshape(self.frames, -1), shared_step

    def _solved(
        self, right: Float[np.ndarray, "unknowns columns"], damping: float
    ) -> Float[np.ndarray, "unknowns columns"]:
        """(JᵀJ of all frames, damped)⁻¹ times some columns: Cholesky factors of the blocks of ``_in_pairs``."""
        main, below = self._in_pairs()
        size, pairs = main.shape[1], len(main)
        diagonal = np.arange(size)
        main[:, diagonal, diagonal] *= 1 + damping
        main[:, diagonal, diagonal] += 1e-9 * max(float(main[:, diagonal, diagonal].max()), 1e-12)
        solved = np.zeros((pairs * size, right.shape[1]))
        solved[: len(right)] = right
        solved = solved.reshape(pairs, size, -1)
        if not np.isfinite(solved).all():
            raise ValueError("not finite")
        factors: list[np.ndarray] = []
        across: list[np.ndarray] = []
        for k in range(pairs):  # LAPACK itself: scipy's own checks take as long as blocks of this size
            block = main[k]
            if k:
                block = block - across[-1].T @ across[-1]
                solved[k] -= across[-1].T @ solved[k - 1]
            factor, trouble = dpotrf(block, lower=1)
            if trouble:
                raise LinAlgError("not positive definite")
            factors.append(factor)
            if k < pairs - 1:
                both = dtrtrs(factor, np.concatenate([solved[k], below[k].T], 1), lower=1)[0]
                solved[k] = both[:, :-size]
                across.append(both[:, -size:])
            else:
                solved[k] = dtrtrs(factor, solved[k], lower=1)[0]
        for k in reversed(range(pairs)):
            if k < pairs - 1:
                solved[k] -= across[k] @ solved[k + 1]
            solved[k] = dtrtrs(factors[k], solved[k], lower=1, trans=1)[0]
        return solved.reshape(pairs * size, -1)[: len(right)]

    def _in_pairs(self) -> tuple[Float[np.ndarray, "pairs two two"], Float[np.ndarray, "pairs_less_one two two"]]:
        """JᵀJ by twos of frames, which is block tridiagonal: its diagonal, and what is below it."""
        d, pairs = self.size, -(-self.frames // REACH)
        main = np.zeros((pairs, REACH * d, REACH * d))
        main[:] = np.eye(REACH * d)  # what an odd frame lacks
        below = np.zeros((max(pairs - 1, 0), REACH * d, REACH * d))
        here, next_one, after_next = self.blocks
        first, second = slice(0, d), slice(d, None)
        main[:, first, first] = here[0::2]
        main[: self.frames // 2, second, second] = here[1::2]
        main[: self.frames // 2, second, first] = next_one[0::2]
        main[: self.frames // 2, first, second] = next_one[0::2].transpose(0, 2, 1)
        below[:, first, first] = after_next[0::2]
        below[:, first, second] = next_one[1::2]
        below[: len(after_next[1::2]), second, second] = after_next[1::2]
        return main, below

    def covariances(self) -> Float[np.ndarray, "frames size size"]:
        """How sure each frame's unknowns are, all others free too: diagonal blocks of the inverse of JᵀJ.

        The shared unknowns are taken as known. Blocks of two frames make the band block tridiagonal, of whose inverse
        the diagonal follows from one pass there and one back.

        Raises:
            BioposeError: the equations leave something open.
        """
        main, below = self._in_pairs()
        d, pairs = self.size, len(main)
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
    equations: Callable[[State], BandedNormalEquations],
    moved: Callable[[State, np.ndarray, np.ndarray], State],
    iterations: int,
) -> State:
    """Levenberg–Marquardt until the cost falls by less than a thousandth.

    Args:
        state: where to start.
        cost: half the sum of squares.
        equations: of the next step.
        moved: a state after a step of each frame's unknowns and of the shared ones.
        iterations: steps, at most.

    Returns:
        The state of least cost that was found, the first one if none was better.
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
