"""The crop's camera against the pinhole of `biomech.camera`."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from biomech.camera import Camera
from biomech.keypoints.detector import Region
from biomech.mesh.mqhmr.camera import MEAN_SCALE, Crop, place, project

REGION = Region((900.0, 300.0), 400.0, 0.3)
FOCAL, CENTER = 1100.0, (639.5, 359.5)


def crop_of(region: Region = REGION, dtype=torch.float64) -> Crop:
    return Crop(
        torch.tensor([region.center_px], dtype=dtype),
        torch.tensor([region.size_px], dtype=dtype),
        torch.tensor([region.angle_rad], dtype=dtype),
        torch.tensor([FOCAL], dtype=dtype),
        torch.tensor([CENTER], dtype=dtype),
    )


def test_crop_is_the_detectors_region():
    xy = np.random.default_rng(0).uniform(0, 1000, (7, 2))
    matrix = REGION.matrix(256)
    wanted = (xy @ matrix[:, :2].T + matrix[:, 2]) / 256 - 0.5
    found = crop_of().into(torch.tensor(xy)[None])
    np.testing.assert_allclose(found[0], wanted, atol=1e-12)
    np.testing.assert_allclose(crop_of().out_of(found)[0], xy, atol=1e-9)


def test_ray_axes_turn_the_least_and_with_the_crop():
    crop = crop_of()
    rotation = crop.rotation_camera_from_ray()[0].numpy()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    away = np.array([900 - CENTER[0], 300 - CENTER[1], FOCAL])
    np.testing.assert_allclose(rotation[:, 2], away / np.linalg.norm(away), atol=1e-12)
    unrolled = rotation @ Rotation.from_euler("z", -0.3).as_matrix()
    angle = math.acos(away[2] / np.linalg.norm(away))
    np.testing.assert_allclose(np.linalg.norm(Rotation.from_matrix(unrolled).as_rotvec()), angle, atol=1e-9)


def test_root_appears_where_the_camera_numbers_say():
    """In the crop's middle exactly; elsewhere up to the second order of the crop's width."""
    crop = crop_of()
    turn = torch.eye(3, dtype=torch.float64)[None]
    middle = torch.zeros(1, 3, dtype=torch.float64)
    _, position = place(middle, turn, crop)
    reach = math.dist((900, 300, FOCAL), (*CENTER, 0))
    np.testing.assert_allclose(position.norm(), 2 / MEAN_SCALE * reach / 400, rtol=1e-12)
    np.testing.assert_allclose(project(position[:, None], crop)[0, 0], REGION.center_px, atol=1e-9)
    _, position = place(torch.tensor([[0.3, 0.1, -0.2]], dtype=torch.float64), turn, crop)
    at = crop.into(project(position[:, None], crop))[0, 0]
    np.testing.assert_allclose(at, [0.1, -0.2], atol=0.02)


def test_projects_as_the_pinhole():
    points = np.random.default_rng(1).normal(0, 0.5, (9, 3)) + np.array([0.2, 0.1, 4])
    camera = Camera(FOCAL, CENTER, (1280, 720), np.eye(3), np.zeros(3))
    np.testing.assert_allclose(project(torch.tensor(points)[None], crop_of())[0], camera.project(points), atol=1e-9)


def test_same_view_wherever_the_person_stands():
    """One answer of the network for two crops of one picture: the same picture in either crop, to the first order."""
    numbers = torch.tensor([[0.1, 0.05, -0.1]], dtype=torch.float64)
    turn = torch.tensor(Rotation.from_rotvec([0.2, 0.5, -0.1]).as_matrix())[None]
    body = torch.tensor(np.random.default_rng(2).normal(0, 0.3, (1, 20, 3)))
    seen = []
    for center in ((639.5, 359.5), (1100.0, 200.0)):
        offset = math.hypot(center[0] - CENTER[0], center[1] - CENTER[1])
        # The same angle of view: a crop off the axis covers more pixels of a flat sensor.
        side = 200 * (1 + (offset / FOCAL) ** 2) ** 0.5
        crop = crop_of(Region(center, side, 0.0))
        rotation, position = place(numbers, turn, crop)
        seen.append(crop.into(project((rotation @ body.mT).mT + position[:, None], crop)))
    assert (seen[0] - seen[1]).abs().max() < 0.05
    flat = crop_of(Region((1100.0, 200.0), 200.0, 0.0))
    rotation, position = place(numbers, turn, flat)
    without = project((turn @ body.mT).mT + position[:, None], flat)  # the ray's turn left out
    assert (seen[0] - flat.into(without)).abs().max() > 0.1


def test_weak_perspective_knows_no_place():
    far = crop_of(Region((900.0, 300.0), 400.0, 0.0)).weak()
    rotation, position = place(torch.zeros(1, 3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)[None], far)
    np.testing.assert_allclose(rotation[0], np.eye(3))
    np.testing.assert_allclose(position[0], [0, 0, 2 / MEAN_SCALE * 5000 / 256], atol=1e-9)
    near, deep = (project(position[:, None] + torch.tensor([[[0.3, 0, z]]]), far) for z in (-0.2, 0.2))
    assert (near - deep).abs().max() < 0.02 * 0.3 * 400  # depth hardly shows
