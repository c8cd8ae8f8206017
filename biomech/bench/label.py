"""`biopose label` judged on a person's 23 recordings: angles beside an expert's, and our solver beside OpenSim's tool.

Data: opencap_lab_subject4 (OpenCap's laboratory validation, subject 4, as distributed with nimblephysics). The labels
come from the .trc files of the motions alone: no static trial, no height, no model or angle of the expert. Nothing was
chosen by these figures.

The angles that two accepted ways make of the same recordings, an expert's scaling and AddBiomechanics', are compared in
the same run, since they say how far a third way can agree with either. To tell the model's part of the difference from
the solver's, the expert's own model is posed by our solver too. And since markers that sit elsewhere on the model shift
an angle by a constant, the error is also given with the mean difference of each trial and angle taken off.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from biomech.bench.personalise import ROTATIONS, read_trials
from biomech.comparison.compare import Comparison, compare
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.kinematics.recognise import ReadMotion
from biomech.labels.campaign import LabelOptions, Report, run_campaign, sample
from biomech.labels.check import check_trial, summed_up
from biomech.labels.shards import Shards
from biomech.labels.sources import Trial, find_trials
from biomech.markers.marker_map import read_marker_map
from biomech.markers.markers import Markers
from biomech.skeleton.skeleton import Skeleton

CHECKED = 4  # trials that OpenSim's tool solves, drawn by the seed; it takes up to a minute for each
EVERY = 5  # frames at which the expert's model is posed: 20 Hz
SAGITTAL = tuple(f"{name}_{side}" for name in ("hip_flexion", "knee_angle") for side in "rl")
Motions = Mapping[str, Kinematics]


def bench_label(
    data: Path, folder: Path, *, seed: int = 0, workers: int = 2, say: Callable[[str], None] = lambda _: None
) -> dict:
    """Label all recordings, compare the angles, and solve some of them by OpenSim's tool.

    Args:
        data: the folder ``opencap_lab_subject4``.
        folder: where the labels go; what an earlier run left there is removed.
        seed: draws the trials that the tool solves.
        workers: processes for labelling; the solvers are compared one after the other.
        say: told of every part.

    Returns:
        Mean errors (degrees), marker errors (mm), shares that are masked and speeds; ``by_rotation`` has each angle's.

    Raises:
        BioposeError: the data is not there, or a trial cannot be labelled.
    """
    recordings = read_trials(data)
    expert = {name: read_mot(data / f"IK/{name}_manual_scaling_ik.mot") for name in recordings}
    other = {name: read_mot(data / f"IK/{name}_ik.mot") for name in recordings}
    say("labelling")
    alone, trials, report = _labelled(data, folder / "alone", static=False, workers=workers)
    say("labelling with the static trial")
    with_static, _, _ = _labelled(data, folder / "with_static", static=True, workers=workers)
    say("the expert's model by our solver")
    posed = _posed(Skeleton.from_osim(data / "Models/manually_scaled.osim"), recordings)
    drawn = sample(list(trials), CHECKED / len(trials), seed)
    for name in sorted(drawn):
        say(f"OpenSim's tool: {name}")
        check_trial(trials[name], folder / "alone")
    check = summed_up(folder / "alone" / "check")
    assert check is not None and report.totals is not None
    rows = {
        "ours": _compared(expert, alone),
        "with_static": _compared(expert, with_static),
        "against_addbiomechanics": _compared(other, alone),
        "addbiomechanics_and_expert": _compared(expert, other),
        "expert_model_our_solver": _compared({name: _thinned(motion) for name, motion in expert.items()}, posed),
    }
    conditioned = [
        row["mean"]
        for row in check["coordinates"].values()
        if row["unit"] == "deg" and row["well_conditioned_share"] == 1
    ]
    assert check["mean_deg"] is not None  # there are well-conditioned angles
    masked = _masked(folder / "alone")
    return {
        **{f"rotation_mae{_suffix(name)}_deg": _mean(row["mae"].values()) for name, row in rows.items()},
        **{f"offset_free_mae{_suffix(name)}_deg": _mean(row["offset_free"].values()) for name, row in rows.items()},
        "zero_motion_mae_deg": _mean(rows["ours"]["zero_mae"].values()),
        "hip_and_knee_correlation": _mean(rows["ours"]["correlation"][name] for name in SAGITTAL),
        "hip_and_knee_range_ratio": _mean(rows["ours"]["range_ratio"][name] for name in SAGITTAL),
        "fast_against_opensim_deg": round(max(conditioned), 4),
        "fast_against_opensim_mean_deg": round(check["mean_deg"], 4),
        "fast_against_opensim_max_deg": round(check["max_deg"], 4),
        "fast_against_opensim_worst": check["worst"],
        "speed_ratio_opensim": round(check["speed_ratio"], 1),
        "speed_ratio_opensim_cpu": round(check["cpu_speed_ratio"], 1),
        "fast_frames_per_s": round(check["fast_frames_per_s"], 1),
        "opensim_frames_per_s": round(check["opensim_frames_per_s"], 1),
        "checked_trials": sorted(drawn),
        "checked_frames": check["frames"],
        "masked_share": report.totals["masked_share"],
        "masked_share_of_rotations": _mean((masked[name] for name in ROTATIONS), 4),
        "marker_rms_mm": report.totals["marker_rms_mm"],
        "marker_max_mm": report.totals["marker_max_mm"],
        "trials": len(trials),
        "frames": report.totals["frames"],
        "label_frames_per_s": round(report.frames_per_s, 1),
        "by_rotation": {
            rotation: {
                **{f"mae{_suffix(name)}_deg": round(row["mae"][rotation], 2) for name, row in rows.items()},
                "offset_deg": round(rows["ours"]["bias"][rotation], 2),
                "offset_free_mae_deg": round(rows["ours"]["offset_free"][rotation], 2),
                "masked_share": round(masked[rotation], 4),
            }
            for rotation in ROTATIONS
        },
        "masked_by_coordinate": {name: round(share, 4) for name, share in masked.items()},
    }


def _suffix(row: str) -> str:
    return "" if row == "ours" else f"_{row}"


def _labelled(data: Path, folder: Path, *, static: bool, workers: int) -> tuple[Motions, dict[str, Trial], Report]:
    """Angles and trials by the recordings' names, and the campaign's report."""
    shutil.rmtree(folder, ignore_errors=True)
    trials = {trial.path.stem: trial for trial in find_trials([data / "MarkerData"], static=static)}
    report = run_campaign(list(trials.values()), folder, LabelOptions(files="none", workers=workers))
    if report.failed:
        name, cause = next(iter(report.failed.items()))
        raise BioposeError(f"{name} could not be labelled: {cause}", where=str(data))
    shards, motions = Shards.open(folder), {}
    for shard in shards:
        time_s = shard.about["start_s"] + np.arange(len(shard.coordinates)) / shard.about["rate_hz"]
        values = shard.coordinates.astype(np.float64)
        motions[shard.about["name"]] = Kinematics(shards.coordinate_names, values, time_s, shards.rotational)
    return {name: motions[trial.name] for name, trial in trials.items()}, trials, report


def _posed(skeleton: Skeleton, recordings: Mapping[str, Markers]) -> Motions:
    """Every few frames, with OpenCap's weights: the expert's angles were solved with them, as ours are."""
    tasks = read_marker_map("opencap").tasks()
    posed = {}
    for name, whole in recordings.items():
        markers = Markers(whole.names, whole.positions_m[::EVERY], whole.time_s[::EVERY])
        posed[name] = inverse_kinematics(skeleton, markers, tasks)[0]
    return posed


def _thinned(motion: Kinematics) -> Kinematics:
    return Kinematics(motion.names, motion.values[::EVERY], motion.time_s[::EVERY], motion.rotational)


def _compared(references: Motions, motions: Motions) -> dict[str, dict[str, float]]:
    """Of each rotation the figures of ``compare``, and the error without its mean; means over the trials."""
    comparisons = [
        compare(_named(name, reference), _named(name, motions[name])) for name, reference in references.items()
    ]

    def mean(of: Callable[[Comparison, str], float]) -> dict[str, float]:
        return {rotation: float(np.mean([of(c, rotation) for c in comparisons])) for rotation in ROTATIONS}

    figures = {
        figure: mean(lambda c, rotation, figure=figure: getattr(c.errors[rotation], figure))  # type: ignore[misc]
        for figure in ("mae", "bias", "correlation", "range_ratio", "zero_mae")
    }
    return figures | {"offset_free": mean(_offset_free_mae_deg)}


def _named(name: str, motion: Kinematics) -> ReadMotion:
    return ReadMotion(Path(f"{name}.mot"), motion)


def _offset_free_mae_deg(comparison: Comparison, rotation: str) -> float:
    error = comparison.curves.column(rotation) - comparison.reference_curves.column(rotation)
    return float(np.rad2deg(np.nanmean(np.abs(error - np.nanmean(error)))))


def _masked(folder: Path) -> dict[str, float]:
    """Share of the frames in which each coordinate is masked."""
    shards = Shards.open(folder)
    share = np.concatenate([shard.flags != 0 for shard in shards]).mean(0)
    return dict(zip(shards.coordinate_names, share.tolist(), strict=True))


def _mean(values: Iterable[float], digits: int = 3) -> float:
    return round(float(np.mean(list(values))), digits)
