"""`biopose eval`: BioPose, or another system's predictions, on the data sets of the papers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from biomech.names import DEFAULT_RECOVERER


def eval(
    dataset: Annotated[
        str,
        typer.Argument(help="3dpw, emdb, h36m, bedlam, labvalidation, movi or opencap-samples."),
    ],
    root: Annotated[Path, typer.Option(help="Folder of the data set, as its makers hand it out.")],
    split: Annotated[str | None, typer.Option(help="Of the data set. [default: the papers']")] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Folder of another system's answers, a file a sequence: .mot, or meshes. [default: run BioPose]"
        ),
    ] = None,
    system: Annotated[str | None, typer.Option(help="That system's name. [default: the folder's]")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs and scores; goes on where it was.")] = Path(
        "runs/eval"
    ),
    only: Annotated[
        list[str] | None, typer.Option(help="A sequence, or the beginning of some; may be given again.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Of labvalidation (Cam1), movi (PG1) and the like.")] = None,
    body_models: Annotated[
        Path | None,
        typer.Option(help="Folder of your SMPL files and J_regressor_h36m.npy.", envvar="BIOPOSE_BODY_MODELS"),
    ] = None,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Look into pickles, by a reader that knows arrays alone.")
    ] = False,
    recover: Annotated[str, typer.Option(help="As of biopose ik: fit or mqhmr.")] = DEFAULT_RECOVERER,
    mqhmr_weights: Annotated[Path | None, typer.Option(help="As of biopose ik, in place of the package's.")] = None,
    refine: Annotated[bool, typer.Option(help="As of biopose ik: move MQ-HMR's answer onto the picture.")] = True,
    solver: Annotated[str | None, typer.Option(help="As of biopose ik: neural, fast or opensim.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run and score again what is current.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Judge BioPose, or another system, on a data set.

    By the protocols of the papers, beside their published figures.
    """
    from biomech.cli.bench_films import options_of
    from biomech.comparison.tables import plain
    from biomech.errors import BioposeError
    from biomech.evaluation.evaluate import EvalOptions, evaluate
    from biomech.evaluation.sequence import HowFound
    from biomech.evaluation.sets import dataset_of
    from biomech.evaluation.tables import as_json as told
    from biomech.evaluation.tables import sources, tables

    chosen = dataset_of(dataset)
    if system is not None and predictions is None:
        raise BioposeError("`system` names whose predictions are judged", mend="Give `predictions` too.")
    options = EvalOptions(
        out,
        HowFound(split or chosen.splits[0], camera, allow_pickle),
        tuple(only or ()),
        predictions,
        system,
        replace(options_of(recover, solver, overlay=False), mqhmr_weights=mqhmr_weights, refine=refine),
        body_models,
        overwrite,
    )
    quiet = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    found = evaluate(chosen, root, options, quiet)
    if as_json:
        typer.echo(json.dumps(told(found), allow_nan=False))
        return
    for table in tables(found):
        typer.echo(plain(table, named=2) + "\n")
    for line in sources(found):
        typer.echo(line)
    for score in found.failed:
        typer.echo(f"note: {score.sequence}, {score.system}: {score.error}")
