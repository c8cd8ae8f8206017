"""A body seen in a mirror is the body with left and right exchanged."""

import pytest
import torch

from biomech.mesh.mqhmr.bodies import KEYPOINTS, anny_layer
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.mirror import LANDMARKS, mirrored_crop, mirrored_evidence
from biomech.mesh.mqhmr.pyramid import DetectorOutput
from biomech.train.mqhmr.losses import Truth
from biomech.train.mqhmr.mirror import SAME_SIDE, mirrored_truth

IN_CAMERA = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body():
    return anny_layer()


@pytest.fixture
def crop():
    return Crop(
        torch.tensor([[300.0, 200.0], [700.0, 500.0]]),
        torch.tensor([400.0, 600.0]),
        torch.tensor([0.2, -0.4]),
        torch.tensor([900.0, 1200.0]),
        torch.tensor([[639.5, 359.5], [639.5, 359.5]]),
    )


def test_the_mirrored_truth_is_the_mirrored_body(body, crop):
    torch.manual_seed(0)
    turned = torch.linalg.qr(torch.randn(2, len(body.turning), 3, 3)).Q
    turned = turned * torch.linalg.det(turned)[..., None, None]
    rotations, betas = body.whole_pose(turned), body.shape(0.5 * torch.randn(2, len(body.shape_names)))
    root = torch.tensor([[0.3, 0.1, 3.0], [-0.5, 0.2, 4.0]])
    unknown = torch.full((2, len(KEYPOINTS), 3), torch.nan)
    nothing = torch.zeros(2, len(KEYPOINTS))
    truth = Truth(rotations, betas, root, unknown[..., :2], nothing, unknown, nothing)
    mirrored = mirrored_truth(truth, crop, body.name, body.bone_names)
    found = body(mirrored.betas, mirrored.rotations, mirrored.root_position_m).keypoints
    wanted = body(betas, rotations, root).keypoints[:, [*LANDMARKS, *SAME_SIDE]] * IN_CAMERA
    torch.testing.assert_close(found, wanted, rtol=0, atol=3e-3)  # the body itself is not quite symmetric
    twice = mirrored_truth(mirrored, mirrored_crop(crop), body.name, body.bone_names)
    torch.testing.assert_close(twice.rotations, rotations)


def test_the_mirrored_evidence_lies_where_it_lay_in_the_crop(crop):
    torch.manual_seed(0)
    heat = torch.zeros(2, 39, 64, 64)
    heat[:, 11, 10, 20] = 1  # the left shoulder
    evidence = DetectorOutput(
        heat, torch.rand(2, 64, 64), 1000 * torch.rand(2, 33, 2), torch.rand(2, 33), torch.rand(2, 33, 3)
    )
    mirrored, there = mirrored_evidence(evidence, crop), mirrored_crop(crop)
    assert mirrored.heat[:, 12, 10, 43].eq(1).all() and mirrored.heat.sum() == heat.sum()
    places, before = there.into(mirrored.xy), crop.into(evidence.xy)[:, LANDMARKS]
    torch.testing.assert_close(places, before * torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(
        there.upright(mirrored.lifted_m), crop.upright(evidence.lifted_m)[:, LANDMARKS] * IN_CAMERA
    )
    back = mirrored_evidence(mirrored, there)
    for ours, theirs in zip(back, evidence, strict=True):
        torch.testing.assert_close(ours, theirs)
