"""An OpenSim skeleton as a torch module: batched, exact forward kinematics with gradients to whatever goes in.

Every joint is the same few tensor operations (see ``description``), and all joints at the same depth of the tree move
at once. Inside, frames come last (``Skeleton.trace``): each operation then runs along contiguous memory, ten times as
fast as with the 3×3 matrices innermost. Coordinates that a coupler drives follow it, whatever value is given for them.
"""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.skeleton.description import Description, describe
from biomech.skeleton.functions import Affine, CoordinateMap, Function, Pieces
from biomech.skeleton.products import apply, compose
from biomech.skeleton.surfaces import glide, rest


@dataclass(frozen=True)
class PosedSkeleton:
    """Where everything is, in the ground (m); ``bodies`` counts the ground first."""

    positions: Float[Tensor, "*batch bodies 3"]  # body origins
    rotations: Float[Tensor, "*batch bodies 3 3"]  # ground from body
    joints: Float[Tensor, "*batch joints 3"]  # joint centres: origin of the joint's frame in the child body
    markers: Float[Tensor, "*batch markers 3"]


@dataclass(frozen=True)
class Trace:
    """A pose with frames last, and what a Jacobian needs of it; in the ground (m)."""

    coordinates: Float[Tensor, "coordinates frames"]  # complete: the coupled ones follow
    positions: Float[Tensor, "bodies 3 frames"]
    rotations: Float[Tensor, "bodies 3 3 frames"]
    joints: Float[Tensor, "joints 3 frames"]
    markers: Float[Tensor, "markers 3 frames"]
    turns: tuple[Float[Tensor, "joints 3 3 frames"], ...]  # parent body from joint, after one, two, three rotations
    pieces: tuple[Pieces, Pieces]  # of the couplers' and the motions' curves


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
        couplers: all coordinates from all, the coupled ones computed.
        motions: the six functions of every joint: output 6 j + k is joint j's k-th (three angles, three slides).
        active: the outputs of ``motions`` that are not simply zero, in order.
        gliding: which of the active are rotations that move their joint's centre over a surface too; mostly none.
    """

    parent: Int[Tensor, " joints"]  # body index
    level_joints: Int[Tensor, " joints"]  # by depth
    level_upper: Int[Tensor, " joints"]  # where their parents stand in the level above
    active: Int[Tensor, " active"]
    turn: Float[Tensor, "parts joints 3 3 3 1"]  # go with 1, cos θ and sin θ of each rotation
    axes: Float[Tensor, "joints 6 3"]  # in the joint's parent frame, before any rotation
    axis_body: Int[Tensor, " active"]  # in which an active axis rests
    axis_direction: Float[Tensor, "active 3"]  # there
    second: Int[Tensor, " seconds"]  # places among the active of second rotations, which rest in neither body
    parent_rotation: Float[Tensor, "joints 3 3"]
    parent_origin: Float[Tensor, "joints 3 3"]
    child_origin: Float[Tensor, "joints 3 3"]
    slide_directions: Float[Tensor, "slides 3"]  # in the parent body
    slide_growth: Float[Tensor, "slides 3"]
    slide_unscaled: Float[Tensor, " slides"]
    slide_row: Int[Tensor, " slides"]
    slide_joint: Int[Tensor, " slides"]
    surface_joint: Int[Tensor, " surfaces"]
    surface_body: Int[Tensor, " surfaces"]
    surface_sizes: Float[Tensor, "surfaces 3 3"]
    surface_arc: Bool[Tensor, " surfaces"]
    gliding: Int[Tensor, " gliding"]
    gliding_surface: Int[Tensor, " gliding"]
    body_order: Int[Tensor, " bodies"]
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
        self.couplers = CoordinateMap(_coupling(description), len(coordinates))
        functions = [f for joint in joints for f in joint.functions]
        self.motions = CoordinateMap(functions, len(coordinates))

        index = {name: k for k, name in enumerate(self.body_names)}
        parents = np.array([index[joint.parent.body] for joint in joints], dtype=np.int64)
        levels, order = _levels(parents)
        self._level_sizes = [len(members) for members, _ in levels]
        active = np.array([k for k, (function, _) in enumerate(functions) if not _is_zero(function)], dtype=np.int64)
        slides = active[active % 6 >= 3]
        slide_joint, slide_axis = slides // 6, slides % 6
        axes = np.array([joint.axes for joint in joints]).reshape(-1, 6, 3)
        parent_rotation = np.array([joint.parent.rotation for joint in joints]).reshape(-1, 3, 3)
        child_rotation = np.array([joint.child.rotation for joint in joints]).reshape(-1, 3, 3)
        growth = np.array([joint.growth for joint in joints]).reshape(-1, 3, 3)[slide_joint, slide_axis - 3]
        resting = [(j, joint.surface) for j, joint in enumerate(joints) if joint.surface is not None]
        gliding = [
            (k, s)
            for s, (j, _) in enumerate(resting)
            for k in np.flatnonzero((active == 6 * j) | (active == 6 * j + 1))
        ]
        third = active % 6 == 2
        turn = _rodrigues(axes[:, :3])
        # The frames' constant rotations go into the first and the last turn of a joint.
        turn[:, :, 0] = np.einsum("jab,cjbd->cjad", parent_rotation, turn[:, :, 0])
        turn[:, :, 2] = np.einsum("cjab,jdb->cjad", turn[:, :, 2], child_rotation)
        buffers = {
            "level_joints": np.array([k for members, _ in levels for k in members], dtype=np.int64),
            "level_upper": np.array([k for _, upper in levels for k in upper], dtype=np.int64),
            "body_order": order,
            "parent": parents,
            "active": active,
            "axes": axes,
            "turn": turn[..., None],
            "axis_body": np.where(third, active // 6 + 1, parents[active // 6]),
            "axis_direction": np.where(
                third[:, None],
                np.einsum("jab,jb->ja", child_rotation, axes[:, 2])[active // 6],
                np.einsum("jab,jkb->jka", parent_rotation, axes)[active // 6, active % 6],
            ),
            "second": np.flatnonzero(active % 6 == 1),
            "parent_rotation": parent_rotation,
            "parent_origin": np.array([joint.parent.origin for joint in joints]).reshape(-1, 3, 3),
            "child_origin": np.array([joint.child.origin for joint in joints]).reshape(-1, 3, 3),
            "slide_row": slides,
            "slide_joint": slide_joint,
            "slide_directions": np.einsum("sab,sb->sa", parent_rotation[slide_joint], axes[slide_joint, slide_axis]),
            "slide_growth": growth,
            "slide_unscaled": 1.0 - growth.any(1),
            "surface_joint": np.array([j for j, _ in resting], dtype=np.int64),
            "surface_body": np.array([index[surface.body] for _, surface in resting], dtype=np.int64),
            "surface_sizes": np.array([surface.sizes for _, surface in resting]).reshape(-1, 3, 3),
            "surface_arc": np.array([surface.arc for _, surface in resting], dtype=bool),
            "gliding": np.array([k for k, _ in gliding], dtype=np.int64),
            "gliding_surface": np.array([s for _, s in gliding], dtype=np.int64),
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
        return _batch_first(self.couplers(_frames_last(coordinates, 1)), coordinates.shape[:-1])

    def forward(
        self,
        coordinates: Float[Tensor, "*batch coordinates"],
        scales: Float[Tensor, "*#batch bodies 3"] | None = None,
        marker_offsets: Float[Tensor, "*#batch markers 3"] | None = None,
    ) -> PosedSkeleton:
        """Pose the skeleton.

        Args:
            coordinates: of all names, rad and m; what stands at coupled ones does not count.
            scales: factors of each body (the ground's stay 1), applied as ``Model.scale`` does; by default the model
                is taken as it is (the same as all 1, but for slides along axes that are not the body's: see
                ``slide_sizes``).
            marker_offsets: added to the marker locations, in their bodies, after scaling (m).

        Returns:
            Places (m) and rotations in the ground, of bodies, joint centres and markers.
        """
        batch = coordinates.shape[:-1]

        def last(values: Tensor | None) -> Tensor | None:
            if values is None or values.dim() == 2:
                return None if values is None else values[..., None]
            return _frames_last(values.expand(*batch, *values.shape[-2:]), 2)

        trace = self.trace(_frames_last(coordinates, 1), last(scales), last(marker_offsets))
        parts = (trace.positions, trace.rotations, trace.joints, trace.markers)
        return PosedSkeleton(*(_batch_first(part, batch) for part in parts))

    def trace(
        self,
        coordinates: Float[Tensor, "coordinates frames"],
        scales: Float[Tensor, "bodies 3 #frames"] | None = None,
        marker_offsets: Float[Tensor, "markers 3 #frames"] | None = None,
    ) -> Trace:
        """As ``forward``, with frames last.

        Args:
            coordinates, scales, marker_offsets: as in ``forward``; one frame of the latter two serves all.

        Returns:
            The pose, and what its Jacobian needs.
        """
        sizes = self.slide_sizes(scales)
        if scales is None:
            scales = self.axes.new_ones(len(self.body_names), 3, 1)
        frames = coordinates.shape[-1]
        couplings = self.couplers.pieces(coordinates)
        coordinates = self.couplers(coordinates, couplings)
        pieces = self.motions.pieces(coordinates)
        motion = self.motions(coordinates, pieces)
        angle = motion.unflatten(0, (-1, 6))[:, :3, None, None]
        turn = torch.addcmul(
            torch.addcmul(self.turn[0], self.turn[1], torch.cos(angle)), self.turn[2], torch.sin(angle)
        )
        once = turn[:, 0]
        twice = compose(once, turn[:, 1])
        local = compose(twice, turn[:, 2])  # parent body from child body

        slid = motion.index_select(0, self.slide_row)[:, None] * (sizes[:, None] * self.slide_directions[..., None])
        origin = apply(self.parent_origin[..., None], scales.index_select(0, self.parent)).expand(-1, -1, frames)
        origin = origin.index_add(0, self.slide_joint, slid)  # of the joint, in the parent
        if len(self.surface_joint):
            resting = rest(self._normals(twice), self.surface_arc) * self._surface_sizes(scales)
            resting = apply(self.parent_rotation[self.surface_joint][..., None], resting)
            origin = origin.index_add(0, self.surface_joint, resting)
        reach = apply(self.child_origin[..., None], scales[1:])  # of the joint, in the child

        # Each joint's child in its parent body, then level by level in the ground: rotation, and place as last column.
        inner = torch.cat([local, (origin - apply(local, reach))[:, :, None]], dim=2)
        placed = [torch.eye(3, 4).to(coordinates)[None, ..., None].expand(1, 3, 4, frames)]
        levels = (self.level_joints.split(self._level_sizes), self.level_upper.split(self._level_sizes))
        for joints, upper in zip(*levels, strict=True):
            above = placed[-1].index_select(0, upper)
            below = compose(above[:, :, :3], inner.index_select(0, joints))
            below[:, :, 3] += above[:, :, 3]
            placed.append(below)
        bodies = torch.cat(placed).index_select(0, self.body_order)
        rotations, positions = bodies[:, :, :3], bodies[:, :, 3]
        parents = bodies.index_select(0, self.parent)
        centres = parents[:, :, 3] + apply(parents[:, :, :3], origin)

        markers = coordinates.new_zeros(0, 3, frames)
        if len(self.marker_body):
            location = apply(self.marker_locations[..., None], scales[self.marker_body])
            if marker_offsets is not None:
                location = location + marker_offsets
            markers = positions[self.marker_body] + apply(rotations[self.marker_body], location)
        return Trace(coordinates, positions, rotations, centres, markers, (once, twice, local), (couplings, pieces))

    def slide_sizes(self, scales: Float[Tensor, "bodies 3 #frames"] | None) -> Float[Tensor, "slides #frames"]:
        """How far one unit of each active slide's function moves the joint (m).

        OpenSim multiplies a slide by Σ |axis| · factors. Along an oblique axis that is not 1 when all factors are.
        """
        if scales is None:
            return torch.ones_like(self.slide_unscaled)[:, None]
        of_parent = scales[self.parent[self.slide_joint]]
        return self.slide_unscaled[:, None] + (self.slide_growth[..., None] * of_parent).sum(1)

    def _surface_sizes(self, scales: Float[Tensor, "bodies 3 #frames"]) -> Float[Tensor, "surfaces 3 #frames"]:
        return apply(self.surface_sizes[..., None], scales[self.surface_body])

    def _normals(self, twice: Float[Tensor, "joints 3 3 frames"]) -> Float[Tensor, "surfaces 3 frames"]:
        """Third rotation axes as turned by the first two, in the joints' parent frames, of joints on a surface."""
        joint = self.surface_joint
        in_parent = apply(twice[joint], self.axes[joint, 2][..., None])
        return apply(self.parent_rotation[joint].mT[..., None], in_parent)

    def axes_in_ground(self, trace: Trace) -> Float[Tensor, "active 3 frames"]:
        """Directions of the active axes: of rotations (through the joint's centre) and of slides."""
        # A joint's first axis and its slides rest in the parent body, its third in the child; only the second turns.
        axes = apply(trace.rotations.index_select(0, self.axis_body), self.axis_direction[..., None])
        joint = self.active.index_select(0, self.second) // 6
        turned = apply(trace.turns[0].index_select(0, joint), self.axes[joint, 1][..., None])
        return axes.index_copy_(0, self.second, apply(trace.rotations.index_select(0, self.parent[joint]), turned))

    def glides_in_ground(
        self, trace: Trace, scales: Float[Tensor, "bodies 3 #frames"] | None = None
    ) -> Float[Tensor, "gliding 3 frames"]:
        """Velocity of the joint's centre per radian of the ``gliding`` rotations (m/rad).

        Args:
            trace: of the pose.
            scales: those that the trace was made with; all 1 where not given.

        Returns:
            A row for each of ``gliding``; empty in a skeleton without joints that rest on surfaces.
        """
        if scales is None:
            scales = self.axes.new_ones(len(self.body_names), 3, 1)
        surface = self.gliding_surface
        joint, second = self.surface_joint[surface], (self.active[self.gliding] % 6 == 1)[:, None, None]
        frame = self.parent_rotation[joint][..., None]
        once, twice, _ = trace.turns
        turned = apply(frame.transpose(1, 2), apply(once[joint], self.axes[joint, 1][..., None]))
        turning = torch.where(second, turned, self.axes[joint, 0][..., None])
        moved = glide(self._normals(twice)[surface], turning, self.surface_arc[surface])
        return apply(trace.rotations[self.parent[joint]], apply(frame, moved * self._surface_sizes(scales)[surface]))


def _frames_last(values: Tensor, inner: int) -> Tensor:
    """(*batch, inner…) → (inner…, frames)."""
    batch = values.shape[: values.dim() - inner]
    return values.reshape(math.prod(batch), *values.shape[len(batch) :]).movedim(0, -1).contiguous()


def _batch_first(values: Tensor, batch: torch.Size) -> Tensor:
    """(inner…, frames) → (*batch, inner…), a view."""
    moved = values.movedim(-1, 0)
    return moved.unflatten(0, batch) if batch else moved[0]


def _is_zero(function: Function) -> bool:
    return isinstance(function, Affine) and function.constant == 0 and not any(function.slopes)


def _rodrigues(axes: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "parts *batch 3 3"]:
    """The parts of a rotation by θ about unit axes that go with 1, cos θ and sin θ."""
    along = axes[..., :, None] * axes[..., None, :]
    crossed = np.cross(np.eye(3), axes[..., None, :])  # [a]×
    return np.stack([along, np.eye(3) - along, crossed])


def _levels(parents: Int[np.ndarray, " joints"]) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Joints by depth, with where their parents stand in the level above; and the bodies' places in that order."""
    depth = [0]
    for parent in parents:
        depth.append(depth[parent] + 1)
    rows = [np.flatnonzero(np.array(depth) == d) for d in range(max(depth) + 1)]
    levels = [(row - 1, np.searchsorted(above, parents[row - 1])) for above, row in itertools.pairwise(rows)]
    return levels, np.argsort(np.concatenate(rows), kind="stable")


def _coupling(description: Description) -> list[tuple[Function, tuple[int, ...]]]:
    """Every coordinate as a function of all: itself, or what couples it."""
    functions: list[tuple[Function, tuple[int, ...]]] = [
        (Affine((1.0,), 0.0), (k,)) for k in range(len(description.coordinates))
    ]
    for coupler in description.couplers:
        functions[coupler.dependent] = (coupler.function, coupler.independent)
    return functions
