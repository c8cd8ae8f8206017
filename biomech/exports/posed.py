"""Where every body of an OpenSim model is through a motion, by OpenSim itself; and what is fixed in the bodies."""

from dataclasses import dataclass

import numpy as np
import opensim
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.skeleton.description import rotation_matrix
from biomech.skeleton.model import body_transforms

NO_TIP_M = 0.05  # of a body that carries nothing
LIGHT = 1e-6  # m, of the way to a mass centre that is no way


@dataclass(frozen=True)
class AttachedMesh:
    """A surface that a model names for a body, in the body's own axes."""

    file: str
    factors: tuple[float, float, float]


@dataclass(frozen=True)
class PosedBodies:
    """The bodies that joints move, parents first, and their ways in the ground (m; Y up)."""

    names: list[str]
    parents: list[int]  # -1: the ground
    joints: list[str]  # that moves each
    centres: Float[np.ndarray, "bodies 3"]  # of that joint, in the body
    tips: Float[np.ndarray, "bodies 3"]  # where the body ends, in the body, for those that carry no other
    meshes: list[list[AttachedMesh]]
    positions: Float[np.ndarray, "frames bodies 3"]  # of origins
    rotations: Float[np.ndarray, "frames bodies 3 3"]  # ground from body

    @classmethod
    def of(cls, model: opensim.Model, kinematics: Kinematics) -> "PosedBodies":
        """By OpenSim's own forward kinematics.

        Args:
            model: with its system initialised.
            kinematics: coordinates of it (rad, m).

        Returns:
            At the frames of the motion.

        Raises:
            BioposeError: the model's bodies hang on no tree, or the motion is another model's.
        """
        tree = _tree(model)
        names = [name for name, _, _ in tree]
        positions, rotations = body_transforms(model, kinematics, names)
        parents = [names.index(parent) if parent in names else -1 for _, parent, _ in tree]
        bodies = [model.getBodySet().get(name) for name in names]
        return cls(
            names,
            parents,
            [joint.getName() for _, _, joint in tree],
            np.array([_centre(joint) for _, _, joint in tree]).reshape(-1, 3),
            np.array([_tip(model, body) for body in bodies]).reshape(-1, 3),
            [_meshes(body) for body in bodies],
            positions,
            rotations,
        )

    def children(self, body: int) -> list[int]:
        """Which bodies hang on one."""
        return [child for child, parent in enumerate(self.parents) if parent == body]

    @property
    def joint_centres(self) -> Float[np.ndarray, "frames bodies 3"]:
        """Where the joints are that move the bodies (m)."""
        placed: np.ndarray = self.positions + np.einsum("fbij,bj->fbi", self.rotations, self.centres)
        return placed

    def in_parent(
        self, places: Float[np.ndarray, "frames bodies 3"]
    ) -> tuple[Float[np.ndarray, "frames bodies 3"], Float[np.ndarray, "frames bodies 3 3"]]:
        """Ways and turns of bodies relative to those that they hang on; of the first ones in the ground.

        Args:
            places: a point of each body, in the ground (m): its origin or its joint's centre.

        Returns:
            From the parent's point to the body's, in the parent's axes (m), and rotations parent from body.
        """
        moved, turned = places.copy(), self.rotations.copy()
        for body, parent in enumerate(self.parents):
            if parent >= 0:
                into = self.rotations[:, parent].swapaxes(1, 2)
                moved[:, body] = np.einsum("fij,fj->fi", into, places[:, body] - places[:, parent])
                turned[:, body] = into @ self.rotations[:, body]
        return moved, turned


def _tree(model: opensim.Model) -> list[tuple[str, str, opensim.Joint]]:
    """Bodies with those that they hang on and their joints, parents first."""
    left = [(_base(joint.getChildFrame()), _base(joint.getParentFrame()), joint) for joint in model.getJointSet()]
    placed, ordered = {"ground"}, []
    while left:
        ready = [one for one in left if one[1] in placed and one[0] not in placed]
        if not ready:
            raise BioposeError(
                f"the joints {', '.join(one[2].getName() for one in left)} do not continue a tree that starts at the "
                "ground",
                where=model.getName(),
                mend="Export a model whose joints make a tree.",
            )
        ordered.append(ready[0])
        placed.add(ready[0][0])
        left.remove(ready[0])
    return ordered


def _base(frame: opensim.Frame) -> str:
    name: str = frame.findBaseFrame().getName()
    return name


def _centre(joint: opensim.Joint) -> Float[np.ndarray, "3"]:
    transform = joint.getChildFrame().findTransformInBaseFrame()
    place: np.ndarray = transform.p().to_numpy()
    return place


def _tip(model: opensim.Model, body: opensim.Body) -> Float[np.ndarray, "3"]:
    """As far as its markers reach, towards their middle; else twice as far as its mass centre."""
    own = []
    for marker in model.getMarkerSet():
        frame = marker.getParentFrame()
        if frame.findBaseFrame().getName() == body.getName():
            transform = frame.findTransformInBaseFrame()
            own.append(transform.p().to_numpy() + rotation_matrix(transform.R()) @ marker.get_location().to_numpy())
    middle = np.mean(own, axis=0) if own else body.get_mass_center().to_numpy()
    away = float(np.linalg.norm(middle))
    if away < LIGHT:
        return np.array([0.0, NO_TIP_M, 0.0])
    along = middle / away
    reach: np.ndarray = along * (max(np.array(own) @ along) if own else 2 * away)
    return reach


def _meshes(body: opensim.Body) -> list[AttachedMesh]:
    frame = opensim.Frame.safeDownCast(body)
    found = []
    for number in range(frame.getPropertyByName("attached_geometry").size()):
        mesh = opensim.Mesh.safeDownCast(frame.get_attached_geometry(number))
        if mesh is not None:
            x, y, z = mesh.get_scale_factors().to_numpy().tolist()
            found.append(AttachedMesh(mesh.getGeometryFilename(), (x, y, z)))
    return found
