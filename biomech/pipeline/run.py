"""The main job: a video or recorded markers in, a folder out that the OpenSim GUI opens.

One street with two entrances; here is what both share: the folder, its claim, and the stages in turn. Torch, OpenSim
and what else the stages need is imported where a run begins, so that whoever imports this waits for none of it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType

from biomech.errors import BioposeError
from biomech.files import check_file, sha256
from biomech.markers.markers import is_marker_file
from biomech.names import ARRAY_SUFFIXES
from biomech.osim_models.bones import lay_bones
from biomech.pipeline.claim import claimed
from biomech.pipeline.figures import RecordedSource, StageRecord
from biomech.pipeline.options import Options
from biomech.pipeline.record import Run
from biomech.pipeline.stages import (
    Bar,
    Progress,
    Result,
    Stage,
    is_keypoint_file,
    plain_name,
    recording_files,
    recording_name,
)

__all__ = ["Bar", "Options", "Progress", "Result", "run_ik", "run_mesh"]


def no_bar(_: str) -> AbstractContextManager[Progress]:
    """No progress bar, of whatever label."""
    return nullcontext(None)


def run_ik(
    source: Path | Sequence[Path],
    folder: Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    bar: Bar = no_bar,
    on_stage: Callable[[str, bool], None] | None = None,
    looks: bool = True,
) -> Result:
    """Run the stages of the main job that are not up to date.

    Args:
        source: a media file, a folder of pictures, the keypoints of one (.npz; OpenPose's folder, AlphaPose's or
            mmpose's .json), recorded markers (.trc, .c3d), or a body of another program (``body.sources``); or, of
            several cameras that filmed the same, as many films or keypoints.
        folder: where the results go; may hold an earlier run of the same recording.
        options: what the user said; the defaults where None.
        overwrite: run every stage, whatever is there.
        bar: makes a progress bar from a label.
        on_stage: called with each stage's name and whether it is skipped.
        looks: make what people look at besides (``finish``).

    Returns:
        The files, and the record of this run's stages.

    Raises:
        BioposeError: what the user can mend, of any stage.
    """
    several = [Path(one) for one in ([source] if isinstance(source, Path | str) else source)]
    with _absolute(several, folder, options) as (films, place, wanted):
        return _run_ik(films, place, wanted, overwrite, bar, on_stage, looks)


@contextmanager
def _absolute(
    sources: Sequence[Path], folder: Path, options: Options | None
) -> Iterator[tuple[list[Path], Path, Options]]:
    """The same with absolute paths; errors tell them as they were given.

    OpenSim changes the process's working directory while it reads a model, and plots are made beside that in a thread.
    """
    options = options or Options()
    set_paths = [value for one in fields(options) if isinstance(value := getattr(options, one.name), Path)]
    relative = [path for path in (*sources, Path(folder), *set_paths) if not path.is_absolute()]
    names = {str(path.absolute()): str(path) for path in relative}
    try:
        yield [path.absolute() for path in sources], Path(folder).absolute(), options.absolute()
    except BioposeError as error:
        told = error
        for absolute, given in sorted(names.items(), reverse=True):  # a file in a folder before the folder
            told = told.renamed(absolute, given)
        if told.text() == error.text():
            raise
        raise told from error.__cause__


def _run_ik(
    several: list[Path],
    folder: Path,
    options: Options,
    overwrite: bool,
    bar: Bar,
    on_stage: Callable[[str, bool], None] | None,
    looks: bool,
) -> Result:
    from biomech.keypoints.readers import is_from_elsewhere
    from biomech.person import check_person
    from biomech.pipeline import from_video
    from biomech.pipeline.solvers import choose_solvers

    source = several[0]
    options.one_person()
    check_person(options.height_m, options.mass_kg, options.sex)
    meshes = _is_mesh_file(source)
    given_points = (is_keypoint_file(source) and not meshes) or is_from_elsewhere(source)
    for one in several:
        if is_marker_file(one) or is_keypoint_file(one):
            check_file(one, missing="no such file", mend="Check the path.")
    if len(several) == 1:
        options.refuse(("calibration", "offsets_s"), "is for several films at once")
    else:
        from biomech.pipeline import from_films

        from_films.check(several, options)
    entrance = _entrance(source, meshes)
    taken = choose_solvers(options, lambda: entrance.check_network(source, options))
    options = replace(options, solvers=taken)
    with claimed(folder):
        run = Run.open(folder, overwrite=overwrite, on_stage=on_stage)
        files = Result.of(folder, recording_name(source), run.record, taken)
        if len(several) > 1:
            from biomech.pipeline import from_films

            street = from_films.stages(several, files, options, bar)
        else:
            stages = from_video.keypoint_stages if given_points else entrance.stages
            street = stages(source, files, options, bar)
        return walk(run, several, files, options, street, overwrite, looks=looks)


def _is_mesh_file(source: Path) -> bool:
    """Whether it is a body of another program; films are known by their names."""
    if source.suffix.lower() not in ARRAY_SUFFIXES:
        return False
    from biomech.body.sources.read import is_mesh_file

    return is_mesh_file(source)


def _entrance(source: Path, meshes: bool) -> ModuleType:
    """The one that a recording takes; the others' imports are not waited for."""
    if is_marker_file(source):
        from biomech.pipeline import from_markers

        return from_markers
    if meshes:
        from biomech.pipeline import from_meshes

        return from_meshes
    from biomech.pipeline import from_video

    return from_video


def run_mesh(
    video: Path,
    folder: Path,
    options: Options | None = None,
    *,
    glb: bool = False,
    obj_every: int | None = None,
    overwrite: bool = False,
    bar: Bar = no_bar,
    on_stage: Callable[[str, bool], None] | None = None,
) -> Result:
    """The main job as far as the moving body; then, if wanted, its mesh for other programs.

    Args:
        video: a media file or a folder of pictures.
        folder: where the results go; may hold an earlier run of the same recording.
        options: what the user said; the defaults where None.
        glb: write an animated mesh, NAME.glb.
        obj_every: write the posed mesh of every Nth frame into NAME_obj.
        others: as ``run_ik``.

    Returns:
        The files, and the record of this run's stages.

    Raises:
        BioposeError: what the user can mend, of any stage.
    """
    from biomech.person import check_person
    from biomech.pipeline import from_video
    from biomech.pipeline.mesh_files import mesh_stages

    with _absolute([Path(video)], folder, options) as ([video], folder, options):
        check_person(options.height_m, options.mass_kg, options.sex)
        with claimed(folder):
            run = Run.open(folder, overwrite=overwrite, on_stage=on_stage)
            files = Result.of(folder, video.stem, run.record)
            stages = from_video.body_stages(video, from_video.opened(video, options), files, options, bar)
            stages += mesh_stages(files, plain_name(video.stem), glb, obj_every)
            return walk(run, [video], files, options, stages, overwrite)


def walk(
    run: Run,
    sources: Sequence[Path],
    files: Result,
    options: Options,
    stages: list[Stage],
    overwrite: bool,
    *,
    looks: bool = False,
) -> Result:
    """The stages in turn, in a folder that is this recording's.

    Args:
        run: of the folder.
        sources: the recording.
        files: the run's.
        options: what the user said.
        stages: those that are to run or be skipped.
        overwrite: whether another recording's results may go.
        looks: make what people look at besides (``finish``).

    Returns:
        The files with this run's record.

    Raises:
        BioposeError: what the user can mend, of any stage.
    """
    recording = [file for source in sources for file in recording_files(source)]
    given = [*recording, *options.files().values()]
    _check_inputs(given, stages)
    run.given = frozenset(os.path.realpath(path) for path in given)
    claim(run, ", ".join(source.name for source in sources), recording, overwrite)
    # Nothing but the report waits for the overlay: it is drawn while tables and plots are made.
    beside = [stage for stage in stages[-1:] if stage.name == "overlay" and looks]
    for stage in stages[: len(stages) - len(beside)]:
        run.stage(**vars(stage))
    if files.model.is_file():
        lay_bones(files.model)
    # The folder's record may hold stages of earlier runs besides, with other solvers or an overlay, on the same files.
    own = {stage.name: run.record["stages"][stage.name] for stage in stages if stage not in beside}
    failed: dict[str, StageRecord] = {}
    if looks:
        from biomech.pipeline.finish import finish

        done, failed = finish(run, replace(files, record={**run.record, "stages": own}), options, beside)
        own |= done
    run.drop_outdated(own)
    return replace(files, record={**run.record, "stages": own | failed, "removed": run.removed})


def _check_inputs(given: list[Path], stages: list[Stage]) -> None:
    """What the user gave is there, and no stage writes over it."""
    written = {os.path.realpath(path) for stage in stages for path in stage.outputs}
    for path in given:
        check_file(path, missing="no such file", mend="Check the path.")
        if os.path.realpath(path) in written:
            raise BioposeError(
                "the results would be written over this file", where=str(path), mend="Name another folder with `out`."
            )


def claim(run: Run, name: str, recording: list[Path], overwrite: bool) -> None:
    """One folder, one recording: another one's results are not written over.

    Args:
        run: of the folder; its record takes the recording.
        name: of the recording.
        recording: its files.
        overwrite: whether another recording's results may go.

    Raises:
        BioposeError: the folder is another recording's.
    """
    claim: RecordedSource = {"name": name, "sha256": [sha256(path) for path in recording]}
    earlier = run.record.get("source")
    if earlier is not None and earlier != claim:
        if not overwrite:
            raise BioposeError(
                f"the folder holds the results of another recording ({earlier['name']})",
                where=str(run.folder),
                mend="Name another folder with `out`, or give `overwrite`.",
            )
        for stage in run.record["stages"].values():
            run.remove(stage.get("outputs", {}))
        run.record["stages"] = {}
    run.record["source"] = claim
