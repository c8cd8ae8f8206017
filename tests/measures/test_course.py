"""Where the body goes: the centre of mass against OpenSim's own."""

from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.generated import generate
from biomech.measures.course import Course, PosableModel
from biomech.measures.filtering import evenly
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import load_model


@pytest.fixture(scope="module")
def body() -> PosableModel:
    return PosableModel.of(Path(DEFAULT_PATH))


def test_the_centre_of_mass_is_opensims(body: PosableModel) -> None:
    motion = generate("jump", 2.0, 15.0, np.random.default_rng(1))
    course = Course.of(body, *evenly(motion), None)
    model = load_model(DEFAULT_PATH)
    state = model.initSystem()
    for row in range(0, len(motion.time_s), 7):
        for name, value in zip(motion.names, motion.values[row], strict=True):
            model.getCoordinateSet().get(name).setValue(state, float(value), False)
        model.assemble(state)
        model.realizePosition(state)
        true = model.calcMassCenterPosition(state).to_numpy()
        assert np.abs(course.com_m[row] - true).max() < 1e-4
    assert np.isnan(course.com_velocity_m_s).all()  # nothing is derived from what was not filtered


def test_points_of_the_leg(body: PosableModel) -> None:
    motion = generate("standing", 2.0, 30.0, np.random.default_rng(0))
    course = Course.of(body, *evenly(motion), 6.0)
    assert 0.7 < course.leg_m < 0.95 and 0.2 < course.foot_m < 0.3
    assert course.bend_deg("r").max() < 20 and np.allclose(course.facing, [1, 0, 0], atol=0.1)
    assert (course.ahead_m(course.toe_m["r"]) > course.ahead_m(course.heel_m["r"])).all()
    for side in "rl":
        assert (course.heel_m[side][:, 1] > -0.03).all() and (course.heel_m[side][:, 1] < 0.06).all()
    assert np.abs(course.com_velocity_m_s).max() < 0.3


def test_what_only_opensim_poses_is_the_same(body: PosableModel) -> None:
    motion = generate("squat", 1.0, 15.0, np.random.default_rng(0))
    ours = body.posed(motion)
    theirs = PosableModel(body.model, body.names, body.masses_kg, body.centres_m, None).posed(motion)
    assert np.abs(ours[0] - theirs[0]).max() < 1e-6 and np.abs(ours[1] - theirs[1]).max() < 1e-6


def test_models_without_feet_or_coordinates_are_refused(body: PosableModel) -> None:
    model = opensim.Model()
    model.setName("stick")
    model.addBody(opensim.Body("rod", 1.0, opensim.Vec3(0), opensim.Inertia(1)))
    with pytest.raises(BioposeError, match=r"no body called pelvis, femur_r"):
        PosableModel.of(model)
    other = Kinematics(["elbow_of_a_horse"], np.zeros((30, 1)), np.arange(30) / 30, np.array([True]))
    with pytest.raises(BioposeError, match="elbow_of_a_horse"):
        Course.of(body, *evenly(other), None)
