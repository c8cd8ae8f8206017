"""The stage `solve` alone: recorded markers and a model that is scaled already → a motion and the files beside it."""

from pathlib import Path

from biomech.files import check_target
from biomech.inverse_kinematics.coordinate_tasks import coordinate_goals
from biomech.markers.read import read_for_model
from biomech.markers.trc import is_ours, write_trc
from biomech.pipeline.claim import claimed
from biomech.pipeline.figures import SolveFigures
from biomech.pipeline.kept import keeping, told_of_kept
from biomech.pipeline.options import Options
from biomech.pipeline.solve import SolverOptions, share_seen, solve, task_weights
from biomech.pipeline.solvers import check_network, choose_solvers
from biomech.pipeline.stages import Bar, Result
from biomech.skeleton.model import load_model


def solve_alone(
    markers_file: Path, model_osim: Path, folder: Path, options: Options, *, bar: Bar
) -> tuple[Result, SolveFigures]:
    """Solve recorded markers on a scaled model, and write the motion, its setup and its quality into a folder.

    Args:
        markers_file: a .trc or .c3d.
        model_osim: with its markers.
        folder: where the files go; not the one in which NAME.trc is the recording itself.
        options: the solver and what it is told, ``tasks``, ``up`` and ``subject``.
        bar: makes a progress bar from a label.

    Returns:
        The files, and the stage's figures (mm, frames) and notes.

    Raises:
        BioposeError: the markers, the model or the options cannot be used, or as ``pipeline.solve.solve``.
    """
    model = load_model(model_osim)
    markers = read_for_model(markers_file, model, up=options.up, subject=options.subject)
    (chosen,) = choose_solvers(options, lambda: check_network(model, markers.names, str(markers_file)))
    weights, notes = task_weights(model, options.tasks)
    files = Result.of(folder, markers_file.stem, {}, (chosen,))
    check_target(files.markers, ".trc", markers_file, own=is_ours)
    edited = [files.kinematics, files.ik_setup]  # what people edit, as OpenSim's GUI lets them
    with claimed(folder), keeping(edited, {}) as kept, bar("Solving") as progress:
        # The setup gets the trial as it was understood: metres, Y up, gaps as gaps, the model's names.
        write_trc(markers, files.markers)
        figures = solve(
            model_osim,
            markers,
            weights,
            files=files.solutions[0],
            markers_trc=files.markers,
            quality=share_seen(markers),
            goals=coordinate_goals(options.tasks, model, markers.time_s),
            told=SolverOptions.of(options),
            progress=progress,
        )
    told = [told_of_kept(*one, recorded=False) for one in kept]
    return files, {**figures, "notes": [*told, *markers.notes, *notes, *figures["notes"]]}
