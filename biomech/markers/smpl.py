"""SMPL-H and SMPL-X bodies from the user's own model files, as far as the virtual markers need them.

Models: Loper et al., "SMPL", SIGGRAPH Asia 2015; Romero et al., "Embodied Hands", SIGGRAPH Asia 2017 (SMPL-H); Pavlakos
et al., "SMPL-X", CVPR 2019. Their licences leave each user to fetch the files. Only plain arrays of an .npz are read:
a .pkl would run what it holds. Vertices, joints and betas are the model's; the world is AMASS's (Z up) and leaves here
as ours (Y up).

SMPL-H vertices of the markers are the published ones of the marker table. For SMPL-X the BSM set's are
(``smplx_vertices.csv``); the others are carried over from the Anny body: a thin-plate spline through the markers known
on both takes Anny's marker to the nearest SMPL-X vertex.
"""

import csv
import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.interpolate import RBFInterpolator
from scipy.spatial.transform import Rotation

from biomech.body.amass import AmassMotion
from biomech.body.anny.model import DENSITY_KG_M3
from biomech.body.body import BoneTree
from biomech.body.sources.model_files import find_model as find_model
from biomech.errors import BioposeError, plainly
from biomech.markers.markers import Markers
from biomech.markers.virtual import from_vertices, load_virtual_markers, marker_body

BETAS = 10  # of the shape space that are drawn
WIDEST = 2.0  # standard deviations
FRAMES_AT_ONCE = 1024
STATIC_RATE_HZ = 100.0
SMPLX_TABLE = Path(__file__).with_name("smplx_vertices.csv")
UPRIGHT_FROM_AMASS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
BODY_FROM_SMPL = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # SMPL: X left, Y up, Z forward
# Joints that carry bony landmarks, by the Anny bone that does.
JOINT_OF_BONE = {"Hips": 0, "LeftUpLeg": 1, "RightUpLeg": 2, "LeftLeg": 4, "RightLeg": 5, "LeftFoot": 7, "RightFoot": 8}
JOINT_OF_BONE |= {
    "LeftToeBase": 10,
    "RightToeBase": 11,
    "Spine1": 9,
    "Head": 15,
    "LeftShoulder": 13,
    "RightShoulder": 14,
}
JOINT_OF_BONE |= {"LeftArm": 16, "RightArm": 17, "LeftForeArm": 18, "RightForeArm": 19, "LeftHand": 20, "RightHand": 21}
LEG = (1, 4, 7)
ELBOWS = (18, 19)  # left, right
# The neutral pose of scaling, as on Anny: arms 14° off the trunk, elbows bent by 18°.
ARM_DOWN_RAD, ELBOW_RAD = np.deg2rad(76.0), np.deg2rad(18.0)
NEAR_FLOOR = ("RHEB", "LHEB", "RTOE", "LTOE")
STANDING_SHARE = 0.4
VERTICES = {6890: "smplh", 10475: "smplx"}
PLAIN_JOINTS = 24  # of SMPL itself, whose surface is SMPL-H's


@dataclass(frozen=True)
class SmplBody:
    """One model file: the whole body for its size, and the 142 vertices that carry markers for its motion."""

    name: str
    parents: list[int]
    template: Float[np.ndarray, "vertices 3"]
    shape_directions: Float[np.ndarray, "vertices 3 betas"]
    joint_regressor: Float[np.ndarray, "joints vertices"]
    faces: Int[np.ndarray, "triangles 3"]
    marker_vertices: Int[np.ndarray, " markers"]

    def rest(self, betas: Float[np.ndarray, " betas"]) -> Float[np.ndarray, "vertices 3"]:
        """The unposed surface, m."""
        used = min(len(betas), self.shape_directions.shape[-1])
        return self.template + self.shape_directions[..., :used] @ betas[:used]

    def joints(self, betas: Float[np.ndarray, " betas"]) -> Float[np.ndarray, "joints 3"]:
        """Joints of the unposed body, m."""
        return self.joint_regressor @ self.rest(betas)

    def leg(self, betas: Float[np.ndarray, " betas"]) -> float:
        """Hip to knee to ankle, m."""
        return float(np.linalg.norm(np.diff(self.joints(betas)[list(LEG)], axis=0), axis=1).sum())

    def stature(self, betas: Float[np.ndarray, " betas"]) -> float:
        """Crown above soles, m."""
        return float(np.ptp(self.rest(betas)[:, 1]))

    def mass(self, betas: Float[np.ndarray, " betas"]) -> float:
        """Volume of the surface times Anny's density, kg."""
        a, b, c = self.rest(betas)[self.faces].swapaxes(0, 1)
        return float(abs(np.einsum("ij,ij->i", np.cross(a, b), c).sum()) / 6 * DENSITY_KG_M3)


@functools.lru_cache(maxsize=4)
def load_smpl(path: Path) -> SmplBody:
    """Read a model file (.npz).

    Raises:
        BioposeError: it is not one of SMPL-H or SMPL-X, or one that only running code could read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in ("v_template", "shapedirs", "J_regressor", "kintree_table", "f")}
    except (OSError, ValueError, KeyError) as error:
        raise BioposeError(
            f"not a body model in plain arrays ({plainly(error)})",
            where=str(path),
            mend="The .npz files that their makers offer are; a .pkl is not read, since reading it runs what it holds.",
        ) from error
    name = VERTICES.get(len(data["v_template"]))
    if name is None:
        raise BioposeError(
            f"the model has {len(data['v_template'])} vertices; SMPL-H 6890, SMPL-X 10475", where=str(path)
        )
    parents = data["kintree_table"][0].astype(np.int64)
    parents[0] = -1
    template = data["v_template"].astype(float)
    vertices = _smplh_vertices() if name == "smplh" else smplx_vertices(template)
    return SmplBody(
        name=name,
        parents=parents.tolist(),
        template=template,
        shape_directions=data["shapedirs"].astype(float),
        joint_regressor=data["J_regressor"].astype(float),
        faces=data["f"].astype(np.int64),
        marker_vertices=vertices,
    )


def random_betas(count: int, rng: np.random.Generator) -> Float[np.ndarray, " betas"]:
    """A random subject: the model's first ten shape numbers from its own normal distribution, none beyond 2 SD.

    Args:
        count: how many numbers the model takes; those after the tenth are 0.
        rng: drawn from.

    Returns:
        Shape numbers, in standard deviations.
    """
    betas = np.zeros(count)
    betas[:BETAS] = np.clip(rng.standard_normal(min(BETAS, count)), -WIDEST, WIDEST)
    return betas


def on_subject(body: SmplBody, motion: AmassMotion, betas: Float[np.ndarray, " betas"]) -> AmassMotion:
    """The motion on another shape of the same body; the pelvis travels as far as the legs are longer.

    Args:
        body: of the motion.
        motion: of its own subject.
        betas: of the other one.

    Returns:
        The same poses; ``trans_m`` is such that the pelvis's way is scaled by the legs' lengths.
    """
    ratio = body.leg(betas) / body.leg(motion.betas)
    pelvis = body.joints(motion.betas)[0] + motion.trans_m
    return replace(motion, betas=betas, trans_m=pelvis * ratio - body.joints(betas)[0])


def smpl_markers(body: SmplBody, motion: AmassMotion) -> Markers:
    """The 142 virtual markers of a motion, m, Y up, the soles on Y = 0 by one constant.

    Args:
        body: of the motion.
        motion: AMASS's, Z up.

    Returns:
        Positions of all frames, from 0 s on.
    """
    positions = _pose(body, motion.betas, motion.poses, motion.trans_m) @ UPRIGHT_FROM_AMASS.T
    names = load_virtual_markers().names
    lowest = positions[:, [names.index(name) for name in NEAR_FLOOR], 1].min(1)
    positions[..., 1] -= np.quantile(lowest, STANDING_SHARE)
    return Markers(list(names), positions, np.arange(len(positions)) / motion.rate_hz)


def neutral_smpl(body: SmplBody, betas: Float[np.ndarray, " betas"], n: int = 5) -> Markers:
    """A static trial for scaling: standing in the neutral pose, facing +X, soles at Y = 0.

    Args:
        body: of the subject.
        betas: the subject's shape numbers.
        n: equal frames, at 100 Hz.

    Returns:
        The 142 virtual markers (m; Y up).
    """
    poses = np.zeros((1, len(body.parents), 3))
    for elbow, sign in zip(ELBOWS, (-1.0, 1.0), strict=True):
        poses[0, elbow - 2, 2] = sign * ARM_DOWN_RAD  # the shoulder
        poses[0, elbow, 1] = sign * ELBOW_RAD
    positions = _pose(body, betas, poses, np.zeros((1, 3))) @ BODY_FROM_SMPL.T
    positions[..., 1] -= body.rest(betas)[:, 1].min()
    names = list(load_virtual_markers().names)
    return Markers(names, np.repeat(positions, n, 0), np.arange(n) / STATIC_RATE_HZ)


def _pose(
    body: SmplBody,
    betas: Float[np.ndarray, " betas"],
    poses: Float[np.ndarray, "frames bones 3"],
    trans_m: Float[np.ndarray, "frames 3"],
) -> Float[np.ndarray, "frames markers 3"]:
    """Markers in the motion's world, each rigidly with its bone, as on Anny, where blended skin slides."""
    joints = torch.from_numpy(body.joints(betas)).float()
    surface = torch.from_numpy(body.rest(betas)[body.marker_vertices]).float()
    tree = BoneTree(body.parents)
    carriers = [JOINT_OF_BONE[bone] for bone in load_virtual_markers().bone]
    arms = (surface - joints[carriers])[..., None]
    matrices = Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(*poses.shape, 3)
    rotations, roots = torch.from_numpy(matrices).float(), torch.from_numpy(trans_m).float() + joints[0]
    positions = []
    for turned, root in zip(rotations.split(FRAMES_AT_ONCE), roots.split(FRAMES_AT_ONCE), strict=True):
        posed = tree.pose(joints, turned, root)
        positions.append(posed.joints[:, carriers] + (posed.rotations[:, carriers] @ arms)[..., 0])
    return torch.cat(positions).double().numpy()


def _smplh_vertices() -> Int[np.ndarray, " markers"]:
    return load_virtual_markers().smpl_vertex


def known_smplx_vertices() -> dict[str, int]:
    """The published vertices of SMPL-X, by marker."""
    with open(SMPLX_TABLE, newline="", encoding="utf-8") as file:
        return {row["marker"]: int(row["vertex"]) for row in csv.DictReader(file)}


def smplx_vertices(template: Float[np.ndarray, "vertices 3"]) -> Int[np.ndarray, " markers"]:
    """Vertices of all 142 markers on SMPL-X, those that are not published carried over.

    Args:
        template: the unposed body, m.

    Returns:
        In the order of the marker table.
    """
    names, known = load_virtual_markers().names, known_smplx_vertices()
    body = marker_body()
    with torch.no_grad():
        anny = from_vertices(body, body.rest(body.default_shape()).vertices).double().numpy()
    anchors = [names.index(name) for name in known]
    spline = RBFInterpolator(anny[anchors], template[list(known.values())], kernel="thin_plate_spline")
    vertices = np.array([known.get(name, -1) for name in names])
    for marker in np.flatnonzero(vertices < 0):
        place = spline(anny[[marker]])[0]
        vertices[marker] = int(np.linalg.norm(template - place, axis=1).argmin())
    return vertices
