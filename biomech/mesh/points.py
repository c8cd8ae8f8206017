"""The points that the detector would name, on a body whose motion is known."""

import numpy as np
import torch

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.markers.markers import Markers
from biomech.mesh.chain import Chain, Shaped
from biomech.mesh.correspondence import Correspondence


def detected_points(body: AnnyBody, motion: BodyMotion) -> Markers:
    """The calibrated body points of a motion under the detector's names: what its keypoints mean.

    Args:
        body: that the motion is of, an Anny.
        motion: its shape, rotations and root count.

    Returns:
        Every frame, m, in the motion's world axes.
    """
    shape = torch.as_tensor(motion.shape, dtype=torch.float32)
    with torch.no_grad():
        shaped = Shaped(body.rest(shape).joints.double().numpy(), float(body.stature(shape)))
    points = Correspondence.load(body.bone_names).points
    placed = Chain(body.parents, body.bone_names).positions(
        points, shaped, np.asarray(motion.rotations), np.asarray(motion.root_position_m)
    )
    return Markers(list(points.names), placed, motion.time_s)
