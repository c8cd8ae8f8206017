"""Forward kinematics in torch against OpenSim's, its gradients against finite differences, and what a solver reads."""

import copy
import pickle
from pathlib import Path

import numpy as np
import opensim_parts as parts
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from posed_by_opensim import apart, random_coordinates, random_scales, scale, truth

from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models import build
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import PosedSkeleton, Skeleton

MODELS = [
    "cases/tasks_coordinate/model.osim",
    "models/complete_human_model/CompleteHumanModel.osim",
    "models/laiuhlrich2022_opencap/LaiUhlrich2022.osim",
    "models/laiuhlrich2022_opencap/LaiUhlrich2022_shoulder.osim",
    "models/pose2sim_simple/Model_Pose2Sim_simple.osim",
    "opencap_lab_subject4/Models/manually_scaled.osim",
    "opencap_lab_subject4/Models/optimized_scale_and_markers.osim",
    "opencap_lab_subject4/Models/unscaled_but_with_optimized_markers.osim",
    "opencap_lab_subject4/Models/unscaled_generic.osim",
    "opensim_core_ik_standard/constraintTest_ikOnly.osim",
    "opensim_core_ik_standard/subject01_simbody.osim",
    "opensim_core_walk3d/subject_walk_scaled.osim",
    "opensim_fitter/examples/example_jump/unscaled_generic.osim",
    "opensim_fitter/examples/example_walk/RajagopalLaiUhlrich2023.osim",
    "opensim_fitter/tests/subject_scale_walk.osim",
    "video/cmbbe2024/OpenSimData_Model_LaiUhlrich2022_scaled.osim",
]
REFUSED = "opensim_core_ik_standard/subject1_abdbonepin.osim"
EQUALLY = "opensim_core_ik_standard/constraintTest_ikOnly.osim"  # OpenSim scales coupled slides by equal factors only


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("ours") / "patella.osim"
    build.write(path, load_virtual_markers().on_model(), patella=True)
    return path


@pytest.fixture(scope="module")
def skeleton(ours) -> Skeleton:
    return Skeleton.from_osim(ours)


def tensors(pose: PosedSkeleton) -> tuple[torch.Tensor, ...]:
    return pose.positions, pose.rotations, pose.joints, pose.markers


def check(path: Path, poses: int, scaled_poses: int, equally: bool = False) -> None:
    """As the model is, and after OpenSim has scaled it by random factors."""
    skeleton, model = Skeleton.from_osim(path), load_model(path)
    coordinates = random_coordinates(skeleton, poses)
    assert max(apart(skeleton(coordinates), truth(model, skeleton, coordinates))) < 1e-11
    factors = random_scales(skeleton)
    if equally:
        factors = factors[:, :1].expand(-1, 3)
    scale(model, dict(zip(skeleton.body_names[1:], factors[1:].numpy(), strict=True)))
    coordinates = random_coordinates(skeleton, scaled_poses, seed=1)
    followed = Skeleton.from_osim(model).complete(coordinates)  # the scaled model's couplers are longer or shorter
    assert max(apart(skeleton(coordinates, factors), truth(model, skeleton, followed))) < 1e-11


def test_our_model_poses_and_scales_as_in_opensim(ours):
    check(ours, poses=30, scaled_poses=30)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_models_pose_and_scale_as_in_opensim(biopose_data, name):
    check(biopose_data / name, poses=1000, scaled_poses=50, equally=name == EQUALLY)


@pytest.mark.slow
def test_our_model_poses_as_in_opensim_a_thousand_times(ours):
    check(ours, poses=1000, scaled_poses=50)


def test_no_model_of_the_data_is_left_out(biopose_data):
    there = {path.relative_to(biopose_data).as_posix() for path in biopose_data.rglob("*.osim")}
    assert there == {*MODELS, REFUSED}


@pytest.mark.parametrize("kind", parts.JOINTS)
def test_joints_pose_and_scale_as_in_opensim(kind):
    model = parts.chain(kind)
    skeleton = Skeleton.from_osim(model)
    coordinates, factors = random_coordinates(skeleton, 40), random_scales(skeleton)
    assert max(apart(skeleton(coordinates), truth(model, skeleton, coordinates))) < 1e-13
    scale(model, dict(zip(skeleton.body_names[1:], factors[1:].numpy(), strict=True)))
    assert max(apart(skeleton(coordinates, factors), truth(model, skeleton, coordinates))) < 1e-13


@settings(max_examples=25, deadline=None)
@given(bend=st.floats(-2e-3, 2e-3), sideways=st.floats(-2e-3, 2e-3), about=st.sampled_from([(-0.1, 0.4), (1.5, 1.9)]))
def test_an_arc_is_straight_where_opensim_makes_it_straight(bend, sideways, about):
    model = parts.chain("ConstantCurvature")
    skeleton = Skeleton.from_osim(model)
    coordinates = torch.tensor([[*about, 0.3] * 2]) + torch.tensor([[bend, sideways, 0.0] * 2])
    coordinates = coordinates.to(torch.float64)
    assert max(apart(skeleton(coordinates), truth(model, skeleton, coordinates))) < 1e-13


@pytest.mark.parametrize("kind", ["Free", "Custom", "Custom of several coordinates", "Ellipsoid", "ConstantCurvature"])
def test_gradients_are_finite_differences(kind):
    skeleton = Skeleton.from_osim(parts.chain(kind))
    coordinates, factors = random_coordinates(skeleton, 2, seed=3), random_scales(skeleton)
    offsets = 0.01 * torch.ones(len(skeleton.marker_names), 3, dtype=torch.float64)
    inputs = tuple(value.requires_grad_() for value in (coordinates, factors, offsets))
    assert torch.autograd.gradcheck(lambda *given: tensors(skeleton(*given)), inputs, atol=1e-7, fast_mode=True)


def test_gradients_of_our_model_are_finite_differences(skeleton):
    skeleton = skeleton.carrying(skeleton.marker_names[::10])
    coordinates, factors = random_coordinates(skeleton, 1)[0], random_scales(skeleton)
    rng = np.random.default_rng(5)
    weights = [torch.as_tensor(rng.normal(size=part.shape)) for part in tensors(skeleton(coordinates))]
    offsets = torch.zeros(len(skeleton.marker_names), 3, dtype=torch.float64)
    inputs = tuple(value.requires_grad_() for value in (coordinates, factors, offsets))

    def total(*given: torch.Tensor) -> torch.Tensor:
        pose = tensors(skeleton(*given))
        return sum(((part * weight).sum() for part, weight in zip(pose, weights, strict=True)), torch.zeros(()))

    assert torch.autograd.gradcheck(total, inputs, atol=1e-6, fast_mode=True)


@pytest.mark.parametrize("kind", parts.JOINTS)
def test_axes_and_glides_make_the_jacobian(kind):
    """What a solver reads of a trace: each active axis moves what is behind it as a screw."""
    skeleton = Skeleton.from_osim(parts.chain(kind))
    coordinates, factors = random_coordinates(skeleton, 6).T, random_scales(skeleton)[..., None]
    trace = skeleton.trace(coordinates, factors)
    axes, sizes = skeleton.axes_in_ground(trace), skeleton.slide_sizes(factors)
    glides = skeleton.glides_in_ground(trace, factors)
    found = torch.zeros(len(skeleton.marker_names), 3, len(coordinates), 6, dtype=torch.float64)
    slopes, row_of = skeleton.motions.slopes(coordinates), {int(out): row for row, out in enumerate(skeleton.active)}
    carried = {"upper": [0], "lower": [0, 1]}  # joints that carry a body
    for marker, body in enumerate(skeleton.marker_body.tolist()):
        for entry, output in enumerate(skeleton.motions.entry_output.tolist()):
            joint, slot = divmod(output, 6)
            if joint not in carried.get(skeleton.body_names[body], []):
                continue
            row = row_of[output]
            if slot < 3:
                moved = torch.linalg.cross(axes[row], trace.markers[marker] - trace.joints[joint], dim=0)
                if row in skeleton.gliding:
                    moved = moved + glides[skeleton.gliding.tolist().index(row)]
            else:
                moved = axes[row] * sizes[skeleton.slide_row.tolist().index(output)]
            found[marker, :, int(skeleton.motions.entry_input[entry])] += moved * slopes[entry]
    expected = torch.autograd.functional.jacobian(lambda q: skeleton.trace(q, factors).markers.sum(-1), coordinates)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_batches_scales_and_offsets_take_any_leading_shape(skeleton):
    coordinates = random_coordinates(skeleton, 6)
    factors = torch.stack([random_scales(skeleton, seed) for seed in range(6)])
    offsets = torch.as_tensor(np.random.default_rng(0).normal(size=(6, len(skeleton.marker_names), 3)))
    whole = skeleton(coordinates.reshape(2, 3, -1), factors.reshape(2, 3, -1, 3), offsets.reshape(2, 3, -1, 3))
    assert whole.rotations.shape == (2, 3, len(skeleton.body_names), 3, 3)
    for frame in range(6):
        alone = skeleton(coordinates[frame], factors[frame], offsets[frame])
        assert alone.joints.shape == (len(skeleton.joint_names), 3)
        for part, one in zip(tensors(whole), tensors(alone), strict=True):
            torch.testing.assert_close(part[divmod(frame, 3)], one, rtol=0, atol=1e-13)
    shared = skeleton(coordinates, factors[:1], offsets[0])
    torch.testing.assert_close(shared.markers[0], whole.markers[0, 0], rtol=0, atol=1e-13)
    assert skeleton(coordinates[:0]).markers.shape == (0, len(skeleton.marker_names), 3)


def test_offsets_are_in_the_marker_s_body(skeleton):
    coordinates, shift = random_coordinates(skeleton, 4), torch.tensor([0.01, -0.02, 0.03], dtype=torch.float64)
    plain, moved = skeleton(coordinates), skeleton(coordinates, None, shift.expand(len(skeleton.marker_names), 3))
    expected = plain.markers + plain.rotations[:, skeleton.marker_body] @ shift
    torch.testing.assert_close(moved.markers, expected, rtol=0, atol=1e-14)


def test_nan_in_a_frame_is_nan_in_that_frame_alone(skeleton):
    coordinates = random_coordinates(skeleton, 3)
    whole = skeleton(coordinates)
    coordinates[1, skeleton.coordinate_names.index("pelvis_tilt")] = torch.nan
    broken = skeleton(coordinates)
    for part, one in zip(tensors(broken), tensors(whole), strict=True):
        torch.testing.assert_close(part[[0, 2]], one[[0, 2]], rtol=0, atol=0)
    assert broken.markers[1].isnan().all() and broken.positions[1, 1:].isnan().all()


def test_coupled_coordinates_follow_whatever_is_given_for_them(skeleton):
    coordinates = random_coordinates(skeleton, 3)
    beta, knee = (skeleton.coordinate_names.index(name) for name in ("knee_angle_r_beta", "knee_angle_r"))
    assert beta not in skeleton.free and knee in skeleton.free
    changed = coordinates.clone()
    changed[:, beta] = 9.0
    torch.testing.assert_close(skeleton.complete(changed), coordinates, rtol=0, atol=0)
    torch.testing.assert_close(skeleton(changed).positions, skeleton(coordinates).positions, rtol=0, atol=0)
    torch.testing.assert_close(coordinates[:, beta], coordinates[:, knee], rtol=0, atol=0)


def test_single_precision_is_a_hundredth_of_a_millimetre(skeleton):
    coordinates, factors = random_coordinates(skeleton, 200), random_scales(skeleton)
    coordinates[:, ~skeleton.rotational] /= 25  # from -2 to 2 m
    single = copy.deepcopy(skeleton).to("cpu", torch.float32)
    found, expected = single(coordinates.float(), factors.float()), skeleton(coordinates, factors)
    assert {part.dtype for part in tensors(found)} == {torch.float32}
    assert float((found.markers.double() - expected.markers).abs().max()) < 1e-5
    assert float((found.rotations.double() - expected.rotations).abs().max()) < 1e-5
    narrow = single.carrying(skeleton.marker_names[:5]).carrying(skeleton.marker_names[:2])
    assert narrow(coordinates.float()).markers.dtype == torch.float32


def test_carrying_keeps_what_moves_the_markers(skeleton):
    names = [skeleton.marker_names[k] for k in (7, 2, 11)]
    narrow, coordinates = skeleton.carrying(names), random_coordinates(skeleton, 3)
    assert narrow.marker_names == names and len(narrow.body_names) < len(skeleton.body_names)
    factors = random_scales(skeleton)
    of_narrow = factors[[skeleton.body_names.index(body) for body in narrow.body_names]]
    expected = skeleton(coordinates, factors).markers[:, [7, 2, 11]]
    torch.testing.assert_close(narrow(coordinates, of_narrow).markers, expected, rtol=0, atol=1e-14)
    bare = skeleton.carrying([])
    assert bare.body_names == ["ground"] and bare(coordinates).markers.shape == (3, 0, 3)
    with pytest.raises(BioposeError, match="no marker tail"):
        skeleton.carrying(["tail"])


def test_copies_work_for_other_processes(skeleton):
    coordinates = random_coordinates(skeleton, 2)
    for other in (copy.deepcopy(skeleton), pickle.loads(pickle.dumps(skeleton))):
        torch.testing.assert_close(other(coordinates).markers, skeleton(coordinates).markers, rtol=0, atol=0)
        assert other.coordinate_names == skeleton.coordinate_names


def test_names_and_limits_are_the_model_s(skeleton, ours):
    model = load_model(ours)
    coordinates = list(model.getCoordinateSet())
    assert skeleton.coordinate_names == [c.getName() for c in coordinates]
    assert skeleton.marker_names == [m.getName() for m in model.getMarkerSet()]
    assert sorted(skeleton.body_names[1:]) == sorted(b.getName() for b in model.getBodySet())
    assert skeleton.ranges.tolist() == [[c.getRangeMin(), c.getRangeMax()] for c in coordinates]
    assert skeleton.defaults.tolist() == [c.getDefaultValue() for c in coordinates]
    for body, joint in zip(skeleton.body_names[1:], skeleton.joint_names, strict=True):
        assert model.getJointSet().get(joint).getChildFrame().findBaseFrame().getName() == body
