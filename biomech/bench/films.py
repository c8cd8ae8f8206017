"""The films of ../shared/data that the benches run the main job on, and how a run is kept or repeated.

Nothing in this package learned from them or was tuned on them: they are there to be reported on.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.pipeline.record import RECORD
from biomech.pipeline.run import Options, Result, run_ik

# none: every stage again; keypoints: what was detected stays, the rest again; all: what is up to date stays.
Reuse = Literal["none", "keypoints", "all"]
DETECT = "detect"


@dataclass(frozen=True)
class FilmRuns:
    """How a bench runs the main job on films.

    Attributes:
        folder: where the runs go, a folder a film.
        options: of the main job.
        only: names of films, or beginnings of them; all where there are none.
        reuse: of earlier runs in the folder: nothing, what was detected, or all stages that are current.
        say: told of every film.
    """

    folder: Path
    options: Options = field(default_factory=Options)
    only: tuple[str, ...] = ()
    reuse: Reuse = "none"
    say: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Film:
    """A film, what is known of the person, and a reference of the same motion."""

    name: str
    file: str  # under the folder video of the data
    height_m: float | None = None
    mass_kg: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    reference: str | None = None  # a .mot
    rival: str | None = None  # another program's .mot of the same film

    @property
    def size_known(self) -> bool:
        """Whether the main job can be told how tall the person is."""
        return self.height_m is not None


def _cmbbe(name: str, trial: str, camera: int) -> Film:
    sync = "neutral_neutral.mov" if trial == "neutral" else f"{trial}_{trial}_sync.mp4"
    reference = None if trial == "neutral" else f"cmbbe2024/OpenSimData_Kinematics_{trial}.mot"
    file = f"cmbbe2024/Videos_Cam{camera}_InputMedia_{sync}"
    return Film(f"cmbbe_{name}_cam{camera}", file, 1.79, 80.0, reference=reference)


CMBBE_TRIALS = {"neutral": "neutral", "jump": "Jump", "high_knees": "JumpHighKnees", "squats": "Squats"}
_FILMS = [
    *(_cmbbe(name, trial, camera) for name, trial in CMBBE_TRIALS.items() for camera in (0, 1)),
    *(
        Film(
            f"opencap_{name}",
            f"opencap_samples/{name}/video.mp4",
            reference=f"opencap_samples/{name}/mocap.mot",
            rival=f"opencap_samples/{name}/opencap_monocular.mot",
        )
        for name in ("squat", "walk")
    ),
    Film("squats_5hz", "hard_cases/pose-detection_test_data_pose_squats.mp4"),
    Film("reader_man", "hard_cases/one-by-one-person-detection.mp4", start_s=28.0, end_s=36.0),
    Film("reader_woman", "hard_cases/one-by-one-person-detection.mp4", start_s=100.0, end_s=108.0),
]
FILMS = {film.name: film for film in _FILMS}


def chosen(names: list[str], only: tuple[str, ...]) -> list[str]:
    """Those of the names that the user asked for; all where nothing was said. A beginning names several.

    Args:
        names: all that there are.
        only: names, or beginnings of them.

    Returns:
        In the order of ``names``.

    Raises:
        BioposeError: one that is asked for is not there.
    """
    for one in only:
        if not one or not any(name.startswith(one) for name in names):
            raise BioposeError(f"there is no '{one}' here", mend=f"Give `only` with one or more of {', '.join(names)}.")
    return [name for name in names if not only or any(name.startswith(one) for one in only)]


def run_film(film: Film, video: Path, runs: FilmRuns, *, with_size: bool = False) -> Result:
    """The main job on one film, in a folder of its own; with the size the plain run's keypoints serve.

    Args:
        film: which, and what is known of the person.
        video: the folder video of the data.
        runs: where they go and how; the film's own window and size are put into the options.
        with_size: tell it the person's height and mass.

    Returns:
        The run's files and record.

    Raises:
        BioposeError: the film is not there or the main job fails.
    """
    source = video / film.file
    if not source.is_file():
        raise BioposeError("no such film", where=str(source), mend="Name the folder of the data with `data`.")
    folder, reuse = runs.folder, runs.reuse
    options = replace(runs.options, start_s=film.start_s, end_s=film.end_s)
    plain, sized = folder / film.name, folder / f"{film.name}_sized"
    if not with_size:
        if reuse == "keypoints":
            forget_all_but(plain, DETECT)
        return run_ik(source, plain, options, overwrite=reuse == "none")
    if reuse != "all" or not (sized / RECORD).exists():
        lend_keypoints(plain, sized, source.stem)
    return run_ik(source, sized, replace(options, height_m=film.height_m, mass_kg=film.mass_kg))


def forget_all_but(folder: Path, *stages: str) -> None:
    """Strike the other stages from a run's record, so that they run again.

    Args:
        folder: of the run; nothing is done where it has no record.
        stages: names of those that are kept.
    """
    if (folder / RECORD).exists():
        record = json.loads((folder / RECORD).read_text())
        record["stages"] = {name: stage for name, stage in record["stages"].items() if name in stages}
        _write(record, folder)


def lend_keypoints(lender: Path, folder: Path, name: str) -> None:
    """Begin a run where another one stood after detecting; none to lend is no error.

    Args:
        lender: folder of the other run.
        folder: of the new run; its record is replaced.
        name: of the recording.
    """
    keypoints = f"{name}_keypoints.npz"
    if not (lender / keypoints).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(lender / keypoints, folder / keypoints)
    _write(json.loads((lender / RECORD).read_text()), folder)
    forget_all_but(folder, DETECT)


def _write(record: dict, folder: Path) -> None:
    with whole_file(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")


def seconds(result: Result) -> float:
    """What the stages of a run took, now or when they last ran."""
    return float(sum(stage["seconds"] for stage in result.record["stages"].values()))


def frames(result: Result) -> int:
    """How many frames were looked at."""
    return int(result.figures["detect"]["frames"])
