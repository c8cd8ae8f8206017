"""`biopose compare`: motions of one subject against a reference."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from biomech.cli.flags import in_flags


def compare(
    motions: Annotated[
        list[Path], typer.Argument(help="Two or more .mot, .sto or .csv of any program; the first is the reference.")
    ],
    reference: Annotated[Path | None, typer.Option(help="Another reference than the first file.")] = None,
    align: Annotated[
        list[str] | None,
        typer.Option(
            help="time: shift to where the angles correlate best. heading: turn and move on the floor. Or both."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Published set of numbers: opencapbench or opencap-monocular.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the curves: .png, .svg or .html.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how far two or more motions are apart.

    Errors, range of motion, correlation and skill of each coordinate and each part of the body.
    """
    from biomech.comparison import tables as report
    from biomech.comparison.compare import compare as compare_motions
    from biomech.comparison.presets import check_preset, preset_figures
    from biomech.errors import BioposeError
    from biomech.kinematics.recognise import recognise_motion

    # What can be refused is refused before anything is read, and all is compared before anything is written.
    wanted = set(align or [])
    if unknown := wanted - {"time", "heading"}:
        raise BioposeError(
            f"no such alignment: {', '.join(sorted(unknown))}", mend="There are --align time and heading."
        )
    if as_csv and as_json:
        raise BioposeError("--csv and --json exclude each other", mend="Leave one of them away.")
    if preset is not None:
        check_preset(preset)
    if figure is not None:
        from biomech.comparison.curves import check_figure, write_curves

        check_figure(figure)
        if figure.is_dir():
            raise BioposeError("is a folder", where=str(figure), mend="Name a file.")
    first = reference or motions[0]
    others = (
        [path for path in motions if os.path.realpath(path) != os.path.realpath(first)] if reference else motions[1:]
    )
    if not others:
        raise BioposeError(f"nothing to compare {first} with", mend="Give at least two motions.")
    truth = recognise_motion(first)
    compared = [
        compare_motions(truth, recognise_motion(path), time="time" in wanted, heading="heading" in wanted)
        for path in others
    ]
    presets = [preset_figures(preset, comparison) for comparison in compared] if preset else []
    if figure is not None:
        write_curves(compared, figure)
    if as_json:
        told = report.as_json(compared, presets)
        typer.echo(json.dumps(told | {"preset": preset, "figure": str(figure) if figure else None}))
    elif as_csv:
        typer.echo(report.as_csv(compared, presets), nl=False)
    else:
        _print(compared, presets)
        if figure is not None:
            typer.echo(f"figure: {figure}")


def _print(compared: list, presets: list) -> None:
    import sys

    from biomech.comparison.tables import plain, tables

    for title, headings, sections in tables(compared, presets):
        text = plain((title, headings, sections))
        if not sys.stdout.isatty():
            typer.echo(text)
            continue
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        console = Console()
        if console.width < len(text.splitlines()[-1]) + 4:  # rich would cut names and figures short
            typer.echo(text)
            continue
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True)
        for i, heading in enumerate(headings):
            table.add_column(heading, justify="left" if i == 0 else "right")
        for section in sections:
            for row in section:
                table.add_row(*row)
            table.add_section()
        console.print(table)
    for note in compared[0].reference.notes:
        typer.echo(f"note: {compared[0].reference.path}: {in_flags(note)}")
    for comparison in compared:
        for note in comparison.notes:
            typer.echo(f"note: {comparison.motion.path}: {in_flags(note)}")
    for comparison, preset in zip(compared, presets, strict=bool(presets)):
        if preset.missing:
            typer.echo(
                f"note: {comparison.motion.path}: not in both files: {', '.join(preset.missing)}; no mean without"
            )
