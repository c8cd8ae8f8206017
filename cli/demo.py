"""`biopose demo`: the main job on a film whose truth is known."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes

CAVEAT = (
    "The film shows the same kind of body that is fitted to it, without loose clothes, blur or other people: "
    "expect larger errors on a real video."
)


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the film and the results.")] = Path(
        "biopose_demo"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Run every stage again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the main job on a drawn walk and print its errors.

    The film shows a body that walks with known joint angles.
    """
    from dataclasses import asdict

    from biomech.assets import locate
    from biomech.cli.progress import progress_bar, tell_stage
    from biomech.pipeline.demo import run_demo

    def say(text: str) -> None:
        if not as_json:
            typer.echo(text, err=True)

    locate("blazepose_heavy", say)
    found = run_demo(
        out,
        overwrite=overwrite,
        bar=lambda label: progress_bar(label, quiet=as_json),
        on_stage=tell_stage(as_json),
    )
    marker_rms_mm = found.result.figures["solve"]["marker_rms_mm"]
    if as_json:
        summary = {
            "film": str(found.film),
            "height_m": found.height_m,
            "mass_kg": found.mass_kg,
            "model": str(found.result.model),
            "motion": str(found.result.kinematics),
            "markers": str(found.result.markers),
            "overlay": str(found.result.overlay),
            "truth": str(found.truth.folder),
            **asdict(found.joints),
            "ik_marker_rms_mm": marker_rms_mm,
            "coordinates": {name: asdict(error) for name, error in found.coordinates.items()},
            "notes": found.result.notes,
        }
        typer.echo(json.dumps(summary))
        return
    joints = found.joints
    typer.echo(f"A body of {found.height_m:.2f} m and {found.mass_kg:.0f} kg walks past a camera: {found.film}")
    typer.echo("")
    typer.echo(f"12 limb joints   PA-MPJPE {joints.pa_mpjpe_mm:.0f} mm, MPJPE {joints.mpjpe_mm:.0f} mm")
    typer.echo(f"IK marker RMS    {marker_rms_mm:.1f} mm")
    typer.echo("")
    typer.echo("coordinate        error  (all-zero motion)   range of motion (truth)   correlation")
    for name, error in found.coordinates.items():
        typer.echo(
            f"{name:15s} {error.mae_deg:6.1f}°  ({error.zero_mae_deg:.1f}°)".ljust(40)
            + f"{error.range_deg:10.0f}°  ({error.true_range_deg:.0f}°)".ljust(26)
            + f"{error.correlation:9.2f}"
        )
    typer.echo("")
    typer.echo(CAVEAT)
    typer.echo(f"Look at    {found.result.overlay}")
    typer.echo(f"OpenSim    {found.result.model} with {found.result.kinematics.name}")
    say_notes(found.result.notes)
