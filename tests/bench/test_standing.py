"""What counts of somebody who stands: angles, lean, soles, and the worst of all clips."""

import numpy as np
import pytest
import torch

from biomech.bench.standing import StandingSpan, figures_of, forwards_deg, lean_deg, soles_cm, worst
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.run import Result
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names, coupled_coordinates, load_model

TIME_S = np.arange(20) / 10


def resting(lifted_m):
    """The body's rest pose, its lowest point so far above the floor."""
    body = AnnyBody.load()
    shape = body.default_shape()
    with torch.no_grad():
        lowest = float(body.rest(shape).vertices[:, 1].min())
        root = body.rest(shape).joints[0].double().numpy()
    place = root + np.array([0.0, lifted_m - lowest, 0.0])
    identities = np.tile(np.eye(3), (len(TIME_S), len(body.bone_names), 1, 1))
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=identities,
        root_position_m=np.tile(place, (len(TIME_S), 1)),
        shape=shape.double().numpy(),
        shape_names=list(body.shape_names),
        time_s=TIME_S,
        quality=np.ones(len(TIME_S)),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that found a person with bent knees, leaning forwards by the pelvis in the second second."""
    folder = tmp_path_factory.mktemp("run")
    result = Result.of(folder, "clip", {"stages": {}})
    model = load_model(DEFAULT_PATH)
    names = coordinate_names(model)
    values = np.zeros((len(TIME_S), len(names)))
    values[:, names.index("knee_angle_r")] = np.radians(20)
    values[:, names.index("knee_angle_l")] = np.radians(10)
    values[:, names.index("elbow_flex_r")] = np.radians(30)
    values[10:, names.index("pelvis_tilt")] = np.radians(-10)
    motion = Kinematics(names, values, TIME_S, coordinate_is_rotational(model))
    write_mot(motion, result.kinematics, coupled=coupled_coordinates(model))
    result.model.write_text(DEFAULT_PATH.read_text())
    resting(0.03).save(result.motion)
    return result


def test_a_lean_is_from_the_vertical():
    low, high = np.zeros(3), np.array([0.0, 1.0, 0.0])
    assert lean_deg(low, high) == 0 and forwards_deg(low, high) == 0
    assert lean_deg(low, np.array([0.0, 1.0, -1.0])) == pytest.approx(45)
    assert forwards_deg(low, np.array([-1.0, 1.0, -1.0])) == pytest.approx(-45)


def test_figures_of_a_run(run):
    upright = figures_of(run, StandingSpan("clip", 0.0, 0.9, "so posed"), None)
    assert (upright["knee_r_deg"], upright["knee_l_deg"], upright["pelvis_tilt_deg"]) == (20, 10, 0)
    assert upright["frames"] == 10 and "elbow_error_r_deg" not in upright
    leaning = figures_of(run, StandingSpan("clip", 1.0, 1.9, "so posed"), None)
    # All of the model turns about the pelvis.
    assert leaning["pelvis_tilt_deg"] == -10
    # Upright, the model's acromia are 4.4° behind its hip centres.
    assert (upright["trunk_lean_deg"], leaning["trunk_lean_deg"]) == pytest.approx((4.4, 5.6), abs=0.2)
    assert leaning["lean_forwards_deg"] - upright["lean_forwards_deg"] == pytest.approx(10, abs=0.2)


def test_elbows_are_judged_by_the_reference(run, tmp_path):
    reference = tmp_path / "reference.mot"
    rotational = np.array([True, True])
    values = np.radians(np.tile([25.0, 5.0], (len(TIME_S), 1)))
    write_mot(Kinematics(["elbow_flex_r", "elbow_flex_l"], values, TIME_S, rotational), reference)
    figures = figures_of(run, StandingSpan("clip", 0.0, 0.9, "so posed"), reference)
    assert (figures["elbow_error_r_deg"], figures["elbow_error_l_deg"]) == (5, -5)


def test_of_a_reader_the_legs_are_judged(run):
    figures = figures_of(run, StandingSpan("clip", 0.0, 0.9, "reads", legs_only=True), None)
    assert {name.split("_")[0] for name in figures} == {"knee", "ankle", "sole", "quality", "frames"}


def test_a_stretch_without_frames(run):
    with pytest.raises(BioposeError, match="no frame from 5 to 6 s"):
        figures_of(run, StandingSpan("clip", 5.0, 6.0, "too late"), None)


def test_soles_are_above_the_floor():
    heights = soles_cm(resting(0.03), np.ones(len(TIME_S), bool))
    assert heights["r"] == pytest.approx(3, abs=0.3) and heights["l"] == pytest.approx(3, abs=0.3)


def test_the_worst_of_all_clips():
    plain = {"knee_r_deg": 4.0, "knee_l_deg": -6.0, "pelvis_tilt_deg": -9.0, "lean_deg": 2.0, "sole_r_cm": -1.0}
    told = plain | {"knee_r_deg": 11.0, "hip_l_deg": -7.0, "elbow_error_l_deg": 3.0}
    figures = worst({"a 0-1 s": plain, "a 0-1 s, size told": told})
    assert (figures["worst_knee_deg"], figures["worst_pelvis_tilt_deg"], figures["worst_hip_deg"]) == (11, 9, 7)
    assert (figures["worst_lean_deg"], figures["worst_elbow_error_deg"], figures["worst_sole_cm"]) == (2, 3, 1)
    assert figures["size_told_knee_cost_deg"] == 5
