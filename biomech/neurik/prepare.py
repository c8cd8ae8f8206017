"""What a training needs, from the folders that the user names."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biomech.errors import BioposeError
from biomech.files import sha256
from biomech.labels.shards import Shards
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.data import RATE_HZ, TEMPOS, Batch, Batches, Windows, plain
from biomech.neurik.misjudged import PoseErrors
from biomech.neurik.noise import MarkerNoise
from biomech.neurik.people import People, random_people
from biomech.neurik.predict import load_network, neural_kinematics
from biomech.neurik.train import Recipe
from biomech.osim_models.build import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton
from biomech.training import rank

NOISE, PEOPLE, POSES = "noise.safetensors", "people.safetensors", "poses.safetensors"
PEOPLE_SEED = 1
HELD_OUT_WINDOWS, HELD_OUT_CLIPS = 256, 64


@dataclass(frozen=True)
class Prepared:
    """The parts of a training, and what to say and write of them."""

    skeleton: Skeleton
    batches: Batches
    held_out: list[Batch]
    lines: list[str]
    about: dict[str, Any]


def prepare(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    pairs: Path | None,
    noise: Path | None,
    people: int = 0,
    network: Path | None = None,
    bar: Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]] = lambda _: nullcontext(),
) -> Prepared:
    """Open the shards, learn or read the recovery's errors, and draw random people (both kept in ``out``).

    Args:
        people: how many random people wear the motions of others; every process and seed has the same.
        network: weights that read the poses of the pairs; without them the errors are on markers alone.

    Raises:
        BioposeError: there are no shards, they are of another model, too few are long enough, or there are no pairs.
    """
    skeleton = Skeleton.from_osim(DEFAULT_PATH)
    shards = Shards.open(data)
    batches_skeleton = skeleton.carrying(shards.marker_names)
    for said, ours in (
        (shards.coordinate_names, skeleton.coordinate_names),
        (shards.body_names, skeleton.body_names),
        (shards.marker_names, load_virtual_markers().names),
    ):
        if list(said) != ours:
            raise BioposeError("labels of another model", where=str(data), mend="Label with this version's model.")
    length = recipe.sizes.window
    windows: list[Windows] = [shards.windows(length, split="train", rate_hz=RATE_HZ * tempo) for tempo in TEMPOS]
    windows = [w for w in windows if len(w)]
    others = shards.windows(length, split="val", rate_hz=RATE_HZ, step=length)
    if not windows or not len(others):
        raise BioposeError(
            f"no trial of {length} frames in {'validation' if windows else 'training'}", where=str(data),
            mend="Label more subjects.",
        )  # fmt: skip
    errors, bodies = _errors(out, pairs, noise), _people(out, batches_skeleton, people, bar)
    poses = recovered_poses(out, pairs, network)
    batches = Batches(
        windows, batches_skeleton, recipe.clips, recipe.seed * 1009 + rank(), noise=errors, people=bodies, poses=poses
    )
    chosen = np.linspace(0, len(others) - 1, min(HELD_OUT_WINDOWS, len(others))).astype(int).tolist()
    held_out = [plain(others.batch(chosen[i : i + HELD_OUT_CLIPS])) for i in range(0, len(chosen), HELD_OUT_CLIPS)]
    subjects = {split: len({t["subject"] for t in shards.trials if t["split"] == split}) for split in ("train", "val")}
    about = {
        "data": Path(data).name,
        "trials": len(shards.trials),
        "training_windows": len(windows[0]),
        "subjects": subjects,
        "recovery_error_frames": 0 if errors is None else len(errors.errors),
        "random_people": 0 if bodies is None else len(bodies.scales),
    }
    if poses is not None:
        about["recovered_clips"], about["poses_read_by"] = len(poses.scales), sha256(network)[:16] if network else ""
    lines = [
        f"{len(windows[0])} windows of {subjects['train']} subjects to learn from; {len(chosen)} of {subjects['val']} "
        "others measured",
        "without errors of mesh recovery" if errors is None else f"{len(errors.errors)} frames of recovery error",
    ]
    return Prepared(batches_skeleton, batches, held_out, lines, about)


def _errors(out: Path, pairs: Path | None, noise: Path | None) -> MarkerNoise | None:
    if noise is not None:
        return MarkerNoise.load(noise)
    if pairs is None:
        return None
    errors = MarkerNoise.learn(sorted(Path(pairs).glob("train_*.npz")), RATE_HZ)
    errors.save(Path(out) / NOISE)
    return errors


def recovered_poses(out: Path, pairs: Path | None, network: Path | None) -> PoseErrors | None:
    """What recovery makes of poses: as an earlier training kept it in ``out``, or measured on pairs and kept there.

    Args:
        pairs: folder of true and recovered markers (train_*.npz).
        network: weights that read their poses.
    """
    kept = Path(out) / POSES
    if kept.exists():
        return PoseErrors.load(kept)
    if pairs is None or network is None:
        return None
    reader = load_network(network)
    solve = functools.partial(neural_kinematics, network=reader)
    poses = PoseErrors.learn(sorted(Path(pairs).glob("train_*.npz")), RATE_HZ, solve, reader.anatomy.body_names)
    poses.save(kept)
    return poses


def _people(out: Path, skeleton: Skeleton, count: int, bar: Callable) -> People | None:
    if not count:
        return None
    kept = Path(out) / PEOPLE
    if kept.exists() and len((people := People.load(kept)).scales) == count:
        return people
    with bar("Random people") as progress:
        people = random_people(skeleton, count, PEOPLE_SEED, progress)
    people.save(kept)
    return people
