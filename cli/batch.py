"""`biopose batch`: many recordings, one table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.flags import in_flags, taking
from biomech.cli.neutral import Command
from biomech.pipeline.options import Options

__all__ = ["Command", "batch"]
if TYPE_CHECKING:
    from biomech.pipeline.batch import BatchOutcome


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
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: DIR_biopose here]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run `biopose ik` on every recording of a folder.

    Goes on after failures; run again, it does what is not done yet. Exit code 1 where some failed.
    """
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.pipeline.batch import entries_of, run_batch
    from biomech.report.batch_tables import write_tables

    if folder is None and config is None:
        raise BioposeError("nothing was given to run", mend="Give a folder of films, or --config biopose.toml.")
    entries = entries_of(folder, config, options)
    place = out or Path(f"{(folder or (config or Path()).parent).resolve().name}_biopose")
    with progress_bar("Recordings", quiet=as_json) as bar:

        def done(outcome: "BatchOutcome", count: int, total: int) -> None:
            if bar is not None:
                bar(count, total)
            if not as_json:
                typer.echo(f"{count}/{total} {_line(outcome)}")

        outcomes = run_batch(entries, place, jobs=jobs, overwrite=overwrite, done=done)
    written = write_tables([outcome.trial() for outcome in outcomes], place)
    failed = sum(outcome.error is not None for outcome in outcomes)
    if as_json:
        rows = [{"recording": o.entry.name, "folder": str(o.folder), "error": o.error, **o.figures} for o in outcomes]
        typer.echo(json.dumps({"failed": failed, "recordings": rows, "files": [str(p) for p in written]}, default=str))
    else:
        typer.echo(f"{place}: {len(outcomes)} recordings, {failed} failed; {', '.join(path.name for path in written)}")
    if failed:
        raise typer.Exit(1)


def _line(outcome: "BatchOutcome") -> str:
    if outcome.error is not None:
        return f"{outcome.entry.name}: failed: {in_flags(outcome.error.splitlines()[0])}"
    solve = outcome.figures
    return f"{outcome.entry.name}: {solve['frames']} frames, marker RMS {solve['marker_rms_mm']:.1f} mm"
