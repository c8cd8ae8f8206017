"""A scaled Model and Markers → Solved, by any of the solvers."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.motion import BodyMotion
from biomech.files import path_of
from biomech.inverse_kinematics.solved import Solved
from biomech.markers.markers import Markers
from biomech.names import DEFAULT_SOLVER
from biomech.pipeline.options import check_solvers
from biomech.skeleton.osim import Model


def solve(
    model: Model | Path | str,
    markers: Markers | Path | str,
    *,
    motion: BodyMotion | None = None,
    solver: str = DEFAULT_SOLVER,
    weights: Mapping[str, float] | None = None,
    tasks: Path | str | None = None,
    quality: Float[np.ndarray, " frames"] | None = None,
    half_widths: Mapping[str, Float[np.ndarray, " frames"]] | None = None,
    smooth_mm: float | None = None,
    polish: bool = False,
    recovered: bool = False,
    fill: bool = False,
    workers: int | None = None,
    up: str | None = None,
    subject: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Solved:
    """Pose a scaled model at every frame that its markers show.

    Args:
        model: with its markers; or the path of its .osim.
        markers: under the model's names (m, Y up, NaN where one is missing); or the path of a .trc or .c3d, whose
            names, axes (``up``) and people (``subject``) are matched to the model.
        motion: the recovered body that ``extract`` read the markers off: how well each frame was seen, and how far off
            the coordinates may be.
        solver: ``fast`` (ours), ``neural`` (the network, for the 142 virtual markers) or ``opensim`` (its own, slower).
        weights: by marker; 0 leaves one out. By default those of ``tasks``, else the package's own for the virtual
            markers and 1 for others.
        tasks: IK or scale setup (.xml) with weights and coordinate tasks.
        quality: how well each frame was seen, 0 to 1; by default ``motion``'s, else the share of markers that it shows.
        half_widths: by coordinate (rad, m), how far off it may be; by default ``motion``'s, else the network's.
        smooth_mm: smooth the motion against this much noise of the markers (mm; ``fast``).
        polish: move the network's answer towards the markers (``neural``).
        recovered: the markers are a recovered body's, as they are where ``motion`` is given.
        fill: interpolate frames that show too few markers; they are left out of the motion otherwise.
        workers: processes of OpenSim's solver; all cores by default.
        progress: called with frames done and frames in all.

    Returns:
        One kind of result whichever the solver is: kinematics (rad, m), marker errors (m), uncertainty, what is to be
        trusted, and notes; ``.angles`` is the motion as a table.

    Raises:
        BioposeError: an unknown solver or one that cannot do what is asked, no marker in common, markers that leave
            most coordinates open, a network that does not know the markers or the model, or the solver failed.

    Example:
        >>> import biomech
        >>> solved = biomech.solve("walk_scaled.osim", "walk.trc")
        >>> solved.angles.columns[:3].tolist()
        ['pelvis_tilt', 'pelvis_list', 'pelvis_rotation']
    """
    from biomech.inverse_kinematics.coordinate_tasks import coordinate_goals
    from biomech.markers.read import read_for_model
    from biomech.mesh.expected import half_widths_by_name
    from biomech.pipeline.solve import SolverOptions, share_seen, solved_markers, task_weights
    from biomech.pipeline.solvers import check_network
    from biomech.skeleton.model import load_model

    check_solvers((solver,), smooth_mm, polish)
    setup = None if tasks is None else path_of(tasks, "a setup")
    with ExitStack() as stack:
        path = stack.enter_context(model.as_file()) if isinstance(model, Model) else path_of(model, "a model")
        loaded = load_model(path)
        read, notes = markers, list[str]()
        if not isinstance(read, Markers):
            read = read_for_model(path_of(read, "markers"), loaded, up=up, subject=subject)
            notes += read.notes
        read.check()
        if solver == "neural":
            check_network(loaded, read.names, str(path))
        if weights is None:
            weights, assumed = task_weights(loaded, setup)
            notes += assumed
        if motion is not None:
            quality = motion.quality if quality is None else quality
            half_widths = half_widths_by_name(motion) if half_widths is None else half_widths
        solved = solved_markers(
            loaded,
            path,
            read,
            weights,
            solver=solver,
            quality=share_seen(read) if quality is None else quality,
            goals=coordinate_goals(setup, loaded, read.time_s),
            told=SolverOptions(
                doubts=() if motion is None else motion.doubts,
                left_open=() if motion is None else motion.left_open,
                smooth_mm=smooth_mm,
                polish=polish,
                recovered=recovered or motion is not None,
                half_widths=half_widths,
                fill=fill,
                workers=workers,
            ),
            progress=progress,
        )
    return replace(solved, notes=[*notes, *solved.notes])
