"""OpenSim's inverse kinematics over a clip, in parallel, as its tool's one run over the clip would answer.

The clip is cut into one stretch per process. A stretch that started from the model's default pose could settle in
another local minimum than a run through the whole clip does (6° in an mtp joint, for a second, on a real squat), so
each process first hurries through what lies before its stretch. At every seam both neighbours solve the first frame;
where they disagree, the later stretch is solved again from the earlier one's pose. Thus the replay of a setup file,
which is one run from the first frame to the last, gives the same motion.
That holds where the optimiser converges; a model for which it does not is solved in one piece, and the user is told.
"""

import contextlib
import itertools
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import CoordinateTask
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.tracked import enough_seen, filled, tracked_weights
from biomech.inverse_kinematics.tracking import FrameSpan, Track, converges, track
from biomech.kinematics.kinematics import Kinematics
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.names import ACCURACY
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names, load_model

FEWEST_FRAMES = 40  # of a stretch; a process takes two seconds to start
STRIDE_S = 0.2  # of the hurried lead-in
SEAM_TOLERANCE = np.deg2rad(0.02)  # rad, and m for translations


def solve_ik(
    model_osim: Path,
    markers: Markers,
    tasks: Mapping[str, float],
    *,
    markers_trc: Path,
    coordinate_tasks: Mapping[str, CoordinateTask] | None = None,
    accuracy: float = ACCURACY,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Kinematics, MarkerErrors]:
    """Pose a model at every frame.

    Args:
        model_osim: a scaled model with its markers.
        markers: what was measured.
        tasks: IK task weight by marker name; 0 leaves a marker out. Names that the model or ``markers`` lack
            are ignored.
        markers_trc: the file that holds ``markers``; the processes read it.
        coordinate_tasks: by coordinate name.
        accuracy: of the optimiser; ``ACCURACY`` says what it buys.
        workers: processes; as many as cores where not given.
        progress: called with frames done and frames in all, from several threads, one at a time.

    Returns:
        Every coordinate, frames with too few markers interpolated; and the marker errors.

    Raises:
        BioposeError: no marker in common, no frame with enough markers, or OpenSim failed.
    """
    model = load_model(model_osim)
    weights = tracked_weights([m.getName() for m in model.getMarkerSet()], markers, tasks, str(model_osim))
    usable = np.flatnonzero(enough_seen(markers.select(list(weights)), str(markers_trc)))

    notes = []
    if not converges(model):
        workers = 1
        notes.append(
            "the model's clamped coordinates make OpenSim choose an optimiser that ignores the accuracy asked for; "
            "angles may be 1-2° from the optimum (clamped=false on its coordinates mends it)"
        )
    stretches = _stretches(model_osim, markers_trc, weights, accuracy, usable, markers.rate_hz, workers)
    for stretch in stretches:
        stretch.coordinates = {name: _course(task, markers.time_s) for name, task in (coordinate_tasks or {}).items()}
    with temporary_folder("ik") as folder:
        tracks = _solve_all(stretches, folder, progress)
        values, squared, marker_names = _merge(stretches, tracks, folder)

    rotational = coordinate_is_rotational(model)
    clamped = np.array([c.getDefaultClamped() for c in model.getCoordinateSet()])
    solved = np.zeros(len(markers.time_s), dtype=bool)
    whole = np.isfinite(values).all(1)
    solved[usable[whole]] = True
    if not solved.any():
        raise BioposeError("OpenSim could not pose the model in any frame", where=str(model_osim))
    kinematics = Kinematics(
        coordinate_names(model),
        filled(markers.time_s, solved, values[whole], rotational & ~clamped),
        markers.time_s,
        rotational,
    )
    distances = np.full((len(solved), len(marker_names)), np.nan)
    distances[solved] = np.sqrt(squared[whole])
    distances[~np.isfinite(markers.select(marker_names).positions_m).all(-1)] = np.nan
    return kinematics, MarkerErrors(marker_names, distances, markers.time_s, solved, notes)


def _stretches(
    model_osim: Path,
    markers_trc: Path,
    weights: dict[str, float],
    accuracy: float,
    usable: np.ndarray,
    rate_hz: float,
    workers: int | None,
) -> list[FrameSpan]:
    """One for each process; each solves the first frame of the next as well."""
    count = max(1, min(workers or os.cpu_count() or 1, len(usable) // FEWEST_FRAMES))
    bounds = np.linspace(0, len(usable), count + 1).astype(int)
    stride = max(1, round(STRIDE_S * rate_hz))
    return [
        FrameSpan(
            str(Path(model_osim).resolve()),
            str(Path(markers_trc).resolve()),
            weights,
            accuracy,
            frames=usable[first : last + 1].tolist(),
            lead_in=usable[:first:stride].tolist(),
        )
        for first, last in itertools.pairwise(bounds)
    ]


def _course(task: CoordinateTask, time_s: Float[np.ndarray, " frames"]) -> tuple[float, list[float], list[float]]:
    """A task as a process is told it: with one weight, and one value or those of all frames."""
    values = np.atleast_1d(np.asarray(task.value, dtype=float))
    return float(np.max(task.weight)), time_s[: len(values)].tolist(), values.tolist()


def _solve_all(stretches: list[FrameSpan], folder: Path, progress: Callable[[int, int], None] | None) -> list[Track]:
    total = sum(len(s.lead_in) + len(s.frames) for s in stretches)
    lock, done = threading.Lock(), 0

    def on_frame() -> None:
        nonlocal done
        with lock:
            done += 1
            if progress:
                progress(done, total)

    with _ended_on_error() as running, ThreadPoolExecutor(len(stretches)) as pool:
        jobs = [pool.submit(track, s, folder / str(i), on_frame, running) for i, s in enumerate(stretches)]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            _end(running)  # before the pool waits for its threads
            raise


def _merge(
    stretches: list[FrameSpan], tracks: list[Track], folder: Path
) -> tuple[Float[np.ndarray, "frames coordinates"], Float[np.ndarray, "frames markers"], list[str]]:
    """Join the stretches; one that disagrees with the pose its neighbour hands over is solved again from that pose."""
    values, squared = [tracks[0].values], [tracks[0].squared_errors_m2]
    for index in range(1, len(stretches)):
        handed, current = values[-1][-1], tracks[index]
        if not _agree(handed, current.values[0]):
            again = FrameSpan(**{**vars(stretches[index]), "lead_in": [], "start": handed.tolist()})
            with _ended_on_error() as running:
                current = track(again, folder / f"again-{index}", lambda: None, running)
        values[-1], squared[-1] = values[-1][:-1], squared[-1][:-1]
        values.append(current.values)
        squared.append(current.squared_errors_m2)
    return np.concatenate(values), np.concatenate(squared), tracks[0].marker_names


def _agree(one: Float[np.ndarray, " coordinates"], other: Float[np.ndarray, " coordinates"]) -> bool:
    # Whole turns are taken out later; a translation never differs by 2π m.
    difference = wrapped(one - other)
    return not np.isfinite(one).all() or bool((np.abs(difference) <= SEAM_TOLERANCE).all())


@contextlib.contextmanager
def _ended_on_error() -> Iterator[list[subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []
    try:
        yield running
    finally:
        _end(running)


def _end(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()
