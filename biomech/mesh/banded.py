"""Gauss–Newton steps for a clip: one block of unknowns a frame, neighbours coupled, a few unknowns shared by all."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import LinAlgError, cho_factor, cho_solve

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
        columns: Int[np.ndarray, " some"] | None = None,
    ) -> None:
        """Residuals weight · Σ stencil[k] · x(frame + k), where x has the given Jacobian in each frame.

        The weight is already in the residual; without one it is in the Jacobian too.

        Args:
            stencil: factors of at most ``REACH`` + 1 frames that follow each other.
            residual: weighted, one piece for each place of the stencil: frames + 1 − its length.
            jacobian: of x, of all frames, by their own unknowns; without the weight if one is given.
            weight: of each row of each piece; None where all pieces have the same, which the Jacobian then holds.
            columns: the unknowns that the Jacobian is by, where it is not by all; the residuals do not hang on others.
        """
        pieces = len(residual)
        if pieces <= 0:
            return
        for row, factor in enumerate(stencil):
            here = factor * jacobian[row : row + pieces]
            weighted = residual if weight is None else weight * residual
            pulled = (weighted[:, None] @ here)[:, 0]
            if columns is None:
                self.gradient[row : row + pieces] += pulled
            else:
                self.gradient[row : row + pieces, columns] += pulled
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
                if columns is None:
                    self.blocks[gap][column : column + pieces] += factor * product
                else:
                    self.blocks[gap][column : column + pieces, columns[:, None], columns] += factor * product

    def add(self, other: "BandedNormalEquations") -> None:
        """Those of other residuals of the same unknowns.

        Args:
            other: of as many frames and unknowns.
        """
        for own, more in zip(self.blocks, other.blocks, strict=True):
            own += more
        self.gradient += other.gradient
        self.border += other.border
        self.corner += other.corner
        self.shared_gradient += other.shared_gradient

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
        """(JᵀJ of all frames, damped)⁻¹ times some columns: Cholesky factors of the blocks of ``_in_pairs``.

        From both ends to the middle, a pair of each at a time: half as many calls, and none of LAPACK through scipy,
        which keeps other threads from running.
        """
        main, below = self._in_pairs()
        size, pairs = main.shape[1], len(main)
        diagonal = np.arange(size)
        main[:, diagonal, diagonal] *= 1 + damping
        main[:, diagonal, diagonal] += 1e-9 * max(float(main[:, diagonal, diagonal].max()), 1e-12)
        sides = np.zeros((pairs * size, right.shape[1]))
        sides[: len(right)] = right
        sides = sides.reshape(pairs, size, -1)
        if not np.isfinite(sides).all():
            raise ValueError("not finite")
        middle = pairs // 2
        short = 2 * middle - (pairs - 1)  # 1 where the way from the end has one pair less: then it begins with none
        blocks = np.zeros((middle, 2, size, size))
        blocks[:, 0], blocks[:short, 1], blocks[short:, 1] = main[:middle], np.eye(size), main[middle + 1 :][::-1]
        # Of each pair what couples it with the one that is nearer to the middle, then its right sides.
        held = np.zeros((middle, 2, size, size + right.shape[1]))
        held[:, 0, :, :size], held[:, 0, :, size:] = np.swapaxes(below[:middle], 1, 2), sides[:middle]
        held[short:, 1, :, :size], held[short:, 1, :, size:] = below[middle:][::-1], sides[middle + 1 :][::-1]
        inverses, taken = np.empty_like(blocks), np.zeros(held.shape[1:])
        for k in range(middle):
            inverses[k] = _inverse_factors(blocks[k] - taken[..., :size])
            held[k, ..., size:] -= taken[..., size:]
            held[k] = inverses[k] @ held[k]
            taken = np.swapaxes(held[k, ..., :size], 1, 2) @ held[k]
        taken = taken.sum(0)
        inverse = _inverse_factors((main[middle] - taken[:, :size])[None])[0]
        sides[middle] = inverse.T @ (inverse @ (sides[middle] - taken[:, size:]))
        solved = np.empty_like(held[..., size:])
        inner = np.stack([sides[middle]] * 2)
        for k in reversed(range(middle)):
            inner = np.swapaxes(inverses[k], 1, 2) @ (held[k, ..., size:] - held[k, ..., :size] @ inner)
            solved[k] = inner
        sides[:middle], sides[middle + 1 :] = solved[:, 0], solved[short:, 1][::-1]
        return sides.reshape(pairs * size, -1)[: len(right)]

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


def _inverse_factors(blocks: Float[np.ndarray, "some size size"]) -> Float[np.ndarray, "some size size"]:
    """L⁻¹ of positive definite blocks L Lᵀ, by halves.

    Raises:
        LinAlgError: one is not positive definite.
    """
    factors, half = np.linalg.cholesky(blocks), blocks.shape[1] // 2
    inverses = np.zeros_like(factors)
    upper, lower = np.linalg.inv(factors[:, :half, :half]), np.linalg.inv(factors[:, half:, half:])
    inverses[:, :half, :half], inverses[:, half:, half:] = upper, lower
    inverses[:, half:, :half] = -lower @ (factors[:, half:, :half] @ upper)
    return inverses


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
