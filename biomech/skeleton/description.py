"""What an .osim says about its skeleton, as plain numbers: coordinates, joints, couplers and markers.

Read through OpenSim's API, so that every version of the file format works. Each joint becomes the same thing: up to
three rotations about fixed axes, one after the other, and a translation along three axes, each a function of
coordinates, between a frame in the parent body and a frame in the child; the child of a few kinds of joint rests on a
surface besides. What does not fit is named in an error.

Sizes enter linearly. A point fixed in a body is ``points @ factors`` with the body's three scale factors: for a plain
point the diagonal matrix of its location, for one in an offset frame the sum of both.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import opensim
import torch
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.skeleton.functions import Affine, CoordinateMap, Curve, Function, read_function
from biomech.skeleton.model import coordinate_is_rotational, load_model

X, Y, Z = np.eye(3)
_NONE: tuple[Function, tuple[int, ...]] = (Affine((), 0.0), ())
CURVE_STEPS = 2001  # at which a curve that clamps a coordinate is looked at
_OPENSIM_INSTEAD = "OpenSim's own solver takes it (`solver=opensim`)."


@dataclass(frozen=True)
class Coordinate:
    """Rotations in rad, translations in m."""

    name: str
    rotational: bool
    default: float
    range: tuple[float, float]
    clamped: bool
    locked: bool


@dataclass(frozen=True)
class Frame:
    """A frame fixed in a body; its origin is ``origin @ scale factors`` (m)."""

    body: str
    rotation: Float[np.ndarray, "3 3"]  # body from frame
    origin: Float[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Surface:
    """What a joint's centre rests on: ``sizes @ scale factors`` of a body (m) times, axis by axis, a direction.

    The direction is that of the third rotation's axis as the first two have turned it, so it is the joint's normal on
    an ellipsoid. ``arc``: or it is the end of an arc that leaves the parent along y and is bent evenly towards there.
    """

    body: str  # whose scale factors
    sizes: Float[np.ndarray, "3 3"]
    arc: bool


@dataclass(frozen=True)
class Joint:
    """A child frame's motion in the parent frame: three rotations in turn, then translations along the last three axes.

    A translation with a row of ``growth`` that is not zero is multiplied by that row @ the parent body's scale factors
    when the model is scaled.
    """

    name: str
    parent: Frame
    child: Frame
    axes: Float[np.ndarray, "6 3"]
    functions: tuple[tuple[Function, tuple[int, ...]], ...]
    growth: Float[np.ndarray, "3 3"]
    surface: Surface | None


@dataclass(frozen=True)
class Coupler:
    """``dependent = function(independent)``, coordinates by index."""

    dependent: int
    function: Function
    independent: tuple[int, ...]


@dataclass(frozen=True)
class MarkerPoint:
    """A marker fixed in a body at ``location @ scale factors`` (m)."""

    name: str
    body: str
    location: Float[np.ndarray, "3 3"]
    fixed: bool  # the scale tool must not move it


@dataclass(frozen=True)
class Description:
    """A skeleton's parts; bodies stand after their parents, and joint k moves body k."""

    name: str
    bodies: tuple[str, ...]
    coordinates: tuple[Coordinate, ...]
    joints: tuple[Joint, ...]
    couplers: tuple[Coupler, ...]
    markers: tuple[MarkerPoint, ...]

    def carrying(self, markers: list[str]) -> "Description":
        """Only the named markers, in that order, and the bodies that move them; all coordinates stay.

        Raises:
            BioposeError: the model has no such marker.
        """
        by_name = {marker.name: marker for marker in self.markers}
        if unknown := [name for name in markers if name not in by_name]:
            raise BioposeError(
                f"the model has no marker {', '.join(unknown)}",
                where=self.name,
                mend=f"Its markers: {', '.join(by_name)}.",
            )
        kept = tuple(by_name[name] for name in markers)
        parent = {joint.child.body: joint.parent.body for joint in self.joints}
        needed = set()
        for body in {marker.body for marker in kept}:
            while body in parent and body not in needed:
                needed.add(body)
                body = parent[body]
        joints = tuple(joint for joint in self.joints if joint.child.body in needed)
        return replace(self, bodies=tuple(joint.child.body for joint in joints), joints=joints, markers=kept)


def describe(model: opensim.Model | Path | str) -> Description:
    """Read a model's skeleton.

    Raises:
        BioposeError: no such file, OpenSim cannot read it, or it has a part that is not supported (named).
    """
    if not isinstance(model, opensim.Model):
        model = load_model(model)
    elif not model.isValidSystem():
        model.initSystem()
    name = model.getName()
    coordinates = tuple(
        Coordinate(
            c.getName(),
            bool(rotational),
            c.getDefaultValue(),
            (c.getRangeMin(), c.getRangeMax()),
            c.getDefaultClamped(),
            c.getDefaultLocked(),
        )
        for c, rotational in zip(model.getCoordinateSet(), coordinate_is_rotational(model), strict=True)
    )
    index = {coordinate.name: k for k, coordinate in enumerate(coordinates)}
    joints = _in_order([_joint(joint, index, name) for joint in model.getJointSet()], name)
    markers = tuple(_marker(marker) for marker in model.getMarkerSet())
    couplers = _couplers(model, index)
    coordinates = _within_what_they_lead(coordinates, couplers, name)
    led = {coupler.dependent for coupler in couplers if not coordinates[coupler.dependent].rotational}
    joints = tuple(_growing_with_coupler(joint, led) for joint in joints)
    return Description(name, tuple(j.child.body for j in joints), coordinates, joints, couplers, markers)


def _within_what_they_lead(
    coordinates: tuple[Coordinate, ...], couplers: tuple[Coupler, ...], model: str
) -> tuple[Coordinate, ...]:
    """Coordinates whose ranges leave those that follow them inside theirs, where these are clamped."""
    within = list(coordinates)
    for coupler in couplers:
        led = coordinates[coupler.dependent]
        if led.locked:
            raise BioposeError(
                f"{led.name} is locked and follows {', '.join(within[k].name for k in coupler.independent)}",
                where=model,
                mend=f"Unlock it, or lock what it follows instead. {_OPENSIM_INSTEAD}",
            )
        leader = within[coupler.independent[0]]
        ends = (
            _kept_within(coupler.function, led.range, leader) if led.clamped and len(coupler.independent) == 1 else None
        )
        if ends is not None:
            own = leader.range if leader.clamped else (-np.inf, np.inf)
            both = (max(own[0], ends[0]), min(own[1], ends[1]))
            if both[0] <= both[1]:
                within[coupler.independent[0]] = replace(leader, range=both, clamped=True)
    return tuple(within)


def _kept_within(function: Function, limits: tuple[float, float], leader: Coordinate) -> tuple[float, float] | None:
    """From where to where a coordinate may go so that what follows it stays within its limits; None: these do not bind.

    Along a curve only the leader's own range is looked at. A curve may leave the limits and come back: the stretch
    about the leader's default (or nearest to it) counts.
    """
    if isinstance(function, Affine):
        if not function.slopes[0]:
            return None
        low, high = sorted((end - function.constant) / function.slopes[0] for end in limits)
        return low, high
    x = np.linspace(*leader.range, CURVE_STEPS)
    y = CoordinateMap([(function, (0,))], 1)(torch.as_tensor(x)[None])[0].numpy()
    inside = (y >= limits[0]) & (y <= limits[1])
    if inside.all() or not inside.any():
        return None
    middle = np.flatnonzero(inside)[np.abs(x[inside] - leader.default).argmin()]
    outside = np.flatnonzero(~inside)
    first = max(outside[outside < middle], default=-1) + 1
    last = min(outside[outside > middle], default=len(x)) - 1
    return float(x[first]), float(x[last])


def _in_order(joints: list[Joint], model: str) -> tuple[Joint, ...]:
    """Parents before children."""
    placed, ordered, left = {"ground"}, [], joints
    while left:
        ready = [joint for joint in left if joint.parent.body in placed and joint.child.body not in placed]
        if not ready:
            raise BioposeError(
                f"the joints {', '.join(joint.name for joint in left)} do not continue a tree that starts at the "
                "ground (a loop, or a joint whose child is nearer to the ground than its parent)",
                where=model,
                mend=_OPENSIM_INSTEAD,
            )
        joint = ready[0]
        placed.add(joint.child.body)
        ordered.append(joint)
        left = [other for other in left if other is not joint]
    return tuple(ordered)


def _frame(frame: opensim.Frame) -> Frame:
    """A frame in its base body; each offset on the way grows in the axes of the frame that it starts from."""
    base = frame.findBaseFrame()
    rotation, origin, current = np.eye(3), np.zeros((3, 3)), frame
    while current.getAbsolutePathString() != base.getAbsolutePathString():
        offset = opensim.PhysicalOffsetFrame.safeDownCast(current)
        transform = offset.getOffsetTransform()
        step = rotation_matrix(transform.R())
        origin = np.diag(transform.p().to_numpy()) + step @ origin
        rotation = step @ rotation
        current = offset.getParentFrame()
    return Frame(base.getName(), rotation, origin)


def _base(frame: opensim.Frame) -> str:
    return frame.findBaseFrame().getName()


def rotation_matrix(rotation: opensim.Rotation) -> Float[np.ndarray, "3 3"]:
    """OpenSim's rotation as numbers; the transform that it came from must still be held."""
    matrix = rotation.asMat33()
    return np.array([[matrix.get(i, j) for j in range(3)] for i in range(3)])


def _marker(marker: opensim.Marker) -> MarkerPoint:
    frame = _frame(marker.getParentFrame())
    location = frame.origin + frame.rotation @ np.diag(marker.get_location().to_numpy())
    return MarkerPoint(marker.getName(), frame.body, location, marker.get_fixed())


def _joint(joint: opensim.Joint, index: dict[str, int], model: str) -> Joint:
    kind = joint.getConcreteClassName()
    if kind not in _READERS:
        raise BioposeError(
            f"the joint {joint.getName()} is a {kind}, which is not supported",
            where=model,
            mend=f"Supported: {', '.join(_READERS)}. {_OPENSIM_INSTEAD}",
        )
    coordinates = [index[joint.get_coordinates(k).getName()] for k in range(joint.numCoordinates())]
    motion = _READERS[kind](joint, coordinates, index, model)
    return Joint(joint.getName(), _frame(joint.getParentFrame()), _frame(joint.getChildFrame()), *motion)


def _growing_with_coupler(joint: Joint, led: set[int]) -> Joint:
    """A translation that a coupler leads is scaled in the coupler, by the parent body's factor; OpenSim takes only
    equal ones there, of which this is the mean."""
    growth = joint.growth.copy()
    for k, (_, takes) in enumerate(joint.functions[3:]):
        if led.intersection(takes) and joint.parent.body != "ground":
            growth[k] = 1 / 3
    return replace(joint, growth=growth)


class _Motion(NamedTuple):
    axes: Float[np.ndarray, "6 3"]
    functions: tuple[tuple[Function, tuple[int, ...]], ...]
    growth: Float[np.ndarray, "3 3"] = np.zeros((3, 3))
    surface: Surface | None = None


def _plain(*directions: tuple[str, np.ndarray]) -> Callable[..., _Motion]:
    """A joint whose coordinates are, in turn, rotations ("r") about and translations ("t") along the given axes."""

    def read(joint: opensim.Joint, coordinates: list[int], index: dict[str, int], model: str) -> _Motion:
        axes, functions = np.vstack([X, Y, Z, X, Y, Z]), [_NONE] * 6
        rotations = 0
        for coordinate, (kind, direction) in zip(coordinates, directions, strict=True):
            if kind == "r":
                slot, rotations = rotations, rotations + 1
            else:
                slot = 3 + int(np.argmax(direction))
            axes[slot] = direction
            functions[slot] = (Affine((1.0,), 0.0), (coordinate,))
        return _Motion(axes, tuple(functions))

    return read


def _custom(joint: opensim.Joint, coordinates: list[int], index: dict[str, int], model: str) -> _Motion:
    transform = opensim.CustomJoint.safeDownCast(joint).getSpatialTransform()
    axes, functions, growth = np.zeros((6, 3)), [], np.zeros((6, 3))
    for k in range(6):
        axis = transform.getTransformAxis(k)
        direction = axis.getAxis().to_numpy()
        axes[k] = direction / np.linalg.norm(direction)
        names = axis.getCoordinateNamesInArray()
        takes = tuple(index[names.get(i)] for i in range(names.getSize()))
        where = f"{model}, joint {joint.getName()}, axis {axis.getName()}"
        function = read_function(axis.getFunction(), len(takes), where) if axis.hasFunction() else Affine((), 0.0)
        functions.append((function, takes))
        # OpenSim's rule: the axis as it is written, not made a unit vector. A translation that is the coordinate itself
        # is a degree of freedom, whose size stays; and so does all that moves in the ground.
        plain = axis.hasFunction() and axis.getFunction().getConcreteClassName() == "LinearFunction"
        itself = plain and isinstance(function, Affine) and (*function.slopes, function.constant)[:2] == (1.0, 0.0)
        if not itself and _base(joint.getParentFrame()) != "ground":
            growth[k] = np.abs(direction)
    return _Motion(axes, tuple(functions), growth[3:])


def _ellipsoid(joint: opensim.Joint, coordinates: list[int], index: dict[str, int], model: str) -> _Motion:
    radii = opensim.EllipsoidJoint.safeDownCast(joint).get_radii_x_y_z().to_numpy()
    ball = _READERS["BallJoint"](joint, coordinates, index, model)
    return ball._replace(surface=Surface(_base(joint.getParentFrame()), np.diag(radii), arc=False))


def _constant_curvature(joint: opensim.Joint, coordinates: list[int], index: dict[str, int], model: str) -> _Motion:
    bend = opensim.ConstantCurvatureJoint.safeDownCast(joint)
    limit = np.pi / 2 - 0.01  # where OpenSim 4.6 stops bending
    functions = [_NONE] * 6
    for k, neutral in enumerate(bend.get_neutral_angle_x_z_y().to_numpy()):
        low, high = -limit - neutral, limit - neutral
        functions[k] = (
            Curve(np.array([low, low, high]), np.array([[-limit, 0], [-limit, 1], [limit, 0]])),
            (coordinates[k],),
        )
    sizes = np.outer(np.ones(3), [0.0, bend.get_length(), 0.0])
    return _Motion(
        np.vstack([X, Z, Y, X, Y, Z]), tuple(functions), surface=Surface(_base(joint.getChildFrame()), sizes, arc=True)
    )


_READERS: dict[str, Callable[..., _Motion]] = {
    "WeldJoint": _plain(),
    "PinJoint": _plain(("r", Z)),
    "SliderJoint": _plain(("t", X)),
    "UniversalJoint": _plain(("r", X), ("r", Y)),
    "BallJoint": _plain(("r", X), ("r", Y), ("r", Z)),
    "GimbalJoint": _plain(("r", X), ("r", Y), ("r", Z)),
    "PlanarJoint": _plain(("r", Z), ("t", X), ("t", Y)),
    "FreeJoint": _plain(("r", X), ("r", Y), ("r", Z), ("t", X), ("t", Y), ("t", Z)),
    "CustomJoint": _custom,
    "EllipsoidJoint": _ellipsoid,
    "ConstantCurvatureJoint": _constant_curvature,
}


def _couplers(model: opensim.Model, index: dict[str, int]) -> tuple[Coupler, ...]:
    """In an order in which each can be computed from those before it."""
    couplers = []
    for constraint in model.getConstraintSet():
        coupler = opensim.CoordinateCouplerConstraint.safeDownCast(constraint)
        if not constraint.get_isEnforced():
            continue
        if coupler is None:
            raise BioposeError(
                f"the constraint {constraint.getName()}, a {constraint.getConcreteClassName()}, is not supported",
                where=model.getName(),
                mend=f"Supported: CoordinateCouplerConstraint. {_OPENSIM_INSTEAD}",
            )
        names = coupler.getIndependentCoordinateNames()
        independent = tuple(index[names.get(i)] for i in range(names.getSize()))
        where = f"{model.getName()}, constraint {constraint.getName()}"
        factor = opensim.PropertyHelper.getValueDouble(coupler.getPropertyByName("scale_factor"))
        function = read_function(coupler.getFunction(), len(independent), where).scaled(factor)
        couplers.append(Coupler(index[coupler.getDependentCoordinateName()], function, independent))
    dependent = {coupler.dependent for coupler in couplers}
    if chained := dependent & {k for coupler in couplers for k in coupler.independent}:
        names = [name for name, k in index.items() if k in chained]
        raise BioposeError(
            f"{', '.join(names)} both follows other coordinates and drives one",
            where=model.getName(),
            mend=f"Couple each coordinate to free ones. {_OPENSIM_INSTEAD}",
        )
    return tuple(couplers)
