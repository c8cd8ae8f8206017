"""Model files in the form of SMPL, SMPL-H and SMPL-X whose surface is the Anny body's: they drive smplx for real.

The makers' own files may not be handed out. These have the same arrays, shapes, joints and axes, the same numbers of
vertices, and the markers at the published vertices; so what goes in as a motion of ours comes out as one of theirs,
and the truth is known.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.body.sources.model_files import VERTICES
from biomech.body.sources.people import JOINTS
from biomech.markers.smpl import BODY_FROM_SMPL, UPRIGHT_FROM_AMASS, known_smplx_vertices
from biomech.markers.virtual import load_virtual_markers

# The Anny bone of each joint of SMPL; its hands (22, 23) have none of their own.
BONES = (
    "Hips LeftUpLeg RightUpLeg LowerBack LeftLeg RightLeg Spine LeftFoot RightFoot Spine1 LeftToeBase RightToeBase "
    "Neck LeftShoulder RightShoulder Head LeftArm RightArm LeftForeArm RightForeArm LeftHand RightHand"
).split()
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
# Each number of a shape, and which way one goes: Anny's local changes are linear one way.
SHAPES = {
    **{"thigh_length": 1, "shank_length": -1, "upper_arm_length": 1, "forearm_length": 1, "torso_length": -1},
    **{"hip_width": 1, "shoulder_width": 1, "torso_depth": 1, "waist_girth": -1, "foot_size": 1},
}
BETAS, STEP = 10, 0.3
REGRESSED_FROM = 80  # vertices


@dataclass(frozen=True)
class SmplShaped:
    """A model file's arrays, and what its numbers mean on the Anny body."""

    body: str
    arrays: dict[str, np.ndarray]

    def write(self, folder: Path, gender: str = "neutral") -> Path:
        """The file where ``find_model`` looks for it.

        Args:
            folder: the folder of body models.
            gender: in the file's name.

        Returns:
            Its path.
        """
        path = (
            folder
            / {
                "smpl": f"smpl/SMPL_{gender.upper()}.npz",
                "smplh": f"smplh/{gender}/model.npz",
                "smplx": f"smplx/SMPLX_{gender.upper()}.npz",
            }[self.body]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **self.arrays)  # type: ignore[arg-type]
        return path

    def shape(self, betas: Float[np.ndarray, " betas"]) -> Float[np.ndarray, " shape"]:
        """The Anny body's numbers of a person; exact for betas from 0 on."""
        body = AnnyBody.load([0])
        numbers = body.default_shape().double().numpy()
        for beta, (name, sign) in zip(betas, SHAPES.items(), strict=False):
            numbers[body.shape_names.index(name)] += STEP * sign * beta
        return numbers

    def parameters(
        self, motion: BodyMotion, betas: Float[np.ndarray, " betas"], *, z_up: bool
    ) -> tuple[Float[np.ndarray, "frames joints 3"], Float[np.ndarray, "frames 3"]]:
        """Rotation vectors and places of the model's origin that move it as a motion of ours.

        Args:
            motion: of the Anny body with ``shape(betas)``.
            betas: of the person.
            z_up: in a world as AMASS has it; else Y is up.

        Returns:
            rad; m.
        """
        body = AnnyBody.load([0])
        turned = np.empty_like(motion.rotations)
        for bone, parent in enumerate(body.parents):
            own = motion.rotations[:, bone]
            turned[:, bone] = own if parent < 0 else turned[:, parent] @ own
        world = np.stack([turned[:, body.bone_names.index(name)] for name in BONES], 1)
        into = UPRIGHT_FROM_AMASS.T if z_up else np.eye(3)
        vectors = np.zeros((len(world), JOINTS[self.body], 3))
        for joint, parent in enumerate(PARENTS):
            local = (
                into @ world[:, joint]
                if parent < 0
                else BODY_FROM_SMPL.T @ (world[:, parent].swapaxes(1, 2) @ world[:, joint])
            )
            vectors[:, joint] = Rotation.from_matrix(local @ BODY_FROM_SMPL).as_rotvec()
        directions = self.arrays["shapedirs"][..., : len(betas)] @ betas
        pelvis = self.arrays["J_regressor"][0] @ (self.arrays["v_template"] + directions)
        return vectors, motion.root_position_m @ into.T - pelvis


def smpl_shaped(body: str = "smpl", seed: int = 0) -> SmplShaped:
    """The arrays of a model file.

    Args:
        body: smpl, smplh or smplx.
        seed: of which vertices of the Anny body are taken.

    Returns:
        Arrays under the makers' names.
    """
    anny, table = AnnyBody.load(), load_virtual_markers()
    vertices = VERTICES[body]
    corners, shares = _surface(anny, _marker_vertices(body), vertices, np.random.default_rng(seed))

    def rest(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            found = anny.rest(torch.as_tensor(numbers, dtype=torch.float32))
        points = (found.vertices.double().numpy()[corners] * shares[..., None]).sum(1)
        joints = found.joints.double().numpy()[[anny.bone_names.index(name) for name in BONES]]
        return points @ BODY_FROM_SMPL, joints @ BODY_FROM_SMPL

    default = anny.default_shape().double().numpy()
    template, joints = rest(default)
    points, moved = [template], [joints]
    for name, sign in SHAPES.items():
        numbers = default.copy()
        numbers[anny.shape_names.index(name)] += STEP * sign
        changed = rest(numbers)
        points.append(changed[0] - template)
        moved.append(changed[1] - joints)
    weights = _weights(anny, corners, shares, JOINTS[body])
    regressor = np.zeros((JOINTS[body], vertices))
    for joint in range(JOINTS[body]):
        row = min(joint, len(BONES) - 1) if joint < 24 else 20 + (joint % 2)
        row = {22: 20, 23: 21}.get(joint, row)
        regressor[joint] = _regressed(np.stack(points), np.stack(moved)[:, row])
    parents = [*PARENTS, *([20, 21] if body == "smpl" else [20] * (JOINTS[body] - len(PARENTS)))]
    nearest = cKDTree(template).query(template, 3)[1]
    assert len(table.names) <= vertices
    return SmplShaped(
        body,
        {
            "v_template": template,
            "shapedirs": np.stack(points[1:], -1),
            "posedirs": np.zeros((vertices, 3, 9 * (JOINTS[body] - 1))),
            "J_regressor": regressor,
            "weights": weights,
            "kintree_table": np.stack([np.array([2**32 - 1, *parents[1:]]), np.arange(len(parents))]).astype(np.uint32),
            "f": np.asarray(nearest, np.uint32),
        },
    )


def _marker_vertices(body: str) -> dict[str, int]:
    if body == "smplx":
        return known_smplx_vertices()
    table = load_virtual_markers()
    return dict(zip(table.names, table.smpl_vertex.tolist(), strict=True))


def _surface(
    anny: AnnyBody, markers: dict[str, int], vertices: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, "vertices 3"], Float[np.ndarray, "vertices 3"]]:
    """Where on the Anny body each vertex is: the markers' at their places, the others at vertices, no two at one."""
    table = load_virtual_markers()
    chosen = rng.permutation(len(anny.vertices))[:vertices]
    corners = np.repeat(chosen[:, None], 3, 1)
    shares = np.tile([1.0, 0.0, 0.0], (vertices, 1))
    for name, vertex in markers.items():
        row = table.names.index(name)
        corners[vertex], shares[vertex] = table.vertices[row], table.shares[row]
    return corners, shares


def _weights(
    anny: AnnyBody, corners: np.ndarray, shares: np.ndarray, joints: int
) -> Float[np.ndarray, "vertices joints"]:
    own = (anny.skin_weights.double().numpy()[corners] * shares[..., None]).sum(1)
    weights = np.zeros((len(corners), joints))
    for bone in range(len(anny.bone_names)):
        above = bone
        while anny.bone_names[above] not in BONES:
            above = anny.parents[above]
        weights[:, BONES.index(anny.bone_names[above])] += own[:, bone]
    return weights


def _regressed(points: Float[np.ndarray, "shapes vertices 3"], joint: Float[np.ndarray, "shapes 3"]) -> np.ndarray:
    """The least weights of sum 1 that give a joint for the template and all changes of shape."""
    near = np.atleast_1d(cKDTree(points[0]).query(joint[0], REGRESSED_FROM)[1])
    left = np.concatenate([points[:, near].transpose(0, 2, 1).reshape(-1, len(near)), np.ones((1, len(near)))])
    row = np.zeros(points.shape[1])
    row[near] = np.linalg.lstsq(left, np.append(joint.ravel(), 1.0), rcond=None)[0]
    return row
