"""Builds the motion library: real markers, other models' motions, CMU's mended, and motions by code."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from biomech.errors import BioposeError
from biomech.files import write_csv
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library import cmu, recordings, transfers
from biomech.labels.library.bands import Walk, draw, walk_of
from biomech.labels.library.generated import KINDS, generate
from biomech.labels.library.store import MOTIONS, LibraryMotion, write_index, write_motion
from biomech.labels.people import seeded
from biomech.labels.shards import split_of

GENERATED_S, GENERATED_HZ = 8.0, 50.0
SHARES = (("train", 0.8), ("val", 0.1), ("test", 0.1))
# Of each mean curve of a recorded plain walk, the part that must be in the band.
LEAST_INSIDE = 0.9
OUTSIDE = "outside the published ±2 SD"
MOST_UNTRUSTED = 0.05
SHORTEST_S = 0.5
FIGURE, TABLE = "walks_in_bands.png", "summary.csv"
Made = tuple[LibraryMotion, Kinematics, Bool[np.ndarray, " coordinates"]]


@dataclass
class Built:
    """What a build came to."""

    motions: int = 0
    hours: float = 0.0
    good: int = 0
    plain_walks: dict[str, int] = field(default_factory=dict)  # by group
    inside: dict[str, int] = field(default_factory=dict)  # of them, those in the bands
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def build(
    out: Path,
    *,
    data: Path | None = None,
    each: int = 60,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[str], Any] | None = None,
) -> Built:
    """Build or complete a library.

    Recordings that are solved, and CMU's that are read, are not done again; everything else is written anew.

    Args:
        out: folder of the library; ``work`` in it holds what a later build need not do again.
        data: ../shared/data; only motions by code where not given.
        each: people per kind of motion by code.
        seed: of the motions by code.
        workers: processes that solve recordings.
        progress: makes, from a label, a context manager that yields a function of trials done and trials in all.

    Returns:
        How many motions and hours there are, how many are good, how many plain walks are in the bands, and what failed.

    Raises:
        BioposeError: there is no such data, or nothing to build.
    """
    started = time.perf_counter()
    if data is not None and not data.is_dir():
        raise BioposeError("there is no such folder", where=str(data), mend="Give the folder of the data.")
    if data is None and each < 1:
        raise BioposeError("nothing to build", mend="Give the folder of the data, or motions by code.")
    built = Built()
    motions: list[LibraryMotion] = []
    walks: dict[str, list[Walk]] = {}
    for motion, kinematics, known in _all(data, out / "work", each, seed, workers, built, progress):
        motion = _against_bands(motion, kinematics, known, walks, built)
        write_motion(out, motion.name, kinematics, known)
        motions.append(motion)
    motions = _of_doubtful_people(motions)
    write_index(out, motions)
    for left in set((out / MOTIONS).glob("*.npz")) - {out / MOTIONS / f"{m.name}.npz" for m in motions}:
        left.unlink()
    draw(walks, out / FIGURE)
    write_csv(table(motions), out / TABLE)
    built.motions, built.good = len(motions), sum(m.good for m in motions)
    built.hours = sum(m.seconds for m in motions) / 3600
    built.seconds = time.perf_counter() - started
    return built


def _of_doubtful_people(motions: list[LibraryMotion]) -> list[LibraryMotion]:
    """Whose every recorded plain walk is outside the bands has a wrong zero, in all other motions too."""
    outside: dict[str, list[bool]] = {}
    for m in motions:
        if m.kind == "walk" and not m.source.startswith(("generated", "cmu")) and (m.good or OUTSIDE in m.quality):
            outside.setdefault(m.subject, []).append(not m.good)
    wrong = {subject for subject, all_of in outside.items() if all(all_of)}
    return [
        replace(m, quality=f"the person's walks: {OUTSIDE}") if m.good and m.subject in wrong else m for m in motions
    ]


def table(motions: list[LibraryMotion]) -> pd.DataFrame:
    """Motions, people and minutes by source and kind."""
    rows = pd.DataFrame([vars(m) | {"good": m.good, "minutes": m.seconds / 60} for m in motions])
    grouped = rows.groupby(["source", "kind"])
    return grouped.agg(
        motions=("name", "size"),
        good=("good", "sum"),
        subjects=("subject", "nunique"),
        minutes=("minutes", "sum"),
        marker_rms_mm=("marker_rms_mm", "mean"),
    ).reset_index()


def _all(
    data: Path | None, work: Path, each: int, seed: int, workers: int, built: Built, progress: Any
) -> Iterator[Made]:
    if data is not None:
        found, unread = recordings.gather(data, work / "markers")
        built.failed |= unread
        if found:
            report = recordings.solve(found, work / "solved", workers=workers, progress=progress)
            built.failed |= report.failed
            yield from recordings.motions_of(found, work / "solved", data)
        yield from _transferred(data, built)
        yield from _of_cmu(data, work / "cmu")
    for kind in KINDS:
        for number in range(each):
            yield _generated(kind, number, each, seed)


def _generated(kind: str, number: int, each: int, seed: int) -> Made:
    kinematics = generate(kind, GENERATED_S, GENERATED_HZ, seeded("library", seed, kind, number))
    name = f"generated_{kind}_{number:04d}"
    done, share = 0.0, (number + 0.5) / each
    split = next(s for s, part in SHARES if share <= (done := done + part) + 1e-9)
    known = np.ones(len(kinematics.names), bool)
    motion = _motion(
        name, kinematics, "generated", "the package's own (Apache-2.0)", kind, name, f"generate({kind!r}), seed {seed}"
    )
    return replace(motion, split=split), kinematics, known  # type: ignore[arg-type]


def _motion(
    name: str, kinematics: Kinematics, source: str, licence: str, kind: str, subject: str, path: str
) -> LibraryMotion:
    frames = len(kinematics.time_s)
    rate = (frames - 1) / max(float(np.ptp(kinematics.time_s)), 1e-9)
    return LibraryMotion(
        name=name,
        source=source,
        licence=licence,
        kind=kind,
        subject=subject,
        split=split_of(subject),
        rate_hz=round(rate, 4),
        frames=frames,
        known="whole body",
        marker_rms_mm=None,
        quality="good",
        mend="",
        path=path,
    )


def _transferred(data: Path, built: Built) -> Iterator[Made]:
    for file in transfers.FILES:
        path = data / file.file
        if not path.is_file():
            continue
        try:
            kinematics, known = transfers.transfer(path)
        except BioposeError as error:
            built.failed[file.file] = error.what
            continue
        motion = _motion(file.name, kinematics, "transferred", file.licence, file.kind, file.subject, file.file)
        arms = known[kinematics.names.index("arm_flex_r")]
        yield replace(motion, known="whole body" if arms else "legs"), kinematics, known


def _of_cmu(data: Path, kept: Path) -> Iterator[Made]:
    found = list(cmu.clips(data, kept))
    offsets = cmu.all_offsets(found)
    for clip in found:
        if len(clip.kinematics.time_s) < 2 or np.ptp(clip.kinematics.time_s) < SHORTEST_S:
            continue
        mend = offsets[clip.person]
        free = cmu.mended(clip, mend)
        outside = cmu.out_of_range(free)
        kinematics = cmu.within_range(free)
        known = np.array([not name.startswith("mtp_") for name in kinematics.names]) & ~cmu.not_known(outside)
        lacking = [n for n, k in zip(kinematics.names, known, strict=True) if recordings.NEEDED.match(n) and not k]
        quality = "good"
        if (share := 1 - clip.trusted.mean()) > MOST_UNTRUSTED:
            quality = f"{share:.0%} of the frames are broken in the file"
        elif lacking:
            quality = f"{', '.join(lacking)} outside the range"
        said = " ".join(f"{name} {degrees:+.1f}" for name, degrees in mend.items())
        source = "cmu_amc" if clip.file == cmu.AMC else "cmu_bvh"
        motion = _motion(
            f"{source}_{clip.name}", kinematics, source, cmu.LICENCE, clip.kind, f"cmu_{clip.person}",
            f"{clip.file}: {clip.name} ({clip.description})",
        )  # fmt: skip
        yield replace(motion, quality=quality, mend=said), kinematics, known


def _against_bands(
    motion: LibraryMotion,
    kinematics: Kinematics,
    known: Bool[np.ndarray, " coordinates"],
    walks: dict[str, list[Walk]],
    built: Built,
) -> LibraryMotion:
    """Plain walks are looked at: one that is outside the published bands is no longer good.

    Where it is the ankles of a recording (feet carry few markers, CMU's rig is weakest there), those are not known.
    """
    if motion.kind not in ("plain_walk", "walk") or (motion.source == "generated" and motion.kind == "walk"):
        return motion
    if motion.source.startswith("cmu") and not motion.path.endswith("(walk)"):
        return motion  # uneven ground, striding, slow walks with looks around
    walk = walk_of(kinematics) if motion.good else None
    if walk is None:
        return motion
    group = {"generated": "generated", "cmu_bvh": "CMU, mended", "cmu_amc": "CMU, mended"}.get(motion.source, "markers")
    built.plain_walks[group] = built.plain_walks.get(group, 0) + 1
    if motion.source != "generated" and min(walk.inside(f"ankle_angle_{side}") for side in "rl") < LEAST_INSIDE:
        feet = [k for k, name in enumerate(kinematics.names) if name.startswith(("ankle_", "subtalar_"))]
        known[feet] = False
        walk = Walk(walk.speed_m_s, {name: c for name, c in walk.curves.items() if not name.startswith("ankle_")})
        motion = replace(motion, known=f"{motion.known} but the feet")
    worst, share = walk.least_inside
    if share < LEAST_INSIDE:
        return replace(motion, quality=f"{worst} {OUTSIDE} for {1 - share:.0%} of the walk")
    built.inside[group] = built.inside.get(group, 0) + 1
    walks.setdefault(group, []).append(walk)
    return motion


__all__ = ["Built", "build", "table"]
