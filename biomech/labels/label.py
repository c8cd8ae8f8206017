"""One trial, from its markers to its labels: the files that OpenSim's GUI opens and the shard that training reads."""

import contextlib
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import content_hash, sha256
from biomech.inverse_kinematics.determined import Determined, determined
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.setup import write_solution
from biomech.kinematics.kinematics import Kinematics
from biomech.labels import models
from biomech.labels.models import ScaledModel, scaled_model
from biomech.labels.quality import judge, virtual_landmarks
from biomech.labels.shards import FORMAT, TrialFigures, about_shard, is_whole, write_shard
from biomech.labels.sources import BodyTrial, MarkerTrial, Trial
from biomech.markers.marker_map import map_file, marker_maps
from biomech.markers.trc import write_trc
from biomech.names import ACCURACY
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.provenance import code_hash, library_versions
from biomech.skeleton.skeleton import Skeleton

SOLVERS = ("fast", "opensim")
OPENSIM_ACCURACY = 1e-7  # the reference of labels: 0.14° from noise-free truth
SKELETONS_KEPT = 32  # read models, a process


@dataclass(frozen=True)
class Labelled:
    """What came of one trial."""

    name: str
    subject: str
    frames: int = 0
    seconds: dict[str, float] = field(default_factory=dict)  # of wall time, by stage
    kept: str | None = None  # folder of files that were edited, where there were some
    cause: str | None = None  # why it failed
    machine_failed: bool = False  # by no fault of the trial


@dataclass(frozen=True)
class Folders:
    """Where a campaign's results lie."""

    root: Path

    @property
    def shards(self) -> Path:
        return self.root / "shards"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def unfinished(self) -> Path:
        return self.root / ".unfinished"

    def shard(self, trial: Trial) -> Path:
        return self.shards / f"{trial.name}.safetensors"

    def files(self, trial: Trial) -> Path:
        return self.root / "trials" / trial.subject / trial.name


def label_trial(trial: Trial, folder: Path, *, solver: str, with_files: bool) -> Labelled:
    """Label one trial, unless its labels are there and were made of the same recording in the same way.

    Everything is written aside and renamed; the shard comes last, and says that the trial is done.

    Args:
        trial: its recording is read here.
        folder: the campaign's.
        solver: one of ``SOLVERS``.
        with_files: also leave .trc, .osim, .mot and setup.

    Returns:
        Frames that were labelled and the seconds that each stage took; 0 frames where all was there.

    Raises:
        BioposeError: the recording cannot be used, or the solver failed; then nothing is left.
    """
    folders, key, kept = Folders(folder), made_of(trial, solver), None
    if is_labelled(trial, folders, key, with_files):
        return Labelled(trial.name, trial.subject)
    folders.unfinished.mkdir(parents=True, exist_ok=True)
    clock = _Clock()
    with clock("load"):
        recorded = trial.load()
    with clock("scale"):
        scaled = scaled_model(recorded, folders.models, folders.unfinished)
        skeleton = read_skeleton(scaled.osim)
    with tempfile.TemporaryDirectory(prefix=f"{trial.name}-", dir=folders.unfinished) as temporary:
        work = Path(temporary) / trial.name
        work.mkdir()
        with clock("solve"):
            kinematics, errors = _solve(solver, scaled.osim, skeleton, recorded, work)
        with clock("judge"):
            told = _told(skeleton, kinematics, recorded)
            mask = None if told is None else told.mask
            quality = judge(skeleton, kinematics, errors, recorded.trusted, _landmarks(recorded), mask)
            columns = _columns(recorded, scaled, skeleton, kinematics) | {
                "flags": quality.flags,
                "marker_rms": quality.marker_rms_m,
                "marker_max": quality.marker_max_m,
                "trusted": quality.trusted,
            }
            notes = [*recorded.notes, *scaled.notes, *errors.flags(), *(told.notes() if told else [])]
            about: TrialFigures = {
                "name": trial.name,
                "subject": trial.subject,
                "source": trial.source,
                "key": key,
                "solver": solver,
                "rate_hz": round(recorded.markers.rate_hz, 6),
                "start_s": float(recorded.markers.time_s[0]),
                "model": scaled.key,
                "height_m": recorded.height_m,
                "mass_kg": scaled.mass_kg,
                **quality.summary(errors),
                "shape": recorded.shape if isinstance(recorded, BodyTrial) else None,
                "markers_from": "body" if isinstance(recorded, BodyTrial) else "skeleton",
                "notes": list(dict.fromkeys(notes)),
                "files": {},
            }
        with clock("write"):
            if with_files:
                _write_files(work, solver, scaled.osim, recorded, kinematics)
                about["files"] = _sums(work)
                place = folders.files(trial)
                place.parent.mkdir(parents=True, exist_ok=True)
                kept = set_aside(trial, folders, about["files"])
                work.rename(place)
            write_shard(aside := Path(temporary) / folders.shard(trial).name, columns, about)
            folders.shards.mkdir(exist_ok=True)
            aside.replace(folders.shard(trial))
    return Labelled(trial.name, trial.subject, len(kinematics.time_s), clock.seconds, kept)


def check_solver(solver: str) -> None:
    """Refuse what labels are not made with: the network learns from them.

    Raises:
        BioposeError: ``solver`` is not of ``SOLVERS``.
    """
    if solver not in SOLVERS:
        raise BioposeError(f"there is no solver '{solver}' of labels", mend=f"Give `solver={' or '.join(SOLVERS)}`.")


def made_of(trial: Trial, solver: str) -> str:
    """A key that changes when the recordings' content, how they are read, the solver or the package's code does.

    Args:
        trial: its files are read to the end for their content.
        solver: one of ``SOLVERS``.

    Returns:
        16 hexadecimal digits.
    """
    files = {"path": content_hash(trial.path)}
    files |= {f"static {k}": content_hash(static) for k, static in enumerate(trial.statics)}
    # Of the subject's other recordings the key alone: of thousands of trials each would look at all of them.
    said_of = {one.name: getattr(trial, one.name) for one in dataclasses.fields(trial)}
    made = [FORMAT, _made_by(), library_versions(), solver, said_of | files | {"of_subject": trial.of_subject.key}]
    said = json.dumps(made, sort_keys=True, default=lambda path: path.name)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@functools.cache
def _made_by() -> str:
    return code_hash("biomech.labels.label", *(map_file(name) for name in marker_maps()))


def is_labelled(trial: Trial, folders: Folders, key: str, with_files: bool) -> bool:
    """Whether nothing is left to do for a trial: all is there that was written for it, by content.

    Args:
        trial: the one in question.
        folders: the campaign's.
        key: what ``made_of`` says of it now.
        with_files: the files beside the shard must be there too.

    Returns:
        False also where something was cut, altered, or made in another way.

    Raises:
        BioposeError: the shard cannot be read, or is of another version.
    """
    shard, place = folders.shard(trial), folders.files(trial)
    if not shard.is_file():
        return False
    about = about_shard(shard)
    if about["key"] != key or not models.is_whole(folders.models / about["model"]) or not is_whole(shard):
        return False
    return not with_files or (place.is_dir() and _sums(place) == about["files"])


def set_aside(trial: Trial, folders: Folders, anew: Mapping[str, str]) -> str | None:
    """Make room for a trial's files: what somebody edited or put there goes to a folder beside, the rest away.

    Args:
        trial: whose files they are.
        folders: the campaign's.
        anew: what is written in their place, by name and content.

    Returns:
        The name of the folder beside; None where all was as it had been left, or is written anew.
    """
    place, shard = folders.files(trial), folders.shard(trial)
    if not place.exists():
        return None
    left: Mapping[str, str] = {}
    with contextlib.suppress(BioposeError):  # of another version
        left = about_shard(shard)["files"] if shard.is_file() else {}
    there = _sums(place)
    edited = [name for name, content in there.items() if content not in (left.get(name), anew.get(name))]
    if not edited:
        shutil.rmtree(place)
        return None
    names = (f"{trial.name}_kept{number or ''}" for number in itertools.chain([0], itertools.count(2)))
    beside = next(one for name in names if not os.path.lexists(one := place.with_name(name)))
    place.rename(beside)
    for name in there.keys() - set(edited):
        (beside / name).unlink()
    return beside.name


def _sums(place: Path) -> dict[str, str]:
    """The files of a trial, by content."""
    return {path.name: sha256(path) for path in sorted(place.iterdir()) if path.is_file()}


@functools.lru_cache(SKELETONS_KEPT)
def read_skeleton(osim: Path) -> Skeleton:
    """A model's skeleton; reading takes longer than solving a second of motion."""
    return Skeleton.from_osim(osim)


@dataclass(frozen=True)
class _Files:
    trc: Path
    model: Path
    mot: Path
    setup: Path

    @classmethod
    def of(cls, work: Path) -> "_Files":
        name = work.name
        return cls(
            work / f"{name}.trc", work / f"{name}_scaled.osim", work / f"{name}.mot", work / f"{name}_ik_setup.xml"
        )


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - started


def _solve(
    solver: str, model_osim: Path, skeleton: Skeleton, recorded: BodyTrial | MarkerTrial, work: Path
) -> tuple[Kinematics, MarkerErrors]:
    """Pose the scaled model by either solver; OpenSim's reads its files in ``work``."""
    if solver == "fast":
        return inverse_kinematics(skeleton, recorded.markers, recorded.weights)
    files = _Files.of(work)
    write_trc(recorded.markers, files.trc)
    shutil.copyfile(model_osim, files.model)
    return solve_ik(
        files.model,
        recorded.markers,
        recorded.weights,
        markers_trc=files.trc,
        accuracy=OPENSIM_ACCURACY,
        workers=1,
    )


def _columns(
    recorded: BodyTrial | MarkerTrial, scaled: ScaledModel, skeleton: Skeleton, kinematics: Kinematics
) -> dict[str, Float[np.ndarray, "..."]]:
    """What a network learns from; where the 142 were not recorded, they are the posed skeleton's own."""
    generic, scales = read_skeleton(DEFAULT_PATH), scaled.scales(skeleton)
    coordinates = torch.from_numpy(kinematics.values)
    with torch.no_grad():
        pose = skeleton(coordinates)
        if isinstance(recorded, BodyTrial):
            markers = recorded.markers.select(generic.marker_names).positions_m
            offsets = scaled.marker_offsets(skeleton, generic)
        else:
            markers = generic(coordinates, torch.from_numpy(scales)).markers.numpy()
            offsets = np.zeros((len(generic.marker_names), 3))
    return {
        "markers": markers,
        "coordinates": kinematics.values,
        "joints": pose.joints.numpy(),
        "scales": scales,
        "marker_offsets": offsets,
    }


def _told(skeleton: Skeleton, kinematics: Kinematics, recorded: BodyTrial | MarkerTrial) -> Determined | None:
    """What the real markers determine; the 142 of a body determine all there is."""
    if isinstance(recorded, BodyTrial):
        return None
    names = [name for name in skeleton.marker_names if name in tracked(recorded)]
    seen = np.isfinite(recorded.markers.select(names).positions_m).all(-1)
    of_set = [name for name in skeleton.marker_names if recorded.weights.get(name, 0) > 0]
    return determined(skeleton, names, kinematics.values, seen, of_set=of_set)


def _landmarks(recorded: BodyTrial | MarkerTrial) -> set[str]:
    if isinstance(recorded, BodyTrial):
        return virtual_landmarks()
    known = recorded.marker_map
    return {name for name, fixed in zip(known.names, known.fixed, strict=True) if fixed}


def _write_files(
    work: Path, solver: str, model_osim: Path, recorded: BodyTrial | MarkerTrial, kinematics: Kinematics
) -> None:
    """The files for the GUI."""
    files = _Files.of(work)
    write_trc(recorded.markers, files.trc)
    shutil.copyfile(model_osim, files.model)
    write_solution(
        kinematics,
        files.mot,
        files.setup,
        model_osim=files.model,
        markers_trc=files.trc,
        weights=tracked(recorded),
        accuracy=OPENSIM_ACCURACY if solver == "opensim" else ACCURACY,
        movable=True,
    )


def tracked(recorded: BodyTrial | MarkerTrial) -> dict[str, float]:
    """Weights of the markers that the trial shows."""
    return {name: recorded.weights[name] for name in recorded.markers.seen if recorded.weights.get(name, 0) > 0}
