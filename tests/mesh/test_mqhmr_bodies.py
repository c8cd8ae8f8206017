"""The body layer against the bodies that it stands for."""

import numpy as np
import pytest
import torch
from fake_smpl import BODY_PARENTS, smplh_arrays, write_smplh
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.markers.virtual import load_virtual_markers
from biomech.mesh.mqhmr.bodies import KEYPOINTS, SMPL_VERTICES, anny_layer, smpl_layer
from biomech.mesh.points import detected_points

SMPL_PARENTS = np.array([*BODY_PARENTS, 20, 21])


@pytest.fixture(scope="module")
def layer():
    return anny_layer()


def people(layer, count=3):
    generator = torch.Generator().manual_seed(0)
    low, high = layer.shape_bounds.unbind(-1)
    betas = low + (high - low) * torch.rand(count, len(low), generator=generator)
    bones = len(layer.parents)
    vectors = 0.3 * torch.randn(count * bones, 3, generator=generator).numpy()
    rotations = torch.tensor(Rotation.from_rotvec(vectors).as_matrix()).float().view(count, bones, 3, 3)
    return betas, rotations, torch.randn(count, 3, generator=generator)


def test_anny_is_the_body(layer):
    betas, rotations, root = people(layer)
    found = layer(betas, rotations, root)
    body = AnnyBody.load()
    assert layer.keypoint_names == list(KEYPOINTS)
    for i in range(len(betas)):
        rest = body.rest(betas[i])
        posed = body.pose(rest, rotations[i : i + 1], root[i : i + 1])
        torch.testing.assert_close(found.joints[i], posed.joints[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(found.rotations[i], posed.rotations[0], rtol=0, atol=1e-5)
        skin = body.skin(rest, posed)[0]
        marked = np.unique(load_virtual_markers().vertices)
        torch.testing.assert_close(found.surface[i], skin[marked], rtol=0, atol=1e-5)
        motion = BodyMotion(
            "anny", body.bone_names, rotations[i : i + 1].numpy(), root[i : i + 1].numpy(), betas[i].numpy(),
            body.shape_names, np.zeros(1),
        )  # fmt: skip
        wanted = detected_points(body, motion).positions_m[0]
        np.testing.assert_allclose(found.keypoints[i, : len(wanted)], wanted, atol=2e-3)  # stature by two vertices
        crown = found.keypoints[i, KEYPOINTS.index("head_top")]
        assert (skin - crown).norm(dim=1).min() < 1e-5


def test_anny_shape_stays_in_its_bounds(layer):
    low, high = layer.shape_bounds.unbind(-1)
    many = layer.shape(20 * torch.randn(50, len(low)))
    assert (many >= low).all() and (many <= high).all()
    torch.testing.assert_close(layer.shape(torch.zeros(1, len(low)))[0], AnnyBody.load([0]).default_shape())


def test_gradients_reach_shape_and_pose(layer):
    betas, rotations, root = (part[:1].double().requires_grad_() for part in people(layer))
    double = anny_layer().double()
    some = torch.arange(0, 30, 7)

    def points(*arguments):
        return double(*arguments).keypoints[:, some]

    assert torch.autograd.gradcheck(points, (betas, rotations, root), fast_mode=True)


def test_fixed_bones_stay_at_rest(layer):
    turning = torch.tensor(Rotation.random(len(layer.turning), rng=0).as_matrix()).float()
    whole = layer.whole_pose(turning[None])[0]
    fingers = layer.bone_names.index("LeftFingerBase")
    torch.testing.assert_close(whole[fingers], torch.eye(3))
    torch.testing.assert_close(whole[layer.bone_names.index("LeftLeg")], turning[layer.turning.index(3)])


@pytest.mark.parametrize("parents", [SMPL_PARENTS, None])
def test_smpl_is_its_equations(tmp_path, parents):
    """Loper et al. 2015: rest + shape + pose corrections, then blended bones; 24 joints, or SMPL-H's 52."""
    arrays = smplh_arrays(parents=parents)
    layer = smpl_layer(write_smplh(tmp_path / "model.npz", **arrays))
    joints = len(layer.parents)
    assert layer.name == ("smpl" if joints == 24 else "smplh") and len(layer.turning) == (24 if joints == 24 else 22)
    rng = np.random.default_rng(1)
    betas = rng.normal(0, 1, 10)
    rotations = Rotation.from_rotvec(rng.normal(0, 0.4, (joints, 3))).as_matrix()
    shaped = arrays["v_template"] + arrays["shapedirs"][..., :10] @ betas
    rest = arrays["J_regressor"] @ shaped
    bent = shaped + arrays["posedirs"] @ (rotations[1:] - np.eye(3)).ravel()
    transforms = np.zeros((joints, 4, 4))
    for j, parent in enumerate(layer.parents):
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = rotations[j], rest[j] - (rest[parent] if parent >= 0 else 0)
        transforms[j] = local if parent < 0 else transforms[parent] @ local
    posed = transforms[:, :3, 3].copy()
    transforms[:, :3, 3] -= np.einsum("jik,jk->ji", transforms[:, :3, :3], rest)
    blended = np.einsum("vj,jik->vik", arrays["weights"], transforms[:, :3])
    vertices = np.einsum("vik,vk->vi", blended[..., :3], bent) + blended[..., 3]

    root = torch.tensor(posed[:1]).float()
    found = layer(torch.tensor(betas[None]).float(), torch.tensor(rotations[None]).float(), root)
    np.testing.assert_allclose(found.joints[0], posed, atol=1e-5)
    nose = layer.keypoint_names.index("nose")
    np.testing.assert_allclose(found.keypoints[0, nose], vertices[SMPL_VERTICES["nose"][0]], atol=1e-5)
    left_hip = layer.keypoint_names.index("left_hip")
    np.testing.assert_allclose(found.keypoints[0, left_hip], posed[1], atol=1e-5)
    assert layer.surface_size == 142 == found.surface.shape[1]


def test_mean_pose_faces_the_lens(layer):
    """Nose nearer than the neck, head above the pelvis (y down), the left hand on the picture's right."""
    at = layer(layer.mean_shape[None], layer.mean_pose[None], torch.tensor([[0.0, 0, 4]])).keypoints[0]
    place = {name: at[i] for i, name in enumerate(KEYPOINTS)}
    assert place["nose"][2] < place["neck"][2] and place["head_top"][1] < place["pelvis"][1] - 0.5
    assert place["left_wrist"][0] > 0.1 > -0.1 > place["right_wrist"][0]
    assert place["left_wrist"][1] > place["left_shoulder"][1] + 0.2  # arms hang
