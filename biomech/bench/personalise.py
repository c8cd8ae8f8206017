"""Personalised models judged on one person's 23 trials, beside an expert's model and AddBiomechanics'.

Data: opencap_lab_subject4 (OpenCap's laboratory validation, subject 4, as distributed with nimblephysics). Ours starts
from the generic unscaled model with its own marker set and sees the trials, height and mass, never the static trial,
and nothing of the other two models or of the expert's angles. Every model is posed by the same solver with the same
markers and weights. Nothing was chosen by these figures; the priors' figures come from the sources named beside them.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from biomech.angles import wrapped_deg
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import solve_markers
from biomech.inverse_kinematics.tracked import enough_seen, tracked_weights
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.scaling.personalise import Personalised, personalise
from biomech.skeleton.skeleton import Skeleton

FEW = ("walking1", "squats1", "STS1", "DJ1")  # one of each activity; the other 19 are held out
HEIGHT_M, MASS_KG = 1.68, 62.6  # of the subject, as the data set states them
ROTATIONS = (
    "pelvis_tilt", "pelvis_list", "pelvis_rotation",
    *(f"{c}_{side}" for c in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle",
                              "subtalar_angle") for side in "rl"),
    "lumbar_extension", "lumbar_bending", "lumbar_rotation",
)  # fmt: skip


def bench_personalise(
    data: Path, folder: Path, *, stride: int = 1, say: Callable[[str], None] = lambda _: None
) -> dict:
    """Personalise on all trials and on four, and pose every model on all 23.

    Args:
        data: the folder ``opencap_lab_subject4``.
        folder: where the models go.
        stride: every how many frames the models are judged at.
        say: told of every trial.

    Returns:
        Marker RMS (mm) and differences from the expert's angles (degrees) by model, scale factors, and tables by
        rotation and trial.

    Raises:
        BioposeError: the data is not there.
    """
    generic = data / "Models/unscaled_generic.osim"
    trials = read_trials(data)
    ours, few = (
        personalise(generic, chosen, out_osim=folder / f"{name}.osim", height_m=HEIGHT_M, mass_kg=MASS_KG)
        for name, chosen in (("personal", list(trials.values())), ("personal_few", [trials[n] for n in FEW]))
    )
    models = {
        "personal": ours.model_osim,
        "personal_few": few.model_osim,
        "expert": data / "Models/manually_scaled.osim",
        "addbiomechanics": data / "Models/optimized_scale_and_markers.osim",
    }
    expert = {name: read_mot(data / f"IK/{name}_manual_scaling_ik.mot") for name in trials}
    skeletons = {name: Skeleton.from_osim(osim) for name, osim in models.items()}
    rms: dict[str, dict[str, float]] = {name: {} for name in models}
    motions: dict[str, dict[str, Kinematics]] = {name: {} for name in models}
    for trial, markers in trials.items():
        thinned = Markers(markers.names, markers.positions_m[::stride], markers.time_s[::stride])
        for name, skeleton in skeletons.items():
            rms[name][trial], motions[name][trial] = _posed(skeleton, thinned, expert[trial])
        say(f"{trial}: " + ", ".join(f"{name} {rms[name][trial]:.1f}" for name in models) + " mm")
    held_out = [name for name in trials if name not in FEW]
    other = {name: read_mot(data / f"IK/{name}_ik.mot") for name in trials}
    error, offset = _against(motions["personal"], expert)
    other_error, other_offset = _against(other, expert)
    few_error, _ = _against(motions["personal_few"], expert)
    return {
        "marker_rms_mm": _mean(rms["personal"].values()),
        "expert_marker_rms_mm": _mean(rms["expert"].values()),
        "addbiomechanics_marker_rms_mm": _mean(rms["addbiomechanics"].values()),
        "trials_above_the_better_of_both": [
            n for n in trials if rms["personal"][n] > min(rms["expert"][n], rms["addbiomechanics"][n])
        ],
        "held_out_marker_rms_mm": _mean(rms["personal_few"][n] for n in held_out),
        "same_trials_when_used_marker_rms_mm": _mean(rms["personal"][n] for n in held_out),
        "held_out_trials_above_the_better_of_both": [
            n for n in held_out if rms["personal_few"][n] > min(rms["expert"][n], rms["addbiomechanics"][n])
        ],
        "rotation_mae_deg": _mean(error.values()),
        "held_out_fit_rotation_mae_deg": _mean(few_error.values()),
        "addbiomechanics_rotation_mae_deg": _mean(other_error.values()),
        "judged_every_nth_frame": stride,
        "seconds": round(ours.seconds, 1),
        "seconds_few": round(few.seconds, 1),
        "stature_m": round(ours.stature_m or float("nan"), 3),
        "told_height_m": HEIGHT_M,
        "notes": ours.notes,
        "factors": _factors(ours, models),
        "by_rotation_deg": {
            n: {
                "mae": error[n],
                "mean_offset": offset[n],
                "addbiomechanics_mae": other_error[n],
                "addbiomechanics_mean_offset": other_offset[n],
            }
            for n in ROTATIONS
        },
        "by_trial_mm": {n: {model: round(rms[model][n], 2) for model in models} for n in trials},
    }


def read_trials(data: Path) -> dict[str, Markers]:
    """The 23 recordings of motion that have an expert's solution.

    Raises:
        BioposeError: the data is not there.
    """
    suffix = "_manual_scaling_ik.mot"
    names = sorted(path.name.removesuffix(suffix) for path in (data / "IK").glob(f"*{suffix}"))
    if not names:
        raise BioposeError("no trials", where=str(data), mend="Name the folder opencap_lab_subject4 with `data`.")
    return {name: read_trc(data / "MarkerData" / f"{name}.trc") for name in names}


def _posed(skeleton: Skeleton, markers: Markers, near: Kinematics) -> tuple[float, Kinematics]:
    """Marker RMS (mm) and motion, all markers alike, started from the expert's motion of that trial.

    So every model is judged at the minimum of the same branch, and none for one that the solver missed.
    """
    tasks = dict.fromkeys(skeleton.marker_names, 1.0)
    names = list(tracked_weights(skeleton.marker_names, markers, tasks, skeleton.name))
    chosen = markers.select(names)
    usable = enough_seen(chosen, skeleton.name)
    targets, time_s = chosen.positions_m[usable], markers.time_s[usable]
    start = np.tile(skeleton.defaults, (len(targets), 1))
    for k, name in enumerate(skeleton.coordinate_names):
        if name in near.names:
            start[:, k] = np.interp(time_s, near.time_s, near.column(name))
    pruned = skeleton.carrying(names)
    values = solve_markers(pruned, targets, np.ones((1, len(names))), start=start)
    distances = np.linalg.norm(pruned(torch.from_numpy(values)).markers.numpy() - targets, axis=-1)
    motion = Kinematics(list(skeleton.coordinate_names), values, time_s, skeleton.rotational)
    return float(np.sqrt(np.nanmean(distances**2))) * 1000, motion


def _against(
    motions: Mapping[str, Kinematics], references: Mapping[str, Kinematics]
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean absolute and mean difference of each rotation (degrees), means over the trials."""
    rows = []
    for name, reference in references.items():
        motion = motions[name]
        columns = [
            motion.column(rotation) - np.interp(motion.time_s, reference.time_s, np.unwrap(reference.column(rotation)))
            for rotation in ROTATIONS
        ]
        difference = wrapped_deg(np.degrees(columns))
        rows.append((np.abs(difference).mean(1), difference.mean(1)))
    error, offset = np.mean(rows, axis=0)
    return (
        {n: round(float(e), 2) for n, e in zip(ROTATIONS, error, strict=True)},
        {n: round(float(o), 2) for n, o in zip(ROTATIONS, offset, strict=True)},
    )


def _mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 2)


def _factors(ours: Personalised, models: Mapping[str, Path]) -> dict[str, dict[str, list[float | None]]]:
    """Scale factors of every model along X, Y, Z; of the right side."""
    bodies = [body for body in ours.factors if not body.endswith("_l")]
    own = _joint_places(Skeleton.from_osim(models["personal"]))
    found: dict[str, dict[str, list[float | None]]] = {
        body: {"personal": np.round(ours.factors[body], 3).tolist()} for body in bodies
    }
    for name in ("expert", "addbiomechanics"):
        other = _joint_places(Skeleton.from_osim(models[name]))
        for body in bodies:
            pairs = [(a, other[k]) for k, a in own.items() if k[0] == body]
            found[body][name] = [_ratio(pairs, axis, float(ours.factors[body][axis])) for axis in range(3)]
    return found


def _joint_places(skeleton: Skeleton) -> dict[tuple[str, str], np.ndarray]:
    """Where the joints' frames are in each body (m)."""
    frames = ((joint.name, frame) for joint in skeleton.description.joints for frame in (joint.parent, joint.child))
    return {(frame.body, joint): frame.origin.sum(1) for joint, frame in frames}


def _ratio(pairs: list[tuple[np.ndarray, np.ndarray]], axis: int, factor: float) -> float | None:
    """The other model's factor, from the joint frame that lies furthest out; None where no joint tells."""
    mine, other = max(((a[axis], b[axis]) for a, b in pairs), key=lambda pair: abs(pair[0]), default=(0.0, 0.0))
    return round(float(factor * other / mine), 3) if abs(mine) > 0.005 else None
