"""The main job: a video, keypoints or markers → a scaled Model and a motion."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_type_hints, overload

import numpy as np
from jaxtyping import Float

from biomech.api.ik_options import IkOptions
from biomech.errors import BioposeError
from biomech.files import path_of
from biomech.inverse_kinematics.trusted import Trusted
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.pipeline.figures import RunFigures
from biomech.pipeline.options import Options, table
from biomech.pipeline.run import run_ik
from biomech.pipeline.stages import Bar, Result
from biomech.skeleton.osim import Model

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack  # of ``typing`` only from Python 3.11 on

    from biomech.pipeline.people import PeopleResult


@dataclass(frozen=True)
class IkResult:
    """What the main job found.

    Attributes:
        kinematics: of the first solver (rad, m), at the frames that could be solved, or at all with ``fill``.
        markers: that were solved (m; Y up), every frame.
        model: scaled to the person.
        uncertainty: of ``kinematics``, the same frames and coordinates (rad, m): half widths that hold the true value
            as often as one standard deviation does; None where nothing is known, as with recorded markers.
        trusted: of every frame why it is not to be trusted, and what its markers leave open.
        notes: what the user should know, of all stages, in order.
        figures: of every stage, as ``biopose.json`` has them.
        folder: where the files lie; None where none were kept.
    """

    kinematics: Kinematics
    markers: Markers
    model: Model
    uncertainty: Float[np.ndarray, "solved coordinates"] | None
    trusted: Trusted
    notes: list[str]
    figures: RunFigures
    folder: Path | None

    @property
    def angles(self) -> "pd.DataFrame":
        """The motion as a table (``Kinematics.table``): degrees and metres by time (s)."""
        return self.kinematics.table()


class IkResults(list[IkResult]):
    """What the main job found of each of several people: a list of those who could be solved.

    Attributes:
        table: of everybody, failed ones too, as ``people.csv`` has it: person, folder, when in view (s), frames, frames
            seen and trusted, stature (m), marker RMS (mm), notes.
        notes: what the user should know of the recording.
    """

    def __init__(self, results: Iterable[IkResult], table: "pd.DataFrame", notes: list[str]):
        super().__init__(results)
        self.table, self.notes = table, notes


@overload
def ik(
    source: Keypoints | Markers | Path | str | Sequence[Keypoints | Path | str],
    *,
    out: Path | str | None = None,
    overwrite: bool = False,
    bar: Bar = ...,
    on_stage: Callable[[str, bool], None] | None = None,
    person: int | tuple[float, float] | None = None,
    **options: "Unpack[IkOptions]",
) -> IkResult: ...


@overload
def ik(
    source: Keypoints | Markers | Path | str | Sequence[Keypoints | Path | str],
    *,
    out: Path | str | None = None,
    overwrite: bool = False,
    bar: Bar = ...,
    on_stage: Callable[[str, bool], None] | None = None,
    person: Literal["all"],
    **options: "Unpack[IkOptions]",
) -> IkResults: ...


def ik(
    source: Keypoints | Markers | Path | str | Sequence[Keypoints | Path | str],
    *,
    out: Path | str | None = None,
    overwrite: bool = False,
    bar: Bar = lambda _: nullcontext(None),
    on_stage: Callable[[str, bool], None] | None = None,
    person: int | tuple[float, float] | Literal["all"] | None = None,
    **options: "Unpack[IkOptions]",
) -> IkResult | IkResults:
    """From one video, or from keypoints or recorded markers, to a scaled model and a motion: `biopose ik` in Python.

    Args:
        source: the path of a video, of a folder of pictures, of keypoints (.npz) or of recorded markers (.trc, .c3d);
            or Keypoints or Markers themselves. Of several cameras that filmed the same a list of their videos (or
            keypoints), with ``calibration``.
        out: folder for the files that `biopose ik` leaves; an earlier run of the same recording there is gone on with.
            Without it nothing is kept, and no overlay is drawn.
        overwrite: run every stage, whatever is there.
        bar: makes a progress bar from a label.
        on_stage: called with each stage's name and whether it is skipped.
        person: who, where there are several: 0, 1 … from left to right, or a pixel (x, y); by default the most
            prominent one. With ``all`` everybody, each in a folder of his own, and what is given is a list.
        options: as the fields of ``biomech.pipeline.options.Options``, where each is explained: ``height_m``,
            ``mass_kg``, ``sex``, ``start_s``, ``end_s``, ``solvers``, ``neutral``, ``fill`` …; paths as texts too.

    Returns:
        The first solver's motion (``angles``: frames by coordinates, degrees and metres), the markers (m) that it was
        solved from, the scaled model, which frames are trusted, and the notes of the run. Of ``person="all"`` a list of
        these, one for each who could be solved, those in view from the beginning from left to right, then the others
        as they come; its ``table`` says of everybody from when to when they are in view, and why one failed.

    Raises:
        BioposeError: an unknown option, or what the user can mend, of any stage.

    Example:
        >>> import biomech
        >>> found = biomech.ik("walk_keypoints.npz", height_m=1.70, mass_kg=75.0)  # or "walk.mp4"
        >>> found.angles[["hip_flexion_r", "knee_angle_r"]].shape
        (12, 2)
    """
    with ExitStack() as stack:
        kept = None if out is None else Path(out)
        several = list(source) if isinstance(source, list | tuple) else [source]
        if not several:
            raise BioposeError("no recording", mend="Give a video, keypoints or markers.")
        paths = []
        for number, one in enumerate(several):
            if isinstance(one, Keypoints | Markers):
                name = "recording" if len(several) == 1 else f"recording{number + 1}"
                one = _written(one, stack.enter_context(temporary_folder(name)), name)
            paths.append(path_of(one, "a recording"))
        unseen = {"overlay": False, "report": False} if kept is None else {}
        said: dict[str, Any] = {**unseen, "person": person, **options}
        if isinstance(model := said.get("model"), Model):
            said["model"] = stack.enter_context(model.as_file())
        chosen = _options(said)
        folder = kept or stack.enter_context(temporary_folder("ik")) / "run"
        if person == "all":
            from biomech.pipeline.people import run_everybody  # here, for it loads torch and OpenSim

            return _everybody(
                run_everybody(paths, folder, chosen, overwrite=overwrite, bar=bar, on_stage=on_stage), kept
            )
        files = run_ik(paths, folder, chosen, overwrite=overwrite, bar=bar, on_stage=on_stage, looks=kept is not None)
        return _read(files, kept)


def _everybody(found: "PeopleResult", kept: Path | None) -> IkResults:
    import pandas as pd  # slow to load

    results = [
        _read(person.result, None if kept is None else person.folder)
        for person in found.people
        if person.result is not None
    ]
    return IkResults(results, pd.DataFrame([person.row() for person in found.people]), found.notes)


def _options(given: Mapping[str, object]) -> Options:
    known = table()
    if unknown := sorted(set(given) - set(known)):
        raise BioposeError(f"there is no option {', '.join(unknown)}", mend=f"Give one of {', '.join(sorted(known))}.")
    hints = get_type_hints(Options)
    said: dict[str, Any] = {
        name: Path(value) if isinstance(value, str) and Path in get_args(hints[name]) else value
        for name, value in given.items()
    }
    if isinstance(solvers := said.get("solvers"), str):
        said["solvers"] = (solvers,)
    return Options(**said)


def _written(source: Keypoints | Markers, folder: Path, name: str) -> Path:
    from biomech.markers.trc import write_trc

    source.check()
    if isinstance(source, Keypoints):
        source.save(path := folder / f"{name}_keypoints.npz")
    else:
        write_trc(source, path := folder / f"{name}.trc")
    return path


def _read(files: Result, folder: Path | None) -> IkResult:
    from biomech.markers.trc import read_trc  # here, for these load pandas, torch and OpenSim
    from biomech.pipeline.solve import read_uncertainty
    from biomech.skeleton.model import load_model, read_motion

    kinematics = read_motion(load_model(files.model), files.kinematics)
    unsure = files.solutions[0].uncertainty
    return IkResult(
        kinematics=kinematics,
        markers=read_trc(files.markers),
        model=Model.load(files.model),
        uncertainty=read_uncertainty(unsure, kinematics) if unsure.is_file() else None,
        trusted=Trusted.read(files.quality),
        notes=files.notes,
        figures=files.figures,
        folder=folder,
    )
