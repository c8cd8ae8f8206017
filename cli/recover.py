"""`biopose recover`: Keypoints → BodyMotion."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes, taking
from biomech.cli.neutral import Command
from biomech.pipeline.options import Options

__all__ = ["Command", "recover"]


@taking("height_m", "mass_kg", "sex", "recover", "refine", "mqhmr_weights")
def recover(
    keypoints: Annotated[
        Path, typer.Argument(help="Keypoints (.npz) of `biopose detect`, OpenPose's folder, or mmpose's .json.")
    ],
    options: Options,
    neutral: Annotated[
        str | None,
        typer.Option(metavar="T0 T1", help="From when to when (s) the person stands upright and straight."),
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
    from biomech.body.motion import BodyMotion
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.files import check_target
    from biomech.keypoints.readers import read_keypoints
    from biomech.mesh.recoverers import recover_with
    from biomech.pipeline.parsing import parse_neutral

    stretch = None if neutral is None else parse_neutral(neutral)
    if isinstance(stretch, Path):
        raise BioposeError(
            f"`neutral` {neutral} is no stretch of these keypoints", mend="Give two times; a film is for biopose ik."
        )
    target = out or Path(f"{keypoints.stem.removesuffix('_keypoints')}_motion.npz")
    check_target(target, ".npz", keypoints, own=BodyMotion.load)
    points = read_keypoints(keypoints, video=video, person=person, focal_px=focal_px, fov_deg=fov)
    with progress_bar("Recovering", quiet=as_json) as progress:
        motion = recover_with(
            options.recover,
            points,
            height_m=options.height_m,
            mass_kg=options.mass_kg,
            sex=options.sex,
            refine=options.refine,
            mqhmr_weights=options.mqhmr_weights,
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
    say_notes(motion.notes)
