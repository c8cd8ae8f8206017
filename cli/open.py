"""`biopose open`: a run in OpenSim's GUI."""

import json
from pathlib import Path
from typing import Annotated

import typer


def open(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `biopose ik` made.")],
    start: Annotated[bool, typer.Option("--start/--no-start", help="Start the GUI where it is installed.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at a run in OpenSim's GUI.

    Starts it where it is installed (OPENSIM_HOME, the usual places), and says what to click in it.
    """
    from biomech.osim_models.bones import lay_bones
    from biomech.pipeline.gui import find_gui, run_files, start_gui, steps, write_script

    files = run_files(run)
    lay_bones(files.model)
    script, program = write_script(files), find_gui()
    clicks = steps(files, script)
    if program is not None and start:
        start_gui(program)
    if as_json:
        typer.echo(json.dumps({"gui": program and str(program), "script": str(script), "steps": clicks}))
        return
    if program is None:
        typer.echo("OpenSim's GUI was not found here (set OPENSIM_HOME to its folder). Start it where it is, then:")
    else:
        typer.echo(f"{'started' if start else 'found'}: {program}. Then:")
    for number, click in enumerate(clicks, 1):
        typer.echo(f"  {number}. {click}")
