"""The stage `solve`: Markers → Kinematics, by any of the solvers; then, if wanted, the same files beside the motion."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import opensim
import pandas as pd
from jaxtyping import Bool, Float

from biomech.arrays import rows_at
from biomech.errors import BioposeError
from biomech.files import check_file, write_csv
from biomech.inverse_kinematics.anatomical import anatomical
from biomech.inverse_kinematics.believable import not_told_apart, too_fast
from biomech.inverse_kinematics.branches import told_otherwise, within_a_turn
from biomech.inverse_kinematics.coordinate_tasks import CoordinateGoals, coordinate_goals
from biomech.inverse_kinematics.determined import determined
from biomech.inverse_kinematics.fast import inverse_kinematics, posed_errors
from biomech.inverse_kinematics.heading import turned_away
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.setup import write_solution
from biomech.inverse_kinematics.smoothing import Smoothness
from biomech.inverse_kinematics.solved import Solved, SolverFigures
from biomech.inverse_kinematics.tracked import tracked_weights
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.names import MOTION_NAMES
from biomech.neurik.polish import polish as polished
from biomech.neurik.predict import neural_kinematics, recovered_confidence
from biomech.neurik.reliability import judge
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.figures import SolveFigures
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Progress, Solution
from biomech.scaling.scale_tool import rounded_factors
from biomech.side_by_side import one_thread
from biomech.skeleton.model import coordinate_names, coupled_coordinates, load_model
from biomech.skeleton.skeleton import Skeleton

HalfWidths = Mapping[str, Float[np.ndarray, " frames"]]  # by coordinate (rad, m)
HELD_FROM = 1.0  # weight (m²/rad²) from which on a coordinate task says what the coordinate is


@dataclass(frozen=True)
class SolverOptions:
    """What a solver is told besides its markers.

    Attributes:
        smooth_mm: standard deviation of the markers' noise, against which the fast solver smooths the motion.
        polish: move the network's answer towards the markers (``neurik.polish``).
        recovered: the markers are those of a body that was recovered from film; the network's uncertainty is then
            that of recovered markers.
        half_widths: of coordinates (rad, m), as the recovery knows them; in place of the network's.
        doubts: what the recovery says against each frame (``BodyMotion.doubts``).
        left_open: coordinates that the recovery does not know in any frame (``BodyMotion.left_open``).
        fill: interpolate the frames that show too few markers; they are left out of the motion otherwise.
        workers: processes of OpenSim's solver; the others need none.
    """

    smooth_mm: float | None = None
    polish: bool = False
    recovered: bool = False
    half_widths: HalfWidths | None = None
    doubts: Sequence[str] = ()
    left_open: Sequence[str] = ()
    fill: bool = False
    workers: int | None = None

    @classmethod
    def of(cls, options: Options) -> "SolverOptions":
        """Those among a run's options."""
        return cls(
            smooth_mm=options.smooth_mm,
            polish=options.polish,
            recovered=options.recovered,
            fill=options.fill,
            workers=options.workers,
        )


PLAIN = SolverOptions()


@dataclass
class _Found:
    """What a solver gives back, before it is judged."""

    kinematics: Kinematics
    errors: MarkerErrors
    notes: list[str]
    figures: SolverFigures = field(default_factory=SolverFigures)
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
    told: SolverOptions = PLAIN,
    progress: Progress = None,
) -> SolveFigures:
    """Pose a scaled model at every frame that shows it; write the motion, a setup for OpenSim's tool, and the quality.

    Args:
        model_osim: scaled, with its markers.
        files: the solver (``neural``, ``fast`` or ``opensim``) and what it is to write (``write_solved``).
        markers_trc: the file that holds ``markers``.
        goals: coordinate tasks, and what the model prescribes; None: the model's prescriptions alone.
        others: as ``solved_markers``.

    Returns:
        The stage's figures: frames solved, left out, trusted, within OpenSim's thresholds; marker errors (mm); notes.

    Raises:
        BioposeError: as ``solved_markers``; then nothing is written.
    """
    model = load_model(model_osim)
    goals = goals or coordinate_goals(None, model, markers.time_s)
    solved = solved_markers(
        model,
        model_osim,
        markers,
        tasks,
        solver=files.solver,
        markers_trc=markers_trc,
        quality=quality,
        goals=goals,
        told=told,
        progress=progress,
    )
    tracked_trc = write_solved(
        solved, markers, files, goals=goals, model=model, model_osim=model_osim, markers_trc=markers_trc
    )
    errors, frames = solved.marker_errors, len(solved.kinematics.time_s)
    figures: SolveFigures = {
        "frames": frames,
        "frames_left_out": len(markers.time_s) - frames,
        "marker_rms_mm": round(errors.clip_rms_m * 1000, 2),
        "marker_max_mm": round(float(np.nanmax(errors.max_m)) * 1000, 2),
        "frames_within_thresholds": int(errors.good.sum()),
        "frames_trusted": int(solved.trusted.frames.sum()),
    }
    if tracked_trc != markers_trc:
        figures["also"] = [tracked_trc.name]
    return {**figures, **solved.figures, "notes": solved.notes}


def solved_markers(
    model: opensim.Model,
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    solver: str,
    quality: Float[np.ndarray, " frames"],
    goals: CoordinateGoals,
    markers_trc: Path | None = None,
    told: SolverOptions = PLAIN,
    progress: Progress = None,
) -> Solved:
    """Pose a scaled model at every frame that shows it, by any of the solvers; nothing is written.

    Args:
        model: a scaled model with its markers, and ``model_osim``, the file that it was read from.
        markers: what was measured, under the model's names (m, Y up).
        tasks: IK task weight by marker name; 0 leaves a marker out.
        solver: ``neural``, ``fast`` or ``opensim``.
        quality: how well each frame was seen, 0 to 1.
        goals: coordinate tasks, and what the model prescribes; the network knows neither.
        markers_trc: the file that holds ``markers``, which OpenSim's tool reads; where not given, a temporary one.
        told: what else the solver is to know and do.
        progress: called with frames done and frames in all.

    Returns:
        Kinematics of the frames that are kept (rad and m), marker errors (m) and trust of all frames, uncertainty and
        notes.

    Raises:
        BioposeError: no marker in common, no frame with enough markers, markers that leave most coordinates open (the
            message says which are missing), the network does not know the markers or the model, or the solver failed.
    """
    weights = tracked_weights([m.getName() for m in model.getMarkerSet()], markers, tasks, str(model_osim))
    skeleton = Skeleton.from_osim(model)
    if solver == "opensim":
        found = _solve_opensim(model_osim, markers, tasks, goals, markers_trc, told.workers, progress)
    elif solver == "fast":
        found = _solve_fast(skeleton, markers, weights, goals, told.smooth_mm, progress)
    else:
        check_coordinates(model, str(model_osim))
        found = _solve_neural(skeleton, markers, weights, told.polish, told.recovered)
        if goals.all:
            found.notes.append(f"the network knows no tasks of coordinates; left out: {', '.join(goals.all)}")
    whole, errors, unsure = found.kinematics, found.errors, found.uncertainty
    if told.half_widths is not None:
        unknown = np.full(len(markers.time_s), np.nan)
        unsure = np.stack([told.half_widths.get(name, unknown) for name in whole.names], 1)
    if unsure is not None:  # no angle is further from another than half a turn
        unsure = np.where(whole.rotational, np.minimum(unsure, np.pi), unsure)
    solved = errors.solved
    shown = determined(
        skeleton,
        list(weights),
        whole.values[solved],
        np.isfinite(markers.select(list(weights)).positions_m).all(-1)[solved],
        of_set=[name for name in skeleton.marker_names if tasks.get(name, 0) > 0],
        held=[*goals.prescribed, *(name for name, task in goals.tasks.items() if np.min(task.weight) >= HELD_FROM)],
        left_out=[name for name in markers.seen if name in skeleton.marker_names and not tasks.get(name, 0) > 0],
    )
    shown.check(str(markers_trc or model_osim))
    if unsure is not None and np.isfinite(turning := unsure[solved][:, whole.rotational]).any():
        found.figures["mean_uncertainty_deg"] = round(float(np.rad2deg(np.nanmean(turning))), 2)
    not_told, opened = np.full(len(solved), "", dtype=object), np.zeros(len(solved), dtype=bool)
    course, jumps, told_of_jumps = anatomical(
        skeleton.description, within_a_turn(skeleton.description, whole.values), solved
    )
    odd, told_of_odd = _not_to_be_believed(skeleton, course[solved], whole.time_s[solved], jumps[solved])
    not_told[solved] = [f"{said} {more}".strip() for said, more in zip(shown.names_not_told(), odd, strict=True)]
    opened[solved] = shown.open.any(1)
    unknown_names = [
        " ".join(dict.fromkeys([*said.split(), *(name for name in told.left_open if name in whole.names)]))
        for said in not_told
    ]
    trusted = Trusted.judge(quality, errors, found.doubted, unknown_names, opened, told.doubts)
    # What nobody saw is no motion: a frame that could not be solved is left out, unless it is to be filled.
    kept = np.ones(len(whole.time_s), dtype=bool) if told.fill else solved
    return Solved(
        kinematics=Kinematics(whole.names, course[kept], whole.time_s[kept], whole.rotational),
        marker_errors=errors,
        uncertainty=None if unsure is None else unsure[kept],
        trusted=trusted,
        quality=quality,
        weights=weights,
        notes=trusted.notes()
        + errors.flags(filled=told.fill)
        + shown.notes()
        + told_of_odd
        + told_of_jumps
        + _turned(skeleton, course[kept])
        + turned_away(skeleton.description, course[kept])
        + found.notes,
        figures=found.figures,
    )


def _not_to_be_believed(
    skeleton: Skeleton,
    values: Float[np.ndarray, "frames coordinates"],
    time_s: Float[np.ndarray, " frames"],
    jumps: Bool[np.ndarray, "frames coordinates"],
) -> tuple[list[str], list[str]]:
    """Names of each frame's coordinates that say little though markers determine them, and what is told of them.

    ``jumps`` are named besides; what is told of them is told elsewhere.
    """
    apart, alike = not_told_apart(skeleton.description, values)
    fast, faster = too_fast(skeleton.description, values, time_s)
    names = np.array(skeleton.coordinate_names)
    return [" ".join(names[row]) for row in apart | fast | jumps], [*alike, *faster]


def _turned(skeleton: Skeleton, values: Float[np.ndarray, "frames coordinates"]) -> list[str]:
    """Joints whose angles are no longer those that one would read off the pose."""
    told = told_otherwise(skeleton.description, values)
    if not told:
        return []
    names, most = ", ".join(name for name, _ in told), max(share for _, share in told)
    return [
        f"{names}: beyond the joint's range in up to {most:.0%} of the frames; the pose is right, its angles went round"
    ]


def write_solved(
    solved: Solved,
    markers: Markers,
    files: Solution,
    *,
    goals: CoordinateGoals,
    model: opensim.Model,
    model_osim: Path,
    markers_trc: Path,
) -> Path:
    """Write the motion, a setup for OpenSim's tool, the quality, and the uncertainty where something knows it.

    Args:
        solved: of ``markers``, which ``markers_trc`` holds, on ``model``, which was read from ``model_osim``.
        files: degrees and metres, every coordinate; InverseKinematicsTool's XML; a .csv with time, quality, marker
            errors (mm), whether the frame is trusted, why not, and which coordinates its markers leave open; and the
            uncertainty of every coordinate (degrees and mm).
        goals: the coordinate tasks that the setup repeats.

    Returns:
        The file of the markers that were tracked: ``files.tracked`` where a frame could not be solved.

    Raises:
        BioposeError: the motion cannot be written as .mot.
    """
    name, seen = None, solved.marker_errors.solved
    if files.solver == "neural":
        name = files.kinematics.stem.removesuffix(MOTION_NAMES["neural"]) + MOTION_NAMES["opensim"]
    if not seen.all():  # OpenSim's tool fails at a frame without markers
        markers_trc = files.tracked
        write_trc(Markers(markers.names, markers.positions_m[seen], markers.time_s[seen]), markers_trc)
    write_solution(
        solved.kinematics,
        files.kinematics,
        files.ik_setup,
        name=name,
        model_osim=model_osim,
        markers_trc=markers_trc,
        weights=solved.weights,
        coupled=coupled_coordinates(model),
        coordinate_tasks=goals.tasks,
        coordinate_file=goals.file,
    )
    solved.trusted.write(files.quality, solved.quality, solved.marker_errors)
    if solved.uncertainty is not None:
        _write_uncertainty(files.uncertainty, solved)
    return markers_trc


def task_weights(model: opensim.Model, setup_xml: Path | None) -> tuple[dict[str, float], list[str]]:
    """IK task weights by marker name, and a note where they had to be assumed.

    Those of an IK or scale setup; without one, the package's own for a model with all virtual markers, 1 for others.

    Args:
        model: with its markers.
        setup_xml: an IK or scale setup; its weights are taken as they are.

    Returns:
        Weights, and no note or one.

    Raises:
        BioposeError: the setup holds no marker task.
    """
    names = [marker.getName() for marker in model.getMarkerSet()]
    if setup_xml is not None:
        return read_tasks(setup_xml), []
    virtual = load_virtual_markers().weights_by_name()
    if set(virtual) <= set(names):
        return virtual, []
    note = "every marker weighs 1; a setup with other weights moves the angles by a degree or two (`tasks`)"
    return dict.fromkeys(names, 1.0), [note]


def share_seen(markers: Markers) -> Float[np.ndarray, " frames"]:
    """The quality of a frame of recorded markers: the share that it shows of those that some frame shows."""
    seen = np.isfinite(markers.positions_m).all(-1)
    share: Float[np.ndarray, " frames"] = seen.sum(1) / max(1, seen.any(0).sum())
    return share


def check_coordinates(model: opensim.Model, where: str) -> None:
    """The network gives the coordinates of our own skeleton.

    Args:
        model: any.
        where: the file, for the text of an error.

    Raises:
        BioposeError: the model has others.
    """
    own, theirs = coordinate_names(load_model(DEFAULT_PATH)), coordinate_names(model)
    if theirs != own:
        other = sorted(set(own) ^ set(theirs))[:5] or ["their order"]
        raise BioposeError(
            f"the network gives our own skeleton's coordinates, and this model's are others: {', '.join(other)} …",
            where=where,
            mend="Give `solver=fast`.",
        )


def _solve_opensim(
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    goals: CoordinateGoals,
    markers_trc: Path | None,
    workers: int | None,
    progress: Progress,
) -> _Found:
    with ExitStack() as stack:
        if markers_trc is None:
            markers_trc = stack.enter_context(temporary_folder("markers")) / "markers.trc"
            write_trc(markers, markers_trc)
        answer = solve_ik(
            model_osim,
            markers,
            tasks,
            markers_trc=markers_trc,
            coordinate_tasks=goals.tasks,
            workers=workers,
            progress=progress,
        )
    return _Found(*answer, list(goals.notes))


def _solve_fast(
    skeleton: Skeleton,
    markers: Markers,
    weights: Mapping[str, float],
    goals: CoordinateGoals,
    smooth_mm: float | None,
    progress: Progress,
) -> _Found:
    smoothness = None if smooth_mm is None else Smoothness(marker_noise_m=smooth_mm / 1000)
    with one_thread():
        solved = inverse_kinematics(
            skeleton, markers, weights, coordinate_tasks=goals.all, smoothness=smoothness, progress=progress
        )
    notes = list(goals.notes)
    if smooth_mm is not None:
        notes += [
            f"smoothed against {smooth_mm:g} mm of marker noise, by our solver (fast); the IK setup repeats it without"
        ]
    return _Found(*solved, notes)


def _solve_neural(
    skeleton: Skeleton, markers: Markers, weights: Mapping[str, float], polish: bool, recovered: bool
) -> _Found:
    answer, sure = neural_kinematics(markers), None
    if recovered:
        # Told so, the network knows how far off such bodies are. How it would correct them it has learned from too few
        # clips: on real film knees came out better and everything else worse.
        sure = recovered_confidence(markers)
        answer = replace(answer, uncertainty=neural_kinematics(markers, confidence=sure).uncertainty)
    reliability = judge(markers, answer, confidence=sure)
    tracked = skeleton.carrying(list(weights))
    with one_thread():
        kinematics = polished(tracked, markers, weights, answer) if polish else answer.kinematics
        errors = posed_errors(tracked, markers.select(list(weights)), kinematics.values, answer.solved)
    notes = ["the motion is the network's; the IK setup solves the same markers on the same model with OpenSim's tool"]
    if polish:
        notes.append("polished: the network's coordinates, moved towards the markers as far as it is unsure of them")
    figures: SolverFigures = {
        "frames_flagged": int(reliability.flagged.sum()),
        "network_factors": rounded_factors(answer.scales),
    }
    return _Found(kinematics, errors, notes + reliability.notes, figures, reliability.flagged, answer.uncertainty)


def _write_uncertainty(path: Path, solved: Solved) -> None:
    """A row for every frame of the markers; empty where the motion has none."""
    assert solved.uncertainty is not None
    kinematics, time_s = solved.kinematics, solved.marker_errors.time_s
    unsure = np.full((len(time_s), len(kinematics.names)), np.nan)
    unsure[np.isin(time_s, kinematics.time_s)] = solved.uncertainty
    table = pd.DataFrame({"time": time_s})
    for name, column, turns in zip(kinematics.names, unsure.T, kinematics.rotational, strict=True):
        table[f"{name}_{'deg' if turns else 'mm'}"] = (np.rad2deg(column) if turns else 1000 * column).round(3)
    write_csv(table, path)


def read_uncertainty(path: Path, kinematics: Kinematics) -> Float[np.ndarray, "frames coordinates"]:
    """Of a motion's frames and coordinates (rad, m), from the file beside it.

    Args:
        path: of the .csv (degrees and mm).
        kinematics: the motion that it lies beside; each of its frames has a row.

    Returns:
        NaN where the file says nothing.

    Raises:
        BioposeError: it is none, or another motion's.
    """
    units = ["deg" if turns else "mm" for turns in kinematics.rotational]
    try:
        table = pd.read_csv(check_file(path))
        time_s = table["time"].to_numpy(float)
        columns = table[[f"{name}_{unit}" for name, unit in zip(kinematics.names, units, strict=True)]]
        values = columns.to_numpy(float)
    except (KeyError, ValueError) as error:
        raise BioposeError("not the uncertainty file of this motion", where=str(path)) from error
    values = values[rows_at(time_s, kinematics.time_s, where=str(path), noun="the uncertainty file")]
    unsure: Float[np.ndarray, "frames coordinates"] = np.where(kinematics.rotational, np.deg2rad(values), values / 1000)
    return unsure
