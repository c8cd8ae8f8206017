"""Loading an OpenSim model quietly, and asking it where its bodies are.

OpenSim logs to a file of its own in the working directory and prints a summary of every model to file descriptor 1,
even with logging off (both tried with 4.6); everything here goes through :func:`quiet_opensim`.
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import opensim

from biomech.errors import BioposeError

opensim.Logger.removeFileSink()

_C_LIBRARY = ctypes.CDLL(None if os.name == "posix" else "ucrtbase")  # C++ prints wait in its buffer
_descriptors = threading.RLock()


@contextlib.contextmanager
def quiet_opensim(log_level: str = "Error") -> Iterator[None]:
    """Keep OpenSim's log at ``log_level`` and its C++ prints to standard output away from the user.

    Python's own prints inside the block are lost with them, so keep the block short.
    """
    with _descriptors:
        former = opensim.Logger.getLevelString()
        sys.stdout.flush()
        kept = os.dup(1)
        null = os.open(os.devnull, os.O_WRONLY)
        _C_LIBRARY.fflush(None)
        os.dup2(null, 1)
        opensim.Logger.setLevelString(log_level)
        try:
            yield
        finally:
            opensim.Logger.setLevelString(former)  # logs a line itself, so before standard output is back
            _C_LIBRARY.fflush(None)
            os.dup2(kept, 1)
            os.close(kept)
            os.close(null)


def load_model(path: Path | str) -> opensim.Model:
    """Read an .osim file, ready to be asked (its system is initialised).

    Raises:
        BioposeError: there is no such file, or OpenSim cannot build a model from it.
    """
    path = Path(path)
    if not path.is_file():
        raise BioposeError("there is no such model", where=str(path), mend="Give the path of an .osim file.")
    try:
        with quiet_opensim("Off"):
            model = opensim.Model(str(path))
            model.initSystem()
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise BioposeError(
            f"OpenSim cannot read this model: {reason}",
            where=str(path),
            mend="Open it in the OpenSim GUI to see which part is wrong, or use another .osim file.",
        ) from error
    if model.getNumBodies() == 0:
        raise BioposeError("the model holds no bodies", where=str(path), mend="Give an .osim file with a skeleton.")
    return model
