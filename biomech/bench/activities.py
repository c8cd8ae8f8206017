"""The main job on drawn people with known coordinates, by activity and view.

Truth and answer are coordinates of OpenSim models: those that drove the body, and those of the solved motion, made
from what the real detector saw by recovering, extracting, scaling and solving. One turn about the vertical is nobody's
error. Left and right count alike, and so do the people.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from biomech.bench.drawn_people import PEOPLE, VIEWS_RAD, Drawn, draw, people, size
from biomech.bench.films import chosen
from biomech.comparison.compare import Comparison, compare
from biomech.kinematics.recognise import recognise_motion
from biomech.pipeline import from_video
from biomech.pipeline.run import Options, Result
from biomech.pipeline.solvers import choose_solvers

MEASURED = {
    "knee": ("knee_angle_r", "knee_angle_l"),
    "hip": ("hip_flexion_r", "hip_flexion_l"),
    "ankle": ("ankle_angle_r", "ankle_angle_l"),
    "elbow": ("elbow_flex_r", "elbow_flex_l"),
    "pelvis_tilt": ("pelvis_tilt",),
    "lumbar": ("lumbar_extension",),
}
MOVES_DEG = 5.0  # of the true range; below it a share of it and a correlation say nothing
Say = Callable[[str], None]


def bench_activities(
    clips: Path,
    folder: Path,
    *,
    options: Options | None = None,
    count: int = PEOPLE,
    seed: int = 0,
    sized: bool = False,
    only: tuple[str, ...] = (),
    say: Say = lambda _: None,
) -> dict[str, object]:
    """A row for each activity and view: error, bias, correlation and share of the range of every joint.

    Args:
        clips: what was drawn and detected; drawn now where it is not there.
        folder: where the solved motions go.
        options: of the main job; its defaults where None.
        count: how many people.
        seed: draws the people and the scenes.
        sized: tell the person's height and mass.
        only: activities and views, or beginnings of them, as ``walk_front``.
        say: told of every clip.

    Returns:
        The figures that are asked for (degrees, shares), seconds a frame, and under ``activities`` the rows: means over
        the people.

    Raises:
        BioposeError: the detector does not see a person, or a stage fails.
    """
    wanted = people(clips, count=count, seed=seed)
    kinds = chosen(list(dict.fromkeys(f"{one.activity}_{one.view}" for one in wanted)), only)
    wanted = [one for one in wanted if f"{one.activity}_{one.view}" in kinds]
    draw(wanted, say)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    took: dict[str, float] = {}
    frames, cpu = 0, 0.0
    for one in wanted:
        started = time.process_time()
        answer, seconds = solved(one, folder, options or Options(), sized)
        cpu += time.process_time() - started
        took = {stage: took.get(stage, 0.0) + value for stage, value in seconds.items()}
        comparison = compare(recognise_motion(one.truth), recognise_motion(answer), heading=True)
        frames += len(comparison.curves.time_s)
        figures = agreement(comparison)
        found[f"{one.activity}_{one.view}"].append(figures)
        say(f"{one.name}: knee {figures['knee_mae_deg']:.1f}°, hip {figures['hip_mae_deg']:.1f}°")
    rows = {kind: over_people(each) for kind, each in found.items()}
    return {
        **summary(rows),
        "seconds_per_frame": round(sum(took.values()) / frames, 4),
        "cpu_seconds_per_frame": round(cpu / frames, 4),  # of all cores; what else runs hardly moves it
        "people": count,
        "seconds_per_frame_by_stage": {stage: round(value / frames, 4) for stage, value in took.items()},
        "activities": rows,
    }


def solved(one: Drawn, folder: Path, options: Options, sized: bool = False) -> tuple[Path, dict[str, float]]:
    """The main job's motion of what the detector saw, in a folder of its own, and what each stage took (s).

    Args:
        one: drawn already.
        folder: the motion's own folder is made in it.
        options: of the main job.
        sized: tell the height and mass of who was drawn.

    Returns:
        The .mot, and seconds by stage.

    Raises:
        BioposeError: a stage fails.
    """
    if sized:
        height_m, mass_kg = size(one)
        options = replace(options, height_m=height_m, mass_kg=mass_kg)
    solvers = choose_solvers(options, lambda: None)
    files = Result.of(folder / one.name, one.name, {}, solvers)
    files.folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(one.keypoints, files.keypoints)
    return files.kinematics, from_video.solve_keypoints(files, options, lambda _: nullcontext(None))


def agreement(comparison: Comparison) -> dict[str, float]:
    """Of one person; left and right averaged. NaN where the truth hardly moves, or has no such coordinate."""
    figures: dict[str, float] = {}
    for joint, names in MEASURED.items():
        errors = [comparison.errors[name] for name in names if name in comparison.errors]
        moving = [e for e in errors if e.reference_range >= MOVES_DEG]
        figures |= {
            f"{joint}_mae_deg": _mean([e.mae for e in errors]),
            f"{joint}_bias_deg": _mean([e.bias for e in errors]),
            f"{joint}_range_share": _mean([e.range_ratio for e in moving]),
            f"{joint}_correlation": _mean([e.correlation for e in moving]),
        }
    return figures


def over_people(each: list[dict[str, float]]) -> dict[str, float]:
    """Means over the people, and the worst person's knee: one whose legs the detector swaps moves a mean."""
    means = {key: round(_mean([figures[key] for figures in each]), 3) for key in each[0]}
    return means | {"knee_worst_person_mae_deg": round(max(figures["knee_mae_deg"] for figures in each), 1)}


def summary(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """The figures that are asked for, of the activities and views that were run."""
    figures: dict[str, float] = {}
    for view in VIEWS_RAD:
        if row := rows.get(f"walk_{view}"):
            figures |= {
                f"walk_{view}_knee_{key}": row[f"knee_{key}"] for key in ("mae_deg", "range_share", "correlation")
            }
    folds = [row for kind, row in rows.items() if not kind.startswith("walk")]
    for joint in ("hip", "knee") if folds else ():
        shares = [row[f"{joint}_range_share"] for row in folds]
        figures |= {
            f"worst_squat_sit_{joint}_mae_deg": max(row[f"{joint}_mae_deg"] for row in folds),
            f"squat_sit_{joint}_range_share_min": min(shares),
            f"squat_sit_{joint}_range_share_max": max(shares),
        }
    return figures


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
