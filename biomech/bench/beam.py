"""Pose2Sim's four-camera film of somebody who balances on a beam, against its triangulation.

Reference: BlazePose heavy points of all four views, triangulated (see the data's README): no marker mocap, and a bias
that the detector has in every view is invisible to it. Each camera is run on its own, as a user's one video, with
nothing known but the file: no calibration, no height. Nothing in this package learned from these videos.
"""

import time
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.bench.films import FilmRuns, forget_all_but
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.metrics import align, bend_deg, correlation, mpjpe_mm, pa_mpjpe_mm, range_of_motion
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import LIMB_JOINTS
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.joint_centres import joint_centres
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.mesh.points import detected_points
from biomech.pipeline.record import peak_memory_mb
from biomech.pipeline.run import Result, run_ik
from biomech.skeleton.model import load_model

REFERENCE = "reference_triangulated.trc"
CAMERAS = ("cam01", "cam02", "cam03", "cam04")
JOINTS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
LIMBS = [(side, joint) for joint in JOINTS for side in ("L", "R")]
REFERENCE_NAMES = [side + joint for side, joint in LIMBS]
MODEL_JOINTS = {"Shoulder": "acromial", "Elbow": "elbow", "Wrist": "radius_hand", "Hip": "hip", "Knee": "walker_knee",
                "Ankle": "ankle"}  # fmt: skip

Points = Float[np.ndarray, "frames 12 3"]


def bench_beam(data: Path, runs: FilmRuns, cameras: tuple[str, ...] = CAMERAS) -> dict:
    """Run the main job on every camera and compare with the triangulation.

    Args:
        data: the folder ``pose2sim_demo``.
        runs: how; each camera gets a folder.
        cameras: of ``CAMERAS``; at least one.

    Returns:
        Means over the cameras (mm, degrees, s) and, under ``cameras``, each one's figures.

    Raises:
        BioposeError: the data is not there.
    """
    reference_file = data / REFERENCE
    if not reference_file.exists():
        raise BioposeError("no reference", where=str(reference_file), mend="Name the folder pose2sim_demo with `data`.")
    truth = read_trc(reference_file).select(REFERENCE_NAMES)
    rows = {}
    for camera in cameras:
        started = time.perf_counter()
        folder = runs.folder / camera
        if runs.reuse == "keypoints":
            forget_all_but(folder, "detect")
        source = data / "videos" / f"{camera}.mp4"
        result = run_ik(source, folder, runs.options, overwrite=runs.reuse == "none")
        rows[camera] = {**compare(result, truth), "wall_s": round(time.perf_counter() - started, 1)}
        runs.say(f"{camera}: {rows[camera]['pa_mpjpe_mm']} mm, knee {rows[camera]['knee_flexion_mae_deg']}°")
    return {**_means(rows), "peak_memory_mb": round(peak_memory_mb(), 0), "cameras": rows}


def _means(rows: dict[str, dict]) -> dict:
    """Over the cameras, with the share of the reference's range of motion under the name by which it is asked for."""
    first = next(iter(rows.values()))
    means = {
        key: round(float(np.mean([row[key] for row in rows.values()])), 3)
        for key, value in first.items()
        if isinstance(value, float)
    }
    stages = {
        stage: round(float(np.mean([row["seconds_by_stage"][stage] for row in rows.values()])), 3)
        for stage in first["seconds_by_stage"]
    }
    return {
        **means,
        "knee_range_share": means["knee_flexion_rom_ratio"],
        "worst_ik_marker_rms_mm": max(row["ik_marker_rms_mm"] for row in rows.values()),
        "seconds_per_video_second_by_stage": stages,
    }


def compare(result: Result, reference: Markers) -> dict:
    """One run against the triangulated limb joints, at the frames that it looked at.

    Args:
        result: of one camera; detected by BlazePose, recovered as an Anny body.
        reference: m; markers in the order of ``REFERENCE_NAMES``.

    Returns:
        Joint errors (mm), knee flexion (degrees), marker errors (mm), and seconds for one of the film.
    """
    motion = BodyMotion.load(result.motion)
    keypoints = Keypoints.load(result.keypoints)
    kinematics = read_mot(result.kinematics)
    points = detected_points(AnnyBody.load([0]), motion).select(LIMB_JOINTS).positions_m
    joints = joint_centres(load_model(result.model), kinematics)
    skeleton = joints.select([f"{MODEL_JOINTS[joint]}_{side.lower()}" for side, joint in LIMBS]).positions_m
    rows, frames = common_frames(reference, motion.time_s)
    truth, points, skeleton = reference.positions_m[rows], points[frames], skeleton[frames]
    assert keypoints.world_m is not None
    own = keypoints.world_m[frames][:, [keypoints.names.index(name) for name in LIMB_JOINTS]]
    hips = [REFERENCE_NAMES.index("LHip"), REFERENCE_NAMES.index("RHip")]
    solve = result.figures["solve"]
    duration = len(keypoints.time_s) * float(np.median(np.diff(keypoints.time_s)))
    seconds = {name: round(stage["seconds"] / duration, 3) for name, stage in result.record["stages"].items()}
    return {
        "pa_mpjpe_mm": round(pa_mpjpe_mm(points, truth), 1),
        "skeleton_pa_mpjpe_mm": round(pa_mpjpe_mm(skeleton, truth), 1),
        "blazepose_pa_mpjpe_mm": round(pa_mpjpe_mm(own, truth), 1),
        "aligned_mpjpe_mm": round(mpjpe_mm(_turned(points, truth), truth, hips), 1),
        **_knees(kinematics, frames, {"": skeleton, "body_": points, "blazepose_": own}, truth),
        "ik_marker_rms_mm": float(solve["marker_rms_mm"]),
        "frames_within_thresholds": solve["frames_within_thresholds"],
        "seconds_per_video_second": round(sum(seconds.values()), 2),
        "seconds_by_stage": seconds,
        "notes": result.notes,
    }


def common_frames(reference: Markers, time_s: Float[np.ndarray, " frames"]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the reference and frames of a film that are of the same moment; both count from their own first.

    Args:
        reference: of an even rate.
        time_s: of the film's frames, ascending.

    Returns:
        Numbers of rows and of frames, (common) each; apart by less than a quarter of the reference's step.
    """
    ours, theirs = time_s - time_s[0], reference.time_s - reference.time_s[0]
    rows = np.abs(ours[:, None] - theirs).argmin(1)
    frames = np.flatnonzero(np.abs(ours - theirs[rows]) < 0.25 * np.median(np.diff(theirs)))
    return rows[frames], frames


def _turned(points: Points, truth: Points) -> Points:
    """The whole clip turned once (not frame by frame) into the reference's axes: errors of heading and tilt count."""
    flat = points.reshape(1, -1, 3)
    return align(flat, truth.reshape(1, -1, 3), scale=False).reshape(points.shape)


def _knees(kinematics: Kinematics, frames: np.ndarray, sources: dict[str, Points], truth: Points) -> dict:
    """Knee flexion as the bend hip–knee–ankle: of the posed OpenSim model, the body and BlazePose, against the truth's.

    Like is compared with like; ``knee_angle_…`` is the .mot's coordinate itself, whose zero is anatomical and which so
    differs by a few degrees from the bend of three points even without an error.
    """
    figures: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    for side in "LR":
        leg = [REFERENCE_NAMES.index(side + joint) for joint in ("Hip", "Knee", "Ankle")]
        reference = bend_deg(*(truth[:, joint] for joint in leg))
        curves = {f"{name}knee_flexion": bend_deg(*(points[:, j] for j in leg)) for name, points in sources.items()}
        curves["knee_angle"] = np.degrees(kinematics.column(f"knee_angle_{side.lower()}"))[frames]
        for name, curve in curves.items():
            add(f"{name}_mae_deg", float(np.abs(curve - reference).mean()))
            add(f"{name}_bias_deg", float((curve - reference).mean()))
            add(f"{name}_rom_ratio", range_of_motion(curve) / range_of_motion(reference))
            add(f"{name}_correlation", correlation(curve, reference))
        add("zero_motion_knee_mae_deg", float(np.abs(reference).mean()))
    return {name: round(float(np.mean(values)), 3) for name, values in figures.items()}
