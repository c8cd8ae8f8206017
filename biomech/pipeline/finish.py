"""What people look at, made once a run has ended: tidy tables, the angle plot, the report.

A run is not lost by them: what fails here is told as a note, and made at the next run.
"""

from pathlib import Path

from biomech.pipeline.figures import AnglesFigures, StageRecord
from biomech.pipeline.options import Options
from biomech.pipeline.record import Run
from biomech.pipeline.stages import Result, Solution, Stage
from biomech.report.courses import Courses

HERE = Path(__file__)
Stages = dict[str, StageRecord]


def finish(run: Run, files: Result, options: Options) -> tuple[Stages, Stages]:
    """Make what is not up to date.

    Args:
        run: the folder's.
        files: with the record of the stages that have run.
        options: what the user said.

    Returns:
        What the stages that ended well left in the record, and what is to be told of those that did not.
    """
    done: Stages = {}
    failed: Stages = {}
    for make in (angles_stage,):
        stage = make(files)
        try:
            run.stage(**vars(stage))
            done[stage.name] = run.record["stages"][stage.name]
        except Exception as error:  # whatever it is, the run's results are there
            said = f"{type(error).__name__}: {error}"
            note = f"{stage.name}: could not be made ({said}); all else is whole"
            failed[stage.name] = {"outputs": {}, "notes": [note]}
    return done, failed


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
