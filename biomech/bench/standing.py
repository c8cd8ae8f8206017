"""Seconds in which a person of the films plainly stands upright, and what the main job says of them.

The table was made by looking at the films and, where there is one, at the reference; never at our own results. What
stands there counts as 0°: a person at rest holds knees within 0 to 5°, hips and the pelvis within a few degrees. Knee,
hip and elbow are means over the stretch; of left and right the worse one counts. Times are the file's own.

The lean is the whole body's: the way from the middle of the ankles to the middle of the acromia, in the world's axes;
the model at rest, all zeros, leans backwards by 1.5°. The trunk's is from the middle of the hips; at rest 4.4° back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.bench.films import FILMS, FilmRuns, chosen, frames, run_film, seconds
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.kinematics.recognise import recognise_motion
from biomech.markers.joint_centres import joint_centres
from biomech.pipeline.run import Result
from biomech.skeleton.model import load_model

SIDES = ("r", "l")
PAIRED = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle", "elbow": "elbow_flex"}


@dataclass(frozen=True)
class StandingSpan:
    """Where in a film somebody stands, and how that is known."""

    film: str
    start_s: float
    end_s: float
    reason: str
    legs_only: bool = False  # the trunk is bent or hidden: knees and soles are judged alone


STRETCHES = [
    StandingSpan(
        "cmbbe_neutral_cam0", 0.0, 1.97, "OpenCap's neutral trial: asked to stand upright, still, arms a bit away"
    ),
    StandingSpan("cmbbe_neutral_cam1", 0.0, 2.03, "the same trial from the other side"),
    StandingSpan("cmbbe_jump_cam0", 0.3, 2.0, "waits upright before the jump; reference: knees 0, hips −1, pelvis −2"),
    StandingSpan(
        "cmbbe_jump_cam0", 4.0, 4.8, "has landed and stands; reference: knees 0 to 2, hips −3 to −6, pelvis 1"
    ),
    StandingSpan("cmbbe_jump_cam1", 0.3, 2.0, "as from camera 0"),
    StandingSpan("cmbbe_jump_cam1", 4.0, 4.8, "as from camera 0"),
    StandingSpan("cmbbe_high_knees_cam0", 0.3, 3.0, "waits upright; reference: knees 0, hips −4, pelvis 0"),
    StandingSpan("cmbbe_high_knees_cam1", 0.3, 3.0, "as from camera 0"),
    StandingSpan("cmbbe_squats_cam0", 0.3, 3.4, "waits upright, arms down; reference: knees 0, hips −2, pelvis −2"),
    StandingSpan(
        "cmbbe_squats_cam0", 14.6, 15.5, "stands after the last squat; reference: knees 0 to 1, hips −4, pelvis −2"
    ),
    StandingSpan("cmbbe_squats_cam1", 0.3, 3.4, "as from camera 0"),
    StandingSpan("cmbbe_squats_cam1", 14.6, 15.5, "as from camera 0"),
    StandingSpan("opencap_squat", 0.0, 0.25, "before the first squat; optical markers: knees 2, hips 1, pelvis −4"),
    StandingSpan("squats_5hz", 4.15, 4.85, "between two squats: upright, legs straight, arms hanging"),
    StandingSpan("squats_5hz", 8.75, 9.65, "between two squats: upright, legs straight, arms hanging"),
    StandingSpan(
        "reader_man", 28.0, 36.0, "stands still on straight legs, feet together, and reads; from behind", True
    ),
    StandingSpan(
        "reader_woman", 100.0, 108.0, "stands still on straight legs and reads; from behind, long cardigan", True
    ),
]


def bench_standing(data: Path, runs: FilmRuns) -> dict[str, object]:
    """Angles, lean and soles of everybody who stands, with and without the true size where it is known.

    Args:
        data: the folder that holds ``video``.
        runs: which films, and how.

    Returns:
        The largest of all clips, degrees and cm, and under ``clips`` each stretch's own figures.

    Raises:
        BioposeError: a film is not there or a run fails.
    """
    rows, reasons = dict[str, dict[str, float]](), dict[str, str]()
    for name in chosen(list(dict.fromkeys(stretch.film for stretch in STRETCHES)), runs.only):
        film = FILMS[name]
        reference = data / "video" / film.reference if film.reference else None
        for with_size in (False, True) if film.size_known else (False,):
            result = run_film(film, data / "video", runs, with_size=with_size)
            for stretch in (s for s in STRETCHES if s.film == name):
                key = f"{name} {stretch.start_s:g}-{stretch.end_s:g} s" + (", size told" if with_size else "")
                rows[key], reasons[key] = figures_of(result, stretch, reference), stretch.reason
                runs.say(f"{key}: knees {rows[key]['knee_r_deg']} {rows[key]['knee_l_deg']}")
            runs.say(f"  {frames(result)} frames, {seconds(result):.1f} s")
    return {**worst(rows), "clips": {key: {**row, "reason": reasons[key]} for key, row in rows.items()}}


def figures_of(result: Result, stretch: StandingSpan, reference: Path | None) -> dict[str, float]:
    """One run over one stretch: the solved model's angles and lean, the body's soles.

    Args:
        result: of a film.
        stretch: of the same film.
        reference: a motion of it, for the elbows; None where there is none.

    Returns:
        Means over the stretch's frames (degrees; of the soles cm), their quality (0 to 1), and how many there are.

    Raises:
        BioposeError: the run has no frame there.
    """
    kinematics = read_mot(result.kinematics)
    rows = (kinematics.time_s >= stretch.start_s - 1e-6) & (kinematics.time_s <= stretch.end_s + 1e-6)
    if not rows.any():
        raise BioposeError(f"no frame from {stretch.start_s:g} to {stretch.end_s:g} s", where=str(result.kinematics))
    found = angles_deg(kinematics, rows)
    joints = joint_centres(load_model(result.model), kinematics)
    body = {name: joints.select([f"{name}_r", f"{name}_l"]).positions_m[rows].mean((0, 1)) for name in
            ("ankle", "hip", "acromial")}  # fmt: skip
    leans = {
        "lean": lean_deg(body["ankle"], body["acromial"]),
        "trunk_lean": lean_deg(body["hip"], body["acromial"]),
        "lean_forwards": forwards_deg(body["ankle"], body["acromial"]),
    }
    figures = {f"{name}_deg": round(value, 1) for name, value in (found | leans).items()}
    if reference is not None:
        figures |= elbow_errors_deg(found, reference, stretch)
    if stretch.legs_only:
        judged = ("knee", "ankle")
        figures = {name: value for name, value in figures.items() if name.startswith(judged)}
    motion = BodyMotion.load(result.motion)
    heights = soles_cm(motion, rows)
    figures |= {f"sole_{side}_cm": round(height, 1) for side, height in heights.items()}
    assert motion.quality is not None
    return figures | {"quality": round(float(motion.quality[rows].mean()), 3), "frames": int(rows.sum())}


def angles_deg(kinematics: Kinematics, rows: np.ndarray) -> dict[str, float]:
    """Means over some frames: the pelvis's tilt and list, and what there are two of by side.

    Args:
        kinematics: rad.
        rows: (frames), true for those that count.

    Returns:
        Degrees, by names as ``knee_r``.
    """
    names = {"pelvis_tilt": "pelvis_tilt", "pelvis_list": "pelvis_list", "lumbar_extension": "lumbar_extension"}
    names |= {f"{short}_{side}": f"{name}_{side}" for short, name in PAIRED.items() for side in SIDES}
    return {short: float(np.degrees(kinematics.column(name)[rows].mean())) for short, name in names.items()}


def lean_deg(low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> float:
    """Angle of the way from one point to another from the vertical, degrees.

    Args:
        low: the lower point; m, Y up.
        high: the upper one.

    Returns:
        0 (upright) to 180, to whichever side.
    """
    way = high - low
    return float(np.degrees(np.arctan2(np.hypot(way[0], way[2]), way[1])))


def forwards_deg(low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> float:
    """The same along X alone, where the person faces; backwards is negative.

    Args:
        low: the lower point; m, Y up.
        high: the upper one.

    Returns:
        0 is upright.
    """
    return float(np.degrees(np.arctan2(high[0] - low[0], high[1] - low[1])))


def elbow_errors_deg(found: dict[str, float], reference: Path, stretch: StandingSpan) -> dict[str, float]:
    """Elbow flexion less the reference's mean over the same stretch; nothing where it has no elbows.

    Args:
        found: what ``angles_deg`` gave.
        reference: a motion on the film's clock.
        stretch: from when to when.

    Returns:
        By names as ``elbow_error_r_deg``; more bent than the reference is positive.
    """
    known = recognise_motion(reference).kinematics
    rows = (known.time_s >= stretch.start_s) & (known.time_s <= stretch.end_s)
    errors = {}
    for side in SIDES:
        if f"elbow_flex_{side}" in known.names:
            true = float(np.degrees(known.column(f"elbow_flex_{side}")[rows].mean()))
            errors[f"elbow_error_{side}_deg"] = round(found[f"elbow_{side}"] - true, 1)
    return errors


def soles_cm(motion: BodyMotion, rows: np.ndarray) -> dict[str, float]:
    """Height of the lowest point of either of the body's soles above the floor, mean over some frames, cm.

    Args:
        motion: of the Anny body; m, floor at Y = 0.
        rows: (frames), true for those that count.

    Returns:
        By side, ``r`` and ``l``; below the floor is negative.
    """
    heights = {}
    whole = AnnyBody.load([0])
    for side in SIDES:
        body = AnnyBody.load(whole.foot_vertices[f"sole_{side}"][::4])
        with torch.no_grad():
            rest = body.rest(torch.tensor(motion.shape).float())
            turned = torch.tensor(motion.rotations[rows]).float()
            posed = body.pose(rest, turned, torch.tensor(motion.root_position_m[rows]).float())
            heights[side] = 100 * float(body.skin(rest, posed)[..., 1].min(1).values.mean())
    return heights


def worst(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The largest of all clips and sides; where the size is known also what telling it costs the knees."""

    def largest(*names: str) -> float:
        values = [abs(row[name]) for row in rows.values() for name in names if name in row]
        return max(values, default=float("nan"))

    def knee(row: Mapping[str, float]) -> float:
        return max(abs(row["knee_r_deg"]), abs(row["knee_l_deg"]))

    costs = [knee(row) - knee(rows[name.removesuffix(", size told")]) for name, row in rows.items() if ", size" in name]
    return {
        "worst_knee_deg": largest("knee_r_deg", "knee_l_deg"),
        "worst_pelvis_tilt_deg": largest("pelvis_tilt_deg"),
        "worst_hip_deg": largest("hip_r_deg", "hip_l_deg"),
        "worst_lean_deg": largest("lean_deg"),
        "worst_trunk_lean_deg": largest("trunk_lean_deg"),
        "worst_elbow_error_deg": largest("elbow_error_r_deg", "elbow_error_l_deg"),
        "worst_sole_cm": largest("sole_r_cm", "sole_l_cm"),
        "mean_knee_deg": round(float(np.mean([knee(row) for row in rows.values()])), 2),
        "size_told_knee_cost_deg": round(max(costs, default=float("nan")), 1),
    }
