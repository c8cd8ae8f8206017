"""The network before any training: what it must do whatever its weights are."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.angles import wrapped
from biomech.neurik.analytic import Analytic, wahba
from biomech.neurik.anatomy import Anatomy
from biomech.neurik.network import NeurIK, Sizes, coordinates_in_mirror, in_mirror, within
from biomech.train.neurik.data import plain
from biomech.train.neurik.losses import LossWeights, losses

SMALL = Sizes(window=16, node_width=12, width=24, layers=2, heads=2)


@pytest.fixture(scope="module")
def network(skeleton):
    torch.manual_seed(0)
    network = NeurIK(skeleton, SMALL).eval()
    with torch.no_grad():  # so that the heads say something
        network.head.weight.normal_(0, 0.3)
        network.scale_last.weight.normal_(0, 0.3)
    return network


@pytest.fixture(scope="module")
def batch(motions):
    return plain(motions.batch([0, 1, 2]))


def test_wahba_finds_the_rotation_of_flat_and_solid_point_sets():
    rng = np.random.default_rng(0)
    turns = Rotation.random(200, random_state=1).as_matrix()
    for flat in (1.0, 0.0):
        points = rng.normal(size=(200, 6, 3)) * [1.0, 0.7, flat]
        moment = np.einsum("nij,nmj,nmk->nik", turns, points, points)
        found = wahba(torch.from_numpy(moment).float()[..., None])[..., 0].numpy()
        assert np.abs(found - turns).max() < 1e-3
        assert np.allclose(np.linalg.det(found), 1, atol=1e-5)


def test_first_answer_of_the_models_own_markers(skeleton, motions):
    anatomy = Anatomy.of(skeleton)
    first = Analytic(anatomy)(
        motions.markers.flatten(0, 1).movedim(0, -1).contiguous(), torch.ones(142, 128), torch.full((16, 16), 1 / 16)
    )
    error = wrapped(first.coordinates.T - motions.coordinates.flatten(0, 1)).abs()
    names = anatomy.coordinate_names
    for name in ("pelvis_tilt", "pelvis_rotation", "lumbar_bending", "hip_flexion_r", "hip_rotation_l", "arm_add_r"):
        assert torch.rad2deg(error[:, names.index(name)]).median() < 2.0, name
    # Translations are the pelvis's own, and sizes those of the person.
    assert error[:, anatomy.translation].max() < 0.005
    size = motions.scales[:, 1, 0].repeat_interleave(16)
    wrong = (first.sizes / size - 1).abs()
    assert wrong.median() < 0.005 and wrong.max() < 0.15


def test_every_coordinate_is_given_once(skeleton):
    anatomy = Anatomy.of(skeleton)
    numbers = anatomy.chain_coordinates[anatomy.chain_coordinates >= 0].tolist() + anatomy.translation.tolist()
    assert sorted(numbers) == list(range(len(anatomy.coordinate_names)))


@torch.no_grad()
def test_heading_and_place_change_nothing_but_heading_and_place(network, batch):
    angle = 2.0
    turn = torch.tensor([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]).float()
    shift = torch.tensor([3.0, -0.5, 2.0])
    one = network(batch.markers)
    other = network(batch.markers @ turn.T + shift)
    free = network.free_rows
    assert torch.allclose(one.coordinates[..., free], other.coordinates[..., free], atol=2e-4)
    assert torch.allclose(one.scales, other.scales, atol=1e-4)
    moved = network.pose(one).markers @ turn.T + shift
    assert (moved - network.pose(other).markers).abs().max() < 1e-3


@torch.no_grad()
def test_causal_answers_do_not_see_what_comes(network, batch):
    changed = batch.markers.clone()
    changed[:, 9:] += 0.1 * torch.randn(changed[:, 9:].shape, generator=torch.Generator().manual_seed(1))
    one, other = (network(m, causal=True) for m in (batch.markers, changed))
    assert torch.allclose(one.coordinates[:, :9], other.coordinates[:, :9], atol=1e-5)
    assert torch.allclose(one.scales[:, :9], other.scales[:, :9], atol=1e-5)
    assert not torch.allclose(one.coordinates[:, 9:], other.coordinates[:, 9:], atol=1e-3)
    # Without `causal` they do, and there is one set of scales.
    whole = [network(m) for m in (batch.markers, changed)]
    assert not torch.allclose(whole[0].coordinates[:, :9], whole[1].coordinates[:, :9], atol=1e-4)
    assert torch.allclose(whole[0].scales[:, 0], whole[0].scales[:, -1], atol=1e-5)


@torch.no_grad()
def test_missing_markers_do_not_count(network, batch):
    gone = batch.markers.clone()
    gone[:, 4:8, ::5] = torch.nan
    answer = network(gone)
    assert answer.coordinates.isfinite().all() and answer.scales.isfinite().all()
    # Whatever stands where the confidence is 0.
    sure = gone.isfinite().all(-1).float()
    nonsense = torch.where(gone.isfinite(), gone, torch.tensor(7.0))
    assert torch.allclose(network(nonsense, sure).coordinates, answer.coordinates, atol=1e-5)
    # A whole hand out of sight goes with the forearm.
    hand = [k for k, n in enumerate(network.anatomy.node_of_marker) if network.anatomy.node_names[n] == "hand_r"]
    gone[:, :, hand] = torch.nan
    assert network(gone).coordinates.isfinite().all()


@torch.no_grad()
def test_coordinates_stay_in_range(network, batch):
    wild = network(batch.markers + 0.3 * torch.randn(batch.markers.shape, generator=torch.Generator().manual_seed(2)))
    low, high = torch.as_tensor(network.anatomy.ranges, dtype=torch.float32)[network.free_rows].T
    values = wild.coordinates[..., network.free_rows]
    assert (values >= low - 1e-5).all() and (values <= high + 1e-5).all()


def test_within_leaves_the_middle_alone():
    ranges = torch.tensor([[-1.0, 1.0]])
    values = torch.linspace(-0.85, 0.85, 50)[None]
    assert torch.allclose(within(values, ranges), values, atol=1e-4)
    assert float(within(torch.tensor([[9.0]]), ranges)) <= 1.0


def test_both_sides_are_scaled_alike(network, batch):
    scales = network(batch.markers).scales
    names = network.anatomy.body_names
    assert torch.equal(scales[:, :, names.index("femur_r")], scales[:, :, names.index("femur_l")])
    assert torch.equal(scales[:, :, 0], torch.ones_like(scales[:, :, 0]))


def test_mirror_image_of_motion_has_mirrored_markers(network, batch):
    pose = network.skeleton(batch.coordinates, batch.scales[:, None].expand(-1, 16, -1, -1))
    mirrored = network.skeleton(
        coordinates_in_mirror(network.anatomy, batch.coordinates), batch.scales[:, None].expand(-1, 16, -1, -1)
    )
    assert (in_mirror(network.anatomy, pose.markers) - mirrored.markers).abs().max() < 1e-4


@pytest.mark.parametrize("weights", [LossWeights(), LossWeights(joints=0, markers=0)])
def test_gradients_flow_to_all_parameters(skeleton, batch, weights):
    torch.manual_seed(1)
    network = NeurIK(skeleton, SMALL)
    parts = losses(network, network(batch.markers), batch.coordinates, batch.scales, batch.mask, weights)
    parts["loss"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert [n for n, p in network.named_parameters() if p.grad.abs().max() == 0] == []


def test_a_perfect_answer_has_no_loss_whichever_way_round(network, batch):
    perfect = network(batch.markers)._replace(
        coordinates=batch.coordinates, scales=batch.scales[:, None].expand(-1, 16, -1, -1)
    )
    around = batch.coordinates.clone()
    around[..., network.anatomy.rotational.nonzero()[0][3]] += 2 * np.pi
    for labels in (batch.coordinates, around):
        parts = losses(network, perfect, labels, batch.scales, batch.mask, LossWeights())
        assert float(parts["loss"]) < 1e-3
    nothing = losses(network, perfect, batch.coordinates + 1, batch.scales, batch.mask & False, LossWeights())
    assert float(nothing["loss"]) < 1e-3


def test_masked_labels_do_not_count(network, batch):
    mask = batch.mask.clone()
    mask[..., network.anatomy.coordinate_names.index("knee_angle_r")] = False
    mask[:, 3] = False
    wrong = torch.where(mask, batch.coordinates, batch.coordinates + 0.5)
    answer = network(batch.markers)
    one, other = (
        losses(network, answer, labels, batch.scales, mask, LossWeights()) for labels in (batch.coordinates, wrong)
    )
    for name, part in one.items():
        assert torch.allclose(part, other[name], atol=1e-6), name
    everything = losses(network, answer, wrong, batch.scales, batch.mask, LossWeights())
    assert everything["markers"].item() > one["markers"].item() + 0.005
