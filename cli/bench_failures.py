"""`biopose bench failures`: whether a run says so where the method fails, and nothing where it does not."""

from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.bench_films import AsJson


def failures(
    people: Annotated[int, typer.Option(min=1, help="Drawn people.")] = 4,
    even: Annotated[bool, typer.Option("--even", help="Those that thresholds were chosen on, instead.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the people; thresholds were set with 19's in sight.")] = 19,
    runs: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of ordinary runs, such as runs/films or runs/activities; may be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Signatures of failure: detection rate and false alarms.

    On drawn people who show each, and on ordinary ones.
    """
    from biomech.bench.failures import bench_failures
    from biomech.cli.bench import _tell

    seeds = range(0 if even else 1, 2 * people, 2)
    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    _tell(bench_failures(seeds, tuple(runs or ()), say, seed=seed), as_json, 24)
