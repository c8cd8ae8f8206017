"""Which angles of a solved motion are not to be believed though markers determine them.

- Two of a ball-like joint's three turns that have nearly one axis (an arm straight out at its side): only their sum is
  known. Which of them has how much of it hangs on a degree of noise, and both race while the arm hardly moves.
- A head that turns faster than people can turn it. In walking and running heads turn at up to 90°/s, shaken at will at
  780 (medians of 20 people's fastest; Grossman et al., Exp. Brain Res. 70:470, 1988). Of all joints it was the head
  alone that was found faster: its points tremble most for their distance. Arms, legs and trunk of 1,600 runs, drawn and
  filmed, ran to 1,700, 900 and 500°/s, and people throw and kick faster than that.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from biomech.inverse_kinematics.branches import BallJoint, ball_joints
from biomech.skeleton.description import Description

NEARLY_ONE_AXIS = np.deg2rad(15.0)  # an error of the pose is four times as large in either angle
FASTEST_RAD_S = {"neck_extension": np.deg2rad(1000.0)}  # by the first coordinate of the joint

Marked = Bool[np.ndarray, "frames coordinates"]


def not_told_apart(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> tuple[Marked, list[str]]:
    """Where two turns of a ball-like joint have nearly one axis.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.

    Returns:
        The two coordinates in these frames, and a sentence for each joint that has such frames.
    """
    marked, notes = np.zeros(values.shape, dtype=bool), []
    for joint, near in nearly_one_axis(description, values):
        first, second, third = (description.coordinates[k].name for k in joint.coordinates)
        marked[np.ix_(near, joint.coordinates[[0, 2]])] = True
        degrees = np.rad2deg(values[near, joint.coordinates[1]])
        notes.append(
            f"{first} and {third} turn about nearly one axis in {near.sum()} of {len(near)} frames ({second} near "
            f"{degrees.mean():.0f}°): only both together are known, and they are not trusted there"
        )
    return marked, notes


def nearly_one_axis(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> list[tuple[BallJoint, Bool[np.ndarray, " frames"]]]:
    """Joints whose first and third turn have nearly one axis in some frame, and in which.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.

    Returns:
        No joint without such frames.
    """
    found = [
        (joint, _apart(joint, values[:, joint.coordinates]) < np.sin(NEARLY_ONE_AXIS))
        for joint in ball_joints(description)
    ]
    return [(joint, near) for joint, near in found if near.any()]


def turns_by(joint: BallJoint, values: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3 3"]:
    """How a joint's orientation turns with each of its coordinates.

    Args:
        joint: ball-like.
        values: its coordinates, rad.

    Returns:
        Rotation vectors (rad per rad) as columns, in the frame that the first turn leaves.
    """
    u, v, w = joint.axes
    second = (joint.slopes[1] * values[:, 1] + joint.constants[1])[:, None] * v
    third = Rotation.from_rotvec(second).apply(w)
    axes = np.stack([np.broadcast_to(u, third.shape), np.broadcast_to(v, third.shape), third], axis=-1)
    return np.asarray(axes * joint.slopes)


def too_fast(
    description: Description, values: Float[np.ndarray, "frames coordinates"], time_s: Float[np.ndarray, " frames"]
) -> tuple[Marked, list[str]]:
    """Where a joint turns faster than people can (``FASTEST_RAD_S``).

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.
        time_s: of the frames.

    Returns:
        The joint's coordinates in the frames before and after such a turn, and a sentence for each joint.
    """
    marked, notes = np.zeros(values.shape, dtype=bool), []
    for joint in ball_joints(description) if len(time_s) > 1 else []:
        first = description.coordinates[joint.coordinates[0]].name
        if (limit := FASTEST_RAD_S.get(first)) is None:
            continue
        known = np.isfinite(values[:, joint.coordinates]).all(1)
        turned = Rotation.from_matrix(joint.rotation(np.where(known[:, None], values[:, joint.coordinates], 0.0)))
        angle, steps_s = np.asarray((turned[:-1].inv() * turned[1:]).magnitude()), np.diff(time_s)
        speed = np.zeros(len(steps_s))
        np.divide(angle, steps_s, out=speed, where=known[:-1] & known[1:] & (steps_s > 0))
        if not (speed > limit).any():
            continue
        frames = np.append(speed > limit, False) | np.append(False, speed > limit)
        marked[np.ix_(frames, joint.coordinates)] = True
        names = ", ".join(description.coordinates[k].name for k in joint.coordinates)
        notes.append(
            f"{names}: up to {np.rad2deg(speed.max()):.0f}°/s, faster than people turn; not trusted there, "
            f"{frames.sum()} of {len(frames)} frames"
        )
    return marked, notes


def _apart(joint: BallJoint, values: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, " frames"]:
    """Sine of the angle between the first axis and the third, as the second turn leaves it."""
    first, _, third = np.moveaxis(turns_by(joint, values) / joint.slopes, -1, 0)
    return np.asarray(np.linalg.norm(np.cross(first, third), axis=1))
