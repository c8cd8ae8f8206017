"""Files that somebody else wrote or edited are not lost to results of their names: a copy of them stays."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from biomech.files import sha256, told_of_writing


@contextlib.contextmanager
def keeping(files: Collection[Path], left: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """Keep a copy of every file that somebody else wrote or changed, where the block writes another over it.

    Args:
        files: what the block may write.
        left: what an earlier run wrote, by name and content (sha256).

    Yields:
        Names of the files and of the copies, of which the list is complete once the block has ended.
    """
    kept: list[tuple[str, str]] = []
    copies: dict[Path, Path] = {}
    for path in dict.fromkeys(files):
        if path.is_file() and sha256(path) != left.get(path.name):
            copies[path] = copy = _free_name(path)
            with told_of_writing(copy):
                shutil.copy2(path, copy)
    try:
        yield kept
    finally:
        for path, copy in copies.items():
            if path.is_file() and sha256(path) == sha256(copy):
                copy.unlink()
            else:
                kept.append((path.name, copy.name))


def _free_name(path: Path) -> Path:
    """For a copy of a file, beside it."""
    names = (f"{path.stem}_kept{number or ''}{path.suffix}" for number in itertools.chain([0], itertools.count(2)))
    return next(copy for name in names if not os.path.lexists(copy := path.with_name(name)))


def told_of_kept(name: str, copy: str, *, recorded: bool = True) -> str:
    """The note on a copy.

    Args:
        name: of the file.
        copy: its copy's.
        recorded: a run's record told that the file was changed; else it is only known to have been another.

    Returns:
        A sentence.
    """
    was = "was not as a run had left it (edited?)" if recorded else "was there already, with another content"
    use = f"; to work with it, give it: `model={copy}`" if name.endswith(".osim") else ""
    return f"{name} {was}, and is made again: what it was is kept as {copy}{use}"
