"""The mirror image of the truth."""

from biomech.mesh.mqhmr.bodies import KEYPOINTS
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.mirror import LANDMARKS, mirrored_rotations
from biomech.train.mqhmr.losses import Truth

SAME_SIDE = list(range(len(LANDMARKS), len(KEYPOINTS)))  # pelvis, neck, head


def mirrored_truth(truth: Truth, crop: Crop, body: str, bone_names: list[str]) -> Truth:
    """The truth of the mirrored picture.

    Args:
        truth: of the picture as it is; not changed.
        crop: of that picture; its principal points are the mirror.
        body: its name, which says what its rest axes are.
        bone_names: in the order of the rotations.

    Returns:
        Sides changed over; what was not known is not known.
    """
    order = [*LANDMARKS, *SAME_SIDE]
    root, pixels, points = truth.root_position_m.clone(), truth.keypoints_px[:, order], truth.keypoints_m[:, order]
    root[:, 0] *= -1
    pixels[..., 0] = 2 * crop.principal_px[:, :1] - pixels[..., 0]
    points[..., 0] *= -1
    return Truth(
        mirrored_rotations(truth.rotations, body, bone_names),
        truth.betas,
        root,
        pixels,
        truth.confidence_2d[:, order],
        points,
        truth.confidence_3d[:, order],
    )
