"""Our own solver, run as its rivals are, on a job of ``alone``.

``python -m biomech.inverse_kinematics.fast_alone FOLDER``
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.inverse_kinematics.alone import Clock, Problem, serve
from biomech.inverse_kinematics.fast import CoordinateTask, inverse_kinematics
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.trc import read_trc
from biomech.skeleton.skeleton import Skeleton


class Solver:
    """A problem with everything read that solving needs."""

    def __init__(self, problem: Problem) -> None:
        self.skeleton = Skeleton.from_osim(Path(problem.model_osim))
        self.markers = read_trc(Path(problem.markers_trc))
        self.weights = problem.weights
        self.tasks = {n: CoordinateTask(target, w) for n, (w, target) in problem.coordinate_tasks.items()}

    def __call__(self) -> Kinematics:
        return inverse_kinematics(self.skeleton, self.markers, self.weights, coordinate_tasks=self.tasks)[0]


def solve_timed(
    problem: Problem, options: Mapping[str, float], folder: Path
) -> tuple[list[str], Float[np.ndarray, "frames coordinates"], Clock]:
    """Time the solver on one thread, with the skeleton and the markers read already.

    Args:
        problem: model, markers, weights and tasks.
        options: ``repeats``: how many times it is solved; once by default.
        folder: not used; other solvers keep files there.

    Returns:
        Coordinate names, their values (rad and m), and the time of each repeat (s).
    """
    torch.set_num_threads(1)
    solver, clock = Solver(problem), Clock()
    for _ in range(int(options.get("repeats", 1))):
        kinematics = clock.time(solver)
    return kinematics.names, kinematics.values, clock


if __name__ == "__main__":
    serve(solve_timed)
