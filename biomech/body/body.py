"""What every parametric body offers: a shape at rest, a pose, a skin."""

from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Rest(NamedTuple):
    """One subject's body in the rest pose, m, body axes (X forward, Y up, Z to the body's right)."""

    joints: Float[Tensor, "bones 3"]
    vertices: Float[Tensor, "vertices 3"]


class Posed(NamedTuple):
    """Bones of a posed body in the world, m."""

    joints: Float[Tensor, "frames bones 3"]
    rotations: Float[Tensor, "frames bones 3 3"]  # world from rest, bone by bone


class Body(Protocol):
    """A skinned body whose rest frames are all parallel to the body axes: identity rotations are the rest pose."""

    name: str
    bone_names: list[str]
    parents: list[int]  # -1 for the root, which comes first; a parent comes before its children
    shape_names: list[str]
    shape_bounds: Float[Tensor, "shape 2"]
    faces: Int[Tensor, "triangles 3"]  # of the whole mesh

    def default_shape(self) -> Float[Tensor, " shape"]: ...

    def rest(self, shape: Float[Tensor, " shape"]) -> Rest: ...

    def pose(
        self, rest: Rest, rotations: Float[Tensor, "frames bones 3 3"], root_position: Float[Tensor, "frames 3"]
    ) -> Posed:
        """Forward kinematics: where the bones of a posed body are.

        Args:
            rest: of the subject.
            rotations: of each bone against its parent, in the body's axes; the root's is its world orientation.
            root_position: of the root's joint, m, world.

        Returns:
            Joints (m) and world-from-rest rotations of every bone.
        """
        ...

    def skin(self, rest: Rest, posed: Posed) -> Float[Tensor, "frames vertices 3"]:
        """The skin of a posed body.

        Args:
            rest: of the subject.
            posed: by ``pose``, from the same ``rest``.

        Returns:
            Vertices in the world, m.
        """
        ...


class BoneTree:
    """Forward kinematics of a tree of bones whose rest frames are parallel, one level of depth at a time."""

    def __init__(self, parents: list[int]):
        depth: list[int] = []
        for parent in parents:
            depth.append(0 if parent < 0 else depth[parent] + 1)
        levels = [[b for b, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]
        place = {bone: i for level in levels for i, bone in enumerate(level)}
        self.parents = torch.tensor([max(p, 0) for p in parents])
        # Bones of each level below the root, and where their parents stand in the level above.
        self.levels = [(torch.tensor(level), torch.tensor([place[parents[b]] for b in level])) for level in levels[1:]]
        self.order = torch.argsort(torch.tensor([bone for level in levels for bone in level]))

    def pose(
        self,
        rest_joints: Float[Tensor, "*frames bones 3"],
        rotations: Float[Tensor, "frames bones 3 3"],
        root_position: Float[Tensor, "frames 3"],
    ) -> Posed:
        """World rotation and joint of every bone: R = R_parent r, x = x_parent + R_parent (j − j_parent).

        Args:
            rest_joints: one subject's, or each frame's own (m).
            rotations: of each bone against its parent, in the body's axes; the root's is its world orientation.
            root_position: of the root's joint, m, world.

        Returns:
            Joints (m) and world-from-rest rotations of every bone, in the order of ``parents``.
        """
        offsets = rest_joints - rest_joints[..., self.parents, :]
        turned, placed = [rotations[:, :1]], [root_position[:, None]]
        for bones, above in self.levels:
            parent = turned[-1][:, above]
            placed.append(placed[-1][:, above] + (parent @ offsets[..., bones, :, None])[..., 0])
            turned.append(parent @ rotations[:, bones])
        return Posed(torch.cat(placed, 1)[:, self.order], torch.cat(turned, 1)[:, self.order])
