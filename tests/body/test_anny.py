"""The compact body against Anny's own vertices, and its gradients against finite differences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from biomech.body.anny import AnnyBody
from biomech.markers.virtual import joint_centres, marker_body, neutral_motion, neutral_static

REFERENCE = Path(__file__).with_name("anny_reference.safetensors")


@pytest.fixture(scope="module")
def whole() -> AnnyBody:
    return AnnyBody.load()


def test_random_shapes_and_poses_match_anny_to_a_tenth_of_a_millimetre():
    reference = load_file(REFERENCE)
    body = AnnyBody.load(reference["numbers"], anatomical=False)
    for shape, rotation, root, vertices in zip(
        reference["shapes"], reference["rotations"], reference["roots"], reference["vertices"], strict=True
    ):
        rest = body.rest(shape)
        ours = body.skin(rest, body.pose(rest, rotation[None], root[None]))[0]
        assert (ours - vertices).norm(dim=-1).max() < 1e-4


@pytest.mark.slow
def test_matches_the_anny_package_itself():
    pytest.importorskip("anny")
    from biomech.build import anny

    worst, mean = anny.compare(anny.load_anny(), seed=7, count=10)
    assert worst < 1e-4
    assert mean < 3e-5


def test_identity_rotations_are_the_rest_pose_to_the_root(whole):
    rest = whole.rest(whole.default_shape())
    root = torch.tensor([[1.0, 2.0, 3.0]])
    posed = whole.pose(rest, torch.eye(3).repeat(1, len(whole.parents), 1, 1), root)
    moved = whole.skin(rest, posed)[0]
    torch.testing.assert_close(moved, rest.vertices + root - rest.joints[0], atol=1e-5, rtol=0)


def test_right_is_positive_z_and_forward_is_x(whole):
    rest = whole.rest(whole.default_shape())
    joints = dict(zip(whole.bone_names, rest.joints, strict=True))
    assert joints["RightArm"][2] > 0.1 > -0.1 > joints["LeftArm"][2]
    assert joints["RightToeBase"][0] > joints["RightFoot"][0] + 0.1
    assert joints["Head"][1] > joints["Hips"][1] + 0.5


def test_a_subset_has_the_rows_of_the_whole(whole):
    numbers = torch.tensor([5, 13000, 77])
    shape = whole.default_shape()
    part = AnnyBody.load(numbers)
    torch.testing.assert_close(part.rest(shape).vertices, whole.rest(shape).vertices[numbers], atol=1e-6, rtol=0)
    torch.testing.assert_close(part.stature(shape), whole.stature(shape))


def test_stature_and_mass_of_adults_and_children(whole):
    adult, child = whole.default_shape(), whole.default_shape()
    child[whole.shape_names.index("age")] = 1 / 3
    assert 1.6 < whole.stature(adult) < 1.9
    assert 55 < whole.mass(adult) < 80
    assert 1.2 < whole.stature(child) < 1.5
    assert 15 < whole.mass(child) < 40


@pytest.mark.parametrize(
    ("name", "upper", "lower"),
    [
        ("thigh_length", "RightUpLeg", "RightLeg"),
        ("shank_length", "RightLeg", "RightFoot"),
        ("upper_arm_length", "RightArm", "RightForeArm"),
        ("forearm_length", "RightForeArm", "RightHand"),
        ("hip_width", "LeftUpLeg", "RightUpLeg"),
        ("shoulder_width", "LeftArm", "RightArm"),
    ],
)
def test_a_local_change_moves_its_own_segment_on_both_sides_alike(whole, name, upper, lower):
    def length(value: float, side: str = "Right") -> float:
        shape = whole.default_shape()
        shape[whole.shape_names.index(name)] = value
        joints = dict(zip(whole.bone_names, whole.rest(shape).joints, strict=True))
        return float((joints[upper.replace("Right", side)] - joints[lower.replace("Right", side)]).norm())

    assert length(1.0) > length(0.0) + 0.01
    assert length(-1.0) < length(0.0) - 0.01
    if upper.startswith("Right"):
        assert length(0.7, "Left") == pytest.approx(length(0.7), abs=1e-4)


@pytest.mark.parametrize("weight", [0.3, 0.5, 0.8])
def test_the_legs_turn_about_the_hip_centres_that_harrington_regressed(weight):
    body = marker_body()
    shape = body.default_shape()
    shape[body.shape_names.index("weight")] = weight
    static = neutral_static(body, shape.numpy(), 1)
    centres = joint_centres(static)
    motion, rest = neutral_motion(body, shape.numpy(), 1), body.rest(shape)
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    joints = dict(zip(body.bone_names, posed.joints[0].double().numpy(), strict=True))
    for side in ("Right", "Left"):
        expected = centres.positions_m[0, centres.names.index(f"{side[0]}HJC")]
        assert np.linalg.norm(joints[f"{side}UpLeg"] - expected) < 0.030  # Anny's own lie 5 to 6 cm away


def test_gradients_agree_with_finite_differences():
    body = AnnyBody.load(torch.arange(0, 13000, 1300))
    # Away from anchors and zeros, where the model has kinks.
    shape = (body.default_shape() + 0.13).requires_grad_()
    vectors = 0.3 * torch.randn(2, len(body.parents), 3, generator=torch.Generator().manual_seed(0))
    vectors.requires_grad_()
    root = torch.zeros(2, 3, requires_grad=True)
    direction = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(1))

    def value(shape, vectors, root):
        zero = torch.zeros_like(vectors[..., 0])
        x, y, z = vectors.unbind(-1)
        rotations = torch.linalg.matrix_exp(
            torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1).view(*x.shape, 3, 3)
        )
        rest = body.rest(shape)
        return (body.skin(rest, body.pose(rest, rotations, root)) * direction).sum()

    gradients = torch.autograd.grad(value(shape, vectors, root), (shape, vectors, root))
    for k, (variable, gradient) in enumerate(zip((shape, vectors, root), gradients, strict=True)):
        along = torch.randn(variable.shape, generator=torch.Generator().manual_seed(2))
        step = 1e-2
        ends = []
        for sign in (1, -1):
            inputs = [shape, vectors, root]
            inputs[k] = variable + sign * step * along
            ends.append(value(*inputs))
        torch.testing.assert_close((ends[0] - ends[1]) / (2 * step), (gradient * along).sum(), rtol=2e-2, atol=2e-3)
