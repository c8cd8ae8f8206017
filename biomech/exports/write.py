"""A take in the formats that are asked for, and nothing lost on the way."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from biomech.errors import BioposeError, MachineError
from biomech.exports.formats import FORMATS, NOT_OF_ALL, Exported, check_formats
from biomech.exports.take import Take
from biomech.files import told_of_writing
from biomech.leftovers import temporary_folder


def write_exports(take: Take, out: Path, formats: Sequence[str] | None = None, *, overwrite: bool = False) -> Exported:
    """Write a take.

    Args:
        take: to be written.
        out: a folder; or the file itself, where there is one format and its name ends as that does.
        formats: of ``FORMATS``; None: all that can hold this take, and the notes say why another cannot.
        overwrite: write over files that are there.

    Returns:
        The files.

    Raises:
        BioposeError: a file is there already, or is one of those that are exported, or a format cannot hold this take.
            Nothing is left of this call then, and what was there before stays.
    """
    chosen = list(FORMATS) if formats is None else check_formats(formats)
    targets = {name: out / f"{take.name}{FORMATS[name][0]}" for name in chosen}
    if len(chosen) == 1 and out.suffix.lower() == f".{chosen[0]}" and not out.is_dir():
        targets = {chosen[0]: out}
    elif os.path.lexists(out) and not out.is_dir():
        raise BioposeError("a file is there, not a folder", where=str(out), mend="Name another `out`.")
    own = {os.path.realpath(path) for path in take.files}
    for target in targets.values():
        if os.path.realpath(target) in own or target.is_dir():
            raise BioposeError("this is what is exported, or a folder", where=str(target), mend="Name another `out`.")
        if os.path.lexists(target) and not overwrite:
            raise BioposeError("there is a file of this name", where=str(target), mend="Give `overwrite`.")
    written: dict[str, Path] = {}
    notes: list[str] = []
    place = next(iter(targets.values())).parent
    with _made(place), temporary_folder("export", place) as aside:
        try:
            for name, target in targets.items():
                try:
                    notes += _writer(name)(take, aside / target.name)
                    written[name] = target
                except BioposeError as error:
                    if formats is not None or name not in NOT_OF_ALL or isinstance(error, MachineError):
                        raise
                    notes.append(f"no {name}: {error.what}")
        except BioposeError as error:
            raise error.renamed(str(aside), str(place)) from error
        for target in written.values():  # all or none
            with told_of_writing(target):
                (aside / target.name).replace(target)
    return Exported(written, list(dict.fromkeys(notes)))


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder is there; one that was made and is still empty in the end goes again."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with told_of_writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


def _writer(name: str) -> Callable[[Take, Path], list[str]]:
    module, function = FORMATS[name][1].split(".")
    writer: Callable[[Take, Path], list[str]] = getattr(import_module(f"biomech.exports.{module}"), function)
    return writer
