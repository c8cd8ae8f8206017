"""The hard poses drawn, as the real detector sees them, and the hardest of recorded motion: fit and MQ-HMR.

The poses are those of ``hard_poses``, held by the same people; here a dressed body is drawn, so that limbs hide each
other and the detector may err as it does on who lies or stands on his hands. The recordings are of CMU's subjects from
whom nothing in the package learned: of each trial the two seconds whose angles are furthest from zero. The body is
driven by the coordinates alone that our skeleton has, so that the truth is known to the digit.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from biomech.bench.drawn_people import VIEWS_RAD, DrawingEyes, camera_at
from biomech.bench.hard_poses import ANCHORS, POSES, RATE_HZ, check_known, errors, mean_of, posed
from biomech.bench.lens import ROTATIONS, Filmed
from biomech.body.anny import AnnyBody
from biomech.body.cmu import HELD_OUT_SUBJECTS, cmu_names, read_cmu, replay
from biomech.body.driven import borne_by_all, driven, with_soft_forearms
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import BlazePose
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.people import random_person, seeded
from biomech.mesh.recoverers import check, recover_with
from biomech.train.synthetic.make import keypoints_of, see
from biomech.train.synthetic.view import Skin

SCENES = 3  # in which somebody is drawn until the detector sees all of a clip
RECORDED_S = 2.0
Say = Callable[[str], None]
Moving = tuple[BodyMotion, Kinematics]


def bench_hard_poses_drawn(
    poses: Sequence[str] = tuple(POSES),
    *,
    people: int = 2,
    recoverers: Sequence[str] = ("fit", "mqhmr"),
    mqhmr_weights: Path | None = None,
    recordings: Path | None = None,
    trials: int = 12,
    seed: str = "hard poses, drawn",
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """How far off fit and MQ-HMR are in drawn hard poses, and whether they know.

    Args:
        poses: names of ``hard_poses.POSES``.
        people: in each.
        recoverers: of ``biomech.names.RECOVERERS``.
        mqhmr_weights: in place of the package's.
        recordings: a zip of CMU's motions (.bvh); none without.
        trials: how many recordings, the hardest.
        seed: of people and scenes.
        say: told of every cell.

    Returns:
        Under ``cells``, by pose (or ``recorded``), view and recoverer, means over the clips of ``hard_poses.errors``,
        and the share ``seen`` of the scenes in which the detector saw all of the clip; those it did not see count
        nowhere else. Under each recoverer's name the means over the hard poses' cells by view, and what share of the
        trusted frames is wrong there.

    Raises:
        BioposeError: there is no such pose, recoverer or zip, or a file of the weights is missing.
    """
    check_known("pose", poses, POSES)
    for recoverer in recoverers:
        check(recoverer, mqhmr_weights)
    begun = time.process_time()
    torch.set_num_threads(1)
    eyes = DrawingEyes(Skin(), BlazePose(threads=1))
    shapes = [random_person(seeded(seed, person)).shape for person in range(people)]
    moving: dict[str, list[Moving]] = {
        name: [posed(name, shape, seeded(seed, name, number)) for number, shape in enumerate(shapes)] for name in poses
    }
    if recordings is not None:
        moving["recorded"] = hardest(recordings, trials, shapes)
    cells: dict[str, dict[str, float]] = {}
    for name, clips in moving.items():
        for view in VIEWS_RAD:
            seen: list[Filmed] = []
            tried = 0
            for number, one in enumerate(clips):
                clip, scenes = drawn(one, view, seeded(seed, name, view, number), eyes)
                tried += scenes
                seen += [clip] if clip else []
            for recoverer in recoverers:
                way = partial(recover_with, recoverer, mqhmr_weights=mqhmr_weights)
                rows = [errors(clip, way) for clip in seen]
                cells[f"{name}, {view}, {recoverer}"] = (mean_of(rows) if rows else {}) | {
                    "seen": round(len(seen) / tried, 2)
                }
                say(f"{name}, {view}, {recoverer}: {cells[f'{name}, {view}, {recoverer}']}")
    return {
        **{recoverer: overall(cells, recoverer) for recoverer in recoverers},
        "cells": cells,
        "people": people,
        "cpu_seconds": round(time.process_time() - begun, 1),
    }


def overall(cells: dict[str, dict[str, float]], recoverer: str) -> dict[str, dict[str, float]]:
    """Means over the cells of the hard poses, by view.

    Args:
        cells: as ``bench_hard_poses_drawn`` has them.
        recoverer: whose.

    Returns:
        By view the means of all figures over poses that were seen, with ``trusted_wrong_of_trusted``.
    """
    figures = {}
    for view in VIEWS_RAD:
        hard = [
            row
            for cell, row in cells.items()
            if cell.endswith(f", {view}, {recoverer}")
            and cell.partition(", ")[0] not in (*ANCHORS, "recorded")
            and "trusted" in row
        ]
        if hard:
            wrong, trusted = (sum(row[key] for row in hard) for key in ("trusted_wrong", "trusted"))
            share = round(wrong / trusted, 3) if trusted else np.nan
            figures[view] = mean_of(hard) | {"trusted_wrong_of_trusted": share}
    return figures


def drawn(one: Moving, view: str, rng: np.random.Generator, eyes: DrawingEyes) -> tuple[Filmed | None, int]:
    """A clip as the detector sees it, in scenes until it sees all of it.

    Args:
        one: about the origin, facing X; and its coordinates.
        view: of ``drawn_people.VIEWS_RAD``.
        rng: of clothes and scenes.
        eyes: draw and detect.

    Returns:
        BlazePose's points with their maps, or None where it never saw the whole clip; and in how many scenes it was
        drawn.
    """
    motion, truth = one
    camera = camera_at(view)
    for scene in range(SCENES):
        clip = see(with_soft_forearms(motion), camera, eyes, rng)
        if clip is not None:
            away_m = float(camera.to_camera(motion.root_position_m)[:, 2].mean())
            return Filmed(keypoints_of(clip, RATE_HZ), truth, 1.0, away_m, camera), scene + 1
    return None, SCENES


def hardest(archive: Path, trials: int, shapes: Sequence[np.ndarray]) -> list[Moving]:
    """Of the held-out subjects' recordings the seconds whose angles are furthest from zero, one stretch of a trial.

    Args:
        archive: a zip of CMU's motions (.bvh).
        trials: how many at most.
        shapes: of the people who do it, in turn.

    Returns:
        The hardest first, each on a body of its own, what is lowest on the floor; all frames count as held.

    Raises:
        BioposeError: there is no such zip, or no recording of those subjects in it is long enough.
    """
    body, frames = AnnyBody.load([0]), round(RECORDED_S * RATE_HZ)
    found: list[tuple[float, dict[str, np.ndarray]]] = []
    for name in cmu_names(archive):
        if not name.startswith(HELD_OUT_SUBJECTS):
            continue
        clip = read_cmu(archive, name)
        motion = replay(clip, body, every=round(clip.rate_hz / RATE_HZ))
        good = np.ones(len(motion.rotations), bool) if motion.quality is None else motion.quality > 0
        values = coordinates_of(pose_of_bones(body, motion.shape, motion.rotations))
        angles = np.degrees(np.abs([values[each] for each in ROTATIONS if each != "pelvis_rotation"])).mean(0)
        starts = [k for k in range(len(angles) - frames + 1) if good[k : k + frames].all()]
        if starts:
            first = max(starts, key=lambda k: angles[k : k + frames].mean())
            part = slice(first, first + frames)
            found.append((float(angles[part].mean()), {each: column[part] for each, column in values.items()}))
    if not found:
        raise BioposeError(
            f"no recording of subjects {', '.join(HELD_OUT_SUBJECTS)} of {RECORDED_S:g} s", where=str(archive)
        )
    found.sort(key=lambda one: -one[0])
    return [_driven(columns, shapes[k % len(shapes)]) for k, (_, columns) in enumerate(found[:trials])]


def _driven(columns: dict[str, np.ndarray], shape: np.ndarray) -> Moving:
    """A body moved by the coordinates alone; time begins so that all frames are of the held second."""
    names, values = list(columns), np.stack(list(columns.values()), 1)
    truth = Kinematics(names, values, 1 + np.arange(len(values)) / RATE_HZ, np.ones(len(names), bool))
    motion = borne_by_all(driven(AnnyBody.load([0]), shape, names, values, truth.time_s))
    middle = motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
    return replace(motion, root_position_m=motion.root_position_m - middle), truth
