"""Motion capture in files of any kind → trials that can be labelled: found here, loaded in the worker that labels them.

kind   files                                             what a trial holds
cmu    CMU's .bvh in cgspeed's conversion, loose or zipped    the motion on random Anny bodies
amc    .amc with its .asf, loose or zipped                the motion on random Anny bodies
amass  AMASS .npz (SMPL-H or SMPL-X; BML-MoVi too)        the motion on its own body, and on random ones
v3d    MoVi's V3D .mat                                    67 real markers
c3d    .c3d                                               real markers
trc    .trc                                               real markers
"""

import functools
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool

from biomech.body.amass import is_amass, read_amass
from biomech.body.anny import AnnyBody
from biomech.body.asf import parse_amc, parse_asf, replay_amc
from biomech.body.cmu import cmu_clip, replay
from biomech.body.motion import BodyMotion
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.errors import BioposeError
from biomech.files import check_file, open_zip, read_text
from biomech.labels.people import MarkerWearer, random_adult, read_people, seeded
from biomech.markers.marker_map import MarkerMap, read_marker_map, recognise
from biomech.markers.markers import Markers
from biomech.markers.recordings import MarkerRecording, Together, frames_of_subject, static_of, thinned
from biomech.markers.smpl import find_model, load_smpl, neutral_smpl, on_subject, random_betas, smpl_markers
from biomech.markers.v3d import WHOLE_TAKE, read_v3d, v3d_motions
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static

MOST_TEXT_BYTES = 1_000_000_000  # of a motion
MOST_TRIALS = 10_000_000
BODY_KINDS = ("cmu", "amc", "amass")
KIND_BY_SUFFIX = {".bvh": "cmu", ".amc": "amc", ".npz": "amass", ".mat": "v3d", ".c3d": "c3d", ".trc": "trc"}
ZIPPED = (".bvh", ".amc")
MARKER_KINDS = ("v3d", "c3d", "trc")


@dataclass
class BodyTrial:
    """A motion on a parametric body, seen through the 142 virtual markers."""

    markers: Markers
    static: Markers  # the same body standing in the neutral pose, for scaling
    height_m: float
    mass_kg: float
    trusted: Bool[np.ndarray, " frames"]  # False where the recording is bad
    shape: dict[str, float]
    weights: dict[str, float]  # IK task weight of every marker
    notes: list[str] = field(default_factory=list)
    posture: dict[str, float] = field(default_factory=dict)  # of the static trial, where it is known (rad)


@dataclass
class MarkerTrial:
    """Real markers under the model's names."""

    markers: Markers
    static: Markers | None
    height_m: float | None
    mass_kg: float | None
    trusted: Bool[np.ndarray, " frames"]
    marker_map: MarkerMap
    weights: dict[str, float]
    of_subject: list[Markers]  # frames of all recordings of the subject, for the model
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trial:
    """What there is to label, as light as a file name; ``load`` reads it."""

    name: str  # unique among the trials found together, and fit to be a file's
    subject: str  # splits go by it
    source: str  # the kind
    path: Path
    member: str = ""  # of a zip, or the motion within a .mat
    body: int = 0  # which of the bodies that the motion is replayed on
    seed: int = 0
    rate_hz: float | None = None  # thinned to about this; None keeps every frame
    notes: tuple[str, ...] = ()  # what is to be told of how it was chosen
    statics: tuple[Path, ...] = ()  # real markers: the static trials of the folder; that of the same person is taken
    up: str | None = None  # real markers: the file's axis that points up; found out where not given
    of_subject: Together = field(default_factory=Together)  # real markers: all recordings of the subject
    height_m: float | None = None  # real markers: what is known of the subject
    mass_kg: float | None = None
    marker_map: str | None = None
    model_dir: Path | None = None

    def load(self) -> BodyTrial | MarkerTrial:
        """Read the trial.

        Raises:
            BioposeError: the file is not what it seemed, or something that it needs is missing.
        """
        return LOADERS[self.source](self)

    @property
    def motion(self) -> str:
        """The name without the body's number."""
        return self.name.rsplit("__b", 1)[0]


def find_trials(
    paths: Sequence[str | Path],
    *,
    bodies: int = 1,
    seed: int = 0,
    marker_map: str | Path | None = None,
    rate_hz: float | None = None,
    model_dir: str | Path | None = None,
    static: bool = True,
    people: str | Path | None = None,
    up: str | None = None,
) -> list[Trial]:
    """The trials in files, folders and zips, in an order that depends on their names alone.

    A motion of a body source is replayed on ``bodies`` bodies, each drawn from seed, motion and number alone, so that
    it is the same whatever else is labelled; their trials are named ``…__b00`` and on. A .trc or .c3d whose name holds
    "static" is the static trial of the others in its folder. The recordings of real markers of one subject belong
    together: one model is made from them all. Of a .c3d and a .trc of one name in one folder the .c3d is taken: the
    .trc is what was exported from it; the trial's notes say so.

    Args:
        paths: of recordings, and of folders and zips of them; at least one.
        bodies: on how many a motion of a body source is replayed.
        seed: of the bodies, from 0 on.
        marker_map: name or .csv of the map for real markers; by default the one of the package that fits.
        rate_hz: rate wanted; every n-th frame is taken that comes nearest.
        model_dir: where the user's own SMPL-H or SMPL-X files are.
        static: whether static trials are used; they are never labelled.
        people: table of heights and masses of who wore real markers (``read_people``).
        up: the direction, x, y, z, -x, -y or -z, that points up in files of real markers; by default it is found out.

    Returns:
        By name. Recordings are read when a trial is loaded; those of real markers are hashed here.

    Raises:
        BioposeError: a path does not exist, nothing in them is known, two trials would have the same name, or the
            table of people cannot be used.
    """
    if seed < 0:
        raise BioposeError(f"a seed of {seed} cannot be", mend="Give `seed` a number from 0 on.")
    if rate_hz is not None and not 0 < rate_hz < np.inf:
        raise BioposeError(f"a rate of {rate_hz:g} frames a second cannot be", mend="Give `rate_hz=60`.")
    found: list[Trial] = []
    for path in map(Path, paths):
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file())
        else:
            files = [check_file(path, missing="there is no such file or folder")]
        found += [trial for file in files for trial in _trials_of(file, required=not path.is_dir())]
    if len(found) * bodies > MOST_TRIALS:
        raise BioposeError(
            f"{len(found)} motions on {bodies} bodies each", mend=f"At most {MOST_TRIALS} are labelled at once."
        )
    if not found:
        raise BioposeError(
            "no motion capture found",
            where=", ".join(map(str, paths)),
            mend=f"Known are {', '.join(KIND_BY_SUFFIX)} and zips of {', '.join(ZIPPED)}.",
        )
    found = _with_statics(_one_of_each(found), static)
    known, together = read_people(people) if people else {}, _together(found, up)
    settled = [
        replace(
            trial,
            name=f"{trial.name}__b{body:02d}" if trial.source in BODY_KINDS else trial.name,
            up=up,
            of_subject=together.get((trial.subject, trial.source), Together()),
            height_m=known.get(trial.subject, MarkerWearer()).height_m,
            mass_kg=known.get(trial.subject, MarkerWearer()).mass_kg,
            body=body,
            seed=seed,
            rate_hz=rate_hz,
            marker_map=None if marker_map is None else str(marker_map),
            model_dir=None if model_dir is None else Path(model_dir),
        )
        for trial in found
        for body in range(bodies if trial.source in BODY_KINDS else 1)
    ]
    settled.sort(key=lambda trial: trial.name)
    for one, other in itertools.pairwise(settled):
        if one.name == other.name:
            raise BioposeError(
                f"two trials are both named {one.name}",
                where=f"{one.path}, {other.path}",
                mend="Rename one of them, or take one away if they are the same.",
            )
    return settled


def _trials_of(file: Path, required: bool) -> Iterator[Trial]:
    suffix = file.suffix.lower()
    if suffix == ".zip":
        try:
            with open_zip(file) as archive:
                members = sorted(name for name in archive.namelist() if Path(name).suffix.lower() in ZIPPED)
        except BioposeError:
            if required:
                raise
            members = []
        for member in members:
            yield _trial(KIND_BY_SUFFIX[Path(member).suffix.lower()], file, Path(member), member)
        return
    kind = KIND_BY_SUFFIX.get(suffix)
    if kind == "amass" and not is_amass(file):
        kind = None  # AMASS keeps shapes and notes in other .npz files beside the motions
    if kind is None:
        if required:
            raise BioposeError(
                "this kind of file is not known as motion capture",
                where=str(file),
                mend=f"Known are {', '.join(KIND_BY_SUFFIX)} and zips of {', '.join(ZIPPED)}.",
            )
    elif kind == "v3d":
        try:
            motions = v3d_motions(file)
        except BioposeError:  # a campaign goes on without it; the trial that stands for it says why
            if required:
                raise
            motions = [(_plain(file.stem), WHOLE_TAKE)]
        for subject, motion in motions:
            yield Trial(_plain(f"movi_{subject}_{motion}"), _plain(f"movi_{subject}"), kind, file, motion)
    else:
        yield _trial(kind, file, file)


def _trial(kind: str, file: Path, inner: Path, member: str = "") -> Trial:
    """CMU's files are named subject_trial; elsewhere the folder says who it is (in OpenCap's, the one above)."""
    stem, folders = inner.stem, [part for part in inner.parent.parts if part not in ("/", "MarkerData")]
    cmu = re.fullmatch(r"(\d+)_\w+", stem)
    if cmu and kind in ("cmu", "amc"):
        return Trial(_plain(f"{kind}_{stem}"), f"cmu_{cmu[1]}", kind, file, member)
    subject = _plain("_".join(folders[-2:] if kind == "amass" else folders[-1:])) or "subject"
    return Trial(_plain(f"{subject}_{stem}"), subject, kind, file, member)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.")


def _one_of_each(trials: list[Trial]) -> list[Trial]:
    """Without the .trc beside a .c3d of the same name in the same folder; the .c3d's notes say so."""
    recorded = {trial.path: trial for trial in trials if trial.source == "c3d"}
    by_name = {(path.parent, path.stem): path for path in recorded}
    kept = []
    for trial in trials:
        original = by_name.get((trial.path.parent, trial.path.stem)) if trial.source == "trc" else None
        if original is None:
            kept.append(trial)
        else:
            note = (
                f"{original.name} and {trial.path.name} are taken as one recording: the labels are of {original.name}"
            )
            recorded[original] = replace(recorded[original], notes=(note,))
    return [recorded.get(trial.path, trial) for trial in kept]


def _with_statics(trials: list[Trial], used: bool) -> list[Trial]:
    def is_static(trial: Trial) -> bool:
        return trial.source in ("c3d", "trc") and "static" in trial.path.stem.lower()

    statics: dict[Path, list[Path]] = {}
    for trial in filter(is_static, trials):
        statics.setdefault(trial.path.parent, []).append(trial.path)
    moving = [t for t in trials if not is_static(t)]
    if not moving:
        return trials
    if not used:
        return moving
    return [
        replace(t, statics=tuple(statics.get(t.path.parent, ()))) if t.source in ("c3d", "trc") else t for t in moving
    ]


def _together(trials: list[Trial], up: str | None) -> dict[tuple[str, str], Together]:
    """The recordings of real markers by subject and kind."""
    groups: dict[tuple[str, str], set[tuple[Path, str]]] = {}
    for trial in trials:
        if trial.source in MARKER_KINDS:
            groups.setdefault((trial.subject, trial.source), set()).add((trial.path, trial.member))
    return {
        who: Together.of([MarkerRecording(*place, up) for place in sorted(places)]) for who, places in groups.items()
    }


@functools.cache
def _body() -> AnnyBody:
    return marker_body()


@functools.lru_cache(maxsize=2)
def _text(path: Path, member: str) -> str:
    if not member:
        return read_text(path, most_bytes=MOST_TEXT_BYTES)
    with open_zip(path) as archive:
        where, size = f"{path}/{member}", archive.getinfo(member).file_size
        if size > MOST_TEXT_BYTES:
            raise BioposeError(f"{size / 1e9:.1f} GB, which no motion is", where=where)
        try:
            return archive.read(member).decode("utf-8-sig", errors="replace")
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise BioposeError("cannot be unpacked: damaged, or with a password", where=where) from error


@functools.lru_cache(maxsize=2)  # the bodies of one motion come one after the other
def _cmu_clip(path: Path, member: str):
    return cmu_clip(_text(path, member), f"{path}/{member}" if member else str(path))


@functools.lru_cache(maxsize=2)
def _amc_clip(path: Path, member: str):
    """The .amc with the .asf of its folder (CMU: 01/01.asf for 01/01_02.amc)."""
    where = f"{path}/{member}" if member else str(path)
    if member:
        with open_zip(path) as archive:
            beside = sorted(
                n for n in archive.namelist() if n.endswith(".asf") and Path(n).parent == Path(member).parent
            )
    else:
        beside = sorted(str(p) for p in path.parent.glob("*.asf"))
    named = [n for n in beside if Path(member or path).stem.startswith(Path(n).stem)]
    if not named and len(beside) != 1:
        raise BioposeError("there is no .asf (the skeleton) beside it", where=where)
    skeleton = (named or beside)[0]
    asf = parse_asf(_text(path, skeleton) if member else _text(Path(skeleton), ""), skeleton)
    return parse_amc(_text(path, member), asf, where)


def _every(rate_hz: float, wanted_hz: float | None) -> int:
    return 1 if wanted_hz is None else max(1, round(rate_hz / wanted_hz))


def _on_anny(trial: Trial, moved: Callable[[AnnyBody, torch.Tensor], BodyMotion]) -> BodyTrial:
    body = _body()
    shape = random_adult(body, seeded(trial.seed, trial.motion, trial.body))
    tensor = torch.tensor(shape, dtype=torch.float32)
    motion = moved(body, tensor)
    with torch.no_grad():
        height_m, mass_kg = float(body.stature(tensor)), float(body.mass(tensor))
    frames = len(motion.time_s)
    return BodyTrial(
        markers=extract(body, motion),
        static=neutral_static(body, shape),
        height_m=height_m,
        mass_kg=mass_kg,
        trusted=np.ones(frames, bool) if motion.quality is None else motion.quality > 0,
        shape=dict(zip(body.shape_names, shape.tolist(), strict=True)),
        weights=load_virtual_markers().weights_by_name(),
        notes=list(motion.notes),
        posture=NEUTRAL_POSTURE,
    )


def _load_cmu(trial: Trial) -> BodyTrial:
    clip = _cmu_clip(trial.path, trial.member)
    return _on_anny(trial, lambda body, shape: replay(clip, body, shape, _every(clip.rate_hz, trial.rate_hz)))


def _load_amc(trial: Trial) -> BodyTrial:
    clip = _amc_clip(trial.path, trial.member)
    return _on_anny(trial, lambda body, shape: replay_amc(clip, body, shape, _every(clip.rate_hz, trial.rate_hz)))


def _load_amass(trial: Trial) -> BodyTrial:
    motion = read_amass(trial.path)
    body = load_smpl(find_model(trial.model_dir, motion.body, motion.gender))
    motion = motion.thinned(_every(motion.rate_hz, trial.rate_hz))
    if trial.body:  # body 0 is the subject's own
        betas = random_betas(len(motion.betas), seeded(trial.seed, trial.motion, trial.body))
        motion = on_subject(body, motion, betas)
    return BodyTrial(
        markers=smpl_markers(body, motion),
        static=neutral_smpl(body, motion.betas),
        height_m=body.stature(motion.betas),
        mass_kg=body.mass(motion.betas),
        trusted=np.ones(len(motion.poses), bool),
        shape={f"beta_{i}": float(beta) for i, beta in enumerate(motion.betas)},
        weights=load_virtual_markers().weights_by_name(),
    )


def _load_v3d(trial: Trial) -> MarkerTrial:
    said = read_v3d(trial.path, trial.member)
    return _load_markers(
        replace(trial, height_m=trial.height_m or said.height_m, mass_kg=trial.mass_kg or said.mass_kg)
    )


def _load_markers(trial: Trial) -> MarkerTrial:
    recording = MarkerRecording(trial.path, trial.member, trial.up)
    markers = recording.read()
    known = read_marker_map(trial.marker_map) if trial.marker_map else recognise(markers.names, str(trial.path))
    mapped = recording.on_model(thinned(markers, _every(markers.rate_hz, trial.rate_hz)), known)
    of_subject: list[Markers] = [mapped]
    notes: list[str] = []
    if len(trial.of_subject) > 1:
        of_subject, notes = frames_of_subject(trial.of_subject, trial.marker_map or known.name, recording)
    static = None
    if trial.statics:
        static, said = static_of([MarkerRecording(path, up=trial.up) for path in trial.statics], known, mapped)
        notes = [*notes, *said]
    return MarkerTrial(
        markers=mapped,
        static=static,
        height_m=trial.height_m,
        mass_kg=trial.mass_kg,
        trusted=np.isfinite(mapped.positions_m).all(-1).any(1),
        marker_map=known,
        weights={name: weight for name, weight in known.tasks().items() if name in mapped.names},
        of_subject=of_subject,
        notes=[*trial.notes, *mapped.notes, *notes],
    )


LOADERS: dict[str, Callable[[Trial], BodyTrial | MarkerTrial]] = {
    "cmu": _load_cmu,
    "amc": _load_amc,
    "amass": _load_amass,
    "v3d": _load_v3d,
    "c3d": _load_markers,
    "trc": _load_markers,
}
