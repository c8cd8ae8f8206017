"""What `biopose compare` says on a terminal or into a pipe."""

import sys

import typer

from biomech.pipeline.flags import in_flags


def say_tables(tables: list) -> None:
    """Print tables, drawn by rich where a terminal is wide enough for them.

    Args:
        tables: titles, headings and sections of rows, as ``comparison.tables`` makes them.
    """
    from biomech.comparison.tables import plain

    for title, headings, sections in tables:
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


def say_notes_of(compared: list, presets: list, methods: list, cycle_notes: list[str]) -> None:
    """Print what is to be known of what was compared.

    Args:
        compared: comparisons.
        presets: of each its preset's figures, or none at all.
        methods: what was compared over cycles.
        cycle_notes: on the references' events.
    """
    said = [
        (one.path, note) for one in {c.reference.path: c.reference for c in compared}.values() for note in one.notes
    ]
    said += [(comparison.motion.path, note) for comparison in compared for note in comparison.notes]
    for comparison, preset in zip(compared, presets, strict=bool(presets)):
        if preset.missing:
            said.append((comparison.motion.path, f"not in both files: {', '.join(preset.missing)}; no mean without"))
    said += [("cycles", note) for note in cycle_notes]
    said += [(f"{one.method}, {one.kind}", note) for one in methods for note in one.notes]
    for where, note in said:
        typer.echo(f"note: {where}: {in_flags(note)}")
