"""`biopose label`: motion capture → ground truth, any number of trials."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.pipeline.flags import in_flags

if TYPE_CHECKING:
    from biomech.labels.campaign import Report
    from biomech.labels.check import CheckFigures

MOST_FAILURES_SAID = 20


def label(
    paths: Annotated[
        list[Path], typer.Argument(help="Recordings, and folders and zips of them: .bvh .amc .npz .mat .c3d .trc")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the labels; labelling goes on where it was.")],
    bodies: Annotated[int, typer.Option(min=1, help="Random bodies that a motion is replayed on.")] = 1,
    solver: Annotated[str, typer.Option(help="fast, or opensim: the tool, at accuracy 1e-7.")] = "fast",
    check: Annotated[float, typer.Option(help="Share of the trials to solve by OpenSim's tool too: 0.05.")] = 0.0,
    files: Annotated[
        str, typer.Option(help="Which trials get .trc, .osim, .mot and setup beside the shard: all, sample, none.")
    ] = "all",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. [default: all cores]")] = None,
    marker_map: Annotated[str | None, typer.Option(help="Name or .csv of the map of real markers.")] = None,
    static: Annotated[bool, typer.Option(help="Use static trials of real markers where there are.")] = True,
    people: Annotated[
        Path | None, typer.Option(help="Table (.csv) of who wore real markers: subject, height_m, mass_kg.")
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(help="Axis that points up in .trc and .c3d: x, y, z, -x, -y or -z. [default: found out]"),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Thin recordings to about this rate, Hz.")] = None,
    body_models: Annotated[Path | None, typer.Option(help="Folder of your SMPL-H or SMPL-X files.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random bodies and of the samples.")] = 0,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler: tcp://HOST:8786.")] = None,
    library: Annotated[
        bool, typer.Option("--library", help="Build the motion library from the folder of the project's data instead.")
    ] = False,
    generated: Annotated[int, typer.Option(min=0, help="People per kind of motion by code, with --library.")] = 60,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Label again what is labelled.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make models, motions and training shards of motion capture.

    For every trial a model is scaled and its inverse kinematics are solved.
    """
    if library:
        _build_library(paths, out, generated, seed, workers or 1, as_json)
        return
    from biomech.api.label import label as label_trials
    from biomech.cli.progress import progress_bar
    from biomech.workers import stop_on_signals

    with stop_on_signals(lambda text: print(text, file=sys.stderr)) as stop:
        report = label_trials(
            paths,
            out,
            bodies=bodies,
            solver=solver,
            check=check,
            files=files,
            workers=workers,
            marker_map=marker_map,
            static=static,
            people=people,
            up=up,
            rate_hz=rate,
            body_models=body_models,
            seed=seed,
            scheduler=scheduler,
            overwrite=overwrite,
            stop=stop,
            progress=lambda text: progress_bar(text, quiet=as_json),
        )
    told = _told(out) if report.totals else []
    if as_json:
        typer.echo(json.dumps({**report.as_record(), "frames_per_s": report.frames_per_s, "notes": told}))
    else:
        _say(out, report, told)
    if report.stopped:
        raise typer.Exit(130)


def _build_library(paths: list[Path], out: Path, each: int, seed: int, workers: int, as_json: bool) -> None:
    from biomech.cli.progress import progress_bar
    from biomech.errors import BioposeError
    from biomech.labels.library.build import FIGURE, TABLE, build

    if len(paths) != 1:
        raise BioposeError("the library is built from one folder of data", mend="Give one folder: ../shared/data.")
    built = build(
        out,
        data=paths[0],
        each=each,
        seed=seed,
        workers=workers,
        progress=lambda text: progress_bar(text, quiet=as_json),
    )
    if as_json:
        typer.echo(json.dumps(vars(built)))
        return
    typer.echo(f"{out}: {built.motions} motions, {built.hours:.2f} h, {built.good} of them good; {built.seconds:.0f} s")
    for group, count in built.plain_walks.items():
        typer.echo(f"plain walks ({group}): {built.inside.get(group, 0)} of {count} inside the published ±2 SD")
    for name, cause in sorted(built.failed.items())[:MOST_FAILURES_SAID]:
        typer.echo(f"failed: {name}: {in_flags(cause)}")
    typer.echo(f"by source and kind: {out / TABLE}; walks in the bands: {out / FIGURE}")


def _told(out: Path) -> list[str]:
    """The notes on all trials of the folder, each once: of whom, or of how many."""
    from biomech.labels.shards import Shards

    whose: dict[str, list[str]] = {}
    for trial in Shards.open(out).trials:
        for note in trial["notes"]:
            whose.setdefault(note, []).append(trial["name"])
    of = {note: names[0] if len(names) == 1 else f"{len(names)} trials" for note, names in whose.items()}
    return [f"{of[note]}: {note}" for note in sorted(whose, key=lambda note: -len(whose[note]))]


def _say(out: Path, report: "Report", told: list[str]) -> None:
    totals = report.totals
    typer.echo(
        f"{out}: {report.labelled} trials labelled, {report.unchanged} unchanged, {len(report.failed)} failed"
        + (f"; {report.frames_per_s:.0f} frames/s" if report.frames else "")
    )
    if totals:
        typer.echo(
            f"in all {totals['trials']} trials, {totals['hours']:.2f} h, {totals['frames']} frames of "
            f"{totals['subject']}: marker RMS {totals['marker_rms_mm']:.1f} mm, "
            f"largest {totals['marker_max_mm']:.0f} mm ({totals['worst_marker']})"
        )
        typer.echo(
            f"labels masked {totals['masked_share']:.1%}: landmarks off {totals['landmark_share']:.1%}, "
            f"out of range {totals['out_of_range_share']:.1%}, jumps {totals['jump_share']:.1%}"
        )
    if report.check:
        _say_check(report.check)
    for name, cause in sorted(report.failed.items())[:MOST_FAILURES_SAID]:
        typer.echo(f"failed: {name}: {in_flags(cause)}")
    for name, kept in sorted(report.kept.items())[:MOST_FAILURES_SAID]:
        typer.echo(f"note: files of {name} were edited, and are made again: what they were is kept in {kept}")
    if len(report.failed) > MOST_FAILURES_SAID:
        typer.echo(f"… all in {out / 'failures.csv'}")
    for note in told[:MOST_FAILURES_SAID]:
        typer.echo(f"note: {in_flags(note)}")
    if len(told) > MOST_FAILURES_SAID:
        typer.echo(f"… and {len(told) - MOST_FAILURES_SAID} notes more (--json)")
    if report.stopped:
        typer.echo("stopped; the same command goes on")


def _say_check(check: "CheckFigures") -> None:
    typer.echo(
        f"against OpenSim's tool on {check['trials']} trials ({check['frames']} frames), one core each: "
        f"{check['speed_ratio']:.0f} times as fast "
        f"({check['fast_frames_per_s']:.0f} and {check['opensim_frames_per_s']:.1f} frames/s)"
    )
    if check["mean_deg"] is not None:
        typer.echo(
            f"well-conditioned angles differ by {check['mean_deg']:.4f}° in the mean, "
            f"{check['max_deg']:.3f}° at worst ({check['worst']})"
        )
    for name, c in check["coordinates"].items():
        doubt = "" if c["well_conditioned_share"] == 1 else f"  well-conditioned in {c['well_conditioned_share']:.0%}"
        typer.echo(f"  {name:20s} mean {c['mean']:.4f}  largest {c['max']:.4f} {c['unit']}{doubt}")
