"""Functions of coordinates as plain numbers, against OpenSim's own values and slopes."""

import numpy as np
import opensim
import opensim_parts as parts
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from biomech.errors import BioposeError
from biomech.skeleton.functions import Affine, CoordinateMap, Curve, read_function

KNEE = [(-2.1, -0.0032), (-1.2, 0.0018), (-0.6, 0.0041), (-0.3, 0.0041), (0.0, 0.0021), (0.17, -0.001)]
SPLINE, LINE, POLYNOMIAL = parts.spline(KNEE), parts.broken_line(KNEE), parts.polynomial(2.0, -0.3, 0.7, 0.1)
ONE_INPUT = {
    "Constant": parts.constant(0.3),
    "LinearFunction": parts.linear(-1.5, 0.2),
    "PolynomialFunction": POLYNOMIAL,
    "SimmSpline": SPLINE,
    "SimmSpline of two points": parts.spline(KNEE[:2]),
    "SimmSpline of three points": parts.spline(KNEE[:3]),
    "PiecewiseLinearFunction": LINE,
    "PiecewiseLinearFunction of two points": parts.broken_line(KNEE[:2]),
    "Multiplier of SimmSpline": parts.multiplied(SPLINE, -1.3),
    "Multiplier of Multiplier of SimmSpline": parts.multiplied(parts.multiplied(SPLINE, 1.2), 0.8),
    "Multiplier of Multiplier of Multiplier": parts.multiplied(parts.multiplied(parts.multiplied(LINE, 2), 3), 4),
    "Multiplier of Constant": parts.multiplied(parts.constant(0.3), 2.0),
    "Multiplier of LinearFunction": parts.multiplied(parts.linear(2.0, 0.3), 0.5),
    "Multiplier of PolynomialFunction": parts.multiplied(POLYNOMIAL, 0.5),
}


def mapping(function: opensim.Function, inputs: int = 1) -> CoordinateMap:
    return CoordinateMap([(read_function(function, inputs, "a model"), range(inputs))], inputs)


@pytest.mark.parametrize("kind", ONE_INPUT)
def test_values_and_slopes_are_those_of_opensim(kind):
    function = ONE_INPUT[kind]
    inside, knots = np.linspace(-2.0, 0.15, 23), np.array([x for x, _ in KNEE])
    beyond = np.array([-9.0, -2.5, 0.3, 7.0])
    at = np.concatenate([inside, knots, beyond])
    found = mapping(function)
    assert found(torch.tensor(at)[None])[0].numpy() == pytest.approx(
        [parts.value(function, [v]) for v in at], rel=1e-13, abs=1e-13
    )
    away = np.concatenate([inside, beyond])  # a broken line has two slopes at a knot
    slopes = found.slopes(torch.tensor(away)[None])
    assert found.entry_output.tolist() == found.entry_input.tolist() == [0] * len(slopes)
    assert slopes.sum(0).numpy() == pytest.approx([parts.slope(function, [v]) for v in away], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.floats(0.01, 2.0), min_size=1, max_size=12),
    heights=st.lists(st.floats(-1.0, 1.0), min_size=13, max_size=13),
    start=st.floats(-3.0, 3.0),
    kind=st.sampled_from([parts.spline, parts.broken_line]),
    share=st.lists(st.floats(-0.5, 1.5), min_size=5, max_size=5),
)
def test_any_knots(steps, heights, start, kind, share):
    knots = start + np.concatenate([[0.0], np.cumsum(steps)])
    function = kind(list(zip(knots.tolist(), heights, strict=False)))
    at = knots[0] + np.array(share) * (knots[-1] - knots[0])
    found = mapping(function)(torch.tensor(at)[None])[0].numpy()
    expected = np.array([parts.value(function, [v]) for v in at])
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_linear_function_of_several_coordinates():
    function = parts.multiplied(parts.linear(2.0, -3.0, 0.5, 0.1), 1.5)
    at = np.random.default_rng(0).normal(size=(7, 3))
    found = mapping(function, 3)(torch.tensor(at.T))[0].numpy()
    assert found == pytest.approx([parts.value(function, row) for row in at], abs=1e-14)


def several() -> CoordinateMap:
    curve = read_function(SPLINE, 1, "a model")
    functions = [
        (curve, (2,)),
        (Affine((1.0, -2.0), 0.3), (0, 3)),
        (read_function(POLYNOMIAL, 1, "a model"), (2,)),
        (Affine((), 0.7), ()),
        (Affine((2.0, 1.0), 0.0), (1, 1)),  # twice the same coordinate
        (curve, (0,)),
    ]
    return CoordinateMap(functions, 4)


def inputs(frames: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(frames).uniform(-2.5, 1.0, (4, frames)))


def test_the_sparse_jacobian_is_the_whole_one():
    found, x = several(), inputs(50)
    dense = torch.zeros(6, 4, 50, dtype=torch.float64)
    dense[found.entry_output, found.entry_input] = found.slopes(x)
    whole = torch.autograd.functional.jacobian(lambda x: found(x).sum(1), x)  # (outputs, inputs, frames)
    torch.testing.assert_close(dense, whole, rtol=0, atol=1e-12)


def test_gradients_are_finite_differences():
    assert torch.autograd.gradcheck(several(), inputs(3).requires_grad_(), atol=1e-7)


def test_nan_stays_in_its_frame():
    x = inputs(3)
    whole = several()(x)
    x[2, 1] = torch.nan
    broken = several()(x)
    torch.testing.assert_close(broken[:, [0, 2]], whole[:, [0, 2]], rtol=0, atol=0)
    assert broken[[0, 2], 1].isnan().all()


def test_precision_follows_the_module():
    x, single = inputs(20), several().to(torch.float32)
    assert single(x.float()).dtype == single.slopes(x.float()).dtype == torch.float32
    torch.testing.assert_close(single(x.float()).double(), several()(x), rtol=1e-5, atol=1e-5)


def test_a_scaled_function_is_a_new_one():
    curve = read_function(SPLINE, 1, "a model")
    assert isinstance(curve, Curve)
    doubled = curve.scaled(2.0)
    assert np.array_equal(doubled.coefficients, 2 * curve.coefficients) and curve.coefficients[0, 0] == KNEE[0][1]


@pytest.mark.parametrize(
    ("function", "inputs", "named"),
    [
        (opensim.Sine(1.0, 2.0, 3.0), 1, "Sine"),
        (opensim.StepFunction(0.0, 1.0, 0.0, 1.0), 1, "StepFunction"),
        (parts.multiplied(opensim.Sine(1.0, 2.0, 3.0), 2.0), 1, "Sine"),
        (SPLINE, 2, "SimmSpline of 2 coordinate"),
    ],
    ids=["Sine", "StepFunction", "Multiplier of Sine", "SimmSpline of two coordinates"],
)
def test_other_functions_are_refused_by_name(function, inputs, named):
    with pytest.raises(BioposeError, match=f"joint knee, axis translation1: a {named}"):
        read_function(function, inputs, "joint knee, axis translation1")
