"""Which of the equivalent angles of a ball-like joint to give: those that go on from the frame before.

Three rotations in turn about axes u₁, u₂, u₃, with u₂ perpendicular to both others, reach every orientation twice:
half a turn about u₁ reverses a turn about u₂, so that

    R₁(α) R₂(β) R₃(γ) = R₁(α + π) R₂(2ψ − β) R₃(γ + π),   ψ: from u₃ to u₁, about u₂

(ψ is a quarter turn where the axes are those of a Gimbal joint). And whole turns of any of the three change nothing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from biomech.skeleton.description import Description
from biomech.skeleton.functions import Affine

TURN = 2 * np.pi
SAME = 1e-9  # of rotation matrices
PERPENDICULAR = 1e-10
FAR, OFTEN = np.deg2rad(30), 0.05  # beyond a range, and in how many frames: the triple is not what people would read


@dataclass(frozen=True)
class BallJoint:
    """Three coordinates, by index, with the angles ``slopes * values + constants`` about ``axes``."""

    coordinates: Int[np.ndarray, "3"]
    axes: Float[np.ndarray, "3 3"]
    slopes: Float[np.ndarray, "3"]
    constants: Float[np.ndarray, "3"]

    def twin(self, values: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """The other triple of the same orientation."""
        u, v, w = self.axes
        psi = np.arctan2(v @ np.cross(w, u), w @ u)
        angles = self.slopes * values + self.constants
        other = np.stack([angles[..., 0] + np.pi, 2 * psi - angles[..., 1], angles[..., 2] + np.pi], axis=-1)
        return np.asarray((other - self.constants) / self.slopes)

    def rotation(self, values: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
        """Parent from child."""
        turns = (self.slopes * values + self.constants)[..., None] * self.axes
        matrices = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(*turns.shape, 3)
        return np.asarray(matrices[..., 0, :, :] @ matrices[..., 1, :, :] @ matrices[..., 2, :, :])

    @property
    def turns(self) -> Float[np.ndarray, "3"]:
        """What a coordinate changes by in a whole turn."""
        return np.asarray(TURN / np.abs(self.slopes))


def ball_joints(description: Description) -> list[BallJoint]:
    """The joints whose rotations are three coordinates that move nothing else, with a twin for every triple."""
    used = [k for joint in description.joints for _, takes in joint.functions for k in takes]
    used += [k for coupler in description.couplers for k in (coupler.dependent, *coupler.independent)]
    found = []
    for joint in description.joints:
        functions, takes = zip(*joint.functions[:3], strict=True)
        if not all(isinstance(f, Affine) and len(f.slopes) == 1 and f.slopes[0] for f in functions):
            continue
        coordinates = [k for (k,) in takes]
        if any(used.count(k) > 1 or description.coordinates[k].locked for k in coordinates):
            continue
        ball = BallJoint(
            np.array(coordinates),
            joint.axes[:3],
            np.array([f.slopes[0] for f in functions]),
            np.array([f.constant for f in functions]),
        )
        perpendicular = np.abs(joint.axes[[0, 2]] @ joint.axes[1]).max() < PERPENDICULAR
        some = np.array([0.4, -0.3, 0.9])
        if perpendicular and np.abs(ball.rotation(some) - ball.rotation(ball.twin(some))).max() < SAME:
            found.append(ball)
    return found


def continuous(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> Float[np.ndarray, "frames coordinates"]:
    """The same poses, with the angles of ball-like joints nearest to those of the frame before.

    Of the continuous courses that there are (the twins of one, and whole turns), the one that keeps the most frames
    inside the ranges; the one that begins as given where they are equal. A joint with clamped coordinates that no
    course keeps inside stays as it is.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m, frames in order of time.

    Returns:
        Every coordinate; only angles of ball-like joints may differ.
    """
    chosen = values.copy()
    for joint in ball_joints(description):
        parts = [description.coordinates[k] for k in joint.coordinates]
        low, high = np.array([c.range for c in parts]).T
        clamped = np.array([c.clamped for c in parts])
        given = values[:, joint.coordinates]
        course = _course(joint, given)
        courses = [_turned_inside(joint, one, low, high) for one in (course, joint.twin(course))]
        inside = [(one >= low - SAME) & (one <= high + SAME) for one in courses]
        allowed = [k for k in (0, 1) if inside[k][:, clamped].all()]
        if allowed:
            best = max(allowed, key=lambda k: (int(inside[k].all(1).sum()), int(inside[k].sum())))
            chosen[:, joint.coordinates] = courses[best]
    return chosen


def within_a_turn(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> Float[np.ndarray, "frames coordinates"]:
    """The same poses, of which no angle is a whole turn away without need; what stays within half a turn is kept.

    An arm that swings through where its angles are not determined may go on at 83° or at 443°, which is the same.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m, frames in order of time.

    Returns:
        Every coordinate; an angle that is clamped, locked or coupled, and in no ball-like joint, is never touched.
    """
    chosen = values.copy()
    for joint in ball_joints(description):
        given = values[:, joint.coordinates]
        if _beyond(given).any():
            other = continuous(description, values)[:, joint.coordinates]
            chosen[:, joint.coordinates] = min(given, other, key=lambda one: int(_beyond(one).sum()))
    coupled = {k for coupler in description.couplers for k in (coupler.dependent, *coupler.independent)}
    for k, coordinate in enumerate(description.coordinates):
        free = coordinate.rotational and not (coordinate.clamped or coordinate.locked or k in coupled)
        if free and _beyond(chosen[:, k]).any():
            chosen[:, k] -= TURN * np.round(np.median(chosen[:, k]) / TURN)
    return chosen


def told_otherwise(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> list[tuple[str, float]]:
    """Angles of ball-like joints that name a pose by a triple far beyond what the joint can do.

    An arm that is raised and comes down another way ends half a turn off in two angles and is continuous all the time:
    the pose is right, and nobody reads a hanging arm off -182, -166 and 175 degrees.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.

    Returns:
        Names of the coordinates, and the share of frames beyond, where that is more than ``OFTEN``.
    """
    found = []
    for joint in ball_joints(description):
        ranges = [description.coordinates[k].range for k in joint.coordinates]
        if any(high - low > TURN - FAR for low, high in ranges):  # who turns round is free to
            continue
        for k, (low, high) in zip(joint.coordinates, ranges, strict=True):
            coordinate = description.coordinates[k]
            share = float(np.mean((values[:, k] < low - FAR) | (values[:, k] > high + FAR)))
            if share > OFTEN:
                found.append((coordinate.name, share))
    return found


def _beyond(values: Float[np.ndarray, "*any"]) -> Bool[np.ndarray, "*any"]:
    return np.asarray(np.abs(values) > TURN / 2)


def nearest(
    description: Description,
    values: Float[np.ndarray, "frames coordinates"],
    like: Float[np.ndarray, "frames coordinates"],
) -> Float[np.ndarray, "frames coordinates"]:
    """The same poses, with the angles of ball-like joints the twin that is nearest to another answer's, by frame.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.
        like: the other answer, in the same order.

    Returns:
        Every coordinate; ranges are not looked at.
    """
    chosen = values.copy()
    for joint in ball_joints(description):
        chosen[:, joint.coordinates] = nearest_triple(joint, values[:, joint.coordinates], like[:, joint.coordinates])
    return chosen


def nearest_triple(
    joint: BallJoint, given: Float[np.ndarray, "frames 3"], like: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, "frames 3"]:
    """Of all triples of a joint's orientations those nearest to others, by frame.

    Args:
        joint: whose.
        given: its coordinates, rad.
        like: what they are to be near to.

    Returns:
        The same orientations.
    """
    both = np.stack([given, joint.twin(given)])
    both -= joint.turns * np.round((both - like) / joint.turns)
    first = np.square(both - like).sum(-1).argmin(0)
    return np.asarray(np.where(first[:, None] == 0, both[0], both[1]))


def as_the_other(
    description: Description,
    names: list[str],
    one: Float[np.ndarray, "frames named"],
    other: Float[np.ndarray, "frames named"],
) -> Float[np.ndarray, "frames named"]:
    """``nearest`` for coordinates of some names, such as the free ones.

    Args:
        description: of the model.
        names: columns of both; all coordinates of a ball-like joint, or none.
        one: the answer that is to be changed, rad and m.
        other: the answer that it is to be like.

    Returns:
        ``one`` with other angles for the same poses, columns as ``names``.
    """
    every = [coordinate.name for coordinate in description.coordinates]
    index = [every.index(name) for name in names]
    whole = np.zeros((2, len(one), len(every)))
    whole[0][:, index], whole[1][:, index] = one, other
    return nearest(description, *whole)[:, index]


def changes(joint: BallJoint, course: Float[np.ndarray, "frames 3"]) -> Bool[np.ndarray, " steps"]:
    """Between which frames a course goes on with another triple, or a turn further, than the nearest.

    Args:
        joint: whose.
        course: its coordinates, rad, frames in order of time.

    Returns:
        One fewer than frames.
    """
    step, across = np.diff(course, axis=0), joint.twin(course[1:]) - course[:-1]
    twin = _length(joint, across) < _length(joint, step) - SAME
    return np.asarray(twin | (np.abs(step) > joint.turns / 2 + SAME).any(1))


def in_one_triple(
    description: Description, values: Float[np.ndarray, "frames coordinates"]
) -> tuple[Float[np.ndarray, "frames coordinates"], Bool[np.ndarray, "frames coordinates"]]:
    """The same poses without a change of triple, as what is filtered must be.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m, frames in order of time.

    Returns:
        Every coordinate, as the first frame has it; and the angles of joints with a change, in the two frames of each.
        Joints without one, and those that are free to turn round, stay as they are.
    """
    chosen, marked = values.copy(), np.zeros(values.shape, dtype=bool)
    for joint in ball_joints(description) if len(values) > 1 else []:
        ranges = [description.coordinates[k].range for k in joint.coordinates]
        changed = changes(joint, values[:, joint.coordinates])
        if changed.any() and not any(high - low > TURN - FAR for low, high in ranges):
            chosen[:, joint.coordinates] = _course(joint, values[:, joint.coordinates])
            marked[np.ix_(np.r_[changed, False] | np.r_[False, changed], joint.coordinates)] = True
    return chosen, marked


def _length(joint: BallJoint, step: Float[np.ndarray, "steps 3"]) -> Float[np.ndarray, " steps"]:
    """Squared, of the shortest of all steps that whole turns make of one."""
    return np.asarray(np.square(step - joint.turns * np.round(step / joint.turns)).sum(1))


def _course(joint: BallJoint, given: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    """From the first frame on, each frame the twin and the turns that are nearest to the frame before.

    Twins of two triples are as far apart as these, so that a step tells whether to change sides, whichever side it is.
    """
    other = joint.twin(given)
    change = _length(joint, other[1:] - given[:-1]) < _length(joint, given[1:] - given[:-1])
    changed = np.r_[False, np.logical_xor.accumulate(change)]
    course = np.where(changed[:, None], other, given)
    steps = np.diff(course, axis=0)
    course[1:] -= np.cumsum(np.round(steps / joint.turns), axis=0) * joint.turns
    return course


def _turned_inside(
    joint: BallJoint,
    course: Float[np.ndarray, "frames 3"],
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "frames 3"]:
    """With the whole turns of each coordinate that keep the most of its frames inside its range."""
    middle = np.round((course.mean(0) - (low + high) / 2) / joint.turns)
    options = [np.zeros(3), *(middle + k for k in (0, -1, 1))]
    counts = []
    for option in options:
        moved = course - option * joint.turns
        counts.append(((moved >= low - SAME) & (moved <= high + SAME)).sum(0))
    return np.asarray(course - np.stack(options)[np.argmax(counts, axis=0), np.arange(3)] * joint.turns)
