"""`biopose mesh`: Video → BodyMotion, and its mesh for other programs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.names import DEFAULT_RECOVERER


def mesh(
    video: Annotated[Path, typer.Argument(help="A video (.mp4, .mov, .avi) or a folder of pictures.")],
    height: Annotated[float | None, typer.Option(help="Of the person, m. Sizes and distances hang on it.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the person, kg.")] = None,
    sex: Annotated[str | None, typer.Option(help="Of the person, female or male: their proportions differ.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: NAME_biopose here]")] = None,
    glb: Annotated[bool, typer.Option("--glb", help="Write the animated mesh too (.glb).")] = False,
    obj: Annotated[bool, typer.Option("--obj", help="Write the posed mesh of the frames too (.obj).")] = False,
    obj_every: Annotated[int, typer.Option(min=1, help="Of every so manieth frame, with --obj.")] = 1,
    recover: Annotated[
        str, typer.Option(help="fit (the body to the keypoints) or mqhmr (MQ-HMR, through time).")
    ] = DEFAULT_RECOVERER,
    refine: Annotated[bool, typer.Option("--refine/--no-refine", help="Move MQ-HMR's answer onto the picture.")] = True,
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    start: Annotated[float | None, typer.Option(help="Begin at this time, s.")] = None,
    end: Annotated[float | None, typer.Option(help="Stop before this time, s.")] = None,
    person: Annotated[str | None, typer.Option(help="Who: 0, 1 … from left to right, or a pixel x,y.")] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average with the mirrored picture: slower.")] = False,
    rate: Annotated[
        float | None,
        typer.Option(help="Pictures a second: of a folder of them [30], of a film the rate that it was filmed at."),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="Look at every so manieth frame. [default: so that 30 a second are left]"),
    ] = None,
    focal_px: Annotated[float | None, typer.Option(help="Focal length in pixels, picture upright.")] = None,
    fov: Annotated[float | None, typer.Option(help="Angle of view across the longer side, degrees.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """From one video to a moving body, in metres, and its mesh."""
    from biomech.cli.detect import parse_person
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.pipeline.run import Options, run_mesh

    options = Options(
        height_m=height,
        mass_kg=mass,
        sex=sex,
        person=parse_person(person),
        mirror=mirror,
        recover=recover,
        refine=refine,
        mqhmr_weights=mqhmr_weights,
        start_s=start,
        end_s=end,
        rate_hz=rate,
        every=every,
        focal_px=focal_px,
        fov_deg=fov,
    )
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
    stages = result.record["stages"]
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
    for note in result.notes:
        typer.echo(f"note: {note}")
