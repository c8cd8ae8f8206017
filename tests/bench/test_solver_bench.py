"""The judge of the solvers: OpenSim's objective, what the markers determine, and the tool in a process of its own."""

from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.bench.solver import _compared
from biomech.errors import BioposeError
from biomech.inverse_kinematics.alone import Problem, module, solve_alone
from biomech.inverse_kinematics.conditioning import noise_gains_deg_per_mm
from biomech.inverse_kinematics.opensim_alone import (
    allowed,
    free_coordinates,
    model_markers,
    objective_m2,
    tasks_by_opensim,
)
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.skeleton.model import load_model

LENGTH_M = 0.5


@pytest.fixture(scope="module")
def arm_osim(tmp_path_factory) -> Path:
    """Two links in a plane: a shoulder that is clamped, an elbow, and a wrist that no marker sees."""
    model = opensim.Model()
    model.setName("arm")
    parent, place = model.getGround(), opensim.Vec3(0)
    for body_name, joint_name in (("upper", "shoulder"), ("lower", "elbow"), ("hand", "wrist")):
        body = opensim.Body(body_name, 1.0, opensim.Vec3(0), opensim.Inertia(1))
        model.addBody(body)
        joint = opensim.PinJoint(joint_name, parent, place, opensim.Vec3(0), body, opensim.Vec3(0), opensim.Vec3(0))
        joint.updCoordinate().setName(f"{joint_name}_angle")
        joint.updCoordinate().setDefaultClamped(joint_name == "shoulder")
        joint.updCoordinate().setRangeMin(-1.0)
        joint.updCoordinate().setRangeMax(1.0)
        model.addJoint(joint)
        parent, place = body, opensim.Vec3(LENGTH_M, 0, 0)
    for body_name, at in (
        ("upper", (0.5, 0, 0)),
        ("upper", (0.2, 0.1, 0)),
        ("lower", (0.5, 0, 0)),
        ("lower", (0, 0.1, 0)),
    ):
        name = f"{body_name}{model.getMarkerSet().getSize()}"
        model.addMarker(opensim.Marker(name, model.getBodySet().get(body_name), opensim.Vec3(*at)))
    model.finalizeConnections()
    path = tmp_path_factory.mktemp("arm") / "arm.osim"
    model.printToXML(str(path))
    return path


def poses(*rows: tuple[float, float, float]) -> Kinematics:
    names = ["shoulder_angle", "elbow_angle", "wrist_angle"]
    return Kinematics(names, np.array(rows), np.arange(len(rows)) / 100, np.ones(3, dtype=bool))


def test_the_objective_is_a_weighted_mean_over_the_markers_seen(arm_osim):
    model = load_model(arm_osim)
    motion = poses((0.3, 0.4, 0), (0.3, 0.4, 0))
    markers = model_markers(model, motion)
    markers.positions_m[:, 0] += (0.01, 0, 0)
    markers.positions_m[1, 1] = np.nan
    weights = dict(zip(markers.names, (4.0, 2.0, 1.0, 1.0), strict=True))
    value = objective_m2(model, motion, markers, weights, {"elbow_angle": (0.5, 0.6)})
    np.testing.assert_allclose(value, np.array([4e-4 / 8, 4e-4 / 6]) + 0.5 * 0.2**2, rtol=1e-9)


def test_a_pose_outside_a_clamped_range_is_judged_at_its_bound(arm_osim):
    model = load_model(arm_osim)
    assert allowed(model, poses((1.4, 1.4, 0))).values.tolist() == [[1.0, 1.4, 0.0]]


def test_what_no_marker_sees_is_open_and_the_rest_has_the_noise_of_its_lever(arm_osim):
    model = load_model(arm_osim)
    gains = noise_gains_deg_per_mm(model, poses((0.0, 0.2, 0.1)), {n: 1.0 for n in ("upper0", "upper1")})
    assert np.isinf(gains[0, 1:]).all()
    lever_m = np.sqrt(0.5**2 + 0.2**2 + 0.1**2)
    assert gains[0, 0] == pytest.approx(np.rad2deg(0.001 / lever_m), rel=1e-6)


def test_the_tool_meets_the_minimum_of_the_objective(arm_osim, tmp_path):
    model = load_model(arm_osim)
    markers = model_markers(model, poses((0.3, 0.4, 0), (0.31, 0.42, 0)))
    noise = np.random.default_rng(0).normal(0, 0.01, markers.positions_m.shape)
    trc = tmp_path / "markers.trc"
    write_trc(Markers(markers.names, markers.positions_m + noise, markers.time_s), trc)
    seen, weights = read_trc(trc), dict(zip(markers.names, (1.0, 5.0, 2.0, 1.0), strict=True))
    task = {"elbow_angle": (0.01, 0.0)}
    problem = Problem(str(arm_osim), str(trc), weights, task)
    (answer,) = solve_alone(
        module("inverse_kinematics.opensim_alone"), [problem], tmp_path / "run", options={"accuracy": 1e-9}
    )
    found = poses(*answer.values)
    least = objective_m2(model, found, seen, weights, task)
    assert answer.frames_per_s > 0 and answer.peak_memory_mb > 20
    for step in ((1e-3, 0, 0), (-1e-3, 0, 0), (0, 1e-3, 0), (0, -1e-3, 0)):
        assert (objective_m2(model, poses(*(found.values + step)), seen, weights, task) > least).all()
    # Another reading of the weights has its minimum elsewhere.
    squared = {name: weight**2 for name, weight in weights.items()}
    around = [poses(*(found.values + np.array((a, b, 0)))) for a in (-2e-3, 0, 2e-3) for b in (-2e-3, 0, 2e-3)]
    values = np.array([objective_m2(model, near, seen, squared, task) for near in around])
    assert (values.argmin(0) != 4).any()


def test_a_solver_that_dies_says_its_last_word(arm_osim, tmp_path):
    problem = Problem(str(arm_osim), str(tmp_path / "no.trc"), {"upper0": 1.0})
    with pytest.raises(BioposeError, match=r"ended with code 1: .*no\.trc"):
        solve_alone(module("inverse_kinematics.opensim_alone"), [problem], tmp_path / "run", options={"accuracy": 1e-5})


def test_tasks_of_a_file_that_xml_parsers_refuse(biopose_data):
    folder = biopose_data / "opensim_core_ik_standard"
    model = load_model(folder / "subject01_simbody.osim")
    weights, targets = tasks_by_opensim(folder / "gait2354_IK_Tasks.xml", model)
    assert weights["Top.Head"] == 0.5 and len(weights) == 31
    assert targets["subtalar_angle_r"] == (1000.0, 0.0)


def test_couplings_leave_the_free_coordinates(biopose_data):
    model = load_model(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim")
    free = free_coordinates(model)
    assert len(free) == 33 and "knee_angle_r_beta" not in free


def test_only_well_conditioned_angles_count_and_every_excess_does():
    group = {
        "names": ["good", "weak", "tx"],
        "rotational": [True, True, False],
        "excess": [np.array([0.0, 2e-6]), np.array([-0.1])],  # the tool is in another minimum in the last
        "difference": [np.array([[0.1, 7.0, 50.0], [0.3, 0, 0]]), np.array([[0.9, 9.0, 0]])],
        "gain": [[0.5, 1.0, 0.5], [0.5, 2.0, 0.5]],
    }
    row = _compared(group)
    assert row["frames_above_opensim_objective"] == 1 and row["frames"] == 3
    assert row["difference_deg"] == 0.3 and row["difference_mean_deg"] == pytest.approx(0.2)
    assert row["frames_in_another_minimum"] == 1 and row["difference_all_frames_deg"] == 0.9
    assert set(row["coordinates"]) == {"good", "weak"} and not row["coordinates"]["weak"]["well_conditioned"]
