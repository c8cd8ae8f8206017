"""`biopose report`: the page of a run, made again."""

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run of `biopose ik`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a run's report again.

    One HTML page that opens without a network.
    """
    from biomech.pipeline.finish import report_again

    result = report_again(run)
    megabytes = result.figures["report"]["megabytes"]
    if as_json:
        typer.echo(json.dumps({"report": str(result.report), "megabytes": megabytes}))
        return
    typer.echo(f"{result.report}: {megabytes:.1f} MB")
