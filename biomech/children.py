"""Other interpreters: started so that no Python file of the user's working folder is taken for a module and run."""

import sys
from pathlib import Path

from biomech.errors import BioposeError

SAFE_PATH = sys.version_info >= (3, 11)  # Python itself can leave the working folder out of where modules are sought
# For what starts interpreters by itself, such as multiprocessing, whose ``python -c`` looks there before it is told
# anything else.
ENVIRONMENT = {"PYTHONSAFEPATH": "1"}


def python_module(name: str, *arguments: str) -> list[str]:
    """The command line that runs a module; before Python 3.11 to be run in a folder of our own.

    Args:
        name: of the module, as after ``python -m``.
        arguments: the module's own.

    Returns:
        The command for ``subprocess``, with this interpreter.
    """
    return [sys.executable, *(["-P"] if SAFE_PATH else []), "-m", name, *arguments]


def check_working_folder() -> None:
    """Python 3.10 cannot be told to leave the working folder out.

    Raises:
        BioposeError: it holds what such an interpreter would take for one of Python's own modules.
    """
    if SAFE_PATH:
        return
    places = [place for name in sys.stdlib_module_names for place in (Path(f"{name}.py"), Path(name) / "__init__.py")]
    if found := sorted(place for place in places if place.is_file()):
        raise BioposeError(
            f"the working folder holds {found[0]}, which Python would run in place of its own",
            where=str(Path.cwd()),
            mend="Start from another folder, or use Python 3.11 or later.",
        )
