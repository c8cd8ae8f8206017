"""One run at a time in a folder: a lock that ends with the process that holds it, however it ends."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from biomech.errors import BioposeError
from biomech.files import told_of_writing
from biomech.leftovers import clear_leftovers

LOCK = ".biopose-lock"


@contextlib.contextmanager
def claimed(folder: Path, *within: str) -> Iterator[None]:
    """Hold a folder of results, made where there is none; what killed runs left in it is cleared away.

    The system drops the lock of a process that ends, so no dead one keeps others out. A folder that was made and is
    still empty in the end goes again.

    Args:
        folder: of the results.
        within: its folders in which leftovers are looked for too, as patterns.

    Yields:
        Nothing; the folder is held until the block ends.

    Raises:
        BioposeError: another run is at work there, or the place is taken by a file or cannot be written to.
    """
    folder = Path(folder)
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with told_of_writing(folder):
        check_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder / LOCK)
    try:
        clear_leftovers(folder, *(path for pattern in within for path in folder.glob(pattern)))
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        lock.close()
        with contextlib.suppress(OSError):
            for place in made:
                place.rmdir()


def check_place(folder: Path) -> None:
    """Whether a folder of results can be made here.

    Raises:
        BioposeError: it cannot.
    """
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir():
        raise BioposeError(
            "there is a file where the results should go", where=str(nearest), mend="Name another `out`."
        )
    if not os.access(nearest, os.W_OK):
        raise BioposeError("the results may not be written here", where=str(nearest), mend="Name another `out`.")


def _locked(path: Path) -> IO[str]:
    """The lock's file, held and with our name in it."""
    while True:
        file = open(path, "a+", encoding="utf-8")
        if not _hold(file):
            file.seek(0)
            who = _who(file.read())
            file.close()
            raise BioposeError(
                f"another run is at work in this folder{who}",
                where=str(path.parent),
                mend="Wait, or name another `out`.",
            )
        # The one who held it before may have removed the file between our opening and holding it.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}))
    file.flush()
    return file


def _who(said: str) -> str:
    try:
        holder = json.loads(said)
        return f" (process {int(holder['pid'])}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return ""


if sys.platform == "win32":
    import msvcrt

    def _hold(file: IO[str]) -> bool:
        file.seek(1 << 30)  # beyond the text, which others may read
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _hold(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True
