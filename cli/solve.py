"""`biopose solve`: Markers → Kinematics, the lone stage, for a model that is scaled already."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from biomech.pipeline.options import DEFAULT_SOLVER


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
    """Solve the inverse kinematics of a scaled model; `biopose ik` scales it too and keeps a record."""
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.inverse_kinematics.coordinate_tasks import coordinate_goals
    from biomech.markers.read import read_for_model
    from biomech.markers.trc import write_trc
    from biomech.pipeline.claim import claimed
    from biomech.pipeline.options import Options, Result
    from biomech.pipeline.solve import share_seen, task_weights
    from biomech.pipeline.solve import solve as solve_markers
    from biomech.pipeline.solvers import check_network, choose_solvers
    from biomech.skeleton.model import load_model

    loaded = load_model(model)
    trial = read_for_model(markers, loaded, up=up, subject=subject)
    (chosen,) = choose_solvers(
        Options(solvers=(solver,) if solver else None, smooth_mm=smooth, polish=polish),
        lambda: check_network(loaded, trial.names, str(markers)),
    )
    weights, notes = task_weights(loaded, tasks)
    files = Result.of(out or Path(f"{markers.stem}_solved"), markers.stem, {}, (chosen,))
    if os.path.realpath(files.markers) == os.path.realpath(markers):
        raise BioposeError("the results would be written over this file", where=str(markers), mend="Name another -o.")
    with claimed(files.folder), progress_bar("Solving", quiet=as_json) as progress:
        # The setup gets the trial as it was understood: metres, Y up, gaps as gaps, the model's names.
        write_trc(trial, files.markers)
        figures = solve_markers(
            model,
            trial,
            weights,
            files=files.solutions[0],
            markers_trc=files.markers,
            quality=share_seen(trial),
            goals=coordinate_goals(tasks, loaded, trial.time_s),
            smooth_mm=smooth,
            polish=polish,
            recovered=recovered,
            fill=fill,
            workers=workers,
            progress=progress,
        )
    figures["notes"] = [*trial.notes, *notes, *figures["notes"]]
    if as_json:
        left = {"markers": files.markers, "motion": files.kinematics, "ik_setup": files.ik_setup}
        left |= {"quality": files.quality, "uncertainty": files.solutions[0].uncertainty}
        typer.echo(json.dumps({name: str(path) for name, path in left.items() if path.exists()} | figures))
        return
    typer.echo(f"{files.kinematics}: {figures['frames']} frames, marker RMS {figures['marker_rms_mm']:.1f} mm")
    typer.echo(f"within OpenSim's thresholds (RMS 2 cm, largest 4 cm): {figures['frames_within_thresholds']} frames")
    for note in figures["notes"]:
        typer.echo(f"note: {note}")
