"""The command `biopose`: its verbs, and the one place where errors become messages and exit codes."""

import contextlib
import functools
import importlib
import json
import math
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from biomech import __version__
from biomech.errors import BioposeError, MachineError
from biomech.pipeline.flags import in_flags

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing rich would double the time to show it
    help="One ordinary video to a scaled OpenSim model and a motion.",
)

LONGEST_IMPORT_S = 6.0  # of a thread, after Ctrl-C

# Each verb lives in a module of its name with a function of its name; groups hold an `app`.
VERBS = (
    "ik",
    "demo",
    "live",
    "detect",
    "recover",
    "mesh",
    "refine",
    "extract",
    "scale",
    "solve",
    "compare",
    "events",
    "report",
    "export",
    "label",
    "check",
    "open",
    "batch",
    "eval",
    "doctor",
)
GROUPS = ("models", "bench", "train")
TAKES_PAIRS = ("--person", "--levels")  # a pixel x,y; parts of the crop's pixels


def _register() -> None:
    for verb in VERBS:
        module = importlib.import_module(f"biomech.cli.{verb}")
        app.command(name=verb, cls=getattr(module, "Command", None))(_finite(getattr(module, verb)))
    for group in GROUPS:
        commands = importlib.import_module(f"biomech.cli.{group}").app
        for command in commands.registered_commands:
            command.callback = _finite(command.callback)
        app.add_typer(commands, name=group)


def _finite(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is not begun with ``nan`` or ``inf``, which Python takes for numbers, as an option."""

    @functools.wraps(command)
    def checked(**options: Any) -> None:
        for name, value in options.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise BioposeError(f"`{name}` {value:g} is no number", mend="Give a plain number.")
        command(**options)

    return checked


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        typer.echo(f"biopose {__version__}")
        raise typer.Exit()


def main() -> None:
    """Entry point of the console script."""
    try:
        _register()
        _check_decimals(sys.argv[1:])
        app()
    except BioposeError as error:
        _end(error)
    except MemoryError:
        _end(
            MachineError("there is not enough memory for this", mend="Give a shorter part of it, or a larger machine.")
        )
    except OSError as error:  # of the machine: what is wrong with an input is told where it is read
        place = error.filename2 or error.filename
        what = f"the system says: {error.strerror or error}"
        _end(MachineError(what, where=None if place is None else str(place)))
    except KeyboardInterrupt:  # before a command has begun: from there on typer says it
        print("Aborted!", file=sys.stderr)
        sys.exit(130)
    except SystemExit as ended:
        if ended.code == 130:
            print(
                "Stopped. What was finished is kept; the same command goes on, a stage from its beginning.",
                file=sys.stderr,
            )
            with contextlib.suppress(ValueError):  # where this is not the main thread
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C again is the end, without a word
            _leave_threads()
        raise


def _leave_threads() -> None:
    """End the process if one does not end: where Ctrl-C cut off an import, another's may wait for its lock for ever."""
    until = time.monotonic() + LONGEST_IMPORT_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(130)


def _check_decimals(arguments: Sequence[str]) -> None:
    """What typer would call no valid float.

    Raises:
        BioposeError: an option's number is written with a comma, as in 1,78.
    """
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, joined = option.partition("=")
        number = joined or value
        if name.startswith("-") and name not in TAKES_PAIRS and re.fullmatch(r"-?\d+,\d+", number):
            raise BioposeError(
                f"{name} {number}: a number is written with a point", mend=f"Give {name} {number.replace(',', '.')}."
            )


def _end(error: BioposeError) -> NoReturn:
    if "--json" in sys.argv:
        what, mend = (text and in_flags(text) for text in (error.what, error.mend))
        print(json.dumps({"error": what, "where": error.where, "mend": mend}))
    else:
        print(f"Error: {in_flags(error.text())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
