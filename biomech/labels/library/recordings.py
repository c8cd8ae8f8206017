"""Real markers of ../shared/data, gathered as .trc by person, solved on our skeleton as ``biopose label`` does."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation
from biomech.labels.campaign import LabelOptions, Report, run_campaign
from biomech.labels.library.skeleton import limits_rad, names
from biomech.labels.library.store import LibraryMotion
from biomech.labels.shards import Shard, split_of
from biomech.labels.sources import find_trials
from biomech.markers.markers import Markers
from biomech.markers.read import read_markers
from biomech.markers.trc import write_trc

READ = (".trc", ".c3d", ".npz", ".txt")
RATE_HZ = 60.0  # recordings are thinned to about this
LABORATORIES = Path(__file__).parent / "laboratories.csv"
CC_BY, BSD, MIT, APACHE, CMU = "CC BY 4.0", "BSD-2", "MIT", "Apache-2.0", "CMU: free use"


@dataclass(frozen=True)
class RecordingFolder:
    """A folder of recordings."""

    name: str
    files: str  # glob below the data
    licence: str
    marker_map: str | None = None  # found out where not given
    subject: Callable[[Path], str] = lambda path: "s1"
    whole_body: bool = True
    kind: str = ""  # by the file's name where not given


def _stem_part(pattern: str) -> Callable[[Path], str]:
    def subject(path: Path) -> str:
        found = re.search(pattern, path.stem)
        return found[0] if found else path.stem

    return subject


_LABS = str(LABORATORIES)
_OSIM = "motions/nimblephysics_osim/"
SOURCES = (
    RecordingFolder("opencap_lab_subject4", "opencap_lab_subject4/MarkerData/*.trc", BSD, "opencap"),
    RecordingFolder("opencap_subject5", f"{_OSIM}opencap_subject5/*.trc", BSD, "opencap"),
    RecordingFolder("opencap_unfiltered", f"{_OSIM}opencap_unfiltered_walk_dj/*.trc", BSD, "opencap"),
    RecordingFolder("opencap_subject3", f"{_OSIM}opencap_subject3_dj/*.trc", BSD, "opencap", kind="jump"),
    RecordingFolder("double_leg_squat", f"{_OSIM}double_leg_squat/*.trc", BSD, "opencap", kind="squat"),
    RecordingFolder("biomechzoo", "motions/biomechzoo_pig/*.npz", MIT, "plug_in_gait", _stem_part(r"HC\d+")),
    RecordingFolder(
        "rbds", "motions/rbds_running_markers/*.npz", CC_BY, _LABS, _stem_part(r"RBDS\d+"), whole_body=False
    ),
    RecordingFolder("hamner", f"{_OSIM}hamner_subject04_run/*.trc", BSD, _LABS, kind="run"),
    RecordingFolder("bmclab_run", "motions/bmclab_notebooks/*_run.*", CC_BY, _LABS),
    RecordingFolder(
        "bmclab_walk", "motions/bmclab_notebooks/walk*.trc", CC_BY, _LABS, _stem_part(r"walk\d*"), False, "walk"
    ),
    RecordingFolder("camargo", f"{_OSIM}camargo_walk/*.trc", CC_BY, _LABS, whole_body=False, kind="walk"),
    RecordingFolder("opensim_jam", "motions/gait_c3d_misc/opensim_jam_*.npz", APACHE, _LABS),
    RecordingFolder(
        "gaitalytics_treadmill", "motions/gait_c3d_misc/gaitalytics_treadmill.npz", MIT, _LABS, whole_body=False
    ),
    RecordingFolder("gaitalytics", "motions/gait_c3d_misc/gaitalytics_small_pig.npz", MIT, "plug_in_gait", kind="walk"),
    RecordingFolder(
        "sintmaartens", "motions/gait_c3d_misc/sintmaartens*.npz", MIT, _LABS, whole_body=False, kind="walk"
    ),
    RecordingFolder("rtosim", "motions/gait_c3d_misc/rtosim*.npz", APACHE, _LABS, whole_body=False),
    RecordingFolder("pds", "motions/pds_standing/PDS*static.txt", CC_BY, _LABS, kind="standing"),
    RecordingFolder("cmu_02", "c3d/cmu_02_05.c3d", CMU, kind="jump"),
    RecordingFolder("cmu_06", "c3d/cmu_dribble_shoot_basketball.c3d", CMU, kind="other"),
)
# The very motion of a film that is kept for checks (video/opencap_samples).
ON_FILM = {("opencap_lab_subject4", "squats1")}
KINDS = {  # by a part of the file's name
    "static": "standing", "stood": "standing", "squat": "squat", "dls": "squat", "sts": "sit_to_stand", "dj": "jump",
    "turn": "turn", "straight": "walk", "walkingt": "walk_modified", "walk": "walk",
    "levelground": "walk", "overground": "walk", "treadmill": "walk", "run": "run",
}  # fmt: skip
LEGS = re.compile(r"^(pelvis|hip|knee|ankle|subtalar)_")
NEVER_KNOWN = re.compile(r"^(mtp)_")  # no marker on the toes
# Beyond them a solution is no label.
MOST_RMS_MM, MOST_STANDING_KNEE_DEG = 25.0, 12.0
MOST_DOUBTFUL = 0.4  # share of a coordinate's labels (landmarks off, out of range, jumps); more, and it is not known
NEEDED = re.compile(r"^(pelvis|hip|knee)_")


def kind_of(stem: str) -> str:
    """What a recording shows, by its file's name."""
    low = stem.lower()
    return next((kind for part, kind in KINDS.items() if part in low), "other")


def gather(data: Path, work: Path) -> tuple[list[tuple[RecordingFolder, Path]], dict[str, str]]:
    """Write every recording as .trc below ``work``, a folder per person; what is there stays.

    Args:
        data: ../shared/data; the files of ``SOURCES`` lie below it.
        work: folder for the .trc.

    Returns:
        The source and the .trc of each, and why a file cannot be read. A source whose files are absent is left out.
    """
    found, failed = [], {}
    for source in SOURCES:
        for path in sorted(path for path in data.glob(source.files) if path.suffix in READ):
            person = f"{source.name}_{source.subject(path)}"
            trc = work / person / f"{path.stem}.trc"
            if not trc.is_file():
                trc.parent.mkdir(parents=True, exist_ok=True)
                try:
                    write_trc(_read(path), trc)
                except BioposeError as error:
                    failed[str(path.relative_to(data))] = error.what
                    continue
            found.append((source, trc))
            # Scaling takes a static trial and never labels it; its copy is somebody who stands.
            if "static" in path.stem.lower():
                stood = trc.with_name(re.sub("(?i)static", "stood", trc.name))
                if not stood.is_file():
                    shutil.copyfile(trc, stood)
                found.append((source, stood))
    return found, failed


def _read(path: Path) -> Markers:
    """Markers of a .trc, .c3d, or of the data's .npz (mm) and .txt tables."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            positions, rate = stored["xyz_mm"] / 1000, float(stored["rate"])
            labels = [re.sub(r"\s+", "", str(name)) for name in stored["markers"]]
    elif path.suffix == ".txt":
        positions, rate, labels = _read_table(path)
    else:
        return read_markers(path)
    seen = np.isfinite(positions).all(-1).any(1)
    if not seen.any():
        raise BioposeError("no frame shows a marker", where=str(path))
    first, last = np.flatnonzero(seen)[[0, -1]]
    positions = positions[first : last + 1].astype(float)
    unique = [k for k, name in enumerate(labels) if labels.index(name) == k]
    return Markers([labels[k] for k in unique], positions[:, unique], np.arange(len(positions)) / rate)


def _read_table(path: Path) -> tuple[np.ndarray, float, list[str]]:
    """PDS: a column of time, then X, Y, Z of each marker in m."""
    table = np.genfromtxt(path, delimiter="\t", names=True, deletechars="")
    columns = [name for name in table.dtype.names if name.lower() != "time"]  # type: ignore[union-attr]
    labels = [re.sub(r"_?[XYZxyz]$", "", name) for name in columns[::3]]
    positions = np.stack([table[name] for name in columns], 1).reshape(len(table), -1, 3)
    return positions, 1 / float(np.median(np.diff(table[table.dtype.names[0]]))), labels  # type: ignore[index]


def solve(
    found: list[tuple[RecordingFolder, Path]],
    solved: Path,
    *,
    workers: int = 1,
    progress: Callable[[str], Any] | None = None,
) -> Report:
    """Label what is not labelled: one model per person, poses at about ``RATE_HZ``.

    Args:
        found: what ``gather`` found.
        solved: folder for the labels; may hold an earlier run's.
        workers: processes.
        progress: makes, from a label, a context manager that yields a function of trials done and trials in all.

    Returns:
        What the campaign did, with the causes of failures.
    """
    trials = []
    for marker_map in dict.fromkeys(source.marker_map for source, _ in found):
        folders = list(dict.fromkeys(trc.parent for source, trc in found if source.marker_map == marker_map))
        trials += find_trials(folders, marker_map=marker_map, rate_hz=RATE_HZ)
    return run_campaign(trials, solved, LabelOptions(files="none", workers=workers), progress=progress)


def motions_of(
    found: list[tuple[RecordingFolder, Path]], solved: Path, data: Path
) -> Iterator[tuple[LibraryMotion, Kinematics, Bool[np.ndarray, " coordinates"]]]:
    """The solved recordings, with what is to be said of each.

    Args:
        found: what ``gather`` found; shards of other recordings are passed over.
        solved: the folder that ``solve`` wrote.
        data: not read.

    Yields:
        Of each recording its row of the index, its coordinates (rad and m, in the model's order, time from 0, gaps
        filled by straight lines) and which of them its markers tell.
    """
    by_name = {f"{trc.parent.name}_{trc.stem}": (source, trc) for source, trc in found}
    for path in sorted((solved / "shards").glob("*.safetensors")):
        shard = Shard.open(path)
        place = by_name.get(str(shard.about["name"]))
        if place is None:
            continue
        source, trc = place
        usable = shard.trusted if shard.trusted.any() else np.isfinite(shard.coordinates).all(1)
        first, last = np.flatnonzero(usable)[[0, -1]] if usable.any() else (0, -1)
        if last - first < 10:
            continue
        values = _filled(shard.coordinates[first : last + 1].astype(float))
        rate = float(shard.about["rate_hz"])
        coordinates = list(names())
        kinematics = Kinematics(
            coordinates, values, np.arange(len(values)) / rate, np.array([not is_translation(n) for n in coordinates])
        )
        known = np.array([bool(not NEVER_KNOWN.match(n) and (source.whole_body or LEGS.match(n))) for n in coordinates])
        if not any(name.endswith("HD") for name in _markers_in(trc)):
            known &= np.array([not n.startswith("neck_") for n in coordinates])
        kind, subject = source.kind or kind_of(trc.stem), trc.parent.name.removesuffix("_s1")
        rms = float(shard.about["marker_rms_mm"])
        doubtful = (shard.flags != 0).mean(0)
        known &= doubtful < MOST_DOUBTFUL
        motion = LibraryMotion(
            name=str(shard.about["name"]),
            source=source.name,
            licence=source.licence,
            kind=kind,
            subject=subject,
            split="test" if (source.name, trc.stem) in ON_FILM else split_of(subject),
            rate_hz=rate,
            frames=len(values),
            known="whole body" if source.whole_body else "legs",
            marker_rms_mm=round(rms, 2),
            quality=_verdict(kinematics, kind, rms, known),
            mend="",
            path=source.files,
        )
        yield motion, kinematics, known


def _markers_in(trc: Path) -> list[str]:
    with open(trc, encoding="utf-8") as file:
        lines = [next(file) for _ in range(4)]
    return lines[3].split()


def _filled(values: np.ndarray) -> np.ndarray:
    """Frames that were not solved, in straight lines."""
    at = np.arange(len(values))
    good = np.isfinite(values).all(1)
    return np.stack([np.interp(at, at[good], column[good]) for column in values.T], 1)


def _verdict(kinematics: Kinematics, kind: str, rms_mm: float, known: Bool[np.ndarray, " coordinates"]) -> str:
    """Why a solution is not to be learned from, or "good"."""
    if rms_mm > MOST_RMS_MM:
        return f"marker RMS {rms_mm:.0f} mm"
    lacking = [n for n, is_known in zip(kinematics.names, known, strict=True) if NEEDED.match(n) and not is_known]
    if lacking:
        return f"the labels of {', '.join(lacking)} are doubtful"
    if kind == "standing":
        knees = np.degrees([np.median(kinematics.column(f"knee_angle_{side}")) for side in "rl"])
        if max(abs(knees)) > MOST_STANDING_KNEE_DEG:
            return f"stands with knees of {knees[0]:.0f} and {knees[1]:.0f}°"
    for name in ("hip_flexion_r", "hip_flexion_l", "knee_angle_r", "knee_angle_l"):
        low, high = limits_rad()[name]
        if (kinematics.column(name) < low - 0.2).any() or (kinematics.column(name) > high + 0.2).any():
            return f"{name} leaves its range"
    return "good"
