"""Files at the border: read only what is one, written whole: a temporary file beside the target, then a rename."""

import codecs
import contextlib
import functools
import hashlib
import json
import os
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from biomech.errors import BioposeError, MachineError
from biomech.leftovers import own_prefix

if TYPE_CHECKING:
    import pandas as pd

MOST_TEXT_BYTES = 4 << 30
STEM_KEPT = 40  # characters of a name in its temporary file's; a name has 255 bytes at most


def check_file(path: Path, *, missing: str = "there is no such file", mend: str | None = None) -> Path:
    """The path of a file that may be read; a pipe, a device or a folder is none, and reading one might never end.

    Args:
        path: that is looked at, links followed.
        missing: what the message says where nothing is there.
        mend: what the message says that the user can do.

    Returns:
        The same path.

    Raises:
        BioposeError: there is none, or it may not be read.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with open(path, "rb"):
                return path
    except FileNotFoundError:
        raise BioposeError(missing, where=str(path), mend=mend) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise BioposeError(f"cannot be read ({why})", where=str(path), mend=mend) from error
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
    raise BioposeError(f"{kind}, not a file", where=str(path), mend=mend)


def path_of(given: object, what: str) -> Path:
    """The path that a user gave to a function.

    Args:
        given: a path, or a text with one.
        what: should have been given, for the message.

    Returns:
        The path; nothing is looked at.

    Raises:
        BioposeError: it is neither.
    """
    if isinstance(given, str | os.PathLike) and isinstance(os.fspath(given), str):
        return Path(given)
    raise BioposeError(
        f"a {type(given).__name__} was given, not {what}", mend="Give the path of a file, or what is read from one."
    )


def check_target(target: Path, suffix: str, *given: Path, own: Callable[[Path], object]) -> Path:
    """Where a lone stage writes: a file of the kind that it makes, and none of those that it was given.

    What it wrote itself is written again; a file of somebody else under this name is not lost to it.

    Args:
        target: the file to be written; need not exist.
        suffix: that its name has to end in, with the dot and in lower case; its own case does not count.
        given: the stage's inputs.
        own: false, or a BioposeError, of a file that is none of the stage's.

    Returns:
        The target.

    Raises:
        BioposeError: its name ends otherwise, it is one of the inputs, by whatever path, or it is there and somebody
            else's.
    """
    if target.suffix.lower() != suffix:
        raise BioposeError(
            f"what is written is a {suffix} file", where=str(target), mend=f"Name it {target.stem}{suffix}."
        )
    for path in given:
        if os.path.realpath(target) == os.path.realpath(path):
            what = "the result would be written over this file"
            raise BioposeError(what, where=str(path), mend="Name another `out`.")
    if target.is_file() and target.stat().st_size and not _is_own(target, own):
        raise BioposeError(
            "there is a file of this name that this command did not write, or that was edited since",
            where=str(target),
            mend="Name another `out`, or take the file away.",
        )
    return target


def _is_own(target: Path, own: Callable[[Path], object]) -> bool:
    try:
        return bool(own(target))
    except BioposeError:
        return False


@contextlib.contextmanager
def open_text(path: Path, *, most_bytes: int = MOST_TEXT_BYTES, mend: str | None = None) -> Iterator[TextIO]:
    """A text in UTF-8, or in UTF-16 where it begins with the mark of that; what is neither gives replacement signs.

    Args:
        path: of the text.
        most_bytes: larger files are refused.
        mend: what the message says that the user can do where the file cannot be read.

    Yields:
        The open text, without its byte order mark.

    Raises:
        BioposeError: no file, or one that is too large.
    """
    path = check_file(path, mend=mend)
    if (size := path.stat().st_size) > most_bytes:
        raise BioposeError(
            f"{size / 1e9:.1f} GB; at most {most_bytes / 1e9:g} are read", where=str(path), mend="Cut it into parts."
        )
    with open(path, "rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    with open(path, encoding="utf-16" if wide else "utf-8-sig", errors="replace") as text:
        yield text


def read_text(path: Path, *, most_bytes: int = MOST_TEXT_BYTES, mend: str | None = None) -> str:
    """The whole of ``open_text``.

    Args:
        path, most_bytes, mend: as in ``open_text``.

    Returns:
        The whole text; every line ends in a single line feed.

    Raises:
        BioposeError: as that.
    """
    with open_text(path, most_bytes=most_bytes, mend=mend) as text:
        return text.read()


def read_json(path: Path, *, what: str, mend: str | None = None) -> Any:
    """The content of a JSON file.

    Args:
        path: of the file.
        what: what it should be, for the message.
        mend: what the message says that the user can do.

    Returns:
        Dictionaries, lists, numbers and texts, as they stand there; nothing is checked.

    Raises:
        BioposeError: there is none, or it is no JSON.
    """
    text = read_text(path, mend=mend)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        at = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        why = "nested too deeply" if isinstance(error, RecursionError) else f"no whole JSON{at}"
        raise BioposeError(f"not {what} ({why})", where=str(path), mend=mend) from error


def open_zip(path: Path, what: str = "a zip") -> zipfile.ZipFile:
    """An archive to read from; to be closed, as by ``with``.

    Args:
        path: of the archive.
        what: it should be, for the message.

    Returns:
        Its list of members has been read, nothing else.

    Raises:
        BioposeError: there is none, or it is no zip, or damaged.
    """
    try:
        return zipfile.ZipFile(check_file(path))
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BioposeError(f"not {what}, or damaged", where=str(path)) from error


def names_in_npz(path: Path) -> set[str]:
    """The names of the arrays in an .npz, none of which is read.

    Args:
        path: of a file.

    Returns:
        Empty where it is no .npz, or none is there.
    """
    try:
        with open_zip(path) as archive:
            return {Path(name).stem for name in archive.namelist()}
    except BioposeError:
        return set()


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index, whole or not at all.

    Args:
        table: with its columns' names.
        path: the .csv.

    Raises:
        MachineError: the file cannot be written.
    """
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` only if the block ends without an error.

    The temporary name keeps the suffix, since writers choose a format by it.

    Raises:
        MachineError: the file cannot be written.
    """
    path = Path(path)
    with told_of_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{own_prefix()}{path.stem[:STEM_KEPT]}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with told_of_writing(path, temporary):
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
    except BioposeError as error:
        if str(temporary) not in error.text():
            raise
        raise error.renamed(str(temporary), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def told_of_writing(path: Path, *also: Path) -> Iterator[None]:
    """What the system says against writing ``path`` (or ``also``, or a folder above it), as an error for the user.

    Args:
        path: what is written.
        also: other paths that count as it, such as its temporary file.

    Yields:
        Nothing; what is written in the block is watched.

    Raises:
        MachineError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        named = error.filename2 or error.filename
        place = Path(os.path.abspath(path))  # temporary files are made under absolute names
        own = {str(p) for p in (path, *path.parents, place, *place.parents, *also)}
        if named is not None and str(named) not in own and not str(named).startswith(f"{place.parent}{os.sep}."):
            raise
        raise MachineError(
            f"cannot be written ({error.strerror or error})",
            where=str(path),
            mend="Name another `out`, or make room there and see that you may write to it.",
        ) from error


def on_one_line(name: str) -> str:
    """A file's name as it may stand in the head of a text: names may hold line breaks, tabs, bytes that are no text.

    Args:
        name: of a file.

    Returns:
        The same, each of these an underscore.
    """
    return "".join(sign if sign.isprintable() else "_" for sign in name)


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(file)


def _sha256(file) -> str:  # Python 3.10
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def content_hash(path: Path) -> str:
    """sha256 of a file, computed once for as long as its size and time stay."""
    return _content(path, *stamp(path))


def stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@functools.lru_cache(4096)
def _content(path: Path, size: int, changed_ns: int) -> str:
    return sha256(path)
