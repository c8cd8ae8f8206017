"""Measures, on rendered bodies, which points of the body the detector's points are and how far off it is there.

`python -m biomech.train.correspondence CLIPS` rewrites ``correspondence.json``; `biopose train clips` makes the clips.
"""

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.camera import NEAREST_M, projected
from biomech.files import whole_file
from biomech.keypoints.blazepose import MIRRORED, POINT_NAMES
from biomech.mesh.correspondence import FILE
from biomech.mesh.rays import towards
from biomech.train.synthetic.clips import Clip, clip_paths

# The bone whose joint each point is measured from; right as left.
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
# Points over a joint, which move with both of its bones.
BETWEEN = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
CONFIDENT = 0.5
ROBUST_PX_OF_SIZE = 0.02
STEPS = 12


@dataclass
class Seen:
    """Frames of bodies whose truth is known, and what the detector said; camera axes, m, px."""

    xy: Float[np.ndarray, "frames points 2"]
    confidence: Float[np.ndarray, "frames points"]
    world_m: Float[np.ndarray, "frames points 3"]
    joints: Float[np.ndarray, "frames bones 3"]
    turned: Float[np.ndarray, "frames bones 3 3"]  # camera from rest
    stature_m: Float[np.ndarray, " frames"]
    focal_px: Float[np.ndarray, " frames"]
    center_px: Float[np.ndarray, "frames 2"]


def read_clips(folder: Path, split: str, body: AnnyBody) -> Seen:
    """All frames of the clips of a split.

    Args:
        folder: of `biopose train clips`.
        split: ``train`` or ``held_out``.
        body: whose clips they have to be; it poses them.

    Returns:
        Clip after clip, in double precision.

    Raises:
        BioposeError: there are none, or one is of another body.
    """
    parts: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Seen)}
    for path in clip_paths(folder, split):
        clip = Clip.load(path, maps=False, body=body.name)
        shape, frames = torch.from_numpy(clip.betas).float(), len(clip.xy)
        with torch.no_grad():
            root = torch.from_numpy(clip.root_position_m).float()
            posed = body.pose(body.rest(shape), torch.from_numpy(clip.rotations).float(), root)
        found = Seen(
            clip.xy,
            clip.confidence,
            clip.world_m,
            posed.joints.numpy(),
            posed.rotations.numpy(),
            np.full(frames, float(body.stature(shape))),
            np.full(frames, clip.focal_px),
            np.tile(clip.principal_px, (frames, 1)),
        )
        for name, column in parts.items():
            column.append(getattr(found, name))
    return Seen(**{name: np.concatenate(column).astype(np.float64) for name, column in parts.items()})


def calibrate(frames: Seen, body: AnnyBody) -> list[dict]:
    """The table of ``correspondence.json``: least squares on the projections, robust, left and right together.

    Args:
        frames: all of them count; a point only where its confidence is above ``CONFIDENT``.
        body: whose bones the points are measured from.

    Returns:
        A row for each of ``POINT_NAMES``: its bone, ``offset`` (turned by the bone) and ``before`` (turned by the one
        before it), both from the bone's joint in rest axes; the detector's ``picture_sd`` and ``landmark_sd`` (right,
        down, away). All in statures.
    """
    rows = {}
    for left, bone in BONES.items():
        right = _other(left)
        sides = [(left, bone, 1.0)]
        if right != left:
            sides.append((right, bone.replace("Left", "Right"), -1.0))
        offsets = _offsets(frames, body, sides, between=left.endswith(BETWEEN))
        offsets = offsets * [1, 1, right != left]  # the nose is in the middle
        for name, side_bone, sign in sides:
            offset, before = (offsets * [1, 1, sign]).round(5).tolist()
            rows[name] = {"name": name, "bone": side_bone, "offset": offset, "before": before}
    table = [rows[name] for name in POINT_NAMES]
    points = body_points(frames, body, table)
    confident = frames.confidence > CONFIDENT
    picture = np.abs(_project(points, frames) - frames.xy) / _pixels_per_stature(frames)[:, None, None]
    turn = towards(frames.xy, frames.confidence, frames.center_px, frames.focal_px)
    truth = np.einsum("fji,fpj->fpi", turn, points) / frames.stature_m[:, None, None]
    said = frames.world_m / frames.stature_m[:, None, None]
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


def body_points(frames: Seen, body: AnnyBody, table: list[dict]) -> Float[np.ndarray, "frames points 3"]:
    """Where the table's points truly were.

    Args:
        frames: whose joints, rotations and statures are used.
        body: that the frames are of.
        table: rows as ``calibrate`` gives them.

    Returns:
        A point for each row, in camera axes, m.
    """
    bones = [body.bone_names.index(row["bone"]) for row in table]
    turned = np.zeros((len(frames.xy), len(table), 3))
    for key, turning in (("offset", bones), ("before", [body.parents[bone] for bone in bones])):
        turned += np.einsum("fpij,pj->fpi", frames.turned[:, turning], np.array([row[key] for row in table]))
    return frames.joints[:, bones] + frames.stature_m[:, None, None] * turned


def _offsets(
    frames: Seen, body: AnnyBody, sides: list[tuple[str, str, float]], between: bool
) -> Float[np.ndarray, "2 3"]:
    """Of a point from its joint: the part that turns with the bone, and the part that turns with the bone before."""
    free = 6 if between else 3
    focal, scale = frames.focal_px[:, None], _pixels_per_stature(frames)
    turning = []
    for name, side_bone, sign in sides:
        bone = body.bone_names.index(side_bone)
        turn = np.concatenate([frames.turned[:, bone], frames.turned[:, body.parents[bone]]], -1)[..., :free]
        turn = turn * frames.stature_m[:, None, None] * np.array([1, 1, sign, 1, 1, sign])[:free]
        turning.append((POINT_NAMES.index(name), bone, turn))
    offsets = np.zeros(free)
    for _ in range(STEPS):
        normal, right = 1e-6 * np.eye(free), np.zeros(free)
        for p, bone, turn in turning:
            point = frames.joints[:, bone] + turn @ offsets
            depth = np.maximum(point[:, 2:], NEAREST_M)
            residual = projected(point, focal, frames.center_px) - frames.xy[:, p]
            residual = residual / scale[:, None]
            by_point = np.zeros((len(point), 2, 3))
            by_point[:, 0, 0] = by_point[:, 1, 1] = 1
            by_point[:, :, 2] = -point[:, :2] / depth
            jacobian = (by_point * (focal / depth / scale[:, None])[..., None]) @ turn
            far = np.square(residual).sum(1) / ROBUST_PX_OF_SIZE**2
            weight = (frames.confidence[:, p] > CONFIDENT) / (1 + far) ** 2
            normal += np.einsum("f,fri,frj->ij", weight, jacobian, jacobian)
            right += np.einsum("f,fri,fr->i", weight, jacobian, residual)
        offsets = offsets - np.linalg.solve(normal, right)
    return np.concatenate([offsets, np.zeros(6 - free)]).reshape(2, 3)


def _project(points: np.ndarray, frames: Seen) -> np.ndarray:
    return projected(points, frames.focal_px[:, None, None], frames.center_px[:, None])


def _pixels_per_stature(frames: Seen) -> np.ndarray:
    return frames.focal_px * frames.stature_m / np.maximum(frames.joints[:, 0, 2], 0.1)


def _other(name: str) -> str:
    return POINT_NAMES[MIRRORED[POINT_NAMES.index(name)]]


def main(folder: str) -> None:
    """Rewrite the table from the training clips in a folder."""
    body = AnnyBody.load([0])
    frames = read_clips(Path(folder), "train", body)
    about = (
        "Body points of BlazePose heavy on the Anny body (offsets from a bone's joint, rest axes, in statures, turned"
        f" by the bone and by the one before it) and its spread, from {len(frames.xy)} rendered frames;"
        " python -m biomech.train.correspondence"
    )
    with whole_file(FILE) as temporary:
        rows = ",\n  ".join(json.dumps(row) for row in calibrate(frames, body))
        temporary.write_text(f'{{\n "about": {json.dumps(about)},\n "points": [\n  {rows}\n ]\n}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
