"""An OpenSim skeleton as a torch module: batched, exact forward kinematics with gradients to whatever goes in.

Every joint is the same few tensor operations (see ``description``), and all joints at the same depth of the tree move
at once. Coordinates that a coupler drives follow it, whatever value is given for them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.skeleton.description import Description, Frame, describe
from biomech.skeleton.functions import Affine, CoordinateMap, Function


@dataclass(frozen=True)
class Pose:
    """Where everything is, in the ground (m); ``bodies`` counts the ground first."""

    positions: Float[Tensor, "*batch bodies 3"]  # body origins
    rotations: Float[Tensor, "*batch bodies 3 3"]  # ground from body
    joints: Float[Tensor, "*batch joints 3"]  # joint centres: origin of the joint's frame in the child body
    markers: Float[Tensor, "*batch markers 3"]
    axes: Float[Tensor, "*batch joints 6 3"] | None = None  # of each joint's rotations (through its centre) and slides


class Skeleton(torch.nn.Module):
    """Forward kinematics of one model; float64 until ``.to(torch.float32)``.

    Attributes:
        coordinate_names: all coordinates, in the model's order.
        body_names: the ground, then bodies after their parents.
        joint_names: joint k moves body k + 1.
        marker_names: the model's order.
        ranges: lowest and highest value (rad or m).
        clamped, locked, rotational: of each coordinate.
        defaults: value of each coordinate (rad or m).
        free: indices of the coordinates that are neither coupled nor locked.
    """

    parent: Int[Tensor, " joints"]  # body index
    body_order: Int[Tensor, " bodies"]
    turn: Float[Tensor, "joints 3 3 9"]
    axes: Float[Tensor, "joints 6 3"]
    parent_rotation: Float[Tensor, "joints 3 3"]
    parent_origin: Float[Tensor, "joints 3 3"]
    child_rotation_inverse: Float[Tensor, "joints 3 3"]
    child_origin: Float[Tensor, "joints 3 3"]
    slide_weights: Float[Tensor, "joints 3 3"]
    slide_unscaled: Float[Tensor, "joints 3"]
    marker_body: Int[Tensor, " markers"]
    marker_locations: Float[Tensor, "markers 3 3"]

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description
        coordinates, joints = description.coordinates, description.joints
        self.name = description.name
        self.coordinate_names = [c.name for c in coordinates]
        self.body_names = ["ground", *description.bodies]
        self.joint_names = [joint.name for joint in joints]
        self.marker_names = [marker.name for marker in description.markers]
        self.ranges: Float[np.ndarray, "coordinates 2"] = np.array([c.range for c in coordinates]).reshape(-1, 2)
        self.defaults: Float[np.ndarray, " coordinates"] = np.array([c.default for c in coordinates])
        self.clamped: Bool[np.ndarray, " coordinates"] = np.array([c.clamped for c in coordinates], dtype=bool)
        self.locked: Bool[np.ndarray, " coordinates"] = np.array([c.locked for c in coordinates], dtype=bool)
        self.rotational: Bool[np.ndarray, " coordinates"] = np.array([c.rotational for c in coordinates], dtype=bool)
        coupled = [coupler.dependent for coupler in description.couplers]
        self.free: Int[np.ndarray, " free"] = np.setdiff1d(np.flatnonzero(~self.locked), coupled)

        index = {name: k for k, name in enumerate(self.body_names)}
        parents = [index[joint.parent.body] for joint in joints]

        self.couplers = CoordinateMap(_coupling(description), len(coordinates))
        self.motions = CoordinateMap([f for joint in joints for f in joint.functions], len(coordinates))
        axes = np.array([joint.axes for joint in joints]).reshape(-1, 6, 3)
        parent_rotation, parent_origin = _stack([joint.parent for joint in joints])
        child_rotation, child_origin = _stack([joint.child for joint in joints])
        weights = np.array([joint.scaled for joint in joints]).reshape(-1, 3, 1) * np.abs(axes[:, 3:])
        unscaled = 1.0 - np.array([joint.scaled for joint in joints]).reshape(-1, 3)
        levels, order = _levels(parents)
        self._depth = len(levels)
        buffers = {
            **{f"level_{k}_joints": joints for k, (joints, _) in enumerate(levels)},
            **{f"level_{k}_upper": upper for k, (_, upper) in enumerate(levels)},
            "body_order": order,
            "parent": np.array(parents, dtype=np.int64),
            # R(θ) = fixed + cos θ · level + sin θ · turned, about each rotation axis (Rodrigues)
            "turn": np.stack(_rodrigues(axes[:, :3]), axis=2).reshape(-1, 3, 3, 9),
            "axes": axes,
            "parent_rotation": parent_rotation,
            "parent_origin": parent_origin,
            "child_rotation_inverse": np.swapaxes(child_rotation, -1, -2),
            "child_origin": child_origin,
            "slide_weights": weights,
            "slide_unscaled": unscaled,
            "marker_body": np.array([index[m.body] for m in description.markers], dtype=np.int64),
            "marker_locations": np.array([m.location for m in description.markers]).reshape(-1, 3, 3),
        }
        for name, value in buffers.items():
            self.register_buffer(name, torch.as_tensor(value), persistent=False)

    @classmethod
    def from_osim(cls, model: opensim.Model | Path | str) -> "Skeleton":
        """Read a model.

        Raises:
            BioposeError: no such file, OpenSim cannot read it, or it has a part that is not supported (named).
        """
        return cls(describe(model))

    def carrying(self, markers: list[str]) -> "Skeleton":
        """The same skeleton with only these markers, in this order, and only the bodies that move them.

        Raises:
            BioposeError: the model has no such marker.
        """
        return Skeleton(self.description.carrying(markers)).to(self.axes)

    def complete(self, coordinates: Float[Tensor, "*batch coordinates"]) -> Float[Tensor, "*batch coordinates"]:
        """All coordinates, the coupled ones computed from those that drive them."""
        return self.couplers(coordinates)

    def forward(
        self,
        coordinates: Float[Tensor, "*batch coordinates"],
        scales: Float[Tensor, "*#batch bodies 3"] | None = None,
        marker_offsets: Float[Tensor, "*#batch markers 3"] | None = None,
        *,
        with_axes: bool = False,
    ) -> Pose:
        """Pose the skeleton.

        Args:
            coordinates: of all names, rad and m; what stands at coupled ones does not count.
            scales: factors of each body (the ground's stay 1), applied as ``Model.scale`` does; all 1 by default.
            marker_offsets: added to the marker locations, in their bodies, after scaling (m).
            with_axes: give the joints' axes too, for a Jacobian.
        """
        batch = coordinates.shape[:-1]
        if scales is None:
            scales = coordinates.new_ones(len(self.body_names), 3)
        motion = self.motions(self.complete(coordinates)).unflatten(-1, (-1, 6))
        angle, slide = motion[..., :3], motion[..., 3:]
        basis = torch.stack([torch.ones_like(angle), torch.cos(angle), torch.sin(angle)], dim=-1)
        turn = torch.einsum("...jac,jacn->...jan", basis, self.turn).unflatten(-1, (3, 3))
        first, second, third = turn.unbind(-3)
        two = first @ second
        inner = two @ third @ self.child_rotation_inverse  # child body in the joint's parent frame

        of_parent = scales[..., self.parent, :]
        size = self.slide_unscaled + (self.slide_weights * of_parent[..., None, :]).sum(-1)
        slid = ((slide * size)[..., None] * self.axes[:, 3:]).sum(-2)
        origin = _times(self.parent_origin, of_parent) + _times(
            self.parent_rotation, slid
        )  # of the joint, in the parent
        reach = _times(self.child_origin, scales[..., 1:, :])  # of the joint, in the child
        local = self.parent_rotation @ inner

        rotation = [coordinates.new_zeros(*batch, 1, 3, 3) + torch.eye(3).to(coordinates)]
        position = [coordinates.new_zeros(*batch, 1, 3)]
        centre: list[Tensor] = []
        reach, origin = reach.expand(*batch, -1, 3), origin.expand(*batch, -1, 3)
        for level in range(self._depth):
            joints, upper = self.get_buffer(f"level_{level}_joints"), self.get_buffer(f"level_{level}_upper")
            above = rotation[-1][..., upper, :, :]
            rotation.append(above @ local[..., joints, :, :])
            centre.append(position[-1][..., upper, :] + _times(above, origin[..., joints, :]))
            position.append(centre[-1] - _times(rotation[-1], reach[..., joints, :]))
        order = self.body_order
        rotations, positions = torch.cat(rotation, dim=-3)[..., order, :, :], torch.cat(position, dim=-2)[..., order, :]
        centres = torch.cat([position[0], *centre], dim=-2)[..., order[1:], :]

        location = _times(self.marker_locations, scales[..., self.marker_body, :])
        if marker_offsets is not None:
            location = location + marker_offsets
        markers = positions[..., self.marker_body, :] + _times(rotations[..., self.marker_body, :, :], location)
        axes = self._axes(rotations, first, two) if with_axes else None
        return Pose(positions, rotations, centres, markers, axes)

    def _axes(self, rotations: Tensor, first: Tensor, two: Tensor) -> Float[Tensor, "*batch joints 6 3"]:
        """Each rotation axis as those before it in the joint have turned it, and the slides, in the ground."""
        frame = rotations[..., self.parent, :, :] @ self.parent_rotation
        second_axis, third_axis = _times(first, self.axes[:, 1]), _times(two, self.axes[:, 2])
        turned = torch.stack([self.axes[:, 0].expand_as(second_axis), second_axis, third_axis], dim=-2)
        slides = self.axes[:, 3:].expand(*turned.shape[:-2], 3, 3)
        return torch.cat([turned, slides], dim=-2) @ frame.transpose(-1, -2)


def _times(matrix: Float[Tensor, "*batch 3 3"], vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Matrix times vector, by elements: for small ones much faster than a batched product."""
    return (matrix * vector[..., None, :]).sum(-1)


def _rodrigues(axes: Float[np.ndarray, "*batch 3"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The parts of a rotation by θ about unit axes that go with 1, cos θ and sin θ."""
    along = axes[..., :, None] * axes[..., None, :]
    crossed = np.cross(np.eye(3), axes[..., None, :])  # [a]×
    return along, np.eye(3) - along, crossed


def _levels(parents: list[int]) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Joints by depth, with where their parents stand in the level above; and the bodies' places in that order."""
    depth = [0]
    for parent in parents:
        depth.append(depth[parent] + 1)
    rows = [np.flatnonzero(np.array(depth) == d) for d in range(max(depth) + 1)]
    levels = [
        (row - 1, np.searchsorted(above, np.array(parents)[row - 1]))
        for above, row in zip(rows, rows[1:], strict=False)
    ]
    return levels, np.argsort(np.concatenate(rows), kind="stable")


def _stack(frames: list[Frame]) -> tuple[np.ndarray, np.ndarray]:
    rotations = np.array([frame.rotation for frame in frames]).reshape(-1, 3, 3)
    return rotations, np.array([frame.origin for frame in frames]).reshape(-1, 3, 3)


def _coupling(description: Description) -> list[tuple[Function, tuple[int, ...]]]:
    """Every coordinate as a function of all: itself, or what couples it."""
    functions: list[tuple[Function, tuple[int, ...]]] = [
        (Affine((1.0,), 0.0), (k,)) for k in range(len(description.coordinates))
    ]
    for coupler in description.couplers:
        functions[coupler.dependent] = (coupler.function, coupler.independent)
    return functions
