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
