"""What a run is told, the stages that it is made of, and the files that it leaves: the same from either entrance."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from biomech.errors import BioposeError

Progress = Callable[[int, int], None] | None
Bar = Callable[[str], AbstractContextManager[Progress]]

# How the motion of each solver is named: <name>_fast.mot, <name>_classical.mot.
MOTION_NAMES = {"fast": "fast", "opensim": "classical"}
DEFAULT_SOLVER = "fast"


def check_solver(solver: str, smooth_mm: float | None = None) -> None:
    """Refuse a solver that there is not, or that cannot do what it is asked.

    Raises:
        BioposeError: it is not one of ``MOTION_NAMES``, or another than ours is to smooth.
    """
    if solver not in MOTION_NAMES:
        known = " or ".join(MOTION_NAMES)
        raise BioposeError(f"there is no solver '{solver}'", mend=f"Give --solver {known}.")
    if smooth_mm is not None and solver != "fast":
        raise BioposeError("--smooth is for our own solver", mend="Leave --smooth away, or give --solver fast.")
    if smooth_mm is not None and not 0 < smooth_mm < math.inf:
        raise BioposeError(f"--smooth takes the markers' noise in mm, not {smooth_mm:g}", mend="Give --smooth 10.")


@dataclass(frozen=True)
class Options:
    """What the user may say; the defaults are those of `biopose ik`."""

    height_m: float | None = None
    mass_kg: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    model: Path | None = None  # another .osim, with …
    marker_set: Path | None = None  # … markers on its bodies (the virtual ones for a video), and …
    scaling: Path | None = None  # … a scale setup whose measurements fit it
    solver: str = DEFAULT_SOLVER
    smooth_mm: float | None = None  # noise of the markers to smooth against
    workers: int | None = None
    # Of a video only:
    person: int | tuple[float, float] | None = None
    mirror: bool = False
    rate_hz: float = 30.0  # of a folder of pictures
    focal_px: float | None = None
    fov_deg: float | None = None
    overlay: bool = True
    # Of markers only:
    static: Path | None = None  # the trial that the model is scaled by
    personalise: bool = False  # the model is scaled by the motion itself; without either it counts as scaled
    tasks: Path | None = None  # an IK or scale setup with the markers' weights
    up: str | None = None  # the axis of the file that points up

    def files(self) -> list[Path]:
        """The files among them.

        Raises:
            BioposeError: one is not there.
        """
        named = [getattr(self, option.name) for option in fields(self)]
        paths = [value for value in named if isinstance(value, Path)]
        for path in paths:
            if not path.is_file():
                raise BioposeError("no such file", where=str(path), mend="Check the path.")
        return paths

    def refuse(self, names: tuple[str, ...], why: str) -> None:
        """What has no meaning at an entrance is refused there, rather than ignored.

        Raises:
            BioposeError: one of ``names`` was given.
        """
        for option in fields(self):
            if option.name in names and getattr(self, option.name) != option.default:
                flag = option.name.removesuffix("_m").removesuffix("_kg").removesuffix("_deg").removesuffix("_hz")
                raise BioposeError(f"--{flag.replace('_', '-')} {why}", mend="Leave it away.")


@dataclass(frozen=True)
class Stage:
    """One arrow of the street, as ``Run.stage`` takes it."""

    name: str
    inputs: list[Path]
    outputs: list[Path]
    options: dict[str, Any]
    work: Callable[[], dict[str, Any]]  # figures and notes for the record


@dataclass(frozen=True)
class Result:
    """The files of a run; all lie in one folder. What an entrance has no use for is not there."""

    folder: Path
    keypoints: Path
    motion: Path
    markers: Path
    model: Path
    kinematics: Path
    quality: Path
    scale_setup: Path
    ik_setup: Path
    overlay: Path
    record: dict[str, Any]

    @classmethod
    def of(cls, folder: Path, name: str, record: dict[str, Any], solver: str = DEFAULT_SOLVER) -> "Result":
        """The names that every run uses."""
        return cls(
            folder=folder,
            keypoints=folder / f"{name}_keypoints.npz",
            motion=folder / f"{name}_motion.npz",
            markers=folder / f"{name}.trc",
            model=folder / f"{name}_scaled.osim",
            kinematics=folder / f"{name}_{MOTION_NAMES[solver]}.mot",
            quality=folder / f"{name}_quality.csv",
            scale_setup=folder / f"{name}_scaled_scale_setup.xml",
            ik_setup=folder / f"{name}_ik_setup.xml",
            overlay=folder / "overlay.mp4",
            record=record,
        )

    @property
    def notes(self) -> list[str]:
        """What the user should know, of all stages, in order."""
        said = [note for stage in self.record["stages"].values() for note in stage.get("notes", [])]
        return list(dict.fromkeys(said))
