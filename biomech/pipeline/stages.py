"""The stages that a run is made of, and the files that it leaves: the same from either entrance."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from biomech.helper import Helper
from biomech.names import DEFAULT_SOLVER, MOTION_NAMES
from biomech.pipeline.figures import Record, RunFigures, StageRecord

Progress = Callable[[int, int], None] | None
Bar = Callable[[str], AbstractContextManager[Progress]]

SCALE_FILES = ("generic.osim", "static.trc", "scale_factors.xml")


def recording_files(source: Path) -> list[Path]:
    """The files of a recording: itself, or the pictures of a folder."""
    return sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]


def recorded(source: Path) -> dict[str, Path]:
    """The same as a stage's inputs; pictures are told apart by their names, which order them."""
    if source.is_dir():
        return {f"picture {path.name}": path for path in recording_files(source)}
    return {"recording": source}


def is_keypoint_file(path: Path) -> bool:
    """Whether a file's name says that it holds keypoints."""
    return path.suffix.lower() == ".npz"


def recording_name(source: Path) -> str:
    """What the results of a recording are named by: NAME of NAME.mp4, NAME.trc and NAME_keypoints.npz."""
    return source.stem.removesuffix("_keypoints") if is_keypoint_file(source) else source.stem


def plain_name(name: str) -> str:
    """A recording's name as its results bear it: OpenSim's tools fail on blanks, ``*``, ``+`` and the like."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    return (plain if plain == name else plain.strip("_")) or "recording"


@dataclass(frozen=True)
class Stage:
    """One arrow of the street, as ``Run.stage`` takes it."""

    name: str
    inputs: Mapping[str, Path]  # by role
    outputs: list[Path]
    options: Mapping[str, object]
    work: Callable[[], StageRecord]  # figures and notes for the record
    code: tuple[str | Path, ...] = ()  # what it runs, as ``provenance.code_hash`` takes it


def with_helper(stage: Stage, helper: Helper) -> Stage:
    """A stage that lets a helper begin with its imports while it works.

    Args:
        stage: any.
        helper: not started yet.

    Returns:
        The same stage; where it is skipped the helper is not started.
    """

    def work() -> StageRecord:
        helper.start()
        return stage.work()

    return replace(stage, work=work)


@dataclass(frozen=True)
class Solution:
    """The files that one solver leaves."""

    solver: str
    kinematics: Path
    ik_setup: Path
    quality: Path
    uncertainty: Path  # of what came from film, or the network's
    tracked: Path  # the markers of the frames that could be solved, for the setup, where that is not all
    angles: Path  # the motion as a tidy table

    @classmethod
    def of(cls, folder: Path, name: str, solver: str, sidecars: str) -> "Solution":
        """The motion is named by its solver, what lies beside it by ``sidecars``.

        Args:
            folder: of the run.
            name: of the recording, fit to be a file's.
            solver: a key of ``names.MOTION_NAMES``.
            sidecars: how the names of setup, quality and uncertainty begin.

        Returns:
            Paths; the files need not be there.
        """
        return cls(
            solver=solver,
            kinematics=folder / f"{name}_{MOTION_NAMES[solver]}.mot",
            ik_setup=folder / f"{sidecars}_ik_setup.xml",
            quality=folder / f"{sidecars}_quality.csv",
            uncertainty=folder / f"{sidecars}_uncertainty.csv",
            tracked=folder / f"{sidecars}_tracked.trc",
            angles=folder / f"{sidecars}_angles.csv",
        )

    def written(self, from_film: bool) -> list[Path]:
        """Those that this solver writes; of markers only the network says how unsure it is."""
        own = [self.uncertainty] if self.solver == "neural" or from_film else []
        return [self.kinematics, self.ik_setup, self.quality, *own]


@dataclass(frozen=True)
class Result:
    """The files of a run; all lie in one folder. What an entrance has no use for is not there."""

    folder: Path
    keypoints: Path
    motion: Path
    markers: Path
    model: Path
    scale_setup: Path
    solutions: tuple[Solution, ...]  # the first one is the run's result
    difference: Path  # of the other solvers' motions from the first
    difference_figure: Path
    overlay: Path
    angles_figure: Path
    events: Path  # strides, repetitions and jumps of the first solver's motion, and what is measured of them
    measures: Path
    report: Path
    record: Record

    @classmethod
    def of(cls, folder: Path, name: str, record: Record, solvers: Sequence[str] = (DEFAULT_SOLVER,)) -> "Result":
        """The names that every run uses.

        Args:
            folder: of the run.
            name: the recording's; what OpenSim's tools fail on is replaced in it.
            record: what lies in ``biopose.json``.
            solvers: at least one; the first one's motion is the run's result.

        Returns:
            Paths; the files need not be there.
        """
        name = plain_name(name)
        first, *others = solvers
        solutions = [Solution.of(folder, name, first, name)]
        solutions += [Solution.of(folder, name, other, f"{name}_{MOTION_NAMES[other]}") for other in others]
        return cls(
            folder=folder,
            keypoints=folder / f"{name}_keypoints.npz",
            motion=folder / f"{name}_motion.npz",
            markers=folder / f"{name}.trc",
            model=folder / f"{name}_scaled.osim",
            scale_setup=folder / f"{name}_scaled_scale_setup.xml",
            solutions=tuple(solutions),
            difference=folder / f"{name}_difference.csv",
            difference_figure=folder / f"{name}_difference.png",
            overlay=folder / "overlay.mp4",
            angles_figure=folder / f"{name}_angles.png",
            events=folder / f"{name}_events.csv",
            measures=folder / f"{name}_measures.csv",
            report=folder / f"{name}_report.html",
            record=record,
        )

    @property
    def scale_files(self) -> list[Path]:
        """What the scale setup needs and leaves beside the model."""
        return [self.model.with_name(f"{self.model.stem}_{part}") for part in SCALE_FILES]

    @property
    def kinematics(self) -> Path:
        """The run's motion."""
        return self.solutions[0].kinematics

    @property
    def ik_setup(self) -> Path:
        """The setup beside it."""
        return self.solutions[0].ik_setup

    @property
    def quality(self) -> Path:
        """The quality of its frames."""
        return self.solutions[0].quality

    @property
    def figures(self) -> RunFigures:
        """What the stages said of themselves, by name."""
        return cast(RunFigures, self.record["stages"])  # each stage's ``work`` has its figures' type

    @property
    def files(self) -> dict[str, Path]:
        """The folder and what this run's stages left in it, by name; of several solvers the first one's."""
        left = {name for stage in self.record["stages"].values() for name in stage["outputs"]}
        named = {name: path for name, path in (vars(self) | vars(self.solutions[0])).items() if isinstance(path, Path)}
        return {name: path for name, path in named.items() if path.name in left or name == "folder"}

    @property
    def notes(self) -> list[str]:
        """What the user should know, of all stages, in order."""
        said = [note for stage in self.record["stages"].values() for note in stage.get("notes", [])]
        if removed := self.record.get("removed"):
            said.append(f"results of other options, which no longer fit these, were taken away: {', '.join(removed)}")
        return list(dict.fromkeys(said))
