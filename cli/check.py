"""`biopose check`: what is wrong with files before OpenSim is asked."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from biomech.inspection.finding import Checked, Finding


def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Markers (.trc, .c3d), motions and tables (.mot, .sto), models (.osim), setups, task and marker sets "
            "(.xml), or folders with these.",
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="The .osim that the files are meant for. [default: the only .osim among them]"),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Write NAME_fixed beside a file where the mend is certain; the file stays."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is wrong with files for OpenSim.

    Exit code: 0 nothing or notes, 1 warnings or errors, 2 a file that cannot be read. With --fix its copy counts.
    """
    from biomech.inspection.check import check_files
    from biomech.inspection.finding import exit_code

    checked = check_files(files, model=model, fix=fix)
    code = exit_code(checked)
    if as_json:
        typer.echo(json.dumps({"exit_code": code, "files": [one.as_json() for one in checked]}))
    else:
        for one in checked:
            _print(one)
    if code:
        raise typer.Exit(code)


def _print(checked: "Checked") -> None:
    if not checked.findings:
        typer.echo(f"{checked.path}: nothing found")
        return
    typer.echo(f"{checked.path}:")
    for finding in checked.findings:
        _print_finding(finding)
    if checked.fixed is not None:
        typer.echo(f"  mended in {checked.fixed.name}; left there:{'' if checked.left else ' nothing'}")
        for finding in checked.left:
            _print_finding(finding, short=True)


def _print_finding(finding: "Finding", short: bool = False) -> None:
    from biomech.pipeline.flags import in_flags

    where = f"{finding.where}: " if finding.where and finding.where not in finding.what else ""
    typer.echo(f"  {finding.severity:10} {where}{in_flags(finding.what)}  [{finding.code}]")
    if short:
        return
    if finding.why:
        typer.echo(f"  {'':10} {finding.why}")
    if finding.mend:
        typer.echo(f"  {'':10} {in_flags(finding.mend)}{' (--fix does.)' if finding.certain else ''}")
