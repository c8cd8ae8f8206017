"""`biopose recover`: Keypoints → BodyMotion."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.neutral import Command
from biomech.names import DEFAULT_RECOVERER

__all__ = ["Command", "recover"]


def recover(
    keypoints: Annotated[
        Path, typer.Argument(help="Keypoints (.npz) of `biopose detect`, OpenPose's folder, or mmpose's .json.")
    ],
    height: Annotated[float | None, typer.Option(help="Of the person, m.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the person, kg.")] = None,
    sex: Annotated[str | None, typer.Option(help="Of the person, female or male: their proportions differ.")] = None,
    neutral: Annotated[
        str | None,
        typer.Option(metavar="T0 T1", help="From when to when (s) the person stands upright and straight."),
    ] = None,
    recoverer: Annotated[
        str, typer.Option("--recover", help="fit (the body to the keypoints) or mqhmr (MQ-HMR, through time).")
    ] = DEFAULT_RECOVERER,
    refine: Annotated[bool, typer.Option("--refine/--no-refine", help="Move MQ-HMR's answer onto the picture.")] = True,
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="The film of OpenPose's or mmpose's keypoints.")] = None,
    person: Annotated[int | None, typer.Option(help="Who, of OpenPose's or mmpose's people.")] = None,
    focal_px: Annotated[float | None, typer.Option(help="Focal length in pixels of that film.")] = None,
    fov: Annotated[float | None, typer.Option(help="Its angle of view across the longer side, degrees.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: NAME_motion.npz here, of NAME_keypoints.npz]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit a moving body, in metres, to one person's keypoints."""
    from biomech.cli.neutral import parse_neutral
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.files import check_target
    from biomech.keypoints.readers import read_keypoints
    from biomech.mesh.recoverers import recover_with

    stretch = parse_neutral(neutral)
    if isinstance(stretch, Path):
        raise BioposeError(
            f"--neutral {neutral} is no stretch of these keypoints", mend="Give two times; a film is for biopose ik."
        )
    target = out or Path(f"{keypoints.stem.removesuffix('_keypoints')}_motion.npz")
    check_target(target, ".npz", keypoints)
    points = read_keypoints(keypoints, video=video, person=person, focal_px=focal_px, fov_deg=fov)
    with progress_bar("Recovering", quiet=as_json) as progress:
        motion = recover_with(
            recoverer,
            points,
            height_m=height,
            mass_kg=mass,
            sex=sex,
            refine=refine,
            mqhmr_weights=mqhmr_weights,
            neutral_s=stretch,
            progress=progress,
        )
    motion.save(target)
    assert motion.quality is not None
    if as_json:
        summary = {"motion": str(target), "frames": len(motion.time_s), "notes": motion.notes}
        typer.echo(json.dumps(summary | {"mean_quality": float(motion.quality.mean())}))
        return
    typer.echo(f"{target}: {len(motion.time_s)} frames, mean quality {motion.quality.mean():.2f}")
    for note in motion.notes:
        typer.echo(f"note: {note}")
