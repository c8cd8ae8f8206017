"""One person or two: by the lengths of pelvis and legs, whatever the pose."""

from pathlib import Path

import numpy as np
import pytest
import torch

from biomech.errors import BioposeError
from biomech.markers.marker_map import read_marker_map
from biomech.markers.markers import Markers
from biomech.markers.same_person import SAME, apart, bony, check_same_person
from biomech.osim_models.build import write as write_generic
from biomech.skeleton.skeleton import Skeleton

KNOWN = read_marker_map("plug_in_gait")


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Skeleton:
    write_generic(osim := tmp_path_factory.mktemp("model") / "generic.osim", KNOWN.on_model())
    return Skeleton.from_osim(osim)


def person(skeleton: Skeleton, legs: float = 1.0, frames: int = 5, bent: float = 0.0) -> Markers:
    """Somebody whose legs are longer by a factor, in poses that bend more and more."""
    values = torch.as_tensor(skeleton.defaults).repeat(frames, 1)
    for name in ("hip_flexion_r", "knee_angle_r", "hip_flexion_l", "knee_angle_l"):
        values[:, skeleton.coordinate_names.index(name)] = torch.linspace(0, bent, frames, dtype=torch.float64)
    scales = torch.ones(len(skeleton.body_names), 3, dtype=torch.float64)
    for name in ("femur_r", "femur_l", "tibia_r", "tibia_l"):
        scales[skeleton.body_names.index(name)] = legs
    with torch.no_grad():
        places = skeleton(values, scales).markers.numpy()
    noise = np.random.default_rng(0).normal(0, 0.003, places.shape)
    return Markers(list(skeleton.marker_names), places + noise, np.arange(frames) / 100)


def test_a_person_is_the_same_in_every_pose(skeleton: Skeleton) -> None:
    differ = apart(person(skeleton), person(skeleton, bent=0.8, frames=20), KNOWN.bony)
    assert differ is not None and differ < SAME
    check_same_person(person(skeleton), person(skeleton, bent=0.8), KNOWN.bony, Path("static.trc"))


@pytest.mark.parametrize("legs", [0.93, 1.07])
def test_other_legs_are_of_somebody_else(skeleton: Skeleton, legs: float) -> None:
    with pytest.raises(BioposeError, match=r"static\.trc.*of another person.*differ .* by \d"):
        check_same_person(person(skeleton, legs), person(skeleton, bent=0.8), KNOWN.bony, Path("static.trc"))


def test_too_few_lengths_tell_nothing(skeleton: Skeleton) -> None:
    few = person(skeleton).select(["RASI", "LASI", "RKNE", "C7"])
    assert apart(few, person(skeleton, 1.3), KNOWN.bony) is None


def test_sets_that_do_not_say_what_is_bony() -> None:
    assert bony({"A": ("femur_r", True), "B": ("femur_r", False)}) == {"A": "femur_r"}
    assert bony({"A": ("femur_r", False), "B": ("tibia_r", False)}) == {"A": "femur_r", "B": "tibia_r"}
