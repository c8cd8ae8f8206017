"""`biopose refine`: a finished run's body, moved onto the picture once more."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer


def refine(
    folder: Annotated[Path, typer.Argument(help="Folder of `biopose ik VIDEO --recover mqhmr`.")],
    iterations: Annotated[int, typer.Option(min=0, help="Of each frame; 20 where 10 were too few.")] = 20,
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Move MQ-HMR's answers onto the picture, and make the body's motion and markers anew.

    They are written beside the run's own, as NAME_refined_motion.npz and NAME_refined.trc.
    """
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.keypoints.keypoints import Keypoints
    from biomech.markers.trc import write_trc
    from biomech.markers.virtual import extract, marker_body
    from biomech.mesh.mqhmr.refine import refined
    from biomech.mesh.mqhmr.through_time import recover_frames
    from biomech.mesh.recoverers import trained
    from biomech.pipeline.claim import claimed
    from biomech.pipeline.options import Result, plain_name
    from biomech.pipeline.record import RECORD, Run

    record = Run.open(folder).record
    said = record["stages"].get("recover", {}).get("options", {})
    film = record.get("source", {}).get("name", "")
    name = plain_name(Path(film).stem)
    if not film or "height_m" not in said:
        raise BioposeError(
            "no run of a video that got as far as its body", where=str(folder / RECORD), mend="Run `biopose ik VIDEO`."
        )
    if said.get("recover") == "fit":
        raise BioposeError(
            "this run's body was fitted to the keypoints; what MQ-HMR sees, and refine moves, was not kept",
            where=str(folder / RECORD),
            mend=f"Run the same `biopose ik {shlex.quote(film)}` with --recover mqhmr into this folder (-o) first.",
        )
    files = Result.of(folder, name, record)
    (network, spread), keypoints = trained(mqhmr_weights), Keypoints.load(files.keypoints)
    with progress_bar("Refining", quiet=as_json) as progress:
        frames, flags = refined(network, keypoints, iterations, progress=progress)
    with progress_bar("Recovering", quiet=as_json) as progress:
        motion = recover_frames(
            keypoints,
            frames,
            spread,
            height_m=said["height_m"],
            mass_kg=said.get("mass_kg"),
            sex=said.get("sex"),
            progress=progress,
        )
    motion_file, markers_file = folder / f"{name}_refined_motion.npz", folder / f"{name}_refined.trc"
    with claimed(folder):
        motion.save(motion_file)
        write_trc(extract(marker_body(), motion), markers_file)
    seen, moved = int(frames.seen.sum()), int(flags.sum())
    if as_json:
        summary = {"motion": str(motion_file), "markers": str(markers_file), "frames_seen": seen, "refined": moved}
        typer.echo(json.dumps(summary | {"notes": motion.notes}))
        return
    typer.echo(f"{motion_file.name}, {markers_file.name}: {moved} of {seen} frames refined, the others as they were")
    typer.echo(
        f"go on with: biopose ik {shlex.quote(str(markers_file))} --model {shlex.quote(str(files.model))} --recovered"
    )
    for note in motion.notes:
        typer.echo(f"note: {note}")
