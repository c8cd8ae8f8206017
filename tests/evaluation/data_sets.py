"""Small files laid out as the makers of the data sets lay theirs out; the bodies are of ``fake_smpl``."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from fake_smpl import BODY_PARENTS, smplh_arrays, write_smplh
from scipy.io import savemat

FRAMES = 6
K = np.array([[1960.0, 0, 540], [0, 1960.0, 960], [0, 0, 1]])
SMPLX_PARENTS = np.array([*BODY_PARENTS, 15, 15, 15, *(20,) * 15, *(21,) * 15])


def body_models(folder: Path) -> Path:
    """SMPL of three genders, SMPL-X, and the regressor of 17 joints; of a person's size."""
    for seed, gender in enumerate(("NEUTRAL", "MALE", "FEMALE")):
        arrays = smplh_arrays(parents=np.array([*BODY_PARENTS, 20, 21]), seed=seed)
        arrays["v_template"] *= 0.4
        write_smplh(folder / f"smpl/SMPL_{gender}.npz", **arrays)
    arrays = smplh_arrays(10475, parents=SMPLX_PARENTS, seed=4)
    arrays["v_template"] *= 0.4
    write_smplh(folder / "smplx/SMPLX_NEUTRAL.npz", **arrays)
    np.save(folder / "J_regressor_h36m.npy", regressor())
    return folder


def regressor() -> np.ndarray:
    rng, matrix = np.random.default_rng(9), np.zeros((17, 6890))
    for row in matrix:
        row[rng.choice(6890, 30, replace=False)] = 1 / 30
    return matrix


def cameras(rng: np.random.Generator, frames: int = FRAMES) -> np.ndarray:
    """A camera that turns, 4 m away: world to camera."""
    found = np.tile(np.eye(4), (frames, 1, 1))
    for frame, angle in enumerate(np.pi + rng.normal(0, 0.1, frames)):
        c, s = np.cos(angle), np.sin(angle)
        found[frame, :3, :3] = [[1, 0, 0], [0, c, -s], [0, s, c]]
        found[frame, :3, 3] = [0, 0.1 * frame, 4]
    return found


def motion(seed: int, joints: int = 24) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "poses": rng.normal(0, 0.3, (FRAMES, 3 * joints)),
        "trans": rng.normal(0, 0.2, (FRAMES, 3)),
        "betas": rng.normal(0, 1, 10),
        "cameras": cameras(rng),
    }


def write_3dpw(root: Path, split: str = "test") -> dict[str, Any]:
    """Two people, male and female; of the second one the camera is right in four frames only."""
    people = [motion(1), motion(2)]
    data = {
        "sequence": "downtown_walk_00",
        "poses": [one["poses"] for one in people],
        "betas": [np.concatenate([one["betas"], np.zeros(290)]) for one in people],
        "trans": [one["trans"] for one in people],
        "genders": ["m", "f"],
        "jointPositions": [np.tile(one["trans"], (1, 24)) for one in people],
        "cam_poses": people[0]["cameras"],
        "campose_valid": [np.ones(FRAMES, bool), np.arange(FRAMES) > 1],
        "cam_intrinsics": K,
        "poses2d": [np.zeros((FRAMES, 3, 18))] * 2,
        "img_frame_ids": np.arange(FRAMES),
    }
    path = root / "sequenceFiles" / split / "downtown_walk_00.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(data, protocol=2))
    return data


def write_emdb(root: Path) -> dict[str, Any]:
    """A sequence of EMDB 1 with one bad frame, and one of EMDB 2."""
    for name, first in (("P0_00_mvs_a", True), ("P1_14_outdoor_climb", False)):
        one = motion(3)
        data = {
            "name": name,
            "gender": "female",
            "emdb1": first,
            "emdb2": not first,
            "n_frames": FRAMES,
            "good_frames_mask": np.arange(FRAMES) != 2,
            "camera": {"intrinsics": K, "extrinsics": one["cameras"], "width": 1080, "height": 1920},
            "smpl": {
                "poses_root": one["poses"][:, :3],
                "poses_body": one["poses"][:, 3:],
                "trans": one["trans"],
                "betas": one["betas"],
            },
            "kp2d": np.zeros((FRAMES, 24, 2)),
            "bboxes": {"bboxes": np.tile([400.0, 500, 700, 1500], (FRAMES, 1)), "invalid_idxs": np.array([2])},
        }
        subject, sequence = name.split("_", 1)
        path = root / subject / sequence / f"{name}_data.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(data))
    return one


def write_h36m(root: Path) -> np.ndarray:
    """Two cameras of one action of S9, and a frame of S1, which is none of the tests'."""
    names = [
        f"S9/S9_Directions_1.{camera}/S9_Directions_1.{camera}_{frame:06d}.jpg"
        for camera in ("54138969", "60457274")
        for frame in range(1, 22, 5)
    ]
    names.append("S1/S1_Eating.60457274/S1_Eating.60457274_000001.jpg")
    points = np.random.default_rng(5).normal(0, 0.3, (len(names), 17, 4))
    points[..., 3] = 1
    root.mkdir(parents=True, exist_ok=True)
    part = np.zeros((len(names), 17, 3))
    np.savez(
        root / "h36m_test.npz", imgname=names, center=np.zeros((len(names), 2)), scale=np.ones(len(names)),
        part=part, S=points,
    )  # fmt: skip
    return points


def write_bedlam(root: Path) -> dict[str, Any]:
    """Two people in the pictures of a scene, every fifth of them."""
    people = [motion(6, 55), motion(7, 55)]
    folder, frames = root / "validation", 5 * np.arange(FRAMES)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"seq_000000/seq_000000_{frame:04d}.png" for frame in frames]
    np.savez(
        folder / "20221010_3-10_500.npz",
        imgname=names * 2,
        pose_cam=np.concatenate([one["poses"] for one in people]),
        shape=np.concatenate([np.tile(np.append(one["betas"], 0.5), (FRAMES, 1)) for one in people]),
        sub=["rp_aaron"] * FRAMES + ["rp_beth"] * FRAMES,
        gender=["neutral"] * 2 * FRAMES,
    )
    return {"people": people, "frames": frames}


def mot(path: Path, *, seconds: float = 2.0, rate_hz: float = 50.0, begin_s: float = 0.0, off_deg: float = 0.0) -> Path:
    """A .mot of OpenCap's 21 coordinates that move, every rotation but the pelvis's ``off_deg`` off."""
    from biomech.comparison.presets import _presets
    from biomech.kinematics.kinematics import Kinematics
    from biomech.kinematics.mot import write_mot

    names = list(_presets()["opencap-monocular"]["numbers"])
    time_s = np.arange(0, seconds, 1 / rate_hz)
    phase = np.linspace(0, 2, len(names))
    values = 0.4 * np.sin(2 * np.pi * 0.9 * time_s[:, None] + phase) + 0.1 * phase
    rotational = np.array([not name.startswith("pelvis_t") or name == "pelvis_tilt" for name in names])
    values[:, rotational] += np.deg2rad(off_deg) * np.array([not n.startswith("pelvis") for n in names])[rotational]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mot(Kinematics(names, values, time_s + begin_s, rotational), path)
    return path


def write_lab_validation(root: Path) -> None:
    """A walk, a drop jump and a static trial of one subject; two cameras filmed the walk."""
    subject = root / "subject4"
    for trial in ("walking1", "DJ2", "static1"):
        mot(subject / f"OpenSimData/Mocap/IK/{trial}.mot")
    mot(subject / "OpenSimData/Video/HRNet/2-cameras/IK/walking1.mot", off_deg=4.0)
    (subject / "sessionMetadata.yaml").write_text("checkerBoard:\n  size: 1\nheight_m: 1.72\nmass_kg: '66.5'\n")
    for camera in ("Cam1", "Cam3"):
        film = subject / f"VideoData/Session1/{camera}/walking1/walking1_syncdWithMocap.avi"
        film.parent.mkdir(parents=True, exist_ok=True)
        film.write_bytes(b"no film")


def write_movi(root: Path) -> None:
    """A take of two motions, its film, and the labels of one of them."""
    root.mkdir(parents=True, exist_ok=True)
    frames = 480
    move = {
        "markerLocation": np.random.default_rng(0).normal(0, 500, (frames, 2, 3)),
        "markerName": np.array(["LASI", "RASI"], dtype=object),
        "motions_list": np.array(["walking", "side gallop"], dtype=object),
        "flags120": np.array([[1, 240], [241, 480]]),
    }
    person = {"id": 5, "sex": "F", "height": 1.7, "mass": 60.0}
    savemat(root / "F_v3d_Subject_5.mat", {"Subject_5_F": {"subject": person, "move": move}})
    (root / "F_PG1_Subject_5_L.avi").write_bytes(b"no film")
    trial = "movi_Subject_5_F_side_gallop"
    mot(root / f"labels/trials/movi_Subject_5_F/{trial}/{trial}.mot")
