"""`biopose solve`: Markers → Kinematics, for those who enter the street with marker data."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from biomech.classical.scaling import ScaleResult
    from biomech.markers.markers import Markers


def solve(
    markers: Annotated[Path, typer.Argument(help="Marker trajectories: .trc or .c3d.")],
    model: Annotated[Path | None, typer.Option(help="Your .osim. [default: ours, for the virtual markers]")] = None,
    static: Annotated[
        Path | None, typer.Option(help="Static trial to scale the model by; without it the model counts as scaled.")
    ] = None,
    marker_set: Annotated[Path | None, typer.Option("--markers", help="Marker set for the model (.xml).")] = None,
    tasks: Annotated[Path | None, typer.Option(help="IK or scale setup (.xml) with the marker weights.")] = None,
    scaling: Annotated[Path | None, typer.Option(help="Scale setup (.xml) with your model's measurements.")] = None,
    mass: Annotated[float | None, typer.Option(help="Of the subject, kg. [default: the model's own]")] = None,
    height: Annotated[float | None, typer.Option(help="Of the subject, m; noted in the scale setup.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder. [default: MARKERS_solved here]")] = None,
    accuracy: Annotated[float, typer.Option(help="Of OpenSim's IK.")] = 1e-8,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. [default: all cores]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Scale a model and solve its inverse kinematics with OpenSim's own tools."""
    from biomech.classical.inverse_kinematics import solve_ik
    from biomech.classical.measurements import read_tasks
    from biomech.cli.progress import progress_bar
    from biomech.markers.trc import write_trc
    from biomech.markers.virtual import load_virtual_markers

    trial = _read(markers)
    folder, name = out or Path(f"{markers.stem}_solved"), markers.stem
    if tasks or scaling:
        weights = read_tasks(tasks or scaling)  # type: ignore[arg-type]
    else:
        weights = dict.fromkeys(trial.names, 1.0) | load_virtual_markers().weights_by_name()
    scaled = None
    if static is not None:
        scaled = _scale(model, static, marker_set, scaling, weights, mass, height, folder / f"{name}_scaled.osim")
        solved_model = scaled.model_osim
    else:
        solved_model = _already_scaled(model, marker_set, folder / f"{name}_model.osim")
    # The tools get the trial as it was understood: metres, Y up, gaps as gaps.
    trc = folder / f"{name}.trc"
    if trc.resolve() != markers.resolve() or trial.notes:
        trc = folder / (f"{name}_mended.trc" if trc.resolve() == markers.resolve() else f"{name}.trc")
        write_trc(trial, trc)
    mot, setup = folder / f"{name}_classical.mot", folder / f"{name}_ik_setup.xml"
    with progress_bar("Solving", quiet=as_json) as progress:
        kinematics, errors = solve_ik(
            solved_model,
            trial,
            weights,
            markers_trc=trc,
            out_mot=mot,
            out_setup=setup,
            accuracy=accuracy,
            workers=workers,
            progress=progress,
        )
    summary: dict[str, Any] = {
        "model": str(solved_model),
        "markers": str(trc),
        "motion": str(mot),
        "ik_setup": str(setup),
        "scale_setup": str(scaled.setup_xml) if scaled else None,
        "frames": len(kinematics.time_s),
        "frames_good": int(errors.good.sum()),
        "ik_marker_rms_mm": errors.clip_rms_m * 1000,
        "static_marker_rms_mm": scaled.static_errors.clip_rms_m * 1000 if scaled else None,
        "notes": [*trial.notes, *(scaled.notes if scaled else []), *errors.flags()],
    }
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(f"{mot}: {summary['frames']} frames, marker RMS {summary['ik_marker_rms_mm']:.1f} mm")
    typer.echo(f"within OpenSim's thresholds (RMS 2 cm, largest 4 cm): {summary['frames_good']} frames")
    for note in summary["notes"]:
        typer.echo(f"note: {note}")


def _read(path: Path) -> "Markers":
    from biomech.errors import BioposeError
    from biomech.markers.c3d import read_c3d
    from biomech.markers.trc import read_trc

    readers = {".trc": read_trc, ".c3d": read_c3d}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BioposeError("not a marker file", where=str(path), mend="Give a .trc or .c3d file.")
    return reader(path)


def _scale(
    model: Path | None,
    static: Path,
    marker_set: Path | None,
    scaling: Path | None,
    weights: dict[str, float],
    mass: float | None,
    height: float | None,
    out_osim: Path,
) -> "ScaleResult":
    from biomech.classical.measurements import VIRTUAL_MARKER_MEASUREMENTS, read_measurements
    from biomech.classical.scaling import scale_model
    from biomech.osim_models.build import DEFAULT_PATH
    from biomech.skeleton.model import load_model

    generic = model or DEFAULT_PATH
    if mass is None:
        loaded = load_model(generic)
        mass = float(loaded.getTotalMass(loaded.getWorkingState()))
    return scale_model(
        generic,
        _read(static),
        mass_kg=mass,
        height_m=height,
        measurements=read_measurements(scaling) if scaling else VIRTUAL_MARKER_MEASUREMENTS,
        tasks=weights,
        marker_set=marker_set,
        out_osim=out_osim,
    )


def _already_scaled(model: Path | None, marker_set: Path | None, out_osim: Path) -> Path:
    """The model to solve: the user's file, or a copy of it that carries the marker set."""
    from biomech.errors import BioposeError

    if model is None:
        raise BioposeError(
            "there is nothing to solve with: our model needs a static trial to be scaled by",
            mend="Give --static STATIC.trc, or an already scaled model with --model SCALED.osim.",
        )
    if marker_set is None:
        return model
    from biomech.classical.scaling import with_markers
    from biomech.files import whole_file
    from biomech.skeleton.model import quiet_opensim

    carrying = with_markers(model, marker_set)
    with whole_file(out_osim) as temporary, quiet_opensim():
        carrying.printToXML(str(temporary))
    return out_osim
