"""`biopose ik`: the main job."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.flags import say_notes, taking
from biomech.cli.neutral import Command
from biomech.pipeline.options import Options

__all__ = ["Command", "ik"]
if TYPE_CHECKING:
    from biomech.pipeline.stages import Result


@taking(say_where=True)
def ik(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING",
            help="A video (.mp4, .mov, .avi), a folder of pictures, recorded markers (.trc, .c3d), keypoints (.npz "
            "of `biopose detect`; OpenPose's folder, AlphaPose's or mmpose's .json), or bodies of another program "
            "(AMASS, SMPL, WHAM, GVHMR, SAM 3D Body …: .npz, .pt, .pkl, .json). Of several cameras that filmed the "
            "same, all their videos.",
        ),
    ],
    options: Options,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: NAME_biopose here]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a scaled OpenSim model and a motion of film or markers.

    Of one video, of several of the same, or of recorded markers.
    """
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.pipeline.batch import refuse_folder_of_films
    from biomech.pipeline.run import run_ik

    if len(source) == 1:
        refuse_folder_of_films(source[0])

    folder = out or Path(f"{source[0].stem}_biopose")
    if options.person == "all":
        _everybody(source, folder, options, overwrite, as_json)
        return
    result = run_ik(
        source,
        folder,
        options,
        overwrite=overwrite,
        bar=lambda label: progress_bar(label, quiet=as_json),
        on_stage=tell_stage(as_json),
    )
    solve = result.figures["solve"]
    if as_json:
        named = {name: str(path) for name, path in result.files.items()}
        typer.echo(json.dumps(named | {"figures": result.figures, "notes": result.notes}, default=str))
        return
    trusted = solve["frames_trusted"]
    held = f"{trusted} of them trusted" if trusted else "none of them to be trusted: do not use this motion"
    typer.echo(f"{folder}: {solve['frames']} frames, {held}; marker RMS {solve['marker_rms_mm']:.1f} mm")
    if looked := _looked_at(result):
        typer.echo(f"  {looked}")
    typer.echo(f"  model      {result.model.name}")
    typer.echo(f"  motion     {result.kinematics.name}")
    typer.echo(f"  markers    {result.markers.name}")
    if "overlay" in result.figures:
        typer.echo(f"  look at    {result.overlay.name}")
    if "angles" in result.figures:
        typer.echo(f"  angles     {result.solutions[0].angles.name}, {result.angles_figure.name}")
    if "report" in result.figures:
        typer.echo(f"  report     {result.report.name}")
    if "difference" in result.figures:
        _print_difference(result)
    say_notes(result.notes)


def _looked_at(result: "Result") -> str:
    """How many frames of one film the detector looked at, where that is not all."""
    detect = result.figures.get("detect")
    looked = None if detect is None else detect.get("frames_looked_at")
    if detect is None or looked is None or looked >= detect["frames"]:
        return ""
    return f"looks      {looked} of the {detect['frames']} frames taken; the others are told from their neighbours"


def _everybody(source: list[Path], folder: Path, options: Options, overwrite: bool, as_json: bool) -> None:
    """A run for each person, and the table."""
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.pipeline.people import run_everybody

    found = run_everybody(
        source,
        folder,
        options,
        overwrite=overwrite,
        bar=lambda label: progress_bar(label, quiet=as_json),
        on_stage=tell_stage(as_json),
    )
    if as_json:
        people = []
        for person in found.people:
            result = person.result
            files = {} if result is None else {name: str(path) for name, path in result.files.items()}
            figures = {} if result is None else {"figures": result.figures}
            people.append(person.row() | {"folder": str(person.folder), "notes": person.notes} | files | figures)
        named = {"folder": str(folder), "table": str(found.table), "people": people, "notes": found.notes}
        typer.echo(json.dumps(named, default=str))
        return
    solved = sum(person.result is not None for person in found.people)
    typer.echo(f"{folder}: {solved} of {len(found.people)} people, {found.table.name}")
    for person in found.people:
        row = person.row()
        if person.result is None:
            typer.echo(f"  {row['folder']}  {person.notes[0]}")
            continue
        typer.echo(
            f"  {row['folder']}  {row['from_s']} to {row['to_s']} s, trusted {row['frames_trusted']} of "
            f"{row['frames']} frames, stature {row['stature_m']} m, marker RMS {person.marker_rms_mm:.1f} mm"
        )
        say_notes(f"person {person.number}: {note}" for note in person.notes[1:])
    say_notes(found.notes)


def _print_difference(result: "Result") -> None:
    difference = result.figures["difference"]
    typer.echo(f"mean difference from {difference['reference']} ({result.difference.name}):")
    motions = difference["motions"]
    parts = list(next(iter(motions.values())))
    widest = max(len(part) for part in parts)
    typer.echo("  " + " ".join([" " * widest, *(f"{name:>24}" for name in motions)]))
    for part in parts:
        typer.echo("  " + " ".join([part.ljust(widest), *(f"{motions[name][part]:24.2f}" for name in motions)]))
