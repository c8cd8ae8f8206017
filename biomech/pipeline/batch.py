"""Many recordings, one by one or several at once: what is run, with which options, and on after failures.

What a recording is told, the first that says so: the command's own options, the file's entry, its subject's, the
configuration's defaults, the program's.
"""

import multiprocessing
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from multiprocessing.connection import Connection
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from biomech.errors import BioposeError, plainly
from biomech.files import read_text
from biomech.markers.markers import MARKER_SUFFIXES
from biomech.pipeline.claim import claimed
from biomech.pipeline.options import Options, table
from biomech.pipeline.parsing import fits, in_words
from biomech.pipeline.stages import plain_name
from biomech.report.batch_tables import BatchTrial

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILMS = (".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".3gp")
UNIT = re.compile(r"_(m|mm|kg|s|hz|deg)$")
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


@dataclass
class BatchOutcome:
    """What became of a recording; ``folder`` holds its results where ``error`` is None."""

    entry: Entry
    folder: Path
    seconds: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    error: str | None = None

    def trial(self) -> BatchTrial:
        """As tables take it."""
        return BatchTrial(
            name=self.entry.name,
            subject=self.entry.subject,
            group=self.entry.group,
            folder=self.folder,
            seconds=self.seconds,
            frames=self.figures.get("frames"),
            marker_rms_mm=self.figures.get("marker_rms_mm"),
            files={name: Path(path) for name, path in self.files.items()},
            notes=len(self.notes),
            error=self.error,
        )


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
        subject = str(row.get("subject") or _subject_of(path.stem, list(subjects)))
        if "subject" in row and subject not in subjects:
            raise BioposeError(
                f"there is no [subjects.{subject}]", where=str(config), mend="Add it, or correct the name."
            )
        options = {**defaults, **known.get(subject, {}), **_options(row, base, f"{config} {row['path']}"), **own}
        group = str(row.get("group") or subjects.get(subject, {}).get("group") or "")
        entries.append(Entry(path, plain_name(path.stem), subject, group, Options(**options)))
    return _told_apart(entries)


def run_batch(
    entries: Sequence[Entry],
    out: Path,
    *,
    jobs: int = 1,
    overwrite: bool = False,
    done: Callable[[BatchOutcome, int, int], None] | None = None,
) -> list[BatchOutcome]:
    """Run them all, each in a process and a folder of its own; what is up to date already is not run again.

    Args:
        entries: of ``entries_of``.
        out: a recording's results go to OUT/NAME.
        jobs: how many at once.
        overwrite: run every stage, whatever is there.
        done: called with each outcome, how many are done, and how many there are.

    Returns:
        One for each entry, in their order; failures among them.

    Raises:
        BioposeError: another batch is at work in ``out``, or nothing may be written there.
    """
    finished: list[BatchOutcome] = []
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def one(entry: Entry) -> BatchOutcome:
        outcome = _apart(entry, Path(out) / entry.name, overwrite, threads)
        finished.append(outcome)
        if done is not None:
            done(outcome, len(finished), len(entries))
        return outcome

    with claimed(Path(out)), ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, entries))


def _apart(entry: Entry, folder: Path, overwrite: bool, threads: int) -> BatchOutcome:
    """In a process of its own: whatever it dies of, the others go on."""
    begun = time.monotonic()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(there, entry.source, folder, entry.options, overwrite, threads))
    child.start()
    there.close()
    try:
        told = here.recv()
    except EOFError:
        told = {"error": "the process ended without a word (out of memory?)"}
    child.join()
    return BatchOutcome(entry, folder, seconds=time.monotonic() - begun, **told)


def _run(answer: Connection, source: Path, folder: Path, options: Options, overwrite: bool, threads: int) -> None:
    """What the process does; the answer is plain."""
    told: dict[str, Any]
    _end_with_parent()
    try:
        import torch

        from biomech.pipeline.run import run_ik

        torch.set_num_threads(threads)
        result = run_ik(source, folder, options, overwrite=overwrite)
        files = {name: str(path) for name, path in result.files.items()}
        told = {"figures": dict(result.figures.get("solve", {})), "files": files, "notes": result.notes}
    except BioposeError as error:
        told = {"error": error.text()}
    except Exception as error:  # the others go on
        told = {"error": f"{type(error).__name__}: {plainly(error)}"}
    answer.send(told)
    answer.close()


def _end_with_parent() -> None:
    """Who is killed leaves nobody at work in a folder of his."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


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
    rows = table()
    names = {UNIT.sub("", name): name for name in rows} | {
        about.flag: name for name, about in rows.items() if about.flag
    }
    names |= {name: name for name in rows}
    options: dict[str, Any] = {}
    for key, value in said.items():
        if key in NO_OPTIONS:
            continue
        name = names.get(key.replace("-", "_"), names.get(key))
        if name is None:
            raise BioposeError(f"'{key}' is no option", where=where, mend=f"Options: {', '.join(sorted(rows))}.")
        if name in options:
            raise BioposeError(f"'{key}' is said twice, under two names", where=where, mend="Say it once.")
        options[name] = _value(name, value, base, where)
    return options


def _value(name: str, value: Any, base: Path, where: str) -> Any:
    """An option's value, of its own type.

    Raises:
        BioposeError: it is of another.
    """
    about, hint = table()[name], get_type_hints(Options)[name]
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
    hint = get_type_hints(Options)[name]
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    return get_origin(kinds[0]) is tuple and get_args(kinds[0])[-1] is ...


def _check_texts(row: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for name in names:
        if name in row and not isinstance(row[name], str):
            raise BioposeError(f"'{name}' is no text", where=where, mend='Write it as "…".')


def _subject_of(stem: str, subjects: Sequence[str]) -> str:
    """The longest of the subjects' names that a file's begins with; the file's own where there is none."""
    fitting = [name for name in subjects if re.match(rf"{re.escape(name)}(?![A-Za-z0-9])", stem)]
    return max(fitting, key=len, default=stem)


def _told_apart(entries: list[Entry]) -> list[Entry]:
    taken: dict[str, Path] = {}
    for entry in entries:
        if entry.name in taken:
            raise BioposeError(
                f"two recordings are called {entry.name}", where=str(entry.source), mend="Rename one of the files."
            )
        taken[entry.name] = entry.source
    return entries
