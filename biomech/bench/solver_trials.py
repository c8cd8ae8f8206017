"""What the solvers are tried on: poses with exact markers, and real trials with their experts' models and tasks.

All solvers get the same .trc, which holds the chosen frames at an even time step.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Int

from biomech.errors import BioposeError
from biomech.inverse_kinematics.alone import Problem
from biomech.inverse_kinematics.opensim_alone import allowed, model_markers, tasks_by_opensim
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.skeleton.model import load_model, quiet_opensim

NOISE_FREE_TRIALS = ("walking1", "squats1", "DJ1")
# OpenSim's own regression sets: model, markers, tasks, last time of the regression's setup. The one with coordinate
# tasks has another model than abdbonepin's, whose point constraint closes a loop (it is tried, and named if refused).
STANDARD_SETS = {
    "gait2354": ("subject01_simbody.osim", "subject01_synthetic_marker_data.trc", "gait2354_IK_Tasks_uniform.xml", 1.6),
    "gait2354_coordinate_tasks": (
        "subject01_simbody.osim",
        "subject01_synthetic_marker_data.trc",
        "gait2354_IK_Tasks.xml",
        1.6,
    ),
    "constraintTest": ("constraintTest_ikOnly.osim", "constraintTest.trc", "constraintTest_setup_ik.xml", 0.5),
    "abdbonepin": ("subject1_abdbonepin.osim", "abdbonepin.trc", "setup_ik_abdbonepin.xml", 19.0),
}


@dataclass(frozen=True)
class SolverProblem:
    """A problem, and what its answers are judged with."""

    group: str
    name: str
    model: opensim.Model
    problem: Problem
    markers: Markers  # those of the problem's .trc
    truth: Kinematics | None = None  # the free coordinates, where they are known


def noise_free_trials(data: Path, folder: Path, window: int) -> list[SolverProblem]:
    """Poses of real trials on two models, with the markers where OpenSim puts them: ``window`` frames in a row each.

    Args:
        data: the folder of the data sets.
        folder: for models and .trc.
        window: taken from the middle of each trial.

    Returns:
        Three trials on each model, with their true coordinates (rad and m).

    Raises:
        BioposeError: data is missing.
    """
    subject = data / "opencap_lab_subject4"
    expert_osim, generic_osim = subject / "Models/manually_scaled.osim", folder / "LaiUhlrich2022_mocap.osim"
    _with_mocap_markers(data / "models/laiuhlrich2022_opencap", generic_osim)
    setup = _setup(subject, NOISE_FREE_TRIALS[0])
    trials = []
    for group, osim, tasks in (
        ("LaiUhlrich2022", generic_osim, data / "models/laiuhlrich2022_opencap/IK/Setup_IK_Mocap.xml"),
        ("expert-scaled", expert_osim, setup),
    ):
        model = load_model(osim)
        weights, _ = tasks_by_opensim(tasks, model)
        for name in NOISE_FREE_TRIALS:
            motion = read_mot(subject / f"IK/{name}_manual_scaling_ik.mot")
            frames = _middle(len(motion.time_s), window)
            time_s = motion.time_s[frames]
            truth = allowed(model, Kinematics(motion.names, motion.values[frames], time_s, motion.rotational))
            posed = model_markers(model, truth)
            trc = folder / f"noise_free_{group}_{name}.trc"
            write_trc(posed, trc)
            tracked = {n: w for n, w in weights.items() if n in posed.names}
            problem = Problem(str(osim), str(trc), tracked)
            trials.append(SolverProblem(group, name, model, problem, read_trc(trc), truth))
    return trials


def opencap_trials(data: Path, folder: Path, frames_per_trial: int) -> list[SolverProblem]:
    """Every dynamic trial of opencap_lab_subject4 with the expert's model and tasks, frames spread over it.

    Args:
        data: the folder of the data sets.
        folder: for .trc.
        frames_per_trial: how many of each.

    Returns:
        By name; the truth is not known.

    Raises:
        BioposeError: data is missing.
    """
    subject = data / "opencap_lab_subject4"
    model = load_model(subject / "Models/manually_scaled.osim")
    names = sorted(p.name.removesuffix(SETUP) for p in (subject / "IK").glob(f"*{SETUP}"))
    return [
        _real("opencap_lab_subject4", name, model, subject / "Models/manually_scaled.osim",
              subject / f"MarkerData/{name}.trc", _setup(subject, name), folder, frames_per_trial)
        for name in names
    ]  # fmt: skip


def standard_trials(data: Path, folder: Path, frames_per_trial: int) -> list[SolverProblem]:
    """OpenSim's own regression sets for inverse kinematics, constraints and coordinate tasks included.

    Args:
        data, folder, frames_per_trial: as ``opencap_trials``.

    Returns:
        One for each of ``STANDARD_SETS``; the truth is not known.

    Raises:
        BioposeError: data is missing.
    """
    place = data / "opensim_core_ik_standard"
    return [
        _real(name, name, load_model(place / osim), place / osim, place / trc, place / tasks, folder, frames_per_trial,
              last_s)
        for name, (osim, trc, tasks, last_s) in STANDARD_SETS.items()
    ]  # fmt: skip


def speed_trial(data: Path, folder: Path, name: str, frames: int) -> SolverProblem:
    """Frames in a row of one real trial of opencap_lab_subject4 at its own rate.

    Args:
        data: the folder of the data sets.
        folder: for the .trc.
        name: of the trial.
        frames: taken from its middle; all where it is shorter.

    Returns:
        With the expert's model and tasks; the truth is not known.

    Raises:
        BioposeError: data is missing.
    """
    subject = data / "opencap_lab_subject4"
    osim = subject / "Models/manually_scaled.osim"
    recorded = read_trc(subject / f"MarkerData/{name}.trc")
    rows = _middle(len(recorded.time_s), frames)
    return _chosen("speed", name, load_model(osim), osim, recorded, rows, _setup(subject, name), folder)


SETUP = "_ik_on_manually_scaled_setup.xml"


def _setup(subject: Path, trial: str) -> Path:
    return subject / "IK" / f"{trial}{SETUP}"


def _middle(available: int, wanted: int) -> Int[np.ndarray, " frames"]:
    count = min(wanted, available)
    return np.arange(count) + (available - count) // 2


def _real(
    group: str,
    name: str,
    model: opensim.Model,
    osim: Path,
    trc: Path,
    tasks: Path,
    folder: Path,
    frames: int,
    last_s: float = np.inf,
) -> SolverProblem:
    recorded = read_trc(trc)
    within = np.flatnonzero(recorded.time_s <= last_s)
    rows = within[np.unique(np.linspace(0, len(within) - 1, frames).round().astype(int))]
    return _chosen(group, name, model, osim, recorded, rows, tasks, folder)


def _chosen(
    group: str,
    name: str,
    model: opensim.Model,
    osim: Path,
    recorded: Markers,
    rows: Int[np.ndarray, " frames"],
    tasks: Path,
    folder: Path,
) -> SolverProblem:
    weights, targets = tasks_by_opensim(tasks, model)
    in_model = [marker.getName() for marker in model.getMarkerSet()]
    tracked = {n: w for n, w in weights.items() if n in in_model and n in recorded.seen}
    time_s = np.arange(len(rows)) / recorded.rate_hz
    trc = folder / f"{group}_{name}.trc"
    write_trc(Markers(recorded.names, recorded.positions_m[rows], time_s).select(list(tracked)), trc)
    return SolverProblem(group, name, model, Problem(str(osim), str(trc), tracked, targets), read_trc(trc))


def _with_mocap_markers(models: Path, out_osim: Path) -> None:
    markers = models / "LaiUhlrich2022_markers_mocap.xml"
    if not markers.is_file():
        raise BioposeError(
            "no marker set", where=str(markers), mend="Name the folder of the reference data with `data`."
        )
    model = load_model(models / "LaiUhlrich2022.osim")
    with quiet_opensim("Off"):
        model.updateMarkerSet(opensim.MarkerSet(str(markers)))
        model.initSystem()
        model.printToXML(str(out_osim))
