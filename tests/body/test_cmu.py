"""CMU replays against CMU's own segment directions and anatomy's plain facts."""

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.body.bvh import parse_bvh
from biomech.body.cmu import cmu_clip, cmu_names, elbow_flexion, read_cmu, replay
from biomech.errors import BioposeError

TWO_JOINTS = """HIERARCHY
ROOT hip
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT knee
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -3 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.01
1 2 3 90 0 0 0 0 0
4 5 6 0 0 0 0 30 90
"""


@pytest.fixture(scope="module")
def archive(biopose_data):
    return biopose_data / "cmu_bvh_01_14.zip"


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load([0])


def joints_of(body, motion) -> dict[str, np.ndarray]:
    rest = body.rest(torch.tensor(motion.shape))
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    return dict(zip(body.bone_names, posed.joints.numpy().swapaxes(0, 1), strict=True))


def test_bvh_channels_turn_in_the_order_in_which_they_are_named():
    clip = parse_bvh(TWO_JOINTS, "two joints")
    assert clip.names == ["hip", "knee"]
    assert clip.rate_hz == pytest.approx(100)
    np.testing.assert_allclose(clip.root_position, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(clip.offsets, [[0, 1, 0], [0, -2, 0]])
    np.testing.assert_allclose(clip.rotations[0, 0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    # Z (0°), then X (30°), then Y (90°) in turned axes: Z goes to X by the last one and stays there.
    np.testing.assert_allclose(clip.rotations[1, 1] @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(clip.rotations[1, 1] @ [0, 1, 0], [0, np.cos(np.pi / 6), 0.5], atol=1e-12)


@pytest.mark.parametrize("text", ["", "HIERARCHY\nMOTION\n", TWO_JOINTS.replace("1 2 3 90", "1 2 90"), "MOTION"])
def test_a_broken_bvh_is_named(text):
    with pytest.raises(BioposeError, match=r"broken\.bvh"):
        parse_bvh(text, "broken.bvh")


def test_another_skeleton_is_named():
    with pytest.raises(BioposeError, match="lShldr"):
        cmu_clip(TWO_JOINTS, "two joints")


def test_an_unknown_motion_is_named(archive):
    assert len(cmu_names(archive)) == 142
    with pytest.raises(BioposeError, match="99_99"):
        read_cmu(archive, "99_99")


def test_walking_looks_like_walking(archive, body):
    motion = replay(read_cmu(archive, "02_01"), body, every=4)
    joints = joints_of(body, motion)
    forward = np.cross([0, 1, 0], joints["RightUpLeg"] - joints["LeftUpLeg"])
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)

    travelled = motion.root_position_m[-1] - motion.root_position_m[0]
    assert travelled @ forward.mean(0) > 2  # metres, and not backwards
    for side in ("Right", "Left"):
        thigh = joints[f"{side}Leg"] - joints[f"{side}UpLeg"]
        shank = joints[f"{side}Foot"] - joints[f"{side}Leg"]
        # Flexed knees bring the shank back behind the thigh's line.
        bend = np.sum(np.cross(thigh, shank) * np.cross(forward, [0, 1, 0]), 1)
        angle = np.degrees(np.arcsin(bend / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)))
        assert np.percentile(angle, 1) < -60 < -20 < np.percentile(angle, 99) < 5
        foot = joints[f"{side}ToeBase"] - joints[f"{side}Foot"]
        assert (np.sum(foot * forward, 1) > 0.05).mean() > 0.75
        head = joints["Head"] - joints["Hips"]
        assert (head[:, 1] > 0.55).all()
    assert (np.sum((joints["RightArm"] - joints["LeftArm"]) * np.cross(forward, [0, 1, 0]), 1) > 0.2).all()
    # The arms swing against the legs.
    swing = np.sum((joints["RightHand"] - joints["LeftHand"]) * forward, 1)
    step = np.sum((joints["RightFoot"] - joints["LeftFoot"]) * forward, 1)
    assert np.corrcoef(swing, step)[0, 1] < -0.8


def test_feet_stand_on_the_floor(archive):
    whole = AnnyBody.load()
    soles = torch.cat((whole.foot_vertices["sole_r"], whole.foot_vertices["sole_l"]))
    body = AnnyBody.load(soles)
    motion = replay(read_cmu(archive, "02_01"), body, every=4)
    rest = body.rest(torch.tensor(motion.shape))
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    lowest = body.skin(rest, posed)[..., 1].amin(1)
    assert abs(float(lowest.median())) < 0.015
    assert float(lowest.min()) > -0.08
    assert float(lowest.max()) < 0.05


def test_an_elbow_of_the_wrong_sign_is_mended(archive, body):
    mended, sibling = read_cmu(archive, "14_23"), read_cmu(archive, "14_22")
    assert np.median(elbow_flexion(mended, "l")) == pytest.approx(np.median(elbow_flexion(sibling, "l")), abs=0.1)
    assert replay(mended, body, every=20).quality.mean() > 0.95


@pytest.mark.parametrize(("name", "share"), [("07_12", 0.0), ("07_11", 1.0), ("09_10", 0.0), ("09_11", 1.0)])
def test_legs_that_the_conversion_broke_are_not_trusted(archive, body, name, share):
    assert replay(read_cmu(archive, name), body, every=20).quality.mean() == share


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("MOTION", "", "no line MOTION"),
        ("Frame Time: 0.01", "Frame Time: nan", "cannot be one of a body"),
        ("Frame Time: 0.01", "Frame Time: 0", "a frame of 0 s"),
        ("Frames: 2", "Frames: 3", "18 numbers, where 3 frames of 9 channels need 27"),
        ("30 90", "30 x", "'x' where a number should be"),
        ("30 90", "30 1e300", "cannot be one of a body"),
        ("CHANNELS 3 Zrotation", "CHANNELS 3 Wrotation", "channels Wrotation"),
        ("OFFSET 0 -2 0", "OFFSET 0 -2", "the hierarchy is not whole"),
    ],
)
def test_what_is_no_bvh(old: str, new: str, why: str) -> None:
    with pytest.raises(BioposeError, match=why):
        parse_bvh(TWO_JOINTS.replace(old, new, 1), "two joints")
