"""A stretch that is known to be upright, a shape known from another clip, and how sure the fit says that it is."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

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
from biomech.mesh.features import NAMES as FEATURES
from biomech.mesh.neutral import check_upright
from biomech.mesh.recover import recover
from biomech.mesh.recoverers import standing_shape

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


def figure(hip_y: float, knee_x: float = 0.0, shoulder_x: float = 0.0, frames: int = 10) -> Keypoints:
    """Stick figures, 1.4 units tall at the shoulders when they stand; y is down."""
    at = {"shoulder": (shoulder_x, hip_y + 0.5), "hip": (0.0, hip_y), "knee": (knee_x, hip_y / 2), "ankle": (0.0, 0.1)}
    names = [f"{side}_{part}" for side in ("left", "right") for part in at]
    xy = np.array([[at[part][0] + x, -at[part][1]] for x in (0.1, -0.1) for part in at])
    return Keypoints(
        names=names,
        xy=np.repeat(200 + 200 * xy[None], frames, 0),
        confidence=np.ones((frames, len(names))),
        time_s=np.arange(frames) / 10,
        size_px=(400, 400),
    )


def mixed(one: Keypoints, other: Keypoints, others: int) -> Keypoints:
    return replace(one, xy=np.concatenate([other.xy[:others], one.xy[others:]]))


def told(film: Keypoints, frames: np.ndarray | None = None, **degrees: float) -> list[str]:
    """What is said of a film in which the guess bends this, ±5°."""
    guess = np.zeros((10, len(FEATURES)))
    for name, angle in degrees.items():
        guess[:, FEATURES.index(name)] = np.radians(angle)
    evidence = SimpleNamespace(guess=guess, guess_sd=np.full_like(guess, np.radians(5)))
    return check_upright(film, evidence, np.ones(10, bool) if frames is None else frames, "film")  # type: ignore[arg-type]


def test_who_does_not_stand_is_refused_as_neutral() -> None:
    stands, sits = figure(0.85), figure(0.55)
    assert told(stands) == told(stands, knee_angle_r=12.0) == []
    for other in (sits, figure(0.85, knee_x=0.4), figure(0.85, shoulder_x=0.6)):  # front, side, bent forward
        with pytest.raises(BioposeError, match="film: the person stands upright in 0% of the frames"):
            told(other)
    with pytest.raises(BioposeError, match="lies"):
        told(replace(stands, xy=stands.xy[..., ::-1].copy()))
    with pytest.raises(BioposeError, match="crouches"):  # towards the lens
        told(stands, knee_angle_r=60.0, knee_angle_l=60.0)
    (note,) = told(mixed(stands, sits, 3))
    assert "in 70% of the frames only" in note
    assert told(mixed(stands, sits, 3), np.arange(10) > 2) == []
    hidden = np.where(["ankle" in name for name in stands.names], 0.1, 1.0) * np.ones((10, 1))
    (note,) = told(replace(stands, confidence=hidden))
    assert "not all seen" in note


def test_one_picture_is_no_stretch() -> None:
    with pytest.raises(BioposeError, match="in 1 picture only"):
        told(figure(0.85), frames=np.arange(10) == 4)


def test_a_stretch_in_which_the_knees_are_bent_is_refused(standing: Keypoints) -> None:
    with pytest.raises(BioposeError, match=r"stretch \(1\.6 to 2 s\): the person stands upright in 0%"):
        recover(standing, neutral_s=(1.6, 2.0))


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
    assert note is not None and "filmed from" in note and "knees" in note and "NAME" not in note
    assert view_of(motion).shape == (FRAMES,)
    assert view_note(replace(motion, coordinate_sd=None)) is None


def test_a_shape_of_who_stands_most_of_the_time_comes_with_a_note(standing: Keypoints) -> None:
    shape, notes = standing_shape(standing, height_m=1.75)
    assert shape.shape == recover(standing, height_m=1.75, neutral_s=(0.0, 0.3)).shape.shape
    assert len(notes) == 1 and "of the frames only" in notes[0]
