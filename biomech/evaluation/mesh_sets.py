"""Data sets whose truth is a body in a camera's axes: 3DPW, EMDB, Human3.6M and BEDLAM, as their makers lay them out.

3DPW's and EMDB's files are pickles; they are looked into only where the user allows it, and then by the reader that
knows arrays alone (``array_files``).
"""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from biomech.array_files import load
from biomech.body.sources.people import Parameters, numbers, vectors
from biomech.errors import BioposeError, plainly
from biomech.evaluation.mesh_score import LSP14, MeshTruth
from biomech.evaluation.sequence import DataSet, EvalSequence, HowFound
from biomech.files import check_file, stamp
from biomech.train.mqhmr.coco import H36M
from biomech.train.mqhmr.smpl_labels import GENDERS

PROTOCOLS = {"3dpw": "lsp14", "emdb": "smpl24", "h36m": "lsp14", "bedlam": "smplx22"}
RATE_HZ = {"3dpw": 30.0, "emdb": 30.0, "h36m": 50.0, "bedlam": 30.0}
H36M_FRONTAL, H36M_HELD_OUT = "60457274", ("9", "11")
H36M_NAME = re.compile(r"S(\d+)_(.+?)\.(\d+)_(\d+)\.\w+$")
BEDLAM_BETAS = 11
WRONG = (KeyError, IndexError, TypeError, ValueError, AttributeError)


def _held(path: Path, allow_pickle: bool) -> Any:
    return _loaded(path, allow_pickle, *stamp(check_file(path)))


@functools.lru_cache(2)  # people and motions of a file are asked for one after the other
def _loaded(path: Path, allow_pickle: bool, size: int, changed_ns: int) -> Any:
    return load(path, allow_pickle=allow_pickle)


def _readable(title: str, path: Path, read: Callable[[], Any]) -> Any:
    """What a reader gives.

    Raises:
        BioposeError: the file is not laid out as the set's are.
    """
    try:
        return read()
    except BioposeError as error:
        raise BioposeError(error.what, where=error.where or str(path), mend=error.mend) from error
    except WRONG as error:
        raise BioposeError(f"not a file of {title} ({plainly(error)})", where=str(path)) from error


def truth_of(dataset: str, sequence: EvalSequence, allow_pickle: bool) -> MeshTruth:
    """The true bodies of a sequence.

    Args:
        dataset: its name.
        sequence: of that data set.
        allow_pickle: whether pickles are looked into.

    Returns:
        Of the frames that count.

    Raises:
        BioposeError: the file is not laid out as the set's are, or no frame counts.
    """
    path = next(iter(sequence.truth.values()))
    read = {"3dpw": _truth_3dpw, "emdb": _truth_emdb, "h36m": _truth_h36m, "bedlam": _truth_bedlam}[dataset]
    truth: MeshTruth = _readable(dataset, path, lambda: read(sequence, allow_pickle))
    if not len(truth.frames):
        raise BioposeError("none of its frames counts", where=sequence.name)
    return truth


def gender_of(dataset: str, sequence: EvalSequence) -> str | None:
    """Whose model a sequence's truth is posed with.

    Args:
        dataset: its name.
        sequence: of that data set.

    Returns:
        female, male or neutral; None where joints are all that is known.
    """
    return None if dataset == "h36m" else sequence.place[1]


def _find_3dpw(root: Path, how: HowFound) -> list[EvalSequence]:
    def read() -> list[EvalSequence]:
        held = _held(path, how.allow_pickle)
        camera, sequences = np.asarray(held["cam_intrinsics"], float), []
        for actor, gender in enumerate(held["genders"]):
            valid = np.flatnonzero(np.asarray(held["campose_valid"][actor], bool))
            film = root / "imageFiles" / path.stem
            known: dict[str, Any] = {"focal_px": float(camera[0, 0])}
            if len(valid):
                joint = np.reshape(held["jointPositions"][actor][valid[0]], (-1, 3))[0]
                pose = np.asarray(held["cam_poses"][valid[0]], float)
                seen = camera @ (pose[:3, :3] @ joint + pose[:3, 3])
                known["person"] = (float(seen[0] / seen[2]), float(seen[1] / seen[2]))
            name, place = f"{path.stem}_{actor}", (actor, GENDERS[str(gender)[0]])
            there = film if film.is_dir() else None
            sequences.append(EvalSequence(name, path.stem, {"truth": path}, there, known, place=place))
        return sequences

    found = []
    for path in sorted((root / "sequenceFiles" / how.split).glob("*.pkl")):
        found += _readable("3DPW", path, read)
    return found


def _truth_3dpw(sequence: EvalSequence, allow_pickle: bool) -> MeshTruth:
    held, (actor, gender) = _held(sequence.truth["truth"], allow_pickle), sequence.place
    valid = np.flatnonzero(np.asarray(held["campose_valid"][actor], bool))
    poses = vectors(numbers(held["poses"][actor], "poses"), "poses", (24,))
    trans, betas = numbers(held["trans"][actor], "trans"), numbers(held["betas"][actor], "betas").ravel()[:10]
    body = Parameters("smpl", gender, poses[valid], trans[valid], betas)
    return MeshTruth(valid, body, numbers(held["cam_poses"], "cam_poses", (None, 4, 4))[valid, :3, :3])


def _find_emdb(root: Path, how: HowFound) -> list[EvalSequence]:
    def read() -> list[EvalSequence]:
        held = _held(path, how.allow_pickle)
        if not bool(held[how.split]):
            return []
        good, boxes = np.asarray(held["good_frames_mask"], bool), np.asarray(held["bboxes"]["bboxes"], float)
        film = path.parent / "images"
        known: dict[str, Any] = {"focal_px": float(np.asarray(held["camera"]["intrinsics"])[0, 0])}
        if good.any():
            box = boxes[np.flatnonzero(good)[0]]
            known["person"] = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        place, there = (0, str(held["gender"])), film if film.is_dir() else None
        return [EvalSequence(str(held["name"]), path.parents[1].name, {"truth": path}, there, known, place=place)]

    found = []
    for path in sorted(root.glob("P*/*/*_data.pkl")):
        found += _readable("EMDB", path, read)
    return found


def _truth_emdb(sequence: EvalSequence, allow_pickle: bool) -> MeshTruth:
    held = _held(sequence.truth["truth"], allow_pickle)
    good, smpl = np.flatnonzero(np.asarray(held["good_frames_mask"], bool)), held["smpl"]
    poses = np.concatenate([numbers(smpl["poses_root"], "poses_root"), numbers(smpl["poses_body"], "poses_body")], 1)
    trans, betas = numbers(smpl["trans"], "trans"), numbers(smpl["betas"], "betas").ravel()[:10]
    body = Parameters("smpl", sequence.place[1], vectors(poses, "poses", (24,))[good], trans[good], betas)
    return MeshTruth(good, body, numbers(held["camera"]["extrinsics"], "extrinsics", (None, 4, 4))[good, :3, :3])


def _find_h36m(root: Path, how: HowFound) -> list[EvalSequence]:
    found: dict[str, EvalSequence] = {}
    for path in sorted(root.rglob("h36m*.npz")):
        names = [str(name) for name in _readable("Human3.6M", path, functools.partial(_h36m_names, path))]
        for row, name in enumerate(names):
            said = H36M_NAME.search(Path(name).name)
            if said is None or said[1] not in H36M_HELD_OUT or (how.split == "p2" and said[3] != H36M_FRONTAL):
                continue
            key = f"S{said[1]}_{said[2]}.{said[3]}"
            if key not in found:
                film = next(
                    (f for f in (root / "images" / Path(name).parent, root / Path(name).parent) if f.is_dir()), None
                )
                film = film if film is not None and film.name == key else None
                group = re.sub(r"[ _]\d+$", "", said[2])
                found[key] = EvalSequence(key, group, {"truth": path}, film, place=([], []))
            if found[key].truth["truth"] == path:  # the same frames may stand in several files
                found[key].place[0].append(int(said[4]))
                found[key].place[1].append(row)
    return list(found.values())


def _h36m_names(path: Path) -> Any:
    return _held(path, False)["imgname"]


def _truth_h36m(sequence: EvalSequence, allow_pickle: bool) -> MeshTruth:
    frames, rows = (np.array(part, int) for part in sequence.place)
    points = numbers(_held(sequence.truth["truth"], False)["S"], "S")[rows]
    if points.ndim != 3 or points.shape[1] != len(H36M):
        raise BioposeError(f"S has the shape {' × '.join(map(str, points.shape))} instead of rows × 17 × 3 or 4")
    joints = points[:, [H36M.index(name) for name in LSP14], :3]
    tall = float(np.median(np.ptp(joints, axis=1).max(1)))
    if not 0.4 < tall < 3:
        raise BioposeError(f"people of {tall:.3g} m: S has to be in metres")
    order = np.argsort(frames)
    return MeshTruth(frames[order], joints_m=joints[order])


def _find_bedlam(root: Path, how: HowFound) -> list[EvalSequence]:
    def read() -> list[EvalSequence]:
        held = _held(path, False)
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in held["imgname"]]
        people = [str(one) for one in held.get("sub", [""] * len(names))]
        if len(people) != len(names) or len(held["pose_cam"]) != len(names):
            raise ValueError
        rows: dict[tuple[str, str], list[int]] = {}
        for row, (name, person) in enumerate(zip(names, people, strict=True)):
            rows.setdefault((str(Path(name).parent), person), []).append(row)
        sequences = []
        for (folder, person), own in rows.items():
            frames = [int(re.findall(r"\d+", Path(names[row]).stem)[-1]) for row in own]
            if len(set(frames)) < len(frames):
                raise BioposeError(f"two people in one picture of {folder}, and no column 'sub' that tells them apart")
            gender = GENDERS[str(held["gender"][own[0]])[0]] if "gender" in held else "neutral"
            name = re.sub(r"[^\w.-]+", "_", "__".join(part for part in (path.stem, folder, person) if part))
            place = (own, gender, frames)
            sequences.append(
                EvalSequence(name, path.stem, {"truth": path}, _bedlam_film(root, path, folder), place=place)
            )
        return sequences

    found = []
    for path in sorted((root / how.split).glob("*.npz")):
        found += _readable("BEDLAM", path, read)
    return found


def _bedlam_film(root: Path, path: Path, folder: str) -> Path | None:
    places = [root / "images" / path.stem / "png" / folder, root / "images" / folder]
    return next((place for place in places if place.is_dir()), None)


def _truth_bedlam(sequence: EvalSequence, allow_pickle: bool) -> MeshTruth:
    held, (rows, gender, frames) = _held(sequence.truth["truth"], False), sequence.place
    order = np.argsort(frames)
    taken = np.array(rows)[order]
    poses = vectors(numbers(held["pose_cam"], "pose_cam")[taken], "pose_cam", (55,))
    betas = numbers(held["shape"], "shape")[taken][:, :BEDLAM_BETAS].mean(0)
    body = Parameters("smplx", gender, poses, np.zeros((len(taken), 3)), betas)
    return MeshTruth(np.array(frames)[order], body)


MESH_SETS = [
    DataSet(
        "3dpw",
        "3DPW",
        "mesh",
        ("test", "validation", "train"),
        "sequenceFiles/test/NAME.pkl and imageFiles/NAME/image_00000.jpg …",
        "virtualhumans.mpi-inf.mpg.de/3DPW",
        _find_3dpw,
    ),
    DataSet(
        "emdb",
        "EMDB",
        "mesh",
        ("emdb1", "emdb2"),
        "P0/SEQUENCE/P0_SEQUENCE_data.pkl and P0/SEQUENCE/images/00000.jpg … to P9",
        "eth-ait.github.io/emdb",
        _find_emdb,
    ),
    DataSet(
        "h36m",
        "Human3.6M",
        "mesh",
        ("p2", "p1"),
        "h36m_NAME.npz (imgname, S: 17 joints in the camera's axes, m) of S9 and S11, as mmpose and SPIN make it, and "
        "images/S9/S9_ACTION.CAMERA/…",
        "vision.imar.ro/human3.6m",
        _find_h36m,
    ),
    DataSet(
        "bedlam",
        "BEDLAM",
        "mesh",
        ("validation", "training"),
        "validation/SCENE.npz (imgname, pose_cam, shape) and images/SCENE/png/seq_000000/…",
        "bedlam.is.tue.mpg.de",
        _find_bedlam,
    ),
]
