"""The stage `solve`: Markers → Kinematics, by either solver, with the same files beside the motion."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import opensim
import pandas as pd
import torch
from jaxtyping import Float

from biomech.classical.inverse_kinematics import solve_ik
from biomech.classical.marker_errors import MarkerErrors
from biomech.classical.measurements import read_tasks
from biomech.classical.setup import write_setup
from biomech.files import whole_file
from biomech.markers.markers import Markers
from biomech.markers.virtual import load_virtual_markers
from biomech.skeleton.inverse_kinematics import inverse_kinematics
from biomech.skeleton.kinematics import Kinematics
from biomech.skeleton.model import coupled_coordinates, load_model
from biomech.skeleton.mot import write_mot
from biomech.skeleton.skeleton import Skeleton
from biomech.skeleton.smoothing import Smoothness
from biomech.skeleton.tracked import tracked_weights
from biomech.street import check_solver

TRUSTED_QUALITY = 0.5


def solve(
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    solver: str,
    smooth_mm: float | None = None,
    markers_trc: Path,
    out_mot: Path,
    out_setup: Path,
    out_quality: Path,
    quality: Float[np.ndarray, " frames"],
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Pose a scaled model at every frame; write the motion, the setup that repeats it and the quality of each frame.

    Args:
        model_osim: a scaled model with its markers.
        markers: what was measured, under the model's names.
        tasks: IK task weight by marker name; 0 leaves a marker out.
        solver: ``fast`` (ours) or ``opensim``.
        smooth_mm: standard deviation of the markers' noise, against which the motion is smoothed (the fast solver's).
        markers_trc: the file that holds ``markers``.
        out_mot: degrees and metres, every coordinate.
        out_setup: InverseKinematicsTool's XML.
        out_quality: .csv with time, quality, marker errors (mm) and whether the frame is trusted.
        quality: how well each frame was seen, 0 to 1.
        workers: processes of OpenSim's solver; the fast one needs none.
        progress: called with frames done and frames in all.

    Returns the stage's figures.

    Raises:
        BioposeError: no marker in common, no frame with enough markers, or the solver failed; then nothing is written.
    """
    check_solver(solver, smooth_mm)
    if solver == "opensim":
        kinematics, errors = solve_ik(
            model_osim,
            markers,
            tasks,
            markers_trc=markers_trc,
            out_mot=out_mot,
            out_setup=out_setup,
            workers=workers,
            progress=progress,
        )
    else:
        smoothness = None if smooth_mm is None else Smoothness(marker_noise_m=smooth_mm / 1000)
        kinematics, errors = _solve_fast(
            model_osim, markers, tasks, markers_trc, out_mot, out_setup, smoothness, progress
        )
    _write_quality(out_quality, quality, errors)
    notes = errors.flags()
    if smooth_mm is not None:
        notes.append(f"smoothed against {smooth_mm:g} mm of marker noise; the IK setup repeats it without")
    return {
        "frames": len(kinematics.time_s),
        "marker_rms_mm": round(errors.clip_rms_m * 1000, 2),
        "marker_max_mm": round(float(np.nanmax(errors.max_m)) * 1000, 2),
        "frames_within_thresholds": int(errors.good.sum()),
        "notes": notes,
    }


def task_weights(model: opensim.Model, setup_xml: Path | None) -> tuple[dict[str, float], list[str]]:
    """IK task weights by marker name, and a note where they had to be assumed.

    Those of an IK or scale setup; without one, the package's own for a model with all virtual markers, 1 for others.

    Raises:
        BioposeError: the setup holds no marker task.
    """
    names = [marker.getName() for marker in model.getMarkerSet()]
    if setup_xml is not None:
        return read_tasks(setup_xml), []
    virtual = load_virtual_markers().weights_by_name()
    if set(virtual) <= set(names):
        return virtual, []
    note = "every marker weighs 1; a setup with other weights moves the angles by a degree or two (--tasks)"
    return dict.fromkeys(names, 1.0), [note]


def share_seen(markers: Markers) -> Float[np.ndarray, " frames"]:
    """The quality of a frame of recorded markers: the share that it shows of those that some frame shows."""
    seen = np.isfinite(markers.positions_m).all(-1)
    return seen.sum(1) / max(1, seen.any(0).sum())


def _solve_fast(
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    markers_trc: Path,
    out_mot: Path,
    out_setup: Path,
    smoothness: Smoothness | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[Kinematics, MarkerErrors]:
    model = load_model(model_osim)
    weights = tracked_weights([m.getName() for m in model.getMarkerSet()], markers, tasks, str(model_osim))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: on a busy machine, waiting threads took ten times as long
    try:
        kinematics, errors = inverse_kinematics(
            Skeleton.from_osim(model), markers, weights, smoothness=smoothness, progress=progress
        )
    finally:
        torch.set_num_threads(threads)
    write_mot(kinematics, out_mot, coupled=coupled_coordinates(model))
    write_setup(
        out_setup,
        model_osim=model_osim,
        markers_trc=markers_trc,
        out_mot=out_mot,
        weights=weights,
        time_s=markers.time_s,
    )
    return kinematics, errors


def _write_quality(path: Path, quality: Float[np.ndarray, " frames"], errors: MarkerErrors) -> None:
    table = pd.DataFrame(
        {
            "time": errors.time_s,
            "quality": quality.round(3),
            "marker_rms_mm": (errors.rms_m * 1000).round(2),
            "marker_max_mm": (errors.max_m * 1000).round(2),
            "trusted": ((quality >= TRUSTED_QUALITY) & errors.good).astype(int),
        }
    )
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)
