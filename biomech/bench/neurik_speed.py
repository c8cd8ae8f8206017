"""Speed of the network, of the fast solver and of OpenSim's tool: same markers, same machine, one after another.

One held-out trial of 142 markers on its own scaled model. Side by side on one core: all frames of the trial for ours,
the first of them for the tool, which takes the same for every frame. Then the network alone on a long clip, the trial
over and over, on one and on two cores. Wall time of solving, with everything read.
"""

import os
from pathlib import Path

import numpy as np

from biomech.bench.neurik_oracle import LabelledTrial
from biomech.inverse_kinematics.alone import Problem, module, solve_alone
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.network import NeurIK
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.scaled_model import write_scaled
from biomech.skeleton.skeleton import Skeleton

TOOL_ACCURACY = 1e-7
TOOL_FRAMES = 100
LONG_FRAMES = 6000
REPEATS = 5


def speed_figures(trial: LabelledTrial, weights: Path, skeleton: Skeleton, folder: Path) -> dict[str, object]:
    """Time them all.

    Args:
        trial: with all 142 markers.
        weights: of the network.
        skeleton: the generic one; names the bodies and markers of the trial's scales and offsets.
        folder: a new one for what passes between the processes.

    Returns:
        Frames a second, their ratios to the other solvers, and a row for each: peak memory is in MB.

    Raises:
        BioposeError: a solver failed.
    """
    folder.mkdir(parents=True)
    frames = len(trial.markers.time_s)
    problem = _problem(trial, skeleton, trial.markers, folder / "trial")
    short = _problem(trial, skeleton, tiled(trial.markers, min(TOOL_FRAMES, frames)), folder / "short")
    long = _problem(trial, skeleton, tiled(trial.markers, LONG_FRAMES), folder / "long")
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    neural = [*module("bench.neurik_alone"), str(weights.resolve())]
    runs: dict[str, tuple[list[str], Problem, int | None, dict[str, float]]] = {
        "neural": (neural, problem, core, {"repeats": REPEATS}),
        "fast": (module("inverse_kinematics.fast_alone"), problem, core, {"repeats": REPEATS}),
        "opensim_1e-7": (module("inverse_kinematics.opensim_alone"), short, core, {"accuracy": TOOL_ACCURACY}),
        "neural_long": (neural, long, core, {"repeats": REPEATS}),
        "neural_long_2_cores": (neural, long, None, {"repeats": REPEATS, "threads": 2}),
    }
    rows = {}
    for name, (program, task, on, options) in runs.items():
        (run,) = solve_alone(program, [task], folder / name, core=on, options=options)
        rows[name] = {
            "frames": len(run.values),
            "frames_per_s": round(run.frames_per_s, 1),
            "frames_per_cpu_s": round(len(run.values) / float(np.median(run.cpu_s)), 1),
            "peak_memory_mb": round(run.peak_memory_mb),
        }
    one = rows["neural"]["frames_per_s"]
    return {
        "frames_per_s": rows["neural_long_2_cores"]["frames_per_s"],
        "speed_ratio_opensim": round(one / rows["opensim_1e-7"]["frames_per_s"], 1),
        "speed_ratio_fast": round(one / rows["fast"]["frames_per_s"], 2),
        "speed_trial": trial.name,
        "speed_solvers": rows,
    }


def tiled(markers: Markers, frames: int) -> Markers:
    """As many frames as asked for: the first, or all of them over and over at the same rate.

    Args:
        markers: with an even time step.
        frames: how many.

    Returns:
        Time from 0.
    """
    rows = np.arange(frames) % len(markers.time_s)
    return Markers(list(markers.names), markers.positions_m[rows], np.arange(frames) / markers.rate_hz)


def _problem(trial: LabelledTrial, skeleton: Skeleton, markers: Markers, folder: Path) -> Problem:
    folder.mkdir()
    factors = dict(zip(skeleton.body_names[1:], trial.scales[1:], strict=True))
    offsets = dict(zip(skeleton.marker_names, trial.marker_offsets, strict=True))
    write_scaled(DEFAULT_PATH, factors, offsets, trial.mass_kg, folder / "scaled.osim")
    write_trc(markers, folder / "markers.trc")
    weights = load_virtual_markers().weights_by_name()
    return Problem(str((folder / "scaled.osim").resolve()), str((folder / "markers.trc").resolve()), weights)


def parameters(network: NeurIK) -> int:
    """How many numbers are learned."""
    return sum(p.numel() for p in network.parameters())
