"""`biopose bench events`: events and measures against force plates, markers, references of films, and drawn people."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson
from biomech.cli.data import check_data


def events(
    data: Annotated[Path, typer.Option(help="Folder of the reference data.", envvar="BIOPOSE_DATA")] = (
        Path("../shared/data")
    ),
    films: Annotated[Path, typer.Option(help="Runs that `bench real-video` kept.")] = Path("runs/films"),
    drawn: Annotated[Path, typer.Option(help="Runs that `bench activities` kept.")] = Path("runs/activities"),
    as_json: AsJson = False,
) -> None:
    """Strides, squats and jumps against what is known.

    Errors in ms and cm, and what is missed or found too much; what was not kept is left out.
    """
    check_data(data)
    from biomech.bench.events import bench_events, check_there
    from biomech.cli.bench import _tell

    check_there(data)
    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    figures = bench_events(data, films, drawn, say=say)
    _tell(figures, as_json, 34)
