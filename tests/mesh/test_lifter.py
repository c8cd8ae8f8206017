"""The lifter: what it sees, its mirror image, and that its shipped weights help on a body it never saw."""

import json

import numpy as np
import pytest
import torch

from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.lifter import FEATURES, FILE, POINTS, Lifter, features, in_mirror, lift, mirrored

LEFT, RIGHT = POINT_NAMES.index("left_wrist"), POINT_NAMES.index("right_wrist")


@pytest.fixture
def seen():
    rng = np.random.default_rng(3)
    world = rng.normal(0, 0.4, (5, POINTS, 3))
    focal, center = 900.0, np.array([319.5, 239.5])
    placed = world + np.array([0.3, 0.1, 4.0])
    xy = placed[..., :2] / placed[..., 2:] * focal + center
    return xy, rng.uniform(0.2, 1, (5, POINTS)), world, focal, center


def test_features_do_not_hang_on_the_lens_or_the_place_in_the_picture(seen):
    xy, confidence, world, focal, center = seen
    here, _ = features(xy, confidence, world, focal, center)
    zoomed, _ = features((xy - center) * 2 + 50.0, confidence, world, 2 * focal, np.array([50.0, 50.0]))
    assert here.shape == (5, FEATURES)
    np.testing.assert_allclose(here, zoomed, atol=1e-9)


def test_twice_in_the_mirror_is_itself(seen):
    columns = torch.from_numpy(features(*seen)[0])
    torch.testing.assert_close(mirrored(mirrored(columns)), columns)
    points = torch.randn(2, POINTS, 3)
    assert torch.equal(in_mirror(points)[:, LEFT, 1:], points[:, RIGHT, 1:])
    assert torch.equal(in_mirror(points)[:, LEFT, 0], -points[:, RIGHT, 0])


def test_an_untrained_lifter_says_what_the_detector_said(seen):
    columns, _ = features(*seen)
    with torch.no_grad():
        points, _ = Lifter().eval()(torch.from_numpy(columns).float())
    said = seen[2] / 1.7
    np.testing.assert_allclose(points.numpy(), said - said.mean(1, keepdims=True), atol=1e-5)


def test_lifted_points_lie_about_their_mean_with_a_positive_spread(seen):
    xy, confidence, world, focal, center = seen
    points, spread = lift(xy, confidence, world, focal, center)
    assert points.shape == spread.shape == (5, POINTS, 3)
    np.testing.assert_allclose(points.mean(1), 0, atol=1e-5)
    assert (spread > 0).all()


def test_the_recipe_beside_the_weights_says_that_they_help():
    recipe = json.loads(FILE.with_suffix(".json").read_text())
    held_out = recipe["held_out"]
    assert held_out["lifted_pa_mpjpe_mm"] < 0.85 * held_out["detector_pa_mpjpe_mm"]
    assert 0.5 < held_out["within_one_spread"] < 0.75  # Laplace: 0.63
