"""`biopose batch`: many recordings, one table."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.flags import taking
from biomech.cli.neutral import Command
from biomech.pipeline.flags import in_flags
from biomech.pipeline.options import Options

__all__ = ["Command", "batch"]
if TYPE_CHECKING:
    from biomech.pipeline.batch_runs import BatchOutcome


@taking(say_where=True)
def batch(
    options: Options,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A folder of films or recorded markers (.trc, .c3d).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A .toml with [defaults], [subjects.NAME] (height, mass, sex …) and [[files]].")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="How many recordings at once.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, tcp://HOST:8786, whose workers run them instead.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: DIR_biopose here]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run `biopose ik` on every recording of a folder.

    Goes on after failures; run again, it does what is not done yet. Exit code 1 where some failed.
    """
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.pipeline.batch import entries_of
    from biomech.pipeline.batch_runs import run_batch
    from biomech.report.batch_tables import write_tables
    from biomech.workers import stop_on_signals

    if folder is None and config is None:
        raise BioposeError("nothing was given to run", mend="Give a folder of films, or --config biopose.toml.")
    if scheduler is not None and jobs > 1:
        raise BioposeError("--jobs is of this machine, --scheduler of a cluster", mend="Give one of the two.")
    entries = entries_of(folder, config, options)
    place = out or Path(f"{(folder or (config or Path()).parent).resolve().name}_biopose")
    with (
        progress_bar("Recordings", quiet=as_json) as bar,
        stop_on_signals(lambda text: print(text, file=sys.stderr)) as stop,
    ):

        def done(outcome: "BatchOutcome", count: int, total: int) -> None:
            if bar is not None:
                bar(count, total)
            if not as_json:
                typer.echo(f"{count}/{total} {_line(outcome)}")

        outcomes = run_batch(entries, place, jobs=jobs, scheduler=scheduler, overwrite=overwrite, stop=stop, done=done)
    written = write_tables([outcome.trial() for outcome in outcomes], place)
    waiting = sum(outcome.waits for outcome in outcomes)
    failed = sum(outcome.error is not None for outcome in outcomes) - waiting
    if as_json:
        rows = [
            {"recording": o.entry.name, "folder": str(o.folder), "error": o.error, "left_out": o.left_out, **o.figures}
            for o in outcomes
        ]
        told = {"failed": failed, "not_run": waiting, "recordings": rows, "files": [str(path) for path in written]}
        typer.echo(json.dumps(told, default=str))
    else:
        typer.echo(f"{place}: {len(outcomes)} recordings, {failed} failed; {', '.join(path.name for path in written)}")
        if waiting:
            typer.echo(f"stopped; {waiting} are not run yet: the same command goes on")
    if waiting:
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def _line(outcome: "BatchOutcome") -> str:
    if outcome.error is not None:
        return f"{outcome.entry.name}: failed: {in_flags(outcome.error.splitlines()[0])}"
    solve = outcome.figures
    said = f"{outcome.entry.name}: {solve['frames']} frames, marker RMS {solve['marker_rms_mm']:.1f} mm"
    return f"{said}; {in_flags(outcome.left_out)}" if outcome.left_out else said
