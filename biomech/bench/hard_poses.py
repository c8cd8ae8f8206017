"""Gymnastics, yoga, the floor, upside down: how far the fit goes, whether it knows, and what limits it.

Poses by code, in coordinates of our skeleton, entered over a second and held for one. Points and their errors are the
lens bench's: nothing is rendered, no detector looks, there is no 3D, and no point is hidden by the body itself. Only
the frames in which a pose is held count.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.angles import rotation_angle_deg
from biomech.bench.lens import GROUPS, ROTATIONS, Filmed, film, rotation_errors_deg
from biomech.body.anny import AnnyBody
from biomech.body.driven import borne_by_all, driven
from biomech.body.linkage import Pose, coordinates_of, pose_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.errors import BioposeError
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation
from biomech.labels.library.skeleton import limits_rad, names
from biomech.labels.people import random_person, seeded
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.evidence import seen_by
from biomech.mesh.fit import Evidence, State, WindowFit
from biomech.mesh.ground import sole_points
from biomech.mesh.habit import Habit
from biomech.mesh.level import Level
from biomech.mesh.placing import Placing
from biomech.mesh.recover import FIRST_LANDMARK_TRUST, FLOOR_ROUNDS, ITERATIONS, recover, with_floor
from biomech.mesh.start import FromDetector
from biomech.mesh.subject import Subject

Say = Callable[[str], None]
ENTERED_S, HELD_S, RATE_HZ = 1.0, 1.0, 15.0
VIEWS = {"front": 0.0, "side": 90.0, "behind": 135.0}  # where the camera stands about the vertical, from the front
DISTANCE_M, FOV_DEG = 4.5, 67.0
SPREAD_DEG = 3.0  # between people, of every angle
WRONG_DEG = 15.0  # mean of the 18 rotations of a frame
LOWER = 0.95  # of a cost: in plain standing two searches differ by some hundredths
WORST = 3  # poses of which single ingredients are taken away

ON_PALMS = {"pro_sup": 160, "wrist_flex": -70}
UP = {"arm_flex": 170, "arm_add": 0, "arm_rot": 0, "elbow_flex": 5}
# Degrees; without a side both. What is not named is as in the neutral posture.
POSES: dict[str, dict[str, float]] = {
    "standing": {},
    "squat": {"pelvis_tilt": -25, "hip_flexion": 90, "knee_angle": 90, "ankle_angle": 25},
    "deep squat": {
        **{"pelvis_tilt": -30, "hip_flexion": 120, "hip_adduction": -15, "knee_angle": 125, "ankle_angle": 33},
        **{"lumbar_extension": 10, **UP},
    },
    "forward fold": {"pelvis_tilt": -80, "hip_flexion": 80, "lumbar_extension": -45, "arm_flex": 125},
    "deep lunge": {
        **{"pelvis_tilt": -10, "hip_flexion_r": 100, "knee_angle_r": 100, "ankle_angle_r": 10},
        **{"hip_flexion_l": -20, "knee_angle_l": 40, "ankle_angle_l": 10, "mtp_angle_l": -30},
    },
    "warrior III": {"pelvis_tilt": -80, "hip_flexion_r": 80, "hip_flexion_l": 0, "knee_angle": 5, **UP},
    "tree": {
        **{"hip_flexion_l": 50, "hip_adduction_l": -45, "hip_rotation_l": -30, "knee_angle_l": 125},
        **UP,
    },
    "cross-legged": {
        **{"pelvis_tilt": 10, "lumbar_extension": -15, "hip_flexion": 95, "hip_adduction": -35, "hip_rotation": -40},
        **{"knee_angle_r": 125, "knee_angle_l": 115, "arm_flex": 25, "elbow_flex": 40},
    },
    "on the back": {"pelvis_tilt": 90},
    "plank": {
        **{"pelvis_tilt": -68, "arm_flex": 70, "arm_add": 0, "elbow_flex": 5, "ankle_angle": 10, "mtp_angle": -30},
        **ON_PALMS,
    },
    "downward dog": {
        **{"pelvis_tilt": -120, "lumbar_extension": -15, "hip_flexion": 90, "ankle_angle": 20},
        **UP,
        **ON_PALMS,
    },
    "bridge": {"pelvis_tilt": 115, "lumbar_extension": 0, "hip_flexion": 0, "knee_angle": 115, "arm_flex": -25},
    "handstand": {"pelvis_tilt": 180, "lumbar_extension": 0, **UP, "arm_flex": 178, "ankle_angle": -30, **ON_PALMS},
}
ANCHORS = ("standing", "squat")
# Where it does not begin with standing.
BEGUN = {"handstand": {**POSES["handstand"], "hip_flexion": 70, "knee_angle": 80}}


def bench_hard_poses(
    poses: Sequence[str] = tuple(POSES),
    *,
    people: int = 3,
    limits_from: str = "side",
    seed: str = "hard poses",
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """How far off the fit is in each pose and view, what it trusts, and what limits it.

    Args:
        poses: names of ``POSES``.
        people: in each.
        limits_from: of ``VIEWS``, the one for ``costs`` and ``without``.
        seed: of people and points' errors.
        say: told of every pose.

    Returns:
        Under ``cells``, by pose and view, means over people of ``errors`` in the held second, with ``zero_mae18_deg``,
        that of an answer of zeros. Under ``costs``, by pose from one side, what the fit's sum of squares says of its
        own answer and of the truth (``weighed``). Under ``without``, of the ``WORST`` poses from there, the mean
        error with single ingredients taken away. ``trusted_wrong`` is the share of trusted frames of all poses but
        the ``ANCHORS`` whose 18 rotations are more than ``WRONG_DEG`` off in the mean, ``trusted_wrong_of_all`` of
        all frames.

    Raises:
        BioposeError: there is no such pose or view.
    """
    check_known("pose", poses, POSES)
    check_known("view", (limits_from,), VIEWS)
    begun = time.process_time()
    cells: dict[str, dict[str, float]] = {}
    costs: dict[str, dict[str, float]] = {}
    trials: dict[str, list[Tried]] = {}
    shapes = [random_person(seeded(seed, person)).shape for person in range(people)]
    for name in poses:
        moving = [posed(name, shape, seeded(seed, name, number)) for number, shape in enumerate(shapes)]
        for view, azimuth_deg in VIEWS.items():
            clips = [
                film(*one, azimuth_deg, DISTANCE_M, FOV_DEG, (f"{seed} {name} {view}", number))
                for number, one in enumerate(moving)
            ]
            cells[f"{name}, {view}"] = mean_of([errors(clip) for clip in clips])
            if view == limits_from:
                trials[name] = [Tried.of(clip, motion) for clip, (motion, _) in zip(clips, moving, strict=True)]
                costs[name] = mean_of([weighed(trial) for trial in trials[name]])
        say(f"{name}: {[cells[f'{name}, {view}'] for view in VIEWS]} {costs[name]}")
    hard = [row for cell, row in cells.items() if cell.rpartition(", ")[0] not in ANCHORS]
    wrong, trusted = (sum(row[key] for row in hard) for key in ("trusted_wrong", "trusted"))
    worst = sorted(trials.keys() - set(ANCHORS), key=lambda name: -cells[f"{name}, {limits_from}"]["mae18_deg"])[:WORST]
    return {
        "mae18_deg": round(float(np.mean([row["mae18_deg"] for row in hard])), 2) if hard else np.nan,
        "trusted": round(trusted / len(hard), 3) if hard else np.nan,
        "trusted_wrong": round(wrong / trusted, 3) if trusted else np.nan,
        "trusted_wrong_of_all": round(wrong / len(hard), 3) if hard else np.nan,
        "cells": cells,
        "costs": costs,
        "without": {name: mean_of([without(trial) for trial in trials[name]]) for name in worst},
        "people": people,
        "cpu_seconds": round(time.process_time() - begun, 1),
    }


def check_known(noun: str, wanted: Sequence[str], known: Collection[str]) -> None:
    """Refuse what there is not.

    Args:
        noun: what they are names of.
        wanted: names.
        known: all that there are.

    Raises:
        BioposeError: one of the names is not known.
    """
    for name in wanted:
        if name not in known:
            raise BioposeError(f"no {noun} '{name}'", mend=f"One of: {', '.join(known)}.")


def posed(
    name: str, shape: Float[np.ndarray, " shape"], rng: np.random.Generator | None = None
) -> tuple[BodyMotion, Kinematics]:
    """Somebody who takes a pose and holds it.

    Args:
        name: of ``POSES``.
        shape: of the body.
        rng: draws how the person differs from the table; None: not at all.

    Returns:
        About the origin, facing X, with what is lowest on the floor; and what drove it, without translations.
    """
    return entered(BEGUN.get(name, {}), POSES[name], shape, rng)


def entered(
    begun: dict[str, float],
    aim: dict[str, float],
    shape: Float[np.ndarray, " shape"],
    rng: np.random.Generator | None = None,
    spread_deg: float = SPREAD_DEG,
) -> tuple[BodyMotion, Kinematics]:
    """``posed``, of any poses.

    Args:
        begun, aim: degrees, as in ``POSES``.
        shape: of the body.
        rng: draws how the person differs from the table; None: not at all.
        spread_deg: by how much.

    Returns:
        As ``posed``.
    """
    own = [coordinate for coordinate in names() if not is_translation(coordinate)]
    spread = np.zeros(len(own)) if rng is None else np.radians(spread_deg) * rng.standard_normal(len(own))
    first, last = (_values(own, table) + spread for table in (begun, aim))
    time_s = np.arange(round((ENTERED_S + HELD_S) * RATE_HZ)) / RATE_HZ
    way = np.clip(time_s / ENTERED_S, 0, 1)
    share = (way**3 * (10 - 15 * way + 6 * way**2))[:, None]
    low, high = np.array([limits_rad()[coordinate] for coordinate in own]).T
    values = np.clip(first * (1 - share) + last * share, low, high)
    truth = Kinematics(own, values, time_s, np.ones(len(own), bool))
    motion = borne_by_all(driven(AnnyBody.load([0]), shape, own, values, time_s))
    middle = motion.root_position_m[held(truth)].mean(0) * [1.0, 0.0, 1.0]
    return replace(motion, root_position_m=motion.root_position_m - middle), truth


def held(truth: Kinematics) -> slice:
    """The frames in which a pose is held.

    Args:
        truth: of ``posed``.

    Returns:
        The later ones, to the end.
    """
    return slice(int(np.searchsorted(truth.time_s, ENTERED_S - 1e-9)), None)


def errors(clip: Filmed, recovered: Callable[[Keypoints], BodyMotion] = recover) -> dict[str, float]:
    """What a recoverer makes of a clip.

    Args:
        clip: of one pose.
        recovered: the body of keypoints.

    Returns:
        Of the held frames: mean absolute errors by the lens bench's ``GROUPS`` (degrees), the angle between pelvis and
        pelvis, mean ``quality``, shares ``trusted`` (of quality ``LEAST_QUALITY`` and not doubted), ``wrong`` (the 18
        rotations more than ``WRONG_DEG`` off) and both; and ``zero_mae18_deg``. Of a clip without an answer NaN,
        nothing trusted.
    """
    when = held(clip.truth)
    zero = pose_of(clip.truth.names, np.zeros_like(clip.truth.values))
    figures = {"zero_mae18_deg": float(off_deg(clip.truth, zero, when)["mae18_deg"].mean())}
    try:
        motion = recovered(clip.keypoints)
    except (BioposeError, np.linalg.LinAlgError):
        lost = dict.fromkeys((*(f"{group}_deg" for group in GROUPS), "pelvis_deg", "quality"), np.nan)
        return figures | lost | {"trusted": 0.0, "wrong": 1.0, "trusted_wrong": 0.0}
    assert motion.quality is not None
    off = off_deg(clip.truth, pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations), when)
    undoubted = np.array([not why for why in motion.doubts or [""] * len(motion.quality)])
    wrong, trusted = off["mae18_deg"] > WRONG_DEG, (undoubted & (motion.quality >= LEAST_QUALITY))[when]
    return (
        figures
        | {key: float(each.mean()) for key, each in off.items()}
        | {
            "quality": float(motion.quality[when].mean()),
            "trusted": float(trusted.mean()),
            "wrong": float(wrong.mean()),
            "trusted_wrong": float((trusted & wrong).mean()),
        }
    )


@dataclass(frozen=True)
class Tried:
    """One clip as the fit has it, in one window, and its truth as a state of the fit."""

    truth: Kinematics
    evidence: Evidence
    begun: State  # where ``recover`` begins
    true: State
    correspondence: Correspondence
    placing: Placing

    @classmethod
    def of(cls, clip: Filmed, motion: BodyMotion) -> "Tried":
        """The stages of ``recover`` before the first fit with shape and floor, for a clip of one window.

        Args:
            clip: of one pose.
            motion: that was filmed.

        Returns:
            Evidence and both states.
        """
        body = AnnyBody.load([0])
        placing = Placing(body)
        places, correspondence = Correspondence.load(body.bone_names).match(clip.keypoints.names)
        views, _ = seen_by([clip.keypoints], places, correspondence, FromDetector(), None)
        subject = Subject.start(body, None, None)
        frames = np.arange(len(views[0].xy))
        begun = FromDetector().state(views, frames, correspondence, placing, subject)
        away = clip.camera.rotation_camera_from_world[2]  # along the lens's axis
        lens_m = -clip.camera.rotation_camera_from_world.T @ clip.camera.position_in_camera_m
        level = Level(pitch_rad=float(-np.arcsin(away[1])), floor_m=-float(lens_m[1]))
        turn = level.camera_from_world.T @ clip.camera.rotation_camera_from_world
        pose = pose_of(clip.truth.names, clip.truth.values)
        balls = pose.balls.copy()
        balls[:, 0] = turn @ balls[:, 0]
        root = clip.camera.to_camera(motion.root_position_m) @ level.camera_from_world
        true = State(Pose(balls, pose.hinges), root, subject.with_shape(motion.shape), level)
        trial = cls(clip.truth, views[0], begun, true, correspondence, placing)
        first = trial.fit(landmark_trust=FIRST_LANDMARK_TRUST).minimise(begun, iterations=ITERATIONS, grounded=False)
        return replace(trial, begun=with_floor(first, placing, sole_points(), views[0].interval_s))

    def fit(self, *, habit: bool = True, network: bool = True, **options: float) -> WindowFit:
        """The sum of squares, without people's habits (but the ranges of joints), or the sequence network's word.

        Args:
            habit, network: whether they have a say.
            options: of ``WindowFit``.

        Returns:
            Of the clip's only window.
        """
        evidence, prior = self.evidence, Habit.load()
        if not habit:
            prior = replace(prior, whiteners=0 * prior.whiteners, rarity=0 * prior.rarity)
        if not network:
            unknown = (np.full_like(evidence.guess_sd, np.inf), np.full_like(evidence.landmark_sd, np.inf))
            evidence = replace(evidence, guess_sd=unknown[0], landmark_sd=unknown[1])
        return WindowFit([evidence], self.placing, self.correspondence, prior, sole_points(), **options)

    def found(self, start: State, *, floor: bool = True, **without: bool) -> State:
        """The best state from there, with shape and camera free.

        Args:
            start: a state of the clip's frames.
            floor: whether feet keep to one.
            without: ``fit``'s.

        Returns:
            After as many rounds as ``recover`` has.
        """
        fit = self.fit(**without)
        for _ in range(FLOOR_ROUNDS):
            start = fit.minimise(start, iterations=ITERATIONS, free_shape=True, free_level=True, grounded=floor)
        return start

    def mae18_deg(self, state: State) -> float:
        """Mean error of the 18 rotations in the held frames.

        Args:
            state: of the clip's frames.

        Returns:
            Degrees.
        """
        return float(off_deg(self.truth, state.pose, held(self.truth))["mae18_deg"].mean())

    def cost(self, state: State, *, floor: bool = True, **without: bool) -> float:
        """Half the sum of squares; feet stand where they do in this state.

        Args:
            state: of the clip's frames.
            floor: whether feet keep to one.
            without: ``fit``'s.

        Returns:
            Without a unit: squares of standard deviations.
        """
        fit = self.fit(**without)
        fit.minimise(state, iterations=0, grounded=floor)
        return fit.cost(state)


def weighed(trial: Tried) -> dict[str, float]:
    """What the sum of squares says of the answer and of the truth.

    Args:
        trial: of one clip.

    Returns:
        Of the fit's answer (``found``), of the truth, and of what the fit makes of the truth (``settled``): the whole
        cost, what of it habits, network and floor make up, and the error of the 18 rotations (degrees; of the truth 0).
        ``lower`` is 1 where the truth settles below ``LOWER`` of the answer's cost: there the search went astray.
    """
    states = {"found": trial.found(trial.begun), "true": trial.true, "settled": trial.found(trial.true)}
    figures: dict[str, float] = {}
    for name, state in states.items():
        whole = trial.cost(state)
        figures |= {
            f"{name}_cost": whole,
            f"{name}_habit": whole - trial.cost(state, habit=False),
            f"{name}_network": whole - trial.cost(state, network=False),
            f"{name}_floor": whole - trial.cost(state, floor=False),
        }
    return figures | {
        "found_deg": trial.mae18_deg(states["found"]),
        "settled_deg": trial.mae18_deg(states["settled"]),
        "lower": float(figures["settled_cost"] < LOWER * figures["found_cost"]),
    }


def without(trial: Tried) -> dict[str, float]:
    """The error of the 18 rotations (degrees) with single ingredients taken away.

    Args:
        trial: of one clip.

    Returns:
        As it is; without habits, the network's word (it still says where to start), both, the floor; and without the
        network from the truth.
    """
    begun = trial.begun
    states = {
        "as it is": trial.found(begun),
        "no habit": trial.found(begun, habit=False),
        "no network": trial.found(begun, network=False),
        "neither": trial.found(begun, habit=False, network=False),
        "no floor": trial.found(begun, floor=False),
        "from the truth": trial.found(trial.true),
        "from the truth, no network": trial.found(trial.true, network=False),
        "from the truth, neither": trial.found(trial.true, habit=False, network=False),
    }
    return {name: trial.mae18_deg(state) for name, state in states.items()}


def off_deg(truth: Kinematics, pose: Pose, when: slice) -> dict[str, Float[np.ndarray, " held"]]:
    """Errors by ``GROUPS`` and of the pelvis; the whole person may be turned about the vertical.

    Args:
        truth: rad, without translations.
        pose: in a world whose Y is up; the same frames.
        when: the frames that count.

    Returns:
        Degrees, under the group's name with ``_deg`` and ``pelvis_deg``.
    """
    true, found = pose_of(truth.names, truth.values).balls[:, 0], pose.balls[:, 0]
    both = (found[when] @ np.swapaxes(true[when], 1, 2)).sum(0)
    heading = np.arctan2(both[2, 0] - both[0, 2], both[0, 0] + both[2, 2])
    cos, sin = np.cos(heading), np.sin(heading)
    balls = pose.balls.copy()
    balls[:, 0] = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) @ found
    off = rotation_errors_deg(truth, coordinates_of(Pose(balls, pose.hinges)), ROTATIONS, any_heading=False)
    figures = {
        f"{group}_deg": np.mean([error[when] for name, error in off.items() if name.startswith(start)], 0)
        for group, start in GROUPS.items()
    }
    return figures | {"pelvis_deg": rotation_angle_deg(balls[when, 0] @ np.swapaxes(true[when], 1, 2))}


def _values(own: Sequence[str], table: dict[str, float]) -> Float[np.ndarray, " coordinates"]:
    """Rad, of what is named with its side, then without, then of the neutral posture."""
    return np.array(
        [
            np.radians(table[name])
            if name in table
            else np.radians(table[name[:-2]])
            if name[-2:] in ("_r", "_l") and name[:-2] in table
            else NEUTRAL_POSTURE[name]
            for name in own
        ]
    )


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """Of each key over the rows, NaN left out; three digits."""
    return {key: round(float(np.nanmean([row[key] for row in rows])), 3) for key in rows[0]}
