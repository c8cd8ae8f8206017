"""What code and data of the package a result was made with, as one hash: another of either makes it out of date."""

import functools
import hashlib
import importlib.util
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from biomech import __version__
from biomech.files import content_hash, stamp

PACKAGE = "biomech"
IMPORT = re.compile(
    rf"(?m)^[ \t]*(?:from[ \t]+({PACKAGE}(?:\.\w+)*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+)"
    rf"|import[ \t]+({PACKAGE}[^\n#]*))"
)
COMMENT = re.compile(r"#[^\n]*")
ELSEWHERE = ("cli", "osim_models")  # subpackages that do not lie in the package's own folder
NO_DATA = {".py", ".pyc", ".pyi", ".md"}
LIBRARIES = ("numpy", "scipy", "torch", "opensim", "opencv-python-headless", "av", "ai-edge-litert", "ezc3d")


def code_hash(*modules: str | Path) -> str:
    """Of modules (``biomech.video``) with all that they import of the package and the data beside it; of files alone.

    Imports inside functions count. A module's data are all files of its folder that are no code: weights, tables,
    models. So it changes when a constant or a network does, and not when a command or a benchmark does.
    """
    digest = hashlib.sha256(__version__.encode())
    reached = _reached(tuple(module for module in modules if isinstance(module, str)))
    reached |= {file for file in modules if isinstance(file, Path)}
    for path in sorted(reached):
        digest.update(f"{path.parent.name}/{path.name}".encode())
        digest.update(content_hash(path).encode())
    return digest.hexdigest()


@functools.cache
def library_versions() -> dict[str, str]:
    """The libraries that results hang on, as far as they are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _reached(modules: tuple[str, ...]) -> set[Path]:
    waiting, seen, folders = list(modules), set[Path](), set[Path]()
    while waiting:
        path = _file_of(waiting.pop())
        if path is None or path in seen:
            continue
        seen.add(path)
        folders.add(path.parent)
        waiting += _imports(path, *stamp(path))
    data = {p for folder in folders for p in folder.iterdir() if p.is_file() and p.suffix not in NO_DATA}
    return seen | data


@functools.lru_cache(4096)
def _imports(path: Path, size: int, changed_ns: int) -> tuple[str, ...]:
    """The package's modules that a module names in an import; some of the names may be no modules."""
    return tuple(dict.fromkeys(_named(path.read_text(encoding="utf-8"))))


def _named(text: str) -> Iterator[str]:
    """By the lines that imports begin with: a tenth of a parser's time, which was a third of a second of every run."""
    for found in IMPORT.finditer(text):
        module, names, whole = found.groups()
        if whole:
            yield from (part.split()[0] for part in whole.split(",") if part.split()[0].split(".")[0] == PACKAGE)
            continue
        listed = COMMENT.sub("", names).strip("()").split(",")
        yield from (f"{module}.{part.split()[0]}" for part in listed if part.split())
        yield module


def _file_of(module: str) -> Path | None:
    """A module's file; None for what is only a name in one."""
    return _found(_root(), module)


@functools.lru_cache(4096)
def _found(root: Path, module: str) -> Path | None:
    folder, *parts = [root, *module.split(".")[1:]]
    if parts and parts[0] in ELSEWHERE:
        folder, parts = _elsewhere(parts[0]), parts[1:]
    place = folder.joinpath(*parts)
    found = [path for path in (place.with_name(f"{place.name}.py"), place / "__init__.py") if path.is_file()]
    return found[0] if found else None


@functools.cache
def _root() -> Path:
    return Path(__file__).parents[1]


@functools.cache
def _elsewhere(name: str) -> Path:
    spec = importlib.util.find_spec(f"{PACKAGE}.{name}")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent
