"""What a run is told, the stages that it is made of, and the files that it leaves: the same from either entrance."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.names import DEFAULT_RECOVERER

Progress = Callable[[int, int], None] | None
Bar = Callable[[str], AbstractContextManager[Progress]]

# How the motion of each solver is named: <name>_neural.mot, <name>_fast.mot, <name>_classical.mot.
MOTION_NAMES = {"neural": "neural", "fast": "fast", "opensim": "classical"}
# Inverse kinematics gives back what the fit found; the network moves it by what it learned of others.
DEFAULT_SOLVER = "fast"

SCALE_FILES = ("generic.osim", "static.trc", "scale_factors.xml")
NOISIEST_MM = 1000.0  # of markers' noise


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


def check_solvers(solvers: Sequence[str], smooth_mm: float | None = None, polish: bool = False) -> None:
    """Refuse solvers that there are not, or that cannot do what they are asked.

    Raises:
        BioposeError: one is not of ``MOTION_NAMES`` or named twice, or none can smooth or polish that is to.
    """
    for solver in solvers:
        if solver not in MOTION_NAMES:
            known = ", ".join(MOTION_NAMES)
            raise BioposeError(f"there is no solver '{solver}'", mend=f"Give --solver with one or more of {known}.")
        if solvers.count(solver) > 1:
            raise BioposeError(f"the solver {solver} is named twice", mend="Name each once.")
    if smooth_mm is not None and "fast" not in solvers:
        raise BioposeError("--smooth is for our own solver", mend="Leave --smooth away, or give --solver fast.")
    if smooth_mm is not None and not 0 < smooth_mm < NOISIEST_MM:
        raise BioposeError(f"--smooth takes the markers' noise in mm, not {smooth_mm:g}", mend="Give --smooth 10.")
    if polish and "neural" not in solvers:
        raise BioposeError(
            "--polish starts from the network's answer", mend="Leave --polish away, or give --solver neural."
        )


def flag_of(option: str) -> str:
    """The flag of `biopose ik` that sets an option."""
    named = {"marker_set": "markers", "solvers": "solver", "overlay": "no-overlay", "focal_px": "focal-px"}
    plain = named.get(option) or re.sub(r"_(m|mm|kg|s|hz|deg)$", "", option)
    return f"--{plain.replace('_', '-')}"


@dataclass(frozen=True)
class Options:
    """What the user may say; the defaults are those of `biopose ik`."""

    height_m: float | None = None
    mass_kg: float | None = None
    sex: str | None = None  # female or male: what proportions are expected
    start_s: float | None = None
    end_s: float | None = None
    model: Path | None = None  # another .osim, with …
    marker_set: Path | None = None  # … markers on its bodies (the virtual ones for a video), and …
    scaling: Path | None = None  # … a scale setup whose measurements fit it
    solvers: tuple[str, ...] | None = None  # the first one's motion is the result; where None, see ``DEFAULT_SOLVER``
    smooth_mm: float | None = None  # noise of the markers that the fast solver smooths against
    polish: bool = False  # the network's answer, by a few steps on the markers
    fill: bool = False  # interpolate the frames in which too little is seen, which are left out otherwise
    workers: int | None = None
    # Of a video only:
    person: int | tuple[float, float] | None = None
    mirror: bool = False
    recover: str = DEFAULT_RECOVERER
    # When the person stands upright (from, to; s), or another film in which they do nothing else.
    neutral: tuple[float, float] | Path | None = None
    refine: bool = True  # MQ-HMR's answer by the picture, before it is put through time
    mqhmr_weights: Path | None = None  # in place of the package's
    rate_hz: float | None = None  # of a folder of pictures, or at which a film was filmed
    every: int | None = None  # look at every so manieth frame; None: see ``Video.open``
    focal_px: float | None = None
    fov_deg: float | None = None
    overlay: bool = True
    # Of markers only:
    static: Path | None = None  # the trial that the model is scaled by
    personalise: bool = False  # the model is scaled by the motion itself; without either it counts as scaled
    tasks: Path | None = None  # an IK or scale setup with the markers' weights
    up: str | None = None  # the axis of the file that points up
    subject: str | None = None  # whose markers, where the file holds several people's
    recovered: bool = False  # the markers are those of a body that was recovered from film

    def files(self) -> dict[str, Path]:
        """The files among them, by what they are to a stage.

        Raises:
            BioposeError: one is not there.
        """
        named = {f"option {option.name}": getattr(self, option.name) for option in fields(self)}
        paths = {name: value for name, value in named.items() if isinstance(value, Path)}
        for path in paths.values():
            if not path.is_file():
                raise BioposeError("no such file", where=str(path), mend="Check the path.")
        return paths

    def chosen(self, *names: str) -> dict[str, Any]:
        """Some of them, as a stage keeps them."""
        return {name: getattr(self, name) for name in names}

    def refuse(self, names: tuple[str, ...], why: str) -> None:
        """What has no meaning at an entrance is refused there, rather than ignored.

        Raises:
            BioposeError: one of ``names`` was given.
        """
        for option in fields(self):
            if option.name in names and getattr(self, option.name) != option.default:
                raise BioposeError(f"{flag_of(option.name)} {why}", mend="Leave it away.")


@dataclass(frozen=True)
class Stage:
    """One arrow of the street, as ``Run.stage`` takes it."""

    name: str
    inputs: Mapping[str, Path]  # by role
    outputs: list[Path]
    options: dict[str, Any]
    work: Callable[[], dict[str, Any]]  # figures and notes for the record
    code: tuple[str | Path, ...] = ()  # what it runs, as ``provenance.code_hash`` takes it


@dataclass(frozen=True)
class Solution:
    """The files that one solver leaves."""

    solver: str
    kinematics: Path
    ik_setup: Path
    quality: Path
    uncertainty: Path  # of what came from film, or the network's
    tracked: Path  # the markers of the frames that could be solved, for the setup, where that is not all

    @classmethod
    def of(cls, folder: Path, name: str, solver: str, sidecars: str) -> "Solution":
        """The motion is named by its solver, what lies beside it by ``sidecars``."""
        return cls(
            solver=solver,
            kinematics=folder / f"{name}_{MOTION_NAMES[solver]}.mot",
            ik_setup=folder / f"{sidecars}_ik_setup.xml",
            quality=folder / f"{sidecars}_quality.csv",
            uncertainty=folder / f"{sidecars}_uncertainty.csv",
            tracked=folder / f"{sidecars}_tracked.trc",
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
    record: dict[str, Any]

    @classmethod
    def of(
        cls, folder: Path, name: str, record: dict[str, Any], solvers: Sequence[str] = (DEFAULT_SOLVER,)
    ) -> "Result":
        """The names that every run uses; ``name``: the recording's."""
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
