"""Parametric bodies as a layer: many subjects and poses at once, on any device, with gradients to everything.

Anny is embedded (``body.anny``), SMPL, SMPL-H and SMPL-X come from the user's own file (``markers.smpl``).
Each keeps its own rest axes (Anny: X forward, Y up, Z right; SMPL: X left, Y up, Z forward), so that θ are the
parameters of the data sets. Places of SMPL's landmarks among its vertices are those published with it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from biomech.body.anny import AnnyBody
from biomech.body.body import BoneTree, Posed
from biomech.camera import TO_THE_LENS
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.markers.smpl import ARM_DOWN_RAD, BETAS, ELBOWS, load_smpl
from biomech.markers.virtual import load_virtual_markers
from biomech.mesh.chain import TURNING
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.prior import PosePrior

KEYPOINTS = (*POINT_NAMES, "pelvis", "neck", "head_top")  # what data sets may say; neck: between the shoulders' tops

SMPL_BONES = (
    "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot "
    "neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist "
    "left_hand right_hand"
).split()
SMPL_JOINTS = {"pelvis": 0, "neck": 12}  # keypoints that are joints of the kinematic tree
SMPL_JOINTS |= {
    f"{side}_{joint}": SMPL_BONES.index(f"{side}_{joint}")
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
}
# Keypoints that are vertices: of the 6,890 of SMPL and SMPL-H, and of the 10,475 of SMPL-X.
SMPL_VERTICES: dict[str, tuple[int, int | None]] = {
    "nose": (332, 9120),
    "left_eye": (2800, 9448),
    "right_eye": (6260, 9929),
    "left_ear": (583, 6),
    "right_ear": (4071, 616),
    "left_pinky": (2673, 5286),
    "right_pinky": (6133, 8022),
    "left_index": (2319, 4933),
    "right_index": (5782, 7669),
    "left_thumb": (2746, 5361),
    "right_thumb": (6191, 8079),
    "left_heel": (3387, 8846),
    "right_heel": (6787, 8635),
    "left_foot_index": (3216, 5770),
    "right_foot_index": (6617, 8463),
    "head_top": (411, None),
}
SMPL_BODY_BONES = 22  # of SMPL-H and SMPL-X; what follows are jaw, eyes and fingers

# A person upright, face to the lens, axes of the camera.
FACING_ANNY = TO_THE_LENS.tolist()
FACING_SMPL = [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
WITHIN = 0.98  # of the shape's bounds: where the layer's numbers are still finite


class Bodies(NamedTuple):
    """Posed bodies, m, in the axes of the root's rotation and position."""

    joints: Float[Tensor, "batch bones 3"]
    rotations: Float[Tensor, "batch bones 3 3"]  # from rest
    keypoints: Float[Tensor, "batch keypoints 3"]  # of ``keypoint_names``
    surface: Float[Tensor, "batch surface 3"]  # vertices that carry virtual markers


class BodyLayer(nn.Module):
    """One body model: θ and β to joints, keypoints and points of the surface.

    Args:
        tree: names and parents of the bones.
        turning: bones whose rotations a network says; the others stay at rest.
        keypoint_names: those of ``KEYPOINTS`` that the body has: first ``fixed``, then vertices.
        shape_bounds: of a shape that has any.
        coefficients: what weighs the components, of a batch of shapes.
        tensors: ``joints``, ``joint_components``; ``points`` (surface, keypoints that are vertices, crown, sole) with
            ``components``, ``skin_weights`` and, if any, ``pose_components``; ``fixed_bone``, ``fixed_offset`` and
            ``fixed_before`` (in statures, from that bone's joint; turned by the bone and by the one before it);
            ``mean_pose``, ``mean_shape``.
    """

    joints: Tensor
    joint_components: Tensor
    points: Tensor
    components: Tensor
    skin_weights: Tensor
    pose_components: Tensor | None
    fixed_bone: Tensor
    fixed_offset: Tensor
    fixed_before: Tensor
    _fixed_parent: Tensor
    mean_pose: Tensor
    mean_shape: Tensor
    shape_bounds: Tensor | None
    keypoint_rows: Tensor

    def __init__(
        self,
        name: str,
        tree: tuple[list[str], list[int]],
        turning: list[int],
        keypoint_names: list[str],
        shape_names: list[str],
        shape_bounds: Float[Tensor, "shape 2"] | None,
        coefficients: nn.Module,
        tensors: dict[str, Tensor],
    ):
        super().__init__()
        self.name, (self.bone_names, self.parents), self.turning = name, tree, turning
        self.keypoint_names, self.shape_names, self.coefficients = keypoint_names, shape_names, coefficients
        rows = torch.tensor([KEYPOINTS.index(keypoint) for keypoint in keypoint_names])
        optional = {"shape_bounds": shape_bounds, "pose_components": None}
        for key, value in {**optional, **tensors, "keypoint_rows": rows}.items():
            self.register_buffer(key, value, persistent=False)
        self._tree = BoneTree(self.parents)
        before = torch.tensor(self.parents).clamp(min=0)[self.fixed_bone]
        self.register_buffer("_fixed_parent", before, persistent=False)
        self.surface_size = len(self.points) - 2 - (len(keypoint_names) - len(self.fixed_bone))

    def shape(self, numbers: Float[Tensor, "batch shape"]) -> Float[Tensor, "batch shape"]:
        """β from numbers without bounds; 0 is the mean shape."""
        if self.shape_bounds is None:
            return self.mean_shape + numbers
        low, high = self.shape_bounds.unbind(-1)
        share = ((self.mean_shape - low) / (high - low)).clamp(1 - WITHIN, WITHIN)
        return low + (high - low) * torch.sigmoid(torch.logit(share) + numbers)

    def whole_pose(self, rotations: Float[Tensor, "*batch turning 3 3"]) -> Float[Tensor, "*batch bones 3 3"]:
        """Rotations of all bones: the turning ones' as said, the others' at rest."""
        rest = torch.eye(3).to(rotations).expand(*rotations.shape[:-3], len(self.parents), 3, 3)
        return rest.index_copy(-3, torch.tensor(self.turning, device=rotations.device), rotations)

    def at_rest(
        self, betas: Float[Tensor, "batch shape"]
    ) -> tuple[Float[Tensor, "batch points 3"], Float[Tensor, "batch bones 3"]]:
        """The bodies before they are posed.

        Args:
            betas: the body's own shape numbers.

        Returns:
            Points (the surface's ``surface_size`` first) and joints, m, rest axes.
        """
        shares = self.coefficients(betas)
        joints = self.joints + torch.tensordot(shares, self.joint_components, 1)
        return self.points + torch.tensordot(shares, self.components, 1), joints

    def turned(
        self,
        joints: Float[Tensor, "batch bones 3"],
        rotations: Float[Tensor, "batch bones 3 3"],
        root_position_m: Float[Tensor, "batch 3"],
    ) -> Posed:
        """Where the bones are: ``BoneTree.pose``.

        Args:
            joints: at rest, m.
            rotations, root_position_m: as ``forward`` takes them.

        Returns:
            Joints (m) and rotations from rest, in the outer axes.
        """
        return self._tree.pose(joints, rotations, root_position_m)

    def forward(
        self,
        betas: Float[Tensor, "batch shape"],
        rotations: Float[Tensor, "batch bones 3 3"],
        root_position_m: Float[Tensor, "batch 3"],
    ) -> Bodies:
        """Pose the bodies.

        Args:
            betas: the body's own shape numbers, as ``shape`` gives them.
            rotations: each bone's to its parent; the root's: outer axes (as a rule the camera's) from rest.
            root_position_m: where the root's joint is, in the outer axes.

        Returns:
            Joints, orientations, keypoints and surface in the outer axes, m.
        """
        points, joints = self.at_rest(betas)
        stature = points[:, -2, 1] - points[:, -1, 1]
        posed = self.turned(joints, rotations, root_position_m)
        if self.pose_components is not None:
            bent = rotations[:, 1:] - torch.eye(3).to(rotations)
            points = points + (bent.flatten(1) @ self.pose_components).view_as(points)
        shift = posed.joints - (posed.rotations @ joints[..., None])[..., 0]
        transforms = torch.cat([posed.rotations, shift[..., None]], -1).flatten(2)
        blended = (self.skin_weights @ transforms).unflatten(-1, (3, 4))
        skin = (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]
        fixed = posed.joints[:, self.fixed_bone]
        for bones, offsets in ((self.fixed_bone, self.fixed_offset), (self._fixed_parent, self.fixed_before)):
            arms = stature[:, None, None] * offsets
            fixed = fixed + (posed.rotations[:, bones] @ arms[..., None])[..., 0]
        keypoints = torch.cat([fixed, skin[:, self.surface_size : -2]], 1)
        return Bodies(posed.joints, posed.rotations, keypoints, skin[:, : self.surface_size])


class AnnyCoefficients(nn.Module):
    """``AnnyBody``'s shape for many subjects at once: multilinear between the phenotypes' anchors, ± for the others."""

    corners: Tensor

    def __init__(self, anchors: list[Tensor], corners: Tensor):
        super().__init__()
        self.register_buffer("corners", corners, persistent=False)
        for i, values in enumerate(anchors):
            self.register_buffer(f"anchors_{i}", values.contiguous(), persistent=False)
        self.phenotypes = len(anchors)

    def forward(self, shape: Float[Tensor, "batch shape"]) -> Float[Tensor, "batch components"]:
        corner = torch.ones_like(shape[:, :1])
        for i in range(self.phenotypes):
            anchors, value = self.get_buffer(f"anchors_{i}"), shape[:, i].contiguous()
            upper = torch.searchsorted(anchors, value.detach()).clamp(1, len(anchors) - 1)[:, None]
            low, high = anchors[upper - 1], anchors[upper]
            part = (value[:, None] - low) / (high - low)
            weights = torch.zeros(len(shape), len(anchors)).to(shape)
            weights = weights.scatter(1, upper - 1, 1 - part).scatter(1, upper, part)
            corner = (corner[:, :, None] * weights[:, None]).flatten(1)
        local = shape[:, self.phenotypes :]
        either_sign = torch.stack((local * (local >= 0), -local * (local < 0)), 2).flatten(1)
        return torch.cat([corner @ self.corners, either_sign], 1)


def anny_layer() -> BodyLayer:
    """The embedded body; it stands in the mean pose of CMU's motions."""
    whole = AnnyBody.load()
    height = whole.rest(whole.default_shape()).vertices[:, 1]
    crown, sole = int(height.argmax()), int(height.argmin())
    surface = np.unique(load_virtual_markers().vertices).tolist()
    body = AnnyBody.load([*surface, crown, crown, sole])  # the first is the keypoint
    named = Correspondence.load(whole.bone_names).points
    bones = whole.bone_names
    basis = body.basis()
    return BodyLayer(
        "anny",
        (bones, whole.parents),
        [bones.index(name) for name in TURNING],
        [*named.names, "pelvis", "neck", "head_top"],
        whole.shape_names,
        whole.shape_bounds,
        AnnyCoefficients(basis.anchors, basis.corner_coefficients),
        {
            "joints": basis.joints,
            "joint_components": basis.joint_components,
            "points": basis.vertices,
            "components": basis.components,
            "skin_weights": body.skin_weights,
            "fixed_bone": torch.tensor([*named.bone.tolist(), bones.index("Hips"), bones.index("Neck")]),
            "fixed_offset": torch.cat([torch.from_numpy(named.offset).float(), torch.zeros(2, 3)]),
            "fixed_before": torch.cat([torch.from_numpy(named.before).float(), torch.zeros(2, 3)]),
            "mean_pose": _mean_pose_anny(bones),
            "mean_shape": whole.default_shape(),
        },
    )


def smpl_layer(path: Path) -> BodyLayer:
    """SMPL, SMPL-H or SMPL-X from the user's own file (.npz); β are the first ten.

    Raises:
        BioposeError: as ``load_smpl``.
    """
    model = load_smpl(Path(path))
    joints = len(model.parents)
    bones = [*SMPL_BONES, *(f"joint_{i}" for i in range(len(SMPL_BONES), joints))][:joints]
    column = 1 if model.name == "smplx" else 0
    vertices = {name: found[column] for name, found in SMPL_VERTICES.items() if found[column] is not None}
    height = model.template[:, 1]
    rows = [*model.marker_vertices, *vertices.values(), int(height.argmax()), int(height.argmin())]
    with np.load(path, allow_pickle=False) as file:  # the markers' alone are in the model; keypoints need theirs
        weights = torch.from_numpy(file["weights"][rows]).float()
        bent = file["posedirs"].reshape(len(model.template), 3, -1)[rows]
    directions = model.shape_directions[..., :BETAS]
    betas = directions.shape[-1]
    by_joint = np.einsum("jv,vxs->sjx", model.joint_regressor, directions)
    return BodyLayer(
        "smpl" if joints == len(SMPL_BONES) else model.name,
        (bones, model.parents),
        list(range(joints if joints == len(SMPL_BONES) else SMPL_BODY_BONES)),
        [*SMPL_JOINTS, *vertices],
        [f"beta_{i}" for i in range(betas)],
        None,
        nn.Identity(),
        {
            "joints": torch.from_numpy(model.joint_regressor @ model.template).float(),
            "joint_components": torch.from_numpy(by_joint).float(),
            "points": torch.from_numpy(model.template[rows]).float(),
            "components": torch.from_numpy(directions[rows].transpose(2, 0, 1)).float(),
            "skin_weights": weights,
            "pose_components": torch.from_numpy(bent.reshape(3 * len(rows), -1).T.copy()).float(),
            "fixed_bone": torch.tensor(list(SMPL_JOINTS.values())),
            "fixed_offset": torch.zeros(len(SMPL_JOINTS), 3),
            "fixed_before": torch.zeros(len(SMPL_JOINTS), 3),
            "mean_pose": _mean_pose_smpl(joints),
            "mean_shape": torch.zeros(betas),
        },
    )


def _mean_pose_anny(bone_names: list[str]) -> Float[Tensor, "bones 3 3"]:
    prior = PosePrior.load()
    vectors = (prior.log_weights.softmax(0)[:, None] * prior.means.flatten(1)).sum(0).view(-1, 3)
    pose = np.tile(np.eye(3), (len(bone_names), 1, 1))
    pose[0] = FACING_ANNY
    pose[[bone_names.index(name) for name in prior.bone_names]] = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    return torch.from_numpy(pose).float()


def _mean_pose_smpl(joints: int) -> Float[Tensor, "joints 3 3"]:
    """Facing the lens, arms hanging."""
    pose = np.tile(np.eye(3), (joints, 1, 1))
    pose[0] = FACING_SMPL
    for elbow, sign in zip(ELBOWS, (-1.0, 1.0), strict=True):
        pose[elbow - 2] = Rotation.from_rotvec([0, 0, sign * ARM_DOWN_RAD]).as_matrix()  # the shoulder
    return torch.from_numpy(pose).float()
