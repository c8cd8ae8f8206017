"""Comparisons of motions as one JSON object, as CSV, and as tables for a terminal or a file."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biomech.comparison.compare import Comparison, CoordinateErrors
from biomech.comparison.presets import PresetFigures

HEADINGS = ("", "unit", "MAE", "RMSE", "max", "bias", "r", "range", "ref. range", "ratio", "MAE of zeros", "skill")
TRUSTED = "trusted (%)"  # the last column, where a run says what it trusts
Table = tuple[str, Sequence[str], list[list[list[str]]]]  # title, headings, sections of rows


def as_json(comparisons: Sequence[Comparison], presets: Sequence[PresetFigures] = ()) -> dict[str, Any]:
    """One object; what does not exist is null. Units stand in the names.

    Args:
        comparisons: all with the same reference; at least one.
        presets: one for each comparison, in the same order; none leaves them out.

    Returns:
        Of the reference its path and notes, and of every motion its alignment, errors (deg, mm) and notes.
    """
    motions = []
    for i, comparison in enumerate(comparisons):
        start, end, frames = comparison.compared_s
        shift, heading = comparison.time_shift, comparison.heading
        entry: dict[str, Any] = {
            "file": str(comparison.motion.path),
            "reference": str(comparison.reference.path),
            "frames": frames,
            "start_s": start,
            "end_s": end,
            "time_shift_s": shift.shift_s if shift else None,
            "time_shift_correlation": shift.correlation if shift else None,
            "heading_deg": float(np.rad2deg(heading.turn_rad)) if heading else None,
            "offset_mm": [1000 * m for m in heading.offset_m] if heading and heading.offset_m else None,
            "untrusted": comparison.untrusted,
            "trusted_share": comparison.trusted_share,
            "rotations": _figures(comparison.rotations) if comparison.rotations else None,
            "groups": {name: _figures(errors) for name, errors in comparison.groups.items()},
            "coordinates": {name: _figures(errors) for name, errors in comparison.errors.items()},
            "notes": comparison.notes,
        }
        if presets:
            preset = presets[i]
            entry["preset"] = preset.figures() | {"missing": preset.missing}
            if preset.shifted is not None:
                entry["preset"]["best_shift"] = preset.figures(True) | {"time_shift_s": preset.shift_s}
        motions.append(entry)
    reference = comparisons[0].reference
    told: dict[str, Any] = without_nan({"reference": str(reference.path), "notes": reference.notes, "motions": motions})
    return told


def _figures(errors: CoordinateErrors) -> dict[str, float]:
    return {**errors.figures(), "trusted_share": errors.trusted_share}


def as_csv(comparisons: Sequence[Comparison], presets: Sequence[PresetFigures] = ()) -> str:
    """A row for each motion and coordinate, each group, all rotations, and each number of the preset.

    Args:
        comparisons: at least one.
        presets: one for each comparison, in the same order; none leaves their rows out.

    Returns:
        The text of the table, with a heading line; a cell is empty where a figure does not exist.
    """
    rows: list[dict[str, Any]] = []
    for i, comparison in enumerate(comparisons):
        motion = str(comparison.motion.path)
        parts = [("coordinate", name, errors) for name, errors in comparison.errors.items()]
        parts += [("group", name, errors) for name, errors in comparison.groups.items()]
        parts += [("all", "rotations", comparison.rotations)] if comparison.rotations else []
        rows += [{"motion": motion, "of": of, "name": name, **errors.figures()} for of, name, errors in parts]
        if presets:
            preset = presets[i]
            for of, numbers in (("preset", preset.numbers), ("preset, best shift", preset.shifted or {})):
                rows += [
                    {"motion": motion, "of": of, "name": name, f"{preset.measure}_{preset.units[name]}": value}
                    for name, value in numbers.items()
                ]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    return text.getvalue()


def tables(comparisons: Sequence[Comparison], presets: Sequence[PresetFigures] = ()) -> list[Table]:
    """With a preset one table of its numbers, a column for each motion; else a full table for each motion.

    Args:
        comparisons: all with the same reference.
        presets: one for each comparison, all of the same preset; none gives the full tables.

    Returns:
        Of each table its title, its headings, and its sections of rows of text.
    """
    if presets:
        return [_preset_table(comparisons, presets)]
    found: list[Table] = []
    for comparison in comparisons:
        sections = [comparison.errors, comparison.groups]
        sections += [{"all rotations": comparison.rotations}] if comparison.rotations else []
        told = math.isfinite(comparison.trusted_share)
        rows = [[_row(name, errors, told) for name, errors in part.items()] for part in sections]
        found.append((summary(comparison), (*HEADINGS, TRUSTED) if told else HEADINGS, rows))
    return found


def summary(comparison: Comparison) -> str:
    """One line: what was compared, over what time, and how it was aligned."""
    start, end, frames = comparison.compared_s
    said = [f"{comparison.motion.path} against {comparison.reference.path}: {frames} frames, {start:g} to {end:g} s"]
    if comparison.time_shift:
        said.append(f"time {comparison.time_shift.shift_s:+.3f} s (r {comparison.time_shift.correlation:.2f})")
    if comparison.heading:
        said.append(f"heading {np.rad2deg(comparison.heading.turn_rad):+.1f}°")
        if comparison.heading.offset_m:
            x, z = (1000 * m for m in comparison.heading.offset_m)
            said.append(f"moved {x:+.0f} mm in X, {z:+.0f} mm in Z")
    return ", ".join(said)


def plain(table: Table, named: int = 1) -> str:
    """A table in aligned characters, for a file or a pipe.

    Args:
        table: to be printed.
        named: how many columns hold names, which stand to the left.

    Returns:
        Its lines.
    """
    title, headings, sections = table
    rows = [row for section in sections for row in section]
    widths = [max(len(row[i]) for row in [list(headings), *rows]) for i in range(len(headings))]
    lines = [_line(headings, widths, named)]
    for section in sections:
        lines += ["-" * len(lines[0]), *(_line(row, widths, named) for row in section)]
    return "\n".join([title, *lines])


def file_labels(paths: Sequence[Path]) -> list[str]:
    """Names of the files, with as many folders as it takes to tell them apart."""
    labels = []
    for path in paths:
        others = [p for p in paths if p != path]
        parts = path.parts
        count = next(
            (k for k in range(1, len(parts) + 1) if all(p.parts[-k:] != parts[-k:] for p in others)), len(parts)
        )
        labels.append("/".join(parts[-count:]))
    return labels


def _line(row: Sequence[str], widths: Sequence[int], named: int) -> str:
    cells = list(zip(row, widths, strict=True))
    left, right = [cell.ljust(width) for cell, width in cells[:named]], [cell.rjust(w) for cell, w in cells[named:]]
    return "  ".join([*left, *right])


def _row(name: str, errors: CoordinateErrors, trusted: bool) -> list[str]:
    lengths = [errors.mae, errors.rmse, errors.max, errors.bias]
    ranges = [errors.range, errors.reference_range]
    return [
        name,
        errors.unit,
        *(figure_of(v, 1) for v in lengths),
        figure_of(errors.correlation, 2),
        *(figure_of(v, 1) for v in ranges),
        figure_of(errors.range_ratio, 2),
        figure_of(errors.zero_mae, 1),
        figure_of(errors.skill, 2),
        *([figure_of(100 * errors.trusted_share, 0)] if trusted else []),
    ]


def _preset_table(comparisons: Sequence[Comparison], presets: Sequence[PresetFigures]) -> Table:
    first = presets[0]
    headings = ["", "unit"]
    for label, preset in zip(file_labels([c.motion.path for c in comparisons]), presets, strict=True):
        headings.append(label)
        if preset.shifted is not None:
            headings.append(f"at {preset.shift_s:+.3f} s")

    def row(name: str, unit: str, value: Callable[..., float]) -> list[str]:
        cells = [name, unit]
        for preset in presets:
            cells += [
                figure_of(value(preset, shifted), 2) for shifted in (False, True)[: 1 + (preset.shifted is not None)]
            ]
        return cells

    numbers = [
        row(name, unit, lambda preset, shifted, name=name: (preset.shifted if shifted else preset.numbers)[name])
        for name, unit in first.units.items()
    ]
    units = sorted(set(first.units.values()))
    means = [row("mean", unit, lambda preset, shifted, unit=unit: preset.mean(unit, shifted)) for unit in units]
    return f"{first.title}; reference {comparisons[0].reference.path}", headings, [numbers, means]


def figure_of(value: float, digits: int) -> str:
    """A number as tables write it.

    Args:
        value: NaN where there is none.
        digits: after the point.

    Returns:
        Its text, a dash for NaN.
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return value


def without_nan(value: Any) -> Any:
    """The same without NaN, which JSON does not know."""
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
