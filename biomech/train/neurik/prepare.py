"""What a training needs, from the folders that the user names."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from biomech.errors import BioposeError
from biomech.labels.library.store import MotionLibrary
from biomech.labels.shards import Shards
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.network import RATE_HZ
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.claim import check_place
from biomech.skeleton.skeleton import Skeleton
from biomech.train.loop import rank
from biomech.train.neurik.data import TEMPOS, Batch, Batches, WindowSequence, WindowSource, plain
from biomech.train.neurik.library import LibrarySource
from biomech.train.neurik.noise import MarkerNoise
from biomech.train.neurik.people import ScaledBodies, random_people
from biomech.train.neurik.pose_errors import PoseErrors
from biomech.train.neurik.reading import Reader
from biomech.train.neurik.train import NeurikRecipe

NOISE, PEOPLE, POSES = "noise.safetensors", "people.safetensors", "poses.safetensors"
PEOPLE_SEED = 1
NOBODY = BioposeError("nobody to wear the library's motions", mend="Draw random people: `people=4096`.")
HELD_OUT_WINDOWS, HELD_OUT_CLIPS = 256, 64


@dataclass(frozen=True)
class PreparedNeurik:
    """The parts of a training, and what to say and write of them."""

    skeleton: Skeleton
    batches: Batches
    held_out: list[Batch]
    lines: list[str]
    about: Mapping[str, object]


def prepare(
    data: Path | None,
    out: Path,
    recipe: NeurikRecipe,
    *,
    pairs: Path | None,
    noise: Path | None,
    people: int = 0,
    library: Path | None = None,
    bar: Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]] = lambda _: nullcontext(),
) -> PreparedNeurik:
    """Open shards and library, learn or read the recovery's errors, and draw random people (both kept in ``out``).

    Args:
        data: folder of shards; None for a library alone.
        out: folder of the training.
        recipe: its window, clips and seed count here.
        pairs: folder of `biopose train pairs`; None leaves recovery's errors out, but for poses kept in ``out``.
        noise: file of marker errors, in place of those learned from pairs.
        people: how many random people wear the motions of others; every process and seed has the same. 0 for none,
            which a library refuses.
        library: of motions, which random people wear.
        bar: makes, from a label, a context manager that yields a function of people done and in all, or None.

    Returns:
        Batches to learn from, held-out ones (of the library, if there is one), lines to say, and what to write.

    Raises:
        BioposeError: there are neither shards nor a library, they are of another model, too few are long enough, or
            there are no pairs; said before people are drawn, which takes minutes.
    """
    check_place(out)
    given = _given(data, library)
    if library is not None and not people:
        raise NOBODY
    errors, poses = _errors(out, pairs, noise), recovered_poses(out, pairs)
    batches_skeleton = Skeleton.from_osim(DEFAULT_PATH).carrying(list(load_virtual_markers().names))
    length = recipe.sizes.window
    bodies = _people(out, batches_skeleton, people, bar)
    sources = _sources(given, bodies)
    windows: list[WindowSequence] = [
        source.windows(length, split="train", rate_hz=RATE_HZ * tempo) for source in sources for tempo in TEMPOS
    ]
    windows = [w for w in windows if len(w)]
    others = sources[-1].windows(length, split="val", rate_hz=RATE_HZ, step=length)
    if not windows or not len(others):
        raise BioposeError(
            f"no trial of {length} frames in {'validation' if windows else 'training'}",
            where=str(sources[-1].folder), mend="Label more subjects.",
        )  # fmt: skip
    batches = Batches(
        windows, batches_skeleton, recipe.clips, recipe.seed * 1009 + rank(), noise=errors, people=bodies, poses=poses
    )
    chosen = np.linspace(0, len(others) - 1, min(HELD_OUT_WINDOWS, len(others))).astype(int).tolist()
    held_out = [plain(others.batch(chosen[i : i + HELD_OUT_CLIPS])) for i in range(0, len(chosen), HELD_OUT_CLIPS)]
    about = {
        "data": [source.folder.name for source in sources],
        "training_windows": sum(map(len, windows)),
        "recovery_error_frames": 0 if errors is None else len(errors.errors),
        "random_people": 0 if bodies is None else len(bodies.scales),
    }
    if poses is not None:
        about["recovered_clips"] = len(poses.scales)
    lines = [
        f"{sum(map(len, windows))} windows to learn from; {len(chosen)} of other subjects measured",
        "without errors of mesh recovery" if errors is None else f"{len(errors.errors)} frames of recovery error",
    ]
    return PreparedNeurik(batches_skeleton, batches, held_out, lines, about)


def _errors(out: Path, pairs: Path | None, noise: Path | None) -> MarkerNoise | None:
    if noise is not None:
        return MarkerNoise.load(noise)
    if pairs is None:
        return None
    errors = MarkerNoise.learn(sorted(Path(pairs).glob("train_*.npz")), RATE_HZ)
    errors.save(Path(out) / NOISE)
    return errors


def open_sources(data: Path | None, library: Path | None, people: ScaledBodies | None) -> list[WindowSource]:
    """What windows are from: shards, then a library.

    Args:
        data: folder of shards, or None.
        library: folder of the motion library, or None.
        people: who wear the library's motions; refused to be None with one.

    Returns:
        One or two.

    Raises:
        BioposeError: neither is given, one cannot be read, or the shards are of another model.
    """
    if library is not None and people is None:
        raise NOBODY
    return _sources(_given(data, library), people)


def _given(data: Path | None, library: Path | None) -> list[Shards | MotionLibrary]:
    if data is None and library is None:
        raise BioposeError("nothing to learn from", mend="Give `data` or `library`: what `biopose label` wrote.")
    shards: list[Shards | MotionLibrary] = [] if data is None else [_shards(data)]
    return shards if library is None else [*shards, MotionLibrary.load(library)]


def _sources(given: list[Shards | MotionLibrary], people: ScaledBodies | None) -> list[WindowSource]:
    skeleton = Skeleton.from_osim(DEFAULT_PATH).carrying(list(load_virtual_markers().names)).to(torch.float32)
    sources: list[WindowSource] = []
    for one in given:
        if isinstance(one, Shards):
            sources.append(one)
        else:
            assert people is not None
            sources.append(LibrarySource(one, skeleton, people))
    return sources


def _shards(data: Path) -> Shards:
    shards, skeleton = Shards.open(data), Skeleton.from_osim(DEFAULT_PATH)
    for said, ours in (
        (shards.coordinate_names, skeleton.coordinate_names),
        (shards.body_names, skeleton.body_names),
        (shards.marker_names, load_virtual_markers().names),
    ):
        if list(said) != ours:
            raise BioposeError("labels of another model", where=str(data), mend="Label with this version's model.")
    return shards


def recovered_poses(out: Path, pairs: Path | None) -> PoseErrors | None:
    """What recovery makes of poses: as an earlier training kept it in ``out``, or measured on pairs and kept there.

    Args:
        out: folder of the training.
        pairs: folder of true and recovered markers (train_*.npz); not read where ``out`` has them already.

    Returns:
        None where there are neither kept ones nor pairs.
    """
    kept = Path(out) / POSES
    if kept.exists():
        return PoseErrors.load(kept)
    if pairs is None:
        return None
    reader = Reader()
    poses = PoseErrors.learn(sorted(Path(pairs).glob("train_*.npz")), RATE_HZ, reader, reader.rotational)
    poses.save(kept)
    return poses


def kept_people(out: Path) -> ScaledBodies | None:
    """Those that an earlier training drew."""
    return ScaledBodies.load(out / PEOPLE) if (out / PEOPLE).exists() else None


def _people(out: Path, skeleton: Skeleton, count: int, bar: Callable) -> ScaledBodies | None:
    if not count:
        return None
    kept = Path(out) / PEOPLE
    if kept.exists() and len((people := ScaledBodies.load(kept)).scales) == count:
        return people
    with bar("Random people") as progress:
        people = random_people(skeleton, count, PEOPLE_SEED, progress)
    people.save(kept)
    return people
