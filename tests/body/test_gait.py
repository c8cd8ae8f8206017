"""The walk has the angles it claims, stands on the floor, and goes where it is sent."""

import numpy as np
import pytest
import torch

from biomech.body.anny import AnnyBody
from biomech.body.gait import joint_angles, walk
from biomech.body.motion import BodyMotion
from biomech.comparison.metrics import bend_deg, correlation

PARTS = ("heel", "ball", "toe")


@pytest.fixture(scope="module", params=["average", "other"])
def shape(request) -> torch.Tensor:
    shape = AnnyBody.load([0]).default_shape()
    if request.param == "other":  # a heavier woman with long thighs and small feet
        for name, value in {"gender": 0.9, "weight": 0.75, "thigh_length": 0.5, "foot_size": -0.6}.items():
            shape[AnnyBody.load([0]).shape_names.index(name)] = value
    return shape


@pytest.fixture(scope="module")
def motion(shape) -> BodyMotion:
    return walk(AnnyBody.load([0]), shape, seconds=3, rate_hz=60, speed_m_s=1.2)


def posed(motion: BodyMotion, vertices=(0,)) -> tuple[dict[str, np.ndarray], np.ndarray]:
    body = AnnyBody.load(vertices)
    rest = body.rest(torch.tensor(motion.shape).float())
    bones = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    skin = body.skin(rest, bones).double().numpy()
    return dict(zip(body.bone_names, np.moveaxis(bones.joints.double().numpy(), 1, 0), strict=True)), skin


def test_knees_bend_by_the_stated_angles_and_backwards(motion):
    joints, _ = posed(motion)
    right = bend_deg(joints["RightUpLeg"], joints["RightLeg"], joints["RightFoot"])
    left = bend_deg(joints["LeftUpLeg"], joints["LeftLeg"], joints["LeftFoot"])
    for bend, first_phase in ((right, 0.0), (left, 0.5)):
        period = _period(motion, joints)
        stated = np.degrees(joint_angles(first_phase + motion.time_s / period)["knee_angle"])
        np.testing.assert_allclose(bend, stated, atol=0.3)
        assert np.ptp(bend) > 55
    most = right.argmax()
    straight = (joints["RightUpLeg"][most] + joints["RightFoot"][most]) / 2
    assert joints["RightLeg"][most, 0] > straight[0] + 0.05  # the knee points ahead


def _period(motion: BodyMotion, joints: dict[str, np.ndarray]) -> float:
    """Of the stride, from the recurrence of the right knee."""
    bend = bend_deg(joints["RightUpLeg"], joints["RightLeg"], joints["RightFoot"])
    peaks = [k for k in range(1, len(bend) - 1) if bend[k] > 55 and bend[k - 1] < bend[k] >= bend[k + 1]]
    fine = []
    for k in peaks:  # the top of the parabola through three frames
        a, b, c = bend[k - 1 : k + 2]
        fine.append((k + 0.5 * (a - c) / (a - 2 * b + c)) / 60)
    return float(np.diff(fine).mean())


def test_arms_swing_against_the_legs(motion):
    joints, _ = posed(motion)
    ahead = {bone: joints[bone][:, 0] - joints["Hips"][:, 0] for bone in joints}
    for arm, leg in (("RightHand", "RightFoot"), ("LeftHand", "LeftFoot")):
        assert correlation(ahead[arm], ahead[leg]) < -0.8
    assert 0.2 < np.ptp(ahead["RightHand"]) < 0.8


def test_soles_stand_on_the_floor_and_do_not_slide(motion):
    speed, height = [], []
    for side in "rl":
        for part in PARTS:
            _, skin = posed(motion, AnnyBody.load([0]).foot_vertices[f"{part}_{side}"])
            height.append(skin[..., 1].min(1))
            speed.append(np.linalg.norm(np.gradient(skin.mean(1), motion.time_s, axis=0)[:, [0, 2]], axis=1))
    height, speed = np.array(height), np.array(speed)
    assert np.abs(height.min(0)).max() < 0.015
    standing = speed.min(0)  # of the point that stands best
    assert np.median(standing) < 0.05
    assert standing.max() < 0.25  # 5 times slower than the walk, at worst


def test_both_halves_of_the_cycle_mirror_each_other(motion):
    joints, _ = posed(motion)
    half = _period(motion, joints) / 2
    later = motion.time_s[motion.time_s + half <= motion.time_s[-1]]
    height = {bone: np.interp(later + half, motion.time_s, joints[bone][:, 1]) for bone in ("LeftFoot", "LeftHand")}
    for bone, now in height.items():
        np.testing.assert_allclose(now, joints[bone.replace("Left", "Right")][: len(later), 1], atol=0.004)


@pytest.mark.parametrize("heading_deg", [0, 90, -30])
def test_it_goes_where_and_as_fast_as_it_is_sent(heading_deg):
    body = AnnyBody.load([0])
    motion = walk(body, body.default_shape(), seconds=6, speed_m_s=0.9, heading_rad=np.radians(heading_deg))
    assert len(motion.time_s) == 180
    travelled = (motion.root_position_m[-1] - motion.root_position_m[0]) / motion.time_s[-1]
    straight = 0.9 * np.array([np.cos(np.radians(heading_deg)), 0, -np.sin(np.radians(heading_deg))])
    np.testing.assert_allclose(travelled, straight, atol=0.04)  # it may end in the middle of a stride
    facing = motion.rotations[:, 0].mean(0) @ [1, 0, 0]
    np.testing.assert_allclose(facing / np.linalg.norm(facing), straight / 0.9, atol=0.02)
