"""`biopose mesh`: Video → BodyMotion, and its mesh for other programs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes, taking
from biomech.cli.neutral import Command
from biomech.pipeline.options import Options, keys_of

__all__ = ["Command", "mesh"]


@taking(*keys_of("film", "detect", "recover"), "mqhmr_weights")
def mesh(
    video: Annotated[Path, typer.Argument(help="A video (.mp4, .mov, .avi) or a folder of pictures.")],
    options: Options,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: NAME_biopose here]")] = None,
    glb: Annotated[bool, typer.Option("--glb", help="Write the animated mesh too (.glb).")] = False,
    obj: Annotated[bool, typer.Option("--obj", help="Write the posed mesh of the frames too (.obj).")] = False,
    obj_every: Annotated[int, typer.Option(min=1, help="Of every Nth frame, with --obj.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """From one video to a moving body, in metres, and its mesh."""
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.pipeline.run import run_mesh

    folder = out or Path(f"{video.stem}_biopose")
    result = run_mesh(
        video,
        folder,
        options,
        glb=glb,
        obj_every=obj_every if obj else None,
        overwrite=overwrite,
        bar=lambda label: progress_bar(label, quiet=as_json),
        on_stage=tell_stage(as_json),
    )
    stages = result.figures
    files = {"keypoints": result.keypoints, "motion": result.motion}
    if glb:
        files["mesh"] = folder / f"{video.stem}.glb"
    if obj:
        files["meshes"] = folder / f"{video.stem}_obj"
    if as_json:
        named = {name: str(path) for name, path in files.items()}
        typer.echo(json.dumps(named | {"figures": stages, "notes": result.notes}, default=str))
        return
    typer.echo(f"{folder}: {stages['detect']['frames']} frames, mean quality {stages['recover']['mean_quality']:.2f}")
    for name, path in files.items():
        typer.echo(f"  {name:<10} {path.name}")
    say_notes(result.notes)
