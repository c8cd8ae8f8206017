"""The file that repeats a motion in the OpenSim GUI: Tools, Inverse Kinematics, Load."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Float

from biomech.files import whole_file
from biomech.skeleton.model import quiet_opensim

# OpenSim's default of 1e-5 is not converged: 1.5° from noise-free truth, 0.14° at 1e-7. Two stretches of a jump with
# the 142 markers differ from one run by 0.06° at 1e-7 and 0.004° at 1e-8, for half as much time again.
ACCURACY = 1e-8


def write_setup(
    out_setup: Path,
    *,
    model_osim: Path,
    markers_trc: Path,
    out_mot: Path,
    weights: Mapping[str, float],
    time_s: Float[np.ndarray, " frames"],
    accuracy: float = ACCURACY,
) -> None:
    """Write InverseKinematicsTool's XML, its paths relative to its own folder.

    Args:
        out_setup: the file.
        model_osim: the model that was solved.
        markers_trc: the markers that it was solved on.
        out_mot: the motion; the tool's own goes beside the setup and is named ``…_replay.mot``.
        weights: IK task weight of every tracked marker.
        time_s: the frames; the first and the last one bound the tool's range.
        accuracy: of the tool's optimiser.
    """
    folder = Path(out_setup).resolve().parent
    tool = opensim.InverseKinematicsTool()
    tool.setName(Path(out_mot).stem)
    tool.set_model_file(_relative(model_osim, folder))
    tool.set_marker_file(_relative(markers_trc, folder))
    tool.set_output_motion_file(f"{Path(out_mot).stem}_replay.mot")
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
    tool.set_IKTaskSet(task_set)  # tasks appended to the tool's own set would not be printed
    with whole_file(out_setup) as temporary, quiet_opensim():
        tool.printToXML(str(temporary))


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(Path(path).resolve(), folder)).as_posix()
