"""OpenSim's InverseKinematicsTool as the rival of our solver, and its objective as the judge of both.

``python -m biomech.inverse_kinematics.opensim_alone FOLDER`` runs the tool on a job of ``alone`` and times ``run()``,
on a model that is loaded already.

What the tool minimises in every frame (found by experiment with 4.6: at accuracy 1e-10 the gradient of this vanishes,
that of other forms does not; marker part from 0.5 to 10 in weight, coordinate tasks of 0.01 to 100):

    ½ [ Σ w_i |marker error_i|² / Σ w_i  +  Σ w_c (coordinate − target)² ]         in m and rad

Marker weights are taken as they stand (not squared) and divided by their sum over the markers seen in that frame; the
weights of coordinate tasks are not divided. Infinite constraint weight: couplings hold exactly, clamped coordinates
stay in their range, locked ones at their default.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.inverse_kinematics.alone import Clock, Problem, serve
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.skeleton.model import (
    body_positions,
    coordinate_is_rotational,
    coordinate_names,
    coordinate_ranges,
    load_model,
    quiet_opensim,
)


def coupled_coordinates(model: opensim.Model) -> list[str]:
    """Coordinates that a coupler computes from others."""
    found = []
    for constraint in model.getConstraintSet():
        coupler = opensim.CoordinateCouplerConstraint.safeDownCast(constraint)
        if coupler is not None and coupler.get_isEnforced():
            found.append(coupler.getDependentCoordinateName())
    return found


def free_coordinates(model: opensim.Model) -> list[str]:
    """Coordinates that a solver may choose: neither coupled nor locked."""
    locked = [c.getName() for c in model.getCoordinateSet() if c.getDefaultLocked()]
    return [name for name in coordinate_names(model) if name not in {*locked, *coupled_coordinates(model)}]


def allowed(model: opensim.Model, kinematics: Kinematics) -> Kinematics:
    """The same motion, of the free coordinates only, inside the ranges that the model clamps.

    Args:
        model: with its system initialised.
        kinematics: rad and m.

    Returns:
        The free coordinates among its columns, in its order; NaN stays.
    """
    free, names = free_coordinates(model), coordinate_names(model)
    ranges = dict(zip(names, coordinate_ranges(model).tolist(), strict=True))
    clamped = {c.getName() for c in model.getCoordinateSet() if c.getDefaultClamped()}
    kept = [name for name in kinematics.names if name in free]
    values = np.stack([kinematics.column(n) for n in kept], axis=1)
    limits = np.array([ranges[n] if n in clamped else (-np.inf, np.inf) for n in kept])
    values = np.clip(values, limits[:, 0], limits[:, 1])
    rotational = dict(zip(names, coordinate_is_rotational(model), strict=True))
    return Kinematics(kept, values, kinematics.time_s, np.array([rotational[n] for n in kept]))


def tasks_by_opensim(setup_xml: Path, model: opensim.Model) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Marker weights, and coordinate tasks as (weight, target), that are switched on in an IK setup or task set.

    Read by OpenSim itself, which forgives what an XML parser does not (its own ``gait2354_IK_Tasks.xml``).

    Args:
        setup_xml: an IK setup, or a file of IK tasks alone.
        model: for targets that are a coordinate's default.

    Returns:
        Weights by marker, and (weight, target in rad or m) by coordinate; those of weight 0 are left out.

    Raises:
        BioposeError: there is no such file, it holds no task, or a target comes from a coordinate file.
    """
    if not Path(setup_xml).is_file():
        raise BioposeError("there is no such setup", where=str(setup_xml))
    with quiet_opensim("Off"):
        if "<InverseKinematicsTool" in Path(setup_xml).read_text(errors="replace"):
            tool = opensim.InverseKinematicsTool(str(setup_xml), False)  # owns the tasks, so it must outlive them
            tasks = tool.getIKTaskSet()
        else:
            tasks = opensim.IKTaskSet(str(setup_xml))
    weights: dict[str, float] = {}
    targets: dict[str, tuple[float, float]] = {}
    for task in tasks:
        if not task.getApply() or task.getWeight() == 0:
            continue
        coordinate = opensim.IKCoordinateTask.safeDownCast(task)
        if coordinate is None:
            weights[task.getName()] = task.getWeight()
        elif coordinate.getValueType() == opensim.IKCoordinateTask.FromFile:
            raise BioposeError(f"{task.getName()} has its target in a coordinate file", where=str(setup_xml))
        elif coordinate.getValueType() == opensim.IKCoordinateTask.ManualValue:
            targets[task.getName()] = (task.getWeight(), coordinate.getValue())
        else:
            default = model.getCoordinateSet().get(task.getName()).getDefaultValue()
            targets[task.getName()] = (task.getWeight(), default)
    if not weights:
        raise BioposeError("there is no marker task in the file", where=str(setup_xml))
    return weights, targets


def model_markers(model: opensim.Model, kinematics: Kinematics) -> Markers:
    """Where OpenSim puts the model's markers over time (m). Coordinates left out follow couplers or keep defaults.

    Args:
        model: with its markers, its system initialised.
        kinematics: coordinates of it, rad and m; NaN where a frame has no pose.

    Returns:
        All markers of the model in the ground, NaN in frames without a pose.
    """
    names, points = [], []
    for marker in model.getMarkerSet():
        frame = marker.getParentFrame()
        location = frame.findTransformInBaseFrame().shiftFrameStationToBase(marker.get_location()).to_numpy()
        names.append(marker.getName())
        points.append((frame.findBaseFrame().getName(), location))
    return Markers(names, body_positions(model, kinematics, points), kinematics.time_s)


def objective_m2(
    model: opensim.Model,
    kinematics: Kinematics,
    markers: Markers,
    weights: Mapping[str, float],
    coordinate_tasks: Mapping[str, tuple[float, float]],
) -> Float[np.ndarray, " frames"]:
    """Twice what the tool minimises (module's docstring): weighted mean of squared marker errors, plus tasks (m²).

    The kinematics are put where the model allows before they are judged: coupled coordinates follow, locked ones
    stay, clamped ones are inside their ranges. A solver gains nothing by leaving these by a hair.

    Args:
        model: with its markers, its system initialised.
        kinematics: the answer that is judged (rad, m).
        markers: as measured (m), NaN where missing; the same frames.
        weights: by marker; what either the model or the trial lacks does not count.
        coordinate_tasks: (weight, target in rad or m) by coordinate.

    Returns:
        Of every frame; less is better.
    """
    inside = allowed(model, kinematics)
    posed = model_markers(model, inside)
    names = [name for name in weights if name in markers.names and name in posed.names]
    squared = ((posed.select(names).positions_m - markers.select(names).positions_m) ** 2).sum(-1)
    weight = np.where(np.isfinite(squared), [weights[name] for name in names], 0.0)
    value = np.asarray((weight * np.nan_to_num(squared)).sum(1) / weight.sum(1))
    for name, (task_weight, target) in coordinate_tasks.items():
        if name in inside.names:
            value = value + task_weight * (inside.column(name) - target) ** 2
    return value


def solve_with_tool(
    problem: Problem, options: Mapping[str, float], folder: Path
) -> tuple[list[str], Float[np.ndarray, "frames coordinates"], Clock]:
    """Run the tool and time its ``run()``, on a model that is loaded already.

    Args:
        problem: model, markers, weights and tasks.
        options: ``accuracy``, the tool's; it is run once.
        folder: for the tool's files.

    Returns:
        Coordinate names, their values (rad and m), and the time that it took (s).
    """
    model = load_model(problem.model_osim)
    opensim.Logger.setLevelString("Off")
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.set_marker_file(problem.markers_trc)
    time_s = read_trc(Path(problem.markers_trc)).time_s
    tool.setStartTime(float(time_s[0]))
    tool.setEndTime(float(time_s[-1]))
    tool.set_results_directory(str(folder))
    tool.set_output_motion_file(str(folder / "answer.mot"))
    tool.set_report_errors(False)
    tool.set_accuracy(float(options["accuracy"]))
    tasks = opensim.IKTaskSet()
    for name, weight in problem.weights.items():
        marker_task = opensim.IKMarkerTask()
        marker_task.setName(name)
        marker_task.setWeight(weight)
        marker_task.setApply(True)
        tasks.cloneAndAppend(marker_task)
    for name, (weight, target) in problem.coordinate_tasks.items():
        coordinate_task = opensim.IKCoordinateTask()
        coordinate_task.setName(name)
        coordinate_task.setWeight(weight)
        coordinate_task.setValueType(opensim.IKCoordinateTask.ManualValue)
        coordinate_task.setValue(target)
        coordinate_task.setApply(True)
        tasks.cloneAndAppend(coordinate_task)
    tool.set_IKTaskSet(tasks)
    clock = Clock()
    clock.time(tool.run)
    # The tool writes degrees for type Rotational alone. run() is True even if nothing was written.
    degrees = {c.getName(): c.getMotionType() == opensim.Coordinate.Rotational for c in model.getCoordinateSet()}
    said = read_mot(folder / "answer.mot", rotational=degrees)
    (folder / "answer.mot").unlink()
    return said.names, said.values, clock


if __name__ == "__main__":
    opensim.Logger.removeFileSink()
    serve(solve_with_tool)
