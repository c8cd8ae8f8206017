"""What the report's 3D view shows: joints, bones as lines, markers and a coarse skin through time."""

import json
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Float, Int

from biomech.arrays import nearest
from biomech.body.anny.model import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.joint_centres import joint_centres
from biomech.markers.markers import Markers
from biomech.report.overlay import skeleton_of

SURFACE = Path(__file__).with_name("body_surface.json")
RATE_HZ = 15.0  # of what is drawn; the view interpolates between
MOST_FRAMES = 1200  # a longer recording is drawn at a lower rate

Numbers = list[list[int | None]]


def scene_of(
    model: opensim.Model, kinematics: Kinematics, markers: Markers, motion: BodyMotion | None
) -> dict[str, object]:
    """The skeleton as it was solved, the markers that it was solved from, and the body's skin if there is one.

    Args:
        model: the scaled one.
        kinematics: of it (rad, m).
        markers: m, Y up.
        motion: the recovered body; its skin is drawn where it is Anny's.

    Returns:
        For JSON: ``time_s`` of the frames drawn; ``points`` in mm, each frame as the difference from the one before,
        None where there is none; ``names`` and ``sides`` of them; how many of them are ``joints``; ``lines`` between
        points, and ``triangles`` and ``skin`` points.
    """
    rows = thinned(markers.time_s)
    time_s = markers.time_s[rows]
    drawing = skeleton_of(model)
    joints = joint_centres(model, _some(kinematics, time_s))
    places = np.full((len(rows), len(joints.names), 3), np.nan)
    at = nearest(kinematics.time_s, time_s)
    there = np.abs(kinematics.time_s[at] - time_s) < 0.5 * _step(markers.time_s)
    places[there] = joints.positions_m[there]
    names = [*joints.names, *markers.names]
    number = {name: k for k, name in reversed(list(enumerate(names)))}
    points = np.concatenate((places, markers.positions_m[rows]), 1)
    found: dict[str, object] = {
        "time_s": time_s.round(4).tolist(),
        "joints": len(joints.names),
        "names": names,
        "sides": ["l" if n in drawing.left else "r" if n in drawing.right else "" for n in names],
        "lines": [[number[a], number[b]] for a, b in drawing.segments if a in number and b in number],
        "points": packed(points),
        "floor_mm": round(1000 * _floor(points, from_film=motion is not None)),
    }
    if motion is not None and motion.body == "anny":
        triangles, skin = skin_of(motion, time_s)
        found |= {"triangles": triangles.tolist(), "skin": packed(skin)}
    return found


def skin_of(
    motion: BodyMotion, time_s: Float[np.ndarray, " frames"]
) -> tuple[Int[np.ndarray, "triangles 3"], Float[np.ndarray, "frames vertices 3"]]:
    """The coarse skin at some of a motion's frames.

    Args:
        motion: of Anny.
        time_s: each takes the motion's frame that is nearest.

    Returns:
        Corners of the triangles, and the vertices (m).
    """
    surface = json.loads(SURFACE.read_text())
    body, rows = AnnyBody.load(surface["vertices"]), nearest(motion.time_s, time_s)
    with torch.no_grad():
        rest = body.rest(torch.tensor(motion.shape).float())
        root = torch.tensor(motion.root_position_m[rows]).float()
        skin = body.skin(rest, body.pose(rest, torch.tensor(motion.rotations[rows]).float(), root))
    return np.array(surface["triangles"]), skin.numpy()


def thinned(time_s: Float[np.ndarray, " frames"], most: int = MOST_FRAMES) -> Int[np.ndarray, " rows"]:
    """The rows of frames that are drawn: about ``RATE_HZ`` a second.

    Args:
        time_s: of all frames.
        most: of them that are drawn.

    Returns:
        Every Nth.
    """
    stride = max(1, round(1 / (RATE_HZ * _step(time_s))), -(-len(time_s) // most))
    rows: Int[np.ndarray, " rows"] = np.arange(0, len(time_s), stride)
    return rows


def packed(points_m: Float[np.ndarray, "frames points 3"]) -> Numbers:
    """Whole mm, each frame as the difference from what was last there; small numbers, which compress well.

    Args:
        points_m: NaN where there is none.

    Returns:
        A row for each frame; None where there is none.
    """
    flat = np.round(1000 * points_m.reshape(len(points_m), -1))
    seen = np.isfinite(flat)
    rows = np.where(seen, np.arange(len(flat))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    filled = np.where(last >= 0, np.take_along_axis(flat, last.clip(0), axis=0), 0.0)
    filled = np.nan_to_num(filled)
    steps = np.diff(filled, axis=0, prepend=0).astype(int)
    whole: Numbers = steps.tolist()
    for row, column in np.argwhere(~seen):
        whole[row][column] = None
    return whole


def _some(kinematics: Kinematics, time_s: Float[np.ndarray, " frames"]) -> Kinematics:
    rows = nearest(kinematics.time_s, time_s)
    return Kinematics(kinematics.names, kinematics.values[rows], time_s, kinematics.rotational)


def _step(time_s: Float[np.ndarray, " frames"]) -> float:
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 1 / RATE_HZ


def _floor(points_m: Float[np.ndarray, "frames points 3"], from_film: bool) -> float:
    """A film's world has its floor at 0; of recorded markers it lies where the lowest ones are."""
    if from_film or not np.isfinite(points_m).any():
        return 0.0
    return float(np.nanpercentile(np.nanmin(points_m[..., 1], axis=1), 10))
