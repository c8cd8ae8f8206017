"""A stretch that is known to be upright, a shape known from another clip, and how sure the fit says that it is."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.labels.people import random_adult, seeded
from biomech.mesh.expected import NAMES, view_note, view_of
from biomech.mesh.recover import recover

FRAMES = 30


@pytest.fixture(scope="module")
def standing(camera: Camera, seen: Callable[..., Keypoints], walking: Callable[..., BodyMotion]) -> Keypoints:
    """Somebody who stands upright and then bends the knees, where the walker of other tests would be."""
    body = AnnyBody.load([0])
    legs = [f"{name}_{side}" for name in ("hip_flexion", "knee_angle", "ankle_angle") for side in "rl"]
    names = ["pelvis_tilt", "lumbar_extension", *legs]
    bend = np.clip((np.arange(FRAMES) - 8) / 14, 0, 1)[:, None] * np.array([-0.3, -0.2, 1.0, 1.0, 1.3, 1.3, 0.6, 0.6])
    shape = random_adult(body, seeded("neutral"))
    motion = driven(body, shape, names, bend, np.arange(FRAMES) / 15.0)
    place = walking(FRAMES).root_position_m.mean(0) * [1, 0, 1]
    return seen(replace(motion, root_position_m=motion.root_position_m + place, camera=camera), camera)


def knees(motion: BodyMotion) -> np.ndarray:
    found = coordinates_of(pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations))
    return np.degrees((found["knee_angle_r"] + found["knee_angle_l"]) / 2)


def test_a_neutral_stretch_is_straight_and_the_rest_follows(standing: Keypoints) -> None:
    told = recover(standing, neutral_s=(0.0, 0.3))
    bend = knees(told)
    assert np.abs(bend[:4]).max() < 3
    assert abs(bend[-3:].mean() - np.degrees(1.3)) < 20
    again = recover(standing, shape=told.shape)
    assert np.array_equal(again.shape, told.shape)


@pytest.mark.parametrize("stretch", [(5.0, 6.0), (0.5, 0.1), (float("nan"), 1.0)])
def test_a_stretch_that_is_none_is_refused(standing: Keypoints, stretch: tuple[float, float]) -> None:
    with pytest.raises(BioposeError, match=r"neutral|upright"):
        recover(standing, neutral_s=stretch)


def test_every_coordinate_has_a_spread_and_the_view_is_named(standing: Keypoints) -> None:
    motion = recover(standing)
    assert motion.coordinate_names == list(NAMES) and motion.coordinate_sd is not None
    assert motion.coordinate_sd.shape == (FRAMES, len(NAMES)) and (motion.coordinate_sd > 0).all()
    unseen = replace(standing, confidence=np.where([("ankle" in n or "foot" in n or "heel" in n or "knee" in n)
                                                    for n in standing.names], 0.0, standing.confidence))  # fmt: skip
    knee = NAMES.index("knee_angle_r")
    hidden = recover(unseen).coordinate_sd
    assert hidden is not None and hidden[:, knee].mean() > 1.2 * motion.coordinate_sd[:, knee].mean()
    note = view_note(motion)
    assert note is not None and "filmed from" in note and "knees" in note
    assert view_of(motion).shape == (FRAMES,)
    assert view_note(replace(motion, coordinate_sd=None)) is None
