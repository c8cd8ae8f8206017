"""Pairs of true and recovered markers, from rendered clips: `biopose train pairs`.

Each clip (`biopose train clips`) is recovered as film is. NeurIK learns from pairs how wrongly recovered bodies are
posed and sized; what a film's uncertainty must be is measured on others.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, bone_rotations, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.markers.virtual import extract, marker_body, neutral_static
from biomech.mesh.ground import against_gravity, world_from_camera
from biomech.mesh.recover import recover
from biomech.train.neurik.pair import Pair
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.make import RATE_HZ, keypoints_of
from biomech.workers import Stop, all_done

HELD_FROM, HELD = "held_out", "held"  # how clips and pairs that nothing learns from begin


def make_pairs(
    clips: Path,
    out: Path,
    *,
    workers: int = 1,
    stop: Stop | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Recover every clip of a folder into another; pairs that are there are left alone.

    Args:
        clips: folder of `biopose train clips`.
        out: folder of the pairs; is made.
        workers: processes at once; with 1 this one does it.
        stop: asked to stop, no clip is begun.
        progress: called with pairs made now and expected.

    Returns:
        How many were made now.

    Raises:
        BioposeError: there are no clips, or one cannot be read.
    """
    paths = sorted(clips.glob("*.npz")) if clips.is_dir() else []
    if not paths:
        raise BioposeError("no rendered clips", where=str(clips), mend="Make some: `biopose train clips -o FOLDER`.")
    out.mkdir(parents=True, exist_ok=True)
    missing = [path for path in paths if not pair_path(path, out).exists()]
    work = functools.partial(make_pair, out=out)

    def done(made: int) -> None:
        if progress:
            progress(made, len(missing))

    return all_done(work, missing, workers=workers, stop=stop or Stop(), done=done)


def pair_path(clip: Path, out: Path) -> Path:
    """Where a clip's pair goes.

    Args:
        clip: file of a rendered clip.
        out: folder of the pairs.

    Returns:
        Of the clip's name, ``held_…`` for a held-out one.
    """
    return out / clip.name.replace(HELD_FROM, HELD)


def make_pair(clip: Path, out: Path) -> None:
    """One ``Pair``: the markers of the clip's own body, and of the one that is recovered from its keypoints.

    Args:
        clip: file of a rendered clip; its heat maps are not used.
        out: folder of the pairs; is made.
    """
    held = Clip.load(clip, maps=False)
    body = marker_body()
    seen = pose_of_bones(AnnyBody.load([0]), held.betas, held.rotations.astype(float))
    true = _true_motion(held, seen)
    found = recover(keypoints_of(held, RATE_HZ))
    away = -held.root_position_m.astype(float)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    pair = Pair(
        truth=extract(body, true).positions_m.astype(np.float32),
        recovered=extract(body, found).positions_m.astype(np.float32),
        rate_hz=RATE_HZ,
        neutral_truth=neutral_static(body, true.shape, 1).positions_m[0],
        neutral_recovered=neutral_static(body, found.shape, 1).positions_m[0],
        forward_to_lens=np.einsum("fwp,fw->fp", seen.balls[:, 0], away),
        quality=found.quality,
        coordinate_names=tuple(found.coordinate_names),
        coordinate_sd=found.coordinate_sd,
    )
    pair.save(pair_path(clip, out))


def _true_motion(clip: Clip, seen: Pose) -> BodyMotion:
    """The truth of a clip from its pose before the lens, upright: Y against gravity, X level towards the lens."""
    body, up = AnnyBody.load([0]), clip.up.astype(float)
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=bone_rotations(body, clip.betas, against_gravity(seen, up)),
        root_position_m=clip.root_position_m.astype(float) @ world_from_camera(up).T,
        shape=clip.betas.astype(float),
        shape_names=list(body.shape_names),
        time_s=np.arange(len(clip.xy)) / RATE_HZ,
        quality=np.ones(len(clip.xy)),
    )
