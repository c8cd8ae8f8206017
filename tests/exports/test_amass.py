"""The .npz as numpy and a reader of AMASS take it: which way SMPL's joints turn, and where its hips are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_skeleton import build, motion

from biomech.bench.smpl_shaped import smpl_shaped
from biomech.body.amass import read_amass
from biomech.errors import BioposeError
from biomech.exports.smpl import smpl_turns, write_amass
from biomech.exports.take import Take
from biomech.kinematics.kinematics import Kinematics
from biomech.skeleton.osim import Model

T_POSE = {"arm_add_r": -90.0, "arm_add_l": -90.0, "pro_sup_r": 90.0, "pro_sup_l": 90.0}
R_HIP, R_KNEE, R_SHOULDER, R_ELBOW, SPINE = 2, 5, 17, 19, [3, 6, 9]


def posed(take: Take, **degrees: float) -> Take:
    """In the T-pose, but for these coordinates."""
    names = take.kinematics.names
    values = np.array([[np.deg2rad((T_POSE | degrees).get(name, 0.0)) for name in names]])
    return replace(take, kinematics=Kinematics(names, values, np.zeros(1), take.kinematics.rotational))


def test_the_t_pose_is_rest(take: Take) -> None:
    turns = smpl_turns(posed(take))
    assert np.abs(turns[0, 1:]).max() < 1e-6
    # SMPL's Z is forward and its Y up; the skeleton looks along X in a world whose Z is up.
    root = Rotation.from_rotvec(turns[0, 0]).as_matrix()
    np.testing.assert_allclose(root @ [[0, 0], [0, 1], [1, 0]], [[1, 0], [0, 0], [0, 1]], atol=1e-9)


@pytest.mark.parametrize(
    ("coordinate", "joint", "vector"),
    [
        ("hip_flexion_r", R_HIP, [-30, 0, 0]),  # the leg forward; X is left
        ("hip_adduction_r", R_HIP, [0, 0, 30]),
        ("knee_angle_r", R_KNEE, [30, 0, 0]),
        ("elbow_flex_r", R_ELBOW, [0, 30, 0]),  # the forearm forward
        ("neck_rotation", 15, [0, 15, 0]),  # half of it; the other half is the neck's
    ],
)
def test_turns_go_the_right_way(take: Take, coordinate: str, joint: int, vector: list[float]) -> None:
    turns = np.rad2deg(smpl_turns(posed(take, **{coordinate: 30.0})))[0]
    np.testing.assert_allclose(turns[joint], vector, atol=7)  # axes of knee and elbow are not quite across


def test_the_spine_shares_the_lumbar_turn(take: Take) -> None:
    turns = np.rad2deg(smpl_turns(posed(take, lumbar_bending=30.0)))[0]
    np.testing.assert_allclose(turns[SPINE], np.tile([0, 0, 10.0], (3, 1)), atol=1e-6)


def test_the_file_is_amass(take: Take, tmp_path: Path) -> None:
    notes = write_amass(take, tmp_path / "m.npz")
    assert len(notes) == 3 and "betas are 0" in notes[0] and "T-pose" in notes[1] and "holds the pose" in notes[2]
    with np.load(tmp_path / "m.npz", allow_pickle=False) as held:
        assert held["poses"].shape == (6, 156) and held["mocap_framerate"] == 50
        assert held["has_pose"].tolist() == [True] * 3 + [False] + [True] * 2
        assert not held["poses"][:, 66:].any() and not held["betas"].any()
    assert read_amass(tmp_path / "m.npz").body == "smplh"


def test_the_users_model_puts_the_hips_where_they_are(take: Take, tmp_path: Path) -> None:
    smpl_shaped("smplh").write(tmp_path)
    with np.load(tmp_path / "smplh/neutral/model.npz") as held:
        joints = held["J_regressor"] @ held["v_template"]
    notes = write_amass(replace(take, body_models=tmp_path), tmp_path / "m.npz")
    assert not any("T-pose" in note for note in notes)
    written = read_amass(tmp_path / "m.npz")
    arm = joints[[1, 2]].mean(0) - joints[0]
    middle = written.trans_m + joints[0] + Rotation.from_rotvec(written.poses[:, 0]).apply(arm)
    femurs = [take.posed.names.index(f"femur_{side}") for side in "lr"]
    x, y, z = take.posed.joint_centres[:, femurs].mean(1).T
    np.testing.assert_allclose(middle[[0, 1, 2, 4, 5]], np.column_stack([x, -z, y]), atol=1e-9)


def test_limbs_lie_along_those_of_the_users_model(take: Take) -> None:
    """In whatever pose, SMPL's thigh points as the skeleton's does."""
    joints = np.zeros((22, 3))
    joints[[1, 4, 7, 10]] = [[0.1, 0, 0], [0.2, -0.4, 0.05], [0.25, -0.8, 0], [0.27, -0.85, 0.1]]
    joints[[2, 5, 8, 11]] = joints[[1, 4, 7, 10]] * [-1, 1, 1]
    joints[[16, 18, 20]] = [[0.2, 0.4, 0], [0.4, 0.2, 0], [0.6, 0.1, 0.1]]
    joints[[17, 19, 21]] = joints[[16, 18, 20]] * [-1, 1, 1]
    turns = smpl_turns(take, joints)
    root = Rotation.from_rotvec(turns[:, 0])
    thigh = (root * Rotation.from_rotvec(turns[:, R_HIP])).apply(joints[5] - joints[2])
    names, centres = take.posed.names, take.posed.joint_centres
    x, y, z = (centres[:, names.index("tibia_r")] - centres[:, names.index("femur_r")]).T
    own = np.column_stack([x, -z, y])
    cosine = (own * thigh).sum(1) / np.linalg.norm(own, axis=1) / np.linalg.norm(thigh, axis=1)
    assert np.rad2deg(np.arccos(cosine.clip(-1, 1))).max() < 3  # a knee glides


def test_another_skeleton_is_refused(tmp_path: Path) -> None:
    small = Take(name="small", model=Model.load(build(tmp_path / "small.osim")), kinematics=motion(3))
    with pytest.raises(BioposeError, match="has no body calcn_l"):
        write_amass(small, tmp_path / "m.npz")
    assert not (tmp_path / "m.npz").exists()
