"""Which frames of a neural answer can be believed, and why not the others.

Each sign of trouble is measured for every body or coordinate and divided by what is usual there; the largest of these
ratios is held against a limit. What is usual and where the limits lie comes from people whom the network has not
learned from, with the errors of mesh recovery in their markers, and stands in the recipe beside the weights.

Left out after measurement (issue 5): the Mahalanobis distance from the training's poses, angular accelerations and
the network's own expected error. On deliberately bad markers each of them flagged fewer frames than those kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from biomech.angles import wrapped
from biomech.markers.markers import Markers
from biomech.neurik.network import NeurIK
from biomech.neurik.predict import NeuralAnswer, TrainedNeurIK, in_order, load_network
from biomech.skeleton.products import apply

FRAMES_AT_ONCE = 2048
# What may be a person's own shape, which factors of size cannot follow; more is an error in every frame (m).
LARGEST_OFFSET_M = 0.03
USUAL, LIMIT = 0.99, 0.99  # quantiles over held-out frames: of each column, and of a frame's largest ratio
# Below these nothing is unusual: rad, rad/s or m/s, m.
FLOORS = {"markers": 0.005, "body": 0.005, "range": np.deg2rad(3.0), "speed": np.pi / 2, "first": np.deg2rad(3.0)}


class Signs(NamedTuple):
    """Signs of trouble in the frames of clips."""

    markers: Float[Tensor, "clips time 1"]  # RMS distance from the posed model's (m)
    body: Float[Tensor, "clips time nodes"]  # the same of each seen body's own (m)
    range: Float[Tensor, "clips time coordinates"]  # how far the closed-form first answer leaves the range (rad)
    speed: Float[Tensor, "clips time coordinates"]  # rad/s, m/s; at the root's first angle, of its whole turn
    first: Float[Tensor, "clips time coordinates"]  # between the closed-form answer and the network's (rad)


FILLED = "filled"
REASONS = (*Signs._fields, FILLED)  # a reason's bit is 1 << its place here
WORDS = {
    "markers": "markers that the skeleton cannot explain",
    "body": "a body's markers off the skeleton",
    "range": "angles beyond a joint's range",
    "speed": "faster than people move",
    "first": "network and closed-form answer disagree",
    FILLED: "too few markers, filled in",
}


@dataclass(frozen=True)
class Reliability:
    """What is to be believed."""

    flagged: Bool[np.ndarray, " frames"]
    reasons: UInt8[np.ndarray, " frames"]  # bits of ``REASONS``; 0 where nothing is wrong
    score: Float[np.ndarray, " frames"]  # largest share of a limit; above 1 is flagged
    where: list[str]  # body or coordinate that is worst, for flagged frames; else empty
    notes: list[str]  # for the record and the user

    def because(self, reason: str) -> Bool[np.ndarray, " frames"]:
        """The frames with this reason."""
        return (self.reasons & (1 << REASONS.index(reason))) > 0


class LimitsRecipe(TypedDict):
    """The limits as the network's recipe holds them, under ``trust``."""

    usual: dict[str, list[float]]
    limit: dict[str, float]


@dataclass(frozen=True)
class ReliabilityLimits:
    """What is usual, for each column of each sign, and how many times that is too much."""

    usual: Mapping[str, Float[np.ndarray, " columns"]]
    limit: Mapping[str, float]

    @classmethod
    def learn(cls, signs: list[Signs]) -> "ReliabilityLimits":
        """From frames that are as they should be."""
        usual, limit = {}, {}
        for name in Signs._fields:
            values = np.concatenate([getattr(s, name).flatten(0, 1).numpy() for s in signs])
            usual[name] = np.quantile(values, USUAL, axis=0).clip(FLOORS[name])
            limit[name] = max(1.0, float(np.quantile((values / usual[name]).max(1), LIMIT)))
        return cls(usual, limit)

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> "ReliabilityLimits | None":
        """What a recipe holds; nothing before its calibration."""
        said = recipe.get("trust")
        return said and cls({name: np.array(value) for name, value in said["usual"].items()}, said["limit"])

    def as_recipe(self) -> LimitsRecipe:
        """For the recipe, in four digits."""
        usual = {name: [float(f"{v:.4g}") for v in values] for name, values in self.usual.items()}
        return {"usual": usual, "limit": {name: float(f"{v:.4g}") for name, v in self.limit.items()}}

    def shares(self, signs: Signs) -> Float[np.ndarray, "signs frames"]:
        """How much of its limit each sign reaches."""
        return np.stack([self._ratios(signs, name).max(1) / self.limit[name] for name in Signs._fields])

    def worst(self, signs: Signs, name: str) -> Int[np.ndarray, " frames"]:
        """The column that is furthest beyond what is usual, in each frame.

        Args:
            signs: of any clips; their frames are counted one after the other.
            name: a field of ``Signs``.

        Returns:
            Its place among the columns of that sign, for each frame.
        """
        return self._ratios(signs, name).argmax(1)

    def _ratios(self, signs: Signs, name: str) -> Float[np.ndarray, "frames columns"]:
        return getattr(signs, name).flatten(0, 1).numpy() / self.usual[name]


@torch.no_grad()
def judge(
    markers: Markers,
    answer: NeuralAnswer,
    *,
    confidence: Float[np.ndarray, "frames markers"] | None = None,
    network: TrainedNeurIK | None = None,
) -> Reliability:
    """Say which frames of an answer are not to be believed.

    Args:
        markers: what was solved (m, Y up).
        answer: what ``neural_kinematics`` gave for them.
        confidence: that the answer was given on; None: 1.
        network: the one that gave it, where it is not the package's.

    Returns:
        A verdict for every frame of the answer; where the network's recipe has no limits yet, only frames that were
        filled in are flagged, and a note says so.
    """
    network = network or load_network()
    positions, sure = in_order(markers, confidence, network.anatomy.marker_names)
    frames = len(positions)
    scales = np.stack([answer.scales.get(name, np.ones(3)) for name in network.anatomy.body_names])
    limits = ReliabilityLimits.of(network.recipe)
    reasons = np.where(answer.solved, 0, 1 << REASONS.index(FILLED)).astype(np.uint8)
    score = np.where(answer.solved, 0.0, np.inf)
    if limits is None:
        lacking = "these weights have no limits to judge frames by; `biopose train calibrate` measures them"
        return Reliability(~answer.solved, reasons, score, _where(reasons, None, None, network), [lacking])
    signs = signs_of(
        network,
        torch.from_numpy(positions)[None],
        torch.from_numpy(sure)[None],
        torch.from_numpy(answer.kinematics.values).float()[None],
        torch.from_numpy(scales).float()[None],
        torch.from_numpy(answer.kinematics.time_s - answer.kinematics.time_s[0]).float(),
    )
    shares = limits.shares(signs) * answer.solved
    for bit, over in enumerate(shares > 1):
        reasons |= (over << bit).astype(np.uint8)
    score = np.maximum(score, shares.max(0))
    where = _where(reasons, limits, signs, network)
    return Reliability(reasons > 0, reasons, score, where, _notes(reasons, where, frames))


def signs_of(
    network: NeurIK,
    markers: Float[Tensor, "clips time markers 3"],
    confidence: Float[Tensor, "clips time markers"],
    coordinates: Float[Tensor, "clips time coordinates"],
    scales: Float[Tensor, "clips bodies 3"],
    time_s: Float[Tensor, " time"],
) -> Signs:
    """Measure all signs of trouble; markers are NaN where missing.

    Args:
        network: its skeleton and its closed-form first answer are what the answer is held against.
        markers: m, in the network's order; NaN where missing.
        confidence: 0 … 1.
        coordinates: the answer (rad, m).
        scales: its factors, one set for each clip, the ground first.
        time_s: of the frames, the same in all clips; increasing.

    Returns:
        Each sign in its own unit (see ``Signs``), nothing divided yet by what is usual.
    """
    clips, time = markers.shape[:2]
    weight = confidence * markers.isfinite().all(-1)
    scales = scales[:, None].expand(-1, time, -1, -1)
    parts = [
        part.flatten(0, 1).split(FRAMES_AT_ONCE) for part in (markers.nan_to_num(0.0), weight, coordinates, scales)
    ]
    found = [_compared(network, *chunk) for chunk in zip(*parts, strict=True)]
    local, first, turn = (torch.cat(part, -1) for part in zip(*found, strict=True))

    local, weight = local.unflatten(-1, (clips, time)), weight.movedim(-1, 0)  # frames last
    # The median, so that bad frames do not make the good ones look bad.
    offset = local.masked_fill(weight[:, None] == 0, torch.nan).nanmedian(-1, keepdim=True).values.nan_to_num(0.0)
    offset = offset * (LARGEST_OFFSET_M / offset.norm(dim=1, keepdim=True).clamp_min(1e-9)).clamp_max(1.0)
    square = (local - offset).square().sum(1) * weight
    own = torch.as_tensor(network.anatomy.node_of_marker)
    of_nodes = [_rms(square[own == node], weight[own == node]) for node in range(len(network.anatomy.node_names))]

    first = first.T.unflatten(0, (clips, time))
    low, high = torch.as_tensor(network.anatomy.ranges, dtype=torch.float32).T
    angles = torch.as_tensor(network.anatomy.rotational).clone()
    angles[torch.as_tensor(network.anatomy.chain_coordinates[0])] = False  # the root has no range, and its own turn
    beyond = (low - first).clamp_min(0) + (first - high).clamp_min(0)
    return Signs(
        _rms(square, weight)[..., None],
        torch.stack(of_nodes, -1),
        beyond * angles,
        _speeds(network, coordinates, turn.unflatten(-1, (clips, time)), time_s),
        wrapped(coordinates - first).abs() * angles,
    )


def _compared(
    network: NeurIK, markers: Tensor, weight: Tensor, coordinates: Tensor, scales: Tensor
) -> tuple[Float[Tensor, "markers 3 f"], Float[Tensor, "coordinates f"], Float[Tensor, "3 3 f"]]:
    """Markers less the model's in their bodies, the closed-form answer, and how the root is turned."""
    frames_last = markers.movedim(0, -1).contiguous()
    first = network.analytic(frames_last, weight.T.contiguous(), torch.ones(1, 1))
    trace = network.skeleton.trace(coordinates.T.contiguous(), scales.movedim(0, -1).contiguous())
    turns = trace.rotations[network.skeleton.marker_body].transpose(1, 2)
    root = network.skeleton.body_names.index(network.anatomy.node_names[0])
    return apply(turns, frames_last - trace.markers), first.coordinates, trace.rotations[root]


def _speeds(
    network: NeurIK, coordinates: Tensor, turn: Float[Tensor, "3 3 clips time"], time_s: Tensor
) -> Float[Tensor, "clips time coordinates"]:
    """The faster of the ways from the frame before and to the next."""
    if len(time_s) < 2:
        return torch.zeros_like(coordinates)
    change = wrapped(coordinates.diff(dim=1))
    root = network.anatomy.chain_coordinates[0]
    change[..., root] = 0
    trace = (turn[..., 1:] * turn[..., :-1]).sum((0, 1))
    change[..., int(root[0])] = ((trace - 1) / 2).clamp(-1, 1).acos()
    speed = change.abs() / time_s.diff()[:, None]
    none = torch.zeros_like(speed[:, :1])
    return torch.maximum(torch.cat([none, speed], 1), torch.cat([speed, none], 1))


def _rms(square: Float[Tensor, "markers clips time"], weight: Tensor) -> Float[Tensor, "clips time"]:
    return (square.sum(0) / weight.sum(0).clamp_min(1e-9)).sqrt()


def _where(reasons: np.ndarray, limits: ReliabilityLimits | None, signs: Signs | None, network: NeurIK) -> list[str]:
    """What is worst: the body whose markers are off, else the coordinate."""
    names = {"body": network.anatomy.node_names}
    where = [""] * len(reasons)
    if limits is None or signs is None:
        return where
    for name in ("speed", "first", "range", "body"):
        columns = names.get(name, network.anatomy.coordinate_names)
        worst = limits.worst(signs, name)
        for frame in np.flatnonzero(reasons & (1 << REASONS.index(name))):
            where[frame] = columns[worst[frame]]
    return where


def _notes(reasons: np.ndarray, where: list[str], frames: int) -> list[str]:
    flagged = int((reasons > 0).sum())
    if not flagged:
        return []
    counts = {name: int(((reasons & (1 << bit)) > 0).sum()) for bit, name in enumerate(REASONS)}
    because = ", ".join(f"{WORDS[name]} ({n})" for name, n in sorted(counts.items(), key=lambda c: -c[1]) if n)
    places = sorted({w for w in where if w}, key=lambda w: -where.count(w))[:3]
    at = f"; most at {', '.join(places)}" if places else ""
    return [f"the network doubts {flagged} of {frames} frames ({flagged / frames:.0%}): {because}{at}"]
