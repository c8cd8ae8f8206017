"""Inverse kinematics of whole trials on the torch skeleton: what ``classical.solve_ik`` finds, much faster.

Weighted marker least squares as in OpenSim's tool: ``Σ w |p − t|²`` over the tracked markers of each frame, plus
``w (q − target)²`` for coordinate tasks, with clamped coordinates inside their ranges, coupled ones following and
locked ones at their defaults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biomech.classical.marker_errors import MarkerErrors
from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.skeleton.branches import continuous
from biomech.skeleton.kinematics import Kinematics
from biomech.skeleton.normal_equations import UNIQUENESS, MarkerEquations, Pull
from biomech.skeleton.skeleton import Skeleton
from biomech.skeleton.tracked import enough_seen, filled, tracked_weights
from biomech.skeleton.trial import Trial


@dataclass(frozen=True)
class CoordinateTask:
    """A value that a coordinate should have, in one or in every frame (rad or m), and the weight of its error."""

    value: float | Float[np.ndarray, " frames"]
    weight: float


def inverse_kinematics(
    skeleton: Skeleton,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    weights: Float[np.ndarray, "frames markers"] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Kinematics, MarkerErrors]:
    """Pose a skeleton at every frame.

    Args:
        skeleton: scaled, with its markers.
        markers: what was measured; NaN where missing.
        tasks: IK task weight by marker name; 0 leaves a marker out. Names that the skeleton or ``markers`` lack are
            ignored.
        coordinate_tasks: by coordinate name; only of free coordinates.
        weights: multiplies the tasks', for every frame and marker of ``markers``.
        progress: called with frames done and frames in all.

    Returns:
        Every coordinate, continuous where equivalent angles allow, frames with too few markers interpolated; and the
        marker errors.

    Raises:
        BioposeError: no marker in common, no frame with enough markers, or a task for a coordinate that is not free.
    """
    tracked = tracked_weights(skeleton.marker_names, markers, tasks, skeleton.name)
    chosen = markers.select(list(tracked))
    usable = enough_seen(chosen, skeleton.name)
    each = np.array(list(tracked.values()))
    if weights is not None:
        columns = [markers.names.index(name) for name in tracked]
        each = each * np.asarray(weights, dtype=np.float64)[usable][:, columns]
    coordinate_tasks = {
        name: CoordinateTask(np.broadcast_to(task.value, usable.shape)[usable], task.weight)
        for name, task in (coordinate_tasks or {}).items()
    }
    pruned = skeleton.carrying(list(tracked))
    values = solve_markers(
        pruned, chosen.positions_m[usable], each, coordinate_tasks=coordinate_tasks, progress=progress
    )
    values = continuous(skeleton.description, values)
    with torch.no_grad():
        posed = pruned(torch.from_numpy(values).to(pruned.axes)).markers.double().numpy()
    distances = np.full(chosen.positions_m.shape[:2], np.nan)
    distances[usable] = np.linalg.norm(posed - chosen.positions_m[usable], axis=-1)
    kinematics = Kinematics(
        list(skeleton.coordinate_names),
        filled(markers.time_s, usable, values, skeleton.rotational),
        markers.time_s,
        skeleton.rotational,
    )
    return kinematics, MarkerErrors(list(tracked), distances, markers.time_s, usable)


@torch.inference_mode()
def solve_markers(
    skeleton: Skeleton,
    targets: Float[np.ndarray, "frames markers 3"],
    weights: Float[np.ndarray, "#frames markers"],
    *,
    start: Float[np.ndarray, "frames coordinates"] | None = None,
    scales: Float[np.ndarray, "bodies 3"] | None = None,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, "frames coordinates"]:
    """All coordinates (rad and m) that pose the skeleton's markers nearest to their targets.

    Args:
        skeleton: carries exactly the markers of ``targets`` (``Skeleton.carrying``).
        targets: m; NaN where missing.
        weights: of the squared distances.
        start: near the answer; without it the frames are taken for consecutive ones of a motion and started from
            scratch.
        scales: factors of the skeleton's bodies, the ground first.
        coordinate_tasks: values for all or every frame.
        progress: called with frames done and frames in all.

    Raises:
        BioposeError: a task for a coordinate that is not free.
    """
    like = skeleton.axes
    equations = MarkerEquations(skeleton, None if scales is None else torch.as_tensor(scales).to(like))
    target = torch.as_tensor(targets).to(like).movedim(0, -1).contiguous()
    weight = torch.as_tensor(np.atleast_2d(weights)).to(like).T.contiguous()
    frames, done = target.shape[-1], 0

    def on_frames(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, frames)

    pull = _pull(equations, weight, coordinate_tasks or {}, frames)
    trial = Trial(equations, target, weight, pull, _bounds(equations), on_frames)
    if start is None:
        trial.solve()
    else:
        trial.improve(torch.arange(frames), torch.as_tensor(start).to(like).T[equations.unknowns], near=True)
        on_frames(frames)
    whole = equations.bare.couplers(equations.complete(trial.unknowns))
    return whole.T.contiguous().double().numpy()


def _pull(equations: MarkerEquations, weights: Tensor, tasks: Mapping[str, CoordinateTask], frames: int) -> Pull:
    skeleton, like = equations.skeleton, equations.skeleton.axes
    unknowns = equations.unknowns.tolist()
    weight = like.new_full((len(unknowns), 1), UNIQUENESS * float(weights.sum(0).max()))
    target = torch.as_tensor(skeleton.defaults[equations.unknowns]).to(like)[:, None]
    if tasks:
        target = target.repeat(1, frames)
    for name, task in tasks.items():
        index = skeleton.coordinate_names.index(name) if name in skeleton.coordinate_names else -1
        if index not in skeleton.free.tolist():
            raise BioposeError(
                f"a coordinate task for {name}, which is not a free coordinate of the model",
                where=skeleton.name,
                mend=f"Free ones: {', '.join(skeleton.coordinate_names[k] for k in skeleton.free)}.",
            )
        if index in unknowns:
            weight[unknowns.index(index)] = task.weight
            target[unknowns.index(index)] = torch.as_tensor(task.value).to(like)
    return Pull(weight, target)


def _bounds(equations: MarkerEquations) -> tuple[Tensor, Tensor]:
    """Ranges of the clamped coordinates; the others are free."""
    skeleton, like = equations.skeleton, equations.skeleton.axes
    clamped = torch.from_numpy(skeleton.clamped[equations.unknowns])[:, None]
    ranges = torch.as_tensor(skeleton.ranges[equations.unknowns])
    lower = torch.where(clamped, ranges[:, :1], -torch.inf)
    upper = torch.where(clamped, ranges[:, 1:], torch.inf)
    return lower.to(like), upper.to(like)
