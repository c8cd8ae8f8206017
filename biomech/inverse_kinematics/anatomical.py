"""Which of a ball-like joint's two triples to give where a motion has gone through the pose that tells them not apart.

Every orientation has two triples (``branches``). An arm that is raised sideways and let down before the body, or one
that passes the pose in which its first and third turn have one axis, is continuous all the time and may hang at
(180, -166, 175) degrees in the end, which is (0, -14, -5). So each stretch between two passages gets the triple that
people would read off the pose: inside the joint's ranges, and little turned. Where both are as good as each other, as
of an arm overhead, the motion goes on as it came. Within a stretch nothing jumps.
"""

import itertools

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.inverse_kinematics.believable import nearly_one_axis
from biomech.inverse_kinematics.branches import FAR, SAME, TURN, BallJoint, ball_joints
from biomech.skeleton.description import Coordinate, Description

BEYOND = 3.0  # times as bad as being turned is being beyond the range
JUMP_S = 0.05  # for so long must triples be a turn better (rad) for a jump of this size (rad)


def anatomical(
    description: Description,
    values: Float[np.ndarray, "frames coordinates"],
    time_s: Float[np.ndarray, " frames"],
    solved: Bool[np.ndarray, " frames"] | None = None,
) -> tuple[Float[np.ndarray, "frames coordinates"], Bool[np.ndarray, "frames coordinates"], list[str]]:
    """The same poses, between two passages of a joint's singular pose with the triple that is anatomically nearest.

    Of all ways through the stretches the cheapest by dynamic programming: how far the angles are from the model's
    defaults, and three times how far beyond the ranges, over time; and what the angles jump by.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m, frames in order of time, continuous as far as can be.
        time_s: of the frames.
        solved: those that are no interpolation, all if not given; in a gap the motion may have passed anything.

    Returns:
        Every coordinate; only angles of ball-like joints with bounded ranges may differ, and those only together. These
        angles in two frames with a jump between them, where neither frame is near the singular pose; and a sentence of
        each joint that has such frames.
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
        near = singular.get(joint.coordinates[0], np.zeros(len(given), dtype=bool))
        open_to = near if solved is None else near | ~solved
        options = _options(joint, given)
        bad = np.stack([_badness(one, parts) for one in options])
        # A course that is inside its ranges and least turned all along has nothing to gain.
        if np.isfinite(bad[0]).all() and (bad[0] <= bad.min(0) + SAME).all():
            continue
        of_frame = _cheapest(options, bad, _stretches(open_to, given, joint), time_s)
        chosen[:, joint.coordinates] = np.stack(options)[of_frame, np.arange(len(given))]
        jump = (np.diff(of_frame) != 0) & ~open_to[:-1] & ~open_to[1:]
        beside = np.r_[jump, False] | np.r_[False, jump]
        if beside.any():
            jumps[np.ix_(beside, joint.coordinates)] = True
            names = ", ".join(part.name for part in parts)
            notes.append(
                f"{names}: read anew in mid motion, where the limb passed the pose in which they cannot be told apart; "
                f"not trusted in these {beside.sum()} of {len(given)} frames"
            )
    return chosen, jumps, notes


def _options(joint: BallJoint, given: Float[np.ndarray, "frames 3"]) -> list[Float[np.ndarray, "frames 3"]]:
    """The course as it is, its twin, and whole turns of both; all the same orientations."""
    found = []
    for course in (given, joint.twin(given)):
        home = np.round(np.median(course, axis=0) / joint.turns) if course is not given else np.zeros(3)
        for turns in itertools.product((0, -1, 1), repeat=3):
            found.append(course - (home + turns) * joint.turns)
    return found


def _badness(course: Float[np.ndarray, "frames 3"], parts: list[Coordinate]) -> Float[np.ndarray, " frames"]:
    """Of each frame (rad): turned from the defaults, and beyond the ranges; infinite beyond a clamped one."""
    low, high = np.array([part.range for part in parts]).T
    clamped = np.array([part.clamped for part in parts])
    beyond = np.maximum(np.maximum(low - course, course - high), 0.0)
    turned = np.linalg.norm(course - [part.default for part in parts], axis=1)
    bad = turned + BEYOND * beyond.sum(1)
    bad[(beyond[:, clamped] > SAME).any(1)] = np.inf
    return np.asarray(bad)


def _stretches(
    open_to: Bool[np.ndarray, " frames"], given: Float[np.ndarray, "frames 3"], joint: BallJoint
) -> Int[np.ndarray, " stretches"]:
    """First frames of stretches: each frame that is open to a change, and what lies between passages."""
    u, v, w = joint.axes
    psi = np.arctan2(v @ np.cross(w, u), w @ u)
    side = np.sign(np.sin(joint.slopes[1] * given[:, 1] + joint.constants[1] - psi))  # changes with each passage
    starts = open_to | np.r_[True, open_to[:-1]] | np.r_[True, side[1:] != side[:-1]]
    return np.flatnonzero(starts)


def _cheapest(
    options: list[Float[np.ndarray, "frames 3"]],
    bad: Float[np.ndarray, "options frames"],
    starts: Int[np.ndarray, " stretches"],
    time_s: Float[np.ndarray, " frames"],
) -> Int[np.ndarray, " frames"]:
    """Of each frame the option, one in each stretch."""
    lasts = np.gradient(time_s) if len(time_s) > 1 else np.ones(1)
    own = np.add.reduceat(bad * lasts, starts, axis=1)  # options, stretches
    every = np.stack(options)
    cost, came = own[:, 0], []
    for k, start in enumerate(starts[1:], 1):
        step = np.linalg.norm(every[None, :, start] - every[:, None, start - 1], axis=-1)  # from, to
        total = cost[:, None] + JUMP_S * step
        came.append(total.argmin(0))
        cost = total.min(0) + own[:, k]
    if not np.isfinite(cost).any():
        return np.zeros(len(time_s), dtype=int)
    at = [int(cost.argmin())]
    for back in reversed(came):
        at.append(int(back[at[-1]]))
    return np.repeat(at[::-1], np.diff(np.r_[starts, len(time_s)]))
