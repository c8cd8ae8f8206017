"""The main job for everybody in a recording: detected in one pass, then a run of his own for each, and one table.

A person's failure is told in the table and does not stop the others.
"""

import contextlib
import csv
import functools
import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from biomech.body.motion import BodyMotion
from biomech.body.sources.read import how_many, is_mesh_file
from biomech.errors import BioposeError, MachineError
from biomech.files import whole_file
from biomech.keypoints.detect_all import Everybody, detect_all
from biomech.keypoints.detectors import known
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.read_all import read_everybody
from biomech.keypoints.readers import is_from_elsewhere
from biomech.markers.markers import is_marker_file
from biomech.mesh import recoverers
from biomech.person import check_person
from biomech.pipeline import from_meshes, from_video, recovering
from biomech.pipeline.claim import claimed
from biomech.pipeline.detecting import detector_files, detector_of, told_of_points
from biomech.pipeline.figures import DetectFigures, PeopleFigures, PersonSeen
from biomech.pipeline.options import Options
from biomech.pipeline.record import RECORD, OnStage, Run
from biomech.pipeline.run import claim, no_bar, walk
from biomech.pipeline.solvers import choose_solvers
from biomech.pipeline.stages import (
    Bar,
    Result,
    Stage,
    is_keypoint_file,
    plain_name,
    recorded,
    recording_files,
    recording_name,
)

HERE = Path(__file__)
TABLE = "people.csv"
COLUMNS = (
    *("person", "folder", "from_s", "to_s", "frames", "frames_seen", "frames_trusted"),
    *("stature_m", "marker_rms_mm", "notes"),
)
# Of a run's own notes those that everybody's summary tells; the others are in the person's report.
TOLD_OF_EACH = r"^no height given|^\d+ of \d+ frames are not trusted|^doubtful|its angles went round"
Street = Callable[[Result], list[Stage]]  # of one person


@dataclass(frozen=True)
class PersonRun:
    """One of the people of a recording.

    Attributes:
        number: from 0; his folder is ``person_NUMBER``.
        folder: of his run.
        from_s, to_s: when he is first and last seen; NaN where nothing was found.
        frames, seen, trusted: frames from then to then, those in which he is seen, those that are trusted.
        stature_m, marker_rms_mm: of the result; None where there is none.
        result: his run; None where it failed.
        notes: what to know of him; of a run that failed, why.
    """

    number: int
    folder: Path
    from_s: float
    to_s: float
    frames: int
    seen: int
    trusted: int | None = None
    stature_m: float | None = None
    marker_rms_mm: float | None = None
    result: Result | None = None
    notes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Of the table; empty where nothing is known."""
        values: dict[str, object] = {
            **{"person": self.number, "folder": self.folder.name},
            **{"from_s": _rounded(self.from_s, 3), "to_s": _rounded(self.to_s, 3)},
            **{"frames": self.frames, "frames_seen": self.seen, "frames_trusted": self.trusted},
            **{"stature_m": _rounded(self.stature_m, 3), "marker_rms_mm": _rounded(self.marker_rms_mm, 2)},
            "notes": "; ".join(self.notes),
        }
        return {name: "" if values[name] is None else values[name] for name in COLUMNS}


@dataclass(frozen=True)
class PeopleResult:
    """Everybody of a recording.

    Attributes:
        folder: of all.
        table: ``people.csv``.
        people: in their numbers' order, failed ones too.
        notes: on the recording.
    """

    folder: Path
    table: Path
    people: list[PersonRun]
    notes: list[str]


def run_everybody(
    source: Path | Sequence[Path],
    folder: Path,
    options: Options,
    *,
    overwrite: bool = False,
    bar: Bar = no_bar,
    on_stage: OnStage | None = None,
) -> PeopleResult:
    """Run the main job for each person of a recording.

    Args:
        source: a media file, a folder of pictures, other programs' keypoints of several people (OpenPose's folder,
            AlphaPose's or mmpose's .json), or bodies of several people.
        folder: where ``people.csv`` and a folder for each go; may hold an earlier run of the same recording, of which
            is kept what is unchanged.
        options: what the user said; ``person`` is all.
        overwrite: run every stage, whatever is there.
        bar: makes a progress bar from a label.
        on_stage: called with each stage's name, after whose it is, and whether it is skipped.

    Returns:
        The people and where their files are.

    Raises:
        BioposeError: what the user can mend, of the recording as a whole; or nobody could be solved.
    """
    several = [Path(source)] if isinstance(source, Path | str) else [Path(one) for one in source]
    if len(several) > 1:
        raise BioposeError("`person=all` is for one recording", mend="Give one film, or one `person`.")
    source, folder = several[0], Path(folder)
    find = _finder(source, options)
    solvers = choose_solvers(options, lambda: from_video.check_network(source, options))
    options = replace(options, solvers=solvers, person=None)
    with claimed(folder):
        run = Run.open(folder, overwrite=overwrite, on_stage=on_stage)
        claim(run, source.name, [*recording_files(source)], overwrite)
        people, notes = find(source, run, options, bar)
        _drop_gone(folder, len(people))
        found, unexpected = list[PersonRun](), list[Exception]()
        for person, street in people:
            try:
                found.append(_solved(person, street, source, options, overwrite, on_stage))
            except MachineError:
                raise
            except Exception as error:
                said = error.text().replace("\n", " ") if isinstance(error, BioposeError) else repr(error)
                found.append(replace(person, notes=[f"failed: {said}", *person.notes]))
                if not isinstance(error, BioposeError):
                    unexpected.append(error)  # a mistake of ours: told once the others are done
        _write(found, folder / TABLE)
    if unexpected:
        raise unexpected[0]
    if all(person.result is None for person in found):
        raise BioposeError(
            f"none of {len(found)} people could be solved; the first: {found[0].notes[0].removeprefix('failed: ')}",
            where=str(folder / TABLE),
        )
    if len(found) > 1 and (given := [f"`{name}`" for name in ("height_m", "mass_kg", "sex") if getattr(options, name)]):
        notes.append(f"{', '.join(given)} was taken for each of {len(found)} people")
    return PeopleResult(folder, folder / TABLE, found, notes)


Found = tuple[list[tuple[PersonRun, Street]], list[str]]


def _finder(source: Path, options: Options) -> Callable[[Path, Run, Options, Bar], Found]:
    """What finds the people of such a recording, once the options were looked at.

    Raises:
        BioposeError: an option has no meaning there, or the recording is one person's.
    """
    check_person(options.height_m, options.mass_kg, options.sex)
    options.refuse(("calibration", "offsets_s"), "is for several films at once")
    if isinstance(options.neutral, Path):
        raise BioposeError("`neutral` is a film of one person", mend="Give a `person`, or leave it away.")
    if is_mesh_file(source):
        options.check_entrance("meshes")
        return _bodies
    elsewhere = is_from_elsewhere(source)
    if is_marker_file(source) or (is_keypoint_file(source) and not elsewhere):
        raise BioposeError(
            "`person=all` is for a recording of several people, and this is one person's",
            where=str(source),
            mend="Leave `person` away.",
        )
    options.check_entrance("points" if elsewhere else "film")
    from_video.check_own_model(options)
    recovering.check_recovering(options)
    options.files()
    return _points if elsewhere else _film


def _film(source: Path, run: Run, options: Options, bar: Bar) -> Found:
    clip = from_video.opened(source, options)
    heat_maps = recoverers.keeps_heat_maps(options.recover)

    def look() -> Everybody:
        with bar("Detecting") as progress:
            return detect_all(
                clip,
                detector_of(options, mirror=options.mirror),
                focal_px=options.focal_px,
                fov_deg=options.fov_deg,
                camera_motion=options.camera_motion,
                keep_heat_maps=heat_maps,
                progress=progress,
            )

    run.stage(
        "people",
        inputs={**recorded(source), **detector_files(options)},
        outputs=[],
        options=options.key("film", "detect")
        | {"keep_heat_maps": heat_maps, "detector_version": known(options.detector).version()},
        work=lambda: _kept(look(), source, run.folder),
        code=("biomech.keypoints.detect_all", HERE),
    )

    def overlay(files: Result, seen: PersonSeen) -> list[Stage]:
        if not options.overlay:
            return []
        # Half a frame more: the last one is meant, too.
        own = replace(options, start_s=max(0.0, seen["from_s"]), end_s=seen["to_s"] + 0.5 / clip.rate_hz)
        return [from_video.overlay_stage(source, from_video.opened(source, own), files, own, bar)]

    return _of_keypoints(run, options, bar, overlay)


def _points(source: Path, run: Run, options: Options, bar: Bar) -> Found:
    film = {} if options.video is None else {"film": options.video}
    told = told_of_points(options)
    del told["person"]
    run.stage(
        "people",
        inputs={**recorded(source), **film},
        outputs=[],
        options=options.key("points", "read"),
        work=lambda: _kept(read_everybody(source, **told), source, run.folder),
        code=("biomech.keypoints.read_all", HERE),
    )
    return _of_keypoints(run, options, bar, lambda files, seen: [])


def _of_keypoints(run: Run, options: Options, bar: Bar, more: Callable[[Result, PersonSeen], list[Stage]]) -> Found:
    """The people whose keypoints lie in the folder, and what is to be done for each."""
    stage = cast(PeopleFigures, run.record["stages"]["people"])

    def street(files: Result, seen: PersonSeen) -> list[Stage]:
        given = run.folder / seen["keypoints"]
        detect = Stage(
            "detect",
            inputs={"people": given},
            outputs=[files.keypoints],
            options={},
            work=lambda: _own(given, files, seen),
            code=(HERE,),
        )
        recover = recovering.recovering_stage(files, options, bar)
        return [detect, recover, *from_video.solving_stages(files, options, bar), *more(files, seen)]

    people: list[tuple[PersonRun, Street]] = []
    for number, seen in enumerate(stage["people"]):
        person = PersonRun(
            number,
            run.folder / f"person_{number}",
            seen["from_s"],
            seen["to_s"],
            seen["frames"],
            seen["frames_with_person"],
            notes=list(seen["notes"]),
        )
        people.append((person, functools.partial(street, seen=seen)))
    return people, list(stage.get("notes", []))


def _kept(everybody: Everybody, source: Path, folder: Path) -> PeopleFigures:
    """The keypoints of each lie in the folder; what is told of them."""
    people: list[PersonSeen] = []
    for number, keypoints in enumerate(everybody.people):
        path = folder / f"{plain_name(recording_name(source))}_person_{number}_keypoints.npz"
        keypoints.save(path)
        people.append(
            {
                "keypoints": path.name,
                "from_s": float(keypoints.time_s[0]),
                "to_s": float(keypoints.time_s[-1]),
                "frames": len(keypoints.time_s),
                "frames_with_person": int(keypoints.found.sum()),
                "notes": [note for note in keypoints.notes if note not in everybody.notes],
            }
        )
    return {"people": people, "notes": everybody.notes, "also": [one["keypoints"] for one in people]}


def _own(given: Path, files: Result, seen: PersonSeen) -> DetectFigures:
    """One person's keypoints in his own folder."""
    keypoints = Keypoints.load(given)
    keypoints.save(files.keypoints)
    return {
        "frames": seen["frames"],
        "frames_with_person": seen["frames_with_person"],
        "frames_looked_at": keypoints.frames_looked_at,
        "focal_px": keypoints.focal_px,
        "focal_source": keypoints.focal_source,
        "notes": [*keypoints.notes, *from_video.focal_notes(keypoints)],
    }


def _bodies(source: Path, run: Run, options: Options, bar: Bar) -> Found:
    count = how_many(source, from_meshes.reading(options))
    people: list[tuple[PersonRun, Street]] = []
    for number in range(count):
        own = replace(options, person=number)
        person = PersonRun(number, run.folder / f"person_{number}", math.nan, math.nan, 0, 0)
        people.append((person, functools.partial(_of_body, source, own, bar)))
    run.save()
    return people, []


def _of_body(source: Path, options: Options, bar: Bar, files: Result) -> list[Stage]:
    return from_meshes.stages(source, files, options, bar)


def _solved(
    person: PersonRun, street: Street, source: Path, options: Options, overwrite: bool, on_stage: OnStage | None
) -> PersonRun:
    """A person's own run."""
    assert options.solvers is not None

    def say(stage: str, skipped: bool) -> None:
        if on_stage:
            on_stage(f"person {person.number}: {stage}", skipped)

    with claimed(person.folder):
        run = Run.open(person.folder, overwrite=overwrite, on_stage=say)
        files = Result.of(
            person.folder, f"{recording_name(source)}_person_{person.number}", run.record, options.solvers
        )
        result = walk(run, [source], files, options, street(files), overwrite, looks=True)
    motion = BodyMotion.load(result.motion)
    if not person.frames:  # of a body of another program
        seen = int((motion.quality > 0).sum()) if motion.quality is not None else len(motion.time_s)
        person = replace(person, from_s=motion.time_s[0], to_s=motion.time_s[-1], frames=len(motion.time_s), seen=seen)
    solve = result.figures["solve"]
    stature = recovering.stature_m(motion)
    trusted = solve["frames_trusted"]
    notes = list(person.notes)
    if trusted < person.frames / 2:
        notes.append(f"{trusted} of {person.frames} frames are trusted: look at {result.overlay.name}")
    notes += [note for note in result.notes if note not in notes and re.search(TOLD_OF_EACH, note)]
    if others := sum(note not in notes for note in result.notes):
        place = result.report if result.report.is_file() else person.folder / RECORD
        notes.append(f"{others} more note{'s' * (others > 1)} in {person.folder.name}/{place.name}")
    return replace(
        person,
        trusted=trusted,
        stature_m=stature,
        marker_rms_mm=solve["marker_rms_mm"],
        result=result,
        notes=notes,
    )


def _drop_gone(folder: Path, count: int) -> None:
    """What runs left of people whom this recording, looked at so, does not show."""
    for place in folder.glob("person_*"):
        number = place.name.removeprefix("person_")
        if number.isdecimal() and int(number) >= count and (place / RECORD).is_file():
            run = Run.open(place)
            for stage in run.record["stages"].values():
                run.remove(stage.get("outputs", {}))
            (place / RECORD).unlink()
            with contextlib.suppress(OSError):  # something of the user's is there
                place.rmdir()


def _write(people: Sequence[PersonRun], path: Path) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(person.row() for person in people)
    with whole_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or math.isnan(value) else round(value, digits)
