"""The stage `events` of a run, and a run's or a motion's files for `biopose events`."""

import functools
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.inverse_kinematics.trusted import QUALITY, Trusted, name_of, table_beside
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import recognise_motion
from biomech.measures.filtering import AUTO
from biomech.measures.find import CHANGED, DOUBTFUL, find_events
from biomech.measures.found import Found, KnownValues
from biomech.measures.written import EVENTS, MEASURES, write_empty, write_tables
from biomech.names import FILM_SUFFIXES, MOTION_NAMES
from biomech.pipeline.figures import EventsFigures
from biomech.pipeline.runs_within import refuse_runs_within
from biomech.pipeline.stages import Result, Stage

PLACE = ("pelvis_tx", "pelvis_tz")


def events_stage(files: Result) -> Stage:
    """What every run leaves of events and measures, of its first solver's motion; small.

    Args:
        files: of the run.

    Returns:
        The stage.
    """
    tables = {EVENTS: files.events, MEASURES: files.measures}
    inputs = {"model": files.model, "motion": files.kinematics, "quality": files.quality}
    unsure = files.solutions[0].uncertainty
    return Stage(
        "events",
        inputs=inputs | ({"uncertainty": unsure} if unsure.is_file() else {}),
        outputs=list(tables.values()),
        options={},
        work=functools.partial(_work, files, tables),
        code=("biomech.measures.find", "biomech.measures.written", Path(__file__)),
    )


def _work(files: Result, tables: dict[str, Path]) -> EventsFigures:
    """A run does not fail for want of events: what keeps them from being found is told, and the tables are empty."""
    try:
        told = files.solutions[0].uncertainty
        unsure = told if told.is_file() else None
        found = events_of(files.kinematics, files.model, quality=files.quality, uncertainty=unsure)
    except BioposeError as error:
        write_empty(tables)
        return {"found": {}, "summary": {}, "notes": [f"no events: {error.what}"]}
    write_tables(found, tables)
    counts = {kind: sum(s.gait == kind for s in found.strides) for kind in found.activities}
    counts = {kind: n or sum(r.kind == kind for r in found.repetitions) for kind, n in counts.items()}
    summary = {name: round(value, 4) for name, value in found.summary.items()}
    notes = [note for note in found.notes if note.startswith((DOUBTFUL, CHANGED))]
    return {"found": counts, "summary": summary, "notes": notes}


def events_of(
    motion: Path,
    model: Path,
    *,
    filter_hz: float | str = AUTO,
    quality: Path | None = None,
    uncertainty: Path | None = None,
) -> Found:
    """Of a motion's file.

    Args:
        motion: .mot, .sto or .csv of any program.
        model: its .osim.
        filter_hz: as ``find_events``.
        quality: the file beside the motion that says which frames are trusted.
        uncertainty: the one that says how far off coordinates may be.

    Returns:
        What was found.

    Raises:
        BioposeError: a file cannot be read, or as ``find_events``.
    """
    read = recognise_motion(motion)
    told = read.kinematics
    unsure = None
    if uncertainty is not None:
        from biomech.pipeline.solve import read_uncertainty  # loads every solver

        unsure = read_uncertainty(uncertainty, told)
    trusted, known = (None, None) if quality is None else _known(quality, unsure, told)
    place = None if unsure is None else place_half_widths(unsure, told)
    try:
        found = find_events(model, told, filter_hz=filter_hz, trusted=trusted, place_half_width_m=place, known=known)
    except BioposeError as error:
        if error.where is None:
            raise BioposeError(error.what, where=str(motion), mend=error.mend) from error
        raise
    return found


def _known(
    quality: Path, unsure: Float[np.ndarray, "frames coordinates"] | None, kinematics: Kinematics
) -> tuple[Bool[np.ndarray, " frames"], KnownValues]:
    """Which frames of a motion are trusted, and what the files beside it say of each of its values."""
    trusted, names = Trusted.read(quality), kinematics.names
    rows = trusted.rows(kinematics.time_s, str(quality))
    if unsure is None:
        unsure = np.full(kinematics.values.shape, np.nan)
    half_width = np.where(kinematics.rotational, np.rad2deg(unsure), unsure)
    determined, believed = trusted.determined(names)[rows], trusted.values(names)[rows]
    return trusted.frames[rows], KnownValues(kinematics.time_s, determined, believed, half_width)


def place_half_widths(
    unsure: Float[np.ndarray, "frames coordinates"], kinematics: Kinematics
) -> Float[np.ndarray, "frames 2"] | None:
    """How far off the pelvis's place along X and Z may be.

    Args:
        unsure: of the motion, as ``read_uncertainty`` gives it.
        kinematics: the motion.

    Returns:
        m, of each of its frames; None where the model's pelvis has no such coordinates.
    """
    if not set(PLACE) <= set(kinematics.names):
        return None
    return unsure[:, [kinematics.names.index(name) for name in PLACE]]


def motion_and_model(given: Path, model: Path | None) -> tuple[Path, Path, Path | None]:
    """The motion, the model and the quality file that a run's folder or a motion's path means.

    Args:
        given: a folder of `biopose ik`, or a motion.
        model: that the user named; else the scaled one that lies beside the motion.

    Returns:
        Paths; of the quality None where there is none.

    Raises:
        BioposeError: there is none, or more than one.
    """
    if given.is_dir():
        given = _motion_in(given)
    check_file(given, missing="no such file", mend="Give a folder of `biopose ik`, or a .mot.")
    if given.suffix.lower() in FILM_SUFFIXES:
        raise BioposeError("a film, no motion", where=str(given), mend=f"Run `biopose ik {given}` first.")
    name = name_of(given)
    if model is None:
        model = given.with_name(f"{name}_scaled.osim")
        if not model.is_file():
            raise BioposeError(
                "beside the motion lies no model of its name", where=str(given), mend="Give the scaled `model`."
            )
    return given, model, table_beside(given)


def _motion_in(folder: Path) -> Path:
    """The motion of a run; of several solvers the one whose quality file bears the run's name."""
    motions = sorted(path for solver in MOTION_NAMES.values() for path in folder.glob(f"*_{solver}.mot"))
    if not motions:
        refuse_runs_within(folder)
        raise BioposeError(
            "the folder holds no motion", where=str(folder), mend="Give a folder of `biopose ik`, or a .mot."
        )
    if len(motions) > 1:
        firsts = [path for path in motions if not path.with_name(f"{path.stem}{QUALITY}").is_file()]
        if len(firsts) != 1:
            raise BioposeError(
                f"the folder holds {len(motions)} motions: {', '.join(path.name for path in motions)}",
                where=str(folder),
                mend="Give the path of one.",
            )
        motions = firsts
    return motions[0]
