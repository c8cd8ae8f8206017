"""The mirror image of what the detector said, and of the truth: every frame teaches twice, and answers average.

The detector is not the same in a mirror (it is skewed between left and right), but nearly.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.pyramid import DetectorOutput

LANDMARKS = MIRRORED[: len(POINT_NAMES)]
ACROSS = {"anny": 2}  # the rest axis that points to a side; SMPL's kin: 0


def mirrored_crop(crop: Crop) -> Crop:
    """The region in the mirrored picture, whose principal point stays where it is."""
    center = crop.center_px.clone()
    center[:, 0] = 2 * crop.principal_px[:, 0] - center[:, 0]
    return crop._replace(center_px=center, angle_rad=-crop.angle_rad)


def mirrored_evidence(evidence: DetectorOutput, crop: Crop) -> DetectorOutput:
    """What the detector would say of the mirrored picture, were it even-handed.

    Args:
        evidence: of each person; left as it is.
        crop: where each looked; the picture is mirrored about its principal point.

    Returns:
        Over ``mirrored_crop`` of the crop: left is right, maps and mask flipped, px and m as before.
    """
    xy, lifted_m = evidence.xy[:, LANDMARKS].clone(), evidence.lifted_m[:, LANDMARKS].clone()
    xy[..., 0] = 2 * crop.principal_px[:, :1] - xy[..., 0]
    lifted_m[..., 0] *= -1
    return DetectorOutput(
        evidence.heat[:, MIRRORED].flip(-1), evidence.mask.flip(-1), xy, evidence.confidence[:, LANDMARKS], lifted_m
    )


def mirrored_rotations(
    rotations: Float[Tensor, "*batch bones 3 3"], body: str, bone_names: list[str]
) -> Float[Tensor, "*batch bones 3 3"]:
    """Of a body's mirror image: each bone's to its parent, the root's camera from rest.

    Args:
        rotations: each bone's to its parent; the root's camera from rest.
        body: its name, which says what rest axis points to a side (``ACROSS``).
        bone_names: the body's, in its order.

    Returns:
        In the order of ``bone_names``, each bone turned as its namesake of the other side was, mirrored.
    """
    other = {"L": "R", "R": "L", "Left": "Right", "Right": "Left", "left": "right", "right": "left"}
    order = [_named_otherwise(name, bone_names, other) for name in bone_names]
    flip = torch.ones(3).to(rotations)
    flip[ACROSS.get(body, 0)] = -1
    result = flip[:, None] * rotations[..., order, :, :] * flip
    in_camera = torch.tensor([-1.0, 1.0, 1.0]).to(rotations)
    result[..., 0, :, :] = in_camera[:, None] * rotations[..., 0, :, :] * flip
    return result


def _named_otherwise(name: str, names: list[str], other: dict[str, str]) -> int:
    """Where the same bone of the other side is; a bone of neither side is its own."""
    for side in sorted(other, key=len, reverse=True):
        if name.startswith(side) and (there := other[side] + name[len(side) :]) in names:
            return names.index(there)
    return names.index(name)
