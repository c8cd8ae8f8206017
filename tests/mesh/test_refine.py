"""Refinement on the picture: what it lowers, what it leaves, when it gives way to the network's own answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.detector import Region
from biomech.keypoints.heat_maps import FrameHeatMaps, HeatMaps, scaled
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.mqhmr.bodies import KEYPOINTS, anny_layer
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.network import MQHMR, Inputs, configuration
from biomech.mesh.mqhmr.predict import inputs_of_frames
from biomech.mesh.mqhmr.pyramid import DetectorOutput
from biomech.mesh.mqhmr.refine import Refinement, Target2D, rarity, refine, refined, target_of

SMALL = configuration("compact", tokens=6, layers=2, width=16, heads=2, feed_width=16, memory_width=8, value_width=8)
PEOPLE = 5


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = MQHMR(SMALL, anny_layer()).eval()
    with torch.no_grad():
        network.pose_head.weight.mul_(20)  # untrained heads hardly listen to their tokens
    return network


@pytest.fixture(scope="module")
def inputs():
    torch.manual_seed(1)
    crop = Crop(
        torch.tensor([[480.0, 360.0]]).repeat(PEOPLE, 1),
        torch.full((PEOPLE,), 500.0),
        torch.linspace(-0.2, 0.2, PEOPLE),
        torch.full((PEOPLE,), 900.0),
        torch.tensor([[480.0, 360.0]]).repeat(PEOPLE, 1),
    )
    evidence = DetectorOutput(
        torch.rand(PEOPLE, 39, 64, 64) ** 8,
        torch.zeros(PEOPLE, 64, 64),
        300 + 300 * torch.rand(PEOPLE, 33, 2),
        torch.rand(PEOPLE, 33),
        0.3 * torch.randn(PEOPLE, 33, 3),
    )
    return Inputs(crop, evidence=evidence)


@pytest.fixture(scope="module")
def target(network, inputs):
    """The picture of the body of other tokens, moved aside a little."""
    torch.manual_seed(2)
    with torch.no_grad():
        queries = network.decoder.queries + 0.02 * torch.randn(PEOPLE, *network.decoder.queries.shape)
        answer = network(inputs, queries)
        points = network.pose(answer._replace(root_position_m=answer.root_position_m + 0.03)).keypoints
        xy = torch.full((PEOPLE, len(KEYPOINTS), 2), torch.nan)
        xy[:, network.body.keypoint_rows] = network.project(points, inputs.crop)
    return Target2D(xy, torch.ones(PEOPLE, len(KEYPOINTS)))


@pytest.fixture
def anybody(monkeypatch):
    """An untrained network's poses are all rare."""
    monkeypatch.setattr("biomech.mesh.mqhmr.refine.MARGIN", 1e9)


def test_the_body_comes_to_lie_on_the_picture(network, inputs, target, anybody):
    found = refine(network, inputs, target, 20)
    assert found.refined.all()
    assert (found.error_after < 0.7 * found.error_before).all()
    # The figures are those of the answer that is handed back.
    own = network(inputs)
    for answer, error in ((own, found.error_before), (found.answer, found.error_after)):
        at = inputs.crop.into(network.project(network.pose(answer).keypoints, inputs.crop))
        there = inputs.crop.into(target.xy)[:, network.body.keypoint_rows]
        torch.testing.assert_close((at - there).norm(dim=-1).mean(1), error)
    torch.testing.assert_close(found.answer.betas, own.betas)
    identity = found.answer.rotations @ found.answer.rotations.mT
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_long_lens_of_a_weak_network_makes_no_keypoint_an_outlier(inputs, anybody):
    """Its people are 43 m away: a keypoint's deviation in the crop hangs on its own lens, not on the true one."""
    torch.manual_seed(0)
    weak = MQHMR(replace(SMALL, projection="weak"), anny_layer()).eval()
    with torch.no_grad():
        weak.pose_head.weight.mul_(20)
        points = weak.pose(weak(inputs)).keypoints + torch.tensor([0.08, 0.0, 0.0])
        xy = torch.full((PEOPLE, len(KEYPOINTS), 2), torch.nan)
        xy[:, weak.body.keypoint_rows] = weak.project(points, inputs.crop)
    found = refine(weak, inputs, Target2D(xy, torch.ones(PEOPLE, len(KEYPOINTS))), 20)
    assert found.refined.all() and (found.error_after < 0.7 * found.error_before).all()


def test_people_do_not_hang_on_each_other(network, inputs, target):
    together, alone = (refine(network, inputs, target, 4, chunk=chunk) for chunk in (PEOPLE, 2))
    torch.testing.assert_close(together.answer, alone.answer, atol=1e-4, rtol=1e-4)
    assert torch.equal(together.refined, alone.refined)


def test_no_iterations_leave_the_answer(network, inputs, target):
    found, own = refine(network, inputs, target, 0), network(inputs)
    assert not found.refined.any()
    torch.testing.assert_close(found.answer, own)


def test_gives_way_where_keypoints_are_missing(network, inputs, target, anybody):
    confidence = target.confidence.clone()
    confidence[1, :17] = 0.1
    confidence[2, :16] = 0.1
    xy = target.xy.clone()
    xy[3, :17] = torch.nan
    found, own = refine(network, inputs, Target2D(xy, confidence), 5), network(inputs)
    assert found.refined.tolist() == [True, False, True, False, True]
    for row in (1, 3):
        torch.testing.assert_close(found.answer.rotations[:, row], own.rotations[:, row])
        torch.testing.assert_close(found.answer.root_position_m[row], own.root_position_m[row])
    assert found.answer.rotations.isfinite().all()


def test_gives_way_where_nobody_stands_like_that(network, inputs, target, monkeypatch):
    monkeypatch.setattr("biomech.mesh.mqhmr.refine.MARGIN", -1e6)
    found, own = refine(network, inputs, target, 3), network(inputs)
    assert not found.refined.any()
    torch.testing.assert_close(found.answer.root_position_m, own.root_position_m)
    torch.testing.assert_close(found.error_after, found.error_before)


def test_a_knee_that_bends_forwards_is_rare(network):
    body = network.body
    usual = body.mean_pose[None].clone()
    broken = usual.clone()
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # 90° the wrong way
    broken[:, body.bone_names.index("LeftLeg")] = turn
    assert float(rarity(body, usual)) < 60 < 300 < float(rarity(body, broken))


def test_the_mask_pulls_the_body_in(network, inputs, target, anybody):
    mask = torch.zeros(PEOPLE, 64, 64)
    mask[:, :, 40:60] = 1
    nowhere = Target2D(target.xy, torch.full_like(target.confidence, 0.0), mask)
    confident = Target2D(target.xy, target.confidence, mask)
    usual = refine(network, inputs, confident, 10, refinement=Refinement(mask=0.0))
    pulled = refine(network, inputs, confident, 10, refinement=Refinement(mask=40.0))
    assert not refine(network, inputs, nowhere, 2).refined.any()
    places = [inputs.crop.into(network.project(network.pose(f.answer).surface, inputs.crop)) for f in (usual, pulled)]
    rightwards = (places[1] - places[0]).mean(1)[..., 0]
    assert pulled.refined.any() and float(rightwards[pulled.refined].mean()) > 0.003


def test_a_clip_frame_by_frame(network, inputs, anybody):
    """A frame without the person stays empty; the others are as their evidence alone has them."""
    evidence, crop = inputs.evidence, inputs.crop
    regions = [
        Region(tuple(center), size, angle)
        for center, size, angle in zip(*(part.tolist() for part in crop[:3]), strict=True)
    ]
    heat, mask = scaled(evidence.heat.numpy()), scaled(evidence.mask.numpy())
    maps = [FrameHeatMaps.of(h, m, region) for h, m, region in zip(heat, mask, regions, strict=True)]
    xy, world_m = evidence.xy.double().numpy(), evidence.lifted_m.double().numpy()
    xy[2], maps[2] = np.nan, None
    heat_maps = HeatMaps.gathered(maps)
    size_px, time_s = (961, 721), np.arange(PEOPLE) / 30
    keypoints = Keypoints(
        list(POINT_NAMES), xy, np.ones((PEOPLE, 33)), time_s, size_px, 900.0, "given", world_m, heat_maps=heat_maps
    )
    frames, flags = refined(network, keypoints, 2)
    assert frames.seen.tolist() == [True, True, False, True, True] and not flags[2]
    assert np.isnan(frames.keypoints_m[2]).all() and np.isfinite(frames.keypoints_m[frames.seen]).all()
    whole = inputs_of_frames(keypoints, np.array([3]))
    alone = refine(network, whole, target_of(whole.evidence), 2)
    np.testing.assert_allclose(frames.rotations[3], alone.answer.rotations[-1, 0], atol=1e-4)
    assert flags[3] == alone.refined[0]


def test_target_is_what_the_detector_says(inputs):
    target = target_of(inputs.evidence)
    assert target.xy.shape == (PEOPLE, len(KEYPOINTS), 2)
    assert torch.equal(target.confidence[:, :33], inputs.evidence.confidence) and not target.confidence[:, 33:].any()
