"""Signatures of failure: told where they are, silent where they are not, and each frame's reason reaches the solve."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.evidence import in_picture
from biomech.mesh.limbs import behind
from biomech.mesh.signatures import absent, angles, beyond, carried, contradicted, signed, size_notes, sparse

FRAMES = 12


@pytest.fixture(scope="module")
def walker(walking: Callable[..., BodyMotion], camera: Camera) -> BodyMotion:
    return replace(walking(FRAMES), camera=camera)


@pytest.fixture(scope="module")
def keypoints(walker: BodyMotion, camera: Camera, seen: Callable[..., Keypoints]) -> Keypoints:
    return seen(walker, camera)


def posed(**degrees: float) -> BodyMotion:
    body, names = AnnyBody.load([0]), list(degrees)
    values = np.tile(np.radians([degrees[name] for name in names]), (FRAMES, 1))
    return driven(body, body.default_shape().double().numpy(), names, values, np.arange(FRAMES) / 12)


def test_who_walks_is_left_alone(walker: BodyMotion, keypoints: Keypoints) -> None:
    told = signed(walker, keypoints, height_m=1.7, mass_kg=70)
    assert not any(told.doubts) and told.notes == walker.notes


@pytest.mark.parametrize(
    ("coordinate", "degrees"), [("knee_angle_r", -40), ("elbow_flex_l", -45), ("hip_flexion_r", 165)]
)
def test_a_joint_outside_its_range_is_named(coordinate: str, degrees: float) -> None:
    motion = posed(**{coordinate: degrees})
    assert list(beyond(angles(motion))) == [coordinate]
    assert all(why.startswith(f"{coordinate} is outside") for why in signed(motion).doubts)


def test_an_arm_that_hangs_is_within_by_either_of_its_triples() -> None:
    assert not beyond(angles(posed(arm_flex_r=180, arm_add_r=-166, arm_rot_r=175)))


def test_frames_with_few_confident_keypoints(keypoints: Keypoints) -> None:
    confidence = keypoints.confidence.copy()
    confidence[4:7, ::2] = 0.29
    confidence[4:7, 1] = 0.29
    assert np.flatnonzero(sparse(replace(keypoints, confidence=confidence))).tolist() == [4, 5, 6]


def test_a_moment_alone_is_not_trusted(walker: BodyMotion, keypoints: Keypoints) -> None:
    confidence = np.where(np.arange(len(keypoints.confidence))[:, None] < 4, keypoints.confidence, 0.0)
    brief = replace(keypoints, confidence=confidence, xy=np.where(confidence[..., None] > 0, keypoints.xy, np.nan))
    said = signed(walker, brief)
    assert [("fewer than 5 pictures" in why) for why in said.doubts[:6]] == 4 * [True] + 2 * [False]
    assert any("take a longer part" in note for note in said.notes)
    assert not any("fewer than" in why for why in signed(walker, keypoints).doubts)


def test_a_limb_far_from_its_keypoints(walker: BodyMotion, keypoints: Keypoints) -> None:
    xy = keypoints.xy.copy()
    xy[:, keypoints.names.index("left_ankle")] += 150
    assert list(contradicted(walker, replace(keypoints, xy=xy))) == ["left leg"]
    xy = keypoints.xy.copy()
    xy[:3, keypoints.names.index("left_ankle")] += 150
    assert not contradicted(walker, replace(keypoints, xy=xy))


def test_a_hand_that_is_never_seen(walker: BodyMotion, keypoints: Keypoints) -> None:
    confidence = keypoints.confidence.copy()
    confidence[:, keypoints.names.index("left_wrist")] = 0.01
    assert absent(replace(keypoints, confidence=confidence), behind(walker)) == ["left arm"]


def test_who_sits_and_travels_is_carried() -> None:
    seat = posed(**{f"{name}_{side}": 85.0 for name in ("hip_flexion", "knee_angle") for side in "rl"})
    root = seat.root_position_m + np.linspace(0, 1, FRAMES)[:, None] * [1.0, 0.0, 0.0]
    everywhere = np.ones(FRAMES, bool)
    travels = replace(seat, root_position_m=root)
    assert carried(travels, angles(travels), everywhere) and not carried(seat, angles(seat), everywhere)


def test_a_size_that_was_never_measured() -> None:
    assert "infant" in size_notes(0.75, 9)[0] and "body mass index is 46" in size_notes(1.7, 133)[0]
    assert not size_notes(1.7, 70) and not size_notes(1.1, 18) and not size_notes(None, 150)


def test_what_is_not_confident_does_not_enter_the_fit(keypoints: Keypoints) -> None:
    confidence = keypoints.confidence.copy()
    confidence[:, 5] = 0.09
    evidence = in_picture(replace(keypoints, confidence=confidence), list(range(len(keypoints.names))))
    assert not evidence.confidence[:, 5].any() and evidence.confidence[:, 6].all()


def test_reasons_are_kept_with_the_motion(tmp_path: Path) -> None:
    motion = replace(signed(posed(knee_angle_r=-40)), left_open=("pelvis_tx",))
    motion.save(tmp_path / "motion.npz")
    back = BodyMotion.load(tmp_path / "motion.npz")
    assert list(back.doubts) == list(motion.doubts) and list(back.left_open) == ["pelvis_tx"]
