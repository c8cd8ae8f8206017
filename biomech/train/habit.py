"""Trains the habit of poses: ``python -m biomech.train.habit LIBRARY`` (a minute on one core).

The library is that of `biopose label --library`. Whoever stands in a film that is reported on stays out.
"""

import json
import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save_file

from biomech.body.linkage import pose_of
from biomech.files import whole_file
from biomech.labels.library.store import LibraryMotion, MotionLibrary
from biomech.mesh.features import NAMES, SIZE, VERTICAL, features, mirrored
from biomech.mesh.habit import FILE, Habit

# Standard deviations added to what the data show: soft tissue, noise, people unlike those recorded. Sines of the
# pelvis' lean, then rad.
FLOOR_VERTICAL, FLOOR_ARMS, FLOOR_HANDS, FLOOR_OTHERS = 0.04, 0.10, 0.2, 0.05
ARMS, HANDS = ("humerus", "elbow"), ("pro_sup", "wrist")
# Each component's covariance is drawn towards the one that all share as if by so many poses.
SHARED_POSES = 500
RANGE_QUANTILES, PADDING = (0.001, 0.999), 0.1
COMPONENTS = 24
LOOKED_AT_HZ, DISTINCT = 15.0, 0.1
SHARES = {"standing": 0.12, "walk": 0.14, "plain_walk": 0.06, "squat": 0.1, "sit_to_stand": 0.1, "other": 0.2}
OTHER_SHARE = 0.04
FILMED = ("opencap_lab_subject4",)  # the squat of ``bench real-video``


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
    """Expectation maximisation from random centres; covariances shrink towards the shared one and get the floor.

    Args:
        poses: at least as many as there are components.
        weights: 0 or more, of any sum.
        components: how many Gaussians.
        rng: draws the centres.
        rounds: of expectation and maximisation.

    Returns:
        ``log_weights`` (components), ``means`` (components, features) and ``whiteners`` (components, features,
        features), as ``Habit`` takes them.
    """
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


def log_densities(
    poses: Float[np.ndarray, "poses features"], mixture: dict[str, np.ndarray]
) -> Float[np.ndarray, "poses components"]:
    """Of every component, its weight in it.

    Args:
        poses: in features.
        mixture: of ``fit_mixture``; what else it holds is not looked at.

    Returns:
        Nats.
    """
    height = np.linalg.slogdet(mixture["whiteners"]).logabsdet + mixture["log_weights"] - SIZE / 2 * np.log(2 * np.pi)
    whitened = np.stack([(poses - m) @ w for m, w in zip(mixture["means"], mixture["whiteners"], strict=True)], 1)
    return height - np.square(whitened).sum(-1) / 2


def learn(
    poses: Float[np.ndarray, "poses features"], weights: Float[np.ndarray, " poses"], components: int, seed: int = 0
) -> dict[str, np.ndarray]:
    """The tensors of ``Habit``: of the poses and their mirror images.

    Args:
        poses: without their mirror images.
        weights: 0 or more, of any sum.
        components: how many Gaussians.
        seed: of the centres that the fit starts from.

    Returns:
        The mixture of ``fit_mixture``, and the ends of each feature's range, ``lower`` and ``upper``.
    """
    both, twice = np.concatenate([poses, mirrored(poses)]), np.concatenate([weights, weights])
    mixture = fit_mixture(both, twice, components, np.random.default_rng(seed))
    low, high = (np.quantile(both, q, axis=0) for q in RANGE_QUANTILES)
    return {**mixture, "lower": low - PADDING, "upper": high + PADDING}


def distinct(values: Float[np.ndarray, "frames features"]) -> Float[np.ndarray, "poses features"]:
    """Poses of a motion of which each differs from the one before by DISTINCT in some feature."""
    kept = [values[0]]
    for pose in values[1:]:
        if np.abs(pose - kept[-1]).max() > DISTINCT:
            kept.append(pose)
    return np.stack(kept)


def poses_of(
    library: MotionLibrary, motions: list[LibraryMotion]
) -> tuple[Float[np.ndarray, "poses features"], Float[np.ndarray, " poses"]]:
    """Poses and weights: every kind counts by its share, whatever time there is of it; standing lasts, so it counts.

    Args:
        library: that holds the motions.
        motions: rows of its index; at least one. Looked at ``LOOKED_AT_HZ`` times a second.

    Returns:
        Distinct poses, and what each counts.
    """
    poses: dict[str, list[np.ndarray]] = {}
    for motion in motions:
        kinematics, _ = library.read(motion.name)
        every = max(1, round(motion.rate_hz / LOOKED_AT_HZ))
        values = features(pose_of(kinematics.names, kinematics.values[::every]))
        poses.setdefault(motion.kind, []).append(distinct(values))
    several = {kind: np.concatenate(parts) for kind, parts in poses.items()}
    shares = {kind: SHARES.get(kind, OTHER_SHARE) for kind in several}
    weights = [np.full(len(found), shares[kind] / len(found)) for kind, found in several.items()]
    return np.concatenate(list(several.values())), np.concatenate(weights)


def train(library_folder: Path, components: int = COMPONENTS, seed: int = 0) -> dict:
    """Write the weights, and the recipe beside them, into the package.

    Args:
        library_folder: of `biopose label --library`; its good motions of whole bodies are used, but for ``FILMED``.
        components: how many Gaussians.
        seed: of the centres that the fit starts from.

    Returns:
        The recipe: command, data, and negative log likelihoods of training and test subjects (nats a pose).

    Raises:
        BioposeError: there is no such library.
    """
    library = MotionLibrary.load(library_folder)
    chosen = {
        split: [m for m in library.select(split=split, whole_body=True) if not m.source.startswith(FILMED)]
        for split in ("train", "test")
    }
    poses, weights = poses_of(library, chosen["train"])
    tensors = learn(poses, weights, components, seed)
    habit = Habit.of(tensors)
    test, _ = poses_of(library, chosen["test"])
    recipe = {
        "command": "python -m biomech.train.habit LIBRARY, of biopose label DATA --library",
        "motions": {
            source: sum(m.source == source for m in chosen["train"])
            for source in sorted({m.source for m in chosen["train"]})
        },
        "left_out": f"{', '.join(FILMED)}: a film of the person is reported on; motions that are not good",
        "distinct_poses": len(poses),
        "components": components,
        "seed": seed,
        "negative_log_likelihood": {
            "train": round(float(-_log(poses, tensors).mean()), 2),
            "test": round(float(-_log(test, tensors).mean()), 2),
        },
        "test_inside_ranges": round(float(((test > habit.lower) & (test < habit.upper)).all(1).mean()), 3),
    }
    with whole_file(FILE) as path:
        save_file({name: np.ascontiguousarray(tensor.astype(np.float32)) for name, tensor in tensors.items()}, path)
    with whole_file(FILE.with_suffix(".json")) as path:
        path.write_text(json.dumps(recipe, indent=1) + "\n")
    return recipe


def _log(poses: np.ndarray, tensors: dict[str, np.ndarray]) -> Float[np.ndarray, " poses"]:
    densities = log_densities(poses, tensors)
    highest = densities.max(1)
    return highest + np.log(np.exp(densities - highest[:, None]).sum(1))


if __name__ == "__main__":
    print(json.dumps(train(Path(sys.argv[1])), indent=1))
