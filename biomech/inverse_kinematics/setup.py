"""A motion, and the file that repeats it in the OpenSim GUI: Tools, Inverse Kinematics, Load."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Float

from biomech.files import whole_file
from biomech.inverse_kinematics.fast import CoordinateTask
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.names import ACCURACY
from biomech.skeleton.model import print_whole

# The tool finds the markers beside its setup, but a model by a relative path only in the working folder, and crashes
# where there is none. So a run's model is named from the root: the setup works from anywhere, and after the folder has
# been moved the GUI takes the model that is open. What is made to be moved (labels) names it from its own folder.
FROM_ANYWHERE = (
    "<!--In the GUI, load the model, then this. Where the folder has moved, correct model_file for a script.-->"
)
FROM_ITS_FOLDER = "<!--In the GUI, load the model, then this. From a command line or a script, start in this folder.-->"


def write_solution(
    kinematics: Kinematics,
    out_mot: Path,
    out_setup: Path,
    *,
    model_osim: Path,
    markers_trc: Path,
    weights: Mapping[str, float],
    name: str | None = None,
    coupled: Collection[str] | None = None,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    coordinate_file: Path | None = None,
    accuracy: float = ACCURACY,
    movable: bool = False,
) -> None:
    """Write the motion that a solver found, and the setup of OpenSim's tool for the same markers and model.

    Args:
        kinematics: every coordinate of the model at every frame.
        out_mot: degrees and metres (``write_mot``, which says what ``coupled`` is).
        out_setup: InverseKinematicsTool's XML; the other arguments are ``write_setup``'s.
        name: of the tool, where its motion will be another than this one; the motion's own by default.

    Raises:
        BioposeError: the motion cannot be written as .mot.
    """
    write_mot(kinematics, out_mot, coupled=coupled)
    write_setup(
        out_setup,
        name=name or Path(out_mot).stem,
        model_osim=model_osim,
        markers_trc=markers_trc,
        weights=weights,
        time_s=kinematics.time_s,
        coordinate_tasks=coordinate_tasks,
        coordinate_file=coordinate_file,
        accuracy=accuracy,
        movable=movable,
    )


def write_setup(
    out_setup: Path,
    *,
    name: str,
    model_osim: Path,
    markers_trc: Path,
    weights: Mapping[str, float],
    time_s: Float[np.ndarray, " frames"],
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    coordinate_file: Path | None = None,
    accuracy: float = ACCURACY,
    movable: bool = False,
) -> None:
    """Write InverseKinematicsTool's XML, its paths relative to its own folder but for the model's.

    Args:
        out_setup: the file.
        name: of the tool; its motion goes beside the setup and is named ``NAME_replay.mot``.
        model_osim: the model that was solved.
        markers_trc: the markers that it was solved on.
        weights: IK task weight of every tracked marker.
        time_s: the frames; the first and the last one bound the tool's range.
        coordinate_tasks: by coordinate name; those with a value for every frame stand in ``coordinate_file``.
        coordinate_file: a .mot or .sto.
        accuracy: of the tool's optimiser.
        movable: whether the model is named from the setup's folder too; then a script has to start in that folder.
    """
    folder = Path(out_setup).resolve().parent
    tool = opensim.InverseKinematicsTool()
    tool.setName(name)
    tool.set_model_file(_relative(model_osim, folder) if movable else Path(model_osim).resolve().as_posix())
    tool.set_marker_file(_relative(markers_trc, folder))
    tool.set_output_motion_file(f"{name}_replay.mot")
    tool.set_results_directory(".")
    tool.set_accuracy(accuracy)
    tool.set_report_errors(True)
    tool.setStartTime(float(time_s[0]))
    tool.setEndTime(float(time_s[-1]))
    task_set = opensim.IKTaskSet()
    for name, weight in weights.items():
        task = opensim.IKMarkerTask()
        task.setName(name)
        task.setWeight(weight)
        task.setApply(True)
        task_set.cloneAndAppend(task)
    for name, goal in (coordinate_tasks or {}).items():
        aim = opensim.IKCoordinateTask()
        aim.setName(name)
        aim.setWeight(float(np.max(goal.weight)))
        aim.setApply(True)
        if np.ndim(goal.value):
            aim.setValueType(opensim.IKCoordinateTask.FromFile)
        else:
            aim.setValueType(opensim.IKCoordinateTask.ManualValue)
            aim.setValue(float(np.asarray(goal.value)))
        task_set.cloneAndAppend(aim)
    if coordinate_file is not None:
        tool.set_coordinate_file(_relative(coordinate_file, folder))
    tool.set_IKTaskSet(task_set)  # tasks appended to the tool's own set would not be printed
    said = FROM_ITS_FOLDER if movable else FROM_ANYWHERE
    with whole_file(out_setup) as temporary:
        print_whole(tool, temporary)
        text = temporary.read_text(encoding="utf-8")
        temporary.write_text(
            text.replace("<InverseKinematicsTool ", f"{said}\n\t<InverseKinematicsTool ", 1), encoding="utf-8"
        )


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()
