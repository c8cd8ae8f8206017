"""What people look at, made once a run has ended: tidy tables, the angle plot, the report.

A run is not lost by them: what fails here is told as a note, and made at the next run.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomech.arrays import SAME_TIME_S
from biomech.collecting import put_off
from biomech.errors import BioposeError
from biomech.names import MOTION_NAMES
from biomech.pipeline.claim import claimed
from biomech.pipeline.figures import AnglesFigures, ReportFigures, StageRecord
from biomech.pipeline.flags import flags_of, in_flags
from biomech.pipeline.options import Options
from biomech.pipeline.record import RECORD, Run
from biomech.pipeline.runs_within import refuse_runs_within
from biomech.pipeline.stages import Result, Solution, Stage
from biomech.report.courses import Courses
from biomech.side_by_side import one_thread

if TYPE_CHECKING:
    from biomech.report.page import Shown

HERE = Path(__file__)
Stages = dict[str, StageRecord]


def finish(run: Run, files: Result, options: Options, beside: Sequence[Stage] = ()) -> tuple[Stages, Stages]:
    """Make what is not up to date.

    Args:
        run: the folder's.
        files: with the record of the stages that have run.
        options: what the user said.
        beside: stages of the run that tables and plots need not wait for: both are made at one time.

    Returns:
        What the stages that ended well left in the record, and what is to be told of those that did not.

    Raises:
        BioposeError: of a stage of ``beside``.
    """
    done: Stages = {}
    failed: Stages = {}

    def made(make: Callable[[Result], Stage]) -> None:
        stage = make(replace(files, record={**files.record, "stages": {**files.record["stages"], **done}}))
        try:
            run.stage(**vars(stage))
            done[stage.name] = run.record["stages"][stage.name]
        except Exception as error:  # whatever it is, the run's results are there
            said = f"{type(error).__name__}: {error}"
            note = f"{stage.name}: could not be made ({said}); all else is whole"
            failed[stage.name] = {"outputs": {}, "notes": [note]}

    begun = threading.Event()

    def tables() -> None:
        begun.wait()
        with put_off():
            from biomech.pipeline.occasions import events_stage  # scipy.signal: half a second, beside what is drawn

            made(angles_stage)
            with one_thread():
                made(events_stage)

    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(tables)
        try:
            for stage in beside:
                run.stage(**vars(_telling(stage, begun)))
                done[stage.name] = run.record["stages"][stage.name]
        finally:
            begun.set()
        making.result()
    in_turn = [*(stage.name for stage in beside), "angles", "events"]
    done = {name: done[name] for name in in_turn if name in done}  # whichever ended first
    if options.report:
        made(report_stage)
    return done, failed


def _telling(stage: Stage, begun: threading.Event) -> Stage:
    """A stage that says when its work begins, so that what runs beside it is told of after it."""

    def work() -> StageRecord:
        begun.set()
        return stage.work()

    return replace(stage, work=work)


def angles_stage(files: Result) -> Stage:
    """A tidy table of every solver's motion, and one picture of all of them."""
    inputs = {"model": files.model}
    for solution in files.solutions:
        inputs |= {f"{part} {solution.solver}": path for part, path in _parts(solution).items()}
    return Stage(
        "angles",
        inputs=inputs,
        outputs=[*(solution.angles for solution in files.solutions), files.angles_figure],
        options={"solvers": [solution.solver for solution in files.solutions]},
        work=lambda: _angles(files),
        code=("biomech.report.courses", "biomech.report.angle_plot", HERE),
    )


def report_stage(files: Result) -> Stage:
    """One page that shows the whole run; made anew when any of its stages has run."""
    stages = files.record["stages"]
    return Stage(
        "report",
        inputs={path.name: path for path in _shown_files(files)},
        outputs=[files.report],
        options={"stages": {name: stage.get("key", "") for name, stage in stages.items()}},
        work=lambda: _report(files),
        code=("biomech.report.page", "biomech.report.scene", "biomech.report.film", HERE),
    )


def report_again(folder: Path) -> Result:
    """Make the report of a run once more.

    Args:
        folder: of a run that has ended.

    Returns:
        Its files.

    Raises:
        BioposeError: there is no run, it has not come to a motion, or a file of it is not there any more.
    """
    folder = Path(folder)
    if not (folder / RECORD).is_file():
        refuse_runs_within(folder)
        raise BioposeError("no run of `biopose ik` lies there", where=str(folder), mend="Name the folder of a run.")
    with claimed(folder):
        run = Run.open(folder, overwrite=True)
        files = left_by(run)
        stage = report_stage(files)
        for path in stage.inputs.values():
            if not path.is_file():
                raise BioposeError(
                    "a file of the run is not there any more", where=str(path), mend="Run `biopose ik` again."
                )
        run.stage(**vars(stage))
    return replace(files, record=run.record)


def left_by(run: Run) -> Result:
    """The files of a run, as its record has them.

    Args:
        run: opened.

    Returns:
        With all stages but the report's own in its record.

    Raises:
        BioposeError: it has not come to a motion.
    """
    stages = {name: stage for name, stage in run.record["stages"].items() if name != "report"}
    solvers, name = list[str](), ""
    for stage, said in stages.items():
        solver = str(said.get("options", {}).get("solver", ""))
        motions = [file for file in said.get("outputs", {}) if file.endswith(f"_{MOTION_NAMES.get(solver, '?')}.mot")]
        if stage.split("_")[0] == "solve" and motions:
            solvers.append(solver)
            name = name or motions[0].removesuffix(f"_{MOTION_NAMES[solver]}.mot")
    if not solvers or "solve" not in stages:
        refuse_runs_within(run.folder)
        raise BioposeError(
            "the run has not come to a motion", where=str(run.folder / RECORD), mend="Finish it with `biopose ik`."
        )
    return Result.of(run.folder, name, {**run.record, "stages": stages}, solvers)


def _shown_files(files: Result) -> list[Path]:
    """What the report is made of, as far as the run's stages left it."""
    left = {name for stage in files.record["stages"].values() for name in stage.get("outputs", {})}
    one = [files.model, files.markers, files.motion, files.overlay]
    each = [path for solution in files.solutions for path in _parts(solution).values()]
    return [path for path in (*one, *each) if path.name in left]


def courses_of(files: Result) -> list[Courses]:
    """Every solver's motion as people look at it.

    Args:
        files: of a run that has ended.

    Returns:
        In the order of the solvers.

    Raises:
        BioposeError: a file is not there, or is not what its name says.
    """
    from biomech.inverse_kinematics.trusted import Trusted
    from biomech.pipeline.solve import read_uncertainty
    from biomech.skeleton.model import load_model, read_motion

    model = load_model(files.model)
    found = []
    for solution in files.solutions:
        kinematics = read_motion(model, solution.kinematics)
        unsure = solution.uncertainty
        half_widths = read_uncertainty(unsure, kinematics) if unsure.is_file() else None
        found.append(Courses.of(solution.solver, kinematics, Trusted.read(solution.quality), half_widths))
    return found


def _parts(solution: Solution) -> dict[str, Path]:
    """The files of a solver that are looked at, as far as it has them."""
    parts = {"motion": solution.kinematics, "quality": solution.quality, "uncertainty": solution.uncertainty}
    return {part: path for part, path in parts.items() if part != "uncertainty" or path.is_file()}


def _angles(files: Result) -> AnglesFigures:
    from biomech.report.angle_plot import write_angle_plot  # matplotlib: only where a figure is drawn

    courses = courses_of(files)
    for one, solution in zip(courses, files.solutions, strict=True):
        one.write(solution.angles)
    write_angle_plot(courses, files.angles_figure)
    return {"coordinates": len(courses[0].names), "values_trusted": int(courses[0].believed.sum())}


def _report(files: Result) -> ReportFigures:
    from biomech.report.page import write_report

    with one_thread():
        size = write_report(_shown(files), files.report)
    return {"megabytes": round(size / 1e6, 2)}


def _shown(files: Result) -> "Shown":
    """All that the report shows of a run."""
    from biomech.body.motion import BodyMotion
    from biomech.inverse_kinematics.fast import posed_errors
    from biomech.inverse_kinematics.trusted import Trusted
    from biomech.markers.trc import read_trc
    from biomech.pipeline.occasions import place_half_widths
    from biomech.pipeline.solve import read_uncertainty
    from biomech.report.film import small_film
    from biomech.report.measured import measured_of
    from biomech.report.page import Shown
    from biomech.report.scene import scene_of
    from biomech.skeleton.model import load_model, read_motion
    from biomech.skeleton.skeleton import Skeleton

    there = {path.name for path in _shown_files(files)}
    model, markers = load_model(files.model), read_trc(files.markers)
    kinematics = read_motion(model, files.kinematics)
    courses = courses_of(files)
    times = courses[0].time_s
    if len(markers.time_s) != len(times) or not np.allclose(markers.time_s, times, atol=SAME_TIME_S):
        raise BioposeError(
            "these are not the frames of the run's motion (edited?)",
            where=str(files.markers),
            mend="Run `biopose ik` again.",
        )
    skeleton = Skeleton.from_osim(model)
    followed = [name for name in markers.names if name in skeleton.marker_names]
    values = courses[0].at_all_frames(kinematics)
    solved = np.isfinite(values).all(1)
    errors = posed_errors(skeleton.carrying(followed), markers.select(followed), values, solved)
    motion = BodyMotion.load(files.motion) if files.motion.name in there else None
    unsure = files.solutions[0].uncertainty
    place = place_half_widths(read_uncertainty(unsure, kinematics), kinematics) if unsure.name in there else None
    film = small_film(files.overlay) if files.overlay.name in there else None
    return Shown(
        name=files.model.name.removesuffix("_scaled.osim"),
        source=files.record.get("source", {}).get("name", ""),
        motions=courses,
        errors=errors,
        scene=scene_of(model, kinematics, markers, motion),
        film=None if film is None else (film, float(markers.time_s[0])),
        stages=files.record["stages"],
        versions={"biopose": files.record.get("biopose", ""), **files.record.get("versions", {})},
        notes=[in_flags(note, "`") for note in files.notes],
        flags=flags_of(name for stage in files.record["stages"].values() for name in stage.get("options", {})),
        files=_named_files(files),
        measured=measured_of(model, kinematics, Trusted.read(files.quality).frames[solved], place),
    )


def _named_files(files: Result) -> dict[str, str]:
    """Names of the run's files by what they are, those for the OpenSim GUI first."""
    left = {name for stage in files.record["stages"].values() for name in stage.get("outputs", {})}
    first, *others = files.solutions
    named = {
        **{"model": files.model, "motion": first.kinematics, "markers": files.markers, "setup": first.ik_setup},
        **{f"motion, {other.solver}": other.kinematics for other in others},
        **{"table of angles": first.angles, "plot of angles": files.angles_figure, "film": files.overlay},
        **{"table of events": files.events, "table of measures": files.measures},
        **{"quality of each frame": first.quality, "uncertainty": first.uncertainty},
        **{"difference of the solvers": files.difference, "scale setup": files.scale_setup},
        **{"keypoints": files.keypoints, "moving body": files.motion},
    }
    return {what: path.name for what, path in named.items() if path.name in left}
