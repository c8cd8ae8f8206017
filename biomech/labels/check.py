"""The labels of some trials against OpenSim's own tool: how far apart, and how much faster."""

import json
from pathlib import Path
from typing import TypedDict

import numpy as np

from biomech.angles import wrapped_deg
from biomech.files import whole_file
from biomech.inverse_kinematics.alone import Problem, module, solve_alone
from biomech.inverse_kinematics.branches import as_the_other
from biomech.inverse_kinematics.conditioning import SAME_MINIMUM, WELL_CONDITIONED_DEG_PER_MM, noise_gains_deg_per_mm
from biomech.inverse_kinematics.opensim_alone import objective_m2
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.label import OPENSIM_ACCURACY, Folders, read_skeleton, tracked
from biomech.labels.models import scaled_model
from biomech.labels.sources import Trial
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.skeleton.model import load_model

CHECK_FRAMES = 120  # from the first on; the tool takes a quarter of a minute for so many
REPEATS = 3  # of ours; the first of a process pays for what torch sets up
CONDITION_FRAMES = 10  # of each trial, at which it is looked up how well the markers determine the angles


def check_trial(trial: Trial, folder: Path) -> None:
    """Solve the beginning of a trial by both solvers, each alone on one core; leave the comparison in ``check/``.

    Args:
        trial: one that is labelled; of it the first 120 frames.
        folder: the campaign's. Nothing is done where its comparison is newer than the trial's shard.

    Raises:
        BioposeError: a solver failed.
    """
    folders = Folders(folder.resolve())  # the solvers run in folders of their own
    out = folders.root / "check" / f"{trial.name}.json"
    if out.is_file() and out.stat().st_mtime >= folders.shard(trial).stat().st_mtime:
        return
    recorded = trial.load()
    scaled = scaled_model(recorded, folders.models, folders.unfinished)
    whole = recorded.markers
    markers = Markers(whole.names, whole.positions_m[:CHECK_FRAMES], whole.time_s[:CHECK_FRAMES])
    weights = tracked(recorded)
    with temporary_folder("check") as work:
        write_trc(markers, work / "markers.trc")
        problem = Problem(str(scaled.osim), str(work / "markers.trc"), weights)
        (fast,) = solve_alone(
            module("inverse_kinematics.fast_alone"), [problem], work / "fast", options={"repeats": REPEATS}
        )
        (tool,) = solve_alone(
            module("inverse_kinematics.opensim_alone"),
            [problem],
            work / "opensim",
            options={"accuracy": OPENSIM_ACCURACY},
        )
    skeleton = read_skeleton(scaled.osim)
    names = [skeleton.coordinate_names[i] for i in skeleton.free]
    rotational = skeleton.rotational[skeleton.free]
    index = [fast.names.index(name) for name in names], [tool.names.index(name) for name in names]
    one, other = fast.values[:, index[0]], tool.values[:, index[1]]
    model = load_model(scaled.osim)
    judged = (Kinematics(names, values, markers.time_s, rotational) for values in (one, other))
    ours, theirs = (objective_m2(model, motion, markers, weights, {}) for motion in judged)
    excess = ours / theirs - 1
    together = np.abs(excess) <= SAME_MINIMUM
    apart = as_the_other(skeleton.description, names, one, other) - other
    apart[:, rotational] = wrapped_deg(np.rad2deg(apart[:, rotational]))
    apart[:, ~rotational] *= 1000
    every = np.linspace(0, len(one) - 1, min(CONDITION_FRAMES, len(one))).astype(int)
    looked_at = Kinematics(names, one[every], markers.time_s[every], rotational)
    gains = noise_gains_deg_per_mm(model, looked_at, weights).max(axis=0)
    agreed = np.abs(apart[together]) if together.any() else np.zeros((1, len(names)))
    comparison = {
        "name": trial.name,
        "frames": len(one),
        "frames_in_another_minimum": int((~together).sum()),
        "frames_above_opensim_objective": int((excess > SAME_MINIMUM).sum()),
        "largest_objective_excess": float(excess.max()),
        "max_all_frames": float(np.abs(apart[:, rotational]).max()),
        "fast_s": float(np.median(fast.wall_s)),
        "opensim_s": float(np.median(tool.wall_s)),
        "fast_cpu_s": float(np.median(fast.cpu_s)),
        "opensim_cpu_s": float(np.median(tool.cpu_s)),
        "coordinates": {
            name: {
                "mean": float(agreed[:, k].mean()),
                "max": float(agreed[:, k].max()),
                "well_conditioned": bool(gains[k] <= WELL_CONDITIONED_DEG_PER_MM),
                "unit": "deg" if rotational[k] else "mm",
            }
            for k, name in enumerate(names)
        },
    }
    with whole_file(out) as temporary_file:
        temporary_file.write_text(json.dumps(comparison, indent=1) + "\n")


class CheckedCoordinate(TypedDict):
    """How far two solvers' answers differ in one coordinate."""

    unit: str  # deg or mm
    mean: float
    max: float
    well_conditioned_share: float


class CheckFigures(TypedDict):
    """Our solver beside OpenSim's tool, over all trials that both solved."""

    trials: int
    frames: int
    mean_deg: float | None
    max_deg: float
    worst: str
    max_all_frames_deg: float
    frames_in_another_minimum: int
    frames_above_opensim_objective: int
    largest_objective_excess: float
    fast_frames_per_s: float
    opensim_frames_per_s: float
    speed_ratio: float
    cpu_speed_ratio: float
    coordinates: dict[str, CheckedCoordinate]


def summed_up(folder: Path) -> CheckFigures | None:
    """All comparisons of a folder as one; None where there is none.

    Angles in degrees, translations in millimetres; ``mean_deg`` and ``max_deg`` are over well-conditioned angles, in
    frames where both solvers stand in one minimum of the objective; ``max_all_frames_deg`` over all.
    """
    found = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
    if not found:
        return None
    frames = np.array([c["frames"] for c in found], float)
    coordinates: dict[str, CheckedCoordinate] = {}
    for name, first in found[0]["coordinates"].items():
        each = [c["coordinates"][name] for c in found]
        conditioned = np.array([e["well_conditioned"] for e in each])
        coordinates[name] = {
            "unit": first["unit"],
            "mean": float(np.average([e["mean"] for e in each], weights=frames)),
            "max": max(e["max"] for e in each),
            "well_conditioned_share": float(np.average(conditioned, weights=frames)),
        }
    angles = [
        (e["mean"], e["max"], c["frames"], f"{name} in {c['name']}")
        for c in found
        for name, e in c["coordinates"].items()
        if e["unit"] == "deg" and e["well_conditioned"]
    ]
    worst = max(angles, key=lambda a: a[1], default=(0.0, 0.0, 0, ""))
    fast_s, opensim_s = (sum(c[key] for c in found) for key in ("fast_s", "opensim_s"))
    fast_cpu_s, opensim_cpu_s = (sum(c[key] for c in found) for key in ("fast_cpu_s", "opensim_cpu_s"))
    return {
        "trials": len(found),
        "frames": int(frames.sum()),
        "mean_deg": float(np.average([a[0] for a in angles], weights=[a[2] for a in angles])) if angles else None,
        "max_deg": worst[1],
        "worst": worst[3],
        "max_all_frames_deg": max(c["max_all_frames"] for c in found),
        "frames_in_another_minimum": sum(c["frames_in_another_minimum"] for c in found),
        "frames_above_opensim_objective": sum(c["frames_above_opensim_objective"] for c in found),
        "largest_objective_excess": max(c["largest_objective_excess"] for c in found),
        "fast_frames_per_s": frames.sum() / fast_s,
        "opensim_frames_per_s": frames.sum() / opensim_s,
        "speed_ratio": opensim_s / fast_s,
        "cpu_speed_ratio": opensim_cpu_s / fast_cpu_s,  # hangs less on what else the machine does
        "coordinates": coordinates,
    }
