"""One process that tracks markers through a stretch of a clip, with the solver that OpenSim's IK tool runs.

OpenSim holds Python's lock while it solves, prints to file descriptor 1 and can take the whole process down with it, so
every stretch runs in a process of its own: ``python -m biomech.inverse_kinematics.tracking FOLDER``, which reads
``job.json`` there, writes ``result.npz``, and says "." for each frame. A separate interpreter, rather than
multiprocessing, since that would run a caller's unguarded script again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import opensim
from jaxtyping import Float

from biomech.children import python_module
from biomech.errors import BioposeError


@dataclass
class FrameSpan:
    """What one process solves."""

    model_osim: str
    markers_trc: str
    weights: dict[str, float]  # of the markers that are tracked
    accuracy: float
    frames: list[int]  # rows of the .trc, rising
    lead_in: list[int]  # rows walked through first, to arrive at the pose that a run from the first frame would have
    # Coordinate tasks: weight, and times and values (rad or m) that are joined by straight lines; one time is for all.
    coordinates: dict[str, tuple[float, list[float], list[float]]] = field(default_factory=dict)
    start: list[float] | None = (
        None  # coordinates to start from (model order, rad and m) instead of the model's defaults
    )


@dataclass
class Track:
    """What came out; rows follow ``FrameSpan.frames``. A frame on which the solver failed is NaN."""

    values: Float[np.ndarray, "frames coordinates"]  # rad and m, model order
    squared_errors_m2: Float[np.ndarray, "frames markers"]  # unweighted, in the order of ``marker_names``
    marker_names: list[str]


def converges(model: opensim.Model) -> bool:
    """Whether OpenSim's IK reaches the accuracy asked for on this model.

    The model decides which optimiser runs. With a constraint it is an interior point method, with no bound L-BFGS:
    both obey. With clamped coordinates and no constraint it is L-BFGS-B, which gave the same result at accuracy 1e-5
    and 1e-9 and depended on its start by up to 2.3° (a real squat; 0.009° at 1e-7 for the same model without clamps).
    """
    clamped = any(c.getDefaultClamped() and not c.getDefaultLocked() for c in model.getCoordinateSet())
    return model.getConstraintSet().getSize() > 0 or not clamped


def track(
    stretch: FrameSpan, folder: Path, on_frame: Callable[[], None], running: list[subprocess.Popen[bytes]]
) -> Track:
    """Solve a stretch in a process of its own, which stands in ``running`` meanwhile so that a caller can end it.

    Args:
        stretch: what is solved.
        folder: made for what passes between the processes; must not be there.
        on_frame: called after every frame, those of the lead-in included.
        running: the process is appended.

    Returns:
        Coordinates (rad, m) and squared marker errors (m²) of the stretch's frames.

    Raises:
        BioposeError: OpenSim refused the model or the markers, or the process died.
    """
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(asdict(stretch)))
    # Its working directory is the temporary folder: what OpenSim drops there goes with it.
    with open(folder / "errors.txt", "w") as errors:
        process = subprocess.Popen(
            python_module("biomech.inverse_kinematics.tracking", str(folder)),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    running.append(process)
    assert process.stdout is not None
    with process.stdout as said:
        while said.read(1):
            on_frame()
    code = process.wait()
    if code or not (folder / "result.npz").is_file():
        last = (folder / "errors.txt").read_text(errors="replace").strip().splitlines()[-1:] or ["without a word"]
        raise BioposeError(
            f"the OpenSim process ended with code {code}: {last[0]}",
            where=stretch.model_osim,
            mend="If memory was short, use fewer workers; otherwise check the model in the OpenSim GUI.",
        )
    with np.load(folder / "result.npz", allow_pickle=False) as data:
        return Track(data["values"], data["squared_errors"], [str(n) for n in data["marker_names"]])


def track_here(stretch: FrameSpan, on_frame: Callable[[], None]) -> Track:
    """Solve a stretch in this process: for a frame or two, which take less than starting one.

    Args:
        stretch: what is solved.
        on_frame: called after every frame, those of the lead-in included.

    Returns:
        Coordinates (rad, m) and squared marker errors (m²) of the stretch's frames.
    """
    # In step with InverseKinematicsTool::run: assemble at the first frame, then track every frame, that one included.
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("Off")
    model = opensim.Model(stretch.model_osim)
    state = model.initSystem()
    weights = opensim.SetMarkerWeights()
    for name, weight in stretch.weights.items():
        weights.cloneAndAppend(opensim.MarkerWeight(name, weight))
    reference = opensim.MarkersReference(stretch.markers_trc, weights)
    time = reference.getMarkerTable().getIndependentColumn()
    goals = opensim.SimTKArrayCoordinateReference()
    for name, (weight, times, values_at) in stretch.coordinates.items():
        goal = opensim.CoordinateReference(name, _course(times, values_at))
        goal.setWeight(weight)
        goals.push_back(goal)
    solver = opensim.InverseKinematicsSolver(model, reference, goals, float("inf"))
    solver.setAccuracy(stretch.accuracy)
    coordinates = list(model.getCoordinateSet())
    if stretch.start is not None:
        for coordinate, value in zip(coordinates, stretch.start, strict=True):
            coordinate.setValue(state, value, False)
    walk = [*stretch.lead_in, *stretch.frames]
    state.setTime(time[walk[0]])
    solver.assemble(state)

    names = [solver.getMarkerNameForIndex(i) for i in range(solver.getNumMarkersInUse())]
    values = np.full((len(walk), len(coordinates)), np.nan)
    squared = np.full((len(walk), len(names)), np.nan)
    errors = opensim.SimTKArrayDouble()
    for row, frame in enumerate(walk):
        state.setTime(time[frame])
        try:
            solver.track(state)
        except RuntimeError:  # the next frame goes on from the last good pose
            continue
        finally:
            on_frame()
        values[row] = [coordinate.getValue(state) for coordinate in coordinates]
        solver.computeCurrentSquaredMarkerErrors(errors)
        squared[row] = [errors.getElt(i) for i in range(len(names))]
    kept = slice(len(stretch.lead_in), None)
    return Track(values[kept], squared[kept], names)


def _course(times: list[float], values: list[float]) -> opensim.Function:
    if len(times) == 1:
        return opensim.Constant(values[0])
    course = opensim.PiecewiseLinearFunction()
    for at, value in zip(times, values, strict=True):
        course.addPoint(at, value)
    return course


def main() -> None:
    """The process's own entry."""
    folder = Path(sys.argv[1])
    progress = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say() -> None:
        progress.write(b".")

    stretch = FrameSpan(**json.loads((folder / "job.json").read_text()))
    result = track_here(stretch, say)
    np.savez(
        folder / "result.npz",
        values=result.values,
        squared_errors=result.squared_errors_m2,
        marker_names=np.array(result.marker_names, dtype=str),
    )
    progress.close()


if __name__ == "__main__":
    main()
