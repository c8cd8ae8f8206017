"""`biopose compare`: motions against a reference."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biomech.cli.compare_output import say_notes_of, say_tables
from biomech.pipeline.flags import in_flags

if TYPE_CHECKING:
    from biomech.comparison.over_cycles import MethodCycles


def compare(
    motions: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Two or more .mot, .sto or .csv of any program, or folders as they lie: of `biopose ik`, an OpenCap "
            "session, a Pose2Sim project. Or recordings of markers (.trc, .c3d). The first is the reference."
        ),
    ] = None,
    reference: Annotated[Path | None, typer.Option(help="Another reference than the first.")] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Of several people: a .csv with columns person, reference, motion (and method, model)."),
    ] = None,
    align: Annotated[
        list[str] | None,
        typer.Option(
            help="time: shift to where the angles correlate best. heading: turn and move on the floor. Or both."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Published set of numbers: opencapbench or opencap-monocular.")
    ] = None,
    untrusted: Annotated[
        str | None,
        typer.Option(
            help="Values that the run of a motion does not trust: omit or keep. [default: omit; with --preset keep]"
        ),
    ] = None,
    cycles: Annotated[
        bool,
        typer.Option(
            "--cycles",
            help="Over strides, squats, jumps of the reference too: phases, limits of agreement, where curves differ.",
        ),
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="The reference's scaled .osim, for its events. [default: the one beside it]")
    ] = None,
    measure: Annotated[
        str, typer.Option(help="Of each cycle, for limits of agreement: mean, max, min or range.")
    ] = "range",
    figure: Annotated[Path | None, typer.Option(help="Draw the curves over time: .png, .svg or .html.")] = None,
    cycle_figure: Annotated[
        Path | None, typer.Option(help="Draw the mean differences over the cycle with their bands.")
    ] = None,
    agreement_figure: Annotated[Path | None, typer.Option(help="Draw the limits of agreement (Bland–Altman).")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV; with --cycles of the cycles.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how far two or more motions are apart.

    Errors, range of motion, correlation and skill of each coordinate and each part of the body.
    """
    from biomech.comparison import tables as report
    from biomech.comparison.belief import KEEP, OMIT, check_untrusted, read_believing
    from biomech.comparison.compare import compare as compare_motions
    from biomech.comparison.cycle_errors import MEASURES
    from biomech.comparison.pairing import pairs_of, read_pairs
    from biomech.comparison.presets import check_preset, preset_figures
    from biomech.errors import BioposeError
    from biomech.markers.markers import is_marker_file

    # What can be refused is refused before anything is read, and all is compared before anything is written.
    wanted = set(align or [])
    if unknown := wanted - {"time", "heading"}:
        raise BioposeError(
            f"no such alignment: {', '.join(sorted(unknown))}", mend="There are --align time and heading."
        )
    if as_csv and as_json:
        raise BioposeError("--csv and --json exclude each other", mend="Leave one of them away.")
    if untrusted is not None:
        check_untrusted(untrusted)
    if preset is not None:
        check_preset(preset)
        if untrusted == OMIT:
            raise BioposeError("the published numbers count every frame", mend="Leave --untrusted away, or --preset.")
    if measure not in MEASURES:
        raise BioposeError(f"no such measure: {measure}", mend=f"There are --measure {', '.join(MEASURES)}.")
    cycles = cycles or cycle_figure is not None or agreement_figure is not None
    if preset is not None and cycles:
        raise BioposeError("--preset and --cycles exclude each other", mend="Ask for them one after the other.")
    if any((figure, cycle_figure, agreement_figure)):
        from biomech.comparison.drawing import check_figure

        for path in filter(None, (figure, cycle_figure, agreement_figure)):
            check_figure(path)
    if pairs is not None:
        if motions or reference or model:
            raise BioposeError("--pairs names all motions and models", mend="Leave the others away.")
        paired = read_pairs(pairs)
    else:
        given = motions or []
        first = reference or (given[0] if given else None)
        others = given if reference else given[1:]
        others = [path for path in others if first and os.path.realpath(path) != os.path.realpath(first)]
        if first is None or not others:
            raise BioposeError(
                f"nothing to compare{f' {first} with' if first else ''}", mend="Give at least two motions."
            )
        if is_marker_file(first):
            if cycles or preset or figure or model or untrusted:
                raise BioposeError(
                    "markers have no angles, cycles, figures or trust", where=str(first), mend="Give motions."
                )
            _say_markers([first, *others], wanted, as_json, as_csv)
            return
        paired = pairs_of(first, others)
        if not paired:
            raise BioposeError(f"nothing to compare {first} with", mend="Give at least two motions.")
    untrusted = untrusted or (KEEP if preset else OMIT)
    read = {path: read_believing(path, untrusted) for path in dict.fromkeys(pair.reference for pair in paired)}
    if figure is not None and len(read) > 1:
        raise BioposeError(
            f"--figure draws one reference's curves, and there are {len(read)}", mend="Use --cycle-figure."
        )
    compared = [
        compare_motions(
            read[pair.reference],
            read_believing(pair.motion, untrusted),
            time="time" in wanted,
            heading="heading" in wanted,
            untrusted=untrusted,
        )
        for pair in paired
    ]
    presets = [preset_figures(preset, comparison) for comparison in compared] if preset else []
    methods: list[MethodCycles] = []
    cycle_notes: list[str] = []
    if cycles:
        from biomech.comparison.over_cycles import Compared, over_cycles

        each = zip(compared, paired, strict=True)
        methods, cycle_notes = over_cycles(
            [Compared(one, pair.method, pair.person, model or pair.model) for one, pair in each]
        )
    drawn = _draw(compared, methods, measure, figure, cycle_figure, agreement_figure, cycle_notes)
    if as_json:
        from biomech.comparison.cycle_tables import cycles_json

        told = report.as_json(compared, presets) | {"preset": preset, "figure": str(figure) if figure else None}
        typer.echo(json.dumps(told | ({"cycles": cycles_json(methods, cycle_notes)} if cycles else {})))
    elif as_csv:
        from biomech.comparison.cycle_tables import cycles_csv

        typer.echo(cycles_csv(methods) if cycles else report.as_csv(compared, presets), nl=False)
    else:
        from biomech.comparison.cycle_tables import cycle_tables
        from biomech.comparison.overview import overview

        several = overview(compared, paired) if len(compared) > 1 and not presets else []
        # Of many pairs each one's own table would bury what they say together.
        own = report.tables(compared, presets) if pairs is None or presets else []
        say_tables([*own, *several, *cycle_tables(methods, measure)])
        say_notes_of(compared, presets, methods, cycle_notes)
        for path in drawn:
            typer.echo(f"figure: {path}")


def _draw(
    compared: list,
    methods: list,
    measure: str,
    figure: Path | None,
    cycle_figure: Path | None,
    agreement_figure: Path | None,
    notes: list[str],
) -> list[Path]:
    if figure is not None:
        from biomech.comparison.curves import write_curves

        write_curves(compared, figure)
    if cycle_figure is not None or agreement_figure is not None:
        from biomech.comparison.cycle_figures import main_kind, write_agreement, write_differences

        shown, left_out = main_kind(methods)
        if left_out:
            notes.append(f"the figures over cycles show {shown[0].kind}, not {', '.join(left_out)}")
        if cycle_figure is not None:
            write_differences(shown, cycle_figure)
        if agreement_figure is not None:
            write_agreement(shown, measure, agreement_figure)
    return [path for path in (figure, cycle_figure, agreement_figure) if path is not None]


def _say_markers(paths: list[Path], wanted: set[str], as_json: bool, as_csv: bool) -> None:
    """Of recordings of markers, the first of which is the reference."""
    from biomech.comparison.marker_distances import compare_markers, marker_tables, markers_csv, markers_json
    from biomech.markers.read import read_markers

    reference, *others = [(path, read_markers(path)) for path in paths]
    each = [compare_markers(reference, one, time="time" in wanted, heading="heading" in wanted) for one in others]
    if as_json:
        typer.echo(json.dumps(markers_json(each)))
    elif as_csv:
        typer.echo(markers_csv(each), nl=False)
    else:
        say_tables(marker_tables(each))
        for one in each:
            for note in one.notes:
                typer.echo(f"note: {one.path}: {in_flags(note)}")
