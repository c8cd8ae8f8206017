"""`biopose detect`: Video → Keypoints."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from biomech.cli.flags import say_notes, taking
from biomech.pipeline.flags import in_flags
from biomech.pipeline.options import Options, keys_of


@taking(*keys_of("film", "detect"))
def detect(
    video: Annotated[Path, typer.Argument(help="A video (.mp4, .mov, .avi) or a folder of pictures.")],
    options: Options,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: NAME_keypoints.npz here, of NAME.mp4]")
    ] = None,
    network: Annotated[Path | None, typer.Option(help="The same as --detector-weights.", hidden=True)] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network. [default: all cores, 4]")] = None,
    keep_heat_maps: Annotated[
        bool,
        typer.Option(
            "--keep-heat-maps",
            "--keep-looks",
            help="Keep the network's maps too, for `biopose recover --recover mqhmr`.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find one person's body points in every frame."""
    from biomech.cli.progress import progress_bar
    from biomech.files import check_target
    from biomech.keypoints.detect import detect as detect_keypoints
    from biomech.keypoints.detectors import make_detector
    from biomech.keypoints.keypoints import Keypoints
    from biomech.video import Video

    target = check_target(out or Path(f"{video.stem}_keypoints.npz"), ".npz", video, own=Keypoints.load)
    clip = Video.open(video, options.start_s, options.end_s, options.rate_hz, options.every)
    with progress_bar("Detecting", quiet=as_json) as progress:
        keypoints = detect_keypoints(
            clip,
            make_detector(
                options.detector,
                network=options.detector_weights or network,
                config=options.detector_config,
                layout=options.layout,
                threads=threads,
                mirror=options.mirror,
            ),
            person=options.one_person(),
            focal_px=options.focal_px,
            fov_deg=options.fov_deg,
            camera_motion=options.camera_motion,
            keep_heat_maps=keep_heat_maps,
            fewer_looks=options.fewer_looks,
            progress=progress,
        )
    keypoints.save(target)
    summary: dict[str, Any] = {
        "keypoints": str(target),
        "frames": len(keypoints.time_s),
        "frames_with_person": int(keypoints.found.sum()),
        "frames_looked_at": keypoints.frames_looked_at,
        "focal_px": keypoints.focal_px,
        "focal_source": keypoints.focal_source,
        "notes": keypoints.notes,
    }
    if as_json:
        typer.echo(json.dumps(summary))
        return
    looked = f", {keypoints.frames_looked_at} looked at" if keypoints.frames_looked_at != summary["frames"] else ""
    typer.echo(f"{target}: person in {summary['frames_with_person']} of {summary['frames']} frames{looked}")
    typer.echo(in_flags(f"focal length {keypoints.focal_px:.0f} px, {keypoints.focal_source}"))
    say_notes(keypoints.notes)
