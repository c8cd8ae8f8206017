"""Readers of data sets on small files of the same formats, and what the network is given of them."""

import json
import pickle

import cv2
import numpy as np
import pytest
import torch
from fake_smpl import BODY_PARENTS, smplh_arrays, write_amass, write_smplh
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.keypoints.detector import Region
from biomech.mesh.mqhmr.bodies import KEYPOINTS, anny_layer, smpl_layer
from biomech.mesh.mqhmr.encoder import VIT_SIZES, VitSize
from biomech.mesh.mqhmr.network import MQHMR, configuration
from biomech.train.mqhmr.coco import H36M, read_coco, read_h36m, read_mpii
from biomech.train.mqhmr.datasets import Jitter, PersonInPicture, Pictures, collate, cropped, region_of_box
from biomech.train.mqhmr.losses import MeshLossWeights, losses
from biomech.train.mqhmr.smpl_labels import read_3dpw, read_movi, read_smpl_npz

K = np.array([[1960.0, 0, 540], [0, 1968.0, 960], [0, 0, 1]])


def at(person, name):
    return person.keypoints_px[KEYPOINTS.index(name)]


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    """A body of SMPL's 24 joints."""
    arrays = smplh_arrays(parents=np.array([*BODY_PARENTS, 20, 21]))
    return smpl_layer(write_smplh(tmp_path_factory.mktemp("smpl") / "model.npz", **arrays))


def test_coco(tmp_path):
    points = np.zeros((17, 3))
    points[0], points[5], points[16] = (100, 50, 2), (90, 80, 1), (110, 200, 2)
    points[[1, 2, 3]] = (101, 49, 2)
    row = {"image_id": 7, "bbox": [80, 40, 40, 160], "keypoints": points.ravel().tolist(), "iscrowd": 0}
    few = {**row, "keypoints": [0] * 48 + [1, 1, 2]}
    path = tmp_path / "person_keypoints.json"
    images = [{"id": 7, "file_name": "000007.jpg", "width": 640, "height": 480}]
    path.write_text(json.dumps({"images": images, "annotations": [row, few, {**row, "iscrowd": 1}]}))
    (person,) = read_coco(path, tmp_path / "train")
    assert person.picture == tmp_path / "train" / "000007.jpg"
    assert at(person, "right_ankle").tolist() == [110, 200] and at(person, "left_shoulder").tolist() == [90, 80]
    assert person.confidence_2d.sum() == 6 and np.isnan(at(person, "left_hip")).all()
    assert person.region.center_px == (100, 120) and person.region.size_px == pytest.approx(1.2 * 160)
    path.write_text("[]")
    with pytest.raises(BioposeError, match="not annotations of COCO"):
        read_coco(path, tmp_path)


def test_mpii(tmp_path):
    joints = [[10.0 * i + 1, 5.0 * i + 1] for i in range(16)]
    row = {"image": "a.jpg", "center": [301.0, 201.0], "scale": 2.0, "joints": joints, "joints_vis": [1] * 15 + [0]}
    (tmp_path / "train.json").write_text(json.dumps([row]))
    (person,) = read_mpii(tmp_path / "train.json", tmp_path)
    assert at(person, "head_top").tolist() == [90, 45] and at(person, "neck").tolist() == [70, 35]
    assert np.isnan(at(person, "left_wrist")).all()
    assert person.region.center_px == (300, 230)


def test_h36m(tmp_path):
    rng = np.random.default_rng(0)
    part, space = rng.uniform(0, 1000, (2, 17, 3)), rng.normal(0, 1, (2, 17, 4))
    part[..., 2], space[..., 3] = 1, 1
    np.savez(
        tmp_path / "h36m.npz", imgname=["S1/a.jpg", "S1/b.jpg"], center=[[500.0, 500], [510, 500]], scale=[3.0, 3.1],
        part=part, S=space,
    )  # fmt: skip
    people = read_h36m(tmp_path / "h36m.npz", tmp_path, 1146.0)
    np.testing.assert_allclose(at(people[1], "left_wrist"), part[1, H36M.index("left_wrist"), :2])
    np.testing.assert_allclose(people[1].keypoints_m[KEYPOINTS.index("pelvis")], space[1, 0, :3])
    assert people[0].focal_px == 1146 and people[0].region.size_px == 600


def world_of(smpl, seed=0):
    """A pose in a world and its camera: θ, β, trans, camera (4 × 4), joints in the camera and in the world."""
    rng = np.random.default_rng(seed)
    theta, betas, trans = rng.normal(0, 0.3, (24, 3)), rng.normal(0, 1, 10), rng.normal(0, 0.3, 3)
    camera = np.eye(4)
    camera[:3, :3] = Rotation.from_euler("xyz", [175, 20, 5], degrees=True).as_matrix()
    camera[:3, 3] = [0.2, 0.5, 5]
    rest = (smpl.joints + torch.tensordot(torch.tensor(betas).float(), smpl.joint_components, 1)).numpy()
    rotations = torch.tensor(Rotation.from_rotvec(theta).as_matrix())[None].float()
    with torch.no_grad():
        world = smpl(torch.tensor(betas)[None].float(), rotations, torch.tensor(rest[:1] + trans).float()).joints[0]
    return theta, betas, trans, camera, world.numpy() @ camera[:3, :3].T + camera[:3, 3], world.numpy()


def in_camera(smpl, dataset, index=0):
    """The truth that the network is given, posed."""
    _, truth = dataset[index]
    return smpl(truth.betas[None], truth.rotations[None], truth.root_position_m[None]).joints[0].numpy()


def picture_at(path, size=(1920, 1080)):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), 128, np.uint8))


def test_3dpw(tmp_path, smpl):
    theta, betas, trans, camera, joints, world = world_of(smpl)
    flat = joints @ K.T
    pixels = flat[:, :2] / flat[:, 2:]
    poses2d = np.zeros((2, 3, 18))
    poses2d[:, :2, 11], poses2d[:, 2, 11] = pixels[1], 0.8  # the left hip
    data = {
        "sequence": "downtown_walk_00",
        "poses": [np.tile(theta.ravel(), (2, 1))],
        "betas": [betas],
        "trans": [np.tile(trans, (2, 1))],
        "genders": ["m"],
        "poses2d": [poses2d],
        "jointPositions": [np.tile(world.ravel(), (2, 1))],
        "cam_poses": np.tile(camera, (2, 1, 1)),
        "campose_valid": [np.array([True, False])],
        "cam_intrinsics": K,
    }
    path = tmp_path / "downtown_walk_00.pkl"
    path.write_bytes(pickle.dumps(data))
    with pytest.raises(BioposeError, match="not looked into unasked"):
        read_3dpw(path, tmp_path)
    (person,) = read_3dpw(path, tmp_path, allow_pickle=True)
    picture_at(person.picture)
    assert person.picture == tmp_path / "downtown_walk_00" / "image_00000.jpg" and person.gender == "male"
    np.testing.assert_allclose(at(person, "left_hip"), pixels[1])
    np.testing.assert_allclose(person.keypoints_m[KEYPOINTS.index("left_knee")], joints[4], atol=1e-6)
    _, gendered = Pictures([person], smpl)[0]
    assert gendered.betas.isnan().all() and gendered.rotations.isfinite().all()  # β of another model than the neutral
    person.gender = "neutral"
    known = in_camera(smpl, Pictures([person], smpl))
    # Where the hands' last joints turn has no label: they have no children, so nothing moves.
    np.testing.assert_allclose(known, joints, atol=1e-4)


def test_bedlam(tmp_path, smpl):
    theta, betas, _, camera, _, _ = world_of(smpl, 1)
    root = Rotation.from_matrix(camera[:3, :3] @ Rotation.from_rotvec(theta[0]).as_matrix()).as_rotvec()
    theta[0] = root
    outer, translation = np.eye(4), np.array([0.1, 0.2, 0.3])
    outer[:3, 3] = [0, 0.4, 4]
    rest = (smpl.joints + torch.tensordot(torch.tensor(betas).float(), smpl.joint_components, 1))[:1]
    with torch.no_grad():
        joints = smpl(
            torch.tensor(betas)[None].float(),
            torch.tensor(Rotation.from_rotvec(theta).as_matrix())[None].float(),
            rest + torch.tensor(translation + outer[:3, 3]).float(),
        ).joints[0].numpy()  # fmt: skip
    flat = joints @ K.T
    np.savez(
        tmp_path / "scene.npz", imgname=["seq/0.png"], center=[[540.0, 960.0]], scale=[2.5], gender=["neutral"],
        pose_cam=theta.reshape(1, -1), shape=np.append(betas, 0.1)[None], trans_cam=translation[None],
        cam_ext=outer[None], cam_int=K[None], gtkps=np.pad(flat[None] / flat[None, :, 2:], [(0, 0), (0, 21), (0, 0)]),
    )  # fmt: skip
    (person,) = read_smpl_npz(tmp_path / "scene.npz", tmp_path)
    picture_at(person.picture)
    np.testing.assert_allclose(in_camera(smpl, Pictures([person], smpl)), joints, atol=1e-4)
    np.testing.assert_allclose(at(person, "right_ankle"), (flat / flat[:, 2:])[8, :2])
    assert person.focal_px == pytest.approx(1964)


def test_spin_and_hmr2(tmp_path):
    rng = np.random.default_rng(2)
    pose, part = rng.normal(0, 0.3, (2, 72)), rng.uniform(0, 500, (2, 24, 3))
    part[..., 2] = 1
    names = np.array(["a.jpg", "b.jpg"])
    base = {"imgname": names, "center": rng.uniform(0, 500, (2, 2)), "scale": np.array([1.0, 2.0])}
    np.savez(tmp_path / "spin.npz", **base, pose=pose, shape=np.ones((2, 10)), has_smpl=[1, 0], part=part)
    first, second = read_smpl_npz(tmp_path / "spin.npz", tmp_path)
    assert first.body == "smpl" and first.betas.tolist() == [1] * 10 and second.body == ""
    np.testing.assert_allclose(first.rotations[3], Rotation.from_rotvec(pose[0, 9:12]).as_matrix())
    np.testing.assert_allclose(at(first, "left_ear"), part[0, 22, :2])
    assert np.isnan(second.betas).all() and first.region.size_px == 200

    body, extra = np.zeros((2, 25, 3)), np.zeros((2, 19, 3))
    body[:, 11], body[:, 21], extra[:, 14], extra[:, 0] = (7, 8, 0.5), (1, 2, 0.9), (3, 4, 1), (9, 9, 0.4)
    base |= {"center": base["center"][:, None], "scale": np.array([[[0.5, 1.0]], [[1, 2]]])}
    np.savez(
        tmp_path / "hmr2.npz", **base, body_pose=pose, has_body_pose=[0, 1], betas=np.ones((2, 10)), has_betas=[1, 1],
        body_keypoints_2d=body, extra_keypoints_2d=extra,
    )  # fmt: skip
    first, second = read_smpl_npz(tmp_path / "hmr2.npz", tmp_path)
    assert first.body == "" and second.body == "smpl" and second.region.size_px == 400
    assert at(first, "right_ankle").tolist() == [7, 8]  # the surer of two
    assert at(first, "left_heel").tolist() == [1, 2] and at(first, "pelvis").tolist() == [3, 4]
    np.savez(tmp_path / "none.npz", a=1)
    with pytest.raises(BioposeError, match="not a file of SMPL labels"):
        read_smpl_npz(tmp_path / "none.npz", tmp_path)


def test_movi(tmp_path):
    write_amass(tmp_path / "motion.npz", frames=12)
    turn = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    shift = np.array([100.0, 900.0, 5000.0])
    np.savez(tmp_path / "cameraParams_PG1.npz", IntrinsicMatrix=np.array([[980.0, 0, 0], [0, 982, 0], [400, 300, 1]]))
    np.savez(tmp_path / "Extrinsics_PG1.npz", rotationMatrix=turn.T, translationVector=shift)
    people = read_movi(tmp_path / "motion.npz", tmp_path, tmp_path / "frames", first_frame=40)
    assert [p.picture.name for p in people] == ["image_00040.jpg", "image_00041.jpg", "image_00042.jpg"]
    with np.load(tmp_path / "motion.npz") as file:
        trans, poses = file["trans"], file["poses"]
    np.testing.assert_allclose(people[1].translation_m, turn @ trans[4] + shift / 1000)
    root = turn @ Rotation.from_rotvec(poses[4, :3]).as_matrix()
    np.testing.assert_allclose(people[1].rotations[0], root, atol=1e-12)
    assert people[1].body == "smplh" and people[1].focal_px == 981 and people[1].principal_px == (400, 300)
    with pytest.raises(BioposeError, match="not the cameras"):
        read_movi(tmp_path / "motion.npz", tmp_path, tmp_path, camera="PG2")


def test_crop_shows_the_region():
    """A white cell of the picture appears where the crop's camera says, turned and shifted crops too."""
    picture = np.zeros((400, 500, 3), np.uint8)
    cv2.circle(picture, (310, 150), 6, (255, 255, 255), -1)
    region = Region((300.0, 180.0), 200.0, 0.4)
    seen = cropped(picture, region)
    rows, columns = np.nonzero(seen[..., 0] > 128)
    where = region.matrix(256) @ [310.5, 150.5, 1]
    np.testing.assert_allclose([columns.mean() + 0.5 + 32, rows.mean() + 0.5], where, atol=0.6)


def test_batches_train_either_body(tmp_path, smpl, monkeypatch):
    """People of different sets in one batch; jitter moves the crop, not the truth."""
    picture_at(tmp_path / "a.jpg", (480, 640))
    flat = PersonInPicture(tmp_path / "a.jpg", region_of_box(100, 50, 120, 300))
    flat.keypoints_px[:20], flat.confidence_2d[:20] = 150.0, 1
    posed = PersonInPicture(tmp_path / "a.jpg", region_of_box(100, 50, 120, 300), 600.0, body="smpl")
    posed.rotations, posed.betas = np.tile(np.eye(3), (22, 1, 1)), np.zeros(10)
    posed.translation_m = np.array([0, 0, 4.0])
    monkeypatch.setitem(VIT_SIZES, "tiny", VitSize(24, 1, 2))
    small = configuration(
        "S", encoder="tiny", tokens=8, layers=1, width=32, heads=2, feed_width=32, memory_width=8, value_width=8
    )
    for body in (smpl, anny_layer()):
        pictures = Pictures([flat, posed], body, Jitter(mirrored=0))
        inputs, truth = collate([pictures[0], pictures[1]])
        assert inputs.picture.shape == (2, 3, 256, 192)
        assert inputs.crop.focal_px.tolist() == pytest.approx([800, 600])  # the diagonal where it is not known
        assert inputs.crop.center_px[0].tolist() != list(flat.region.center_px)
        torch.testing.assert_close(truth.keypoints_px[0, 0], torch.tensor([150.0, 150.0]))
        network = MQHMR(small, body)
        parts = losses(network, network(inputs), inputs.crop, truth, MeshLossWeights())
        parts["loss"].backward()
        assert parts["keypoints_2d"] > 0 and (parts["pose"] > 0) == (body is smpl)
        assert network.pose_head.weight.grad.isfinite().all()
    with pytest.raises(BioposeError, match="not a picture"):
        Pictures([PersonInPicture(tmp_path / "none.jpg", flat.region)], smpl)[0]
