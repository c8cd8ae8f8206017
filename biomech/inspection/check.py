"""Files of OpenSim looked at before OpenSim is: what is wrong, where, and the same written without it."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import opensim

from biomech.errors import BioposeError
from biomech.files import check_file, path_of
from biomech.inspection.finding import Checked, Finding, refused, worst_first
from biomech.inspection.markers_file import check_markers, fix_markers
from biomech.inspection.model_file import check_model, fix_model
from biomech.inspection.motion_file import check_motion, fix_motion
from biomech.inspection.setup_file import check_setup, fix_setup
from biomech.leftovers import clear_leftovers
from biomech.skeleton.model import load_model

KINDS = {
    ".trc": "markers",
    ".c3d": "markers",
    ".mot": "motion",
    ".sto": "motion",
    ".osim": "model",
    ".xml": "setup",
}
FIXED = "_fixed"  # behind the name of a mended copy


def check_files(paths: Sequence[Path | str], *, model: Path | str | None = None, fix: bool = False) -> list[Checked]:
    """Look at files of OpenSim; folders stand for the files in them.

    Markers, motions and setups are also held against the model: the one given, else the only .osim among the files.

    Args:
        paths: .trc, .c3d, .mot, .sto, .osim, .xml (setups, task sets, marker sets), or folders.
        model: an .osim that the other files are meant for.
        fix: write NAME_fixed.EXT beside a file whose mend is certain, and look at that; the file stays as it is.

    Returns:
        One for each file, in the order given.

    Raises:
        BioposeError: no file of these kinds, the model cannot be read, or a mended copy would be written over a file.
    """
    files = _files([path_of(path, "a file") for path in paths])
    given = path_of(model, "a model") if model is not None else None
    models = [file for file in files if KINDS[file.suffix.lower()] == "model"]
    target = given or (models[0] if len(models) == 1 else None)
    try:
        against = load_model(target) if target is not None else None
    except BioposeError:
        if given is not None:
            raise
        against = None  # told where it is looked at
    return [_checked(file, against, fix) for file in files]


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS and file.is_file())
            if not own:
                raise BioposeError("no file of OpenSim is in this folder", where=str(path), mend=_KNOWN)
            files += own
        elif path.suffix.lower() in KINDS:
            files.append(path)
        else:
            check_file(path)
            raise BioposeError("not a kind of file that can be checked", where=str(path), mend=_KNOWN)
    return files


_KNOWN = f"Give files that end in {', '.join(KINDS)}."


def _checked(path: Path, model: opensim.Model | None, fix: bool) -> Checked:
    kind = KINDS[path.suffix.lower()]
    checked = Checked(path, kind, _findings(path, model))
    if fix and any(one.certain for one in checked.findings):
        write = _mender(path, model)
        if write is None:
            return checked
        target = path.with_name(f"{path.stem}{FIXED}{path.suffix}")
        if os.path.lexists(target):
            raise BioposeError(
                "there is a file of this name", where=str(target), mend="Take it away, or check that file instead."
            )
        clear_leftovers(target.parent)
        try:
            write(path, target)
        except BioposeError as error:
            checked.findings.append(refused(error, severity="note", code="not-fixed"))
            return checked
        checked.fixed, checked.left = target, _findings(target, model)
    return checked


def _findings(path: Path, model: opensim.Model | None) -> list[Finding]:
    kind = KINDS[path.suffix.lower()]
    try:
        check_file(path)
    except BioposeError as error:
        return [refused(error)]
    if kind == "markers":
        return worst_first(check_markers(path, model))
    if kind == "motion":
        return worst_first(check_motion(path, model))
    return worst_first(check_model(path) if kind == "model" else check_setup(path, model))


def _mender(path: Path, model: opensim.Model | None) -> Callable[[Path, Path], None] | None:
    """What writes such a file again; a .c3d is left to the program that made it."""
    suffix = path.suffix.lower()
    if suffix == ".trc":
        return lambda source, target: fix_markers(source, target, model)
    return {".mot": fix_motion, ".sto": fix_motion, ".osim": fix_model, ".xml": fix_setup}.get(suffix)
