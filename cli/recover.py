"""`biopose recover`: Keypoints → BodyMotion."""

import json
from pathlib import Path
from typing import Annotated

import typer


def recover(
    keypoints: Annotated[Path, typer.Argument(help="Keypoints (.npz) of `biopose detect`.")],
    height: Annotated[float | None, typer.Option(help="Of the person, m.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the person, kg.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="[default: KEYPOINTS_motion.npz here]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Fit a moving body, in metres, to one person's keypoints."""
    from biomech.cli.progress import progress_bar
    from biomech.keypoints.keypoints import Keypoints
    from biomech.mesh.recover import recover as recover_motion

    with progress_bar("Recovering", quiet=as_json) as progress:
        motion = recover_motion(Keypoints.load(keypoints), height_m=height, mass_kg=mass, progress=progress)
    target = out or Path(f"{keypoints.stem.removesuffix('_keypoints')}_motion.npz")
    motion.save(target)
    assert motion.quality is not None
    if as_json:
        summary = {"motion": str(target), "frames": len(motion.time_s), "notes": motion.notes}
        typer.echo(json.dumps(summary | {"mean_quality": float(motion.quality.mean())}))
        return
    typer.echo(f"{target}: {len(motion.time_s)} frames, mean quality {motion.quality.mean():.2f}")
    for note in motion.notes:
        typer.echo(f"note: {note}")
