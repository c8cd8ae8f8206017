"""What a detector's layout is worth: BlazePose's own points on film, with its 3D, without, and cut down to other
layouts.

The same film, the same points, the same errors of the detector; only what the fit is told of them differs. Reduced to
COCO-17 it has no feet and no hands, to Halpe-26 no hands; there heel and big toe are BlazePose's heel and foot index,
under its own name, since that is where they lie; neck, middle of the hips and head are means, which the fit does not
use. Nothing was chosen by these films: the fit's ways with other layouts were chosen on drawn people.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from biomech.bench.beam import CAMERAS, REFERENCE, REFERENCE_NAMES, common_frames
from biomech.bench.films import FILMS, chosen
from biomech.bench.rotations18 import rotations18
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.metrics import bend_deg, pa_mpjpe_mm
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import LIMB_JOINTS
from biomech.keypoints.detect import detect
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.layouts import COCO_17
from biomech.markers.joint_centres import joint_centres
from biomech.markers.trc import read_trc
from biomech.mesh.points import detected_points
from biomech.pipeline.run import Options, Result, run_ik
from biomech.skeleton.model import load_model, read_motion
from biomech.video import Video

FEET = [f"{side}_{point}" for point in ("foot_index", "heel") for side in ("left", "right")]
MEANS = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
    "head": ("left_ear", "right_ear"),
}
LAYOUTS = ("blazepose", "blazepose_2d", "halpe26", "coco17")
BEAM = {f"beam_{camera}": camera for camera in CAMERAS}
NAMES = [*BEAM, *(name for name, film in FILMS.items() if film.reference)]
Say = Callable[[str], None]


def bench_layouts(
    video: Path,
    folder: Path,
    *,
    only: tuple[str, ...] = (),
    layouts: tuple[str, ...] = LAYOUTS,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """The main job from each film's keypoints, whole and reduced.

    Args:
        video: the folder video of the data.
        folder: where the runs go, a folder a film and layout; what `bench real-video` detected there is used.
        only: names of films, or beginnings of them.
        layouts: of ``LAYOUTS``.
        say: told of every run.

    Returns:
        Means by layout: ``{layout}_pa_mpjpe_mm`` and ``{layout}_beam_knee_deg`` of the beam's cameras,
        ``{layout}_mae18_deg`` and ``{layout}_knee_deg`` of the other films, ``{layout}_cpu_seconds_per_frame`` (of a
        core, from keypoints to angles) of all; and, under ``layouts``, every run's own.

    Raises:
        BioposeError: the data is not there, or a run fails.
    """
    rows: dict[str, dict[str, Any]] = {}
    for layout in layouts:
        for name in chosen(NAMES, only):
            rows[f"{name}, {layout}"] = row = _run(name, layout, video, folder)
            say(f"{name}, {layout}: {row}")
    return {**means(rows), "layouts": rows}


def means(rows: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Over the films of each layout, of the figures that they have.

    Args:
        rows: by ``NAME, LAYOUT``.

    Returns:
        As ``bench_layouts`` names them.
    """
    figures = {}
    for layout in LAYOUTS:
        own = [row for name, row in rows.items() if name.endswith(f", {layout}")]
        for key in dict.fromkeys(key for row in own for key in row if key != "notes"):
            figures[f"{layout}_{key}"] = round(float(np.mean([row[key] for row in own if key in row])), 3)
    return figures


def reduced(keypoints: Keypoints, layout: str) -> Keypoints:
    """BlazePose's keypoints as a detector of another layout would have found them.

    Args:
        keypoints: of BlazePose.
        layout: of ``LAYOUTS``.

    Returns:
        The same frames; without 3D and mask where it is not BlazePose's own.

    Raises:
        BioposeError: there is no such layout.
    """
    if layout not in LAYOUTS:
        raise BioposeError(f"there is no layout '{layout}' here", mend=f"Give one of {', '.join(LAYOUTS)}.")
    if layout == "blazepose":
        return keypoints
    flat = replace(keypoints, world_m=None, mask_bits=None, mask_from_image=None, heat_maps=None)
    if layout == "blazepose_2d":
        return flat
    names = COCO_17 if layout == "coco17" else [*COCO_17, *FEET]
    places = [keypoints.names.index(name) for name in names]
    xy, confidence = keypoints.xy[:, places], keypoints.confidence[:, places]
    if layout == "halpe26":
        pairs = [[keypoints.names.index(name) for name in pair] for pair in MEANS.values()]
        names = [*names, *MEANS]
        xy = np.concatenate([xy, keypoints.xy[:, pairs].mean(2)], 1)
        confidence = np.concatenate([confidence, keypoints.confidence[:, pairs].min(2)], 1)
    return replace(flat, names=list(names), xy=xy, confidence=confidence, detector=f"{flat.detector}, as {layout}")


def _run(name: str, layout: str, video: Path, folder: Path) -> dict[str, Any]:
    """One film in one layout."""
    source = video / "pose2sim_demo" / "videos" / f"{BEAM[name]}.mp4" if name in BEAM else video / FILMS[name].file
    place = folder / "layouts" / f"{name}_{layout}"
    place.mkdir(parents=True, exist_ok=True)
    given = place / f"{source.stem}_given.npz"
    reduced(_seen(name, source, folder), layout).save(given)
    started = time.process_time()  # what else the machine does hardly moves it
    result = run_ik(given, place, Options(solvers=("fast",), report=False), overwrite=True)
    took = (time.process_time() - started) / len(BodyMotion.load(result.motion).time_s)
    return _errors(name, result, video) | {"cpu_seconds_per_frame": round(took, 4)}


def _errors(name: str, result: Result, video: Path) -> dict[str, float]:
    if name in BEAM:
        return _beam(result, video / "pose2sim_demo" / REFERENCE)
    reference = FILMS[name].reference
    assert reference is not None
    figures = rotations18(video / reference, result.kinematics)
    return {"mae18_deg": figures["mae18_deg"], "knee_deg": figures["knee_mae_deg"]}


def _seen(name: str, source: Path, folder: Path) -> Keypoints:
    """What BlazePose sees in a film: as an earlier run left it, or now."""
    kept = folder / BEAM.get(name, name) / f"{source.stem}_keypoints.npz"
    if kept.is_file():
        return Keypoints.load(kept)
    if not source.is_file():
        raise BioposeError("no such film", where=str(source), mend="Name the folder video with `data`.")
    found = detect(Video.open(source, every=None))
    kept.parent.mkdir(parents=True, exist_ok=True)
    found.save(kept)
    return found


def _beam(result: Result, reference_trc: Path) -> dict[str, float]:
    """Limb joints of the body and of the skeleton against the triangulation, and the bend of the knees."""
    motion, truth = BodyMotion.load(result.motion), read_trc(reference_trc).select(REFERENCE_NAMES)
    rows, frames = common_frames(truth, motion.time_s)
    body = detected_points(AnnyBody.load([0]), motion).select(LIMB_JOINTS).positions_m[frames]
    model = load_model(result.model)
    centres = joint_centres(model, read_motion(model, result.kinematics))
    knees = []
    at = np.abs(centres.time_s[:, None] - motion.time_s[frames]).argmin(0)
    for side in "lr":
        leg = [f"{joint}_{side}" for joint in ("hip", "walker_knee", "ankle")]
        mine = bend_deg(*np.moveaxis(centres.select(leg).positions_m[at], 1, 0))
        joints = [REFERENCE_NAMES.index(side.upper() + joint) for joint in ("Hip", "Knee", "Ankle")]
        knees.append(np.abs(mine - bend_deg(*(truth.positions_m[rows][:, j] for j in joints))).mean())
    return {
        "pa_mpjpe_mm": round(pa_mpjpe_mm(body, truth.positions_m[rows]), 1),
        "beam_knee_deg": round(float(np.mean(knees)), 2),
    }
