"""A run in OpenSim's GUI: where the program is, what to load, a script of the GUI's that loads it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.pipeline.runs_within import refuse_runs_within

SCRIPT = "open_in_gui.py"
PROGRAMS = ("OpenSim64.exe", "OpenSim64", "opensim64", "OpenSim.exe", "OpenSim", "opensim", "opensim-gui")
# The installers' own places; the newest version comes last in order of names.
PLACES = {
    "win32": ("C:/OpenSim */bin", "C:/Program Files/OpenSim */bin"),
    "darwin": ("/Applications/OpenSim */OpenSim *.app", "/Applications/OpenSim*.app", "~/Applications/OpenSim*.app"),
    "linux": ("/opt/opensim*/bin", "/opt/OpenSim*/bin", "~/opensim-workspace/opensim-gui*/bin", "~/opensim-gui*/bin"),
}
# loadModel and loadMotion are commands of the GUI's scripting shell.
CONTENT = """# In OpenSim's GUI: Scripts, Run..., this file.
loadModel({model!r})
{motions}
"""


@dataclass(frozen=True)
class RunFiles:
    """What of a run is looked at: paths from the root."""

    model: Path
    motions: list[Path]
    markers: list[Path]
    setups: list[Path]


def run_files(folder: Path) -> RunFiles:
    """The model, motions and markers that a run left.

    Args:
        folder: of `biopose ik`, or any with one model and motions.

    Returns:
        The run's own; copies that setups need are left out.

    Raises:
        BioposeError: no folder, or no model or several in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BioposeError("no such folder", where=str(folder), mend="Give the folder that `biopose ik` made.")

    def found(pattern: str, *without: str) -> list[Path]:
        paths = (path.resolve() for path in sorted(folder.glob(pattern)))
        return [path for path in paths if not path.stem.endswith(without)]

    models = found("*_scaled.osim") or found("*.osim", "_generic")
    if not models:
        refuse_runs_within(folder)
    if len(models) != 1:
        what = f"{len(models)} models are in the folder" if models else "there is no model in the folder"
        raise BioposeError(what, where=str(folder), mend="Give the folder of one run of `biopose ik`.")
    markers = found("*.trc", "_static", "_tracked")
    return RunFiles(models[0], found("*.mot", "_replay"), markers, found("*_ik_setup.xml"))


def find_gui() -> Path | None:
    """OpenSim's GUI: by OPENSIM_HOME, the usual places of this system, or the search path for programs."""
    home = os.environ.get("OPENSIM_HOME")
    folders = [Path(home), Path(home) / "bin"] if home else []
    for pattern in PLACES.get("linux" if sys.platform.startswith("linux") else sys.platform, ()):
        place = Path(pattern).expanduser()
        folders += sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))), reverse=True)
    for folder in folders:
        if folder.suffix == ".app" and folder.is_dir():
            return folder
        for name in PROGRAMS:
            if (folder / name).is_file():
                return folder / name
    named = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    return Path(named) if named else None


def write_script(files: RunFiles) -> Path:
    """The GUI's script beside the model, which loads it with its motions.

    Args:
        files: of the run.

    Returns:
        Its path.

    Raises:
        MachineError: it cannot be written.
    """
    path = files.model.with_name(SCRIPT)
    motions = "\n".join(f"loadMotion({motion.as_posix()!r})" for motion in files.motions)
    with whole_file(path) as temporary:
        temporary.write_text(CONTENT.format(model=files.model.as_posix(), motions=motions), encoding="utf-8")
    return path


def steps(files: RunFiles, script: Path) -> list[str]:
    """What to click in the GUI.

    Args:
        files: of the run.
        script: of ``write_script``.

    Returns:
        In order.
    """
    said = [f"Scripts > Run...: {script}  (loads the model and its motions; or File > Open Model, Load Motion)"]
    said += [f"File > Preview Experimental Data...: {path}" for path in files.markers]
    if files.markers and files.motions:
        said.append(
            "Navigator > Motions: right-click the markers > Associate Motion Data, to play them with the skeleton"
        )
    said += [f"Tools > Inverse Kinematics > Load...: {path}  (solves it again)" for path in files.setups[:1]]
    return said


def start_gui(program: Path) -> None:
    """Start OpenSim and go on.

    Args:
        program: of ``find_gui``.

    Raises:
        BioposeError: the system does not start it.
    """
    command = ["open", str(program)] if program.suffix == ".app" else [str(program)]
    try:
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        what = f"it could not be started ({error.strerror or error})"
        raise BioposeError(what, where=str(program), mend="Start OpenSim by hand.") from error
