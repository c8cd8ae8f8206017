"""Networks of coloured dots: ONNX graphs of a pose network's true structure, whose points are known to a pixel.

A picture has a dot of its own colour for each point. The graph finds how near each pixel's colour is to each of them
(a 1 × 1 convolution, absolute differences, their sum) and answers with heat maps or SimCC's curves, as trained ones do.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biomech.keypoints.onnx_network import MEAN, SD

WIDTH, HEIGHT, CELL, SPLIT = 96, 128, 4, 2
SOFTNESS = 0.012  # of 1, a unit of colour


def colours(points: int) -> np.ndarray:
    """Far from each other and from black; RGB."""
    levels = np.array([70, 130, 190, 250])
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    return grid[np.random.default_rng(0).permutation(len(grid))[:points]]


def picture(xy: np.ndarray, size: tuple[int, int], radius: float) -> np.ndarray:
    """Dots at pixels, on black; RGB."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    y, x = np.mgrid[: size[1], : size[0]]
    for (at_x, at_y), colour in zip(xy, colours(len(xy)), strict=True):
        image[np.hypot(x - at_x, y - at_y) <= radius] = colour
    return image


def network(path: Path, points: int, *, simcc: bool, nan: bool = False, channels: int = 3) -> Path:
    """Write the graph for so many points; with ``nan`` its answers are no numbers."""
    wanted = (colours(points) - MEAN) / SD  # as the network sees them
    scale = np.tile(SD, points)  # of a normalised channel, in units of colour
    first = np.zeros((3 * points, channels, 1, 1), np.float32)
    for k in range(3 * points):
        first[k, k % 3 % channels] = scale[k]
    add = np.zeros((points, 3 * points, 1, 1), np.float32)
    for k in range(points):
        add[k, 3 * k : 3 * k + 3] = -SOFTNESS
    weights = {
        "first": first,
        "minus": (-wanted * SD).reshape(-1).astype(np.float32),
        "sum": add,
        "one": np.full(points, np.nan if nan else 1.0, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "first", "minus"], ["apart"], kernel_shape=[1, 1]),
        helper.make_node("Abs", ["apart"], ["far"]),
        helper.make_node("Conv", ["far", "sum", "one"], ["near"], kernel_shape=[1, 1]),
        helper.make_node("Relu", ["near"], ["like"]),
    ]
    if simcc:
        weights |= {f"axis_{axis}": np.array([place]) for axis, place in (("x", 2), ("y", 3))}
        weights |= {"larger": np.array([1.0, 1.0, SPLIT], np.float32)}
        shapes = {"simcc_x": ["batch", points, WIDTH * SPLIT], "simcc_y": ["batch", points, HEIGHT * SPLIT]}
        for axis in "xy":
            nodes += [
                helper.make_node("ReduceSum", ["like", f"axis_{axis}"], [f"flat_{axis}"], keepdims=0),
                helper.make_node(
                    "Resize",
                    [f"flat_{axis}", "", "larger"],
                    [f"simcc_{axis}"],
                    mode="linear",
                    coordinate_transformation_mode="asymmetric",
                ),
            ]
    else:
        shapes = {"heatmaps": ["batch", points, HEIGHT // CELL, WIDTH // CELL]}
        weights["cells"] = np.array([1, points, HEIGHT // CELL, WIDTH // CELL])
        nodes += [
            helper.make_node("AveragePool", ["like"], ["soft"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
            # From corner to corner, as networks trained with UDP answer.
            helper.make_node(
                "Resize",
                ["soft", "", "", "cells"],
                ["heatmaps"],
                mode="linear",
                coordinate_transformation_mode="align_corners",
            ),
        ]
    return write(path, nodes, weights, shapes, ["batch", channels, HEIGHT, WIDTH])


def write(path: Path, nodes: list, weights: dict[str, np.ndarray], outputs: dict[str, list], seen: list) -> Path:
    """A graph of one input."""
    graph = helper.make_graph(
        nodes,
        "dots",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, seen)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
