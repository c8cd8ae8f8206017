"""Measures, on rendered bodies, which points of the body the detector's points are and how far off it is there.

`python -m biomech.mesh.calibrate SHARDS` rewrites ``correspondence.json``.
"""

import json
import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.files import whole_file
from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.mesh.correspondence import FILE
from biomech.mesh.rays import towards

# The bone that each point moves with; right as left.
BONES = {
    **dict.fromkeys(["nose", "left_eye_inner", "left_eye", "left_eye_outer", "left_ear", "mouth_left"], "Head"),
    "left_shoulder": "LeftArm",
    "left_elbow": "LeftForeArm",
    "left_wrist": "LeftHand",
    "left_pinky": "LeftHand",
    "left_index": "LeftHand",
    "left_thumb": "LeftHand",
    "left_hip": "LeftUpLeg",
    "left_knee": "LeftLeg",
    "left_ankle": "LeftFoot",
    "left_heel": "LeftFoot",
    "left_foot_index": "LeftToeBase",
}
CONFIDENT = 0.5
ROBUST_PX_OF_SIZE = 0.02
STEPS = 12


def read_shards(folder: Path, pattern: str) -> dict[str, np.ndarray]:
    """All frames of the shards, in one row each."""
    columns: dict[str, list[np.ndarray]] = {}
    for path in sorted(Path(folder).glob(pattern)):
        with np.load(path) as data:
            frames = data["xy"].shape[1]
            for key in data:
                value = data[key]
                flat = value.reshape(-1, *value.shape[2:]) if value.ndim > 2 else np.repeat(value, frames, axis=0)
                columns.setdefault(key, []).append(flat.astype(np.float64))
    return {key: np.concatenate(parts) for key, parts in columns.items()}


def calibrate(frames: dict[str, np.ndarray], bone_names: list[str]) -> list[dict]:
    """The table of ``correspondence.json``: least squares on the projections, robust, left and right together."""
    rows = {}
    for left, bone in BONES.items():
        right = _other(left)
        sides = [(left, bone, 1.0)]
        if right != left:
            sides.append((right, bone.replace("Left", "Right"), -1.0))
        offset = _offset(frames, bone_names, sides) * [1, 1, right != left]  # the nose is in the middle
        for name, side_bone, sign in sides:
            rows[name] = {"name": name, "bone": side_bone, "offset": (offset * [1, 1, sign]).round(5).tolist()}
    table = [rows[name] for name in POINT_NAMES]
    points = body_points(frames, bone_names, table)
    confident = frames["confidence"] > CONFIDENT
    picture = np.abs(_project(points, frames) - frames["xy"]) / _pixels_per_stature(frames)[:, None, None]
    turn = towards(frames["xy"], frames["confidence"], frames["center_px"], frames["focal_px"])
    truth = np.einsum("fji,fpj->fpi", turn, points) / frames["stature_m"][:, None, None]
    said = frames["world_m"] / frames["stature_m"][:, None, None]
    apart = np.abs((truth - truth.mean(1, keepdims=True)) - (said - said.mean(1, keepdims=True)))
    for p, row in enumerate(table):
        seen = confident[:, p]
        row["picture_sd"] = round(float(1.4826 * np.median(picture[seen, p])), 5)
        row["landmark_sd"] = (1.4826 * np.median(apart[seen, p], axis=0)).round(5).tolist()
    # Left and right err alike; a difference would be chance.
    for row in table:
        partner = rows[_other(row["name"])]
        for key in ("picture_sd", "landmark_sd"):
            mean = np.mean([row[key], partner[key]], axis=0).round(5).tolist()
            row[key], partner[key] = mean, mean
    return table


def body_points(
    frames: dict[str, np.ndarray], bone_names: list[str], table: list[dict]
) -> Float[np.ndarray, "frames points 3"]:
    """Where the table's points truly were, camera axes, m."""
    bones = [bone_names.index(row["bone"]) for row in table]
    offsets = np.array([row["offset"] for row in table])
    turned = np.einsum("fpij,pj->fpi", frames["turned"][:, bones], offsets)
    return frames["joints"][:, bones] + frames["stature_m"][:, None, None] * turned


def _offset(frames: dict[str, np.ndarray], bone_names: list[str], sides: list[tuple[str, str, float]]) -> np.ndarray:
    offset = np.zeros(3)
    robust = ROBUST_PX_OF_SIZE
    for _ in range(STEPS):
        normal, right = 1e-6 * np.eye(3), np.zeros(3)
        for name, bone, sign in sides:
            b, p = bone_names.index(bone), POINT_NAMES.index(name)
            turn = frames["turned"][:, b] * frames["stature_m"][:, None, None] * np.array([1, 1, sign])
            point = frames["joints"][:, b] + turn @ offset
            focal = frames["focal_px"][:, None]
            scale = _pixels_per_stature(frames)
            residual = point[:, :2] / point[:, 2:] * focal + frames["center_px"] - frames["xy"][:, p]
            residual = residual / scale[:, None]
            by_point = np.zeros((len(point), 2, 3))
            by_point[:, 0, 0] = by_point[:, 1, 1] = 1
            by_point[:, :, 2] = -point[:, :2] / point[:, 2:]
            jacobian = (by_point * (focal / point[:, 2:] / scale[:, None])[..., None]) @ turn
            weight = (frames["confidence"][:, p] > CONFIDENT) / (1 + np.square(residual).sum(1) / robust**2) ** 2
            normal += np.einsum("f,fri,frj->ij", weight, jacobian, jacobian)
            right += np.einsum("f,fri,fr->i", weight, jacobian, residual)
        offset = offset - np.linalg.solve(normal, right)
    return offset


def _project(points: np.ndarray, frames: dict[str, np.ndarray]) -> np.ndarray:
    return points[..., :2] / points[..., 2:] * frames["focal_px"][:, None, None] + frames["center_px"][:, None]


def _pixels_per_stature(frames: dict[str, np.ndarray]) -> np.ndarray:
    return frames["focal_px"] * frames["stature_m"] / frames["joints"][:, 0, 2]


def _other(name: str) -> str:
    return POINT_NAMES[MIRRORED[POINT_NAMES.index(name)]]


def main(folder: str) -> None:
    """Rewrite the table from the training shards in a folder."""
    body = AnnyBody.load([0])
    frames = read_shards(Path(folder), "train_*.npz")
    table = calibrate(frames, body.bone_names)
    about = (
        f"Body points of BlazePose heavy on the Anny body (offsets from a bone's joint, rest axes, in statures) and its"
        f" spread, from {len(frames['xy'])} rendered frames; python -m biomech.mesh.calibrate"
    )
    with whole_file(FILE) as temporary:
        rows = ",\n  ".join(json.dumps(row) for row in table)
        temporary.write_text(f'{{\n "about": {json.dumps(about)},\n "points": [\n  {rows}\n ]\n}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
