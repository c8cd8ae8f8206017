"""Left and right that change places: told where it matters, silent where one turns about or both sides do the same."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.exchanged import SAID, at_stake, exchanged, exchanges, otherwise
from biomech.mesh.signatures import angles, signed

FRAMES, RATE_HZ = 30, 15.0


def held(camera: Camera, **degrees: float) -> BodyMotion:
    body, names = AnnyBody.load([0]), list(degrees)
    values = np.tile(np.radians([degrees[name] for name in names]), (FRAMES, 1))
    motion = driven(body, body.default_shape().double().numpy(), names, values, np.arange(FRAMES) / RATE_HZ)
    return replace(motion, camera=camera)


def swapped(keypoints: Keypoints, frames: slice) -> Keypoints:
    """Left is called right there."""
    other = {"left": "right", "right": "left"}
    names = [
        f"{other.get(name.partition('_')[0], name.partition('_')[0])}_{name.partition('_')[2]}"
        for name in keypoints.names
    ]
    order = [keypoints.names.index(name) if name in keypoints.names else k for k, name in enumerate(names)]
    xy = keypoints.xy.copy()
    xy[frames] = xy[frames][:, order]
    return replace(keypoints, xy=xy)


@pytest.fixture(scope="module")
def lifted(camera: Camera) -> BodyMotion:
    return held(camera, hip_flexion_l=60, hip_adduction_l=-20, knee_angle_l=120)


def test_a_leg_is_lifted_and_a_third_of_the_looks_say_which_otherwise(
    lifted: BodyMotion, seen: Callable[..., Keypoints]
) -> None:
    keypoints = seen(lifted, lifted.camera)
    assert not otherwise(lifted, keypoints).any()
    # The answer keeps to the others: two thirds say what it says.
    share = otherwise(lifted, swapped(keypoints, slice(10, 20)))
    assert share == pytest.approx(np.full(FRAMES, 1 / 3))
    assert np.degrees(at_stake(angles(lifted))[0]) == pytest.approx((2 * (60 + 20 + 120)) / 17, abs=3)
    told = signed(lifted, swapped(keypoints, slice(10, 20)))
    assert all(SAID in why for why in told.doubts) and any(SAID in note for note in told.notes)


def test_one_look_in_thirty_changes_nothing(lifted: BodyMotion, seen: Callable[..., Keypoints]) -> None:
    keypoints = swapped(seen(lifted, lifted.camera), slice(10, 11))
    assert not exchanged(lifted, keypoints, angles(lifted)).any()


def test_who_does_the_same_with_both_sides_is_left_alone(camera: Camera, seen: Callable[..., Keypoints]) -> None:
    squat = held(camera, hip_flexion_r=80, hip_flexion_l=80, knee_angle_r=80, knee_angle_l=80)
    keypoints = swapped(seen(squat, camera), slice(10, 20))
    assert otherwise(squat, keypoints).max() > 0.3
    assert not exchanged(squat, keypoints, angles(squat)).any()


def test_who_turns_about_is_no_exchange() -> None:
    time_s = np.arange(60) / 30
    turning = np.stack([np.cos(np.pi * time_s), np.zeros(60)], 1)  # half a turn a second
    clear = np.abs(turning[:, 0]) > 0.4
    assert not exchanges(turning, clear, time_s).any()
    jumping = np.where(time_s[:, None] < 1, [[1.0, 0]], [[-1.0, 0.1]])
    assert exchanges(jumping, np.ones(60, bool), time_s).tolist() == [0] * 30 + [1] * 30


@pytest.mark.parametrize(("rate_hz", "told"), [(15.0, True), (5.0, True), (4.0, True), (3.0, False)])
def test_few_looks_a_second_tell_of_an_exchange_but_not_of_a_turn(rate_hz: float, told: bool) -> None:
    time_s = np.arange(12) / rate_hz
    jumping = np.where(np.arange(12)[:, None] < 6, [[1.1, 0]], [[-1.05, 0.1]])
    assert exchanges(jumping, np.ones(12, bool), time_s).any() == told
    for phase in np.linspace(0, 1, 7):
        part = np.clip((time_s - 1 + phase / rate_hz) / 1.2, 0, 1)  # half a turn in 1.2 s, as fast as people start it
        turning = 1.1 * np.cos(np.pi * (10 * part**3 - 15 * part**4 + 6 * part**5))
        assert not exchanges(np.stack([turning, 0 * turning], 1), np.abs(turning) > 0.5, time_s).any()


def test_nothing_is_told_without_camera_or_trunk(lifted: BodyMotion, seen: Callable[..., Keypoints]) -> None:
    keypoints = swapped(seen(lifted, lifted.camera), slice(10, 20))
    assert not exchanged(replace(lifted, camera=None), keypoints, angles(lifted)).any()
    renamed = replace(keypoints, names=[name.replace("hip", "waist") for name in keypoints.names])
    assert not exchanged(lifted, renamed, angles(lifted)).any()
    unseen = replace(keypoints, xy=np.full_like(keypoints.xy, np.nan))
    assert not exchanged(lifted, unseen, angles(lifted)).any()
