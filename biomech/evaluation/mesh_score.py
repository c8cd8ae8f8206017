"""Scores of recovered bodies, as the papers on 3DPW, EMDB and Human3.6M have them.

MPJPE and PVE: mean distances (mm) in the camera's axes after the middle of both hips is laid on the true one; PA-MPJPE:
after a similarity alignment of every frame. The joints are regressed from the vertices: ``lsp14``, 14 joints by
J_regressor_h36m.npy (3DPW, Human3.6M); ``smpl24``, the 24 of SMPL by the model's own regressor (EMDB); ``smplx22``, the
22 of SMPL-X's body (BEDLAM). True bodies are posed with the model of their own gender, predicted ones regressed by the
neutral one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from biomech.array_files import load
from biomech.body.sources.model_files import find_model, read_model
from biomech.body.sources.people import Parameters
from biomech.body.sources.surface import surface_of
from biomech.comparison.metrics import mpjpe_mm, pa_mpjpe_mm
from biomech.errors import BioposeError
from biomech.evaluation.sequence import Figures
from biomech.mesh.mqhmr.bodies import SMPL_BONES

LSP14 = (
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow right_shoulder "
    "left_shoulder left_elbow left_wrist neck head_top"
).split()
# Rows of the regressor's 17, whose left leg comes first.
H36M_ROWS = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
H36M_FILE = "J_regressor_h36m.npy"
JOINTS = {"lsp14": LSP14, "smpl24": SMPL_BONES, "smplx22": SMPL_BONES[:22]}
BODIES = {"lsp14": "smpl", "smpl24": "smpl", "smplx22": "smplx"}
FRAMES_AT_ONCE = 256
Points = Float[np.ndarray, "frames points 3"]


@dataclass(frozen=True)
class MeshTruth:
    """What is true of one person in one row of pictures.

    Attributes:
        frames: numbers of those that count.
        body: in each of these frames; or None.
        rotation_camera_from_world: of the world in which the body is posed.
        joints_m: of ``LSP14``, in camera axes, where the data set says no more.
    """

    frames: Int[np.ndarray, " frames"]
    body: Parameters | None = None
    rotation_camera_from_world: Float[np.ndarray, "frames 3 3"] | None = None
    joints_m: Points | None = None


@dataclass(frozen=True)
class MeshAnswer:
    """What a system says, in camera axes (m); ``frames`` are numbered as the truth's.

    Attributes:
        frames: numbers of those that it has an answer for.
        vertices_m: of SMPL or SMPL-X; None: joints alone.
        joints_m: of ``joint_names``.
        joint_names: of the protocol's names.
    """

    frames: Int[np.ndarray, " frames"]
    vertices_m: Points | None = None
    joints_m: Points | None = None
    joint_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Regressors:
    """From vertices to a protocol's joints.

    Attributes:
        joints: the protocol.
        body_models: the user's folder.
        allow_pickle: whether a model's .pkl may be looked into.
    """

    joints: str
    body_models: Path | None
    allow_pickle: bool = False

    def files(self, gender: str | None) -> dict[str, Path]:
        """Files that a score hangs on: the regressor and, of a body with a gender, its model.

        Raises:
            BioposeError: one is not there; the message says what to put where.
        """
        found = {}
        if self.joints == "lsp14":
            found["regressor"] = self._h36m_file()
        elif gender is not None:
            found["neutral model"] = find_model(self.body_models, BODIES[self.joints], "neutral")
        if gender is not None:
            found["model"] = find_model(self.body_models, BODIES[self.joints], gender)
        return found

    def of(self, gender: str) -> Float[np.ndarray, "joints vertices"]:
        """The regressor of a gender's body.

        Raises:
            BioposeError: a file is not there or is another one.
        """
        if self.joints == "lsp14":
            path = self._h36m_file()
            matrix = np.asarray(load(path), float)
            if matrix.shape != (17, 6890):
                shape = " × ".join(map(str, matrix.shape))
                raise BioposeError(f"the regressor is {shape} instead of 17 × 6890", where=str(path))
            return matrix[list(H36M_ROWS)]
        body = BODIES[self.joints]
        model = find_model(self.body_models, body, gender)
        matrix = read_model(model, body, allow_pickle=self.allow_pickle)["J_regressor"]
        return np.asarray(matrix, float)[: len(JOINTS[self.joints])]

    def _h36m_file(self) -> Path:
        mend = (
            f"Put {H36M_FILE} (17 × 6890; it comes with the data of SPIN, VIBE and HMR2.0) into the folder that you "
            "give as `body_models`."
        )
        if self.body_models is None:
            raise BioposeError("the 14 joints of this protocol need a regressor, which cannot be shipped", mend=mend)
        path = self.body_models / H36M_FILE
        if not path.is_file():
            raise BioposeError("there is no joint regressor", where=str(path), mend=mend)
        return path


def score_mesh(truth: MeshTruth, answer: MeshAnswer, regressors: Regressors) -> Figures:
    """Errors over the true frames that the answer has.

    Args:
        truth: of the sequence.
        answer: of a system.
        regressors: of the protocol.

    Returns:
        ``mpjpe_mm``, ``pa_mpjpe_mm`` and, where both have vertices, ``pve_mm``; ``frames``, the share of true frames
        without an answer (``missing``) and how many ``joints`` were compared.

    Raises:
        BioposeError: they share no frame, or are of different bodies.
    """
    shared, rows, theirs = np.intersect1d(truth.frames, answer.frames, return_indices=True)
    if not len(shared):
        raise BioposeError(
            f"the answer has none of the {len(truth.frames)} frames that count (they are numbered "
            f"{truth.frames.min()} to {truth.frames.max()}, the answer's {answer.frames.min()} to "
            f"{answer.frames.max()})",
            mend="Number the frames as the data set's pictures are (frame_ids), from 0.",
        )
    sums: Figures = {}
    names = list(answer.joint_names) or list(JOINTS[regressors.joints])
    own = regressors.of("neutral") if answer.joints_m is None else None
    for first in range(0, len(shared), FRAMES_AT_ONCE):
        some = slice(first, first + FRAMES_AT_ONCE)
        for name, value in _chunk(truth, answer, rows[some], theirs[some], names, own, regressors).items():
            sums[name] = sums.get(name, 0.0) + value * len(shared[some])
    figures = {name: value / len(shared) for name, value in sums.items()}
    figures.setdefault("pve_mm", float("nan"))
    missing = 1 - len(shared) / len(truth.frames)
    return figures | {"frames": float(len(shared)), "missing": missing, "joints": float(len(names))}


def _chunk(
    truth: MeshTruth,
    answer: MeshAnswer,
    rows: np.ndarray,
    theirs: np.ndarray,
    names: list[str],
    own: Float[np.ndarray, "joints vertices"] | None,
    regressors: Regressors,
) -> Figures:
    true_vertices, true_joints = _true(truth, rows, regressors)
    every = JOINTS[regressors.joints]
    true_joints = true_joints[:, [every.index(name) for name in names]]
    root = [names.index("left_hip"), names.index("right_hip")]
    vertices = None if answer.vertices_m is None else answer.vertices_m[theirs].astype(float)
    if answer.joints_m is not None:
        joints = answer.joints_m[theirs]
    else:
        assert vertices is not None and own is not None
        if vertices.shape[1] != own.shape[1]:
            raise BioposeError(
                f"a surface of {vertices.shape[1]} vertices; this data set is judged on {own.shape[1]} "
                f"({BODIES[regressors.joints].upper()})",
                mend="Convert the answer to that body first.",
            )
        joints = np.einsum("jv,fvx->fjx", own, vertices)
    found = {"mpjpe_mm": mpjpe_mm(joints, true_joints, root), "pa_mpjpe_mm": pa_mpjpe_mm(joints, true_joints)}
    if vertices is not None and true_vertices is not None:
        ours, real = (
            points - place[:, root].mean(1, keepdims=True)
            for points, place in ((vertices, joints), (true_vertices, true_joints))
        )
        found["pve_mm"] = 1000 * float(np.linalg.norm(ours - real, axis=-1).mean())
    return found


def _true(truth: MeshTruth, rows: np.ndarray, regressors: Regressors) -> tuple[Points | None, Points]:
    """Vertices, if there are any, and joints, in camera axes (m; about any origin)."""
    if truth.body is None:
        assert truth.joints_m is not None
        return None, truth.joints_m[rows]
    body = truth.body
    part = Parameters(body.body, body.gender, body.rotations[rows], body.trans_m[rows], body.betas)
    vertices, _, _ = surface_of(part, regressors.body_models, allow_pickle=regressors.allow_pickle)
    turned = vertices.astype(float)
    if truth.rotation_camera_from_world is not None:
        turned = np.einsum("fij,fvj->fvi", truth.rotation_camera_from_world[rows], turned)
    return turned, np.einsum("jv,fvx->fjx", regressors.of(body.gender), turned)
