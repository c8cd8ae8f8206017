"""The body as the fit sees it: bones that turn, points fixed to bones, and the derivatives of both."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

# The bones of the Anny body that the fit turns; the root first. Fingers, thumbs and the rigid stubs of the hips
# and the toes' ends stay at rest: nothing in 33 keypoints sees them.
TURNING = (
    "Hips LeftUpLeg LeftLeg LeftFoot LeftToeBase RightUpLeg RightLeg RightFoot RightToeBase LowerBack Spine Spine1 "
    "Neck Neck1 Head LeftShoulder LeftArm LeftForeArm LeftHand RightShoulder RightArm RightForeArm RightHand"
).split()


@dataclass(frozen=True)
class BonePoints:
    """Points about a bone's joint: joint + an offset that turns with the bone + one that turns with the bone before it.

    Offsets are in statures and rest axes. Skin over a joint moves with both bones.
    """

    names: list[str]
    bone: Int[np.ndarray, "points"]
    offset: Float[np.ndarray, "points 3"]
    before: Float[np.ndarray, "points 3"] | None = None

    def some(self, places: Int[np.ndarray, " some"]) -> "BonePoints":
        """Those at some places, in that order."""
        names = [self.names[place] for place in places]
        before = None if self.before is None else self.before[places]
        return BonePoints(names, self.bone[places], self.offset[places], before)


@dataclass(frozen=True)
class Shaped:
    """What one subject's shape means to the fit; ``slopes`` says how it changes with the shape."""

    joints: Float[np.ndarray, "bones 3"]  # at rest, m
    stature_m: float


@dataclass(frozen=True)
class Slopes:
    """Derivatives of ``Shaped`` by the numbers of the shape that the fit changes."""

    joints: Float[np.ndarray, "bones 3 free"]
    stature: Float[np.ndarray, " free"]


@dataclass(frozen=True)
class Placed:
    """Points of a posed body, m, with derivatives by the unknowns of the frame and by the shape."""

    points: Float[np.ndarray, "frames points 3"]
    by_pose: Float[np.ndarray, "frames points 3 unknowns"]
    by_shape: Float[np.ndarray, "frames points 3 free"] | None


def joint_positions(
    parents: list[int],
    rest_joints: Float[np.ndarray, "bones 3"],
    turned: Float[np.ndarray, "frames bones 3 3"],
    root: Float[np.ndarray, "frames 3"],
) -> Float[np.ndarray, "frames bones 3"]:
    """Of all bones, m; the root joint is at ``root`` whatever the shape.

    Args:
        parents: each bone's, -1 of the root; before their children.
        rest_joints: m, in the rest axes.
        turned: each bone's orientation in the axes of ``root``, from rest.
        root: where the root's joint is, m.

    Returns:
        m, in the axes of ``root``.
    """
    placed = np.empty((len(turned), len(parents), 3))
    for bone, parent in enumerate(parents):
        if parent < 0:
            placed[:, bone] = root
        else:
            placed[:, bone] = placed[:, parent] + turned[:, parent] @ (rest_joints[bone] - rest_joints[parent])
    return placed


def joint_slopes(
    parents: list[int], slopes: Slopes, turned: Float[np.ndarray, "frames bones 3 3"]
) -> Float[np.ndarray, "frames bones 3 free"]:
    """Derivatives of ``joint_positions`` by the numbers of the shape.

    Args:
        parents: each bone's, -1 of the root; before their children.
        slopes: of the rest joints.
        turned: each bone's orientation from rest.

    Returns:
        m per unit of each free number; 0 for the root's joint, which stays where it is put.
    """
    by_shape = np.zeros((len(turned), len(parents), 3, slopes.joints.shape[-1]))
    for bone, parent in enumerate(parents):
        if parent >= 0:
            by_shape[:, bone] = by_shape[:, parent] + turned[:, parent] @ (slopes.joints[bone] - slopes.joints[parent])
    return by_shape


class Chain:
    """Forward kinematics with an analytic Jacobian.

    The unknowns of a frame are (root position, then for each turning bone a small rotation applied on its right:
    R ← R·exp(δ)), 3 + 3·bones numbers.
    """

    def __init__(self, parents: list[int], bone_names: list[str]):
        self.parents = parents
        self.bone_names = bone_names
        self.turning = np.array([bone_names.index(n) for n in TURNING])
        carried = np.zeros((len(parents), len(parents)), bool)  # [bone, ancestor or self]
        for bone, parent in enumerate(parents):
            if parent >= 0:
                carried[bone] = carried[parent]
            carried[bone, bone] = True
        self.size = 3 + 3 * len(self.turning)
        # [bone, unknown]: 1 where a point on the bone moves with the unknown
        self._moves = np.concatenate([np.ones((len(parents), 3)), np.repeat(carried[:, self.turning], 3, axis=1)], 1)
        self.before = np.maximum(parents, 0)  # of the root, which has none, nothing may turn with it

    def globals(self, rotations: Float[np.ndarray, "frames bones 3 3"]) -> Float[np.ndarray, "frames bones 3 3"]:
        """Orientation of every bone, camera (or world) from rest."""
        turned = np.empty_like(rotations)
        for bone, parent in enumerate(self.parents):
            turned[:, bone] = rotations[:, bone] if parent < 0 else turned[:, parent] @ rotations[:, bone]
        return turned

    def place(
        self,
        points: BonePoints,
        shaped: Shaped,
        rotations: Float[np.ndarray, "frames bones 3 3"],
        root: Float[np.ndarray, "frames 3"],
        slopes: Slopes | None = None,
    ) -> Placed:
        """The points of every frame with their derivatives; by the shape too if its slopes are given.

        Args:
            points: offsets in statures.
            shaped: joints at rest and stature, m.
            rotations: each bone's to its parent; the root's camera (or world) from rest.
            root: of the root's joint, m, in the same axes.
            slopes: how ``shaped`` changes with the shape.

        Returns:
            Points (m) with their derivatives: m per unknown (m, rad; in the order of the class), and, with slopes, m
            per unit of each number of the shape.
        """
        turned, joints, rotated, before = self._turned(points, shaped, rotations, root)
        positions = joints[:, points.bone] + shaped.stature_m * rotated
        frames, count = positions.shape[:2]
        # δ_i moves a point by axis_i × (point − joint_i), for every turning joint that carries it: linear in the point.
        axes = np.moveaxis(turned[:, self.turning], -1, 2).reshape(frames, -1, 3)
        moment = np.cross(np.repeat(joints[:, self.turning], 3, axis=1), axes)  # −axis × joint
        linear = np.zeros((frames, 4, 3, self.size))
        linear[:, 3, :, :3] = np.eye(3)
        linear[:, :3, :, 3:] = np.moveaxis(np.cross(axes[:, :, None], np.eye(3)), 1, 3)
        linear[:, 3, :, 3:] = np.swapaxes(moment, 1, 2)
        in_space = np.concatenate([positions, np.ones((frames, count, 1))], -1)
        by_pose = (in_space @ linear.reshape(frames, 4, -1)).reshape(frames, count, 3, self.size)
        by_pose *= self._moves[points.bone][:, None]
        if points.before is not None:  # which the point's own bone does not turn
            point, turning = np.nonzero(points.bone[:, None] == self.turning)
            own = 3 + 3 * turning[:, None] + np.arange(3)
            still = linear[:, :3][..., own]  # frames, along, moved, points, axes
            by_pose[:, point[:, None], :, own] -= shaped.stature_m * np.einsum(
                "fampx,fpa->pxfm", still, before[:, point]
            )
        if slopes is None:
            return Placed(positions, by_pose, None)
        by_shape = joint_slopes(self.parents, slopes, turned)
        return Placed(positions, by_pose, by_shape[:, points.bone] + rotated[..., None] * slopes.stature)

    def positions(
        self,
        points: BonePoints,
        shaped: Shaped,
        rotations: Float[np.ndarray, "frames bones 3 3"],
        root: Float[np.ndarray, "frames 3"],
    ) -> Float[np.ndarray, "frames points 3"]:
        """The points of every frame, m.

        Args:
            points: offsets in statures.
            shaped: joints at rest and stature, m.
            rotations: each bone's to its parent; the root's camera (or world) from rest.
            root: of the root's joint, m, in the same axes.

        Returns:
            m, in the axes of ``root``.
        """
        _, joints, rotated, _ = self._turned(points, shaped, rotations, root)
        return joints[:, points.bone] + shaped.stature_m * rotated

    def _turned(self, points: BonePoints, shaped: Shaped, rotations: np.ndarray, root: np.ndarray):
        """Orientations and joints of all bones; the points' offsets and their part before, outer axes, statures."""
        turned = self.globals(rotations)
        rotated, before = np.einsum("fpij,pj->fpi", turned[:, points.bone], points.offset), None
        if points.before is not None:
            before = np.einsum("fpij,pj->fpi", turned[:, self.before[points.bone]], points.before)
            rotated = rotated + before
        return turned, joint_positions(self.parents, shaped.joints, turned, root), rotated, before

    def turn(
        self, rotations: Float[np.ndarray, "frames bones 3 3"], step: Float[np.ndarray, "frames turning_x3"]
    ) -> Float[np.ndarray, "frames bones 3 3"]:
        """Apply the rotation part of a step.

        Args:
            rotations: each bone's to its parent; left as they are.
            step: a rotation vector (rad) in its own axes for each bone of ``TURNING``, without the root's place.

        Returns:
            The rotations after the step.
        """
        result = rotations.copy()
        small = Rotation.from_rotvec(step.reshape(-1, 3)).as_matrix().reshape(len(step), -1, 3, 3)
        result[:, self.turning] = rotations[:, self.turning] @ small
        return result


def inverse_right_jacobian(rotvec: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3 3"]:
    """d log(R exp(δ)) / dδ at δ = 0, R = exp(rotvec) (Chirikjian 2012, eq. 10.86)."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotvec, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    safe = np.maximum(angle, 1e-4)
    factor = np.where(angle < 1e-3, 1 / 12, 1 / safe**2 - (1 + np.cos(safe)) / (2 * safe * np.sin(safe)))
    return np.eye(3) + 0.5 * cross + factor * (cross @ cross)
