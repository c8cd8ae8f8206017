"""The joint centres of a moving model, as markers."""

import opensim

from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.skeleton.model import body_positions


def joint_centres(model: opensim.Model, kinematics: Kinematics) -> Markers:
    """The centre of every joint over time, named by the joint: the origin of its frame in the child body.

    Args:
        model: with its system initialised.
        kinematics: coordinates of it, rad and m; NaN where a frame has no pose.

    Returns:
        Places in the ground (m; Y up), NaN in frames without a pose.

    Raises:
        BioposeError: as :func:`body_transforms`.
    """
    joints = list(model.getJointSet())
    points = []
    for joint in joints:
        child = joint.getChildFrame()
        points.append((child.findBaseFrame().getName(), child.findTransformInBaseFrame().p().to_numpy()))
    return Markers([joint.getName() for joint in joints], body_positions(model, kinematics, points), kinematics.time_s)
