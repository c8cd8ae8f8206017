"""`biopose bench …`: figures of accuracy and speed, measured here and now."""

import json
import math
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from biomech.cli.bench_activities import activities
from biomech.cli.bench_batch import batch
from biomech.cli.bench_bodies import bodies
from biomech.cli.bench_events import events
from biomech.cli.bench_failures import failures
from biomech.cli.bench_hard_poses import hard_poses
from biomech.cli.bench_lens import lens
from biomech.cli.bench_mqhmr import mqhmr
from biomech.cli.bench_real_video import real_video
from biomech.cli.bench_sources import sources
from biomech.cli.bench_speed import speed
from biomech.cli.bench_standing import standing
from biomech.cli.data import check_data
from biomech.errors import BioposeError

app = typer.Typer(no_args_is_help=True, help="Measure accuracy and speed on this machine.")


@app.callback()
def _group() -> None:
    pass


@app.command("solver")
def solver(
    data: Annotated[
        Path, typer.Option(help="Folder of the reference data (opencap_lab_subject4, …).", envvar="BIOPOSE_DATA")
    ] = Path("../shared/data"),
    frames: Annotated[int, typer.Option(min=2, help="Of each real trial, spread over it.")] = 8,
    window: Annotated[int, typer.Option(min=2, help="Frames in a row of each trial with exact markers.")] = 20,
    speed_of: Annotated[str, typer.Option(help="Trial of opencap_lab_subject4 that is timed.")] = "squats1",
    speed_frames: Annotated[int, typer.Option(min=2, help="Frames in a row that are timed.")] = 400,
    workers: Annotated[int, typer.Option(min=1, help="Processes for what is not timed.")] = 2,
    nimble_python: Annotated[
        Path | None, typer.Option(help="A Python that has nimblephysics, to compare with it too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The fast solver against OpenSim's tool.

    Accuracy, objective and speed.
    """
    check_data(data)
    from biomech.bench.solver import bench_solver

    figures = bench_solver(
        data,
        window=window,
        frames_per_trial=frames,
        speed_of=speed_of,
        speed_frames=speed_frames,
        workers=workers,
        nimble_python=nimble_python,
        say=lambda text: None if as_json else typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(_json(figures))
        return
    for key, value in figures.items():
        if not isinstance(value, dict):
            typer.echo(f"{key:34s} {value:.6g}")
    for name, row in figures["solvers"].items():
        typer.echo(f"  {name:16s} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()))


@app.command("personalise")
def personalise(
    data: Annotated[Path, typer.Option(help="Folder opencap_lab_subject4.")] = Path(
        "../shared/data/opencap_lab_subject4"
    ),
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the models.")] = Path("runs/personalise"),
    stride: Annotated[int, typer.Option(min=1, help="Judge every how many frames.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Models made from motion alone beside an expert's.

    And beside AddBiomechanics' on the same trials.
    """
    check_data(data)
    from biomech.bench.personalise import bench_personalise

    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    figures = bench_personalise(data, out, stride=stride, say=say)
    _tell(figures, as_json, 44)


@app.command("label")
def label(
    data: Annotated[Path, typer.Option(help="Folder opencap_lab_subject4.")] = Path(
        "../shared/data/opencap_lab_subject4"
    ),
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the labels.")] = Path("runs/label"),
    seed: Annotated[int, typer.Option(help="Draws the trials that OpenSim's tool solves.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes for labelling.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Labels from recorded markers beside an expert's angles.

    And beside OpenSim's tool.
    """
    check_data(data)
    from biomech.bench.label import bench_label

    say = (lambda text: None) if as_json else (lambda text: typer.echo(text, err=True))
    figures = bench_label(data, out, seed=seed, workers=workers, say=say)
    _tell(figures, as_json, 48)


@app.command("neurik")
def neurik(
    data: Annotated[
        Path, typer.Option(help="Folder of the reference data (opencap_lab_subject4, …).", envvar="BIOPOSE_DATA")
    ] = Path("../shared/data"),
    labels: Annotated[
        Path | None, typer.Option(help="What `biopose label` wrote: its held-out subjects are markers without error.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Folder of held-out true and recovered markers (held_*.npz).")
    ] = None,
    runs: Annotated[
        list[Path] | None, typer.Option(help="Folders of trained networks to compare; may be given again.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Of the network; the package's by default.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Held-out trials without error.")] = 24,
    frames: Annotated[int, typer.Option(min=2, help="Of each of them, at most.")] = 600,
    clips: Annotated[int, typer.Option(min=1, help="Held-out recovered clips.")] = 12,
    stride: Annotated[int, typer.Option(min=1, help="Every how many frames of the real recordings.")] = 2,
    seed: Annotated[int, typer.Option(help="Draws trials, stretches and clips.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """The network's errors and its speed.

    Against labels, on recovered markers beside the classical ways, and on a real person.
    """
    from biomech.bench.neurik import bench_neurik
    from biomech.neurik.predict import FILE

    figures = bench_neurik(
        data,
        labels=labels,
        pairs=pairs,
        runs=runs or (),
        weights=weights or FILE,
        trials=trials,
        frames=frames,
        clips=clips,
        stride=stride,
        seed=seed,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 40)


app.command("real-video")(real_video)
app.command("sources")(sources)
app.command("speed")(speed)
app.command("standing")(standing)
app.command("sources")(sources)
app.command("speed")(speed)
app.command("activities")(activities)
app.command("batch")(batch)
app.command("bodies")(bodies)
app.command("events")(events)
app.command("hard-poses")(hard_poses)
app.command("lens")(lens)
app.command("failures")(failures)
app.command("mqhmr")(mqhmr)


@app.command("faults")
def faults(
    inputs: Annotated[int, typer.Option(min=1, help="About how many.")] = 1300,
    seed: Annotated[int, typer.Option(min=0, help="Draws what is wrong with them.")] = 0,
    only: Annotated[
        str | None, typer.Option(help="A pattern; inputs whose names it does not match are left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Every command on inputs that are not as they should be.

    Counts tracebacks, crashes, endless work and false successes.
    """
    if not hasattr(os, "fork"):
        raise BioposeError("this bench forks processes, which this system cannot", mend="Run it on Linux or macOS.")
    from biomech.bench.faults.bench import bench_faults

    figures = bench_faults(inputs=inputs, seed=seed, only=only, say=lambda text: typer.echo(text, err=True))
    found = figures.pop("found")
    _tell(figures | ({"found": found} if as_json else {}), as_json, 24)


def _json(figures: dict[str, object]) -> str:
    """One JSON object; a figure that is not defined, such as a correlation with a constant, is null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(figures), allow_nan=False)


def _tell(figures: dict[str, object], as_json: bool, width: int) -> None:
    """Figures one below the other, tables after their names."""
    if as_json:
        typer.echo(_json(figures))
        return
    for key, value in figures.items():
        if not isinstance(value, dict):
            typer.echo(f"{key:{width}s} {value}")
        else:
            typer.echo(f"{key}:\n" + "\n".join(f"  {name:22s} {row}" for name, row in value.items()))
