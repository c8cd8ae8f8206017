"""Points on the skin of a posed body, and their derivatives by everything that a fit changes.

Skin over a joint goes with several bones: a point is Σ w (x + T (v − j)) over them, as the mesh itself is drawn.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from biomech.body.anny import AnnyBody
from biomech.body.linkage import LINKS
from biomech.mesh.chain import Placed, Slopes, joint_slopes
from biomech.mesh.placing import Placing, PosedLinks
from biomech.mesh.subject import STEP, Subject


@dataclass(frozen=True)
class SkinAt:
    """The points of one shape at rest, m; and how they change with its free numbers, where that is asked for."""

    points: Float[np.ndarray, "points 3"]
    slopes: Float[np.ndarray, "points 3 free"] | None = None


class SkinPoints:
    """Points on the surface (barycentric, or vertices), with a constant offset each."""

    def __init__(
        self,
        vertices: Int[np.ndarray, "points 3"],
        shares: Float[np.ndarray, "points 3"],
        placing: Placing,
    ):
        """Choose the points.

        Args:
            vertices: corners of the triangle that each lies on, numbers of the whole mesh; may repeat.
            shares: barycentric, sum 1.
            placing: the body as the fit sees it.
        """
        numbers, corner = np.unique(vertices, return_inverse=True)
        self.body, self.placing = AnnyBody.load(numbers.tolist()), placing
        self._corner, self._shares = corner.reshape(vertices.shape), shares
        weights = self.body.skin_weights.double().numpy()
        self.weights = (weights[self._corner] * shares[..., None]).sum(1)  # points, bones
        self.offsets = np.zeros((len(shares), 3))
        links = np.eye(len(LINKS))[placing.links]  # bones, links
        self._by_link = self.weights[:, :, None] * links  # points, bones, links
        self._carried = self.weights @ placing.carried()[placing.links]  # points, turns

    def at(self, subject: Subject, *, slopes: bool = False) -> SkinAt:
        """The points at rest for a shape, without the offsets.

        Args:
            subject: whose shape it is.
            slopes: say too how they change with its free numbers.

        Returns:
            m.
        """
        if not slopes:
            return SkinAt(self._of(self.body.measure(subject.shape[None]).vertices)[0])
        shapes = np.concatenate([subject.shape[None], subject.about()])
        found = self._of(self.body.measure(shapes).vertices)
        return SkinAt(found[0], np.moveaxis(found[1::2] - found[2::2], 0, -1) / (2 * STEP))

    def positions(self, frame: PosedLinks, skin: SkinAt) -> Float[np.ndarray, "frames points 3"]:
        """Where the points are.

        Args:
            frame: by ``Placing.frame``.
            skin: by ``at``.

        Returns:
            m, world.
        """
        return self._placed(frame, skin).sum(2)

    def turns(self, frame: PosedLinks) -> Float[np.ndarray, "frames points 3 3"]:
        """What turns each point's offset: the blend of its bones' rotations; not quite a rotation at joints."""
        return np.einsum("kb,fbij->fkij", self.weights, frame.turned, optimize=True)

    def place(self, frame: PosedLinks, skin: SkinAt, slopes: Slopes | None = None) -> Placed:
        """Points with their derivatives; by the shape too if ``slopes`` are given (and ``skin`` has its own).

        Args:
            frame: by ``Placing.frame``.
            skin: by ``at``.
            slopes: of the rest joints (``Subject.slopes``).

        Returns:
            m, world; derivatives by root (m) and turns (rad), and by each free number of the shape.
        """
        parts = self._placed(frame, skin)  # frames, points, bones, 3: weight times place
        by_link = np.einsum("fkbi,bl->fkli", parts, np.eye(len(LINKS))[self.placing.links], optimize=True)
        moved = np.einsum("fkli,lt->fkti", by_link, self.placing.carried(), optimize=True)
        axes, pivots = frame.axes, frame.joints[:, self.placing.pivot_bones]
        turned = np.cross(axes[:, None], moved)
        turned -= self._carried[None, :, :, None] * np.cross(axes, pivots)[:, None]
        by_pose = np.zeros((*moved.shape[:2], 3, self.placing.size))
        by_pose[..., :3] = np.eye(3)
        by_pose[..., 3:] = turned.swapaxes(2, 3)
        points = parts.sum(2)
        if slopes is None:
            return Placed(points, by_pose, None)
        assert skin.slopes is not None
        joints = joint_slopes(self.placing.parents, slopes, frame.turned)  # frames, bones, 3, free
        pushed = joints - np.einsum("fbij,bjs->fbis", frame.turned, slopes.joints, optimize=True)
        by_shape = np.einsum("kb,fbis->fkis", self.weights, pushed, optimize=True)
        by_shape += np.einsum("fkij,kjs->fkis", self.turns(frame), skin.slopes, optimize=True)
        return Placed(points, by_pose, by_shape)

    def _of(self, vertices: Float[np.ndarray, "shapes kept 3"]) -> Float[np.ndarray, "shapes points 3"]:
        return (vertices[:, self._corner] * self._shares[..., None]).sum(2)

    def _placed(self, frame: PosedLinks, skin: SkinAt) -> Float[np.ndarray, "frames points bones 3"]:
        """What each bone says of each point, weighted: their sum is where the point is."""
        arms = skin.points + self.offsets
        shift = frame.joints - (frame.turned @ frame.shaped.joints[..., None])[..., 0]
        placed = np.einsum("fbij,kj->fkbi", frame.turned, arms, optimize=True) + shift[:, None]
        return placed * self.weights[..., None]
