"""`biopose live`: skeleton and angles while it is filmed."""

import json
from pathlib import Path
from typing import Annotated

import typer


def live(
    source: Annotated[str, typer.Argument(metavar="CAMERA|FILM", help="Number of a camera (0, 1 …), or a film.")],
    angle: Annotated[
        list[str] | None,
        typer.Option(help="Coordinate to show; may be given again. [default: knees and hips' flexion]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for film, points and angles. [default: nothing is kept]")
    ] = None,
    no_window: Annotated[bool, typer.Option("--no-window", help="Show nothing.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this long.")] = None,
    focal: Annotated[float | None, typer.Option(help="Focal length in pixels, picture upright.")] = None,
    fov: Annotated[float | None, typer.Option(help="Angle of view across the longer side, degrees.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a person's skeleton and angles while they are filmed.

    Escape, q or Ctrl-C ends it. Frames that the machine is too slow for are passed over.
    """
    from biomech.cli.flags import say_notes
    from biomech.live.angles import DEFAULT_ANGLES, check_angles
    from biomech.live.recording import FILM
    from biomech.live.session import live as follow
    from biomech.live.window import LiveWindow

    angles = tuple(angle or DEFAULT_ANGLES)
    check_angles(angles)
    window = None if no_window else LiveWindow(f"biopose live {source}")
    try:
        figures = follow(
            source,
            show=None if window is None else window.show,
            angles=angles,
            folder=out,
            focal_px=focal,
            fov_deg=fov,
            seconds=seconds,
        )
    finally:
        if window is not None:
            window.close()
    summary = figures.summary()
    if as_json:
        files = [str(path) for path in figures.files]
        typer.echo(json.dumps({**summary, "files": files, "notes": figures.notes}))
        return
    typer.echo(
        f"{summary['frames']:.0f} frames, {summary['rate_hz']:.1f} a second; "
        f"shown {summary['latency_ms_median']:.0f} ms late (19 of 20 within {summary['latency_ms_p95']:.0f} ms)"
    )
    for path in figures.files:
        typer.echo(f"  {path}")
    if out is not None and out / FILM in figures.files:
        typer.echo(f"finish it: biopose ik {out / FILM} --out {out}")
    say_notes(figures.notes)
