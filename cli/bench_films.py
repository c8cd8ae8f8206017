"""What the benches on film have in common: which films, what is run again, with which recoverer and solver."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biomech.bench.films import FilmRuns
    from biomech.pipeline.run import Options

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the runs; the benches on film can share it.")]
Only = Annotated[
    list[str] | None, typer.Option(help="Name of a film, or the beginning of some; may be given again.")
]  # fmt: skip
Keep = Annotated[bool, typer.Option("--keep", help="Use what earlier runs left, where it is up to date.")]
Refit = Annotated[bool, typer.Option("--refit", help="Keep what was detected; recover and solve again.")]
Recover = Annotated[str, typer.Option(help="As of biopose ik: fit or mqhmr.")]
Solver = Annotated[str | None, typer.Option(help="As of biopose ik: neural, fast or opensim.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def options_of(recover: str, solver: str | None, *, overlay: bool, mirror: bool = False) -> "Options":
    """Options of the main job.

    Raises:
        BioposeError: no such recoverer or solver.
    """
    from biomech.names import check_recoverer
    from biomech.pipeline.options import check_solvers
    from biomech.pipeline.run import Options

    check_recoverer(recover)
    if solver is not None:
        check_solvers([solver])
    return Options(recover=recover, solvers=(solver,) if solver else None, overlay=overlay, mirror=mirror)


def runs_of(
    out: Path,
    only: list[str] | None,
    recover: str,
    solver: str | None,
    keep: bool,
    refit: bool,
    as_json: bool,
    *,
    overlay: bool,
    mirror: bool = False,
) -> "FilmRuns":
    """What the command line says of the films and of the main job on them.

    Raises:
        BioposeError: no such recoverer or solver, or both of --keep and --refit.
    """
    from biomech.bench.films import FilmRuns
    from biomech.errors import BioposeError

    if keep and refit:
        raise BioposeError("--keep and --refit exclude each other", mend="Give one of them.")
    return FilmRuns(
        out,
        options_of(recover, solver, overlay=overlay, mirror=mirror),
        only=tuple(only or ()),
        reuse="all" if keep else "keypoints" if refit else "none",
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
