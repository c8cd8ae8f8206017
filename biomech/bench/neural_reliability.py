"""Deliberately bad markers: does the judgement of `reliability` see them, and leave good ones alone?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import rankdata
from torch import Tensor

from biomech.errors import BioposeError
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.markers.markers import Markers
from biomech.neurik.anatomy import MIRROR, Anatomy
from biomech.neurik.network import RATE_HZ
from biomech.neurik.predict import TrainedNeurIK, neural_kinematics, recovered_confidence
from biomech.neurik.reliability import REASONS, ReliabilityLimits, judge
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.calibrate import Coverage, answers, coverage, held_out
from biomech.train.neurik.data import Batch, WindowSource
from biomech.train.neurik.pose_errors import PoseErrors
from biomech.train.neurik.reading import Reader

LEGS = ("femur", "tibia", "calcn", "toes")
NOISE_M = 0.10
LATER = 24  # frames: where the limb of another frame comes from
BENT_BACK_RAD = np.deg2rad(45.0)
BAD_M = 0.10  # a frame is bad when a marker was moved as far


class FlaggedShares(TypedDict):
    """How many of some frames are flagged, %; None of none."""

    flagged_percent: float | None
    by_reason: dict[str, float | None]


class BadCopies(FlaggedShares):
    """Of one kind of bad copies."""

    frames: int
    auc: float | None  # area under the curve of the score


class Separation(TypedDict):
    """Good frames from bad copies of them."""

    frames: int
    false_alarms: FlaggedShares
    bad: dict[str, BadCopies]  # by what was done


class FitFlags(TypedDict):
    """What is flagged of recovered clips, by their quality and by how far off their markers are."""

    frames: int
    flagged_percent: dict[str, float | None]
    auc: float | None
    marker_error_mm: dict[str, float | None]


class _Reliability(TypedDict):
    coverage_percent: dict[str, Coverage]
    flags: dict[str, Separation]


class ReliabilityFigures(_Reliability, total=False):
    """By kind of markers; ``fits`` where there were recovered clips."""

    fits: FitFlags


def bench_reliability(network: TrainedNeurIK, source: WindowSource, pairs: Path | None) -> ReliabilityFigures:
    """Coverage of the uncertainty, and what the flags find, on test subjects.

    Args:
        network: trained and, for the flags, calibrated.
        source: shards or a library, with subjects of the split ``test``.
        pairs: folder of true and recovered markers; held_*.npz give errors of recovery that no training has seen.

    Returns:
        Coverage (%) and flags (%) on clean markers and, with pairs, on recovered ones; ``fits`` only with pairs.

    Raises:
        BioposeError: no test subject with trials long enough, or the recipe has no limits yet.
    """
    files = sorted(Path(pairs).glob("held_*.npz")) if pairs is not None else []
    batches = {"clean": held_out(source, network, "test")}
    if files:
        reader = Reader()
        poses = PoseErrors.learn(files, RATE_HZ, reader, reader.rotational)
        batches["recovered"] = held_out(source, network, "test", poses)
    figures: ReliabilityFigures = {
        "coverage_percent": {name: coverage(network, some) for name, some in batches.items()},
        "flags": {name: separation(network, some) for name, some in batches.items()},
    }
    if files:
        figures["fits"] = fits(network, files)
    return figures


def corruptions(network: TrainedNeurIK, batch: Batch, seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Names and markers of bad copies of a batch; windows need not be bad in all frames (see ``moved``).

    Args:
        network: says which marker is whose, and where joints are.
        batch: stays as it is.
        seed: of the noise.

    Yields:
        What was done, and markers (clips, time, markers, 3) in m.
    """
    anatomy, skeleton, markers = network.anatomy, network.skeleton, batch.markers
    legs = [name for name in anatomy.node_names if name.startswith(LEGS)]
    order = np.where(_markers_of(anatomy, legs), anatomy.mirror_markers, np.arange(len(anatomy.marker_names)))
    yield "legs swapped", markers[..., torch.as_tensor(order), :]
    for words, limb in (("leg", "femur_r"), ("arm", "humerus_l")):
        there = torch.as_tensor(_markers_of(anatomy, _limb(anatomy, limb)))
        half = torch.arange(markers.shape[1]) >= markers.shape[1] // 2
        other = markers.roll(LATER, 1)
        yield f"{words} of another frame", torch.where(half[:, None, None] & there[:, None], other, markers)
    for words, coordinate, limb in (("knee", "knee_angle_r", "tibia_r"), ("elbow", "elbow_flex_l", "ulna_l")):
        yield f"{words} bent backwards", _backwards(skeleton, anatomy, batch, coordinate, limb)
    yield "person in a mirror", markers * torch.as_tensor(MIRROR).to(markers)
    generator = torch.Generator().manual_seed(seed)
    yield "noise of 10 cm", markers + torch.randn(markers.shape, generator=generator) * (NOISE_M / 3**0.5)


@torch.no_grad()
def separation(network: TrainedNeurIK, batches: Sequence[Batch]) -> Separation:
    """False alarms on batches, and how many frames of bad copies of them are flagged; % and areas under the curve.

    The curve is of the judgement's score, flagged at 1, between a bad copy's moved frames and all of the batches'.

    Args:
        network: calibrated.
        batches: at least one.

    Returns:
        Frames and ``false_alarms`` of the batches, and under ``bad`` the same with ``auc`` of each kind of bad copy.

    Raises:
        BioposeError: the network's recipe has no limits yet.
    """
    limits = ReliabilityLimits.of(network.recipe)
    if limits is None:
        raise BioposeError("these weights have no limits to judge frames by", mend="Run `biopose train calibrate`.")
    shares = {"good": [], **{name: [] for name, _ in corruptions(network, batches[0])}}  # type: ignore[var-annotated]
    for batch in batches:
        shares["good"].append(_shares(network, limits, batch))
        for name, markers in corruptions(network, batch):
            bad = (markers - batch.markers).norm(dim=-1).nan_to_num(0.0).amax(-1) > BAD_M
            found = _shares(network, limits, batch._replace(markers=markers))
            shares[name].append(found[:, bad.flatten().numpy()])
    joined = {name: np.concatenate(parts, 1) for name, parts in shares.items()}
    good = joined.pop("good")
    return {
        "frames": good.shape[1],
        "false_alarms": _flagged(good),
        "bad": {
            name: {"frames": part.shape[1], **_flagged(part), "auc": area(part.max(0), good.max(0))}
            for name, part in joined.items()
            if part.shape[1]
        },
    }


def fits(network: TrainedNeurIK, pairs: Sequence[Path]) -> FitFlags:
    """How the flags on recovered clips go with the recovery's own quality and with the true error of its markers.

    Args:
        pairs: files of true and recovered markers (.npz: truth, recovered (frames, 142, 3) m, rate_hz, quality).

    Returns:
        Frames of quality below and above 0.5, and mean marker error (mm) of flagged and other frames.
    """
    flags, scores, qualities, errors = [], [], [], []
    for path in pairs:
        with np.load(path, allow_pickle=False) as file:
            truth, recovered, names = file["truth"], file["recovered"].astype(float), list(network.anatomy.marker_names)
            quality, time = file["quality"], np.arange(len(truth)) / float(file["rate_hz"])
        markers = Markers(names, recovered, time)
        sure = recovered_confidence(markers)
        answer = neural_kinematics(markers, confidence=sure, network=network)
        verdict = judge(markers, answer, confidence=sure, network=network)
        off = recovered - truth
        flags.append(verdict.flagged)
        scores.append(verdict.score)
        qualities.append(quality)
        errors.append(np.linalg.norm(off - off.mean(1, keepdims=True), axis=-1).mean(1) * 1000)
    flagged, score, quality, error = (np.concatenate(part) for part in (flags, scores, qualities, errors))
    poor = quality < LEAST_QUALITY
    return {
        "frames": len(flagged),
        "flagged_percent": {"quality below 0.5": _share(flagged[poor]), "above": _share(flagged[~poor])},
        "auc": area(score[poor], score[~poor]),
        "marker_error_mm": {"flagged": _mean(error[flagged]), "others": _mean(error[~flagged])},
    }


def area(bad: Float[np.ndarray, " n"], good: Float[np.ndarray, " m"]) -> float | None:
    """Chance that a bad frame scores higher than a good one (the area under the ROC curve).

    Args:
        bad: scores of the bad frames.
        good: scores of the good ones.

    Returns:
        0 to 1, a tie counts half; None where one of the two is empty.
    """
    if not len(bad) or not len(good):
        return None
    above = rankdata(np.concatenate([bad, good]))[: len(bad)].sum() - len(bad) * (len(bad) + 1) / 2
    return round(float(above / (len(bad) * len(good))), 4)


def _shares(network: TrainedNeurIK, limits: ReliabilityLimits, batch: Batch) -> Float[np.ndarray, "signs frames"]:
    return np.concatenate([limits.shares(signs) for _, _, signs in answers(network, [batch])], 1)


def _flagged(shares: Float[np.ndarray, "signs frames"]) -> FlaggedShares:
    over = shares > 1
    return {
        "flagged_percent": _share(over.any(0)),
        "by_reason": {name: _share(row) for name, row in zip(REASONS, over, strict=False)},
    }


def _backwards(skeleton: Skeleton, anatomy: Anatomy, batch: Batch, coordinate: str, body: str) -> Tensor:
    """A limb turned about its joint until it is bent the wrong way."""
    column, number = skeleton.coordinate_names.index(coordinate), skeleton.body_names.index(body)
    scales = batch.scales[:, None].expand(-1, batch.markers.shape[1], -1, -1)
    bent = batch.coordinates.clone()
    bent[..., column] = -BENT_BACK_RAD
    was, now = skeleton(batch.coordinates, scales), skeleton(bent, scales)
    turn = now.rotations[:, :, number] @ was.rotations[:, :, number].mT
    there = torch.as_tensor(_markers_of(anatomy, _limb(anatomy, body)))
    joint = was.joints[:, :, number - 1, None]
    moved = (turn[:, :, None] @ (batch.markers - joint)[..., None])[..., 0] + joint
    return torch.where(there[:, None], moved, batch.markers)


def _limb(anatomy: Anatomy, name: str) -> list[str]:
    """A body and all that hangs on it."""
    found = {anatomy.node_names.index(name)}
    for node, parent in enumerate(anatomy.parent):
        found |= {node} if node and int(parent) in found else set()
    return [anatomy.node_names[node] for node in found]


def _markers_of(anatomy: Anatomy, bodies: Sequence[str]) -> Bool[np.ndarray, " markers"]:
    return np.isin(anatomy.node_of_marker, [anatomy.node_names.index(name) for name in bodies])


def _share(flags: np.ndarray | np.bool) -> float | None:
    return round(100 * float(np.mean(flags)), 2) if np.size(flags) else None


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 1) if len(values) else None
