"""The network on markers without error: those of bodies replaying motions that no training saw.

What the labels of `biopose label` say is the truth, on the split ``test``: subjects, motions and bodies that are new to
every stage of training. The network gets whole trials at their own rate, as a user's would be. Errors are taken over
all free rotational coordinates, wherever the label is one to learn from (no flag); what that leaves out is stated, and
the error with it. MPBLPE: mean distance of the bony landmarks of the predicted skeleton (coordinates and scales) from
those of the labelled one, at the landmarks' places on the generic bones, in the world; the same with the pelvis origins
laid on each other, and against the markers that went in.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.angles import wrapped
from biomech.errors import BioposeError
from biomech.inverse_kinematics.branches import nearest
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.quality import virtual_landmarks
from biomech.labels.shards import Shards
from biomech.markers.markers import Markers
from biomech.neurik.network import NeurIK
from biomech.neurik.predict import NeuralAnswer, neural_kinematics
from biomech.skeleton.skeleton import Skeleton

WORST = 5  # trials that are named
T = TypeVar("T")


@dataclass(frozen=True)
class LabelledTrial:
    """A stretch of a held-out trial."""

    name: str
    subject: str
    model: str  # key of the body's scaled model
    mass_kg: float
    markers: Markers
    truth: Kinematics
    mask: Bool[np.ndarray, "frames coordinates"]  # where the label is one to learn from
    scales: Float[np.ndarray, "bodies 3"]  # the ground first
    marker_offsets: Float[np.ndarray, "markers 3"]


@dataclass(frozen=True)
class Outcome:
    """Errors of one trial's answer."""

    trial: LabelledTrial
    errors: Float[np.ndarray, "frames coordinates"]  # rad and m, signs kept
    same_pose: Float[np.ndarray, "frames coordinates"]  # a ball-like joint's twin triple counted as the same
    landmarks_m: Float[np.ndarray, "frames landmarks"]
    rooted_m: Float[np.ndarray, "frames landmarks"]
    against_input_m: Float[np.ndarray, "frames landmarks"]
    scales: Float[np.ndarray, "bodies 3"]  # errors; without the ground
    inside: Bool[np.ndarray, "frames coordinates"]  # error within the stated uncertainty


def held_out_trials(labels: Path, count: int, frames: int, seed: int) -> list[LabelledTrial]:
    """Trials of the split ``test``, drawn in turn from every subject and each of its motions, cut to a stretch.

    Args:
        labels: what `biopose label` wrote.
        count: how many, at most.
        frames: of each, at most.
        seed: draws trials and where the stretches begin.

    Returns:
        Markers (m), true coordinates (rad and m) and scale factors; time from 0.

    Raises:
        BioposeError: there are no labels, or none for tests.
    """
    shards = Shards.open(labels)
    rng = np.random.default_rng(seed)
    subjects: dict[str, dict[str, list[int]]] = {}
    for number, trial in enumerate(shards.trials):
        if trial["split"] == "test" and trial["markers_from"] == "body":
            motion = trial["name"].rsplit("__b", 1)[0]
            subjects.setdefault(trial["subject"], {}).setdefault(motion, []).append(number)
    if not subjects:
        raise BioposeError("no labels of held-out subjects", where=str(labels), mend="Label CMU's subjects 09 and 13.")
    by_subject = [
        list(_in_turn([rng.permutation(bodies).tolist() for bodies in _shuffled(motions, rng)]))
        for motions in subjects.values()
    ]
    return [_trial(shards, number, frames, rng) for number in itertools.islice(_in_turn(by_subject), count)]


def _shuffled(groups: dict[str, list[int]], rng: np.random.Generator) -> list[list[int]]:
    return [groups[name] for name in rng.permutation(sorted(groups)).tolist()]


def _in_turn(groups: Sequence[Sequence[T]]) -> Iterable[T]:
    nothing = object()
    for row in itertools.zip_longest(*groups, fillvalue=nothing):
        yield from (item for item in row if item is not nothing)  # type: ignore[misc]


def _trial(shards: Shards, number: int, frames: int, rng: np.random.Generator) -> LabelledTrial:
    shard = shards[number]
    about = shard.about
    first = int(rng.integers(max(len(shard.flags) - frames, 0) + 1))
    rows = slice(first, first + frames)
    time_s = np.arange(len(shard.flags[rows])) / about["rate_hz"]
    return LabelledTrial(
        about["name"],
        about["subject"],
        about["model"],
        about["mass_kg"],
        Markers(list(shards.marker_names), shard.markers[rows].astype(np.float64), time_s),
        Kinematics(shards.coordinate_names, shard.coordinates[rows].astype(np.float64), time_s, shards.rotational),
        shard.flags[rows] == 0,
        shard.scales.astype(np.float64),
        shard.marker_offsets.astype(np.float64),
    )


def outcome(trial: LabelledTrial, answer: NeuralAnswer, skeleton: Skeleton) -> Outcome:
    """Compare an answer with the labels.

    Args:
        trial: the labels.
        answer: to the trial's markers, all of its frames.
        skeleton: the generic one, in double precision; its coordinates and bodies are the labels'.

    Returns:
        Errors by frame: of coordinates (rad and m), of landmarks (m), of scale factors (no unit).
    """
    columns = [answer.kinematics.names.index(name) for name in skeleton.coordinate_names]
    values, truth = answer.kinematics.values[:, columns], trial.truth.values
    scales = np.stack([np.ones(3), *(answer.scales[body] for body in skeleton.body_names[1:])])
    landmarks = [name for name in skeleton.marker_names if name in virtual_landmarks()]
    rows = [skeleton.marker_names.index(name) for name in landmarks]
    with torch.no_grad():
        ours = skeleton(torch.from_numpy(values), torch.from_numpy(scales))
        theirs = skeleton(torch.from_numpy(truth), torch.from_numpy(trial.scales))
    off = (ours.markers - theirs.markers).numpy()[:, rows]
    rooted = off - (ours.positions - theirs.positions).numpy()[:, 1:2]
    seen = trial.markers.select(landmarks).positions_m
    twin = nearest(skeleton.description, values, truth)
    errors = _errors(values, trial.truth)
    return Outcome(
        trial,
        errors,
        _errors(twin, trial.truth),
        np.linalg.norm(off, axis=-1),
        np.linalg.norm(rooted, axis=-1),
        np.linalg.norm(ours.markers.numpy()[:, rows] - seen, axis=-1),
        (scales - trial.scales)[1:],
        np.abs(errors) <= answer.uncertainty[:, columns],
    )


def _errors(values: np.ndarray, truth: Kinematics) -> np.ndarray:
    difference = values - truth.values
    return np.where(truth.rotational, wrapped(difference), difference)


def oracle_figures(trials: Sequence[LabelledTrial], network: NeurIK, skeleton: Skeleton) -> dict[str, object]:
    """Solve the trials whole, and frame by frame without what comes later, and sum up.

    Args:
        trials: at least one.
        network: the one that is judged.
        skeleton: the generic one, in double precision.

    Returns:
        As ``summed_up``, and the error without what comes later (degrees).
    """
    whole = [outcome(t, neural_kinematics(t.markers, network=network), skeleton) for t in trials]
    live = [outcome(t, neural_kinematics(t.markers, network=network, causal=True), skeleton) for t in trials]
    return summed_up(whole, skeleton) | {"oracle_mae_causal_deg": mae_deg(live, skeleton)}


def summed_up(outcomes: Sequence[Outcome], skeleton: Skeleton) -> dict[str, object]:
    """The oracle's figures over the frames of all trials together.

    Args:
        outcomes: at least one.
        skeleton: the generic one; says which coordinates are free rotations.

    Returns:
        Errors in degrees, mm and shares, as the names say; by coordinate, by axis, and of the worst trials.
    """
    angles = counted(skeleton)
    mask = np.concatenate([o.trial.mask for o in outcomes])[:, angles]
    errors = np.rad2deg(np.abs(np.concatenate([o.errors for o in outcomes])[:, angles]))
    same_pose = np.rad2deg(np.abs(np.concatenate([o.same_pose for o in outcomes])[:, angles]))
    inside = np.concatenate([o.inside for o in outcomes])[:, angles]
    truth = np.rad2deg(np.abs(wrapped(np.concatenate([o.trial.truth.values for o in outcomes])[:, angles])))

    def mm(field: str) -> float:
        return round(1000 * float(np.nanmean(np.concatenate([getattr(o, field) for o in outcomes]))), 3)

    scales = np.abs(np.concatenate([o.scales for o in outcomes]))
    by_trial = sorted(((mae_deg([o], skeleton), o.trial.name) for o in outcomes), reverse=True)
    return {
        "oracle_mae_deg": mae_deg(outcomes, skeleton),
        "oracle_mae_unmasked_deg": round(float(errors.mean()), 4),
        "oracle_mae_same_pose_deg": round(float(same_pose[mask].mean()), 4),
        "oracle_masked_share": round(float(1 - mask.mean()), 5),
        "oracle_zero_motion_mae_deg": round(float(truth[mask].mean()), 3),
        "oracle_mpblpe_mm": mm("landmarks_m"),
        "oracle_mpblpe_root_aligned_mm": mm("rooted_m"),
        "oracle_mpblpe_against_input_mm": mm("against_input_m"),
        "oracle_scale_mae": round(float(scales.mean()), 5),
        "oracle_within_uncertainty": round(float(inside[mask].mean()), 4),  # 0.683 if what it says is true
        "oracle_trials": len(outcomes),
        "oracle_bodies": len({o.trial.model for o in outcomes}),
        "oracle_frames": len(mask),
        "oracle_by_coordinate": {
            skeleton.coordinate_names[column]: _row(errors[:, k], truth[:, k], mask[:, k])
            for k, column in enumerate(angles)
        },
        "oracle_scale_mae_by_axis": dict(zip("XYZ", scales.mean(0).round(5).tolist(), strict=True)),
        "oracle_worst_trials_deg": {name: value for value, name in by_trial[:WORST]},
    }


def counted(skeleton: Skeleton) -> list[int]:
    """The free rotational coordinates."""
    return [int(k) for k in skeleton.free if skeleton.rotational[k]]


def mae_deg(outcomes: Sequence[Outcome], skeleton: Skeleton) -> float:
    """Mean absolute error of the labels that count.

    Args:
        outcomes: of one trial or more.
        skeleton: the generic one; says which coordinates are free rotations.

    Returns:
        Degrees; NaN where no label counts.
    """
    angles = counted(skeleton)
    errors = np.concatenate([np.abs(o.errors[:, angles])[o.trial.mask[:, angles]] for o in outcomes])
    return round(float(np.rad2deg(errors).mean()), 4) if len(errors) else float("nan")


def _row(errors: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> dict[str, float | None]:
    if not mask.any():
        return {"mae_deg": None, "p95_deg": None, "zero_motion_mae_deg": None, "masked_share": 1.0}
    return {
        "mae_deg": round(float(errors[mask].mean()), 3),
        "p95_deg": round(float(np.percentile(errors[mask], 95)), 3),
        "zero_motion_mae_deg": round(float(truth[mask].mean()), 2),
        "masked_share": round(float(1 - mask.mean()), 4),
    }
