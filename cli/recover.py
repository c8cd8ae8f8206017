"""`biopose recover`: Keypoints → BodyMotion."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.neutral import Command
from biomech.names import DEFAULT_RECOVERER

__all__ = ["Command", "recover"]
if TYPE_CHECKING:
    from biomech.keypoints.keypoints import Keypoints


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
    from biomech.keypoints.keypoints import Keypoints
    from biomech.mesh.recoverers import recover_with

    stretch = parse_neutral(neutral)
    if isinstance(stretch, Path):
        raise BioposeError(
            f"--neutral {neutral} is no stretch of these keypoints", mend="Give two times; a film is for biopose ik."
        )
    own = not keypoints.is_dir() and keypoints.suffix.lower() != ".json"
    points = Keypoints.load(keypoints) if own else _read_others(keypoints, video, person, focal_px, fov)
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


def _read_others(
    path: Path, video: Path | None, person: int | None, focal_px: float | None, fov: float | None
) -> "Keypoints":
    """Another program's keypoints; size, rate and lens are its film's."""
    from biomech.errors import BioposeError
    from biomech.keypoints.readers import read_mmpose, read_openpose
    from biomech.video import Video, focal_length

    if not path.exists():
        raise BioposeError(
            "there are no such keypoints", where=str(path), mend="Make some with `biopose detect VIDEO`."
        )
    if video is None:
        raise BioposeError(
            "these keypoints do not say how large and fast their film was", where=str(path), mend="Give --video FILM."
        )
    film = Video.open(video)
    read = read_openpose if path.is_dir() else read_mmpose
    points = read(path, size_px=film.size_px, rate_hz=film.rate_hz, person=person)
    points.focal_px, points.focal_source = focal_length(film, focal_px, fov)
    return points
