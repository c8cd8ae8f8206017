"""Many recordings: which, of whom, and with which options; ``batch_runs`` runs them.

What a recording is told, the first that says so: the command's own options, the file's entry, its subject's, the
configuration's defaults, the program's.
"""

import functools
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from biomech.errors import BioposeError
from biomech.files import read_text
from biomech.markers.markers import MARKER_SUFFIXES
from biomech.pipeline.options import Options, table
from biomech.pipeline.parsing import fits, in_words
from biomech.pipeline.stages import plain_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILMS = (".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".3gp")
UNIT = re.compile(r"_(m|mm|kg|s|hz|deg)$")
LETTER = re.compile("[A-Za-z0-9]")
NO_OPTIONS = ("subject", "group", "path")
DEFAULTS = Options()


@dataclass(frozen=True)
class Entry:
    """A recording of a batch: whose, and what is said of it."""

    source: Path
    name: str
    subject: str
    group: str
    options: Options


def films_of(folder: Path) -> list[Path]:
    """The films in a folder, by name."""
    return sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in FILMS and path.is_file())


def refuse_folder_of_films(source: Path) -> None:
    """A folder of films is a batch, not a recording; one of pictures is a recording.

    Raises:
        BioposeError: films are in the folder.
    """
    if Path(source).is_dir() and (films := films_of(source)):
        raise BioposeError(
            f"{len(films)} films are in this folder, which `biopose batch` runs one by one",
            where=str(source),
            mend=f"Say `biopose batch {source}`, or give one film; several of one moment are given one by one.",
        )


def entries_of(folder: Path | None, config: Path | None, given: Options | None = None) -> list[Entry]:
    """What a batch runs.

    Args:
        folder: its films and marker files; those of the configuration's own folder where None, unless it lists files.
        config: a .toml with [defaults], [subjects.NAME] and [[files]] (path); without [[files]], a recording is of the
            subject whose name its own begins with.
        given: the command's options, which go before all others where they differ from the defaults.

    Returns:
        One for each recording, in the order listed or by name.

    Raises:
        BioposeError: nothing to run, or the configuration says what is not known.
    """
    said = _read(config) if config is not None else {}
    base = config.parent if config is not None else Path()
    subjects = _tables(said, "subjects", config)
    for name, rest in subjects.items():
        _check_texts(rest, ("group",), f"{config} [subjects.{name}]")
    known = {name: _options(rest, base, f"{config} [subjects.{name}]") for name, rest in subjects.items()}
    defaults = _options(said.get("defaults", {}), base, f"{config} [defaults]")
    own = {f.name: value for f in fields(Options) if (value := getattr(given or DEFAULTS, f.name)) != f.default}
    aside = {
        os.path.realpath(v) for o in [*known.values(), defaults, own] for v in o.values() if isinstance(v, str | Path)
    }
    listed = said.get("files")
    if listed is None:
        place = folder if folder is not None else base
        if not place.is_dir():
            raise BioposeError("no such folder", where=str(place), mend="Give a folder of films or marker files.")
        found = [p for p in sorted(place.iterdir()) if p.suffix.lower() in (*FILMS, *MARKER_SUFFIXES) and p.is_file()]
        listed = [{"path": str(path.resolve())} for path in found if os.path.realpath(path) not in aside]
    if not isinstance(listed, list):
        raise BioposeError("[[files]] is no list of tables", where=str(config), mend="Begin each with [[files]].")
    if not listed:
        raise BioposeError("there is nothing to run", where=str(config or folder), mend="Give a folder of films.")
    entries = []
    for row in listed:
        if not isinstance(row, dict) or not isinstance(row.get("path"), str):
            raise BioposeError("an entry of [[files]] has no path", where=str(config))
        path = base / row["path"]
        _check_texts(row, ("subject", "group"), f"{config} {row['path']}")
        subject = str(row.get("subject") or _subject_of(path.stem, subjects))
        if "subject" in row and subject not in subjects:
            raise BioposeError(
                f"there is no [subjects.{subject}]", where=str(config), mend="Add it, or correct the name."
            )
        options = {**defaults, **known.get(subject, {}), **_options(row, base, f"{config} {row['path']}"), **own}
        group = str(row.get("group") or subjects.get(subject, {}).get("group") or "")
        entries.append(Entry(path, plain_name(path.stem), subject, group, Options(**options)))
    return _told_apart(entries)


def _read(config: Path) -> dict[str, Any]:
    try:
        said = tomllib.loads(read_text(config, mend="Give a .toml of a batch."))
    except (ValueError, RecursionError) as error:
        why = str(error)[:200] if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply, or too long"
        raise BioposeError(f"no TOML: {why}", where=str(config)) from error
    if _holds_nul(said):
        raise BioposeError("a text in it holds a sign that no name can have (U+0000)", where=str(config))
    if unknown := sorted(set(said) - {"defaults", "subjects", "files"}):
        mend = "There are [defaults], [subjects.NAME] and [[files]]."
        raise BioposeError(f"not known: {', '.join(unknown)}", where=str(config), mend=mend)
    return said


def _holds_nul(said: Any) -> bool:
    parts = [*said, *said.values()] if isinstance(said, dict) else said if isinstance(said, list) else []
    return "\0" in said if isinstance(said, str) else any(map(_holds_nul, parts))


def _tables(said: Mapping[str, Any], name: str, config: Path | None) -> dict[str, dict[str, Any]]:
    found = said.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise BioposeError(f"[{name}] holds something else than tables", where=str(config))
    return found


def _options(said: Mapping[str, Any], base: Path, where: str) -> dict[str, Any]:
    """Options by their names in Python or without the unit; paths count from the configuration's folder."""
    if not isinstance(said, dict):
        raise BioposeError("not a table", where=where)
    names = _names()
    options: dict[str, Any] = {}
    for key, value in said.items():
        if key in NO_OPTIONS:
            continue
        name = names.get(key.replace("-", "_"), names.get(key))
        if name is None:
            raise BioposeError(f"'{key}' is no option", where=where, mend=f"Options: {', '.join(sorted(table()))}.")
        if name in options:
            raise BioposeError(f"'{key}' is said twice, under two names", where=where, mend="Say it once.")
        options[name] = _value(name, value, base, where)
    return options


@functools.cache
def _names() -> dict[str, str]:
    """What an option may be called in the configuration, and its name."""
    rows = table()
    flags = {about.flag: name for name, about in rows.items() if about.flag}
    return {UNIT.sub("", name): name for name in rows} | flags | {name: name for name in rows}


@functools.cache
def _hints() -> dict[str, Any]:
    return get_type_hints(Options)


def _value(name: str, value: Any, base: Path, where: str) -> Any:
    """An option's value, of its own type.

    Raises:
        BioposeError: it is of another.
    """
    about, hint = table()[name], _hints()[name]
    given = value
    takes_paths = "Path" in str(hint)
    if takes_paths and isinstance(value, str) and value and _is_there(base / value):
        value = str((base / value).resolve())
    if about.parse is not None and isinstance(value, str):
        value = about.parse([value] if _takes_several(name) else value)
    elif about.parse is not None and isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        value = about.parse(value) if _takes_several(name) else tuple(value)
    elif takes_paths and isinstance(value, str):
        value = Path(value)
    elif isinstance(value, list):
        value = tuple(value)
    if not fits(value, hint) or (about.least is not None and value < about.least) or value == ():
        least = "" if about.least is None else f" from {about.least} on"
        raise BioposeError(
            f"`{name}` is {in_words(hint)}{least}, not {str(given)[:40]!r}", where=where, mend="Correct it."
        )
    return float(value) if UNIT.search(name) and isinstance(value, int) else value


def _is_there(path: Path) -> bool:
    """Whether there is such a file; a text that can be no path is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _takes_several(name: str) -> bool:
    """Whether an option's parser takes a list of texts, as where a flag may be given several times."""
    hint = _hints()[name]
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    return get_origin(kinds[0]) is tuple and get_args(kinds[0])[-1] is ...


def _check_texts(row: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for name in names:
        if name in row and not isinstance(row[name], str):
            raise BioposeError(f"'{name}' is no text", where=where, mend='Write it as "…".')


def _subject_of(stem: str, subjects: Collection[str]) -> str:
    """The longest of the subjects' names that a file's begins with; the file's own where there is none."""
    ends = [n for n in range(len(stem), 0, -1) if not LETTER.match(stem, n)]
    return next((stem[:n] for n in ends if stem[:n] in subjects), stem)


def _told_apart(entries: list[Entry]) -> list[Entry]:
    taken: dict[str, Path] = {}
    for entry in entries:
        if not _is_utf8(entry.source):
            raise BioposeError(
                "a name that is no UTF-8", where=ascii(str(entry.source)), mend="Rename the file or its folder."
            )
        if entry.name in taken:
            raise BioposeError(
                f"two recordings are called {entry.name}: this and {taken[entry.name]}",
                where=str(entry.source),
                mend="Rename one of the files.",
            )
        taken[entry.name] = entry.source
    return entries


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
