"""Findings in a model, .osim; and the same written without them."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import opensim

from biomech.errors import BioposeError
from biomech.files import read_text, whole_file
from biomech.inspection.finding import Finding, refused
from biomech.inverse_kinematics.tracking import converges
from biomech.markers.matching import listed
from biomech.osim_models.bones import mesh_beside, meshes_of
from biomech.skeleton.model import coordinate_is_rotational, load_model

OLDEST, NEWEST = 40000, 40600  # of the file's version: OpenSim 4 writes such, the installed one reads up to the second
PERSON_KG = (5.0, 300.0)
UNBOUNDED_RAD = 9.0  # a range so wide leaves two turns for one pose
TURNING = "pelvis_rotation"  # a subject who turns leaves any range of it
_COORDINATE = r'(<Coordinate name="{name}">(?:(?!</Coordinate>).)*?<clamped>)\s*true\s*(</clamped>)'
_BINARY = re.compile(rb'format="(binary|appended)"')


def check_model(path: Path) -> list[Finding]:
    """What is wrong with a model.

    Args:
        path: .osim.

    Returns:
        In the order found; of a file that cannot be read the reason alone.
    """
    try:
        model = load_model(path)
    except BioposeError as error:
        return [refused(error)]
    return [*_version(path), *_meshes(path), *_bodies(model), *_coordinates(model), *_markers(model), *_speed(model)]


def fix_model(path: Path, out: Path) -> None:
    """The same text with the clamp of the pelvis' turn off.

    Args:
        path, out: .osim.
    """
    pattern = re.compile(_COORDINATE.format(name=TURNING), re.DOTALL)
    with whole_file(out) as temporary:
        temporary.write_text(pattern.sub(r"\1false\2", read_text(path)), encoding="utf-8")


def _version(path: Path) -> list[Finding]:
    found = re.search(r'<OpenSimDocument\s+Version="(\d+)"', read_text(path)[:4000])
    version = int(found[1]) if found else 0
    if version > NEWEST:
        what = f"the file is of version {version}, newer than this OpenSim's {NEWEST}"
        mend = "Open it with a newer OpenSim."
        return [Finding("warning", "osim-newer", what, None, "What it does not know is left out.", mend)]
    if version < OLDEST:
        what = f"the file is of version {version or 'none'}, from before OpenSim 4"
        return [
            Finding("note", "osim-old", what, None, "OpenSim 4 brings it up to date while it loads it; save it so.")
        ]
    return []


def _meshes(path: Path) -> list[Finding]:
    missing, binary = [], []
    try:
        named = meshes_of(path)
    except BioposeError:  # OpenSim takes some XML that is not well-formed
        return []
    for name in named:
        at = mesh_beside(path, name)
        if at is None:
            missing.append(name)
        elif at.suffix.lower() == ".vtp" and _BINARY.search(at.read_bytes()):
            binary.append(name)
    findings = []
    if missing:
        what = f"{len(missing)} meshes are neither beside the model nor in Geometry there: {listed(missing)}"
        why = "The GUI draws those that its own Geometry folder has; elsewhere there are no bones to see. Nothing else."
        findings.append(Finding("note", "osim-meshes", what, missing[0], why))
    if binary:
        what = f"{len(binary)} meshes are binary .vtp: {listed(binary)}"
        mend = "Write them as ASCII .vtp, or as .stl or .obj."
        findings.append(Finding("warning", "osim-mesh-binary", what, binary[0], "OpenSim loads ASCII .vtp only.", mend))
    return findings


def _bodies(model: opensim.Model) -> list[Finding]:
    findings = []
    if massless := [body.getName() for body in model.getBodySet() if body.getMass() <= 0]:
        what = f"bodies without mass: {listed(massless)}"
        why = "Kinematics do not need any; dynamics fail, or the body flies off."
        findings.append(
            Finding("warning", "osim-massless", what, massless[0], why, "Give it a small mass and inertia.")
        )
    mass = sum(body.getMass() for body in model.getBodySet())
    if not PERSON_KG[0] <= mass <= PERSON_KG[1]:
        what = f"the whole model weighs {mass:.4g} kg"
        findings.append(Finding("warning", "osim-mass", what, None, None, "Scale it to the person's mass."))
    gravity = model.getGravity().to_numpy()
    if np.any(gravity) and gravity[1] > -0.9 * np.linalg.norm(gravity):
        what = f"gravity is {' '.join(f'{x:g}' for x in gravity)}, which is not down along Y"
        why = "Motions and forces are Y up in OpenSim; this model is not."
        findings.append(Finding("warning", "not-y-up", what, "gravity", why, "Turn the model, or correct gravity."))
    return findings


def _coordinates(model: opensim.Model) -> list[Finding]:
    findings = []
    ones = list(model.getCoordinateSet())
    turns = dict(zip((c.getName() for c in ones), coordinate_is_rotational(model), strict=True))
    names = {
        "locked": [c.getName() for c in ones if c.getDefaultLocked()],
        "prescribed": [c.getName() for c in ones if c.getDefaultIsPrescribed() and not c.getDefaultLocked()],
    }
    for kind, who in names.items():
        if who:
            what = f"{kind} coordinates: {listed(who)}"
            why = "Inverse kinematics does not solve for them; markers that need them stay off."
            findings.append(Finding("note", f"osim-{kind}", what, who[0], why))
    if any(c.getName() == TURNING and c.getDefaultClamped() for c in ones):
        why = "A subject who turns leaves any range: the pelvis stops there and the body twists."
        what = f"{TURNING} is clamped"
        findings.append(Finding("warning", "osim-clamped-turn", what, TURNING, why, "Take its clamp off.", True))
    if not converges(model):
        what = "coordinates are clamped, and the model has no constraint"
        why = (
            "OpenSim's inverse kinematics takes an optimiser that does not converge then, whatever accuracy is asked "
            "for: up to 2° on a squat."
        )
        findings.append(
            Finding("warning", "osim-clamped", what, None, why, "Take the clamps off for inverse kinematics.")
        )
    wide = [
        c.getName()
        for c in ones
        if c.getJoint().getParentFrame().findBaseFrame().getName() != "ground"
        and turns[c.getName()]
        and not c.getDefaultLocked()
        and c.getRangeMax() - c.getRangeMin() > 2 * UNBOUNDED_RAD
    ]
    if wide:
        what = f"ranges of several turns: {listed(wide)}"
        why = "Inverse kinematics may flip to another turn of the same pose."
        mend = "Unwrap such angles before they are compared, or narrow the ranges."
        findings.append(Finding("note", "osim-wide", what, wide[0], why, mend))
    return findings


def _markers(model: opensim.Model) -> list[Finding]:
    names = [marker.getName() for marker in model.getMarkerSet()]
    if not names:
        why = "Inverse kinematics needs them."
        mend = "Give a marker set of its own where it is used."
        return [Finding("note", "osim-no-markers", "the model has no markers", None, why, mend)]
    findings = []
    if twice := sorted({name for name in names if names.count(name) > 1}):
        what = f"marker names come twice: {listed(twice)}"
        findings.append(
            Finding("error", "osim-marker-twice", what, twice[0], "One of them is left out.", "Rename one.")
        )
    return findings


def _speed(model: opensim.Model) -> list[Finding]:
    muscles = model.getMuscles().getSize()
    followers = [
        coupler.getDependentCoordinateName()
        for coupler in _couplers(model.getConstraintSet())
        if coupler.getDependentCoordinateName().endswith("_beta")
    ]
    if not muscles and not followers:
        return []
    parts = [f"{muscles} muscles"] * bool(muscles) + ["coupled patellae"] * bool(followers)
    why = "They take most of the time of OpenSim's inverse kinematics and hardly change its angles (1° at most)."
    return [Finding("note", "osim-slow", f"the model has {' and '.join(parts)}", None, why)]


def _couplers(constraints: Iterable[opensim.Constraint]) -> list[opensim.CoordinateCouplerConstraint]:
    found = (opensim.CoordinateCouplerConstraint.safeDownCast(one) for one in constraints)
    return [one for one in found if one is not None]
