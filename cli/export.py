"""`biopose export`: a run, or model and motion → files of other programs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes


def export(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN_OR_FILES...",
            help="The folder of a `biopose ik`; or an .osim and a .mot and, where there are, the markers (.trc, .c3d), "
            "*_quality.csv and *_uncertainty.csv.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", help="Formats, separated by commas: c3d, json, glb, bvh, npz, csv, or all.")
    ] = "all",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder, or the file of one format. [default: NAME_export here]"),
    ] = None,
    geometry: Annotated[
        Path | None,
        typer.Option("--geometry", help="Folder with the surfaces that the model names (.vtp, .stl, .obj)."),
    ] = None,
    body_models: Annotated[
        Path | None,
        typer.Option("--body-models", help="Of npz: folder of your own SMPL model files, for SMPL-H at rest."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a model's motion for other programs.

    Markers and angles for motion-capture programs (.c3d), OpenCap's web viewer (.json), animation programs (.glb,
    .bvh), SMPL (.npz) and statistics (.csv).
    """
    from biomech.exports.formats import check_formats
    from biomech.exports.take import Take
    from biomech.exports.write import write_exports

    formats = None if to == "all" else check_formats([name.strip() for name in to.split(",")])
    take = Take.read(source, geometry, body_models)
    exported = write_exports(take, out or Path(f"{take.name}_export"), formats, overwrite=overwrite)
    if as_json:
        files = {name: str(path) for name, path in exported.files.items()}
        typer.echo(json.dumps({"files": files, "frames": len(take.kinematics.time_s), "notes": exported.notes}))
        return
    for path in exported.files.values():
        typer.echo(str(path))
    say_notes(exported.notes)
