"""Trains the pose prior: ``python -m biomech.train.pose_prior CMU_ZIP`` (about three minutes on one core)."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation
from torch import Tensor

from biomech.body.anny import AnnyBody
from biomech.body.cmu import HELD_OUT_SUBJECTS, cmu_names, read_cmu, replay
from biomech.files import sha256, whole_file
from biomech.mesh.prior import BONES, FILE, PosePrior
from biomech.train.squat import random_fold

# Two poses of a motion are distinct when a bone turned by this much in between.
DISTINCT_RAD = 0.12
# Past these the conversion from the recording went wrong (overstretched splits, feet turned backwards); rad.
LEAST_HIP_FLEXION, MOST_KNEE_TWIST, MOST_FOOT_TURN = -1.0, 0.6, 1.2
# Standard deviations, rad, added to what the data show: soft tissue, noise, and what the recording leaves out (collars
# that never move, wrists that only turn).
FLOOR_RAD = {"Shoulder": 0.14, "Hand": 0.2}
FLOOR_OTHERS_RAD = 0.06
# Each component's covariance is drawn towards the one they share as if by so many poses: without it, twelve components
# knew the subjects they had not seen worse than one Gaussian does.
SHARED_POSES = 2000
# Poses made by code; of these, on the way to a seat; scatter of each bone, rad; what they count beside the recorded.
FOLDED_POSES, SIT_SHARE, FOLDED_SD_RAD, FOLDED_COMPONENTS, FOLDED_WEIGHT = 4000, 0.35, 0.1, 2, 0.15
# Joint ranges: between these quantiles of the distinct poses, and this much more.
RANGE_QUANTILES = (0.002, 0.998)
PADDING_RAD = {"Shoulder": 0.35, "Hand": 0.6}
PADDING_OTHERS_RAD = 0.15


def distinct_poses(archive: Path) -> dict[str, Float[Tensor, "poses bones 3"]]:
    """Rotation vectors of the distinct, trusted poses of every motion, by the motion's name."""
    body = AnnyBody.load([0])
    places = [body.bone_names.index(bone) for bone in BONES]
    poses = {}
    for name in cmu_names(archive):
        motion = replay(read_cmu(archive, name), body, every=6)
        assert motion.quality is not None
        trusted = motion.rotations[motion.quality > 0][:, places]
        vectors = torch.tensor(Rotation.from_matrix(trusted.reshape(-1, 3, 3)).as_rotvec()).view(-1, len(BONES), 3)
        kept: list[Tensor] = []
        for pose in vectors[_plausible(vectors)]:
            if not kept or (pose - kept[-1]).norm(dim=-1).max() > DISTINCT_RAD:
                kept.append(pose)
        if kept:
            poses[name] = torch.stack(kept)
    return poses


def folded_poses(others: Float[Tensor, "poses bones 3"], count: int, seed: int) -> Float[Tensor, "count bones 3"]:
    """Squats and the way to a seat, arms and head as in poses drawn from ``others``: CMU's people hardly ever fold.

    Without them the pelvis stays upright in a squat and the spine bends in its stead: no keypoint sees which.

    Args:
        others: rotation vectors of ``BONES`` from rest, rad.
        count: how many to make.
        seed: of what is drawn.

    Returns:
        Rotation vectors, rad.
    """
    rng = np.random.default_rng(seed)
    poses = others[torch.from_numpy(rng.integers(len(others), size=count))].clone()
    for pose in poses:
        turns = random_fold(rng.random(1), bool(rng.random() < SIT_SHARE), rng)
        for bone, angle in turns.items():
            if bone in BONES:
                place, scatter = BONES.index(bone), rng.normal(0, FOLDED_SD_RAD, 3)
                pose[place] = torch.from_numpy(np.array([0, 0, float(angle[0])]) + scatter)
        pose[BONES.index("Spine1")] = torch.from_numpy(rng.normal(0, FOLDED_SD_RAD, 3))
    return poses


def mirrored(vectors: Float[Tensor, "poses bones 3"]) -> Float[Tensor, "poses bones 3"]:
    """The same poses seen in a mirror."""
    other = {"Right": "Left", "Left": "Right"}
    names = [next((bone.replace(s, other[s]) for s in other if bone.startswith(s)), bone) for bone in BONES]
    return vectors[:, [BONES.index(name) for name in names]] * torch.tensor([-1.0, -1.0, 1.0], dtype=vectors.dtype)


def fit_mixture(poses: Float[Tensor, "poses size"], components: int, seed: int, rounds: int = 40) -> dict[str, Tensor]:
    """Expectation maximisation from random centres; covariances shrink towards the shared one and get the floor.

    Args:
        poses: rotation vectors of ``BONES`` one after the other, rad, in double precision.
        components: how many Gaussians.
        seed: of the poses that are the first centres.
        rounds: of expectation and maximisation.

    Returns:
        ``log_weights`` (components), ``means`` (components, size) and ``whiteners`` (components, size, size).
    """
    generator = torch.Generator().manual_seed(seed)
    floor = (
        torch.tensor([_by_kind(FLOOR_RAD, FLOOR_OTHERS_RAD, bone) for bone in BONES for _ in range(3)]).double() ** 2
    )
    means = poses[torch.randperm(len(poses), generator=generator)[:components]]
    owner = torch.cdist(poses, means).argmin(1)
    shares = torch.nn.functional.one_hot(owner, components).to(poses)
    for _ in range(rounds):
        counts = shares.sum(0) + 1e-6
        means = shares.T @ poses / counts[:, None]
        away = [(poses - means[k]) * shares[:, k, None].sqrt() for k in range(components)]
        scatter = torch.stack([a.T @ a for a in away])
        shared = SHARED_POSES * scatter.sum(0) / len(poses)
        covariances = (scatter + shared) / (counts + SHARED_POSES)[:, None, None] + torch.diag(floor)
        whiteners = torch.linalg.inv(torch.linalg.cholesky(covariances)).mT
        mixture = {"log_weights": (counts / counts.sum()).log(), "means": means, "whiteners": whiteners}
        shares = torch.softmax(_log_densities(poses, mixture), 1)
    return mixture


def joined(first: dict[str, Tensor], second: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """One mixture of two, the second with this weight.

    Args:
        first, second: of ``fit_mixture``.
        weight: 0 to 1, both ends left out.

    Returns:
        The first's components, then the second's.
    """
    first, second = (
        {**one, "log_weights": one["log_weights"] + np.log(share)}
        for one, share in ((first, 1 - weight), (second, weight))
    )
    return {name: torch.cat((part, second[name])) for name, part in first.items()}


def negative_log_likelihood(poses: Float[Tensor, "poses size"], mixture: dict[str, Tensor]) -> float:
    """Mean over the poses.

    Args:
        poses: flat, as for ``fit_mixture``.
        mixture: of ``fit_mixture`` or ``joined``.

    Returns:
        Nats.
    """
    return float(-torch.logsumexp(_log_densities(poses, mixture), 1).mean())


def train(archive: Path, components: int = 10, seed: int = 0) -> dict:
    """Write the weights, and the recipe beside them, into the package.

    Args:
        archive: zip of CMU's motions as .bvh.
        components: of the recorded poses; those made by code have ``FOLDED_COMPONENTS`` more.
        seed: of first centres and of poses made by code.

    Returns:
        The recipe: command, data, and figures of subjects that were held out (nats a pose).
    """
    poses = distinct_poses(archive)
    held_out = {name: p for name, p in poses.items() if name.startswith(HELD_OUT_SUBJECTS)}
    used = torch.cat([p for name, p in poses.items() if name not in held_out])
    folded = folded_poses(used, FOLDED_POSES, seed)
    used, folded = (torch.cat((poses, mirrored(poses))) for poses in (used, folded))
    test = torch.cat(list(held_out.values()))
    mixture = joined(
        fit_mixture(used.flatten(1), components, seed),
        fit_mixture(folded.flatten(1), FOLDED_COMPONENTS, seed),
        FOLDED_WEIGHT,
    )
    single = fit_mixture(used.flatten(1), 1, seed, rounds=1)
    padding = torch.tensor([_by_kind(PADDING_RAD, PADDING_OTHERS_RAD, bone) for bone in BONES])[:, None]
    low, high = (torch.quantile(torch.cat((used, folded)), q, 0) for q in RANGE_QUANTILES)
    tensors = {**mixture, "lower_rad": low - padding, "upper_rad": high + padding}
    tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    with whole_file(FILE) as path:
        save_file(tensors, path)
    prior = PosePrior(tensors)
    recipe = {
        "command": f"python -m biomech.train.pose_prior {archive.name}",
        "data": {
            "what": "CMU motion capture, subjects 1-14, cgspeed's .bvh, free for any use",
            "sha256": sha256(archive),
            "motions": len(poses) - len(held_out),
            "distinct_poses_with_mirrored": len(used),
            "folded_by_code_with_mirrored": len(folded),
            "held_out": "subjects 9 and 13: for the figures, not in the weights",
            "left_out": "frames with a backward elbow or an impossible leg",
        },
        "seed": seed,
        "components": components,
        "figures": {
            "held_out_poses": len(test),
            "held_out_negative_log_likelihood": negative_log_likelihood(test.flatten(1), mixture),
            "held_out_negative_log_likelihood_single_gaussian": negative_log_likelihood(test.flatten(1), single),
            "train_negative_log_likelihood": negative_log_likelihood(used.flatten(1), mixture),
            "train_negative_log_likelihood_single_gaussian": negative_log_likelihood(used.flatten(1), single),
            "energy_quantiles_5_50_95_held_out": _quantiles(prior.energy(test.float())),
            "energy_of_rest_pose": float(prior.energy(torch.zeros(1, len(BONES), 3))[0]),
            "held_out_poses_inside_all_limits": float((prior.limits(test.float()) == 0).float().mean()),
        },
    }
    with whole_file(FILE.with_suffix(".json")) as path:
        path.write_text(json.dumps(recipe, indent=1) + "\n")
    return recipe


def _plausible(vectors: Float[Tensor, "poses bones 3"]) -> Bool[Tensor, " poses"]:
    hip, knee, foot = (
        vectors[:, [BONES.index(f"{side}{bone}") for side in ("Right", "Left")]] for bone in ("UpLeg", "Leg", "Foot")
    )
    far = (hip[..., 2] < LEAST_HIP_FLEXION) | (knee[..., :2].norm(dim=-1) > MOST_KNEE_TWIST)
    return ~(far | (foot.norm(dim=-1) > MOST_FOOT_TURN)).any(1)


def _log_densities(poses: Tensor, mixture: dict[str, Tensor]) -> Tensor:
    columns = []
    for log_weight, mean, whitener in zip(mixture["log_weights"], mixture["means"], mixture["whiteners"], strict=True):
        whitened = (poses - mean) @ whitener
        constant = (
            log_weight + whitener.diagonal().log().sum() - poses.shape[1] / 2 * torch.log(torch.tensor(2 * torch.pi))
        )
        columns.append(constant - whitened.square().sum(1) / 2)
    return torch.stack(columns, 1)


def _by_kind(values: dict[str, float], otherwise: float, bone: str) -> float:
    return next((value for kind, value in values.items() if bone.endswith(kind)), otherwise)


def _quantiles(values: Tensor) -> list[float]:
    return torch.quantile(values, torch.tensor([0.05, 0.5, 0.95])).tolist()


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(train(Path(sys.argv[1])), indent=1))
