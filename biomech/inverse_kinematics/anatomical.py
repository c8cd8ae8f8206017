"""Which of a ball-like joint's two triples to give: by the pose alone, the same on both sides and in every repetition.

Every orientation has two triples (``branches``). Which one a motion goes on with hangs on how it came: an arm that is
raised sideways is at (-16, -150, -85) degrees overhead if it passed behind the pose in which its first and third turn
have one axis, and at (164, -30, 95) if it passed before it, a few degrees aside. So every frame away from that pose
gets the triple whose middle angle is on the default's side of it (for a shoulder: ``arm_add`` within 90 degrees, the
interval that Euler angles are given in everywhere). An arm overhead is one in flexion then: raised before the body it
gets there without a jump, and raised sideways it changes where nothing tells the triples apart.
"""

import numpy as np
from jaxtyping import Bool, Float

from biomech.inverse_kinematics.believable import nearly_one_axis
from biomech.inverse_kinematics.branches import FAR, SAME, TURN, BallJoint, ball_joints, changes, nearest_triple
from biomech.skeleton.description import Coordinate, Description


def anatomical(
    description: Description,
    values: Float[np.ndarray, "frames coordinates"],
    solved: Bool[np.ndarray, " frames"] | None = None,
) -> tuple[Float[np.ndarray, "frames coordinates"], Bool[np.ndarray, "frames coordinates"], list[str]]:
    """The same poses, each with the triple that its joint's rule names, whatever came before.

    Frames near the singular pose, and those of a gap, go on from the plain frames before and after, and change once
    where these differ, where the pose is most singular: an arm held straight out at its side does not flicker.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m, frames in order of time, continuous as far as can be.
        solved: those that are no interpolation, all if not given; in a gap the motion may have passed anything.

    Returns:
        Every coordinate; only angles of ball-like joints with bounded ranges may differ, and those only together. These
        angles in the two frames of every change of triple; and a sentence of each joint that has one.
    """
    chosen, jumps = values.copy(), np.zeros(values.shape, dtype=bool)
    notes: list[str] = []
    if len(values) == 0:
        return chosen, jumps, notes
    singular = {joint.coordinates[0]: near for joint, near in nearly_one_axis(description, values)}
    for joint in ball_joints(description):
        parts = [description.coordinates[k] for k in joint.coordinates]
        if any(part.range[1] - part.range[0] > TURN - FAR for part in parts):  # who turns round is free to
            continue
        given = values[:, joint.coordinates]
        away = _side(joint, given)
        home = np.sign(_side(joint, np.array([[part.default for part in parts]]))[0])
        open_to = singular.get(joint.coordinates[0], np.zeros(len(given), dtype=bool)).copy()
        if solved is not None:
            open_to |= ~solved
        if open_to.all():
            open_to[np.abs(away).argmax()] = False
        ruled = _ruled(joint, given, away * home < 0, parts)
        course = _led_on(joint, given, ruled, open_to, np.abs(away))
        clamped = np.array([part.clamped for part in parts])
        low, high = np.array([part.range for part in parts]).T
        if home == 0 or ((course < low - SAME) | (course > high + SAME))[:, clamped].any():
            continue  # such a joint keeps what the solver found inside its ranges
        chosen[:, joint.coordinates] = course
        changed = changes(joint, course)
        beside = np.r_[changed, False] | np.r_[False, changed]
        if beside.any():
            jumps[np.ix_(beside, joint.coordinates)] = True
            names = ", ".join(part.name for part in parts)
            notes.append(
                f"{names}: read anew in mid motion, where the limb passed the pose in which they cannot be told apart; "
                f"not trusted in these {beside.sum()} of {len(given)} frames"
            )
    return chosen, jumps, notes


def _side(joint: BallJoint, values: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, " frames"]:
    """Which of the two triples this is by its sign, and how far the pose is from telling them not apart (sine)."""
    u, v, w = joint.axes
    psi = np.arctan2(v @ np.cross(w, u), w @ u)
    return np.asarray(np.sin(joint.slopes[1] * values[:, 1] + joint.constants[1] - psi))


def _ruled(
    joint: BallJoint,
    given: Float[np.ndarray, "frames 3"],
    other: Bool[np.ndarray, " frames"],
    parts: list[Coordinate],
) -> Float[np.ndarray, "frames 3"]:
    """The rule's triple of each frame: the twin where ``other``, and within half a turn of the ranges' middles."""
    ruled = np.where(other[:, None], joint.twin(given), given)
    middle = np.array([sum(part.range) / 2 for part in parts])
    middle[1] = parts[1].default
    outside = np.abs(ruled - middle) > joint.turns / 2 + SAME
    turned = ruled - joint.turns * np.round((ruled - middle) / joint.turns)
    return np.where(outside, turned, ruled)


def _led_on(
    joint: BallJoint,
    given: Float[np.ndarray, "frames 3"],
    ruled: Float[np.ndarray, "frames 3"],
    open_to: Bool[np.ndarray, " frames"],
    away: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 3"]:
    """As ruled in plain frames; in a run of open ones on from the plain one before, and back from the one after."""
    led = ruled.copy()
    edges = np.flatnonzero(np.diff(np.r_[False, open_to, False].astype(int)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        turn = first + int(away[first:end].argmin())
        turn = 0 if first == 0 else end if end == len(given) else turn
        for k in range(first, turn):
            led[k] = nearest_triple(joint, given[[k]], led[[k - 1]])[0]
        for k in range(end - 1, turn - 1, -1):
            led[k] = nearest_triple(joint, given[[k]], led[[k + 1]])[0]
    return led
