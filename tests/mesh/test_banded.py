"""The banded normal equations against a dense least-squares solution."""

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.mesh.banded import BandedNormalEquations

FRAMES, SIZE, SHARED = 7, 4, 3
SECOND_DIFFERENCE = (1.0, -2.0, 1.0)


def dense_differences(stencil, jacobian, weight) -> np.ndarray:
    """Rows of weight · Σ stencil[k] · J(frame + k) over all unknowns of the frames."""
    pieces, rows = weight.shape
    table = np.zeros((pieces, rows, FRAMES, SIZE))
    for piece in range(pieces):
        for k, factor in enumerate(stencil):
            table[piece, :, piece + k] = factor * weight[piece][:, None] * jacobian[piece + k]
    return table.reshape(pieces * rows, FRAMES * SIZE)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("shared", [0, SHARED])
def test_the_step_is_that_of_dense_least_squares(rng: np.random.Generator, shared: int) -> None:
    equations = BandedNormalEquations(FRAMES, SIZE, shared)
    jacobian, by_shared = rng.normal(size=(FRAMES, 6, SIZE)), rng.normal(size=(FRAMES, 6, shared))
    residual = rng.normal(size=(FRAMES, 6))
    equations.add_frames(residual, jacobian, by_shared if shared else None)
    rows = np.zeros((FRAMES, 6, FRAMES, SIZE))
    for frame in range(FRAMES):
        rows[frame, :, frame] = jacobian[frame]
    dense = [np.hstack([rows.reshape(-1, FRAMES * SIZE), by_shared.reshape(FRAMES * 6, shared)])]
    right = [residual.ravel()]

    for stencil, weighted in ((SECOND_DIFFERENCE, False), ((-1.0, 1.0), True)):
        pieces = FRAMES - len(stencil) + 1
        jacobian, residual = rng.normal(size=(FRAMES, 5, SIZE)), rng.normal(size=(pieces, 5))
        weight = rng.uniform(0, 2, (pieces, 5)) if weighted else np.ones((pieces, 5))
        equations.add_differences(stencil, residual, jacobian, weight if weighted else None)
        table = dense_differences(stencil, jacobian, weight)
        dense.append(np.hstack([table, np.zeros((len(table), shared))]))
        right.append(residual.ravel())

    expected = np.linalg.lstsq(np.vstack(dense), -np.concatenate(right), rcond=None)[0]
    step, shared_step = equations.solve(damping=0.0)
    np.testing.assert_allclose(step.ravel(), expected[: FRAMES * SIZE], atol=1e-6)
    np.testing.assert_allclose(shared_step, expected[FRAMES * SIZE :], atol=1e-6)


def test_damping_shortens_the_step(rng: np.random.Generator) -> None:
    equations = BandedNormalEquations(FRAMES, SIZE, SHARED)
    equations.add_frames(
        rng.normal(size=(FRAMES, 6)), rng.normal(size=(FRAMES, 6, SIZE)), rng.normal(size=(FRAMES, 6, SHARED))
    )
    lengths = [np.linalg.norm(np.append(*map(np.ravel, equations.solve(d)))) for d in (0.0, 1.0, 100.0, 1e4)]
    assert lengths == sorted(lengths, reverse=True) and lengths[-1] < 0.01 * lengths[0]


def test_fewer_frames_than_a_difference_reaches_over(rng: np.random.Generator) -> None:
    """One frame has no acceleration; its own equations are solved all the same."""
    equations = BandedNormalEquations(1, SIZE, 0)
    jacobian, residual = rng.normal(size=(1, 6, SIZE)), rng.normal(size=(1, 6))
    equations.add_frames(residual, jacobian)
    equations.add_differences(SECOND_DIFFERENCE, np.zeros((0, 6)), jacobian)
    expected = np.linalg.lstsq(jacobian[0], -residual[0], rcond=None)[0]
    np.testing.assert_allclose(equations.solve(0.0)[0][0], expected, atol=1e-6)


def test_not_a_number_is_told(rng: np.random.Generator) -> None:
    equations = BandedNormalEquations(FRAMES, SIZE, 0)
    jacobian = rng.normal(size=(FRAMES, 6, SIZE))
    jacobian[3, 2, 1] = np.nan
    equations.add_frames(rng.normal(size=(FRAMES, 6)), jacobian)
    with pytest.raises(BioposeError, match="could not be fitted"):
        equations.solve(1e-3)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6, 9, 10])
def test_any_number_of_frames_is_solved_from_both_ends(rng: np.random.Generator, frames: int) -> None:
    equations = BandedNormalEquations(frames, SIZE, 0)
    jacobian, residual = rng.normal(size=(frames, 6, SIZE)), rng.normal(size=(frames, 6))
    equations.add_frames(residual, jacobian)
    moving = rng.normal(size=(frames, 5, SIZE))
    if frames > 2:
        equations.add_differences(SECOND_DIFFERENCE, rng.normal(size=(frames - 2, 5)), moving)
    whole = np.zeros((frames, SIZE, frames, SIZE))
    for gap, blocks in enumerate(equations.blocks):
        for frame, block in enumerate(blocks):
            whole[frame + gap, :, frame] = block
            whole[frame, :, frame + gap] = block.T
    whole = whole.reshape(frames * SIZE, -1)
    step = equations.solve(0.0)[0]
    np.testing.assert_allclose(whole @ step.ravel(), -equations.gradient.ravel(), rtol=1e-5, atol=1e-5)


def test_unknowns_that_a_difference_does_not_hang_on_may_be_left_out(rng: np.random.Generator) -> None:
    columns = np.array([0, 2])
    some, residual = rng.normal(size=(FRAMES, 5, 2)), rng.normal(size=(FRAMES - 2, 5))
    whole = np.zeros((FRAMES, 5, SIZE))
    whole[..., columns] = some
    one, other = BandedNormalEquations(FRAMES, SIZE, 0), BandedNormalEquations(FRAMES, SIZE, 0)
    one.add_differences(SECOND_DIFFERENCE, residual, some, columns=columns)
    other.add_differences(SECOND_DIFFERENCE, residual, whole)
    for few, all_of_them in zip([*one.blocks, one.gradient], [*other.blocks, other.gradient], strict=True):
        np.testing.assert_allclose(few, all_of_them, atol=1e-12)
    one.add(other)
    np.testing.assert_allclose(one.gradient, 2 * other.gradient, atol=1e-12)
