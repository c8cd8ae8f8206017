"""`biopose detect`: Video → Keypoints."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def detect(
    video: Annotated[Path, typer.Argument(help="A video (.mp4, .mov, .avi) or a folder of pictures.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: NAME_keypoints.npz here, of NAME.mp4]")
    ] = None,
    person: Annotated[str | None, typer.Option(help="Who: 0, 1 … from left to right, or a pixel x,y.")] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average with the mirrored picture: slower.")] = False,
    start: Annotated[float | None, typer.Option(help="Begin at this time, s.")] = None,
    end: Annotated[float | None, typer.Option(help="Stop before this time, s.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Pictures a second: of a folder of them [30], of a film the rate that it was filmed at."),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="Look at every so manieth frame. [default: so that 30 a second are left]"),
    ] = None,
    focal_px: Annotated[float | None, typer.Option(help="Focal length in pixels of the upright picture.")] = None,
    fov: Annotated[float | None, typer.Option(help="Angle of view across the longer side, degrees.")] = None,
    network: Annotated[Path | None, typer.Option(help="A pose_landmarker .task file of your own.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network. [default: all cores, 4]")] = None,
    keep_looks: Annotated[
        bool, typer.Option("--keep-looks", help="Keep the network's maps too, for `biopose recover --recover mqhmr`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find one person's 33 body points in every frame."""
    from biomech.cli.progress import progress_bar
    from biomech.files import check_target
    from biomech.keypoints.detect import detect as detect_keypoints
    from biomech.video import Video

    target = check_target(out or Path(f"{video.stem}_keypoints.npz"), ".npz", video)
    clip = Video.open(video, start, end, rate, every)
    who = parse_person(person)
    with progress_bar("Detecting", quiet=as_json) as progress:
        keypoints = detect_keypoints(
            clip,
            person=who,
            mirror=mirror,
            focal_px=focal_px,
            fov_deg=fov,
            detector_path=network,
            threads=threads,
            keep_looks=keep_looks,
            progress=progress,
        )
    keypoints.save(target)
    summary: dict[str, Any] = {
        "keypoints": str(target),
        "frames": len(keypoints.time_s),
        "frames_with_person": int(keypoints.found.sum()),
        "focal_px": keypoints.focal_px,
        "focal_source": keypoints.focal_source,
        "notes": keypoints.notes,
    }
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(f"{target}: person in {summary['frames_with_person']} of {summary['frames']} frames")
    typer.echo(f"focal length {keypoints.focal_px:.0f} px, {keypoints.focal_source}")
    for note in keypoints.notes:
        typer.echo(f"note: {note}")


def parse_person(text: str | None) -> int | tuple[float, float] | None:
    """What ``--person`` says: a number from left to right, or a pixel.

    Raises:
        BioposeError: neither of them.
    """
    from biomech.errors import BioposeError

    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 1 and values[0].is_integer() and values[0] >= 0:
        return int(values[0])
    if len(values) == 2:
        return values[0], values[1]
    raise BioposeError(
        f"--person {text} is neither a number nor a pixel", mend="Say --person 1 (0 is leftmost) or --person 640,360."
    )
