"""`biopose events`: strides, repetitions and jumps of a motion, and what is measured of them."""

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes


def events(
    motion: Annotated[Path, typer.Argument(help="A folder of `biopose ik`, or a .mot, .sto or .csv of any program.")],
    model: Annotated[
        Path | None, typer.Option(help="Its scaled .osim. [default: NAME_scaled.osim beside the motion]")
    ] = None,
    filter_hz: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="HZ",
            help="Cut-off of the zero-lag Butterworth filter: Hz, auto (walking, squats and sitting 6, running 10, "
            "jumps 12) or none.",
        ),
    ] = "auto",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the tables.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find strides, squats, sitting and jumps, and measure them.

    Writes NAME_events.csv, NAME_measures.csv and NAME_course.csv (centre of mass and velocities over time).
    """
    from biomech.errors import BioposeError
    from biomech.inverse_kinematics.trusted import UNCERTAINTY, name_of, table_beside
    from biomech.leftovers import clear_leftovers
    from biomech.measures.written import tables_beside, write_tables
    from biomech.pipeline.occasions import events_of, motion_and_model

    cutoff: float | str = filter_hz
    if filter_hz not in ("auto", "none"):
        try:
            cutoff = float(filter_hz)
        except ValueError as error:
            mend = "Give a cut-off in Hz such as 6, `auto`, or `none`."
            raise BioposeError(f"--filter {filter_hz} is no filter", mend=mend) from error
    if out.exists() and not out.is_dir():
        raise BioposeError("is a file", where=str(out), mend="Name a folder with `out`.")
    motion, model, quality = motion_and_model(motion, model)
    unsure = table_beside(motion, UNCERTAINTY)
    found = events_of(motion, model, filter_hz=cutoff, quality=quality, uncertainty=unsure)
    out.mkdir(parents=True, exist_ok=True)
    clear_leftovers(out)
    files = tables_beside(out, name_of(motion))
    write_tables(found, files)
    half_widths = {f"{kind}_{name}": v for kind in found.activities for name, v in found.half_widths(kind).items()}
    if as_json:
        summary = {name: value if math.isfinite(value) else None for name, value in found.summary.items()}
        told = {"motion": str(motion), "model": str(model), "activities": found.activities, "summary": summary}
        told |= {"half_widths": half_widths}
        told |= {"filter_hz": {kind or "motion": hz for kind, hz in found.filter_hz.items()}, "notes": found.notes}
        typer.echo(json.dumps(told | {name: str(path) for name, path in files.items()}))
        return
    for name, value in found.summary.items():
        if math.isfinite(value):
            off = f"   half width {half_widths[name]:.2f}" if name in half_widths else ""
            typer.echo(f"{name:44s} {value:.3f}".rstrip("0").rstrip(".") + off)
    typer.echo(f"tables: {', '.join(str(path) for path in files.values())}")
    say_notes(found.notes)
