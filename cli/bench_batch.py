"""`biopose bench batch`: what a batch of thousands of recordings adds to their runs."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def batch(
    clips: Annotated[int, typer.Option(min=100, help="Recordings in the largest batch.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Draws which of them are broken.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder to keep recordings and results in. [default: none]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A batch of thousands of recordings, their own work simulated.

    Time for each, failures, memory, and a worker that is lost.
    """
    from biomech.bench.batch import bench_batch
    from biomech.cli.bench import _json

    with TemporaryDirectory() as aside:
        figures = bench_batch(out or Path(aside), clips=clips, seed=seed, say=lambda text: typer.echo(text, err=True))
    if as_json:
        typer.echo(_json(figures))
        return
    for name, value in figures.items():
        rows = value.items() if isinstance(value, dict) else ()
        typer.echo(f"{name}:" if rows else f"{name:24s} {value}")
        for key, row in rows:
            typer.echo(f"  {key:16s} {row}")
