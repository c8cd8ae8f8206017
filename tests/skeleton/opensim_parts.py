"""OpenSim functions and small models, built through its API, and OpenSim's own answers for them."""

from collections.abc import Sequence

import numpy as np
import opensim


def constant(value: float) -> opensim.Function:
    return opensim.Constant(value)


def linear(*coefficients: float) -> opensim.Function:
    """Slopes first, the constant last."""
    array = opensim.ArrayDouble()
    for value in coefficients:
        array.append(value)
    return opensim.LinearFunction(array)


def polynomial(*highest_first: float) -> opensim.Function:
    return opensim.PolynomialFunction(opensim.Vector.createFromMat(np.array(highest_first, dtype=float)))


def spline(points: Sequence[tuple[float, float]]) -> opensim.Function:
    function = opensim.SimmSpline()
    for x, y in points:
        function.addPoint(x, y)
    return function


def broken_line(points: Sequence[tuple[float, float]]) -> opensim.Function:
    function = opensim.PiecewiseLinearFunction()
    for x, y in points:
        function.addPoint(x, y)
    return function


def multiplied(function: opensim.Function, factor: float) -> opensim.Function:
    inner = function.clone()
    inner.thisown = False  # the MultiplierFunction deletes it
    return opensim.MultiplierFunction(inner, factor)


def value(function: opensim.Function, inputs: Sequence[float]) -> float:
    return function.calcValue(opensim.Vector.createFromMat(np.array(inputs, dtype=float)))


def slope(function: opensim.Function, inputs: Sequence[float], of: int = 0) -> float:
    component = opensim.StdVectorInt()
    component.push_back(of)
    component.thisown = True
    return function.calcDerivative(component, opensim.Vector.createFromMat(np.array(inputs, dtype=float)))


def spatial_transform(
    *axes: tuple[Sequence[float], Sequence[str], opensim.Function | None],
) -> opensim.SpatialTransform:
    """Three rotations, then three translations: each an axis, the coordinates that it takes, and a function of them."""
    transform = opensim.SpatialTransform()
    for k, (direction, names, function) in enumerate(axes):
        axis = transform.updTransformAxis(k)
        axis.set_axis(opensim.Vec3(*(float(x) for x in direction)))
        array = opensim.ArrayStr()
        for name in names:
            array.append(name)
        axis.setCoordinateNames(array)
        if function is not None:
            axis.set_function(function)
    return transform


KNEE_LIKE = [(-2.0, 0.05), (-1.0, 0.02), (-0.3, -0.01), (0.4, 0.03)]
JOINTS = {
    "Weld": lambda *between: opensim.WeldJoint(*between),
    "Pin": lambda *between: opensim.PinJoint(*between),
    "Slider": lambda *between: opensim.SliderJoint(*between),
    "Universal": lambda *between: opensim.UniversalJoint(*between),
    "Ball": lambda *between: opensim.BallJoint(*between),
    "Gimbal": lambda *between: opensim.GimbalJoint(*between),
    "Planar": lambda *between: opensim.PlanarJoint(*between),
    "Free": lambda *between: opensim.FreeJoint(*between),
    "Ellipsoid": lambda *between: opensim.EllipsoidJoint(*between, opensim.Vec3(0.08, 0.2, -0.11)),
    "ConstantCurvature": lambda *between: opensim.ConstantCurvatureJoint(*between, opensim.Vec3(0.1, -0.4, 0.2), 0.3),
    "Custom": lambda *between: opensim.CustomJoint(*between, oblique(between[0])),
    "Custom of several coordinates": lambda *between: opensim.CustomJoint(*between, of_several(between[0])),
}


def oblique(joint: str) -> opensim.SpatialTransform:
    """Axes that are neither orthogonal nor the body's, nor of length one; splines, and a coordinate that is a slide."""
    bend, slide = f"{joint}_bend", f"{joint}_slide"
    return spatial_transform(
        ((0.9, 0.3, -0.2), [bend], linear(1.0, 0.0)),
        ((0.1, 2.0, 0.4), [bend], multiplied(multiplied(spline(KNEE_LIKE), 2.0), -1.5)),
        ((0.3, 0.2, 1.0), [], constant(0.2)),
        ((0.6, -0.8, 0.0), [bend], spline(KNEE_LIKE)),
        ((0.0, 1.0, 0.0), [slide], linear(1.0, 0.0)),
        ((1.0, 2.0, 3.0), [bend], multiplied(polynomial(0.1, -0.2, 0.05), 0.7)),
    )


def of_several(joint: str) -> opensim.SpatialTransform:
    """Axes that take two coordinates, or a coordinate with a factor, or have no function of their own."""
    one, two = f"{joint}_one", f"{joint}_two"
    return spatial_transform(
        ((0.0, 0.0, 1.0), [one, two], linear(1.5, -0.5, 0.1)),
        ((1.0, 0.0, 0.0), [two], broken_line(KNEE_LIKE)),
        ((0.0, 1.0, 0.0), [], None),
        ((1.0, 0.0, 0.0), [two, one], linear(0.1, -0.2, 0.05)),
        ((0.0, -1.0, 0.0), [one], linear(-0.3, 0.0)),
        ((0.0, 0.0, 1.0), [one], multiplied(linear(1.0, 0.0), 0.5)),
    )


def chain(kind: str) -> opensim.Model:
    """Two bodies, each on a joint of the kind between offset frames that are turned, one of them on another; markers
    on the ground, on the bodies and on the offset frame of an offset frame."""
    vector = opensim.Vec3
    model = opensim.Model()
    model.setName("chain")
    parent: opensim.PhysicalFrame = model.getGround()
    model.addMarker(opensim.Marker("fixed", parent, vector(0.1, 0.2, 0.3)))
    for k, name in enumerate(("upper", "lower")):
        body = opensim.Body(name, 1.0 + k, vector(0), opensim.Inertia(1, 1, 1))
        model.addBody(body)
        above = opensim.PhysicalOffsetFrame(f"{name}_above", parent, transform((0.3, -0.2, 0.1), (0.1, -0.4, 0.05)))
        inner = opensim.PhysicalOffsetFrame(f"{name}_inner", body, transform((-0.5, 0.1, 0.7), (0.02, 0.3, -0.04)))
        for frame in (above, inner):
            model.addComponent(frame)
        outer = opensim.PhysicalOffsetFrame(f"{name}_outer", inner, transform((0.2, 0.6, -0.3), (-0.03, 0.05, 0.2)))
        model.addComponent(outer)
        model.addJoint(JOINTS[kind](f"{name}_joint", above, outer))
        model.addMarker(opensim.Marker(f"{name}_marker", body, vector(0.05, -0.1, 0.2)))
        model.addMarker(opensim.Marker(f"{name}_outer_marker", outer, vector(-0.1, 0.03, 0.08)))
        parent = body
    for k in range(model.getNumJoints()):
        joint = model.updJointSet().get(k)
        for n in range(joint.numCoordinates()):
            coordinate = joint.upd_coordinates(n)
            if not kind.startswith("Custom"):
                coordinate.setName(f"{joint.getName()}_{n}")
            coordinate.setRangeMin(-1.0)
            coordinate.setRangeMax(1.0)
    model.finalizeConnections()
    return model


def transform(angles: Sequence[float], origin: Sequence[float]) -> opensim.Transform:
    rotation = opensim.Rotation()
    rotation.setRotationToBodyFixedXYZ(opensim.Vec3(*angles))
    return opensim.Transform(rotation, opensim.Vec3(*origin))
