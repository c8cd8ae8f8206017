"""The paper's loss, L_SMPL + L_3D + L_2D, after every decoder layer.

The paper gives the terms, not their norms and weights. As its kin HMR2.0 has them: squared differences of rotation
matrices (0.001) and of β (0.0005), absolute differences of 3D keypoints about the pelvis in metres (0.05) and of 2D
keypoints in sides of the crop (0.01), each summed over a person. Ours beside them: the surface, where θ and β are known
(the sum is scaled to as many points as there are keypoints), and where the body stands, in logarithms of depth.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from biomech.mesh.mqhmr.bodies import KEYPOINTS, Bodies
from biomech.mesh.mqhmr.camera import NEAREST_M, Crop, project
from biomech.mesh.mqhmr.network import MQHMR, BodyPrediction

PELVIS = KEYPOINTS.index("pelvis")


@dataclass(frozen=True)
class MeshLossWeights:
    """What each part counts; 0 leaves it out."""

    pose: float = 0.001
    betas: float = 0.0005
    keypoints_3d: float = 0.05
    keypoints_2d: float = 0.01
    surface: float = 0.05
    root: float = 0.05
    earlier: float = 0.5  # of a layer before the last, which counts 1


class Truth(NamedTuple):
    """What is known of each person; what is not is NaN, and keypoints that are not known have the confidence 0."""

    rotations: Float[Tensor, "batch bones 3 3"]  # of ``BodyLayer.bone_names``; the root's: camera from rest
    betas: Float[Tensor, "batch shape"]
    root_position_m: Float[Tensor, "batch 3"]  # of the root's joint, camera axes
    keypoints_px: Float[Tensor, "batch keypoints 2"]  # of ``KEYPOINTS``
    confidence_2d: Float[Tensor, "batch keypoints"]
    keypoints_m: Float[Tensor, "batch keypoints 3"]  # camera axes, about any origin
    confidence_3d: Float[Tensor, "batch keypoints"]


@torch.no_grad()
def completed(network: MQHMR, truth: Truth, crop: Crop) -> Truth:
    """Keypoints that θ, β and the root's place imply, where the data do not say any themselves.

    Args:
        network: its body is used, none of its weights.
        truth: is not changed.
        crop: of the same people; has the camera.

    Returns:
        The truth with keypoints (px and m, confidence 1) of everyone whose θ, β and place are known and who had none.
    """
    body, rows = network.body, network.body.keypoint_rows
    posed = _known(truth.rotations) & _known(truth.betas) & _known(truth.root_position_m)
    rotations, betas, root = (torch.nan_to_num(part) for part in truth[:3])
    found = body(betas, rotations, root).keypoints
    pixels = project(found, crop)  # the picture is the true camera's, whichever the network is built for
    parts = list(truth[3:])
    for at, points in ((0, pixels), (2, found)):
        new = posed & (parts[at + 1] == 0).all(1)
        values, confidence = parts[at].clone(), parts[at + 1].clone()
        values[:, rows] = torch.where(new[:, None, None], points, values[:, rows])
        confidence[:, rows] = torch.where(new[:, None], 1.0, confidence[:, rows])
        parts[at : at + 2] = values, confidence
    return Truth(*truth[:3], *parts)


def losses(
    network: MQHMR, answer: BodyPrediction, crop: Crop, truth: Truth, weights: MeshLossWeights
) -> dict[str, Float[Tensor, ""]]:
    """Each part, unweighted, and their weighted sum ``loss``; means over the people who have a truth for it.

    Args:
        network: its body and camera are used.
        answer: of every layer; β and place are the same for all.
        crop: of the same people.
        truth: NaN where it is not known; as ``completed`` leaves it.
        weights: of the parts, and of earlier layers beside the last.

    Returns:
        By name of ``MeshLossWeights`` and ``loss``; a part that nobody has a truth for is 0. Keypoints in 3D and the
        surface in m, in 2D in sides of the crop, summed over the points of a person.
    """
    body, layers = network.body, len(answer.rotations)
    share = answer.betas.new_full((layers, 1), weights.earlier)
    share[-1] = 1
    share = share / share.sum()
    posed, shaped, placed = (_known(part) for part in (truth.rotations, truth.betas, truth.root_position_m))
    truth = Truth(*(torch.nan_to_num(part) for part in truth))  # masked by what is known, gradients too

    bodies = Bodies(
        *(
            part.unflatten(0, (layers, -1))
            for part in body(
                answer.betas.repeat(layers, 1), answer.rotations.flatten(0, 1), answer.root_position_m.repeat(layers, 1)
            )
        )
    )
    pose = (answer.rotations - truth.rotations)[:, :, body.turning].square().sum((2, 3, 4))
    betas = (answer.betas - truth.betas).square().sum(-1)

    rows = body.keypoint_rows
    pelvis = body.keypoint_names.index("pelvis")
    found = bodies.keypoints - bodies.keypoints[:, :, pelvis : pelvis + 1]
    wanted = (truth.keypoints_m - truth.keypoints_m[:, PELVIS : PELVIS + 1])[:, rows]
    from_pelvis = truth.confidence_3d[:, rows] * (truth.confidence_3d[:, PELVIS : PELVIS + 1] > 0)
    in_space = ((found - wanted).abs().sum(-1) * from_pelvis).sum(-1)

    in_crop = torch.stack([crop.into(network.project(points, crop)) for points in bodies.keypoints])
    wanted = crop.into(truth.keypoints_px)[:, rows]
    in_picture = ((in_crop - wanted).abs().sum(-1) * truth.confidence_2d[:, rows]).sum(-1)

    with torch.no_grad():
        true_surface = body(truth.betas, truth.rotations, torch.zeros_like(truth.root_position_m)).surface
    about_root = bodies.surface - bodies.joints[:, :, :1]
    surface = (about_root - true_surface).abs().sum(-1).mean(-1) * len(KEYPOINTS)

    true_root = network.seen_by(truth.root_position_m, crop)
    ours, theirs = (place[:, 2:].clamp_min(NEAREST_M) for place in (answer.root_position_m, true_root))
    aside = (answer.root_position_m / ours - true_root / theirs)[:, :2]
    root = torch.cat([aside, (ours / theirs).log()], 1).abs().sum(-1)

    parts = {
        "pose": _mean((share * pose).sum(0), posed),
        "betas": _mean(betas, shaped),
        "keypoints_3d": _mean((share * in_space).sum(0), (from_pelvis > 0).any(1)),
        "keypoints_2d": _mean((share * in_picture).sum(0), (truth.confidence_2d > 0).any(1)),
        "surface": _mean((share * surface).sum(0), posed & shaped),
        "root": _mean(root, placed),
    }
    whole = sum((getattr(weights, name) * part for name, part in parts.items()), torch.zeros(()).to(root))
    return {**parts, "loss": whole}


def _known(values: Tensor) -> Bool[Tensor, " batch"]:
    return values.flatten(1).isfinite().all(1)


def _mean(values: Float[Tensor, " batch"], known: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    return (values * known).sum() / known.sum().clamp_min(1)
