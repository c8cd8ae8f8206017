"""What OpenSim's tool honours beside the markers, against the tool itself, by both solvers and by the written setup."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.inverse_kinematics.coordinate_tasks import coordinate_goals
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.setup import write_solution
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot, write_mot
from biomech.skeleton.model import load_model, quiet_opensim
from biomech.skeleton.skeleton import Skeleton

MARKERS = [f"{body}_{spot}" for body in "PTS" for spot in ("front", "side", "back", "low")]


def setup(path: Path, trial, tasks: str, *, file: str = "Unassigned", time_range: str = "-Inf Inf") -> Path:
    """An IK setup with all markers at weight 1 and some coordinate tasks, paths relative to it."""
    marker_tasks = "".join(
        f'<IKMarkerTask name="{n}"><apply>true</apply><weight>1</weight></IKMarkerTask>' for n in MARKERS
    )
    path.write_text(
        f'<OpenSimDocument Version="40000"><InverseKinematicsTool name="ik"><model_file>{trial.model.name}</model_file>'
        f"<marker_file>{trial.trc.name}</marker_file><coordinate_file>{file}</coordinate_file>"
        f"<output_motion_file>tool.mot</output_motion_file><time_range>{time_range}</time_range>"
        f"<accuracy>1e-8</accuracy><IKTaskSet><objects>{marker_tasks}{tasks}</objects></IKTaskSet>"
        "</InverseKinematicsTool></OpenSimDocument>"
    )
    return path


def task(name: str, weight: float = 1000.0, kind: str = "manual_value", value: float = 0.3, apply: bool = True) -> str:
    return (
        f'<IKCoordinateTask name="{name}"><apply>{str(apply).lower()}</apply><weight>{weight}</weight>'
        f"<value_type>{kind}</value_type><value>{value}</value></IKCoordinateTask>"
    )


def run_tool(setup_xml: Path) -> None:
    code = f"import opensim; assert opensim.InverseKinematicsTool({setup_xml.name!r}).run()"
    subprocess.run([sys.executable, "-c", code], cwd=setup_xml.parent, check=True, capture_output=True)


def agree(trial, setup_xml: Path) -> Kinematics:
    """The tool's motion, after seeing that both solvers and the setup that we write give the same."""
    run_tool(setup_xml)
    tool = read_mot(setup_xml.parent / "tool.mot")
    model = load_model(trial.model)
    goals = coordinate_goals(setup_xml, model, trial.markers.time_s)
    weights = dict.fromkeys(MARKERS, 1.0)
    fast, _ = inverse_kinematics(Skeleton.from_osim(model), trial.markers, weights, coordinate_tasks=goals.all)
    slow, _ = solve_ik(
        trial.model, trial.markers, weights, markers_trc=trial.trc, coordinate_tasks=goals.tasks, workers=1
    )
    out = setup_xml.parent / "again.xml"
    write_solution(
        slow,
        setup_xml.parent / "again.mot",
        out,
        model_osim=trial.model,
        markers_trc=trial.trc,
        weights=weights,
        coordinate_tasks=goals.tasks,
        coordinate_file=goals.file,
    )
    run_tool(out)
    for found in (fast, slow, read_mot(setup_xml.parent / "again_replay.mot")):
        for name in tool.names:
            apart = (found.column(name) - tool.column(name) + np.pi) % (2 * np.pi) - np.pi
            assert np.abs(apart).max() < 2e-3, name
    return tool


def test_targets_from_the_task_and_from_the_model(trial, tmp_path: Path) -> None:
    told = task("knee_angle_r") + task("hip_flexion_r", 0.05, "default_value") + task("pelvis_tilt", apply=False)
    tool = agree(trial, setup(tmp_path / "ik.xml", trial, told))
    assert np.abs(tool.column("knee_angle_r") - 0.3).max() < 1e-3
    truth = trial.truth.column("hip_flexion_r")
    assert 0.02 < np.abs(tool.column("hip_flexion_r") - truth).max() < np.abs(truth).max()  # pulled, not held


def test_targets_over_time_from_a_coordinate_file(trial, tmp_path: Path) -> None:
    time = trial.truth.time_s
    course = Kinematics(["knee_angle_r"], (0.2 + 0.1 * (time - time[0]))[:, None], time, np.array([True]))
    write_mot(course, tmp_path / "knee.mot")
    xml = setup(tmp_path / "ik.xml", trial, task("knee_angle_r", kind="from_file"), file="knee.mot")
    tool = agree(trial, xml)
    assert np.abs(tool.column("knee_angle_r") - course.values[:, 0]).max() < 1e-3
    write_mot(Kinematics(course.names, course.values[:50], time[:50], course.rotational), tmp_path / "knee.mot")
    with pytest.raises(BioposeError, match=r"it goes from 2 s to 2\.98 s, the trial from 2 s to 4\.58 s"):
        coordinate_goals(xml, load_model(trial.model), time)


@pytest.mark.parametrize("how", ["locked", "prescribed"])
def test_what_the_model_holds_is_held(trial, tmp_path: Path, how: str) -> None:
    model = opensim.Model(str(trial.model))
    knee = model.getCoordinateSet().get("knee_angle_r")
    if how == "locked":
        knee.setDefaultValue(0.25)
        knee.setDefaultLocked(True)
    else:
        knee.setPrescribedFunction(opensim.LinearFunction(0.1, 0.0))  # slope and intercept
        knee.setDefaultIsPrescribed(True)
    with quiet_opensim():
        model.initSystem()
        model.printToXML(str(trial.model))
    tool = agree(trial, xml := setup(tmp_path / "ik.xml", trial, task("knee_angle_r", value=0.9)))
    expected = 0.25 if how == "locked" else 0.1 * trial.truth.time_s
    assert np.abs(tool.column("knee_angle_r") - expected).max() < 1e-3
    notes = coordinate_goals(xml, load_model(trial.model), trial.truth.time_s).notes
    assert any("left out, locked or prescribed there: knee_angle_r" in note for note in notes)


def test_what_is_not_honoured_is_told(trial, tmp_path: Path) -> None:
    xml = setup(tmp_path / "ik.xml", trial, task("neck_bending"), time_range="2.5 3")
    goals = coordinate_goals(xml, load_model(trial.model), trial.truth.time_s)
    assert goals.tasks == {}
    assert goals.notes[0] == "coordinate tasks left out, not in the model: neck_bending"
    assert "ik.xml is for 2.5 s to 3 s" in goals.notes[1]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (task("knee_angle_r", weight=float("nan")), "weighs nan"),
        (task("knee_angle_r", weight=-1), "weighs -1"),
        (task("knee_angle_r", value=float("inf")), "has the value inf"),
        (task("knee_angle_r", kind="from_file"), "the setup names none"),
    ],
)
def test_tasks_that_cannot_be(trial, tmp_path: Path, told: str, message: str) -> None:
    with pytest.raises(BioposeError, match=message):
        coordinate_goals(setup(tmp_path / "ik.xml", trial, told), load_model(trial.model), trial.truth.time_s)
