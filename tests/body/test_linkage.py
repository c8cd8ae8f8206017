import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body import linkage
from biomech.body.anny import AnnyBody
from biomech.labels.people import random_adult, seeded
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton


@pytest.fixture(scope="module")
def skeleton():
    return Skeleton.from_osim(DEFAULT_PATH)


@pytest.fixture
def coordinates(skeleton):
    rng = np.random.default_rng(3)
    values = rng.normal(0, 0.4, (12, len(skeleton.coordinate_names)))
    for side in "rl":
        values[:, skeleton.coordinate_names.index(f"knee_angle_{side}")] = rng.uniform(-0.1, 2.2, 12)
    return values


def turning(names):
    return [i for i, name in enumerate(names) if name not in ("pelvis_tx", "pelvis_ty", "pelvis_tz")]


def test_links_turn_as_the_bodies_of_the_skeleton(skeleton, coordinates):
    turned = linkage.world(linkage.pose_of(skeleton.coordinate_names, coordinates))
    bodies = skeleton(torch.from_numpy(coordinates)).rotations.numpy()
    shared = [name for name in linkage.LINKS if name in skeleton.body_names]
    assert len(shared) == 21
    for name in shared:
        ours, theirs = turned[:, linkage.LINKS.index(name)], bodies[:, skeleton.body_names.index(name)]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_coordinates_come_back(skeleton, coordinates):
    found = linkage.coordinates_of(linkage.pose_of(skeleton.coordinate_names, coordinates))
    for i in turning(skeleton.coordinate_names):
        wanted = coordinates[:, i]
        off = (found[skeleton.coordinate_names[i]] - wanted + np.pi) % (2 * np.pi) - np.pi
        np.testing.assert_allclose(off, 0, atol=1e-9)


def test_axes_are_those_of_small_turns(skeleton, coordinates):
    pose = linkage.pose_of(skeleton.coordinate_names, coordinates)
    turned = linkage.world(pose)
    axes, step = linkage.axes(pose, turned), 1e-6
    for turn, link in enumerate(linkage.TURNING):
        small = np.zeros((len(pose), len(linkage.TURNING)))
        small[:, turn] = step
        after = linkage.world(linkage.turned_by(pose, small))[:, link]
        found = Rotation.from_matrix(after @ np.swapaxes(turned[:, link], 1, 2)).as_rotvec() / step
        np.testing.assert_allclose(found, axes[:, turn], atol=1e-5)


def test_bones_give_back_the_pose(skeleton, coordinates):
    body = AnnyBody.load([0])
    shape = random_adult(body, seeded(0, "linkage"))
    for side in "rl":  # three hinges in a row without a bone between them are told apart from few angles only
        for name in ("pro_sup", "wrist_flex", "wrist_dev", "ankle_angle", "subtalar_angle"):
            coordinates[:, skeleton.coordinate_names.index(f"{name}_{side}")] = 0
    pose = linkage.pose_of(skeleton.coordinate_names, coordinates)
    found = linkage.pose_of_bones(body, shape, linkage.bone_rotations(body, shape, pose))
    np.testing.assert_allclose(found.balls, pose.balls, atol=1e-6)
    np.testing.assert_allclose(found.hinges, pose.hinges, atol=1e-4)
