"""Which answers are likely wrong: ``python -m biomech.bench.doubts --chosen RUN… --reported RUN…``.

Poses by code that are none of `biopose bench hard-poses`, and mixtures of two of them, by other people from any side,
are recovered as there; their frames, and those of ordinary motions and runs (whose answers count as right), teach
``mesh/doubt.json`` what a wrong answer looks like. The limit is chosen so that ``FALSE_ALARMS`` of the chosen ordinary
frames are doubted; how many of the reported ones are, and what is left of each pose that took no part (a fold for each
pose, ten for the mixtures), is printed.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from biomech.angles import wrapped
from biomech.bench.hard_poses import ON_PALMS, RATE_HZ, UP, entered, held, off_deg
from biomech.bench.lens import film
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.linkage import Pose, coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.coverage import LEVEL
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.generated import KINDS, generate
from biomech.labels.people import random_person, seeded
from biomech.mesh import expected
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt import FILE, FURTHEST, SIGNALS, WRONG_DEG, signals_of, smoothed
from biomech.mesh.evidence import seen_by
from biomech.mesh.habit import Habit
from biomech.mesh.recover import recover
from biomech.mesh.start import FromDetector
from biomech.mesh.steady import steadied

TIMES, MIXED = 2, 32  # clips of each pose; mixtures
SPREAD_DEG, MIXED_SPREAD_DEG = 8.0, 8.0
DISTANCES_M, FOV_DEG = (3.0, 5.5), 67.0
FALSE_ALARMS, FALSE_WIDTHS = 0.002, 0.01  # of the chosen ordinary frames: not trusted, half widths wider
RIDGE = 10.0
FOLDS = 10
ORDINARY, SECONDS = "ordinary", 2.0
POINTED = {"ankle_angle": -35}
OTHERS: dict[str, dict[str, float]] = {
    "prone": {"pelvis_tilt": -88, **POINTED},
    "on the side": {"pelvis_list": 85, "hip_flexion": 20, "knee_angle": 30},
    "long sit": {"pelvis_tilt": 5, "hip_flexion": 85, "knee_angle": 3, "arm_flex": 10},
    "child": {"pelvis_tilt": -65, "lumbar_extension": -30, "hip_flexion": 118, "knee_angle": 138, **POINTED, **UP},
    "all fours": {"pelvis_tilt": -85, "hip_flexion": 85, "knee_angle": 92, **POINTED, "arm_flex": 85, **ON_PALMS},
    "cobra": {
        **{"pelvis_tilt": -70, "lumbar_extension": 25, "hip_flexion": -15, **POINTED},
        **{"arm_flex": 20, "elbow_flex": 20},
    },
    "kneeling": {"knee_angle": 95, **POINTED},
    "boat": {"pelvis_tilt": 40, "hip_flexion": 90, "knee_angle": 8, "arm_flex": 60, "lumbar_extension": -10},
    "candle": {
        **{"pelvis_tilt": 165, "lumbar_extension": -45, "hip_flexion": 15},
        **{"neck_extension": -40, "arm_flex": -10},
    },
    "headstand": {
        **{"pelvis_tilt": 178, "hip_flexion": 115, "knee_angle": 130, "ankle_angle": -30},
        **{"arm_flex": 150, "elbow_flex": 110},
    },
    "side plank": {"pelvis_list": 65, "arm_add": -80, "arm_flex": 0},
    "straddle": {"pelvis_tilt": 0, "hip_flexion": 85, "hip_adduction": -45, "knee_angle": 3, "arm_flex": 60},
    "triangle": {"hip_adduction": -35, "pelvis_list": 30, "lumbar_bending": 30, "arm_add": -85},
    "half bridge": {
        **{"pelvis_tilt": 112, "hip_flexion": 5, "knee_angle": 88, "lumbar_extension": 0},
        **{"ankle_angle": 5},
    },
    "knees drawn up": {"pelvis_tilt": 88, "hip_flexion": 105, "knee_angle": 115, "arm_flex": 40, "elbow_flex": 60},
    "pistol": {
        **{"pelvis_tilt": -25, "hip_flexion_r": 115, "knee_angle_r": 125, "ankle_angle_r": 30},
        **{"hip_flexion_l": 95, "knee_angle_l": 5, "lumbar_extension": -20, "arm_flex": 80},
    },
    "high kick": {"pelvis_tilt": 15, "hip_flexion_r": 110, "knee_angle_r": 5, "hip_flexion_l": 0, "arm_flex": 30},
    "crouch start": {
        **{"pelvis_tilt": -75, "hip_flexion_r": 100, "knee_angle_r": 85, "hip_flexion_l": 75, "knee_angle_l": 110},
        **{"ankle_angle": 15, "arm_flex": 85, **ON_PALMS},
    },
    "arched": {"pelvis_tilt": 20, "lumbar_extension": 22, "hip_flexion": -18, **UP},
    "kneeling fold": {
        **{"pelvis_tilt": -60, "hip_flexion": 60, "knee_angle": 95, **POINTED},
        **{"lumbar_extension": -30, "arm_flex": 90},
    },
}
BEGUN: dict[str, dict[str, float]] = {
    "headstand": {**OTHERS["headstand"], "hip_flexion": 60},
    "candle": {"pelvis_tilt": 90},
}


@dataclass(frozen=True)
class Judged:
    """Frames of one clip."""

    group: str  # fold of a hard pose, or whose ordinary run it is
    signals: Float[np.ndarray, "frames signals"]
    wrong: Bool[np.ndarray, " frames"]
    seen: Bool[np.ndarray, " frames"]  # of a quality that would be trusted
    interval_s: float
    begun: int = 0  # the frame from which on a pose is held
    needed: Float[np.ndarray, "frames coordinates"] | None = None  # by ``needed``


def learned(chosen: Sequence[Path], reported: Sequence[Path], file: Path = FILE) -> dict[str, Any]:
    """The table of ``mesh.doubt``, written, and its figures.

    Args:
        chosen: folders of ordinary runs that it learns from and whose frames set the limit.
        reported: of others.
        file: where it goes.

    Returns:
        Shares of the frames: of ``chosen`` and ``reported``, how many of those seen well are doubted; of the hard
        poses before and after, as ``trusted`` and ``trusted_wrong``, and how many of the angles are within their
        half width, each pose by a table that never saw it.
    """
    hard, drawn = _hard(), _drawn()
    ordinary = [*(_of_run(run, ORDINARY) for run in chosen), *drawn[0::2]]
    others = [*(_of_run(run, ORDINARY) for run in reported), *drawn[1::2]]
    whole = _regression([*hard, *ordinary])
    usual = np.concatenate([_odds(one, whole)[one.seen] for one in ordinary])
    limit, wide = (float(np.quantile(usual, 1 - share)) for share in (FALSE_ALARMS, FALSE_WIDTHS))
    rows, within = [], []
    for group in sorted({one.group for one in hard}):
        rest = [one for one in hard if one.group != group]
        table = _regression([*rest, *ordinary])
        times = _widening(rest, table, wide)
        for one in hard:
            if one.group == group:
                seen, wrong, odds = (values[one.begun :] for values in (one.seen, one.wrong, _odds(one, table)))
                kept = seen & (odds <= limit)
                rows.append(np.stack([seen, seen & wrong, kept, kept & wrong, odds > wide]).mean(1))
                reached = np.where((odds > wide)[:, None], times, 1.0)
                within.append(np.stack([_within(one, 1.0), _within(one, reached)]))
    names = ("trusted_before", "trusted_wrong_before", "trusted", "trusted_wrong", "widened")
    figures = {f"hard_{name}": value for name, value in zip(names, np.mean(rows, axis=0), strict=True)}
    figures |= dict(zip(("hard_within_before", "hard_within"), np.mean(within, axis=0), strict=True))
    for name, clips in (("chosen", ordinary), ("reported", others)):
        figures |= {f"{name}_doubted": _beyond(clips, whole, limit), f"{name}_widened": _beyond(clips, whole, wide)}
    figures = {name: round(float(value), 4) for name, value in figures.items()}
    widen = dict(zip(expected.NAMES, np.round(_widening(hard, whole, wide), 2).tolist(), strict=True))
    mean, spread, weight, bias = whole
    written = {
        "about": f"{len(hard)} clips of hard poses, {len(ordinary)} ordinary runs (chosen), {len(others)} (reported); "
        "python -m biomech.bench.doubts",
        "figures": figures,
        "limit": round(limit, 4),
        "wide": round(wide, 4),
        "bias": round(bias, 5),
        "widen": widen,
        "signals": {
            name: {"mean": round(m, 5), "spread": round(s, 5), "weight": round(w, 5)}
            for name, m, s, w in zip(SIGNALS, mean.tolist(), spread.tolist(), weight.tolist(), strict=True)
        },
    }
    with whole_file(file) as temporary:
        temporary.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return figures


def told(keypoints: Keypoints, motion: BodyMotion) -> tuple[Float[np.ndarray, "frames signals"], float]:
    """The signals of an answer, as ``recover`` has them.

    Args:
        keypoints: of one camera.
        motion: recovered from them, its standard deviations as the residuals leave them.

    Returns:
        The signals, and the interval between frames (s).
    """
    body, seen = AnnyBody.load([0]), steadied(keypoints)
    places, correspondence = Correspondence.load(body.bone_names).match(seen.names)
    (evidence,), _ = seen_by([seen], places, correspondence, FromDetector(), None)
    pose = pose_of_bones(body, motion.shape, motion.rotations)
    assert motion.coordinate_sd is not None and motion.quality is not None
    return signals_of(evidence, pose, motion.coordinate_sd, motion.quality, Habit.load()), evidence.interval_s


def needed(
    truth: Kinematics, pose: Pose, names: list[str], sd: Float[np.ndarray, "frames coordinates"]
) -> Float[np.ndarray, "frames coordinates"]:
    """How many times wider each standard deviation would have to be for its half width to reach the truth.

    Args:
        truth: rad, without translations.
        pose: that was found.
        names: of the columns.
        sd: rad, m.

    Returns:
        Columns as ``names``, 0 where the half width's least does; NaN for places and the heading.
    """
    least, one = (expected.half_widths(names, np.full((1, len(names)), each))[0] for each in (0.0, 1.0))
    far = np.sqrt(one**2 - least**2)
    found, times = coordinates_of(pose), np.full(sd.shape, np.nan)
    for k, name in enumerate(names):
        if name in truth.names and name in found and name != "pelvis_rotation":
            off = wrapped(found[name] - truth.values[:, truth.names.index(name)])
            times[:, k] = np.sqrt(np.maximum(off**2 - least[k] ** 2, 0)) / (far[k] * sd[:, k])
    return times


def mixture(number: int) -> dict[str, float]:
    """Between two of ``OTHERS``, every angle another by chance.

    Args:
        number: which.

    Returns:
        Degrees, by coordinate.
    """
    rng = seeded("mixed poses", number)
    one, other = ({**_sided(OTHERS[name])} for name in rng.choice(list(OTHERS), 2, replace=False))
    share = rng.uniform(0, 1)
    names = sorted({*one, *other})
    usual = {name: float(np.degrees(NEUTRAL_POSTURE[name])) for name in names}
    return {
        name: (1 - share) * one.get(name, usual[name])
        + share * other.get(name, usual[name])
        + float(rng.normal(0, MIXED_SPREAD_DEG))
        for name in names
    }


def _sided(table: dict[str, float]) -> dict[str, float]:
    """With both sides by name."""
    whole: dict[str, float] = {}
    for name, deg in sorted(table.items(), key=lambda item: item[0].endswith(("_r", "_l"))):
        alone = name.startswith(("pelvis", "lumbar", "neck")) or name.endswith(("_r", "_l"))
        whole |= {name: deg} if alone else {f"{name}_{side}": deg for side in "rl"}
    return whole


def _hard() -> list[Judged]:
    clips = []
    for number in range(TIMES):
        for name, aim in OTHERS.items():
            clips.append(_of_pose(name, BEGUN.get(name, {}), aim, seeded("other poses", name, number), (name, number)))
    for number in range(MIXED):
        group = f"mixture {number % FOLDS}"
        rng = seeded("mixed", number)
        clips.append(_of_pose(group, {}, mixture(number), rng, ("mixed", number)))
    return [clip for clip in clips if clip is not None]


def _drawn() -> list[Judged]:
    """Ordinary motions by code, before the same simulated detector: two of each kind, of different people."""
    clips = []
    for kind in KINDS:
        for number in range(2):
            rng = seeded("ordinary", kind, number)
            shape, truth = random_person(rng).shape, generate(kind, SECONDS, RATE_HZ, rng)
            motion = driven(AnnyBody.load([0]), shape, list(truth.names), truth.values, truth.time_s)
            root = motion.root_position_m - motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
            clips.append(_recovered(ORDINARY, replace(motion, root_position_m=root), truth, rng, (kind, number)))
    return [replace(clip, begun=0) for clip in clips if clip is not None]


def _of_pose(
    group: str, begun: dict[str, float], aim: dict[str, float], rng: np.random.Generator, key: tuple[str, int]
) -> Judged | None:
    motion, truth = entered(begun, aim, random_person(rng).shape, rng, SPREAD_DEG)
    return _recovered(group, motion, truth, rng, key)


def _recovered(
    group: str, motion: BodyMotion, truth: Kinematics, rng: np.random.Generator, key: tuple[str, int]
) -> Judged | None:
    """Seen from any side; None of who is not found."""
    clip = film(motion, truth, float(rng.uniform(-180, 180)), float(rng.uniform(*DISTANCES_M)), FOV_DEG, key)
    try:
        found = recover(clip.keypoints, initialiser=FromDetector(judged=False))
    except (BioposeError, np.linalg.LinAlgError):
        return None
    signals, interval_s = told(clip.keypoints, found)
    pose = pose_of_bones(AnnyBody.load([0]), found.shape, found.rotations)
    wrong = off_deg(truth, pose, slice(None))["mae18_deg"] > WRONG_DEG
    assert found.quality is not None and found.coordinate_sd is not None
    times = needed(truth, pose, found.coordinate_names, found.coordinate_sd)
    return Judged(group, signals, wrong, found.quality >= LEAST_QUALITY, interval_s, int(held(truth).start), times)


def _of_run(folder: Path, group: str) -> Judged:
    found = sorted(folder.glob("*_motion.npz"))
    if not found:
        raise BioposeError("no run here", where=str(folder), mend="Give folders of runs that a bench kept.")
    keypoints = found[0].with_name(found[0].name.removesuffix("_motion.npz") + "_keypoints.npz")
    motion = BodyMotion.load(found[0])
    signals, interval_s = told(Keypoints.load(keypoints), motion)
    assert motion.quality is not None
    seen = motion.quality >= LEAST_QUALITY
    return Judged(group, signals, np.zeros(len(seen), bool), seen, interval_s)


def _regression(clips: list[Judged]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Ridge logistic regression by Newton's steps; hard and ordinary frames have the same say."""
    frames, wrong, hard = [], [], []
    for one in clips:
        use = one.seen.copy()
        use[: one.begun] = False
        frames.append(one.signals[use])
        wrong.append(one.wrong[use])
        hard.append(np.full(use.sum(), one.group != ORDINARY))
    signals, goal, is_hard = np.concatenate(frames), np.concatenate(wrong).astype(float), np.concatenate(hard)
    mean, spread = signals[is_hard].mean(0), signals[is_hard].std(0)
    columns = np.concatenate([((signals - mean) / spread).clip(-FURTHEST, FURTHEST), np.ones((len(goal), 1))], 1)
    say = np.where(is_hard, 1.0, is_hard.sum() / max((~is_hard).sum(), 1))
    ridge = np.diag([RIDGE] * (columns.shape[1] - 1) + [0.0])

    def cost(answer: np.ndarray) -> float:
        odds = columns @ answer
        return float((say * (np.logaddexp(0, odds) - goal * odds)).sum() + answer @ ridge @ answer / 2)

    answer, least = np.zeros(columns.shape[1]), np.inf
    while least - (least := cost(answer)) > 1e-6:
        chance = 1 / (1 + np.exp(-columns @ answer))
        curved = (columns * (say * chance * (1 - chance) + 1e-9)[:, None]).T @ columns + ridge
        step = np.linalg.solve(curved, columns.T @ (say * (chance - goal)) + ridge @ answer)
        share = next((share for share in 0.5 ** np.arange(20) if cost(answer - share * step) < least), 0.0)
        answer = answer - share * step
    return mean, spread, answer[:-1], float(answer[-1])


def _odds(one: Judged, table: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> Float[np.ndarray, " frames"]:
    mean, spread, weight, bias = table
    return smoothed(((one.signals - mean) / spread).clip(-FURTHEST, FURTHEST) @ weight + bias, one.interval_s)


def _beyond(
    clips: list[Judged], table: tuple[np.ndarray, np.ndarray, np.ndarray, float], limit: float
) -> Float[np.ndarray, ""] | float:
    return np.concatenate([(_odds(one, table) > limit)[one.seen] for one in clips]).mean() if clips else np.nan


def _widening(
    clips: list[Judged], table: tuple[np.ndarray, np.ndarray, np.ndarray, float], wide: float
) -> Float[np.ndarray, " coordinates"]:
    """Of each coordinate, both sides together, how many times wider ``LEVEL`` of the frames beyond the limit need."""
    times = np.concatenate(
        [one.needed[one.begun :][_odds(one, table)[one.begun :] > wide] for one in clips if one.needed is not None]
    )
    found = np.ones(len(expected.NAMES))
    for k, name in enumerate(expected.NAMES):
        stem = name[:-2] if name.endswith(("_r", "_l")) else name
        columns = [j for j, other in enumerate(expected.NAMES) if other in (stem, f"{stem}_r", f"{stem}_l")]
        if np.isfinite(times[:, columns]).all():
            found[k] = max(1.0, float(np.quantile(times[:, columns], LEVEL)))
    return found


def _within(one: Judged, times: Float[np.ndarray, "frames coordinates"] | float) -> float:
    """How many of the angles are within their half width, so many times wider."""
    assert one.needed is not None
    needed = one.needed[one.begun :]
    return float((needed <= times)[np.isfinite(needed)].mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chosen", "reported"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    print(json.dumps(learned(given.chosen, given.reported), indent=1))
