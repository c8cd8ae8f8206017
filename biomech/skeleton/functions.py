"""Functions of coordinates, as OpenSim models use them along joint axes and in couplers, evaluated in batch.

Every kind that a skeleton needs is one of two: affine in several coordinates (Constant, LinearFunction), or a
piecewise polynomial of one (PolynomialFunction, SimmSpline, PiecewiseLinearFunction). A MultiplierFunction scales
either. The splines' coefficients are asked from OpenSim itself: value and slope at the knots fix each cubic piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import opensim
import torch
from jaxtyping import Float, Int
from torch import Tensor

from biomech.errors import BioposeError


@dataclass(frozen=True)
class Affine:
    """``constant + Σ slopes·inputs``."""

    slopes: tuple[float, ...]
    constant: float

    def scaled(self, factor: float) -> "Affine":
        """The function times a factor."""
        return Affine(tuple(factor * slope for slope in self.slopes), factor * self.constant)


@dataclass(frozen=True)
class Curve:
    """Piecewise polynomial of one input: from ``knots[i]`` on, ``Σ_k coefficients[i, k] (x − knots[i])^k``.

    The first piece also holds below its knot.
    """

    knots: Float[np.ndarray, " pieces"]
    coefficients: Float[np.ndarray, "pieces powers"]

    def scaled(self, factor: float) -> "Curve":
        """The function times a factor."""
        return Curve(self.knots, factor * self.coefficients)


Function = Affine | Curve


def read_function(function: opensim.Function, inputs: int, where: str) -> Function:
    """A function of an OpenSim model as plain numbers.

    Args:
        function: of the model.
        inputs: how many coordinates it is given.
        where: named in the error.

    Returns:
        Values as OpenSim's, in its units (rad, m).

    Raises:
        BioposeError: a kind of function that is not supported.
    """
    kind = function.getConcreteClassName()
    if kind == "MultiplierFunction":
        multiplier = opensim.MultiplierFunction.safeDownCast(function)
        return read_function(multiplier.getFunction(), inputs, where).scaled(multiplier.getScale())
    if kind == "Constant":
        return Affine((0.0,) * inputs, opensim.Constant.safeDownCast(function).getValue())
    if kind == "LinearFunction":
        coefficients = opensim.LinearFunction.safeDownCast(function).getCoefficients()
        values = [coefficients.get(i) for i in range(coefficients.getSize())]
        return Affine(tuple(values[:-1]), values[-1])
    if inputs == 1 and kind == "PolynomialFunction":
        highest_first = opensim.PolynomialFunction.safeDownCast(function).getCoefficients().to_numpy()
        return Curve(np.zeros(1), highest_first[None, ::-1].copy())
    if inputs == 1 and kind == "SimmSpline":
        return _spline(opensim.SimmSpline.safeDownCast(function))
    if inputs == 1 and kind == "PiecewiseLinearFunction":
        return _broken_line(opensim.PiecewiseLinearFunction.safeDownCast(function))
    raise BioposeError(
        f"a {kind} of {inputs} coordinate(s) is not supported in a skeleton",
        where=where,
        mend="Supported: Constant, LinearFunction, SimmSpline, PiecewiseLinearFunction and PolynomialFunction of one "
        "coordinate, and MultiplierFunction of these. OpenSim's own solver takes any (`solver=opensim`).",
    )


def _spline(spline: opensim.SimmSpline) -> Curve:
    """Cubic between the knots, straight beyond them."""
    x = np.array([spline.getX(i) for i in range(spline.getSize())])
    y = np.array([spline.getY(i) for i in range(spline.getSize())])
    first = opensim.StdVectorInt()
    first.push_back(0)
    slope = np.array([spline.calcDerivative(first, opensim.Vector(1, knot)) for knot in x])
    h, rise = np.diff(x), np.diff(y)
    square = (3 * rise / h - 2 * slope[:-1] - slope[1:]) / h
    cube = (slope[:-1] + slope[1:] - 2 * rise / h) / h**2
    inner = np.stack([y[:-1], slope[:-1], square, cube], axis=1)
    below, above = [y[0], slope[0], 0, 0], [y[-1], slope[-1], 0, 0]
    # Two pieces share the first knot: the straight one comes first and so holds below it alone.
    return Curve(np.concatenate([x[:1], x]), np.vstack([below, inner, above]))


def _broken_line(line: opensim.PiecewiseLinearFunction) -> Curve:
    """Straight between the knots; the outer pieces go on beyond them."""
    x = np.array([line.getX(i) for i in range(line.getSize())])
    y = np.array([line.getY(i) for i in range(line.getSize())])
    return Curve(x[:-1], np.stack([y[:-1], np.diff(y) / np.diff(x)], axis=1))


class CoordinateMap(torch.nn.Module):
    """Many functions of the same inputs at once: (inputs, frames) → (outputs, frames), with its sparse Jacobian.

    Frames come last so that each operation runs along contiguous memory.

    Args:
        functions: one for each output, with the indices of the inputs that it takes.
        inputs: how many inputs there are.
    """

    constant: Float[Tensor, "outputs 1"]
    matrix: Float[Tensor, "outputs inputs"]
    knots: Float[Tensor, "curves pieces"]
    coefficients: Float[Tensor, "powers curves pieces"]
    curve_input: Int[Tensor, " curves"]
    curve_output: Int[Tensor, " curves"]
    entry_output: Int[Tensor, " entries"]
    entry_input: Int[Tensor, " entries"]
    entry_slope: Float[Tensor, "linear 1"]

    def __init__(self, functions: Sequence[tuple[Function, Sequence[int]]], inputs: int) -> None:
        super().__init__()
        constant, matrix = np.zeros((len(functions), 1)), np.zeros((len(functions), inputs))
        curves: list[tuple[int, int, Curve]] = []
        for output, (function, takes) in enumerate(functions):
            if isinstance(function, Curve):
                curves.append((output, takes[0], function))
            else:
                constant[output] = function.constant
                np.add.at(matrix[output], list(takes), function.slopes)
        pieces = max((len(c.knots) for _, _, c in curves), default=1)
        powers = max((c.coefficients.shape[1] for _, _, c in curves), default=1)
        knots, coefficients = np.full((len(curves), pieces), np.inf), np.zeros((powers, len(curves), pieces))
        for k, (_, _, curve) in enumerate(curves):
            knots[k, : len(curve.knots)] = curve.knots
            coefficients[: curve.coefficients.shape[1], k, : len(curve.knots)] = curve.coefficients.T
        linear_output, linear_input = np.nonzero(matrix)
        for name, value in (
            ("constant", constant),
            ("matrix", matrix),
            ("knots", knots),
            ("coefficients", coefficients),
            ("curve_input", np.array([i for _, i, _ in curves], dtype=np.int64)),
            ("curve_output", np.array([o for o, _, _ in curves], dtype=np.int64)),
            # the Jacobian's entries: what is linear first, then one for each curve
            ("entry_output", np.concatenate([linear_output, [o for o, _, _ in curves]]).astype(np.int64)),
            ("entry_input", np.concatenate([linear_input, [i for _, i, _ in curves]]).astype(np.int64)),
            ("entry_slope", matrix[linear_output, linear_input][:, None]),
        ):
            self.register_buffer(name, torch.as_tensor(value), persistent=False)

    def forward(self, x: Float[Tensor, "inputs frames"], pieces: "Pieces | None" = None) -> Tensor:
        """The outputs at given inputs.

        Args:
            x: inputs, rad and m.
            pieces: those of ``x``, where they are at hand.

        Returns:
            (outputs, frames), rad and m.
        """
        y = torch.addmm(self.constant, self.matrix, x)
        if len(self.curve_input):
            local, coefficients = pieces or self.pieces(x)
            value = coefficients[-1]
            for coefficient in reversed(coefficients[:-1]):
                value = torch.addcmul(coefficient, value, local)
            y = y.index_add(0, self.curve_output, value)
        return y

    def slopes(self, x: Float[Tensor, "inputs frames"], pieces: "Pieces | None" = None) -> Tensor:
        """The Jacobian's entries: ∂ output[``entry_output``] / ∂ input[``entry_input``]; all others are zero.

        Args:
            x: inputs, rad and m.
            pieces: those of ``x``, where they are at hand.

        Returns:
            (entries, frames), in units of the output by units of the input.
        """
        linear = self.entry_slope.expand(-1, x.shape[-1])
        if not len(self.curve_input):
            return linear
        local, coefficients = pieces or self.pieces(x)
        slope = torch.zeros_like(local)
        for power in range(len(coefficients) - 1, 0, -1):
            slope = torch.addcmul(power * coefficients[power], slope, local)
        return torch.cat([linear, slope])

    def pieces(self, x: Float[Tensor, "inputs frames"]) -> "Pieces":
        """The curves' inputs counted from the knot that they passed last, and the coefficients that hold there."""
        at = x.index_select(0, self.curve_input)
        piece = (torch.searchsorted(self.knots, at.detach(), right=True) - 1).clamp(min=0)
        return at - self.knots.gather(1, piece), [c.gather(1, piece) for c in self.coefficients]


Pieces = tuple[Float[Tensor, "_ frames"], list[Float[Tensor, "_ frames"]]]  # a row for each curve
