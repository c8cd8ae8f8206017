"""The motions of a folder as it lies: of a run of ours, an OpenCap session, or a Pose2Sim project."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError
from biomech.names import RUN_RECORD

RUN = RUN_RECORD
OPENCAP, POSE2SIM = "OpenSimData", "kinematics"
MEND = (
    "Give a .mot, .sto or .csv, a folder of `biopose ik`, an OpenCap session (with OpenSimData/Kinematics), or a "
    "Pose2Sim project (with kinematics/)."
)


@dataclass(frozen=True)
class Recording:
    """One motion.

    Attributes:
        trial: what was recorded; the same in two folders means the same.
        method: what made the motion of it, where a folder holds several of one trial; empty otherwise.
        motion: its file.
        model: scaled, where the folder holds it.
    """

    trial: str
    method: str
    motion: Path
    model: Path | None


def recordings_of(path: Path) -> list[Recording]:
    """Of a file the motion itself; of a folder all motions in it.

    Args:
        path: .mot, .sto or .csv, or a folder.

    Returns:
        In the order of names; at least one.

    Raises:
        BioposeError: the folder is none of those that are known, or holds no motion.
    """
    if not path.is_dir():
        model = _first(path.with_name(f"{path.stem}{end}.osim") for end in ("_scaled", ""))
        return [Recording(path.stem, "", path, model or _run_model(path.parent, path.stem))]
    if (path / RUN).is_file():
        found = _of_run(path)
    elif (path / OPENCAP).is_dir() or path.name == OPENCAP:
        found = _of_opencap(path if path.name == OPENCAP else path / OPENCAP)
    else:
        found = _of_pose2sim(path)
    if not found:
        raise BioposeError(
            "a folder, not a file, and no motion is where a known program leaves it", where=str(path), mend=MEND
        )
    return found


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _run_model(folder: Path, stem: str) -> Path | None:
    """The scaled model of a run, beside a motion that is named by it and its solver."""
    return _first([folder / f"{stem.rsplit('_', 1)[0]}_scaled.osim"]) if "_" in stem else None


def _of_run(folder: Path) -> list[Recording]:
    """Every solver's motion."""
    models = sorted(folder.glob("*_scaled.osim"))
    return [
        Recording(name, motion.stem.removeprefix(f"{name}_"), motion, model)
        for model in models
        for name in [model.stem.removesuffix("_scaled")]
        for motion in sorted(folder.glob("*.mot"))
        if motion.stem.startswith(f"{name}_")
    ]


def _of_opencap(data: Path) -> list[Recording]:
    """``OpenSimData``: Kinematics/TRIAL.mot on the one scaled model of the session."""
    models = sorted((data / "Model").glob("*.osim"))
    scaled = [model for model in models if model.stem.endswith("_scaled")] or models
    model = scaled[0] if len(scaled) == 1 else None
    return [Recording(motion.stem, "", motion, model) for motion in sorted((data / "Kinematics").glob("*.mot"))]


def _of_pose2sim(project: Path) -> list[Recording]:
    """``kinematics``: TRIAL.mot beside TRIAL.osim; of a batch those of every trial's folder."""
    folders = [project] if project.name == POSE2SIM else [project / POSE2SIM]
    if not folders[0].is_dir():
        folders = sorted(path for path in project.glob(f"*/{POSE2SIM}") if path.is_dir())
    found = []
    for folder in folders:
        for motion in sorted(folder.glob("*.mot")):
            found.append(Recording(motion.stem, "", motion, _first([motion.with_suffix(".osim")])))
    return found
