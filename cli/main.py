"""The command `biopose`: its verbs, and the one place where errors become messages and exit codes."""

import importlib
import json
import sys

import typer

from biomech import __version__
from biomech.errors import BioposeError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: importing rich would double the time to show it
    help="One ordinary video to a scaled OpenSim model and a motion.",
)

# Each verb lives in a module of its name with a function of its name; groups hold an `app`.
VERBS = ("ik", "demo", "detect", "recover", "mesh", "refine", "extract", "solve", "compare", "label", "doctor")
GROUPS = ("models", "bench", "train")


def _register() -> None:
    for verb in VERBS:
        app.command(name=verb)(getattr(importlib.import_module(f"biomech.cli.{verb}"), verb))
    for group in GROUPS:
        app.add_typer(importlib.import_module(f"biomech.cli.{group}").app, name=group)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        typer.echo(f"biopose {__version__}")
        raise typer.Exit()


def main() -> None:
    """Entry point of the console script."""
    _register()
    try:
        app()
    except BioposeError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": error.what, "where": error.where, "mend": error.mend}))
        else:
            print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
