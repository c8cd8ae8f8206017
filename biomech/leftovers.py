"""Temporary files and folders that say whose they are, so that those of runs that were killed can be cleared away.

Every name begins with ``.biopose-MACHINE-PID-``. A process that is gone cannot want its files any more; those of other
machines (on a shared disk) and of living processes stay.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from biomech.errors import BioposeError, MachineError

_OWNED = re.compile(r"\.biopose-(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-")


def own_prefix() -> str:
    """What this process's temporary names begin with."""
    return f".biopose-{_machine()}-{os.getpid()}-"


@contextlib.contextmanager
def temporary_folder(purpose: str, within: Path | None = None) -> Iterator[Path]:
    """A folder that is gone afterwards, in ``within`` or the system's place; what killed runs left there goes first.

    An error about a file in it names the file alone: where it lay is no place that the user could look at.

    Args:
        purpose: a word in the folder's name.
        within: an existing folder; None: the system's place for temporary files.

    Yields:
        The folder, its path absolute and without links.
    """
    place = Path(within or tempfile.gettempdir())
    clear_leftovers(place)
    with tempfile.TemporaryDirectory(prefix=f"{own_prefix()}{purpose}-", dir=place, ignore_cleanup_errors=True) as made:
        folder = Path(made).resolve()
        try:
            yield folder
        except MachineError:
            raise
        except BioposeError as error:
            if str(folder) not in error.text():
                raise
            raise error.renamed(f"{folder}{os.sep}", "") from error


def clear_leftovers(*folders: Path) -> None:
    """Remove what processes of this machine that are gone have left in these folders, themselves alone."""
    for folder in folders:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            owner = _OWNED.match(entry.name)
            if owner and owner["machine"] == _machine() and not is_running(int(owner["pid"])):
                _remove(Path(entry.path))


def is_running(pid: int) -> bool:
    """Whether there is a process of that number."""
    if pid == os.getpid():
        return True
    if sys.platform == "win32":  # where a signal of 0 would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
