"""The pose prior: what it knows of bodies, and its derivatives."""

import json

import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.mesh.prior import BONES, FILE, PosePrior
from biomech.train import pose_prior
from biomech.train.pose_prior import distinct_poses, fit_mixture, mirrored, negative_log_likelihood

GOOD = 45.0  # energy of nearly every recorded pose is below


@pytest.fixture(scope="module")
def prior() -> PosePrior:
    return PosePrior.load()


def pose(**turns: tuple[float, float, float]) -> torch.Tensor:
    vectors = torch.zeros(1, len(BONES), 3)
    for bone, turn in turns.items():
        vectors[0, BONES.index(bone)] = torch.tensor(turn)
    return vectors


def test_its_bones_are_the_bodys():
    assert set(BONES) < set(AnnyBody.load([0]).bone_names)


@pytest.mark.parametrize(
    ("natural", "against_nature"),
    [
        (pose(RightLeg=(0, 0, -1.0)), pose(RightLeg=(0, 0, 1.0))),
        (pose(LeftLeg=(0, 0, -1.0)), pose(LeftLeg=(0, 0, 1.0))),
        (pose(RightUpLeg=(0, 0, 0.8)), pose(RightUpLeg=(0, 0, -1.4))),
        (pose(RightForeArm=(-0.04, 0.53, 0.6)), pose(RightForeArm=(0.07, -0.92, -1.05))),
        (pose(LeftForeArm=(0.04, -0.53, 0.6)), pose(LeftForeArm=(-0.07, 0.92, -1.05))),
        (pose(Spine=(0, 0, -0.2), LowerBack=(0, 0, -0.2)), pose(Spine=(0, 0, 0.8), LowerBack=(0, 0, 0.8))),
    ],
)
def test_joints_bend_the_way_they_do(prior, natural, against_nature):
    assert prior.energy(natural) < prior.energy(against_nature) - 5
    assert prior.limits(natural) < 1e-3
    assert prior.limits(against_nature) > 1e-2


def test_rest_pose_is_common_and_the_mirror_is_true(prior):
    assert prior.energy(pose()) < GOOD
    generator = torch.Generator().manual_seed(0)
    poses = prior.means.view(-1, len(BONES), 3)
    poses = poses + 0.05 * torch.randn(poses.shape, generator=generator)
    # Trained on both, but the components are not tied left to right.
    assert (prior.energy(poses) - prior.energy(mirrored(poses))).abs().median() < 15
    torch.testing.assert_close(mirrored(mirrored(poses)), poses)


def test_gradients_agree_with_finite_differences(prior):
    generator = torch.Generator().manual_seed(1)
    vectors = 0.2 * torch.randn(3, len(BONES), 3, generator=generator)
    exact = PosePrior(
        {
            "log_weights": prior.log_weights.double(),
            "means": prior.means.double(),
            "whiteners": prior.whiteners.double(),
            "lower_rad": prior.lower.double(),
            "upper_rad": prior.upper.double(),
        }
    )
    assert torch.autograd.gradcheck(exact.energy, vectors.double().requires_grad_())
    assert torch.autograd.gradcheck(exact.limits, (4 * vectors).double().requires_grad_())
    torch.testing.assert_close(prior.energy(vectors), exact.energy(vectors.double()).float(), rtol=1e-3, atol=1e-2)


def test_mixture_learns_two_clusters():
    generator = torch.Generator().manual_seed(2)
    poses = 0.3 * torch.randn(2000, 3 * len(BONES), generator=generator).double()
    poses[1000:, 0] += 5
    mixture = fit_mixture(poses, components=2, seed=0)
    assert sorted(mixture["means"][:, 0].tolist()) == pytest.approx([0, 5], abs=0.1)
    single = fit_mixture(poses, components=1, seed=0)
    assert negative_log_likelihood(poses, mixture) < negative_log_likelihood(poses, single) - 0.5


def test_recipe_says_that_the_mixture_beats_one_gaussian_on_subjects_it_never_saw():
    figures = json.loads(FILE.with_suffix(".json").read_text())["figures"]
    mixture, single = (figures[f"held_out_negative_log_likelihood{end}"] for end in ("", "_single_gaussian"))
    assert mixture < single - 1


def test_held_out_poses_are_known_and_within_limits(prior, biopose_data, monkeypatch):
    monkeypatch.setattr(pose_prior, "cmu_names", lambda archive: ["09_01", "13_11"])
    poses = torch.cat(list(distinct_poses(biopose_data / "cmu_bvh_01_14.zip").values())).float()
    assert len(poses) > 40
    assert (prior.energy(poses) < GOOD).float().mean() > 0.85
    assert (prior.limits(poses) < 1e-2).float().mean() > 0.95
