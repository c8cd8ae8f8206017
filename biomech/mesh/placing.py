"""Points on the links of the body, where they are in the world, and their derivatives by everything the fit changes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from biomech.body.anny import AnnyBody
from biomech.body.anny.model import Measured
from biomech.body.linkage import (
    JOINTS,
    LINKS,
    PARENTS,
    TURNING,
    Pose,
    axes,
    bone_links,
    bones_in_links,
    hinges_of,
    turned_by,
    world,
)
from biomech.mesh.chain import BonePoints, Placed, Shaped, Slopes, joint_positions, joint_slopes


@dataclass(frozen=True)
class Linked(Shaped):
    """What one subject's shape means to the fit."""

    into_links: Float[np.ndarray, "bones 3 3"]  # rest axes of each bone against its link's; the slopes leave it

    @classmethod
    def of(cls, body: AnnyBody, shape: Float[np.ndarray, " shape"], found: Measured | None = None) -> "Linked":
        """A body of one shape in the skeleton's links.

        Args:
            body: whose shape it is.
            shape: the body's own numbers.
            found: what measuring that one shape gave, where it is known already.

        Returns:
            Joints at rest (m), stature (m) and how the bones lie in the links.
        """
        found = found or body.measure(np.asarray(shape, float)[None])
        return cls(found.joints[0], float(found.stature[0]), bones_in_links(body, shape))


class PosedLinks:
    """One state of the body over some frames: links turned, joints placed, axes of all small turns."""

    def __init__(self, placing: "Placing", shaped: Linked, pose: Pose, root: Float[np.ndarray, "frames 3"]):
        self.shaped = shaped
        hinged = hinges_of(pose)
        links = world(pose, hinged)
        self.axes = axes(pose, links, hinged)
        self.turned = links[:, placing.links] @ shaped.into_links
        self.joints = joint_positions(placing.parents, shaped.joints, self.turned, root)


class Placing:
    """Forward kinematics of points with an analytic Jacobian.

    The unknowns of a frame are the root joint's position and the small turns of the links: 3 + 37 numbers.
    """

    size = 3 + len(TURNING)

    def __init__(self, body: AnnyBody):
        self.bone_names, self.parents = body.bone_names, body.parents
        self.links = bone_links(body.bone_names, body.parents)
        pivots = [body.bone_names.index(joint.bone) for joint in JOINTS]
        self.pivot_bones: Int[np.ndarray, " turns"] = np.array(pivots)[TURNING]
        carried = np.eye(len(LINKS), dtype=bool)  # [link, link or one before it]
        for link, parent in enumerate(PARENTS):
            if parent >= 0:
                carried[link] |= carried[parent]
        self._moves = carried[:, TURNING].astype(float)  # [link, turn]
        self.before = np.maximum(np.array(body.parents), 0)

    def carried(self) -> Float[np.ndarray, "links turns"]:
        """1 where a small turn (in the order of ``linkage.axes``) moves a link, else 0."""
        return self._moves

    def limbs(self, points: BonePoints) -> list[tuple[Int[np.ndarray, " some"], Int[np.ndarray, " turns"]]]:
        """Points in groups, each with the turns that move any of it: those of a leg do not move with the arms.

        Args:
            points: any.

        Returns:
            Of each group the points' places and the turns, for ``place``.
        """
        moved = [frozenset(np.flatnonzero(row).tolist()) for row in self._moves[self.links[points.bone]]]
        if points.before is not None:
            before = self._moves[self.links[self.before[points.bone]]]
            moved = [own | frozenset(np.flatnonzero(row).tolist()) for own, row in zip(moved, before, strict=True)]
        groups: dict[frozenset[int], list[int]] = {}
        for point in sorted(range(len(moved)), key=lambda k: -len(moved[k])):
            holder = next((turns for turns in groups if moved[point] <= turns), moved[point])
            groups.setdefault(holder, []).append(point)
        return [(np.array(sorted(some)), np.array(sorted(turns))) for turns, some in groups.items()]

    def frame(self, shaped: Linked, pose: Pose, root: Float[np.ndarray, "frames 3"]) -> PosedLinks:
        """The body in some frames, for ``points`` and ``place``.

        Args:
            shaped: the subject's (``Subject.shaped``).
            pose: of the links, in the world.
            root: where the root's joint is, m, world.

        Returns:
            All that ``points`` and ``place`` share: bones turned, joints placed.
        """
        return PosedLinks(self, shaped, pose, root)

    def points(self, frame: PosedLinks, points: BonePoints) -> Float[np.ndarray, "frames points 3"]:
        """Where points are, m.

        Args:
            frame: by ``frame``.
            points: offsets in statures.

        Returns:
            m, world axes.
        """
        own, before = self._offsets(frame, points)
        placed = frame.joints[:, points.bone] + own
        return placed if before is None else placed + before

    def place(
        self,
        frame: PosedLinks,
        points: BonePoints,
        slopes: Slopes | None = None,
        turns: Int[np.ndarray, " some"] | None = None,
    ) -> Placed:
        """Points with their derivatives; by the shape too if its slopes are given.

        Args:
            frame: by ``frame``.
            points: offsets in statures.
            slopes: how the subject's shape changes (``Subject.slopes``).
            turns: of all small turns those by which derivatives are wanted; None: by all.

        Returns:
            Points (m, world) with their derivatives: m per unknown (m, rad; the root's three first), and, with slopes,
            m per unit of each free number of the shape.
        """
        own, before = self._offsets(frame, points)
        placed = frame.joints[:, points.bone] + own
        if before is not None:
            placed = placed + before
        turns = np.arange(len(TURNING)) if turns is None else turns
        axis, pivots = frame.axes[:, turns], frame.joints[:, self.pivot_bones[turns]]
        # A turn about a through j moves p by a × p − a × j, if the point's link hangs on the turn's.
        by_pose = np.zeros((*placed.shape, 3 + len(turns)))
        by_pose[..., :3] = np.eye(3)
        moves = self._moves[self.links[points.bone]][:, turns]
        along, moment = np.moveaxis(axis, -1, 0)[:, :, None], np.moveaxis(np.cross(axis, pivots), -1, 0)[:, :, None]
        at = np.moveaxis(placed, -1, 0)[..., None]
        for k in range(3):  # of the cross product, in place
            first, second = (k + 1) % 3, (k + 2) % 3
            moved = along[first] * at[second]
            moved -= along[second] * at[first]
            moved -= moment[k]
            np.multiply(moved, moves, out=by_pose[:, :, k, 3:])
        if before is not None:  # what the bone before carries does not turn with the point's own link
            own_only = moves - self._moves[self.links[self.before[points.bone]]][:, turns] * (moves > 0)
            point, turn = np.nonzero(own_only)
            still = np.cross(axis[:, turn], before[:, point])
            by_pose[:, point, :, 3 + turn] -= np.moveaxis(still, 0, 1)
        if slopes is None:
            return Placed(placed, by_pose, None)
        by_shape = joint_slopes(self.parents, slopes, frame.turned)
        offset = (placed - frame.joints[:, points.bone]) / frame.shaped.stature_m
        return Placed(placed, by_pose, by_shape[:, points.bone] + offset[..., None] * slopes.stature)

    @staticmethod
    def moved(
        pose: Pose, root: Float[np.ndarray, "frames 3"], step: Float[np.ndarray, "frames unknowns"]
    ) -> tuple[Pose, Float[np.ndarray, "frames 3"]]:
        """Pose and root after a step of the unknowns.

        Args:
            pose: left as it is.
            root: m, world; left as it is.
            step: the root's (m), then the turns (rad) in the order of ``linkage.axes``.

        Returns:
            New ones.
        """
        return turned_by(pose, step[:, 3:]), root + step[:, :3]

    def _offsets(self, frame: PosedLinks, points: BonePoints):
        """Of points from their bone's joint: what turns with the bone, what turns with the one before; m."""
        stature = frame.shaped.stature_m
        own = stature * np.einsum("fpij,pj->fpi", frame.turned[:, points.bone], points.offset)
        if points.before is None:
            return own, None
        before = frame.turned[:, self.before[points.bone]]
        return own, stature * np.einsum("fpij,pj->fpi", before, points.before)
