"""`biopose bench mqhmr`: the first network on real film, on held-out rendered clips, by activity and view; its speed.

Real film: Pose2Sim's demonstration, each camera alone and nothing known but the file, against the triangulation (see
``beam``, whose figures of the posed model are `bench real-video`'s). ``real_…`` are of the network's frames, each
by itself, ``real_refined_…`` of refined ones, ``real_through_time_…`` of the moving body that is made of either;
``fit_…`` of the recoverer without a network, ``blazepose_…`` of the detector's own 3D.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.bench.beam import CAMERAS, REFERENCE_NAMES, Points
from biomech.bench.mqhmr_drawn import bench_drawn
from biomech.bench.mqhmr_pictures import draw_failures
from biomech.bench.mqhmr_rendered import bench_rendered
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.metrics import align, bend_deg, correlation, mpjpe_mm, pa_mpjpe_mm, range_of_motion
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import LIMB_JOINTS
from biomech.keypoints.detect import detect
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.trc import read_trc
from biomech.mesh.mqhmr.network import MQHMR
from biomech.mesh.mqhmr.point_sd import PointSd
from biomech.mesh.mqhmr.predict import Frames, look_at
from biomech.mesh.mqhmr.refine import refined
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.points import detected_points
from biomech.mesh.recover import recover
from biomech.pipeline.run import Options, run_ik
from biomech.video import Video

HIPS = [REFERENCE_NAMES.index("LHip"), REFERENCE_NAMES.index("RHip")]
LEGS = [[REFERENCE_NAMES.index(side + joint) for joint in ("Hip", "Knee", "Ankle")] for side in "LR"]
Say = Callable[[str], None]


def bench_mqhmr(
    networks: Mapping[str, MQHMR],
    point_sd: PointSd,
    folder: Path,
    *,
    film: Path | None = None,
    clips: Path | None = None,
    drawn: Path | None = None,
    pictures: Path | None = None,
    cameras: tuple[str, ...] = CAMERAS,
    frames: int = 4,
    held_out: int | None = None,
    failures: int = 8,
    say: Say = lambda _: None,
) -> dict[str, object]:
    """All figures for which there is data.

    Args:
        networks: by name; the first is judged, the others stand beside it on rendered clips, and on drawn pictures also
            those that look at pictures.
        point_sd: of the first one.
        folder: for runs.
        film: the folder ``pose2sim_demo``.
        clips: of rendered clips, ``held_out_*.npz``.
        drawn: of drawn pictures, ``held_out_*.npz`` and their JPEGs; every network is measured on them.
        pictures: where the worst of the rendered frames are drawn.
        cameras: of the film; the whole job is timed on the first.
        frames, held_out: of each rendered clip, and how many clips (None: all).
        failures: how many pictures.
        say: told of every part.

    Returns:
        Errors (mm, degrees) and times (s) by the names that the module's docstring tells.

    Raises:
        BioposeError: there is nothing to measure on, data is not what it should be, or the network cannot look at it.
    """
    if film is None and clips is None and drawn is None:
        raise BioposeError("nothing to measure on", mend="Give `data`, `clips` or `drawn`.")
    network = next(iter(networks.values()))
    if network.config.front != "evidence" and (film or clips):
        raise BioposeError("this MQ-HMR looks at pictures; here films and clips are what a detector says of them")
    figures: dict[str, object] = {}
    if film is not None:
        figures |= bench_film(network, point_sd, film, cameras=cameras, say=say)
        figures |= bench_pipeline(film / "videos" / f"{cameras[0]}.mp4", folder / "pipeline", say=say)
    if drawn is not None:
        figures["drawn"] = bench_drawn(networks, drawn, say=say)
    if clips is not None:
        evident = {name: one for name, one in networks.items() if one.config.front == "evidence"}
        found, rendered, errors = bench_rendered(evident, clips, frames=frames, clips=held_out, say=say)
        figures |= found
        if pictures is not None:
            figures["failures"] = draw_failures(network, rendered, errors, pictures, failures)
    return figures


def bench_film(
    network: MQHMR, point_sd: PointSd, film: Path, *, cameras: tuple[str, ...] = CAMERAS, say: Say = lambda _: None
) -> dict[str, object]:
    """Means over the cameras of ``pose2sim_demo``, and each camera's under ``cameras``.

    Args:
        network: the one that is judged.
        point_sd: of its errors, for the moving body.
        film: the folder ``pose2sim_demo``.
        cameras: at least one.
        say: told of every camera.

    Returns:
        As ``of_camera``.

    Raises:
        BioposeError: the data is not there.
    """
    reference = film / "reference_triangulated.trc"
    if not reference.exists():
        raise BioposeError("no reference", where=str(reference), mend="Name the folder pose2sim_demo with `data`.")
    truth = read_trc(reference).select(REFERENCE_NAMES).positions_m
    rows: dict[str, dict[str, float]] = {}
    for camera in cameras:
        keypoints = detect(Video.open(film / "videos" / f"{camera}.mp4"), keep_heat_maps=True)
        rows[camera] = of_camera(network, point_sd, keypoints, truth)
        say(
            f"{camera}: " + ", ".join(f"{name} {value:.1f}" for name, value in rows[camera].items() if "_mpjpe" in name)
        )
    means = {key: round(float(np.mean([row[key] for row in rows.values()])), 3) for key in rows[cameras[0]]}
    return {**means, "cameras": rows}


def of_camera(network: MQHMR, point_sd: PointSd, keypoints: Keypoints, truth: Points) -> dict[str, float]:
    """One camera's figures; frame k of the film is row k of the reference.

    Args:
        network: the one that is judged.
        point_sd: of its errors, for the moving body.
        keypoints: BlazePose's, with its heat maps and world points.
        truth: m, in the order of ``REFERENCE_NAMES``.

    Returns:
        What ``against`` gives, by way of recovering; share of refined frames; processor seconds a frame.
    """
    begun = time.process_time()
    frames = look_at(network, keypoints)
    looked = time.process_time()
    better, flags = refined(network, keypoints)
    spent_s = (looked - begun, time.process_time() - looked)
    assert keypoints.world_m is not None
    found = {
        "real": _limbs(network, frames),
        "real_refined": _limbs(network, better),
        "real_through_time": _of_motion(recover_frames(keypoints, frames, point_sd)),
        "real_refined_through_time": _of_motion(recover_frames(keypoints, better, point_sd)),
        "fit": _of_motion(recover(keypoints)),
        "blazepose": keypoints.world_m[:, [keypoints.names.index(name) for name in LIMB_JOINTS]],
    }
    seen = np.flatnonzero(frames.seen[: len(truth)])
    figures: dict[str, float] = {}
    for way, points in found.items():
        figures |= {f"{way}_{name}": value for name, value in against(points[seen], truth[seen]).items()}
    return {
        **figures,
        "refined_share": float(flags[seen].mean()),
        "look_cpu_s_per_frame": spent_s[0] / len(seen),
        "refine_cpu_s_per_frame": spent_s[1] / len(seen),
    }


def against(points: Points, truth: Points) -> dict[str, float]:
    """Errors of the limbs' joints and of the knees, which bend between them.

    MPJPE: the whole clip is turned into the reference's axes once, so that errors of heading and tilt count.

    Args:
        points: m, in the order of ``REFERENCE_NAMES``, axes of any camera.
        truth: m, the same frames; no NaN in either.

    Returns:
        PA-MPJPE and MPJPE (mm), and of the knees' flexion MAE (degrees), correlation and range over the true one.
    """
    whole = align(points.reshape(1, -1, 3), truth.reshape(1, -1, 3), scale=False).reshape(points.shape)
    figures = {"pa_mpjpe_mm": pa_mpjpe_mm(points, truth), "mpjpe_mm": mpjpe_mm(whole, truth, HIPS)}
    knees = [[bend_deg(*(joints[:, joint] for joint in leg)) for joints in (points, truth)] for leg in LEGS]
    return figures | {
        "knee_flexion_mae_deg": float(np.mean([np.abs(ours - theirs).mean() for ours, theirs in knees])),
        "knee_flexion_correlation": float(np.mean([correlation(ours, theirs) for ours, theirs in knees])),
        "knee_flexion_range_ratio": float(
            np.mean([range_of_motion(ours) / range_of_motion(theirs) for ours, theirs in knees])
        ),
    }


def bench_pipeline(video: Path, folder: Path, *, say: Say = lambda _: None) -> dict[str, object]:
    """Wall time of the whole of `biopose ik`, by stage, a frame of the film; how many of these it looked at.

    Args:
        video: any film.
        folder: for the run, which begins anew.
        say: told of the rate.

    Returns:
        Frames of the film a second, share of them looked at, and seconds a frame by stage.
    """
    result = run_ik(video, folder, Options(), overwrite=True)
    seconds = {name: round(float(stage["seconds"]), 3) for name, stage in result.record["stages"].items()}
    frames = Video.open(video).n_frames
    rate = frames / sum(seconds.values())
    say(f"biopose ik: {rate:.1f} frames/s")
    each = {name: round(spent / frames, 5) for name, spent in seconds.items()}
    return {
        "pipeline_frames_per_s": round(rate, 2),
        "pipeline_looked_share": round(int(result.figures["detect"]["frames"]) / frames, 3),
        "pipeline_s_per_frame_by_stage": each,
    }


def _limbs(network: MQHMR, frames: Frames) -> Points:
    return frames.keypoints_m[:, [network.body.keypoint_names.index(name) for name in LIMB_JOINTS]]


def _of_motion(motion: BodyMotion) -> Float[np.ndarray, "frames 12 3"]:
    return detected_points(AnnyBody.load([0]), motion).select(LIMB_JOINTS).positions_m
