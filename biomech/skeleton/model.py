"""Loading an OpenSim model quietly, and asking it what its coordinates are and where its bodies go.

OpenSim logs to a file of its own in the working directory and prints a summary of every model to file descriptor 1,
even with logging off (both tried with 4.6); everything here goes through :func:`quiet_opensim`.
"""

import contextlib
import ctypes
import errno
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markup import check_xml
from biomech.tables import repeated

opensim.Logger.removeFileSink()

HEAVIEST = 1e5  # of masses, kg, and inertias
FURTHEST_M = 1e3  # of what is fixed in a body

_C_LIBRARY = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")  # C++ prints wait in its buffer
_descriptors = threading.RLock()


@contextlib.contextmanager
def quiet_opensim(log_level: str = "Error") -> Iterator[None]:
    """Keep OpenSim's log at ``log_level`` and its C++ prints to standard output away from the user.

    Python's own prints inside the block are lost with them, so keep the block short.
    """
    with _descriptors:
        former = opensim.Logger.getLevelString()
        sys.stdout.flush()
        kept = os.dup(1)
        null = os.open(os.devnull, os.O_WRONLY)
        _C_LIBRARY.fflush(None)
        os.dup2(null, 1)
        opensim.Logger.setLevelString(log_level)
        try:
            yield
        finally:
            opensim.Logger.setLevelString(former)  # logs a line itself, so before standard output is back
            _C_LIBRARY.fflush(None)
            os.dup2(kept, 1)
            os.close(kept)
            os.close(null)


def print_whole(thing: opensim.OpenSimObject, path: Path) -> None:
    """Write XML by OpenSim, which says nothing of a disk that is full, or something of its own.

    Args:
        thing: a model, a tool, a set.
        path: of the file; what is there is written over.

    Raises:
        OSError: it did not get to the end.
    """
    try:
        with quiet_opensim("Off"):
            printed = thing.printToXML(str(path))
    except RuntimeError:  # of a disk on which there is no room to begin with
        printed = False
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 100))
        if not printed or b"</OpenSimDocument>" not in file.read():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def load_model(path: Path | str) -> opensim.Model:
    """Read an .osim file, ready to be asked (its system is initialised).

    Raises:
        BioposeError: there is no such file, or OpenSim cannot build a model from it.
    """
    path = check_xml(Path(path), what="model", mend="Give the path of an .osim file.")
    try:
        with quiet_opensim("Off"):
            model = opensim.Model(str(path))
            model.initSystem()
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BioposeError(
            f"OpenSim cannot read this model: {reason}",
            where=str(path),
            mend="Open it in the OpenSim GUI to see which part is wrong, or use another .osim file.",
        ) from error
    if model.getNumBodies() == 0:
        raise BioposeError("the model holds no bodies", where=str(path), mend="Give an .osim file with a skeleton.")
    if twice := repeated(coordinate_names(model)):  # joints of their own may name them alike; a .mot cannot
        raise BioposeError(
            f"two coordinates of the model have one name: {', '.join(twice[:10])}",
            where=str(path),
            mend="Rename one of them in the .osim file.",
        )
    if wrong := _not_finite(model):
        raise BioposeError(
            f"the model holds what cannot be: {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}",
            where=str(path),
            mend="Correct these numbers in the .osim file.",
        )
    return model


def _not_finite(model: opensim.Model) -> list[str]:
    """What OpenSim takes without a word and then moves to nowhere: places, masses and ranges that are no numbers."""
    wrong = []
    for body in model.getBodySet():
        numbers = [body.getMass(), *body.getMassCenter().to_numpy(), *(body.get_inertia().get(i) for i in range(6))]
        if not np.abs(numbers).max() <= HEAVIEST:
            wrong.append(f"mass of {body.getName()}")
    for joint in model.getJointSet():
        for frame in (joint.getParentFrame(), joint.getChildFrame()):
            place = frame.findTransformInBaseFrame()
            numbers = [*place.p().to_numpy(), *place.R().convertRotationToBodyFixedXYZ().to_numpy()]
            if not np.abs(numbers).max() <= FURTHEST_M:
                wrong.append(f"place of {joint.getName()}")
    for coordinate in model.getCoordinateSet():
        numbers = [coordinate.getDefaultValue(), coordinate.getRangeMin(), coordinate.getRangeMax()]
        if np.isnan(numbers).any() or not abs(numbers[0]) <= FURTHEST_M or numbers[1] > numbers[2]:
            wrong.append(f"range of {coordinate.getName()}")
    for marker in model.getMarkerSet():
        if not np.abs(marker.get_location().to_numpy()).max() <= FURTHEST_M:
            wrong.append(f"place of {marker.getName()}")
    return wrong


def coordinate_names(model: opensim.Model) -> list[str]:
    """Names of all coordinates, in the model's own order; those that a constraint couples are among them."""
    return [coordinate.getName() for coordinate in model.getCoordinateSet()]


def coordinate_is_rotational(model: opensim.Model) -> Bool[np.ndarray, " coordinates"]:
    """Whether each coordinate is an angle (rad) rather than a length (m).

    OpenSim calls Coupled whatever moves its joint by another function than the plain straight line: a patella's turn,
    but the slides of a pelvis too where an old file has a spline there. Those count by what they move: a length slides
    its joint and turns nothing.
    """
    turning, sliding = _by_functions(model)
    kinds = {c.getName(): c.getMotionType() for c in model.getCoordinateSet()}
    slides = {n for n, kind in kinds.items() if kind == opensim.Coordinate.Coupled and n in sliding - turning}
    slides |= {name for name, kind in kinds.items() if kind == opensim.Coordinate.Translational}
    return np.array([name not in slides for name in kinds], dtype=bool)


def _by_functions(model: opensim.Model) -> tuple[set[str], set[str]]:
    """Coordinates that turn a custom joint, and those that slide one."""
    turning: set[str] = set()
    sliding: set[str] = set()
    for joint in model.getJointSet():
        custom = opensim.CustomJoint.safeDownCast(joint)
        for k in range(6 if custom else 0):
            axis = custom.getSpatialTransform().getTransformAxis(k)
            names = axis.getCoordinateNamesInArray()
            moved = turning if k < 3 else sliding
            moved.update(names.get(i) for i in range(names.getSize()))
    return turning, sliding


def coupled_coordinates(model: opensim.Model) -> list[str]:
    """Names of the coordinates of motion type Coupled, which a .mot holds in rad or m (see ``kinematics/mot.py``)."""
    return [c.getName() for c in model.getCoordinateSet() if c.getMotionType() == opensim.Coordinate.Coupled]


def read_motion(model: opensim.Model, path: Path) -> Kinematics:
    """A .mot of this model: which columns turn, and which are coupled, is the model's to say.

    Args:
        model: that the motion is of.
        path: .mot or .sto.

    Returns:
        The file's columns, rad and m.

    Raises:
        BioposeError: as ``read_mot``.
    """
    rotational = dict(zip(coordinate_names(model), coordinate_is_rotational(model).tolist(), strict=True))
    return read_mot(path, rotational=rotational, coupled=coupled_coordinates(model))


def coordinate_ranges(model: opensim.Model) -> Float[np.ndarray, "coordinates 2"]:
    """Lowest and highest value of each coordinate (rad or m)."""
    return np.array([(c.getRangeMin(), c.getRangeMax()) for c in model.getCoordinateSet()])


def body_transforms(
    model: opensim.Model, kinematics: Kinematics, bodies: Sequence[str]
) -> tuple[Float[np.ndarray, "frames bodies 3"], Float[np.ndarray, "frames bodies 3 3"]]:
    """Where bodies are over time: origins in the ground (m) and rotations ground-from-body.

    Coordinates that the kinematics do not hold keep their default, or follow what couples them (a patella its knee).
    A frame with NaN is NaN throughout. About 0.7 ms a frame for all bodies of our skeleton.

    Args:
        model: with its system initialised.
        kinematics: coordinates of it, rad and m; NaN where a frame has no pose.
        bodies: by name.

    Returns:
        Origins (m) and rotations, bodies in the order asked for.

    Raises:
        BioposeError: the kinematics hold a coordinate, or ``bodies`` a body, that the model does not have.
    """
    frames = [_body(model, name) for name in bodies]
    values = _all_coordinates(model, kinematics)
    index = _state_index(model)
    state = opensim.State(model.getWorkingState())
    q = np.zeros(state.getNQ())
    positions = np.full((len(values), len(bodies), 3), np.nan)
    quaternions = np.full((len(values), len(bodies), 4), np.nan)
    whole = ~np.isnan(values).any(axis=1)
    for frame in np.flatnonzero(whole):
        q[index] = values[frame]
        state.setQ(opensim.Vector.createFromMat(q))
        model.realizePosition(state)
        for k, body in enumerate(frames):
            transform = body.getTransformInGround(state)
            positions[frame, k] = transform.p().to_numpy()
            quaternion = transform.R().convertRotationToQuaternion()
            quaternions[frame, k] = [quaternion.get(i) for i in range(4)]
    rotations = np.full((len(values), len(bodies), 3, 3), np.nan)
    scalar_last = quaternions[whole][..., [1, 2, 3, 0]].reshape(-1, 4)
    if len(scalar_last):
        rotations[whole] = Rotation.from_quat(scalar_last).as_matrix().reshape(-1, len(bodies), 3, 3)
    return positions, rotations


def body_positions(
    model: opensim.Model, kinematics: Kinematics, points: Sequence[tuple[str, Sequence[float]]]
) -> Float[np.ndarray, "frames points 3"]:
    """Points fixed in bodies, given as (body, location in its frame in m), over time in the ground (m).

    Args:
        model: with its system initialised.
        kinematics: coordinates of it, rad and m; NaN where a frame has no pose.
        points: the body that each is fixed in, and where in its frame (m).

    Returns:
        Places in the ground (m), NaN in frames without a pose.

    Raises:
        BioposeError: as :func:`body_transforms`.
    """
    bodies = sorted({body for body, _ in points})
    positions, rotations = body_transforms(model, kinematics, bodies)
    at = [bodies.index(body) for body, _ in points]
    local = np.array([location for _, location in points], dtype=float).reshape(-1, 3)
    return positions[:, at] + np.einsum("fpij,pj->fpi", rotations[:, at], local)


def _body(model: opensim.Model, name: str) -> opensim.PhysicalFrame:
    if name == "ground":
        return model.getGround()
    if not model.getBodySet().contains(name):
        known = ", ".join(body.getName() for body in model.getBodySet())
        raise BioposeError(f"the model has no body '{name}'", where=model.getName(), mend=f"Its bodies: {known}.")
    return model.getBodySet().get(name)


def _all_coordinates(model: opensim.Model, kinematics: Kinematics) -> Float[np.ndarray, "frames coordinates"]:
    names = coordinate_names(model)
    if unknown := [name for name in kinematics.names if name not in names]:
        raise BioposeError(
            f"the model has no coordinate {', '.join(unknown)}",
            where=model.getName(),
            mend=f"Use the model that the motion was made with. Its coordinates: {', '.join(names)}.",
        )
    defaults = [coordinate.getDefaultValue() for coordinate in model.getCoordinateSet()]
    values = np.tile(np.array(defaults), (len(kinematics.values), 1))
    values[:, [names.index(name) for name in kinematics.names]] = kinematics.values
    for constraint in model.getConstraintSet():
        coupler = opensim.CoordinateCouplerConstraint.safeDownCast(constraint)
        if coupler is None or coupler.getDependentCoordinateName() in kinematics.names:
            continue
        independent = coupler.getIndependentCoordinateNames()
        drivers = values[:, [names.index(independent.get(k)) for k in range(independent.getSize())]]
        function = coupler.getFunction()
        values[:, names.index(coupler.getDependentCoordinateName())] = [
            function.calcValue(opensim.Vector.createFromMat(np.ascontiguousarray(row))) for row in drivers
        ]
    return values


def _state_index(model: opensim.Model) -> list[int]:
    """Where each coordinate stands among the state's positions, found by setting each to a value of its own."""
    state = opensim.State(model.getWorkingState())
    marks = [0.001 * (k + 1) for k in range(model.getNumCoordinates())]
    for coordinate, mark in zip(model.getCoordinateSet(), marks, strict=True):
        coordinate.setLocked(state, False)
        coordinate.setClamped(state, False)
        coordinate.setValue(state, mark, False)
    q = state.getQ().to_numpy()
    return [int(np.argmin(np.abs(q - mark))) for mark in marks]
