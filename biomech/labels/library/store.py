"""The library on disk: ``index.csv`` with a row per motion, and a folder of .npz, one per motion."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation
from biomech.labels.library.skeleton import names as coordinate_names
from biomech.labels.shards import Split

INDEX, MOTIONS = "index.csv", "motions"
FORMAT = 1
KEPT = 1024  # read motions; 0.2 MB each


@dataclass(frozen=True)
class LibraryMotion:
    """A row of the index."""

    name: str
    source: str  # where it is from: folder of recordings, or "generated"
    licence: str
    kind: str  # walk, plain_walk, run, squat, standing, jump, sit_to_stand, …, other
    subject: str
    split: Split
    rate_hz: float
    frames: int
    known: str  # whole body, or legs: arms and trunk are not known
    marker_rms_mm: float | None  # of the solution; None without markers
    quality: str  # good, or what is wrong with it
    mend: str  # constant offsets added to mend the zeros, degrees by coordinate
    path: str  # of the recording, or how it was generated

    @property
    def good(self) -> bool:
        """Whether nothing is known against it."""
        return self.quality == "good"

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate_hz


@dataclass(frozen=True)
class MotionLibrary:
    """Motions as coordinates of our skeleton."""

    folder: Path
    motions: list[LibraryMotion]

    @classmethod
    def load(cls, folder: str | Path) -> "MotionLibrary":
        """Open a library; motions are read when they are asked for.

        Raises:
            BioposeError: there is none, or it is of another version.
        """
        path = Path(folder) / INDEX
        if not path.is_file():
            raise BioposeError(
                "there is no motion library",
                where=str(folder),
                mend="Build one: `biopose label DATA --library --out FOLDER`.",
            )
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        try:
            return cls(Path(folder), [_motion(row) for row in rows])
        except (KeyError, ValueError, TypeError) as error:
            raise BioposeError(f"the index cannot be read ({plainly(error)})", where=str(path)) from error

    def read(self, name: str) -> tuple[Kinematics, Bool[np.ndarray, " coordinates"]]:
        """A motion (all coordinates in the model's order, rad and m) and which coordinates of it are known.

        Raises:
            BioposeError: there is no such motion.
        """
        return _read(self.folder / MOTIONS / f"{name}.npz")

    def select(
        self, *, split: str | None = None, kinds: Collection[str] = (), whole_body: bool = False, good: bool = True
    ) -> list[LibraryMotion]:
        """Motions of a split and of kinds (all where not given).

        Args:
            split: ``train``, ``val`` or ``test``.
            kinds: as in the index.
            whole_body: only motions whose arms and trunk are known too.
            good: only motions that nothing is known against.

        Returns:
            Rows of the index, in its order.
        """
        return [
            m
            for m in self.motions
            if (split is None or m.split == split)
            and (not kinds or m.kind in kinds)
            and (m.known == "whole body" or not whole_body)
            and (m.good or not good)
        ]

    def windows(
        self, seconds: float, rate_hz: float, rng: np.random.Generator, motions: list[LibraryMotion] | None = None
    ) -> Iterator[tuple[Float[np.ndarray, "frames coordinates"], Bool[np.ndarray, " coordinates"], LibraryMotion]]:
        """Endless random windows at one rate: each kind and source is as likely as the root of its time.

        Args:
            seconds: length of a window; shorter motions are left out.
            rate_hz: of the windows, whatever the motions' is.
            rng: draws motions and beginnings.
            motions: to draw from; all good ones where not given.

        Yields:
            Coordinates (rad and m), which of them are known, and the row of the index.

        Raises:
            BioposeError: no motion is long enough, or one cannot be read.
        """
        long = [m for m in (self.select() if motions is None else motions) if m.seconds >= seconds]
        if not long:
            raise BioposeError(f"no motion of the library is {seconds:g} s long", where=str(self.folder))
        group = {(m.kind, m.source): 0.0 for m in long}
        for m in long:
            group[m.kind, m.source] += m.seconds
        weight = np.array([m.seconds / np.sqrt(group[m.kind, m.source]) for m in long])
        frames = round(seconds * rate_hz)
        while True:
            motion = long[int(rng.choice(len(long), p=weight / weight.sum()))]
            kinematics, known = self.read(motion.name)
            start = rng.uniform(0, max(kinematics.time_s[-1] - (frames - 1) / rate_hz, 0.0))
            yield at_times(kinematics, start + np.arange(frames) / rate_hz), known, motion


def at_times(kinematics: Kinematics, time_s: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times coordinates"]:
    """Coordinates at other times, in straight lines between frames.

    Args:
        kinematics: rad and m; angles without jumps of whole turns.
        time_s: on its clock; beyond its ends the first or last frame stands.

    Returns:
        Rad and m.
    """
    return np.stack([np.interp(time_s, kinematics.time_s, column) for column in kinematics.values.T], 1)


def write_motion(folder: Path, name: str, kinematics: Kinematics, known: Bool[np.ndarray, " coordinates"]) -> None:
    """One motion, whole or not at all; its time begins at 0.

    Args:
        folder: of the library.
        name: the file is ``motions/NAME.npz``.
        kinematics: all coordinates in the model's order (rad and m), evenly in time; no NaN.
        known: which coordinates the recording tells.

    Raises:
        BioposeError: coordinates are missing or in another order, or a value is no number.
    """
    if tuple(kinematics.names) != coordinate_names():
        raise BioposeError("a motion of the library has all coordinates of our skeleton, in its order", where=name)
    if not np.isfinite(kinematics.values).all():
        raise BioposeError("a motion of the library holds what is no number", where=name)
    rate = 1.0 if len(kinematics.time_s) < 2 else (len(kinematics.time_s) - 1) / np.ptp(kinematics.time_s)
    with whole_file(folder / MOTIONS / f"{name}.npz") as temporary:
        np.savez_compressed(
            temporary,
            format=FORMAT,
            names=np.array(kinematics.names),
            values=kinematics.values.astype(np.float32),
            known=np.asarray(known, bool),
            rate_hz=float(rate),
        )


def write_index(folder: Path, motions: list[LibraryMotion]) -> None:
    """The table of all motions, by name.

    Args:
        folder: of the library.
        motions: rows in any order; an earlier index is replaced.
    """
    with whole_file(folder / INDEX) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(LibraryMotion)])
        writer.writeheader()
        writer.writerows(asdict(motion) for motion in sorted(motions, key=lambda motion: motion.name))


def _motion(row: dict[str, str]) -> LibraryMotion:
    rms = row["marker_rms_mm"]
    numbers = {"rate_hz": float(row["rate_hz"]), "frames": int(row["frames"])}
    return LibraryMotion(**{**row, **numbers, "marker_rms_mm": float(rms) if rms else None})  # type: ignore[arg-type]


@lru_cache(KEPT)
def _read(path: Path) -> tuple[Kinematics, Bool[np.ndarray, " coordinates"]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["format"]) != FORMAT:
                raise BioposeError("a motion of another version", where=str(path), mend="Build the library again.")
            names = [str(name) for name in stored["names"]]
            values, known, rate = stored["values"].astype(float), stored["known"], float(stored["rate_hz"])
    except (OSError, KeyError, ValueError) as error:
        raise BioposeError(f"the motion cannot be read ({plainly(error)})", where=str(path)) from error
    time_s = np.arange(len(values)) / rate
    return Kinematics(names, values, time_s, np.array([not is_translation(n) for n in names])), known
