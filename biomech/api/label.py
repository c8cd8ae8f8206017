"""Motion capture → ground truth."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biomech.labels.campaign import Report
    from biomech.workers import Stop


def label(
    paths: Sequence[Path | str] | Path | str,
    out: Path | str,
    *,
    bodies: int = 1,
    solver: str = "fast",
    check: float = 0.0,
    files: str = "all",
    workers: int | None = None,
    marker_map: str | Path | None = None,
    static: bool = True,
    people: Path | str | None = None,
    up: str | None = None,
    rate_hz: float | None = None,
    body_models: Path | str | None = None,
    seed: int = 0,
    scheduler: str | None = None,
    overwrite: bool = False,
    stop: "Stop | None" = None,
    progress: Callable[[str], Any] | None = None,
) -> "Report":
    """Scale a model and solve its inverse kinematics for every trial of motion capture.

    The one function that needs a folder: it may label more than any memory holds, be stopped, and go on.

    Args:
        paths: recordings, and folders and zips of them: .bvh .amc .npz .mat .c3d .trc.
        out: folder for the labels (.osim, .mot, .trc, shards); may hold an earlier run's.
        bodies: random bodies that a motion is replayed on.
        solver: ``fast``, or ``opensim``, the tool at accuracy 1e-7.
        check: share of the trials, 0 to 1, that OpenSim's tool solves too.
        files: which trials get files beside the shard: ``all``, ``sample``, ``none``.
        workers: processes; all cores by default.
        marker_map: name or .csv of the map of real markers; found by the markers' names where not given.
        static: use static trials of real markers where there are.
        people: table (.csv) of who wore real markers: subject, height_m, mass_kg.
        up: axis that points up in .trc and .c3d; found out where not given.
        rate_hz: thin recordings to about this rate.
        body_models: folder of your own SMPL-H or SMPL-X files.
        seed: of the random bodies and of the samples.
        scheduler: address of a Dask scheduler in place of processes here.
        overwrite: label again what is labelled.
        stop: asked to stop, the campaign finishes or drops what is under way.
        progress: makes, from a label, a context manager that yields a function of trials done and trials in all.

    Returns:
        How many trials were labelled, unchanged and failed (with the cause of each), and figures over all of them.

    Raises:
        BioposeError: an option is wrong, nothing in the paths is known, the folder cannot be used, or not one trial
            could be labelled.

    Example:
        >>> import biomech
        >>> report = biomech.label("mocap", "labels", bodies=8)  # doctest: +SKIP
        >>> report.failed  # doctest: +SKIP
        {}
    """
    from biomech.labels.campaign import LabelOptions, run_campaign
    from biomech.labels.label import check_solver
    from biomech.labels.sources import find_trials

    check_solver(solver)
    trials = find_trials(
        [paths] if isinstance(paths, Path | str) else paths,
        bodies=bodies,
        seed=seed,
        marker_map=marker_map,
        rate_hz=rate_hz,
        model_dir=body_models,
        static=static,
        people=people,
        up=up,
    )
    options = LabelOptions(solver, files, check, seed, workers or os.cpu_count() or 1, scheduler, overwrite)
    return run_campaign(trials, Path(out), options, stop=stop, progress=progress)
