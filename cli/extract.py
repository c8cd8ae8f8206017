"""`biopose extract`: BodyMotion → Markers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes


def extract(
    motion: Annotated[Path, typer.Argument(help="A body motion (.npz) of `biopose recover`.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="[default: NAME_motion.trc here, of NAME_motion.npz]")
    ] = None,
    fill: Annotated[
        bool,
        typer.Option("--fill", help="Keep the frames in which the person is not to be seen; no numbers otherwise."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read the 142 virtual markers off a moving body."""
    from biomech.body.motion import BodyMotion
    from biomech.files import check_target
    from biomech.markers.trc import is_ours, write_trc
    from biomech.markers.virtual import extract_seen

    target = check_target(out or Path(f"{motion.stem}.trc"), ".trc", motion, own=is_ours)
    markers = extract_seen(BodyMotion.load(motion), fill=fill)
    write_trc(markers, target)
    if as_json:
        summary = {"markers": str(target), "count": len(markers.names), "frames": len(markers.time_s)}
        typer.echo(json.dumps(summary | {"notes": markers.notes}))
    else:
        typer.echo(f"{target}: {len(markers.names)} markers, {len(markers.time_s)} frames")
        say_notes(markers.notes)
