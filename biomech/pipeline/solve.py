"""The stage `solve`: Markers → Kinematics, by any of the solvers, with the same files beside the motion."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import opensim
import pandas as pd
import torch
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.branches import within_a_turn
from biomech.inverse_kinematics.coordinate_tasks import CoordinateGoals, coordinate_goals
from biomech.inverse_kinematics.determined import determined
from biomech.inverse_kinematics.fast import inverse_kinematics, posed_errors
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.setup import write_solution
from biomech.inverse_kinematics.smoothing import Smoothness
from biomech.inverse_kinematics.tracked import tracked_weights
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.polish import polish as polished
from biomech.neurik.predict import neural_kinematics, recovered_confidence
from biomech.neurik.trust import judge
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.options import MOTION_NAMES, Progress, Solution
from biomech.scaling.scale_tool import rounded_factors
from biomech.skeleton.model import coordinate_names, coupled_coordinates, load_model
from biomech.skeleton.skeleton import Skeleton

HELD_FROM = 1.0  # weight (m²/rad²) from which on a coordinate task says what the coordinate is


@dataclass
class _Solved:
    """What a solver gives back."""

    kinematics: Kinematics
    errors: MarkerErrors
    notes: list[str]
    figures: dict[str, Any] = field(default_factory=dict)
    doubted: Bool[np.ndarray, " frames"] | bool = False
    uncertainty: Float[np.ndarray, "frames coordinates"] | None = None  # rad and m


def solve(
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    files: Solution,
    markers_trc: Path,
    quality: Float[np.ndarray, " frames"],
    goals: CoordinateGoals | None = None,
    smooth_mm: float | None = None,
    polish: bool = False,
    recovered: bool = False,
    half_widths: Mapping[str, Float[np.ndarray, " frames"]] | None = None,
    fill: bool = False,
    workers: int | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Pose a scaled model at every frame that shows it; write the motion, a setup for OpenSim's tool, and the quality.

    Args:
        model_osim: a scaled model with its markers.
        markers: what was measured, under the model's names.
        tasks: IK task weight by marker name; 0 leaves a marker out.
        files: the solver (``neural``, ``fast`` or ``opensim``) and what it is to write: degrees and metres, every
            coordinate; InverseKinematicsTool's XML; a .csv with time, quality, marker errors (mm), whether the frame is
            trusted, why not, and which coordinates its markers leave open; and the uncertainty of every coordinate
            (degrees and mm), where the network or the recovery knows it.
        markers_trc: the file that holds ``markers``.
        quality: how well each frame was seen, 0 to 1.
        goals: coordinate tasks, and what the model prescribes; the network knows neither.
        smooth_mm: standard deviation of the markers' noise, against which the fast solver smooths the motion.
        polish: move the network's answer towards the markers (``neurik.polish``).
        recovered: the markers are those of a body that was recovered from film; the network's uncertainty is then
            that of recovered markers.
        half_widths: of coordinates (rad, m), as the recovery knows them; in place of the network's.
        fill: interpolate the frames that show too few markers; they are left out of the motion otherwise.
        workers: processes of OpenSim's solver; the others need none.
        progress: called with frames done and frames in all.

    Returns the stage's figures.

    Raises:
        BioposeError: no marker in common, no frame with enough markers, markers that leave most coordinates open (the
            message says which are missing), the network does not know the markers or the
            model, or the solver failed; then nothing is written.
    """
    model = load_model(model_osim)
    weights = tracked_weights([m.getName() for m in model.getMarkerSet()], markers, tasks, str(model_osim))
    goals = goals or coordinate_goals(None, model, markers.time_s)
    skeleton = Skeleton.from_osim(model)
    if files.solver == "opensim":
        answer = solve_ik(
            model_osim,
            markers,
            tasks,
            markers_trc=markers_trc,
            coordinate_tasks=goals.tasks,
            workers=workers,
            progress=progress,
        )
        found = _Solved(*answer, list(goals.notes))
    elif files.solver == "fast":
        found = _solve_fast(skeleton, markers, weights, goals, smooth_mm, progress)
    else:
        check_coordinates(model, str(model_osim))
        found = _solve_neural(skeleton, markers, weights, polish, recovered)
        if goals.all:
            found.notes.append(f"the network knows no tasks of coordinates; left out: {', '.join(goals.all)}")
    if half_widths is not None:
        unknown = np.full(len(markers.time_s), np.nan)
        found.uncertainty = np.stack([half_widths.get(name, unknown) for name in found.kinematics.names], 1)
    solved = found.errors.solved
    told = determined(
        skeleton,
        list(weights),
        found.kinematics.values[solved],
        np.isfinite(markers.select(list(weights)).positions_m).all(-1)[solved],
        of_set=[name for name in skeleton.marker_names if tasks.get(name, 0) > 0],
        held=[*goals.prescribed, *(name for name, task in goals.tasks.items() if np.min(task.weight) >= HELD_FROM)],
    )
    told.check(str(markers_trc))
    tool = None
    if files.solver == "neural":
        tool = files.kinematics.stem.removesuffix(MOTION_NAMES["neural"]) + MOTION_NAMES["opensim"]
    course = within_a_turn(skeleton.description, found.kinematics.values)
    whole = replace(found.kinematics, values=course)
    # What nobody saw is no motion: a frame that could not be solved is left out, unless it is to be filled.
    kept = np.ones(len(whole.time_s), dtype=bool) if fill else solved
    motion = Kinematics(whole.names, whole.values[kept], whole.time_s[kept], whole.rotational)
    tracked_trc = markers_trc
    if not solved.all():  # OpenSim's tool fails at a frame without markers
        tracked_trc = files.tracked
        write_trc(Markers(markers.names, markers.positions_m[solved], markers.time_s[solved]), tracked_trc)
    write_solution(
        motion,
        files.kinematics,
        files.ik_setup,
        name=tool,
        model_osim=model_osim,
        markers_trc=tracked_trc,
        weights=weights,
        coupled=coupled_coordinates(model),
        coordinate_tasks=goals.tasks,
        coordinate_file=goals.file,
    )
    errors = found.errors
    not_told, opened = np.full(len(solved), "", dtype=object), np.zeros(len(solved), dtype=bool)
    not_told[solved], opened[solved] = told.names_not_told(), told.open.any(1)
    trusted = Trusted.judge(quality, errors, found.doubted, not_told.tolist(), opened)
    trusted.write(files.quality, quality, errors)
    if found.uncertainty is not None:
        _write_uncertainty(files.uncertainty, whole, np.where(kept[:, None], found.uncertainty, np.nan))
        turning = found.uncertainty[solved][:, whole.rotational]
        if np.isfinite(turning).any():
            found.figures["mean_uncertainty_deg"] = round(float(np.rad2deg(np.nanmean(turning))), 2)
    return {
        "frames": len(motion.time_s),
        "frames_left_out": int((~kept).sum()),
        "marker_rms_mm": round(errors.clip_rms_m * 1000, 2),
        "marker_max_mm": round(float(np.nanmax(errors.max_m)) * 1000, 2),
        "frames_within_thresholds": int(errors.good.sum()),
        "frames_trusted": int(trusted.frames.sum()),
        **({} if tracked_trc == markers_trc else {"also": [tracked_trc.name]}),
        **found.figures,
        "notes": trusted.notes() + errors.flags(filled=fill) + told.notes() + found.notes,
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


def check_coordinates(model: opensim.Model, where: str) -> None:
    """The network gives the coordinates of our own skeleton.

    Raises:
        BioposeError: the model has others.
    """
    own, theirs = coordinate_names(load_model(DEFAULT_PATH)), coordinate_names(model)
    if theirs != own:
        other = sorted(set(own) ^ set(theirs))[:5] or ["their order"]
        raise BioposeError(
            f"the network gives our own skeleton's coordinates, and this model's are others: {', '.join(other)} …",
            where=where,
            mend="Give --solver fast.",
        )


def _solve_fast(
    skeleton: Skeleton,
    markers: Markers,
    weights: Mapping[str, float],
    goals: CoordinateGoals,
    smooth_mm: float | None,
    progress: Progress,
) -> _Solved:
    smoothness = None if smooth_mm is None else Smoothness(marker_noise_m=smooth_mm / 1000)
    with _one_thread():
        solved = inverse_kinematics(
            skeleton, markers, weights, coordinate_tasks=goals.all, smoothness=smoothness, progress=progress
        )
    notes = list(goals.notes)
    if smooth_mm is not None:
        notes += [
            f"smoothed against {smooth_mm:g} mm of marker noise, by our solver (fast); the IK setup repeats it without"
        ]
    return _Solved(*solved, notes)


def _solve_neural(
    skeleton: Skeleton, markers: Markers, weights: Mapping[str, float], polish: bool, recovered: bool
) -> _Solved:
    answer, sure = neural_kinematics(markers), None
    if recovered:
        # Told so, the network knows how far off such bodies are. How it would correct them it has learned from too few
        # clips: on real film knees came out better and everything else worse.
        sure = recovered_confidence(markers)
        answer = replace(answer, uncertainty=neural_kinematics(markers, confidence=sure).uncertainty)
    trust = judge(markers, answer, confidence=sure)
    tracked = skeleton.carrying(list(weights))
    with _one_thread():
        kinematics = polished(tracked, markers, weights, answer) if polish else answer.kinematics
        errors = posed_errors(tracked, markers.select(list(weights)), kinematics.values, answer.solved)
    notes = ["the motion is the network's; the IK setup solves the same markers on the same model with OpenSim's tool"]
    if polish:
        notes.append("polished: the network's coordinates, moved towards the markers as far as it is unsure of them")
    figures = {
        "frames_flagged": int(trust.flagged.sum()),
        "network_factors": rounded_factors(answer.scales),
    }
    return _Solved(kinematics, errors, notes + trust.notes, figures, trust.flagged, answer.uncertainty)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors: on a busy machine, waiting threads took ten times as long
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _write_uncertainty(
    path: Path, kinematics: Kinematics, uncertainty: Float[np.ndarray, "frames coordinates"]
) -> None:
    table = pd.DataFrame({"time": kinematics.time_s})
    for name, column, turns in zip(kinematics.names, uncertainty.T, kinematics.rotational, strict=True):
        table[f"{name}_{'deg' if turns else 'mm'}"] = (np.rad2deg(column) if turns else 1000 * column).round(3)
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)
