"""The network, run as its rivals are: ``python -m biomech.bench.neurik_alone WEIGHTS FOLDER`` on ``alone``'s job.

Options: ``repeats``, and ``threads``, which may be more than one.
"""

import functools
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.inverse_kinematics.alone import Clock, Problem, serve
from biomech.markers.trc import read_trc
from biomech.neurik.predict import load_network, neural_kinematics


def solve_timed(
    weights: Path, problem: Problem, options: Mapping[str, float], folder: Path
) -> tuple[list[str], Float[np.ndarray, "frames coordinates"], Clock]:
    """Time the network with its weights and the markers read already; the first, untimed answer warms torch up.

    Args:
        weights: the network's file.
        problem: its model and weights of markers do not matter here.
        options: ``repeats`` and ``threads``, 1 of each where not given.
        folder: not used; rivals have files of their own.

    Returns:
        Names of the coordinates, their values (rad and m), and what each repeat took.
    """
    torch.set_num_threads(int(options.get("threads", 1)))
    network, markers, clock = load_network(weights), read_trc(Path(problem.markers_trc)), Clock()
    answer = neural_kinematics(markers, network=network)
    for _ in range(int(options.get("repeats", 1))):
        answer = clock.time(lambda: neural_kinematics(markers, network=network))
    return answer.kinematics.names, answer.kinematics.values, clock


if __name__ == "__main__":
    weights = Path(sys.argv.pop(1))
    serve(functools.partial(solve_timed, weights))
