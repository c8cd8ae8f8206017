"""Training shards: one file per trial, columns in it, read as memory maps; an index with splits by subject.

docs/shards.md is the format's description. A shard is a .safetensors file: a JSON header, then plain little-endian
arrays, so that a window of a column is a slice of a memory map and nothing is executed by loading. One file per trial
makes a trial's labels either there or not there, whatever happens to the process that writes them.
"""

import functools
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, cast

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8
from safetensors.numpy import save_file

from biomech.body.cmu import HELD_OUT_SUBJECTS
from biomech.errors import BioposeError, plainly
from biomech.files import check_file, read_json, whole_file
from biomech.labels.quality import QualityFigures

FORMAT = 1
EVERY_DOUBT = 0xFF  # all bits of the flags
INDEX = "index.json"
Split = Literal["train", "val", "test"]
MarkersFrom = Literal["body", "skeleton"]
# Of the subjects, by hash: so many go to training, so many to validation; the rest is for tests.
TRAIN_SHARE, VAL_SHARE = 0.8, 0.1
# Of the first few salts, the one with which CMU's subjects 1-14 leave two for validation and none but the held-out
# ones for tests.
SALT = "6"
OPEN_AT_ONCE = 4096  # memory maps; Linux allows a process 65,530

COLUMNS: Mapping[str, np.dtype[Any]] = {
    "markers": np.dtype("<f4"),
    "coordinates": np.dtype("<f4"),
    "joints": np.dtype("<f4"),
    "flags": np.dtype("u1"),
    "marker_rms": np.dtype("<f4"),
    "marker_max": np.dtype("<f4"),
    "trusted": np.dtype("?"),
    "scales": np.dtype("<f4"),
    "marker_offsets": np.dtype("<f4"),
}
_NUMPY: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1"), "BOOL": np.dtype("?")}


def split_of(subject: str) -> Split:
    """Where a subject belongs: the same for everyone, always; CMU's held-out subjects are for tests."""
    if subject.removeprefix("cmu_") in HELD_OUT_SUBJECTS:
        return "test"
    share = int.from_bytes(hashlib.sha256(f"{SALT}:{subject}".encode()).digest()[:8], "big") / 2**64
    return "train" if share < TRAIN_SHARE else "val" if share < TRAIN_SHARE + VAL_SHARE else "test"


class TrialFigures(QualityFigures):
    """What a shard says of its trial; ``write_shard`` adds ``format`` and ``sum``."""

    name: str
    subject: str
    source: str
    key: str  # of all that made it
    solver: str
    rate_hz: float
    start_s: float
    model: str  # key of the scaled model
    height_m: float | None
    mass_kg: float
    shape: dict[str, float] | None  # of the body that wore the markers
    markers_from: MarkersFrom
    notes: list[str]
    files: dict[str, str]  # sha256 by name of what lies beside it


class IndexedTrial(TrialFigures):
    """A trial in the index."""

    file: str
    split: Split


class SkeletonNames(TypedDict):
    """What stands in a shard's columns, the same for every shard."""

    coordinates: list[str]
    rotational: list[bool]
    bodies: list[str]
    joints: list[str]
    markers: list[str]


class ShardIndex(SkeletonNames):
    """What ``index.json`` holds."""

    format: int
    trials: list[IndexedTrial]


@dataclass(frozen=True)
class Shard:
    """One trial's labels; the arrays are read-only memory maps."""

    path: Path
    about: TrialFigures
    markers: Float32[np.ndarray, "frames markers 3"]  # m; NaN where missing
    coordinates: Float32[np.ndarray, "frames coordinates"]  # rad and m, without jumps by whole turns
    joints: Float32[np.ndarray, "frames joints 3"]  # joint centres of the scaled skeleton, m
    flags: UInt8[np.ndarray, "frames coordinates"]  # bits of ``quality``; 0 is a label to learn from
    marker_rms: Float32[np.ndarray, " frames"]  # m; NaN where not solved
    marker_max: Float32[np.ndarray, " frames"]
    trusted: Bool[np.ndarray, " frames"]
    scales: Float32[np.ndarray, "bodies 3"]  # factors of each body, the ground first
    marker_offsets: Float32[np.ndarray, "markers 3"]  # of the scaled model's markers, in their bodies, m

    @property
    def mask(self) -> Bool[np.ndarray, "frames coordinates"]:
        """Labels to learn from."""
        return self.flags == 0

    @classmethod
    def open(cls, path: Path) -> "Shard":
        """Map a shard into memory.

        Raises:
            BioposeError: there is no such file, or it is not a shard of this version.
        """
        header, start = _header(path)
        about = json.loads(header.pop("__metadata__")["label"])
        memory = np.memmap(path, np.uint8, mode="r")
        arrays = {}
        for name, entry in header.items():
            first, last = entry["data_offsets"]
            arrays[name] = memory[start + first : start + last].view(_NUMPY[entry["dtype"]]).reshape(entry["shape"])
        return cls(Path(path), about, **arrays)


def about_shard(path: Path) -> TrialFigures:
    """What a shard says of itself, without its arrays.

    Raises:
        BioposeError: as :meth:`Shard.open`.
    """
    return json.loads(_header(path)[0]["__metadata__"]["label"])


def write_shard(path: Path, columns: Mapping[str, np.ndarray], about: Mapping[str, object]) -> None:
    """Write one trial's labels, whole or not at all, and the same bytes for the same labels.

    Args:
        path: .safetensors.
        columns: an array for each of ``COLUMNS``, as :class:`Shard` has them; others are left out.
        about: what the shard says of itself; must fit into JSON.
    """
    arrays = {name: np.ascontiguousarray(columns[name], dtype=kind) for name, kind in COLUMNS.items()}
    said = {"format": FORMAT, **about}
    said["sum"] = _sum(said, arrays)
    # One entry: safetensors writes several in any order.
    described = {"label": json.dumps(said, sort_keys=True)}
    with whole_file(path) as temporary:
        save_file(arrays, temporary, metadata=described)


def is_whole(path: Path) -> bool:
    """Whether a shard is what was written: neither cut nor altered. Reads all of it."""
    try:
        shard = Shard.open(path)
    except (BioposeError, ValueError, KeyError, TypeError):
        return False
    said: dict[str, object] = {**shard.about}
    return said.pop("sum", None) == _sum(said, {name: getattr(shard, name) for name in COLUMNS})


def _sum(about: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(json.loads(json.dumps(about)), sort_keys=True).encode())
    for name in COLUMNS:
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def write_index(folder: Path, skeleton: SkeletonNames) -> ShardIndex:
    """Describe all shards of a folder in its ``index.json``; returns what was written.

    Args:
        folder: of the shards.
        skeleton: names of coordinates, bodies, joints and markers, the same for every shard.

    Returns:
        ``skeleton``'s names, and of each trial its file, its split and what its shard says of itself.
    """
    trials: list[IndexedTrial] = []
    for path in sorted(Path(folder).glob("*.safetensors")):
        about = about_shard(path)
        trials.append({"file": path.name, "split": split_of(about["subject"]), **about})
    index: ShardIndex = {"format": FORMAT, **skeleton, "trials": trials}
    with whole_file(Path(folder) / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    return index


def _header(path: Path) -> tuple[dict[str, Any], int]:
    check_file(path)
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        about = json.loads(header["__metadata__"]["label"])
    except (OSError, ValueError, KeyError, struct.error, MemoryError) as error:
        raise BioposeError(f"not a training shard ({plainly(error)})", where=str(path)) from error
    if about.get("format") != FORMAT or set(header) - {"__metadata__"} != set(COLUMNS):
        raise BioposeError(
            "a training shard of another version", where=str(path), mend="Label the trials again with this version."
        )
    return header, 8 + length


class Window(NamedTuple):
    """Consecutive frames of one trial, or a batch of such windows along a first axis."""

    markers: Float32[np.ndarray, "*batch length markers 3"]
    coordinates: Float32[np.ndarray, "*batch length coordinates"]
    joints: Float32[np.ndarray, "*batch length joints 3"]
    mask: Bool[np.ndarray, "*batch length coordinates"]
    scales: Float32[np.ndarray, "*batch bodies 3"]
    marker_offsets: Float32[np.ndarray, "*batch markers 3"]


class Shards(Sequence[Shard]):
    """The trials of a folder of shards, in the index's order."""

    def __init__(self, folder: Path, index: ShardIndex) -> None:
        self.folder, self.trials = Path(folder), index["trials"]
        self.coordinate_names = index["coordinates"]
        self.rotational: Bool[np.ndarray, " coordinates"] = np.array(index["rotational"])
        self.body_names = index["bodies"]
        self.joint_names = index["joints"]
        self.marker_names = index["markers"]
        self._open = functools.lru_cache(OPEN_AT_ONCE)(lambda i: Shard.open(self.folder / self.trials[i]["file"]))

    @classmethod
    def open(cls, folder: Path) -> "Shards":
        """Read the index; files are opened when they are asked for.

        Args:
            folder: what `biopose label` wrote, or its folder ``shards``.

        Raises:
            BioposeError: there is no index, or it is of another version.
        """
        folder = Path(folder)
        if (folder / "shards").is_dir():
            folder = folder / "shards"
        mend = "Make them with `biopose label`."
        try:
            index = read_json(folder / INDEX, what="their index")
        except BioposeError as error:
            raise BioposeError(f"no training shards ({error.what})", where=str(folder), mend=mend) from error
        if not isinstance(index, dict) or index.get("format") != FORMAT:
            raise BioposeError("training shards of another version", where=str(folder))
        return cls(folder, cast(ShardIndex, index))

    def __len__(self) -> int:
        return len(self.trials)

    def __getitem__(self, index):  # int or slice, as any sequence
        if isinstance(index, slice):
            return [self._open(i) for i in range(*index.indices(len(self)))]
        return self._open(range(len(self))[index])

    def windows(
        self,
        length: int,
        *,
        split: Split | None = None,
        markers_from: MarkersFrom | None = None,
        rate_hz: float | None = None,
        step: int = 1,
        doubts: int = EVERY_DOUBT,
    ) -> "Windows":
        """All stretches of ``length`` frames, ``step`` frames of the recording apart.

        Args:
            length: frames of a window.
            split: only these subjects.
            markers_from: only trials whose 142 markers lay on a body, or only those where the posed skeleton gave them.
            rate_hz: of the windows; the recording's own where not given.
            step: frames of the recording from one window's beginning to the next.
            doubts: bits of the flags that mask a label, e.g. all but ``quality.LANDMARK_OFF``.

        Returns:
            A sequence; each window is read when it is asked for.
        """
        chosen = [
            i
            for i, trial in enumerate(self.trials)
            if split in (None, trial["split"]) and (markers_from is None or trial["markers_from"] == markers_from)
        ]
        return Windows(self, chosen, length, rate_hz, step, doubts)


class Windows(Sequence[Window]):
    """Windows by number, in any order; trials too short for one are left out."""

    def __init__(
        self, shards: Shards, trials: list[int], length: int, rate_hz: float | None, step: int, doubts: int
    ) -> None:
        self.shards, self.length, self.step, self.doubts = shards, length, step, doubts
        # How far the recording goes on from one frame of a window to the next, and so within one window.
        ratio = [1.0 if rate_hz is None else shards.trials[i]["rate_hz"] / rate_hz for i in trials]
        ratio = [round(r) if abs(r - round(r)) < 1e-3 and r >= 0.5 else r for r in ratio]
        span = np.array([int(np.ceil((length - 1) * r)) for r in ratio], dtype=np.int64)
        frames = np.array([shards.trials[i]["frames"] for i in trials], dtype=np.int64)
        counts = np.maximum(0, (frames - span - 1) // step + 1)
        self._trials = np.array(trials, dtype=np.int64)[counts > 0]
        self._ratio = np.array(ratio, dtype=float)[counts > 0]
        self._first: Int[np.ndarray, " trials_and_end"] = np.concatenate([[0], np.cumsum(counts[counts > 0])])

    def __len__(self) -> int:
        return int(self._first[-1])

    def __getitem__(self, index):  # int or slice, as any sequence
        if isinstance(index, slice):
            return [self._window(i) for i in range(*index.indices(len(self)))]
        return self._window(range(len(self))[index])

    def __iter__(self) -> Iterator[Window]:
        return (self._window(i) for i in range(len(self)))

    def batch(self, indices: Sequence[int]) -> Window:
        """Several windows, stacked."""
        return Window(*map(np.stack, zip(*map(self._window, indices), strict=True)))

    def _place(self, index: int) -> int:
        return int(np.searchsorted(self._first, index, side="right")) - 1

    def _window(self, index: int) -> Window:
        place = self._place(index)
        shard = self.shards[int(self._trials[place])]
        start, ratio = (index - int(self._first[place])) * self.step, self._ratio[place]
        if ratio.is_integer():
            rows = slice(start, start + (self.length - 1) * int(ratio) + 1, int(ratio))
            arrays = [c[rows] for c in (shard.markers, shard.coordinates, shard.joints)]
            flags = shard.flags[rows]
        else:
            at = start + np.arange(self.length) * ratio
            lower = np.minimum(at.astype(np.int64), len(shard.flags) - 2)
            share = (at - lower).astype(np.float32)
            arrays = [_interpolated(c, lower, share) for c in (shard.markers, shard.coordinates, shard.joints)]
            flags = shard.flags[lower] | shard.flags[lower + 1]
        markers, coordinates, joints = arrays
        return Window(markers, coordinates, joints, flags & self.doubts == 0, shard.scales, shard.marker_offsets)


def _interpolated(column: np.ndarray, lower: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Linear between neighbouring frames; a marker that either lacks stays missing."""
    weight = share.reshape(-1, *(1,) * (column.ndim - 1))
    return column[lower] * (1 - weight) + column[lower + 1] * weight
