"""Which coordinates a set of markers determines, and how well: from the Jacobian, not by hand."""

from collections.abc import Mapping

import numpy as np
import opensim
from jaxtyping import Float

from biomech.inverse_kinematics.opensim_alone import model_markers
from biomech.kinematics.kinematics import Kinematics

SAME_MINIMUM = 1e-3  # relative: with a larger difference of the objective, angles of different minima are compared
WELL_CONDITIONED_DEG_PER_MM = 1.5  # in the worst frame: pro_sup has 1.8-2.1, an open mtp ∞, all others here below 1.3

STEP = 1e-5  # rad and m, of the central differences
RANK_TOLERANCE = 1e-6  # of the largest singular value (columns in m per rad and m per m); below, nothing is determined


def noise_gains_deg_per_mm(
    model: opensim.Model, kinematics: Kinematics, weights: Mapping[str, float]
) -> Float[np.ndarray, "frames coordinates"]:
    """Standard deviation of each coordinate's weighted least squares estimate for 1 mm of noise in every marker axis.

    Degrees (millimetres for translations) to first order; infinite for what the markers leave open. Columns as
    ``kinematics.names``, which are to be the free coordinates. OpenSim itself poses the model, so that the solver
    under test has no say in what it is tested on.

    Args:
        model: with its markers, its system initialised.
        kinematics: the poses (rad, m).
        weights: of the markers that count, by name; 0 leaves one out.

    Returns:
        °/mm, and mm/mm of translations.
    """
    frames, count = kinematics.values.shape
    steps = np.concatenate([np.eye(count), -np.eye(count)]) * STEP
    moved = (kinematics.values[:, None] + steps).reshape(-1, count)
    posed = Kinematics(kinematics.names, moved, np.arange(len(moved), dtype=float), kinematics.rotational)
    names = [name for name, weight in weights.items() if weight > 0]
    positions = model_markers(model, posed).select(names).positions_m.reshape(frames, 2, count, -1)
    jacobians = np.swapaxes(positions[:, 0] - positions[:, 1], 1, 2) / (2 * STEP)
    root = np.sqrt(np.repeat([weights[name] for name in names], 3))
    gains = np.stack([_gains(jacobian, root) for jacobian in jacobians])
    return np.where(kinematics.rotational, np.rad2deg(gains) / 1000, gains)


def _gains(jacobian: Float[np.ndarray, "axes coordinates"], root: Float[np.ndarray, " axes"]) -> np.ndarray:
    left, values, right = np.linalg.svd(root[:, None] * jacobian, full_matrices=True)
    kept = values > RANK_TOLERANCE * values[0]
    rank = int(kept.sum())
    estimator = (right[:rank].T / values[:rank]) @ (left[:, :rank].T * root)
    open_part = (right[rank:] ** 2).sum(0)
    return np.where(open_part > RANK_TOLERANCE, np.inf, np.sqrt((estimator**2).sum(1)))
