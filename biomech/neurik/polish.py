"""The network's answer moved a little towards the markers.

Inverse kinematics alone, started from the network's answer, would end where it always ends, in the pose that follows
the markers with all their noise. So the network's opinion stays in the sum that is minimised: in every frame, over the
coordinates q,

    Σ w |p(q) − t|² / (n σ²)  +  Σ (q − q̂)² / u²,

with t the measured markers, p(q) the scaled skeleton's, w the task weights over their mean, σ the markers' noise, q̂ the
network's coordinates and u their calibrated uncertainty. Read as probabilities it is the most probable pose given both,
with n markers of a body making the same error (recovered bodies are off as a whole), and without the correlation
between the two: the network has seen the same markers, so that this is a compromise and no optimum.
The minimum is found by the Newton steps of ``ik.fast`` from q̂, within the coordinates' ranges.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from biomech.inverse_kinematics.fast import CoordinateTask, solve_markers
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.neurik.predict import NeuralAnswer
from biomech.skeleton.skeleton import Skeleton

MARKER_SD_M = 0.015  # of a recovered body's markers, along each axis
ALIKE = 7.0  # markers that err together: the 142 on 20 bodies
LEAST_SD = 1e-4  # rad and m; no coordinate is surer


def polish(
    skeleton: Skeleton,
    markers: Markers,
    tasks: Mapping[str, float],
    answer: NeuralAnswer,
    *,
    marker_sd_m: float = MARKER_SD_M,
) -> Kinematics:
    """The pose of every frame between the network's answer and the markers, each as far as it is sure of itself.

    Args:
        skeleton: the scaled model, with the coordinates of ``answer``; carries exactly the markers of ``tasks``.
        markers: what the answer was given on; NaN where missing.
        tasks: IK task weight by marker name.
        answer: frames that it does not call solved keep its coordinates.
        marker_sd_m: σ.

    Returns:
        Frames and coordinates as in ``answer`` (rad, m).
    """
    start = answer.kinematics.values
    solved = np.flatnonzero(answer.solved)
    targets = markers.select(list(tasks)).positions_m[solved]
    weights = np.array(list(tasks.values()))[None]
    values = start.copy()
    values[solved] = solve_markers(
        skeleton,
        targets,
        weights,
        start=start[solved],
        coordinate_tasks=_pulls(skeleton, answer, solved, targets, weights, marker_sd_m),
    )
    return Kinematics(answer.kinematics.names, values, answer.kinematics.time_s, answer.kinematics.rotational)


def _pulls(
    skeleton: Skeleton,
    answer: NeuralAnswer,
    solved: np.ndarray,
    targets: Float[np.ndarray, "frames markers 3"],
    weights: Float[np.ndarray, "1 markers"],
    marker_sd_m: float,
) -> dict[str, CoordinateTask]:
    """A task's weight stands against the markers' weighted mean square, so the sum above is divided by their number."""
    seen = (weights * np.isfinite(targets).all(-1)).sum(1) / weights.mean()
    worth = ALIKE * marker_sd_m**2 / np.maximum(seen, 1)
    pulls = {}
    for index in skeleton.free:
        name = skeleton.coordinate_names[index]
        sd = np.maximum(answer.uncertainty[solved, index], LEAST_SD)
        pulls[name] = CoordinateTask(answer.kinematics.values[solved, index], worth / sd**2)
    return pulls
