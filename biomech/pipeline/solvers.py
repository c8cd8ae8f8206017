"""Which solvers a run takes, a stage for each of them, and how far their motions are from the first one's."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.names import ACCURACY, DEFAULT_SOLVER, MOTION_NAMES
from biomech.pipeline.figures import DifferenceFigures, SolveFigures
from biomech.pipeline.options import Entrance, Options, check_solvers
from biomech.pipeline.stages import Result, Solution, Stage

if TYPE_CHECKING:  # heavy, and needed only once a motion is there or the network is asked for
    import opensim

    from biomech.kinematics.recognise import ReadMotion

MOST = 0.5  # of the 142: markers of which fewer are there are another set


def choose_solvers(options: Options, check_network: Callable[[], None]) -> tuple[str, ...]:
    """The solvers of a run: those that the user asked for, or the default where it can do it, else ours.

    Args:
        options: ``solvers``, ``smooth_mm`` and ``polish``.
        check_network: raises what keeps the network from solving what there is; called only where it is to.

    Returns:
        Names; the first one's motion is the run's result.

    Raises:
        BioposeError: an unknown solver, one that cannot do what is asked, or a network without weights.
    """
    asked = options.solvers or (("neural",) if options.polish else None)
    chosen = asked or (("fast",) if options.smooth_mm is not None else (DEFAULT_SOLVER,))
    check_solvers(chosen, options.smooth_mm, options.polish)
    if "neural" not in chosen:
        return chosen
    try:
        check_network()
    except BioposeError:
        if asked:
            raise
        return ("fast",)
    if missing := [path for path in network_files() if not path.is_file()]:
        raise BioposeError(
            "the network's weights are not there",
            where=str(missing[0]),
            mend="Give `solver=fast`, or train them with `biopose train neurik`.",
        )
    return chosen


def check_network(model: "opensim.Model", marker_names: Sequence[str], where: str) -> None:
    """Whether the network knows the markers and the model.

    Args:
        model: with its coordinates.
        marker_names: those that were recorded, under the model's names.
        where: the file, for the text of an error.

    Raises:
        BioposeError: it does not.
    """
    from biomech.markers.virtual import load_virtual_markers
    from biomech.pipeline.solve import check_coordinates

    virtual = load_virtual_markers().names
    known = set(virtual) & set(marker_names)
    if len(known) < MOST * len(virtual):
        raise BioposeError(
            f"the network knows the {len(virtual)} virtual markers, of which {len(known)} are here",
            where=where,
            mend="Give `solver=fast`.",
        )
    check_coordinates(model, where)


def network_files() -> list[Path]:
    """The network's weights, and the recipe that they are read by."""
    from biomech.neurik import predict

    return [predict.FILE, predict.FILE.with_suffix(".json")]


def network_inputs() -> dict[str, Path]:
    """The same as a stage's inputs."""
    return dict(zip(("network", "recipe"), network_files(), strict=True))


def solving_stages(
    files: Result,
    options: Options,
    entrance: Entrance,
    *,
    inputs: Mapping[str, Path],
    work: Callable[[Solution], SolveFigures],
    code: tuple[str | Path, ...],
) -> list[Stage]:
    """The stage `solve`, one like it for every other solver, and where there are others the stage `difference`.

    Args:
        entrance: from a film the markers are a recovered body's, which knows how unsure it is.
        inputs: of every solver.
        work: what one solver does, and ``code``, the modules that it is.

    Returns:
        The first solver's first.
    """
    stages = []
    for solution in files.solutions:
        solver = solution.solver
        stages.append(
            Stage(
                "solve" if solution is files.solutions[0] else f"solve_{MOTION_NAMES[solver]}",
                inputs={**inputs, **(network_inputs() if solver == "neural" else {})},
                outputs=solution.written(from_film=entrance in ("film", "keypoints")),
                options={
                    "solver": solver,
                    "accuracy": ACCURACY,
                    "folder": str(files.folder.resolve()),  # the setup names the model in it
                    **options.key(entrance, "solve", solver),
                },
                work=functools.partial(_solved, work, solution, files),
                code=(*code, Path(__file__)),
            )
        )
    if len(files.solutions) > 1:
        stages.append(
            Stage(
                "difference",
                inputs={solution.solver: solution.kinematics for solution in files.solutions},
                outputs=[files.difference, files.difference_figure],
                options={"solvers": [solution.solver for solution in files.solutions]},
                work=lambda: _difference(files),
                code=(
                    "biomech.comparison.compare",
                    "biomech.comparison.tables",
                    "biomech.comparison.curves",
                    Path(__file__),
                ),
            )
        )
    return stages


def _solved(work: Callable[[Solution], SolveFigures], solution: Solution, files: Result) -> SolveFigures:
    """Notes on another motion than the run's result say which one they mean."""
    figures = work(solution)
    if solution is files.solutions[0]:
        return figures
    return {**figures, "notes": [f"{solution.kinematics.name}: {note}" for note in figures["notes"]]}


def _difference(files: Result) -> DifferenceFigures:
    """How far every other motion is from the first; as `biopose compare --untrusted keep` does it, of every frame."""
    from biomech.comparison.compare import compare
    from biomech.comparison.curves import write_curves  # matplotlib: only where a figure is drawn
    from biomech.comparison.tables import as_csv

    first, *others = [_motion(solution.kinematics) for solution in files.solutions]
    comparisons = [compare(first, other) for other in others]
    with whole_file(files.difference) as temporary:
        temporary.write_text(as_csv(comparisons))
    write_curves(comparisons, files.difference_figure)
    return {
        "reference": first.path.name,
        "motions": {
            comparison.motion.path.name: {
                f"{part} ({errors.unit})": round(errors.mae, 3)
                for part, errors in {**comparison.groups, "all rotations": comparison.rotations}.items()
                if errors is not None
            }
            for comparison in comparisons
        },
    }


def _motion(path: Path) -> "ReadMotion":
    """Under its bare name, so that what is written does not say where the folder was."""
    from biomech.kinematics.recognise import ReadMotion, recognise_motion

    found = recognise_motion(path)
    return ReadMotion(Path(path.name), found.kinematics, found.notes)
