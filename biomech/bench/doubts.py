"""Which answers are likely wrong: ``python -m biomech.bench.doubts --poses POSES --chosen ORDINARY… --reported …``.

Clips of ``bench.other_poses``, seen by the real landmark network, are recovered by fit and MQ-HMR; their frames, and
those of ordinary clips and runs, teach ``mesh/doubt.json`` what a wrong answer of either looks like. Ordinary are
clips of `biopose train clips --as-filmed` (.npz; their truth is known) and folders of runs of the fit (whose answers
count as right). The limit is chosen so that ``FALSE_ALARMS`` of the chosen ordinary frames that are right are doubted;
how many of the reported ones are, and what is left of poses that took no part (a fold for each pose, ten for the
mixtures), is printed. What was recovered is kept with ``--kept FOLDER``: with other weights of a network give another.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from biomech.angles import wrapped
from biomech.bench.hard_poses import HELD_S, off_deg
from biomech.bench.other_poses import BEGINNING, MIXTURE
from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.coverage import LEVEL
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.mesh import expected
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt import FILE, FURTHEST, WRONG_DEG, smoothed
from biomech.mesh.doubt_signals import SIGNALS, Judgeable, signals_of
from biomech.mesh.evidence import seen_by
from biomech.mesh.ground import against_gravity
from biomech.mesh.habit import Habit
from biomech.mesh.mqhmr.refine import refined
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.recover import recover
from biomech.mesh.recoverers import trained
from biomech.mesh.start import FromDetector
from biomech.mesh.steady import steadied
from biomech.names import RECOVERERS
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.make import RATE_HZ, keypoints_of

FALSE_ALARMS, FALSE_WIDTHS = 0.003, 0.01  # of the chosen ordinary frames: not trusted, half widths wider
RIDGE = 100.0
FOLDS = 10
ORDINARY = "ordinary"
COUNTS = ("trusted_before", "wrong_before", "trusted", "wrong", "widened", "right_before", "right")


@dataclass(frozen=True)
class Judged:
    """Frames of one clip."""

    group: str  # fold of a hard pose, or ``ORDINARY``
    signals: Float[np.ndarray, "frames signals"]
    wrong: Bool[np.ndarray, " frames"]
    seen: Bool[np.ndarray, " frames"]  # of a quality that would be trusted
    interval_s: float
    begun: int = 0  # the frame from which on a pose is held
    needed: Float[np.ndarray, "frames coordinates"] | None = None  # by ``needed``


def learned(
    poses: Path, chosen: Sequence[Path], reported: Sequence[Path], kept: Path | None = None, file: Path = FILE
) -> dict[str, Any]:
    """The tables of ``mesh.doubt``, written, and their figures.

    Args:
        poses: folder of clips of ``bench.other_poses``.
        chosen: ordinary clips, and folders of runs, that it learns from and whose frames set the limit.
        reported: others.
        kept: folder of what was recovered; is made, and read where it is there already.
        file: where the tables go.

    Returns:
        By recoverer shares of the frames: of ``chosen`` and ``reported``, how many of those that are right and seen
        well are doubted; of the hard poses before and after, as ``trusted``, and what share of the trusted is
        ``wrong`` and of the right ones trusted (``right``), and how many of the angles are within their half width,
        each pose by a table that never saw it.

    Raises:
        BioposeError: there are no clips of poses, or what is no clip or run.
    """
    paths = sorted(poses.glob(f"{BEGINNING}*.npz"))
    if not paths:
        raise BioposeError("no clips of poses", where=str(poses), mend="Draw them: `-m biomech.bench.other_poses`.")
    tables, figures = {}, {}
    for recoverer in RECOVERERS:
        hard = _read(paths, recoverer, kept)
        ordinary, others = (_read(ones, recoverer, kept) for ones in (chosen, reported))
        tables[recoverer], figures[recoverer] = _table(hard, ordinary, others)
    about = f"{len(paths)} clips of hard poses drawn; python -m biomech.bench.doubts"
    with whole_file(file) as temporary:
        temporary.write_text(json.dumps({"about": about, "recoverers": tables}, indent=1) + "\n", encoding="utf-8")
    return figures


def _table(hard: list[Judged], ordinary: list[Judged], others: list[Judged]) -> tuple[dict[str, Any], dict[str, float]]:
    """One recoverer's table and its figures."""
    whole = _regression([*hard, *ordinary])
    usual = np.concatenate([_odds(one, whole)[one.seen & ~one.wrong] for one in ordinary])
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
                counts = (seen, seen & wrong, kept, kept & wrong, odds > wide, seen & ~wrong, kept & ~wrong)
                rows.append(np.stack(counts).mean(1))
                reached = np.where((odds > wide)[:, None], times, 1.0)
                within.append(np.stack([_within(one, 1.0), _within(one, reached)]))
    share = dict(zip(COUNTS, np.mean(rows, axis=0), strict=True))
    figures = {
        "hard_trusted_before": share["trusted_before"],
        "hard_wrong_of_trusted_before": share["wrong_before"] / share["trusted_before"],
        "hard_trusted": share["trusted"],
        "hard_wrong_of_trusted": share["wrong"] / share["trusted"],
        "hard_right_trusted": share["right"] / share["right_before"],
        "hard_widened": share["widened"],
    }
    figures |= dict(zip(("hard_within_before", "hard_within"), np.nanmean(within, axis=0), strict=True))
    for name, clips in (("chosen", ordinary), ("reported", others)):
        figures |= {f"{name}_doubted": _beyond(clips, whole, limit), f"{name}_widened": _beyond(clips, whole, wide)}
    figures = {name: round(float(value), 4) for name, value in figures.items()}
    figures |= {"hard_clips": len(hard), "chosen_clips": len(ordinary), "reported_clips": len(others)}
    mean, spread, weight, bias = whole
    return {
        "figures": figures,
        "limit": round(limit, 4),
        "wide": round(min(wide, limit), 4),
        "bias": round(bias, 5),
        "widen": dict(zip(expected.NAMES, np.round(_widening(hard, whole, wide), 2).tolist(), strict=True)),
        "signals": {
            name: {"mean": round(m, 5), "spread": round(s, 5), "weight": round(w, 5)}
            for name, m, s, w in zip(SIGNALS, mean.tolist(), spread.tolist(), weight.tolist(), strict=True)
        },
    }, figures


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
    answer = Judgeable.of_motion(motion)
    return signals_of(evidence, answer, correspondence, Habit.load()), evidence.interval_s


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


def _read(paths: Sequence[Path], recoverer: str, kept: Path | None) -> list[Judged]:
    """Clips, and folders of runs where it is the fit's turn; without those who are not found."""
    found = []
    for path in paths:
        if path.is_dir():
            found += [_of_run(path)] if recoverer == "fit" else []
        else:
            found += _of_clip(path, recoverer, kept)
    return found


def _of_clip(path: Path, recoverer: str, kept: Path | None) -> list[Judged]:
    """One, or none of who is not found."""
    known = kept is not None and _kept(kept, path.stem, recoverer).exists()
    clip, body = Clip.load(path, maps=recoverer == "mqhmr" and not known), AnnyBody.load([0])
    keypoints, truth = keypoints_of(clip, RATE_HZ), truth_of(clip)
    motion = _recovered(path.stem, keypoints, recoverer, kept)
    if motion is None:
        return []
    signals, interval_s = told(keypoints, motion)
    pose = pose_of_bones(body, motion.shape, motion.rotations)
    wrong = off_deg(truth, pose, slice(None))["mae18_deg"] > WRONG_DEG
    assert motion.quality is not None and motion.coordinate_sd is not None
    seen, times = motion.quality >= LEAST_QUALITY, needed(truth, pose, motion.coordinate_names, motion.coordinate_sd)
    group, hard = ORDINARY, path.stem.startswith(BEGINNING)
    if hard:
        name, _, number = path.stem.removeprefix(BEGINNING).rsplit("_", 2)
        group = f"{name} {int(number) % FOLDS}" if name == MIXTURE else name
    begun = len(signals) - round(HELD_S * RATE_HZ) if hard else 0
    return [Judged(group, signals, wrong, seen, interval_s, begun, times)]


def truth_of(clip: Clip) -> Kinematics:
    """The true coordinates of a rendered clip.

    Args:
        clip: its maps do not matter.

    Returns:
        rad, without translations, in a world whose Y is up and whose X is where the person faces in the mean: tilt and
        list of a pelvis are about axes of the world.
    """
    seen = pose_of_bones(AnnyBody.load([0]), clip.betas.astype(float), clip.rotations.astype(float))
    pose = against_gravity(seen, clip.up.astype(float))
    ahead = pose.balls[:, 0, :, 0].mean(0) * [1.0, 0.0, 1.0]
    ahead /= max(float(np.linalg.norm(ahead)), 1e-9)
    turn = np.stack([ahead, [0.0, 1.0, 0.0], np.cross(ahead, [0.0, 1.0, 0.0])])
    balls = pose.balls.copy()
    balls[:, 0] = turn @ balls[:, 0]
    columns = coordinates_of(Pose(balls, pose.hinges))
    time_s = np.arange(len(clip.xy)) / RATE_HZ
    return Kinematics(list(columns), np.stack(list(columns.values()), 1), time_s, np.ones(len(columns), bool))


def _kept(folder: Path, name: str, recoverer: str) -> Path:
    return folder / f"{name}_{recoverer}_motion.npz"


def _recovered(name: str, keypoints: Keypoints, recoverer: str, kept: Path | None) -> BodyMotion | None:
    """Unjudged; None of who is not found."""
    path = None if kept is None else _kept(kept, name, recoverer)
    if path is not None and path.exists():
        return BodyMotion.load(path)
    try:
        if recoverer == "fit":
            motion = recover(keypoints, initialiser=FromDetector(judged=False))
        else:
            network, points_spread = trained()
            frames, _ = refined(network, keypoints)
            motion = recover_frames(keypoints, frames, points_spread, judged=False)
    except (BioposeError, np.linalg.LinAlgError):
        return None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        motion.save(path)
    return motion


def _of_run(folder: Path) -> Judged:
    found = sorted(folder.glob("*_motion.npz"))
    if not found:
        raise BioposeError("no run here", where=str(folder), mend="Give folders of runs that a bench kept.")
    keypoints = found[0].with_name(found[0].name.removesuffix("_motion.npz") + "_keypoints.npz")
    motion = BodyMotion.load(found[0])
    signals, interval_s = told(Keypoints.load(keypoints), motion)
    assert motion.quality is not None
    seen = motion.quality >= LEAST_QUALITY
    return Judged(ORDINARY, signals, np.zeros(len(seen), bool), seen, interval_s)


def _regression(clips: list[Judged]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Ridge logistic regression by Newton's steps; hard and ordinary frames have the same say."""
    frames, wrong, hard = [], [], []
    for one in clips:
        use = one.seen  # also while a pose is entered: poses between are news, frames of one that is held hardly
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
    if not clips:
        return np.nan
    return np.concatenate([(_odds(one, table) > limit)[one.seen & ~one.wrong] for one in clips]).mean()


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
    parser.add_argument("--poses", type=Path, required=True)
    for name in ("chosen", "reported"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[])
    parser.add_argument("--kept", type=Path)
    given = parser.parse_args()
    print(json.dumps(learned(given.poses, given.chosen, given.reported, given.kept), indent=1))
