"""`biopose bench speed`: a film's length against what the main job on it takes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def speed(
    data: Annotated[Path, typer.Option(help="Folder of the data, with its films in video/.", envvar="BIOPOSE_DATA")] = (
        Path("../shared/data")
    ),
    film: Annotated[Path | None, typer.Option(help="Another film than OpenCap's squat.")] = None,
    report: Annotated[bool, typer.Option(help="Make the report page too.")] = False,
    as_json: AsJson = False,
) -> None:
    """How fast the main job is, stage by stage, overlay included.

    Seconds of film per second on the clock, and CPU seconds per second of film.
    """
    from biomech.bench.speed import FILM, bench_speed
    from biomech.cli.bench import _json
    from biomech.cli.data import check_data
    from biomech.pipeline.options import Options

    if film is None:
        check_data(data)
    with TemporaryDirectory() as folder:
        figures = bench_speed(film or data / "video" / FILM, Path(folder), Options(report=report))
    if as_json:
        typer.echo(_json(figures))
        return
    stages, lively = figures.pop("stages"), figures.pop("live")
    for key, value in figures.items():
        typer.echo(f"{key:28s} {'not measured' if value is None else value}")
    assert isinstance(stages, dict) and isinstance(lively, dict)
    typer.echo("live: " + ", ".join(f"{key} {value:g}" for key, value in lively.items()))
    for name, row in stages.items():
        said = f"{row['seconds_per_s']:.2f} s on the clock, {row['cpu_s_per_s']:.2f} s of CPU"
        typer.echo(f"  {name:10s} {said} per second of film")
