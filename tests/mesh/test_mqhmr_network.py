"""MQ-HMR: shapes, starting point, tokens as an argument, that it can learn."""

import math
from dataclasses import replace

import pytest
import torch

from biomech.errors import BioposeError
from biomech.mesh.mqhmr.bodies import KEYPOINTS, anny_layer
from biomech.mesh.mqhmr.camera import MEAN_SCALE, Crop, place
from biomech.mesh.mqhmr.encoder import VIT_SIZES, VitSize
from biomech.mesh.mqhmr.heads import rotation_from_6d, six_from_rotation
from biomech.mesh.mqhmr.network import CONFIGS, MQHMR, BodyPrediction, Config, Inputs, body_layer, configuration
from biomech.mesh.mqhmr.pyramid import DetectorOutput
from biomech.train.mqhmr.losses import MeshLossWeights, Truth, completed, losses

BATCH = 3
SMALL = configuration("compact", tokens=12, layers=2, width=32, heads=2, feed_width=32, memory_width=8, value_width=8)


@pytest.fixture(scope="module")
def body():
    return anny_layer()


def crop_of(batch=BATCH):
    row = torch.tensor([900.0, 700.0])
    return Crop(
        row.repeat(batch, 1),
        torch.full((batch,), 800.0),
        torch.linspace(-0.2, 0.2, batch),
        torch.full((batch,), 1500.0),
        torch.tensor([[960.0, 540.0]]).repeat(batch, 1),
    )


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    evidence = DetectorOutput(
        torch.rand(BATCH, 39, 64, 64, generator=generator),
        torch.rand(BATCH, 64, 64, generator=generator).round(),
        500 + 800 * torch.rand(BATCH, 33, 2, generator=generator),
        torch.rand(BATCH, 33, generator=generator),
        torch.randn(BATCH, 33, 3, generator=generator),
    )
    return Inputs(crop_of(), picture=torch.rand(BATCH, 3, 256, 192, generator=generator), evidence=evidence)


def network_of(body, config: Config = SMALL, seed=0):
    torch.manual_seed(seed)
    return MQHMR(config, body)


def truth_of(network, body, crop):
    """Everything known, of a person posed at random; one without pose, one without anything in 3D."""
    generator = torch.Generator().manual_seed(1)
    six = six_from_rotation(body.mean_pose) + 0.2 * torch.randn(BATCH, len(body.parents), 6, generator=generator)
    rotations = body.whole_pose(rotation_from_6d(six)[:, body.turning])
    betas = body.shape(0.5 * torch.randn(BATCH, len(body.shape_names), generator=generator))
    root = torch.tensor([[0.0, 0.1, 4.0]]).repeat(BATCH, 1)
    points = body(betas, rotations, root).keypoints
    truth = Truth(
        rotations, betas, root, network.project(points, crop), torch.ones(points.shape[:2]), points,
        torch.ones(points.shape[:2]),
    )  # fmt: skip
    truth.rotations[1:], truth.betas[1:], truth.root_position_m[1:] = torch.nan, torch.nan, torch.nan
    truth.keypoints_m[2], truth.confidence_3d[2] = torch.nan, 0
    truth.keypoints_px[0, :5], truth.confidence_2d[0, :5] = torch.nan, 0
    return truth


def test_six_numbers_are_a_rotation():
    rotations = rotation_from_6d(torch.randn(20, 6))
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3).expand(20, 3, 3), atol=1e-5, rtol=0)
    assert (torch.linalg.det(rotations) > 0).all()
    torch.testing.assert_close(rotation_from_6d(six_from_rotation(rotations)), rotations, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        replace(SMALL, projection="weak"),
        replace(SMALL, strides=(8, 16), tokens=24),
        replace(SMALL, front="rgb", encoder="tiny"),
    ],
)
def test_answers_start_at_the_mean(body, inputs, config, monkeypatch):
    monkeypatch.setitem(VIT_SIZES, "tiny", VitSize(24, 1, 2))
    network = network_of(body, config).eval()
    with torch.no_grad():
        answer = network(inputs)
    assert answer.rotations.shape == (config.layers + 1, BATCH, 31, 3, 3)
    assert answer.betas.shape == (BATCH, 24) and answer.camera.shape == (BATCH, 3)
    torch.testing.assert_close(answer.rotations[:, :, 1:], body.mean_pose[1:].expand_as(answer.rotations[:, :, 1:]),
                               atol=0.1, rtol=0)  # fmt: skip
    torch.testing.assert_close(answer.betas, body.mean_shape.expand_as(answer.betas), atol=0.05, rtol=0)
    points = network.pose(answer).keypoints
    at = inputs.crop.into(network.project(points, inputs.crop))
    assert at.abs().max() < 0.75 and at.mean(1).abs().max() < 0.2  # a person in the crop
    assert points[..., 2].min() > 1


def test_queries_are_an_argument(body, inputs):
    """The refinement's way in: frozen network, gradients to the queries alone, those of each person's own."""
    network = network_of(body).eval().requires_grad_(False)
    usual = network(inputs)
    torch.testing.assert_close(network(inputs, network.decoder.queries).rotations, usual.rotations)
    queries = network.decoder.queries.repeat(BATCH, 1, 1).requires_grad_()
    features = network.features(inputs)
    answer = network.decode(features, inputs.crop, queries)
    torch.testing.assert_close(answer.rotations, usual.rotations)
    network.project(network.pose(answer).keypoints, inputs.crop)[0].sum().backward()
    assert queries.grad[0].abs().sum() > 0 and not queries.grad[1:].any()
    torch.testing.assert_close(answer.betas, usual.betas)  # β and camera do not hang on the tokens


def test_evidence_outside_its_order_changes_the_answer(body, inputs):
    """Maps reach the pose through the deformable attention: with landmarks the same, other maps, another pose."""
    network = network_of(body).eval()
    with torch.no_grad():
        network.pose_head.weight.normal_()
        other = inputs._replace(evidence=inputs.evidence._replace(heat=inputs.evidence.heat.flip(-1)))
        assert (network(inputs).rotations[-1] - network(other).rotations[-1]).abs().max() > 1e-3


def test_perfect_answer_has_no_loss_and_gaps_no_gradient(body, inputs):
    network = network_of(body)
    truth = truth_of(network, body, inputs.crop)
    answer = network(inputs)
    parts = losses(network, answer, inputs.crop, truth, MeshLossWeights())
    assert all(float(part.detach()) > 0.001 for part in parts.values())
    parts["loss"].backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert all(g.isfinite().all() for g in gradients) and any(g.any() for g in gradients)

    first = slice(0, 1)
    known = Truth(*(part[first] for part in truth))
    exact = answer._replace(
        rotations=known.rotations.expand(2, -1, -1, -1, -1), betas=known.betas, root_position_m=known.root_position_m
    )
    crop = Crop(*(part[first] for part in inputs.crop))
    for part in losses(network, exact, crop, known, MeshLossWeights()).values():
        assert float(part.detach()) < 1e-4


def test_every_layer_is_supervised(body, inputs):
    network = network_of(body)
    truth = truth_of(network, body, inputs.crop)
    with torch.no_grad():
        answer = network(inputs)
    rotations = answer.rotations.clone().requires_grad_()
    losses(network, answer._replace(rotations=rotations), inputs.crop, truth, MeshLossWeights())["loss"].backward()
    sizes = rotations.grad.abs().sum((1, 2, 3, 4))
    assert 0 < sizes[0] < sizes[-1]
    last = MeshLossWeights(earlier=0)
    rotations.grad = None
    losses(network, answer._replace(rotations=rotations), inputs.crop, truth, last)["loss"].backward()
    assert not rotations.grad[:-1].any() and rotations.grad[-1].any()


def test_learns_what_it_is_shown(body, inputs):
    network = network_of(body)
    truth = truth_of(network, body, inputs.crop)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    seen = []
    for _ in range(12):
        parts = losses(network, network(inputs), inputs.crop, truth, MeshLossWeights(pose=0.1))
        optimiser.zero_grad()
        parts["loss"].backward()
        optimiser.step()
        seen.append(float(parts["loss"].detach()))
    assert seen[-1] < 0.75 * seen[0]


def test_checkpointing_changes_no_gradient(body, inputs):
    gradients = []
    for checkpointing in (False, True):
        network = network_of(body, replace(SMALL, checkpointing=checkpointing))
        network(inputs).rotations.square().mean(0)[..., 0].sum().backward()
        gradients.append(network.decoder.layers[0].feed[0].weight.grad)
    torch.testing.assert_close(*gradients)


def test_compact_is_small(body):
    network = network_of(body, CONFIGS["compact"])
    assert sum(p.numel() for p in network.parameters()) < 10e6
    assert len(KEYPOINTS) == len(body.keypoint_names)


def test_refusals():
    with pytest.raises(BioposeError, match="Choose one of H, L, B, S, compact"):
        configuration("XL")
    with pytest.raises(BioposeError, match="`body_model`"):
        body_layer(configuration("S", body="smpl"))


def test_a_weak_network_is_taught_the_picture_as_it_is(body):
    """Its own lens, which would put people 43 m away, has no say in where the truth is in the picture."""
    network = network_of(body, replace(SMALL, projection="weak")).eval()
    crop, unknown = crop_of(), torch.full((BATCH, len(KEYPOINTS), 3), torch.nan)
    rotations = body.mean_pose.repeat(BATCH, 1, 1, 1)
    root = torch.tensor([-0.12, 0.32, 3.0]).repeat(BATCH, 1)  # through the crop's centre
    none = torch.zeros(BATCH, len(KEYPOINTS))
    truth = completed(
        network, Truth(rotations, body.mean_shape.repeat(BATCH, 1), root, unknown[..., :2], none, unknown, none), crop
    )
    assert crop.into(truth.keypoints_px)[:, body.keypoint_rows].abs().max() < 1.0

    # Who stands as large in the crop, at the same place of it, is where the truth is.
    wide_m = 800 * 3.0 / 1500
    camera = torch.tensor([math.log(2 / (MEAN_SCALE * wide_m)), 0.0, 0.0]).repeat(BATCH, 1)
    _, position = place(camera, rotations[None, :, 0], crop.weak())
    torch.testing.assert_close(network.seen_by(root, crop), position, atol=1e-3, rtol=1e-4)
    answer = BodyPrediction(rotations[None], truth.betas, camera, position)
    assert float(losses(network, answer, crop, truth, MeshLossWeights())["root"]) < 1e-3
    assert float(losses(network, answer, crop, truth, MeshLossWeights())["keypoints_2d"]) < 0.1 * len(KEYPOINTS)
