"""The noun ``Take``: the result of one recording, as much of it as other programs' files are written of."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.errors import BioposeError
from biomech.exports.posed import PosedBodies
from biomech.files import check_file, read_json
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import MARKER_SUFFIXES, Markers
from biomech.markers.read import read_markers
from biomech.pipeline.record import RECORD
from biomech.pipeline.runs_within import refuse_runs_within
from biomech.pipeline.solve import read_uncertainty
from biomech.skeleton.model import load_model, read_motion
from biomech.skeleton.osim import Model

MOTIONS = (".mot", ".sto")
UNEVEN = 0.3  # of a frame, that one may be off an even beat
ROUND_HZ = 1e-4  # relative, by which times in a file miss a rate of two decimals
SIDECARS = {"_quality.csv": "quality", "_uncertainty.csv": "uncertainty"}


@dataclass(frozen=True)
class Beat:
    """Even times of frames, for files that know nothing but a rate."""

    rate_hz: float
    first: int  # the number of the first frame, where frame 0 is at 0 s
    marker_rows: Int[np.ndarray, " recorded"]  # the frame of each of the markers' times
    pose_rows: Int[np.ndarray, " solved"]  # and of each pose
    frames: int

    @property
    def known(self) -> Bool[np.ndarray, " frames"]:
        """Which frames have a pose."""
        known = np.zeros(self.frames, dtype=bool)
        known[self.pose_rows] = True
        return known

    @property
    def held(self) -> Int[np.ndarray, " frames"]:
        """The pose of every frame, the one before where it has none, and the first one before that."""
        held: np.ndarray = np.searchsorted(self.pose_rows, np.arange(self.frames), side="right") - 1
        return held.clip(0)

    def notes(self, kind: str) -> list[str]:
        """That poses are held in a file that cannot leave frames out, if any are.

        Args:
            kind: of file.

        Returns:
            A sentence, or none.
        """
        missing = int((~self.known).sum())
        return [f"{missing} of {self.frames} frames have no pose: the {kind} holds the pose before"] if missing else []


@dataclass(frozen=True)
class Take:
    """A model in motion, and what else is known of it.

    Attributes:
        name: of the recording; files are named by it.
        model: scaled to the person.
        kinematics: rad and m, at the frames that were solved.
        markers: that it was solved from (m; Y up), where they are at hand.
        uncertainty: half widths of ``kinematics`` (rad, m), where they are known.
        trusted: of every frame of the markers, where it is known.
        geometry: folders in which the model's surfaces may lie.
        body_models: the user's folder of SMPL model files, which place and lay out SMPL at rest exactly.
        files: that it was read from, none of which may be written over.
    """

    name: str
    model: Model
    kinematics: Kinematics
    markers: Markers | None = None
    uncertainty: Float[np.ndarray, "solved coordinates"] | None = None
    trusted: Trusted | None = None
    geometry: tuple[Path, ...] = ()
    body_models: Path | None = None
    files: tuple[Path, ...] = ()

    @classmethod
    def read(cls, paths: Sequence[Path], geometry: Path | None = None, body_models: Path | None = None) -> "Take":
        """Of a run's folder, or of files given by hand.

        Args:
            paths: a folder of `biopose ik`; or an .osim and a .mot, and, where they are at hand, the markers (.trc,
                .c3d), the quality and the uncertainty file.
            geometry: a folder with the model's surfaces.
            body_models: the user's folder of SMPL model files.

        Returns:
            The first solver's motion, of several.

        Raises:
            BioposeError: the folder is of no run, a file is missing or of no known kind, or the motion is another
                model's.
        """
        if len(paths) == 1 and paths[0].is_dir():
            files = _of_folder(paths[0])
        else:
            files = _of_files(paths)
        model_path, motion_path = files["model"], files["motion"]
        model = load_model(model_path)
        kinematics = read_motion(model, motion_path)
        if not len(kinematics.time_s):
            raise BioposeError("the motion holds no frame", where=str(motion_path))
        kinematics.check_person(str(motion_path))
        unsure, quality, markers = files.get("uncertainty"), files.get("quality"), files.get("markers")
        places = [geometry] if geometry else []
        for folder in places:
            if not folder.is_dir():
                raise BioposeError("there is no such folder", where=str(folder))
        beside = [model_path.parent, model_path.parent / "Geometry"]
        return cls(
            name=model_path.stem.removesuffix("_scaled") if "record" in files else motion_path.stem,
            model=Model.load(model_path),
            kinematics=kinematics,
            markers=None if markers is None else read_markers(markers),
            uncertainty=None if unsure is None else read_uncertainty(unsure, kinematics),
            trusted=None if quality is None else _quality(quality, kinematics),
            geometry=(*places, *beside),
            body_models=body_models,
            files=tuple(files.values()),
        )

    @functools.cached_property
    def posed(self) -> PosedBodies:
        """Every body at every frame of the motion, by OpenSim."""
        with self.model.as_file() as path:
            return PosedBodies.of(load_model(path), self.kinematics)

    @functools.cached_property
    def beat(self) -> Beat:
        """The frames of markers and motion at an even rate.

        Raises:
            BioposeError: they are not evenly apart.
        """
        solved = self.kinematics.time_s
        recorded = solved if self.markers is None else self.markers.time_s
        both = np.unique(np.concatenate([recorded, solved]).round(6))
        if len(both) == 1:
            return Beat(1.0, round(both[0]), np.zeros(len(recorded), int), np.zeros(1, int), 1)
        start, step = both[0], float(np.median(np.diff(recorded if len(recorded) > 1 else both)))
        last = round((both[-1] - start) / step)
        step = (both[-1] - start) / max(last, 1)
        rows = np.rint((both - start) / step).astype(int)
        off = np.abs(both - start - rows * step).max() / step
        if off > UNEVEN or len(np.unique(rows)) < len(rows):
            raise BioposeError(
                f"the frames are not evenly apart (one is off by {off:.0%} of the time between two)",
                where=self.name,
                mend="Export json, glb or csv, which keep every frame's own time.",
            )
        rate = 1 / step
        rate = round(rate, 2) if abs(round(rate, 2) / rate - 1) < ROUND_HZ else rate
        marker_rows, pose_rows = (np.rint((times - start) / step).astype(int) for times in (recorded, solved))
        return Beat(rate, round(start * rate), marker_rows, pose_rows, int(rows[-1]) + 1)


def _quality(path: Path, kinematics: Kinematics) -> Trusted:
    """The quality file of this motion."""
    trusted = Trusted.read(path)
    trusted.rows(kinematics.time_s, str(path))
    return trusted


def _of_folder(folder: Path) -> dict[str, Path]:
    """The files of a run, as its record names them."""
    mend = "Give the folder of a `biopose ik`, or an .osim and a .mot."
    if not (folder / RECORD).is_file():
        refuse_runs_within(folder)
        raise BioposeError(f"this is no folder of a run (it has no {RECORD})", where=str(folder), mend=mend)
    record = read_json(folder / RECORD, what="the record of a run", mend=mend)
    stages: Any = record.get("stages") if isinstance(record, dict) else None
    if not isinstance(stages, dict):
        raise BioposeError("the record of the run is damaged", where=str(folder / RECORD), mend=mend)
    left = [
        [name for name in stage["outputs"] if isinstance(name, str) and Path(name).name == name]
        for stage in stages.values()
        if isinstance(stage, dict) and isinstance(stage.get("outputs"), dict)
    ]
    solved = next((names for names in left if any(name.endswith(MOTIONS) for name in names)), None)
    model = next((name for names in left for name in names if name.endswith("_scaled.osim")), None)
    if solved is None or model is None:
        refuse_runs_within(folder)
        raise BioposeError("this run made no model and motion", where=str(folder), mend=mend)
    found = {
        "record": folder / RECORD,
        "model": folder / model,
        "motion": folder / next(name for name in solved if name.endswith(MOTIONS)),
    }
    for ending, role in SIDECARS.items():
        if names := [name for name in solved if name.endswith(ending)]:
            found[role] = folder / names[0]
    markers = f"{Path(model).stem.removesuffix('_scaled')}.trc"
    if any(markers in names for names in left):
        found["markers"] = folder / markers
    return {role: check_file(path, mend="Run `biopose ik` again.") for role, path in found.items()}


def _of_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Files given by hand, by what their names say they are."""
    found: dict[str, Path] = {}
    for path in paths:
        kinds = {".osim": "model", **dict.fromkeys(MOTIONS, "motion"), **dict.fromkeys(MARKER_SUFFIXES, "markers")}
        role = kinds.get(path.suffix.lower())
        role = role or next((role for ending, role in SIDECARS.items() if path.name.endswith(ending)), None)
        if path.is_dir() or role is None:
            what = "a folder beside other files" if path.is_dir() else "not a file that is exported"
            raise BioposeError(
                what,
                where=str(path),
                mend="Give one run's folder; or an .osim, a .mot and, where there are, a .trc, *_quality.csv and "
                "*_uncertainty.csv.",
            )
        if role in found:
            raise BioposeError(f"a second file of one kind, after {found[role]}", where=str(path), mend="Give one.")
        found[role] = check_file(path)
    missing = {"model": "a model (.osim)", "motion": "a motion (.mot)"}
    for role, what in missing.items():
        if role not in found:
            raise BioposeError(f"{what} is missing", mend="Give a run's folder, or an .osim and a .mot.")
    return found
