"""The paper's loss: 1.0 joints + 2.0 markers + 0.1 scales + 0.06 angles.

The weights are published, the units and norms are not; ours: mean distance of joint centres and of the model's markers
(m), mean absolute difference of scale factors (1) and of angles (degrees, the shorter way round; with radians angles
counted for next to nothing, and came out 0.4° worse after as many steps). What is compared are the same skeleton's
points posed by the answer and by the label, so that a perfect answer has no loss.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from biomech.angles import wrapped
from biomech.neurik.network import CoordinatePrediction, NeurIK

DOUBT_WEIGHT = 0.01  # its gradient reaches nothing but its own layers; small, so that clipping is the answer's matter


@dataclass(frozen=True)
class LossWeights:
    """What each part counts; 0 leaves it out. Joints and markers both 0: training goes without the skeleton layer."""

    joints: float = 1.0
    markers: float = 2.0
    scales: float = 0.1
    angles: float = 0.06


def known_pose(
    answer: Float[Tensor, "clips time coordinates"],
    labels: Float[Tensor, "clips time coordinates"],
    mask: Bool[Tensor, "clips time coordinates"],
    rotational: Bool[Tensor, " coordinates"],
) -> Float[Tensor, "clips time coordinates"]:
    """The label where there is one, else the answer; angles in the answer's turn, since a knee's slides hang on it.

    Args:
        answer, labels: rad and m; no NaN.
        mask: where there is a label.
        rotational: which coordinates are angles.

    Returns:
        Rad and m; angles differ from the answer's by half a turn at most.
    """
    difference = labels - answer
    return answer + torch.where(rotational, wrapped(difference), difference) * mask


def losses(
    network: NeurIK,
    answer: CoordinatePrediction,
    coordinates: Float[Tensor, "clips time coordinates"],
    scales: Float[Tensor, "clips bodies 3"],
    mask: Bool[Tensor, "clips time coordinates"],
    weights: LossWeights,
) -> dict[str, Tensor]:
    """Each part, unweighted, and their weighted sum ``loss``.

    Args:
        network: its skeleton poses the points.
        answer: of the network, in single precision.
        coordinates, scales: the labels; rad and m, and factors.
        mask: which labels count. For the points, the answer's own value stands where there is no label.
        weights: of the parts.

    Returns:
        ``angles`` (degrees), ``scales``, ``joints`` and ``markers`` (m), ``doubt`` (of the expected errors, nats) and
        ``loss``; with neither joints nor markers weighed, those two are the error of the body's place (m).
    """
    rotational = torch.as_tensor(network.anatomy.rotational, device=mask.device)
    difference = answer.coordinates - coordinates
    angles = wrapped(difference).abs()[..., rotational]
    parts = {
        "angles": _mean(angles.rad2deg(), mask[..., rotational]),
        "scales": (answer.scales[:, :, 1:] - scales[:, None, 1:]).abs().mean(),
    }
    if weights.joints or weights.markers:
        found = network.pose(answer)
        with torch.no_grad():
            known = known_pose(answer.coordinates, coordinates, mask, rotational)
            wanted = network.skeleton(known, scales[:, None].expand_as(answer.scales))
        solved = mask.any(-1)[..., None]
        parts["joints"] = _mean(_distance(found.joints, wanted.joints), solved)
        parts["markers"] = _mean(_distance(found.markers, wanted.markers), solved)
    else:  # where the body is has no other teacher then
        place = difference[..., ~rotational].square().sum(-1).add(1e-8).sqrt()
        parts["joints"] = parts["markers"] = _mean(place, mask[..., ~rotational].all(-1))
    # The likelihood of a Laplace distribution, whose scale is the mean absolute error.
    error = torch.where(rotational, wrapped(difference), difference).abs().detach()
    parts["doubt"] = _mean(answer.expected_error.log() + error / answer.expected_error, mask)
    by_name = vars(weights) if weights.joints or weights.markers else {**vars(weights), "joints": 1.0}
    by_name = {**by_name, "doubt": DOUBT_WEIGHT}
    return {**parts, "loss": sum((by_name[name] * part for name, part in parts.items()), torch.zeros(()))}


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().sum(-1).add(1e-8).sqrt()


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    mask = mask.expand_as(values).to(values)
    return (values * mask).sum() / mask.sum().clamp_min(1)
