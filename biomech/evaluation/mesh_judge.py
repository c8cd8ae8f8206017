"""Films against bodies: the moving body of `biopose mesh`, or another system's meshes or joints."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from biomech.array_files import SUFFIXES, load
from biomech.body.motion import BodyMotion
from biomech.body.sources.people import numbers
from biomech.body.sources.read import HowRead, read_meshes
from biomech.errors import BioposeError
from biomech.evaluation.judge import EvalOptions, Judge, film_of
from biomech.evaluation.mesh_score import JOINTS, MeshAnswer, Regressors, score_mesh
from biomech.evaluation.mesh_sets import PROTOCOLS, RATE_HZ, gender_of, truth_of
from biomech.evaluation.sequence import DataSet, EvalSequence, Figures
from biomech.markers.smpl import JOINT_OF_BONE
from biomech.mesh.mqhmr.bodies import SMPL_BONES, anny_layer
from biomech.pipeline.run import run_mesh

CODE = ("biomech.evaluation.mesh_score", "biomech.evaluation.mesh_sets", "biomech.evaluation.mesh_judge")
JOINT_FILE = {"joints", "frames"}
# The Anny bone at which each of SMPL's joints lies; its hands' last joints have none.
BONE_OF_JOINT = {SMPL_BONES[joint]: bone for bone, joint in JOINT_OF_BONE.items()} | {
    "spine1": "LowerBack",
    "spine2": "Spine",
    "neck": "Neck",
}


def mesh_judge(dataset: DataSet, options: EvalOptions) -> Judge:
    """Of a data set whose truth is a body; every frame counts alike.

    Args:
        dataset: of ``mesh_sets``.
        options: the user's; body models and regressors among them.

    Returns:
        What makes and scores answers.
    """
    name, pickle = dataset.name, options.how.allow_pickle
    regressors = Regressors(PROTOCOLS[name], options.body_models, pickle)

    def own(sequence: EvalSequence, folder: Path) -> Path:
        # What the score will need is looked at before a film is run for minutes.
        truth_of(name, sequence, pickle)
        if (gender := gender_of(name, sequence)) is not None:
            regressors.files(gender)
        told = replace(options.options, overlay=False, report=False, rate_hz=RATE_HZ[name], **sequence.known)
        return run_mesh(film_of(sequence), folder / "biopose", told, overwrite=options.overwrite).motion

    def score(sequence: EvalSequence, answer: Path, ours: bool) -> Figures:
        truth = truth_of(name, sequence, pickle)
        said = own_answer(answer, film_of(sequence), RATE_HZ[name], regressors.joints) if ours else None
        return score_mesh(truth, said or read_answer(answer, regressors), regressors)

    def inputs(sequence: EvalSequence) -> Mapping[str, Path]:
        try:
            return regressors.files(gender_of(name, sequence))
        except BioposeError:  # told by who needs one: an answer of joints alone, on joints alone, does not
            return {}

    return Judge(SUFFIXES, own, score, inputs, {"protocol": regressors.joints}, CODE, weighted=True)


def read_answer(path: Path, regressors: Regressors) -> MeshAnswer:
    """Another system's answer for one person.

    Args:
        path: a file of any source that ``body.sources`` reads (vertices, or SMPL's parameters), in the camera's axes;
            or an .npz of ``joints`` (frames × joints × 3, m, in the protocol's order) and, if need be, ``frames``.
        regressors: of the protocol.

    Returns:
        Frames are numbered as the file has them, else from 0.

    Raises:
        BioposeError: the file cannot be used.
    """
    joints = _joints_alone(path, regressors)
    if joints is not None:
        return joints
    # One frame a second: times are then the frames' numbers.
    how = HowRead(regressors.body_models, regressors.allow_pickle, camera="camera", rate_hz=1.0)
    mesh = read_meshes(path, how)
    seen = mesh.seen
    return MeshAnswer(np.round(mesh.time_s[seen]).astype(int), mesh.vertices_m[seen])


def _joints_alone(path: Path, regressors: Regressors) -> MeshAnswer | None:
    if path.suffix.lower() != ".npz":
        return None
    held = load(path, allow_pickle=regressors.allow_pickle)
    if "joints" not in held or not set(held) <= JOINT_FILE:
        return None
    names = JOINTS[regressors.joints]
    try:
        joints = numbers(held["joints"], "joints", (None, len(names), 3))
        frames = np.arange(len(joints)) if "frames" not in held else np.ravel(held["frames"]).astype(int)
    except BioposeError as error:
        raise BioposeError(error.what, where=str(path), mend=f"The joints are {', '.join(names)}.") from error
    if len(frames) != len(joints) or len(set(frames.tolist())) < len(frames):
        raise BioposeError(f"{len(frames)} numbers of frames for {len(joints)} frames", where=str(path))
    return MeshAnswer(frames, joints_m=joints, joint_names=tuple(names))


def own_answer(motion: Path, pictures: Path, rate_hz: float, protocol: str) -> MeshAnswer:
    """BioPose's body, as far as it has the protocol's joints: Anny's own, whose places differ from SMPL's a little.

    Args:
        motion: the run's .npz.
        pictures: the folder that it was recovered from; its names number the frames.
        rate_hz: at which the pictures were taken to follow each other.
        protocol: whose joints.

    Returns:
        In the axes of the camera of each frame.

    Raises:
        BioposeError: the motion has no camera.
    """
    body = BodyMotion.load(motion)
    if body.camera is None:
        raise BioposeError("the motion has no camera, in whose axes it could be judged", where=str(motion))
    layer = anny_layer()
    with torch.no_grad():
        posed = layer(
            torch.as_tensor(body.shape, dtype=torch.float32)[None].expand(len(body.time_s), -1),
            torch.as_tensor(body.rotations, dtype=torch.float32),
            torch.as_tensor(body.root_position_m, dtype=torch.float32),
        )
    if protocol == "lsp14":
        names = tuple(JOINTS[protocol])
        points = posed.keypoints[:, [layer.keypoint_names.index(name) for name in names]]
    else:
        names = tuple(name for name in JOINTS[protocol] if name in BONE_OF_JOINT)
        points = posed.joints[:, [layer.bone_names.index(BONE_OF_JOINT[name]) for name in names]]
    seen = body.camera.to_camera(points.double().numpy())
    if body.camera_turns is not None:
        seen = np.einsum("fij,fpj->fpi", body.camera_turns, seen)
    return MeshAnswer(_numbers(pictures, body.time_s, rate_hz), joints_m=seen, joint_names=names)


def _numbers(pictures: Path, time_s: np.ndarray, rate_hz: float) -> np.ndarray:
    """The pictures' own numbers at some times; where their names have none they count from 0."""
    places = np.round(time_s * rate_hz).astype(int)
    if not pictures.is_dir():
        return places
    said = [
        re.findall(r"\d+", path.stem) for path in sorted(pictures.iterdir()) if path.suffix.lower() in (".jpg", ".png")
    ]
    numbered = sorted(int(one[-1]) for one in said if one)
    if not numbered:
        return places
    step = int(np.diff(numbered).min()) if len(numbered) > 1 else 1
    return numbered[0] + max(step, 1) * places
