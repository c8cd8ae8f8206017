"""nimblephysics' inverse kinematics on a job of ``alone``: ``PYTHON nimble.py FOLDER``.

Run by a Python of its own that has nimblephysics and not BioPose: so this file imports nothing of ours. 0.10.52 with
numpy below 2 works; with numpy 2 it installs, and crashes at the first list of markers. Frame by frame, each from the
pose before, as its own pipelines call the same function.
"""

import json
import resource
import sys
import time
from pathlib import Path

import nimblephysics
import numpy as np

# Of the loss between two steps, and of its least squares. With the defaults (1e-7, 100, 0.01) noise-free markers are
# met to 0.02° in the mean and 0.8° at worst at about the same speed; with these to 1e-5°.
CONVERGED = 1e-10
STEPS = 300
DAMPING = 1e-4


def solve(problem: dict, repeats: int) -> dict:
    """Names, values and times, as ``alone`` reads them.

    Args:
        problem: ``model_osim``, ``markers_trc`` and ``weights`` by marker, as in ``alone.Problem``.
        repeats: how often it is solved, each time from the pose of zeros.

    Returns:
        ``names`` of nimblephysics' coordinates, ``values`` (frames, coordinates; rad and m), ``wall_s`` and ``cpu_s``
        of every repeat.
    """
    model = nimblephysics.biomechanics.OpenSimParser.parseOsim(problem["model_osim"])
    skeleton, in_model = model.skeleton, dict(model.markersMap)
    frames = nimblephysics.biomechanics.OpenSimParser.loadTRC(problem["markers_trc"]).markerTimesteps
    weights = problem["weights"]
    wall_s, cpu_s = [], []
    for _ in range(repeats):
        skeleton.setPositions(np.zeros(skeleton.getNumDofs()))
        wall, cpu = time.perf_counter(), time.process_time()
        values = []
        for seen in frames:
            names = [name for name in weights if name in seen and name in in_model]
            skeleton.fitMarkersToWorldPositions(
                [in_model[name] for name in names],
                np.concatenate([seen[name] for name in names]),
                np.array([weights[name] for name in names]),
                convergenceThreshold=CONVERGED,
                maxStepCount=STEPS,
                leastSquaresDamping=DAMPING,
            )
            values.append(skeleton.getPositions())
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    names = [skeleton.getDofByIndex(i).getName() for i in range(skeleton.getNumDofs())]
    return {"names": np.array(names, dtype=str), "values": np.array(values), "wall_s": wall_s, "cpu_s": cpu_s}


def main() -> None:
    """The process's own entry."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    for number, problem in enumerate(job["problems"]):
        answer = solve(problem, int(job.get("repeats", 1)))
        peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        np.savez(folder / f"answer_{number}.npz", peak_memory_mb=peak_memory_mb, **answer)


if __name__ == "__main__":
    main()
