"""`biopose solve`: Markers → Kinematics, the lone stage, for a model that is scaled already."""

import json
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import say_notes
from biomech.names import DEFAULT_SOLVER


def solve(
    markers: Annotated[Path, typer.Argument(help="Marker trajectories: .trc or .c3d.")],
    model: Annotated[Path, typer.Option(help="A scaled .osim with its markers.")],
    tasks: Annotated[Path | None, typer.Option(help="IK or scale setup (.xml) with the marker weights.")] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            help="neural (the network, for the 142 virtual markers), fast (ours) or opensim (OpenSim's own, slower). "
            f"[default: {DEFAULT_SOLVER}]"
        ),
    ] = None,
    polish: Annotated[
        bool, typer.Option("--polish", help="Move the network's answer towards the markers, where it is unsure.")
    ] = False,
    recovered: Annotated[
        bool,
        typer.Option("--recovered", help="The markers are of a body recovered from film: the network is less sure."),
    ] = False,
    smooth: Annotated[
        float | None,
        typer.Option(help="Smooth the motion against this much noise of the markers, mm, such as 10 (fast solver)."),
    ] = None,
    up: Annotated[str | None, typer.Option(help="The axis of the file that points up, x, y, z, -x, -y or -z.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Whose markers, where the file has several people's (A of A:C7).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. [default: NAME_solved here, of NAME.trc]")
    ] = None,
    fill: Annotated[
        bool,
        typer.Option("--fill", help="Interpolate frames in which too little is seen; they are left out otherwise."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes of OpenSim's solver. [default: all cores]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Solve the inverse kinematics of a scaled model.

    `biopose ik` scales it too and keeps a record.
    """
    from biomech.cli.progress import progress_bar
    from biomech.pipeline.alone import solve_alone
    from biomech.pipeline.options import Options

    options = Options(
        solvers=(solver,) if solver else None,
        smooth_mm=smooth,
        polish=polish,
        recovered=recovered,
        fill=fill,
        workers=workers,
        tasks=tasks,
        up=up,
        subject=subject,
    )
    folder = out or Path(f"{markers.stem}_solved")
    files, figures = solve_alone(markers, model, folder, options, bar=lambda label: progress_bar(label, quiet=as_json))
    if as_json:
        left = {"markers": files.markers, "motion": files.kinematics, "ik_setup": files.ik_setup}
        left |= {"quality": files.quality, "uncertainty": files.solutions[0].uncertainty}
        typer.echo(json.dumps({name: str(path) for name, path in left.items() if path.exists()} | figures))
        return
    typer.echo(f"{files.kinematics}: {figures['frames']} frames, marker RMS {figures['marker_rms_mm']:.1f} mm")
    typer.echo(f"within OpenSim's thresholds (RMS 2 cm, largest 4 cm): {figures['frames_within_thresholds']} frames")
    say_notes(figures["notes"])
