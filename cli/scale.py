"""`biopose scale`: a body or a static trial → a scaled model, the lone stage."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes


def scale(
    body: Annotated[
        Path, typer.Argument(help="A body motion (.npz) of `biopose recover`, or a static trial (.trc, .c3d).")
    ],
    height: Annotated[float | None, typer.Option(help="Of the person, m; noted in the setup.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the person, kg. [default: the body's, or the model's]")] = None,
    model: Annotated[Path | None, typer.Option(help="Another .osim; for a body give its --markers too.")] = None,
    markers: Annotated[
        Path | None, typer.Option(help="Marker set (.xml) for that model; for a body the virtual markers on it.")
    ] = None,
    scaling: Annotated[Path | None, typer.Option(help="Scale setup (.xml) whose measurements fit that model.")] = None,
    tasks: Annotated[
        Path | None,
        typer.Option(help="Static trial: IK or scale setup (.xml) with the weights. [default: --scaling's]"),
    ] = None,
    up: Annotated[
        str | None, typer.Option(help="Static trial: the axis of the file that points up, x, y, z, -x, -y or -z.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Static trial: whose, where the file has several people's (A of A:C7).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="[default: NAME_scaled.osim here, of NAME_motion.npz or NAME.trc]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Scale a generic model to a person with OpenSim's tool.

    Its setup is written beside the model.
    """
    from biomech.errors import BioposeError
    from biomech.pipeline.options import Options
    from biomech.pipeline.scale import scale as scale_model
    from biomech.pipeline.stages import plain_name

    options = Options(
        height_m=height,
        mass_kg=mass,
        model=model,
        marker_set=markers,
        scaling=scaling,
        tasks=tasks,
        up=up,
        subject=subject,
    )
    target = out or Path(f"{plain_name(body.stem.removesuffix('_motion'))}_scaled.osim")
    if plain_name(target.stem) != target.stem or target.suffix != ".osim":
        raise BioposeError(
            "OpenSim's tool takes only letters, digits, - . and _ in a name that ends in .osim",
            where=str(target),
            mend=f"Name it {plain_name(target.stem)}.osim.",
        )
    figures = scale_model(body, target, options)
    if as_json:
        typer.echo(json.dumps({"model": str(target)} | figures))
        return
    typer.echo(f"{target}: {figures['mass_kg']:g} kg, static marker RMS {figures['static_marker_rms_mm']:.1f} mm")
    say_notes(figures["notes"])
