"""Inverse kinematics of whole trials on the torch skeleton: what ``opensim_tool.solve_ik`` finds, much faster.

What OpenSim's tool minimises in every frame (see ``opensim_alone``): the weighted mean of the squared distances
``Σ w |p − t|² / Σ w`` over the markers seen, plus ``w (q − target)²`` for coordinate tasks, with clamped coordinates
inside their ranges, coupled ones following and locked ones at their defaults.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.errors import BioposeError
from biomech.inverse_kinematics.branches import continuous
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.normal_equations import UNIQUENESS, MarkerEquations, Pull
from biomech.inverse_kinematics.smoothing import Smoothness, smooth
from biomech.inverse_kinematics.tracked import enough_seen, filled, tracked_weights
from biomech.inverse_kinematics.tracking_problem import KEPT, TrackingProblem
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.skeleton.skeleton import Skeleton

POSED_AT_ONCE = 2000  # frames


@dataclass(frozen=True)
class CoordinateTask:
    """A value that a coordinate should have (rad or m) and the weight of its error, the same in all frames or not.

    As in OpenSim: against the mean square of the markers' distances (m²), whatever the markers' weights sum to.
    """

    value: float | Float[np.ndarray, " frames"]
    weight: float | Float[np.ndarray, " frames"]


def inverse_kinematics(
    skeleton: Skeleton,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    weights: Float[np.ndarray, "frames markers"] | None = None,
    smoothness: Smoothness | None = None,
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
        smoothness: then the frames, evenly spaced, are solved as one trajectory (``smoothing``), which goes through
            those with too few markers as well.
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
    each = np.array(list(tracked.values()))[None]
    if weights is not None:
        each = each * weights[:, [markers.names.index(name) for name in tracked]]
    pruned = _carrying(skeleton, skeleton.axes.dtype, skeleton.axes.device, *tracked)

    def weights_in(frames: Int[np.ndarray, " some"]) -> Float[np.ndarray, "#some markers"]:
        return each if len(each) == 1 else each[frames]

    def tasks_in(frames: Int[np.ndarray, " some"]) -> dict[str, CoordinateTask]:
        return {
            name: CoordinateTask(*(np.broadcast_to(of, usable.shape)[frames] for of in (task.value, task.weight)))
            for name, task in (coordinate_tasks or {}).items()
        }

    solved = np.flatnonzero(usable)
    positions = chosen.positions_m
    values = solve_markers(
        pruned, positions[solved], weights_in(solved), coordinate_tasks=tasks_in(solved), progress=progress
    )
    values = continuous(skeleton.description, values)
    values = filled(markers.time_s, usable, values, skeleton.rotational & ~skeleton.clamped)
    if smoothness is not None:
        between = np.arange(solved[0], solved[-1] + 1)
        smoothed = smooth_markers(
            pruned,
            positions[between],
            weights_in(between),
            values[between],
            markers.rate_hz,
            smoothness,
            coordinate_tasks=tasks_in(between),
        )
        values = smoothed[np.arange(len(values)).clip(solved[0], solved[-1]) - solved[0]]  # the ends held
    kinematics = Kinematics(list(skeleton.coordinate_names), values, markers.time_s, skeleton.rotational)
    return kinematics, posed_errors(pruned, chosen, values, usable)


def posed_errors(
    skeleton: Skeleton,
    markers: Markers,
    values: Float[np.ndarray, "frames coordinates"],
    solved: Bool[np.ndarray, "frames"],
) -> MarkerErrors:
    """How far the posed skeleton's markers are from the measured ones in the frames that were solved.

    Args:
        skeleton: carries exactly ``markers`` (``Skeleton.carrying``).
        markers: as measured (m), NaN where missing.
        values: every coordinate of the skeleton (rad and m).
        solved: the frames that count.

    Returns:
        Distances (m), NaN where a marker is missing or the frame was not solved.
    """
    distances = np.full(markers.positions_m.shape[:2], np.nan)
    # Some frames at once: a posed skeleton takes ten times the memory of its markers.
    for start in range(0, len(values), POSED_AT_ONCE):
        part = start + np.flatnonzero(solved[start : start + POSED_AT_ONCE])
        with torch.no_grad():
            posed = skeleton(torch.from_numpy(values[part]).to(skeleton.axes)).markers.double().numpy()
        distances[part] = np.linalg.norm(posed - markers.positions_m[part], axis=-1)
    return MarkerErrors(list(markers.names), distances, markers.time_s, solved)


@torch.inference_mode()
def solve_markers(
    skeleton: Skeleton,
    targets: Float[np.ndarray, "frames markers 3"],
    weights: Float[np.ndarray, "*#frames markers"],
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
        weights: of the squared distances; of each frame, or of all alike.
        start: near the answer, and the answer of coordinates that no marker tells; without it the frames are taken for
            consecutive ones of a motion and started from scratch, and such coordinates are at their defaults.
        scales: factors of the skeleton's bodies, the ground first.
        coordinate_tasks: values for all or every frame.
        progress: called with frames done and frames in all.

    Returns:
        Columns as ``skeleton.coordinate_names``; coupled ones follow what couples them.

    Raises:
        BioposeError: a task for a coordinate that is not free.
    """
    like = skeleton.axes
    equations = _equations(skeleton) if scales is None else MarkerEquations(skeleton, torch.as_tensor(scales).to(like))
    target = torch.as_tensor(targets).to(like).movedim(0, -1).contiguous()
    weight = torch.as_tensor(np.atleast_2d(weights)).to(like).T.contiguous()
    frames, done = target.shape[-1], 0

    def on_frames(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, frames)

    pull = _pull(equations, target, weight, coordinate_tasks or {})
    trial = TrackingProblem(equations, target, weight, pull, _bounds(equations), on_frames)
    if start is None:
        trial.solve()
    else:
        trial.improve(torch.arange(frames), torch.as_tensor(start).to(like).T[equations.unknowns], near=True)
        on_frames(frames)
    if start is None:
        whole = equations.complete(trial.unknowns)
    else:
        whole = torch.as_tensor(start).to(like).T.clone()
        whole[torch.from_numpy(equations.unknowns)] = trial.unknowns
    return np.asarray(equations.bare.couplers(whole).T.contiguous().double())


@torch.inference_mode()
def smooth_markers(
    skeleton: Skeleton,
    targets: Float[np.ndarray, "frames markers 3"],
    weights: Float[np.ndarray, "#frames markers"],
    start: Float[np.ndarray, "frames coordinates"],
    rate_hz: float,
    smoothness: Smoothness,
    *,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
) -> Float[np.ndarray, "frames coordinates"]:
    """The most probable trajectory, from each frame's own answer (``start``, continuous); else as ``solve_markers``.

    Args:
        skeleton, targets, weights: as of ``solve_markers``, weights with a row; a frame may lack all markers.
        start: every coordinate (rad and m), without whole turns between frames; also the answer of those that no marker
            tells.
        rate_hz: of the frames, which are evenly spaced.
        smoothness: standard deviations of the markers' noise and of the motion.
        coordinate_tasks: as of ``solve_markers``.

    Returns:
        Every coordinate (rad and m), columns as ``skeleton.coordinate_names``.

    Raises:
        BioposeError: a task for a coordinate that is not free.
    """
    like = skeleton.axes
    equations = _equations(skeleton)
    target = torch.as_tensor(targets).to(like).movedim(0, -1).contiguous()
    weight = torch.as_tensor(weights).to(like).T.contiguous()
    pull = _pull(equations, target, weight, coordinate_tasks or {})
    near = torch.as_tensor(start).to(like).T[equations.unknowns]
    unknowns = smooth(equations, target, weight, pull, _bounds(equations), near, rate_hz, smoothness)
    values = torch.as_tensor(start).to(like).T.clone()  # what no marker tells stays
    values[torch.from_numpy(equations.unknowns)] = unknowns
    return np.asarray(equations.bare.couplers(values).T.contiguous().double())


@lru_cache(KEPT)
def _carrying(skeleton: Skeleton, dtype: torch.dtype, device: torch.device, *markers: str) -> Skeleton:
    """``Skeleton.carrying``, made once for all trials with the same markers, as long as the skeleton is not moved."""
    return skeleton.carrying(list(markers))


@lru_cache(KEPT)
@torch.inference_mode()
def _equations(carrying: Skeleton) -> MarkerEquations:
    return MarkerEquations(carrying)


def _pull(
    equations: MarkerEquations,
    targets: Float[Tensor, "markers 3 frames"],
    weights: Float[Tensor, "markers #frames"],
    tasks: Mapping[str, CoordinateTask],
) -> Pull:
    skeleton, like = equations.skeleton, equations.skeleton.axes
    unknowns = equations.unknowns.tolist()
    weight = like.new_full((len(unknowns), 1), UNIQUENESS * float(weights.sum(0).max()))
    target = torch.as_tensor(skeleton.defaults[equations.unknowns]).to(like)[:, None]
    if tasks:
        target, weight = (values.repeat(1, targets.shape[-1]) for values in (target, weight))
        seen = (weights * torch.isfinite(targets).all(1)).sum(0)
    for name, task in tasks.items():
        index = skeleton.coordinate_names.index(name) if name in skeleton.coordinate_names else -1
        if index not in skeleton.free.tolist():
            raise BioposeError(
                f"a coordinate task for {name}, which is not a free coordinate of the model",
                where=skeleton.name,
                mend=f"Free ones: {', '.join(skeleton.coordinate_names[k] for k in skeleton.free)}.",
            )
        if index in unknowns:
            weight[unknowns.index(index)] = torch.as_tensor(task.weight).to(like) * seen
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
