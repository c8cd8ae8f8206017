"""SMPL bodies and AMASS files: parity with the smplx package, and what a user does wrong."""

from dataclasses import replace

import numpy as np
import pytest
from fake_smpl import smplh_arrays, write_amass, write_smplh

from biomech.body.amass import is_amass, read_amass
from biomech.errors import BioposeError
from biomech.markers.smpl import (
    UPRIGHT_FROM_AMASS,
    find_model,
    load_smpl,
    neutral_smpl,
    on_subject,
    random_betas,
    smpl_markers,
)
from biomech.markers.virtual import load_virtual_markers


@pytest.fixture(scope="module")
def arrays():
    return smplh_arrays()


@pytest.fixture(scope="module")
def model(tmp_path_factory, arrays):
    return write_smplh(tmp_path_factory.mktemp("smpl") / "smplh" / "male" / "model.npz", **arrays)


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return read_amass(write_amass(tmp_path_factory.mktemp("amass") / "walk_poses.npz"))


def test_both_layouts_of_amass_are_read(tmp_path):
    old = read_amass(write_amass(tmp_path / "old.npz"))
    new = read_amass(write_amass(tmp_path / "new.npz", numbers=165, rate_key="mocap_frame_rate"))
    assert (old.body, old.poses.shape, old.gender, old.rate_hz) == ("smplh", (12, 52, 3), "male", 120.0)
    assert (new.body, new.poses.shape) == ("smplx", (12, 55, 3))
    assert old.thinned(4).rate_hz == 30 and len(old.thinned(4).trans_m) == 3


def test_what_is_no_motion_is_said(tmp_path):
    np.savez(tmp_path / "shape.npz", betas=np.zeros(16))
    assert not is_amass(tmp_path / "shape.npz")
    with pytest.raises(BioposeError, match="not a motion of AMASS"):
        read_amass(tmp_path / "shape.npz")
    with pytest.raises(BioposeError, match=r"72 numbers .* 156"):
        read_amass(write_amass(tmp_path / "odd.npz", numbers=75))


def test_vertices_equal_those_of_smplx(arrays, model, motion):
    """At rest, turned as a whole: a marker goes rigidly with its bone here, and slides with the skin there."""
    smplx = pytest.importorskip("smplx")
    torch = pytest.importorskip("torch")
    sizes = {"components": (45, 45), "mean": 45}
    hands = {f"hands_{kind}{side}": np.zeros(size) for kind, size in sizes.items() for side in "lr"}
    count = len(motion.poses)
    theirs = smplx.SMPLH(
        "", data_struct=smplx.utils.Struct(**arrays, **hands), use_pca=False, flat_hand_mean=True, batch_size=count
    )
    still = motion.poses * (np.arange(motion.poses.shape[1]) == 0)[:, None]
    motion = replace(motion, betas=motion.betas[:10], poses=still)  # as many as that package takes
    poses = torch.tensor(motion.poses.reshape(len(motion.poses), -1)).float()
    answer = theirs(
        betas=torch.tensor(motion.betas)[None].float().expand(len(poses), -1),
        global_orient=poses[:, :3],
        body_pose=poses[:, 3:66],
        left_hand_pose=poses[:, 66:111],
        right_hand_pose=poses[:, 111:],
        transl=torch.tensor(motion.trans_m).float(),
    )
    table = load_virtual_markers()
    expected = answer.vertices.detach().numpy()[:, table.smpl_vertex] @ UPRIGHT_FROM_AMASS.T
    found = smpl_markers(load_smpl(model), motion).positions_m
    shift = (found - expected)[0, 0]
    assert abs(shift[[0, 2]]).max() < 1e-5  # only the floor was moved
    np.testing.assert_allclose(found - shift, expected, atol=1e-5)


def test_a_landmark_keeps_its_place_on_its_bone(model, motion):
    body, table = load_smpl(model), load_virtual_markers()
    positions = smpl_markers(body, motion).positions_m
    one, other = table.names.index("RKNE"), table.names.index("RKNI")
    apart = np.linalg.norm(positions[:, one] - positions[:, other], axis=1)
    rest = body.rest(motion.betas)[body.marker_vertices]
    np.testing.assert_allclose(apart, np.linalg.norm(rest[one] - rest[other]), rtol=1e-5)


def test_static_and_size(model, motion):
    body = load_smpl(model)
    static = neutral_smpl(body, motion.betas)
    assert static.positions_m.shape == (5, 142, 3)
    rest = body.rest(motion.betas)
    assert body.stature(motion.betas) == pytest.approx(np.ptp(rest[:, 1]))
    knee = static.names.index("RKNE")
    x, y, z = rest[body.marker_vertices[knee]]
    np.testing.assert_allclose(static.positions_m[0, knee], [z, y - rest[:, 1].min(), -x], atol=1e-6)


def test_another_subject_travels_by_the_length_of_his_legs(model, motion):
    body = load_smpl(model)
    betas = random_betas(16, np.random.default_rng(3))
    assert abs(betas).max() <= 2 and not betas[10:].any()
    other = on_subject(body, motion, betas)
    ratio = body.leg(betas) / body.leg(motion.betas)
    pelvis = body.joints(motion.betas)[0] + motion.trans_m
    np.testing.assert_allclose(body.joints(betas)[0] + other.trans_m, pelvis * ratio)


def test_a_file_that_is_missing_or_runs_code_is_refused(tmp_path, arrays):
    with pytest.raises(BioposeError, match="cannot be shipped"):
        find_model(None, "smplh", "male")
    with pytest.raises(BioposeError, match=r"smplh/female/model\.npz"):
        find_model(tmp_path, "smplh", "female")
    objects = write_smplh(tmp_path / "bad.npz", **arrays | {"J_regressor": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(BioposeError, match="plain arrays"):
        load_smpl(objects)


def test_smplx_gets_every_marker(tmp_path):
    parents = np.array([*range(-1, 21), *[15] * 3, *range(20, 50)])[:55]
    path = write_smplh(tmp_path / "SMPLX_NEUTRAL.npz", **smplh_arrays(10475, parents))
    body = load_smpl(path)
    assert body.name == "smplx" and (body.marker_vertices >= 0).all()
    assert find_model(tmp_path, "smplx", "neutral") == path
