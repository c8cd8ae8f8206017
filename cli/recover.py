"""`biopose recover`: Keypoints → BodyMotion."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes, taking
from biomech.cli.neutral import Command
from biomech.pipeline.options import Options

__all__ = ["Command", "recover"]


@taking(
    *("height_m", "mass_kg", "sex", "recover", "refine", "mqhmr_weights"),
    *("video", "size_px", "rate_hz", "layout", "focal_px", "fov_deg"),
)
def recover(
    keypoints: Annotated[
        Path,
        typer.Argument(help="Keypoints (.npz) of `biopose detect`, OpenPose's folder, AlphaPose's or mmpose's .json."),
    ],
    options: Options,
    neutral: Annotated[
        str | None,
        typer.Option(metavar="T0 T1", help="From when to when (s) the person stands upright and straight."),
    ] = None,
    person: Annotated[int | None, typer.Option(help="Who, of other programs' people.")] = None,
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
    points = read_keypoints(
        keypoints,
        video=options.video,
        size_px=options.size_px,
        rate_hz=options.rate_hz,
        layout=options.layout,
        person=person,
        focal_px=options.focal_px,
        fov_deg=options.fov_deg,
    )
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
