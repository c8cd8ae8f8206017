"""What an IK setup or a model says of coordinates beside the markers: tasks, prescribed and locked ones.

OpenSim's tool takes the target of an ``IKCoordinateTask`` in rad or m, from the task itself, from the model
or, by name, from the tool's coordinate file; and a coordinate that the model prescribes or locks is not solved for.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import opensim
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import CoordinateTask
from biomech.inverse_kinematics.marker_tasks import read_weight
from biomech.kinematics.mot import read_mot
from biomech.markers.matching import listed
from biomech.markup import read_xml
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names

UNASSIGNED = ("", "unassigned")
FURTHEST = 1000.0  # of a target, rad or m
HELD = 1e6  # weight (m²/rad²) by which our solver holds what a model prescribes: to some µrad


@dataclass(frozen=True)
class CoordinateGoals:
    """What coordinates are to be, at the frames of a trial."""

    tasks: Mapping[str, CoordinateTask] = field(default_factory=dict)
    prescribed: Mapping[str, CoordinateTask] = field(default_factory=dict)  # OpenSim knows these from the model
    file: Path | None = None  # where targets over time come from
    notes: list[str] = field(default_factory=list)

    @property
    def all(self) -> dict[str, CoordinateTask]:
        """Those that our solver has to be told."""
        return {**self.tasks, **self.prescribed}


def coordinate_goals(
    setup_xml: Path | None, model: opensim.Model, time_s: Float[np.ndarray, " frames"]
) -> CoordinateGoals:
    """The goals of a model and of an IK setup or task set; a scale setup's tasks are for its static trial.

    Args:
        setup_xml: None: what the model prescribes, and no task.
        model: with its system initialised.
        time_s: of the trial's frames, at which targets over time are read off.

    Returns:
        Targets (rad, m) with their weights; the notes name tasks that are left out.

    Raises:
        BioposeError: a weight or target is none, or the coordinate file cannot be read or lacks a coordinate or a time.
    """
    prescribed, locked = _by_model(model, time_s)
    notes = [f"prescribed by the model: {listed(list(prescribed))}"] if prescribed else []
    root = None if setup_xml is None else read_xml(setup_xml, what="setup")
    if root is None or setup_xml is None or next(root.iter("ScaleTool"), None) is not None:
        return CoordinateGoals(prescribed=prescribed, notes=notes)
    names = coordinate_names(model)
    left_out: dict[str, list[str]] = {"not in the model": [], "locked or prescribed there": [], "coupled there": []}
    tasks: dict[str, CoordinateTask] = {}
    source = _Source(root, setup_xml, model, time_s)
    coupled = _coupled(model)
    for element in root.iter("IKCoordinateTask"):
        name, weight = element.get("name", ""), read_weight(element, setup_xml, default="0")
        if not weight:
            continue
        if name not in names:
            left_out["not in the model"].append(name)
        elif name in prescribed or name in locked:
            left_out["locked or prescribed there"].append(name)
        elif name in coupled:
            left_out["coupled there"].append(name)
        else:
            tasks[name] = CoordinateTask(source.target(element, name), weight)
    if tasks:
        notes.append(f"coordinate tasks of {setup_xml.name}: {listed(list(tasks))}")
    notes += [f"coordinate tasks left out, {why}: {listed(who)}" for why, who in left_out.items() if who]
    notes += _range_note(root, setup_xml, time_s)
    return CoordinateGoals(tasks, prescribed, source.file, notes)


class _Source:
    """Where targets come from; the coordinate file is read when a task needs it."""

    def __init__(self, root: Element, setup_xml: Path, model: opensim.Model, time_s: np.ndarray) -> None:
        self.setup_xml, self.model, self.time_s = Path(setup_xml), model, time_s
        self.named = next((e.text or "" for e in root.iter("coordinate_file")), "").strip()
        self.file: Path | None = None

    def target(self, element: Element, name: str) -> float | Float[np.ndarray, " frames"]:
        kind = (element.findtext("value_type") or "default_value").strip().lower()
        if kind == "from_file":
            return self._from_file(name)
        if kind != "manual_value":
            return float(self.model.getCoordinateSet().get(name).getDefaultValue())
        said = (element.findtext("value") or "0").strip()
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        if not abs(value) <= FURTHEST:
            raise BioposeError(f"the task of {name} has the value {said}, in rad or m", where=str(self.setup_xml))
        return value

    def _from_file(self, name: str) -> Float[np.ndarray, " frames"]:
        if self.named.lower() in UNASSIGNED:
            raise BioposeError(
                f"the task of {name} is from a coordinate file, and the setup names none", where=str(self.setup_xml)
            )
        self.file = self.setup_xml.parent / self.named
        turns = dict(zip(coordinate_names(self.model), coordinate_is_rotational(self.model).tolist(), strict=True))
        said = read_mot(self.file, rotational=turns)
        if name not in said.names:
            raise BioposeError(f"it lacks {name}, for which the setup has a task", where=str(self.file))
        if self.time_s[0] < said.time_s[0] - 1e-6 or self.time_s[-1] > said.time_s[-1] + 1e-6:
            raise BioposeError(
                f"it goes from {said.time_s[0]:g} s to {said.time_s[-1]:g} s, the trial from {self.time_s[0]:g} s to "
                f"{self.time_s[-1]:g} s",
                where=str(self.file),
                mend="Cut the trial with `start_s` and `end_s`, or give a coordinate file for all of it.",
            )
        return np.asarray(np.interp(self.time_s, said.time_s, said.column(name)))


def _by_model(model: opensim.Model, time_s: Float[np.ndarray, " frames"]) -> tuple[dict[str, CoordinateTask], set[str]]:
    """What the model prescribes over time, and which coordinates it locks; a lock goes before."""
    prescribed: dict[str, CoordinateTask] = {}
    locked = set()
    for coordinate in model.getCoordinateSet():
        name = coordinate.getName()
        if coordinate.getDefaultLocked():
            locked.add(name)
        elif coordinate.getDefaultIsPrescribed():
            function = coordinate.getPrescribedFunction()
            values = np.array([function.calcValue(opensim.Vector(1, float(time))) for time in time_s])
            if not (np.abs(values) <= FURTHEST).all():
                raise BioposeError(f"the model prescribes {name} with what is no number of rad or m")
            prescribed[name] = CoordinateTask(values, HELD)
    return prescribed, locked


def _coupled(model: opensim.Model) -> set[str]:
    couplers = (opensim.CoordinateCouplerConstraint.safeDownCast(one) for one in model.getConstraintSet())
    return {coupler.getDependentCoordinateName() for coupler in couplers if coupler is not None}


def _range_note(root: Element, setup_xml: Path, time_s: Float[np.ndarray, " frames"]) -> list[str]:
    tool = next(root.iter("InverseKinematicsTool"), None)
    said = re.split(r"[\s,]+", (tool.findtext("time_range") or "").strip()) if tool is not None else []
    try:
        first, last = (float(word) for word in said)
    except ValueError:
        return []
    step = 1e-3 if len(time_s) < 2 else float(np.median(np.diff(time_s)))
    if first <= time_s[0] + step and last >= time_s[-1] - step:
        return []
    return [
        f"{setup_xml.name} is for {first:g} s to {last:g} s; `start_s` and `end_s` say what is solved, not its range"
    ]
