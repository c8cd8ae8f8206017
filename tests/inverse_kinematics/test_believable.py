"""Angles that markers determine and that are still not to be believed."""

import numpy as np
import pytest

from biomech.inverse_kinematics.believable import not_told_apart, too_fast
from biomech.osim_models import build
from biomech.skeleton.skeleton import Skeleton

RATE_HZ = 30.0


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(build.DEFAULT_PATH)


def motion(skeleton: Skeleton, frames: int = 20, **degrees: np.ndarray | float) -> np.ndarray:
    values = np.tile(skeleton.defaults, (frames, 1))
    for name, course in degrees.items():
        values[:, skeleton.coordinate_names.index(name)] = np.radians(course)
    return values


def marked(skeleton: Skeleton, found: np.ndarray) -> dict[str, int]:
    return {name: int(n) for name, n in zip(skeleton.coordinate_names, found.sum(0), strict=True) if n}


def test_an_arm_straight_out_at_its_side(skeleton: Skeleton) -> None:
    out = motion(skeleton, arm_add_l=np.linspace(-40, -98, 20), arm_flex_r=170.0)
    found, (note,) = not_told_apart(skeleton.description, out)
    assert marked(skeleton, found) == {"arm_flex_l": 8, "arm_rot_l": 8}
    assert found[-8:].any(1).all() and "8 of 20 frames (arm_add_l near" in note
    hanging, notes = not_told_apart(skeleton.description, motion(skeleton, arm_flex_l=90.0, hip_flexion_r=120.0))
    assert not hanging.any() and notes == []


def test_who_lies_on_the_side(skeleton: Skeleton) -> None:
    found, _ = not_told_apart(skeleton.description, motion(skeleton, pelvis_list=85.0))
    assert marked(skeleton, found) == {"pelvis_tilt": 20, "pelvis_rotation": 20}


def test_a_head_that_flies(skeleton: Skeleton) -> None:
    times = np.arange(20) / RATE_HZ
    course = np.where(np.arange(20) == 10, 40.0, 0.0)  # there and back at 1,200°/s
    found, (note,) = too_fast(skeleton.description, motion(skeleton, neck_extension=course), times)
    assert marked(skeleton, found) == dict.fromkeys(("neck_extension", "neck_bending", "neck_rotation"), 3)
    assert found[9:12].any(1).all() and "1200°/s" in note and "3 of 20 frames" in note
    shaken = motion(skeleton, neck_rotation=40 * np.sin(2 * np.pi * 3 * times), arm_flex_r=60 * course)
    assert not too_fast(skeleton.description, shaken, times)[0].any()  # of arms nothing is said
    assert not too_fast(skeleton.description, shaken[:1], times[:1])[0].any()
