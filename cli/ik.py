"""`biopose ik`: the main job."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.neutral import Command
from biomech.names import DEFAULT_RECOVERER
from biomech.pipeline.options import DEFAULT_SOLVER

__all__ = ["Command", "ik"]
if TYPE_CHECKING:
    from biomech.pipeline.options import Result


def ik(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING",
            help="A video (.mp4, .mov, .avi), a folder of pictures, recorded markers (.trc, .c3d), or keypoints "
            "(.npz of `biopose detect`).",
        ),
    ],
    height: Annotated[float | None, typer.Option(help="Of the person, m. Sizes and distances hang on it.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the person, kg.")] = None,
    sex: Annotated[str | None, typer.Option(help="Of the person, female or male: their proportions differ.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: NAME_biopose here]")] = None,
    solver: Annotated[
        list[str] | None,
        typer.Option(
            help="neural (the network), fast (our inverse kinematics) or opensim (OpenSim's own, slower); "
            f"several for comparison: neural,fast. [default: {DEFAULT_SOLVER}]"
        ),
    ] = None,
    polish: Annotated[
        bool, typer.Option("--polish", help="Move the network's answer towards the markers, where it is unsure.")
    ] = False,
    smooth: Annotated[
        float | None,
        typer.Option(help="Smooth the motion against this much noise of the markers, mm, such as 10 (fast solver)."),
    ] = None,
    start: Annotated[float | None, typer.Option(help="Begin at this time, s.")] = None,
    end: Annotated[float | None, typer.Option(help="Stop before this time, s.")] = None,
    model: Annotated[Path | None, typer.Option(help="Another .osim; for a video give its --markers too.")] = None,
    markers: Annotated[
        Path | None,
        typer.Option(
            help="Marker set (.xml) for that model; for a video the virtual markers on it. Or, for recorded markers on "
            "our skeleton, a marker map (.csv); one of the package is found by the names."
        ),
    ] = None,
    scaling: Annotated[Path | None, typer.Option(help="Scale setup (.xml) whose measurements fit that model.")] = None,
    static: Annotated[
        Path | None,
        typer.Option(help="Markers: static trial of the same person to scale the model by."),
    ] = None,
    personalise: Annotated[
        bool,
        typer.Option("--personalise", help="Markers: scale the model and place its markers by the motion itself."),
    ] = False,
    tasks: Annotated[
        Path | None, typer.Option(help="Markers: IK or scale setup (.xml) with their weights. [default: --scaling's]")
    ] = None,
    up: Annotated[
        str | None, typer.Option(help="Markers: the axis of the file that points up, x, y, z, -x, -y or -z.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Markers: whose, where the file has several people's (A of A:C7).")
    ] = None,
    recovered: Annotated[
        bool,
        typer.Option("--recovered", help="Markers: of a body recovered from film; the network is less sure of them."),
    ] = False,
    person: Annotated[str | None, typer.Option(help="Video: who; 0, 1 … from left to right, or a pixel x,y.")] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Video: average with the mirrored picture: better, slower.")
    ] = False,
    neutral: Annotated[
        str | None,
        typer.Option(
            metavar="T0 T1|FILM",
            help="Video: from when to when (s) the person stands upright and straight, or another film of the same "
            "person who does so: settles the lengths of the legs.",
        ),
    ] = None,
    recover: Annotated[
        str, typer.Option(help="Video: fit (the body to the keypoints) or mqhmr (MQ-HMR, through time).")
    ] = DEFAULT_RECOVERER,
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Video: move MQ-HMR's answer onto the picture.")
    ] = True,
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="Video: MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Pictures a second: of a folder of them [30], of a film the rate that it was filmed at."),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, help="Video: look at every so manieth frame. [default: so that 30 a second are left]"),
    ] = None,
    focal_px: Annotated[float | None, typer.Option(help="Video: focal length in pixels, picture upright.")] = None,
    fov: Annotated[float | None, typer.Option(help="Video: angle of view across the longer side, degrees.")] = None,
    no_overlay: Annotated[
        bool, typer.Option("--no-overlay", help="Video: leave the one with the skeleton away.")
    ] = False,
    fill: Annotated[
        bool,
        typer.Option("--fill", help="Interpolate frames in which too little is seen; they are left out otherwise."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of OpenSim's solver. [default: all cores]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """From one video, or from recorded markers, to a scaled OpenSim model and a motion."""
    from biomech.cli.detect import parse_person
    from biomech.cli.neutral import parse_neutral
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.errors import BioposeError
    from biomech.pipeline.run import Options, run_ik

    recording, *others = source
    if others:
        raise BioposeError(
            f"{len(source)} recordings given, of which a run takes one",
            where=", ".join(str(path) for path in source[:3]) + (" …" if source[3:] else ""),
            mend='Give one at a time; all of them in turn: for film in *.mp4; do biopose ik "$film"; done',
        )
    options = Options(
        height_m=height,
        mass_kg=mass,
        sex=sex,
        person=parse_person(person),
        mirror=mirror,
        neutral=parse_neutral(neutral),
        recover=recover,
        refine=refine,
        mqhmr_weights=mqhmr_weights,
        start_s=start,
        end_s=end,
        rate_hz=rate,
        every=every,
        focal_px=focal_px,
        fov_deg=fov,
        model=model,
        marker_set=markers,
        scaling=scaling,
        solvers=tuple(name for names in solver for name in names.split(",")) if solver else None,
        smooth_mm=smooth,
        polish=polish,
        fill=fill,
        static=static,
        personalise=personalise,
        tasks=tasks,
        up=up,
        subject=subject,
        recovered=recovered,
        overlay=not no_overlay,
        workers=workers,
    )
    folder = out or Path(f"{recording.stem}_biopose")
    result = run_ik(
        recording,
        folder,
        options,
        overwrite=overwrite,
        bar=lambda label: progress_bar(label, quiet=as_json),
        on_stage=tell_stage(as_json),
    )
    solve = result.record["stages"]["solve"]
    if as_json:
        named = {name: str(path) for name, path in result.files.items()}
        typer.echo(json.dumps(named | {"figures": result.record["stages"], "notes": result.notes}, default=str))
        return
    typer.echo(f"{folder}: {solve['frames']} frames, marker RMS {solve['marker_rms_mm']:.1f} mm")
    typer.echo(f"  model      {result.model.name}")
    typer.echo(f"  motion     {result.kinematics.name}")
    typer.echo(f"  markers    {result.markers.name}")
    if "overlay" in result.record["stages"]:
        typer.echo(f"  look at    {result.overlay.name}")
    if "difference" in result.record["stages"]:
        _print_difference(result)
    for note in result.notes:
        typer.echo(f"note: {note}")


def _print_difference(result: "Result") -> None:
    difference = result.record["stages"]["difference"]
    typer.echo(f"mean difference from {difference['reference']} ({result.difference.name}):")
    motions = difference["motions"]
    parts = list(next(iter(motions.values())))
    widest = max(len(part) for part in parts)
    typer.echo("  " + " ".join([" " * widest, *(f"{name:>24}" for name in motions)]))
    for part in parts:
        typer.echo("  " + " ".join([part.ljust(widest), *(f"{motions[name][part]:24.2f}" for name in motions)]))
