"""What the network knows of the model before it learns anything: which markers show which body, and how bodies hang.

A body is *seen* where it carries three markers, or is the last of its limb. The coordinates between a seen body and
the next seen body towards the root form a *chain* of one to three rotations: an angle triple about orthonormal axes
gives them in closed form (exactly where the joint's own axes are orthogonal, to first order where they are not).
All is read off the skeleton itself, by posing it, so that another model of the same markers needs no other code.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.skeleton.skeleton import PosedSkeleton, Skeleton

FEW_MARKERS = 5  # a body with fewer borrows
BORROWED_WITHIN_M = 0.03  # a neighbour's marker this near the joint moves little in the body's frame
FAR_WEIGHT = 1e-4  # of all other markers: a body without a marker in sight goes with its surroundings
STEP_RAD = 1e-4
TURNS_RAD = 1e-6  # a coordinate that turns a body less than so much per rad does not turn it
MIRROR = np.array([1.0, 1.0, -1.0])  # the model is symmetric about its XY plane
ODD = ("pelvis_list", "pelvis_rotation", "pelvis_tz")  # change their sign in a mirror
ODD_PARTS = ("lumbar_bending", "lumbar_rotation", "neck_bending", "neck_rotation")


@dataclass(frozen=True)
class Anatomy:
    """The model as the network sees it; ``n`` seen bodies (the root first), ``c`` = n chains (the root's first)."""

    marker_names: list[str]
    coordinate_names: list[str]
    body_names: list[str]  # the ground first
    node_names: list[str]  # seen bodies
    parent: Int[np.ndarray, " n"]  # node; the root's is itself
    node_of_body: Int[np.ndarray, " bodies"]  # the node that a body is counted with
    node_of_marker: Int[np.ndarray, " markers"]
    template: Float[np.ndarray, "n markers 3"]  # all markers in each node's frame, generic model, all coordinates 0
    weights: Float[np.ndarray, "n markers"]  # how much each marker says of a node's frame
    rest: Float[np.ndarray, "c 3 3"]  # parent node from node, all coordinates 0
    triad: Float[np.ndarray, "c 3 3"]  # columns: orthonormal axes of the chain's rotations, in the parent node
    to_coordinates: Float[np.ndarray, "c 3 3"]  # coordinates (padded with zero rows) from angles about the triad
    chain_coordinates: Int[np.ndarray, "c 3"]  # −1 where the chain has fewer
    joint_in_parent: Float[np.ndarray, "n 3"]  # where a chain's first joint is, in the parent node (generic, m)
    joint_in_child: Float[np.ndarray, "n 3"]  # the same point, in the node, all coordinates 0
    translation: Int[np.ndarray, " 3"]  # the root's coordinates along X, Y, Z
    ranges: Float[np.ndarray, "coordinates 2"]
    rotational: Bool[np.ndarray, " coordinates"]
    mirror_markers: Int[np.ndarray, " markers"]
    mirror_bodies: Int[np.ndarray, " bodies"]
    mirror_coordinates: Int[np.ndarray, " coordinates"]
    mirror_signs: Float[np.ndarray, " coordinates"]

    @classmethod
    def of(cls, skeleton: Skeleton) -> "Anatomy":
        """Read the anatomy off a model that carries the 142 markers.

        Raises:
            BioposeError: it lacks some of the markers, or has coordinates that the network cannot give.
        """
        table = load_virtual_markers()
        if missing := sorted(set(table.names) - set(skeleton.marker_names)):
            raise BioposeError(f"the model lacks {len(missing)} of the virtual markers, such as {missing[0]}")
        skeleton = skeleton.carrying(list(table.names)).double()
        if len(skeleton.free) < len(skeleton.coordinate_names):
            raise BioposeError("the network needs a model without coupled or locked coordinates")
        zero = torch.zeros(len(skeleton.coordinate_names), dtype=torch.float64)
        with torch.no_grad():
            pose = skeleton(zero)
            turned = skeleton(torch.diag(torch.full_like(zero, STEP_RAD)))
        at = pose.positions.numpy()
        rotation = pose.rotations.numpy()
        parent_body = np.concatenate([[-1], skeleton.parent.numpy()])
        marker_body = skeleton.marker_body.numpy()
        nodes = _seen(parent_body, marker_body)
        above = _ancestors(parent_body, nodes)
        node_of_body = np.array([_node_of(b, parent_body, nodes) for b in range(len(parent_body))])
        template = np.einsum("nij,nmi->nmj", rotation[nodes], pose.markers.numpy()[None] - at[nodes][:, None])
        chains = [_chain(skeleton, pose, turned, body, up) for body, up in zip(nodes, above, strict=True)]
        hung = [_first_body(body, up, parent_body) for body, up in zip(nodes, above, strict=True)]
        centre = pose.joints.numpy()[np.array(hung) - 1]
        named = [name.rsplit("_", 1)[-1] for name in skeleton.coordinate_names]
        mirror_of = [_other_side(name) for name in skeleton.coordinate_names]
        return cls(
            marker_names=list(table.names),
            coordinate_names=skeleton.coordinate_names,
            body_names=skeleton.body_names,
            node_names=[skeleton.body_names[b] for b in nodes],
            parent=np.array([max(nodes.index(u), 0) if u > 0 else 0 for u in above]),
            node_of_body=node_of_body,
            node_of_marker=node_of_body[marker_body],
            template=template,
            weights=_weights(skeleton, pose, nodes, marker_body, table.weight, template, chains),
            rest=np.stack([c[0] for c in chains]),
            triad=np.stack([c[1] for c in chains]),
            to_coordinates=np.stack([c[2] for c in chains]),
            chain_coordinates=np.stack([c[3] for c in chains]),
            joint_in_parent=np.einsum("nij,ni->nj", rotation[above], centre - at[above]),
            joint_in_child=np.einsum("nij,ni->nj", rotation[nodes], centre - at[nodes]),
            translation=np.array([named.index(axis) for axis in ("tx", "ty", "tz")]),
            ranges=skeleton.ranges,
            rotational=skeleton.rotational,
            mirror_markers=table.index(table.mirror),
            mirror_bodies=np.array([skeleton.body_names.index(_other_side(name)) for name in skeleton.body_names]),
            mirror_coordinates=np.array([skeleton.coordinate_names.index(name) for name in mirror_of]),
            mirror_signs=np.array([-1.0 if n in ODD + ODD_PARTS else 1.0 for n in skeleton.coordinate_names]),
        )


def _seen(parent: np.ndarray, marker_body: np.ndarray) -> list[int]:
    counts = np.bincount(marker_body, minlength=len(parent))
    leaf = ~np.isin(np.arange(len(parent)), parent)
    return [int(b) for b in range(1, len(parent)) if counts[b] >= 3 or (leaf[b] and counts[b])]


def _node_of(body: int, parent: np.ndarray, nodes: list[int]) -> int:
    """Itself where it is seen, else the seen body that hangs on it: the foot for the talus, the hand for the radius."""
    return nodes.index(next(b for b in nodes if body in (b, parent[b])))


def _ancestors(parent: np.ndarray, nodes: list[int]) -> list[int]:
    """The next seen body towards the root, or the ground (0)."""
    found = []
    for body in nodes:
        up = int(parent[body])
        while up > 0 and up not in nodes:
            up = int(parent[up])
        found.append(max(up, 0))
    return found


def _first_body(body: int, ancestor: int, parent: np.ndarray) -> int:
    while parent[body] != ancestor:
        body = int(parent[body])
    return body


def _other_side(name: str) -> str:
    sides = {"_r": "_l", "_l": "_r"}
    return name[:-2] + sides[name[-2:]] if name[-2:] in sides else name


def _chain(
    skeleton: Skeleton, pose: PosedSkeleton, turned: PosedSkeleton, body: int, above: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rest rotation, triad, coordinates from angles, and the coordinates' numbers, of one chain."""
    rest = (pose.rotations[above].mT @ pose.rotations[body]).numpy()
    moved = (turned.rotations[:, above].mT @ turned.rotations[:, body]).numpy() @ rest.T
    axes = np.stack([moved[:, 2, 1] - moved[:, 1, 2], moved[:, 0, 2] - moved[:, 2, 0], moved[:, 1, 0] - moved[:, 0, 1]])
    axes = axes / (2 * STEP_RAD)
    numbers = np.flatnonzero(skeleton.rotational & (np.linalg.norm(axes, axis=0) > TURNS_RAD))
    if not 0 < len(numbers) <= 3:
        raise BioposeError(f"{skeleton.body_names[body]}: {len(numbers)} rotations from the next body with markers")
    own = axes[:, numbers]
    full = own
    while full.shape[1] < 3:
        spare = np.cross(full[:, 0], full[:, 1]) if full.shape[1] == 2 else np.eye(3)[:, np.abs(full[:, 0]).argmin()]
        spare = spare - full @ np.linalg.lstsq(full, spare, rcond=None)[0]
        full = np.column_stack([full, spare / np.linalg.norm(spare)])
    left, _, right = np.linalg.svd(full)
    triad = left @ right
    if np.linalg.det(triad) < 0:
        triad[:, 2] *= -1
    to_coordinates = np.zeros((3, 3))
    to_coordinates[: len(numbers)] = np.linalg.pinv(own) @ triad
    padded = np.full(3, -1)
    padded[: len(numbers)] = numbers
    return rest, triad, to_coordinates, padded


def _weights(
    skeleton: Skeleton,
    pose: PosedSkeleton,
    nodes: list[int],
    marker_body: np.ndarray,
    task: np.ndarray,
    template: np.ndarray,
    chains: list,
) -> Float[np.ndarray, "n markers"]:
    """IK task weights for a node's own markers; where these are few, a share for neighbours' on the joint between."""
    parent = np.concatenate([[-1], skeleton.parent.numpy()])
    weights = np.full((len(nodes), len(marker_body)), FAR_WEIGHT)
    markers = pose.markers.numpy()
    for n, body in enumerate(nodes):
        weights[n, marker_body == body] = task[marker_body == body]
        for neighbour in [parent[body], *np.flatnonzero(parent == body)]:
            if neighbour <= 0 or (marker_body == body).sum() >= FEW_MARKERS:
                continue
            lower = max(int(neighbour), body)
            away = markers - pose.joints.numpy()[lower - 1]
            if lower in nodes and (chains[nodes.index(lower)][3] >= 0).sum() == 1:  # a hinge: from its axis
                rest, triad = chains[nodes.index(lower)][:2]
                axis = pose.rotations[lower].numpy() @ rest.T @ triad[:, 0]
                away = away - np.outer(away @ axis, axis)
            near = np.exp(-((np.linalg.norm(away, axis=1) / BORROWED_WITHIN_M) ** 2))
            theirs = marker_body == neighbour
            weights[n, theirs] = np.maximum(FAR_WEIGHT, (near * task)[theirs])
    return weights
