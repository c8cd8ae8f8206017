"""Our inverse kinematics solver against OpenSim's tool (and nimblephysics where it is installed), side by side.

Three protocols on reference data, all judged by OpenSim: it places the markers of every answer, in double precision.

- Noise-free: poses of real trials → OpenSim's own marker positions → what each solver makes of them. Judged on the
  free rotational coordinates that the markers determine, which the rank of the marker Jacobian decides.
- Real markers: the objective of every frame (``opensim_alone.objective_m2``) and the angles, against the tool at 1e-9.
- Speed: same trial, same frames, same core, one after another; frames per second of wall time of solving alone.

Clamped coordinates put OpenSim at no disadvantage here: models with clamps also have couplers, and then it uses an
interior point optimiser, which obeys bounds and accuracy alike (``ik.tracking.converges``).
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped_deg
from biomech.bench.solver_trials import SolverProblem, noise_free_trials, opencap_trials, speed_trial, standard_trials
from biomech.errors import BioposeError
from biomech.inverse_kinematics.alone import TimedSolution, module, solve_alone
from biomech.inverse_kinematics.branches import as_the_other
from biomech.inverse_kinematics.conditioning import SAME_MINIMUM, WELL_CONDITIONED_DEG_PER_MM, noise_gains_deg_per_mm
from biomech.inverse_kinematics.fast_alone import Solver
from biomech.inverse_kinematics.opensim_alone import allowed, objective_m2
from biomech.kinematics.kinematics import Kinematics
from biomech.leftovers import temporary_folder
from biomech.skeleton.description import describe

RIVALS = {"opensim_1e-5": 1e-5, "opensim_1e-7": 1e-7}
REFERENCE_ACCURACY = 1e-9  # of the tool on real markers
OBJECTIVE_TOLERANCE = 1e-6  # relative: closer answers are equally good
GAIN_FRAMES = 4  # of each trial
SPEED_TRIAL = "squats1"
REPEATS = 7  # of our solver, whose time is that of a few of the tool's frames

Say = Callable[[str], None]


def bench_solver(
    data: Path,
    *,
    window: int = 20,
    frames_per_trial: int = 8,
    speed_of: str = SPEED_TRIAL,
    speed_frames: int = 400,
    workers: int = 2,
    nimble_python: Path | None = None,
    say: Say = lambda _: None,
) -> dict:
    """All three protocols.

    Args:
        data: the folder that holds ``opencap_lab_subject4``, ``opensim_core_ik_standard`` and ``models``.
        window: frames in a row of every noise-free trial.
        frames_per_trial: spread over each real trial.
        speed_of: trial of opencap_lab_subject4 that is timed; short ones show what a trial costs beside its frames.
        speed_frames: frames in a row that are timed.
        workers: processes for what is not timed.
        nimble_python: an interpreter that has nimblephysics; left out of the tables where not given.
        say: told of every part.

    Returns:
        The issue's figures, and under ``solvers`` one row for each solver.

    Raises:
        BioposeError: data is missing, or a solver failed.
    """
    data = Path(data).resolve()  # the solvers run in folders of their own
    with temporary_folder("bench") as folder:
        say("noise-free markers")
        exact, left_out = noise_free(noise_free_trials(data, folder, window), folder, workers, nimble_python)
        say("real markers")
        trials = [*opencap_trials(data, folder, frames_per_trial), *standard_trials(data, folder, frames_per_trial)]
        real = real_markers(trials, folder, workers, say)
        say("speed")
        timed = speed(speed_trial(data, folder, speed_of, speed_frames), folder, nimble_python)
    return {
        **exact["biopose"],
        **real,
        **{f"speed_ratio_{name.replace('-', '')}": timed["biopose"]["frames_per_s"] / row["frames_per_s"]
           for name, row in timed.items() if name != "biopose"},
        "solvers": {name: {**exact[name], **row} for name, row in timed.items()},
        "noise_free_left_out": left_out,
    }  # fmt: skip


def noise_free(
    trials: list[SolverProblem], folder: Path, workers: int, nimble_python: Path | None
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Errors by solver, and which coordinates do not count, with the reason.

    Args:
        trials: with their truth.
        folder: for what passes between the processes.
        workers: solvers at once.
        nimble_python: an interpreter that has nimblephysics, or None.

    Returns:
        By solver the mean and largest error (degrees); by set and coordinate the reason.
    """
    programs = _programs(nimble_python)
    problems = [trial.problem for trial in trials]
    with ThreadPoolExecutor(workers) as pool:
        jobs = {
            name: pool.submit(solve_alone, program, problems, folder / f"exact-{name}", options=options)
            for name, (program, options) in programs.items()
        }
        answers = {name: job.result() for name, job in jobs.items()}
    errors: dict[str, list[Float[np.ndarray, " n"]]] = {name: [] for name in programs}
    left_out: dict[str, str] = {}
    for number, trial in enumerate(trials):
        truth = trial.truth
        assert truth is not None
        gains = _gains(trial, truth)
        for name, gain in gains.items():
            if np.isinf(gain):
                left_out[f"{trial.group}: {name}"] = "no tracked marker moves with it, or only together with others"
        judged = [n for n, angle in zip(truth.names, truth.rotational, strict=True) if angle and np.isfinite(gains[n])]
        for name in programs:
            answer = _like(trial, _kinematics(answers[name][number], truth), truth)
            errors[name].append(_difference_deg(answer, truth, judged).ravel())
    merged = {name: np.concatenate(each) for name, each in errors.items()}
    figures = {
        name: {"noise_free_mean_deg": float(each.mean()), "noise_free_max_deg": float(each.max())}
        for name, each in merged.items()
    }
    return figures, left_out


def real_markers(trials: list[SolverProblem], folder: Path, workers: int, say: Say) -> dict:
    """Objective and angles frame by frame against the tool at its finest.

    Args:
        trials: real recordings; one that our solver refuses is left out, and said.
        folder: for what passes between the processes.
        workers: processes of the tool.
        say: told of every trial.

    Returns:
        Differences of angles (degrees), frames in another minimum or with a higher objective, and a table by set.
    """
    ours: dict[int, Kinematics] = {}
    refused: dict[str, str] = {}
    for number, trial in enumerate(trials):
        try:
            ours[number] = allowed(trial.model, Solver(trial.problem)())
        except BioposeError as error:
            refused[trial.name] = error.what
    reference = {"accuracy": REFERENCE_ACCURACY}
    shares = [list(ours)[worker::workers] for worker in range(min(workers, len(ours)))]
    with ThreadPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(
                solve_alone,
                module("inverse_kinematics.opensim_alone"),
                [trials[n].problem for n in share],
                folder / f"real-{share[0]}",
                options=reference,
            )
            for share in shares
        ]
        theirs = {
            n: _kinematics(answer, ours[n])
            for share, job in zip(shares, jobs, strict=True)
            for n, answer in zip(share, job.result(), strict=True)
        }
    groups: dict[str, dict[str, list]] = {}
    for n, own in ours.items():
        trial = trials[n]
        group = groups.setdefault(trial.group, {"excess": [], "difference": [], "gain": []})
        group["names"], group["rotational"] = own.names, own.rotational.tolist()
        judge = (trial.markers, trial.problem.weights, trial.problem.coordinate_tasks)
        least = objective_m2(trial.model, theirs[n], *judge)
        group["excess"].append(objective_m2(trial.model, own, *judge) / least - 1)
        group["difference"].append(_difference_deg(_like(trial, own, theirs[n]), theirs[n], own.names))
        group["gain"].append(list(_gains(trial, own).values()))
        say(f"  {trial.name}: objective {group['excess'][-1].max():+.1e} of the tool's at worst")
    sets = {name: _compared(group) for name, group in groups.items()}
    excess = np.concatenate([x for group in groups.values() for x in group["excess"]])
    means = np.array([row["difference_mean_deg"] for row in sets.values()])
    frames = np.array([row["frames"] - row["frames_in_another_minimum"] for row in sets.values()])
    return {
        "difference_from_opensim_deg": max(row["difference_deg"] for row in sets.values()),
        "difference_from_opensim_mean_deg": float((means * frames).sum() / max(1, frames.sum())),
        "difference_all_frames_deg": max(row["difference_all_frames_deg"] for row in sets.values()),
        "frames_in_another_minimum": int((np.abs(excess) > SAME_MINIMUM).sum()),
        "frames_above_opensim_objective": int((excess > OBJECTIVE_TOLERANCE).sum()),
        "frames_below_opensim_objective": int((excess < -OBJECTIVE_TOLERANCE).sum()),
        "frames_compared": len(excess),
        "largest_objective_excess": float(excess.max()),
        "objective_tolerance": OBJECTIVE_TOLERANCE,
        "real_sets": sets,
        "real_left_out": refused,
    }


def speed(trial: SolverProblem, folder: Path, nimble_python: Path | None) -> dict[str, dict[str, float]]:
    """Frames per second and peak memory by solver, one after another on the same core.

    Args:
        trial: whose frames are timed.
        folder: for what passes between the processes.
        nimble_python: an interpreter that has nimblephysics, or None.

    Returns:
        By solver; seconds are of solving alone, memory is in MB.
    """
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    rows = {}
    for name, (program, said) in _programs(nimble_python).items():
        options = {"repeats": REPEATS if name == "biopose" else 1, **said}  # the tool takes minutes
        (run,) = solve_alone(program, [trial.problem], folder / f"speed-{name}", core=core, options=options)
        rows[name] = {
            "frames": len(run.values),
            "frames_per_s": run.frames_per_s,
            "first_run_frames_per_s": len(run.values) / run.wall_s[0],
            "frames_per_cpu_s": len(run.values) / float(np.median(run.cpu_s)),
            "peak_memory_mb": run.peak_memory_mb,
        }
    return rows


def _programs(nimble_python: Path | None) -> dict[str, tuple[list[str], dict[str, float]]]:
    """Command line and options by solver."""
    programs: dict[str, tuple[list[str], dict[str, float]]] = {"biopose": (module("inverse_kinematics.fast_alone"), {})}
    programs |= {
        name: (module("inverse_kinematics.opensim_alone"), {"accuracy": accuracy}) for name, accuracy in RIVALS.items()
    }
    if nimble_python is not None:
        programs["nimblephysics"] = ([str(nimble_python), str(Path(__file__).with_name("nimble.py"))], {})
    return programs


def _kinematics(answer: TimedSolution, like: Kinematics) -> Kinematics:
    """An answer's values of the coordinates that ``like`` has."""
    index = [answer.names.index(name) for name in like.names]
    return Kinematics(like.names, answer.values[:, index], like.time_s, like.rotational)


def _like(trial: SolverProblem, answer: Kinematics, other: Kinematics) -> Kinematics:
    """The same pose in the other's angles: those of a ball-like joint have a twin that is no other answer."""
    values = as_the_other(describe(trial.problem.model_osim), answer.names, answer.values, other.values)
    return Kinematics(answer.names, values, answer.time_s, answer.rotational)


def _difference_deg(one: Kinematics, other: Kinematics, names: list[str]) -> Float[np.ndarray, "frames coordinates"]:
    pairs = [(one.column(name), other.column(name)) for name in names]
    return np.stack([np.abs(wrapped_deg(np.degrees(a - b))) for a, b in pairs], axis=1)


def _gains(trial: SolverProblem, kinematics: Kinematics) -> dict[str, float]:
    """Of every coordinate, in the worst of a few frames."""
    rows = np.unique(np.linspace(0, len(kinematics.time_s) - 1, GAIN_FRAMES).round().astype(int))
    chosen = Kinematics(kinematics.names, kinematics.values[rows], kinematics.time_s[rows], kinematics.rotational)
    gains = noise_gains_deg_per_mm(trial.model, chosen, trial.problem.weights)
    return dict(zip(kinematics.names, gains.max(0).tolist(), strict=True))


def _compared(group: dict[str, list]) -> dict:
    """One set's figures; angles over well-conditioned coordinates where both found one minimum, and a table of all."""
    difference, gain = np.concatenate(group["difference"]), np.array(group["gain"]).max(0)
    excess = np.concatenate(group["excess"])
    rotational = np.array(group["rotational"])
    good = rotational & (gain <= WELL_CONDITIONED_DEG_PER_MM)
    together = np.abs(excess) <= SAME_MINIMUM
    agreed = difference[together]
    return {
        "frames": len(excess),
        "frames_above_opensim_objective": int((excess > OBJECTIVE_TOLERANCE).sum()),
        "largest_objective_excess": float(excess.max()),
        "frames_in_another_minimum": int((~together).sum()),
        "difference_deg": float(agreed[:, good].max(initial=0)),
        "difference_mean_deg": float(agreed[:, good].mean()) if together.any() else 0.0,
        "difference_all_frames_deg": float(difference[:, good].max()),
        "coordinates": {
            name: {
                "mean_deg": float(agreed[:, k].mean()) if together.any() else 0.0,
                "max_deg": float(agreed[:, k].max(initial=0)),
                "gain_deg_per_mm": float(gain[k]) if np.isfinite(gain[k]) else None,
                "well_conditioned": bool(good[k]),
            }
            for k, name in enumerate(group["names"])
            if rotational[k]
        },
    }
