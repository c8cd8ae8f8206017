"""`biopose refine`: a finished run's body, moved onto the picture once more."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes


def refine(
    folder: Annotated[Path, typer.Argument(help="Folder of `biopose ik VIDEO --recover mqhmr`.")],
    iterations: Annotated[int, typer.Option(min=0, help="Of each frame; 20 where 10 were too few.")] = 20,
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Move MQ-HMR's answers onto the picture.

    The body's motion and markers are made anew and written beside the run's own, as NAME_refined_motion.npz
    and NAME_refined.trc.
    """
    from biomech.cli.progress import progress_bar
    from biomech.pipeline.refine import refine_run

    done = refine_run(
        folder,
        iterations=iterations,
        mqhmr_weights=mqhmr_weights,
        bar=lambda label: progress_bar(label, quiet=as_json),
    )
    seen, moved = done.frames_seen, done.frames_moved
    if as_json:
        summary = {"motion": str(done.motion), "markers": str(done.markers), "frames_seen": seen, "refined": moved}
        typer.echo(json.dumps(summary | {"notes": done.notes}))
        return
    typer.echo(f"{done.motion.name}, {done.markers.name}: {moved} of {seen} frames refined, the others as they were")
    typer.echo(
        f"go on with: biopose ik {shlex.quote(str(done.markers))} --model {shlex.quote(str(done.model))} --recovered"
    )
    say_notes(done.notes)
