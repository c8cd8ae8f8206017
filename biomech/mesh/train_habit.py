"""Trains the habit of poses on the motion library."""

import numpy as np
from jaxtyping import Float

from biomech.mesh.features import NAMES, SIZE, VERTICAL, mirrored
from biomech.mesh.habit import Habit

# Standard deviations added to what the data show: soft tissue, noise, people unlike those recorded. Sines of the
# pelvis' lean, then rad.
FLOOR_VERTICAL, FLOOR_ARMS, FLOOR_HANDS, FLOOR_OTHERS = 0.04, 0.10, 0.2, 0.05
ARMS, HANDS = ("humerus", "elbow"), ("pro_sup", "wrist")
# Each component's covariance is drawn towards the one that all share as if by so many poses.
SHARED_POSES = 500
RANGE_QUANTILES, PADDING = (0.001, 0.999), 0.1


def floors() -> Float[np.ndarray, " features"]:
    """Of every feature."""

    def of(name: str) -> float:
        if name in VERTICAL:
            return FLOOR_VERTICAL
        if name.startswith(ARMS):
            return FLOOR_ARMS
        return FLOOR_HANDS if name.startswith(HANDS) else FLOOR_OTHERS

    return np.array([of(name) for name in NAMES])


def fit_mixture(
    poses: Float[np.ndarray, "poses features"],
    weights: Float[np.ndarray, " poses"],
    components: int,
    rng: np.random.Generator,
    rounds: int = 40,
) -> dict[str, np.ndarray]:
    """Expectation maximisation from random centres; covariances shrink towards the shared one and get the floor."""
    means = poses[rng.choice(len(poses), components, replace=False, p=weights / weights.sum())]
    owner = np.square(poses[:, None] - means).sum(-1).argmin(1)
    shares = np.eye(components)[owner] * weights[:, None]
    floor = np.diag(floors() ** 2)
    per_pose = len(poses) / weights.sum()
    for _ in range(rounds):
        counts = shares.sum(0) + 1e-9
        means = shares.T @ poses / counts[:, None]
        scatter = np.stack([((poses - m) * shares[:, k, None]).T @ (poses - m) for k, m in enumerate(means)]) * per_pose
        shared = SHARED_POSES * scatter.sum(0) / len(poses)
        covariances = (scatter + shared) / (counts * per_pose + SHARED_POSES)[:, None, None] + floor
        whiteners = np.swapaxes(np.linalg.inv(np.linalg.cholesky(covariances)), 1, 2)
        mixture = {"log_weights": np.log(counts / counts.sum()), "means": means, "whiteners": whiteners}
        densities = log_densities(poses, mixture)
        shares = np.exp(densities - densities.max(1, keepdims=True))
        shares *= (weights / shares.sum(1))[:, None]
    return mixture


def log_densities(poses: Float[np.ndarray, "poses features"], mixture: dict[str, np.ndarray]) -> np.ndarray:
    """Of every component, its weight in it."""
    height = np.linalg.slogdet(mixture["whiteners"]).logabsdet + mixture["log_weights"] - SIZE / 2 * np.log(2 * np.pi)
    whitened = np.stack([(poses - m) @ w for m, w in zip(mixture["means"], mixture["whiteners"], strict=True)], 1)
    return height - np.square(whitened).sum(-1) / 2


def learn(
    poses: Float[np.ndarray, "poses features"], weights: Float[np.ndarray, " poses"], components: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """The tensors of ``Habit``: of the poses and their mirror images."""
    both, twice = np.concatenate([poses, mirrored(poses)]), np.concatenate([weights, weights])
    mixture = fit_mixture(both, twice, components, np.random.default_rng(seed))
    low, high = (np.quantile(both, q, axis=0) for q in RANGE_QUANTILES)
    return {**mixture, "lower": low - PADDING, "upper": high + PADDING}


__all__ = ["Habit", "fit_mixture", "floors", "learn", "log_densities"]
