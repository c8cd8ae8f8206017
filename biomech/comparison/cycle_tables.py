"""Comparisons over cycles as tables, CSV and JSON."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from biomech.comparison.agreement import Agreement
from biomech.comparison.coordinate_names import COUPLED_GROUP, group
from biomech.comparison.cycle_errors import WHOLE, CycleErrors
from biomech.comparison.over_cycles import MethodCycles
from biomech.comparison.tables import Table, figure_of, without_nan

LIMITS = ("bias", "95 % CI", "SD", "lower limit", "95 % CI", "upper limit", "95 % CI")


def cycle_tables(methods: Sequence[MethodCycles], measure: str) -> list[Table]:
    """Up to two for each method and kind: errors by phase with where the mean curves differ, and limits of agreement.

    Args:
        methods: what was compared.
        measure: of each cycle, that the limits are of.

    Returns:
        As ``comparison.tables.tables`` does; coordinates that only follow others are left out. What too few cycles do
        not give has neither columns nor a table; the method's notes say how many it needs.
    """
    found: list[Table] = []
    for one in methods:
        shown = {name: errors for name, errors in one.errors.items() if group(name) != COUPLED_GROUP} or one.errors
        about = f"{one.method}: {one.said}"
        parts = [WHOLE, *one.paired.phases]
        headings = ["", "unit", "n", *(f"{part} {what}" for part in parts for what in ("bias", "RMSE"))]
        headings += ["largest", "at %", "p", "differs at %"]
        rows = [_phase_row(name, errors, parts) for name, errors in shown.items()]
        if any(np.isfinite(errors.band.p_value) for errors in shown.values()):
            found.append((f"{about}: by phase, and where the mean curves differ", headings, [rows]))
        else:
            found.append((f"{about}: by phase", headings[:-2], [[row[:-2] for row in rows]]))
        if any(np.isfinite(errors.agreements[measure].sd) for errors in shown.values()):
            rows = [_limits_row(name, errors, measure) for name, errors in shown.items()]
            found.append((f"{about}: limits of agreement of the {measure}", ["", "unit", "n", *LIMITS], [rows]))
    return found


def _phase_row(name: str, errors: CycleErrors, parts: list[str]) -> list[str]:
    cells = [name, errors.unit, str(errors.cycles)]
    for part in parts:
        cells += [figure_of(errors.phases[part].bias, 1), figure_of(errors.phases[part].rmse, 1)]
    at = int(np.abs(errors.band.mean).argmax())
    told = np.isfinite(errors.band.p_value)
    where = ", ".join(f"{a}–{b}" if b > a else f"{a}" for a, b in errors.band.spans) or "nowhere"
    return [
        *cells,
        figure_of(errors.band.mean[at], 1),
        str(at),
        figure_of(errors.band.p_value, 3),
        where if told else "–",
    ]


def _limits_row(name: str, errors: CycleErrors, measure: str) -> list[str]:
    told = errors.agreements[measure]

    def interval(ends: tuple[float, float]) -> str:
        return f"{ends[0]:.1f} to {ends[1]:.1f}" if np.isfinite(ends).all() else "–"

    cells = [figure_of(told.bias, 1), interval(told.bias_interval), figure_of(told.sd, 1)]
    cells += [figure_of(told.lower, 1), interval(told.lower_interval)]
    cells += [figure_of(told.upper, 1), interval(told.upper_interval)]
    return [name, errors.unit, str(told.count), *cells]


def cycles_json(methods: Sequence[MethodCycles], notes: Sequence[str]) -> dict[str, Any]:
    """One object: of each method and kind every coordinate's figures, with the mean difference and its band.

    Args:
        methods: what was compared.
        notes: on the references.

    Returns:
        What does not exist is null.
    """
    told: dict[str, Any] = without_nan({"methods": [_json_of(one) for one in methods], "notes": list(notes)})
    return told


def _json_of(one: MethodCycles) -> dict[str, Any]:
    coordinates = {}
    for name, errors in one.errors.items():
        band = errors.band
        coordinates[name] = {
            "unit": errors.unit,
            "cycles": errors.cycles,
            "people": errors.persons,
            "mostly_untrusted": errors.doubtful,
            "phases": {part: asdict(phase) for part, phase in errors.phases.items()},
            "agreement": {measure: _limits(limits) for measure, limits in errors.agreements.items()},
            "mean_difference": band.mean.round(4).tolist(),
            "band_half_width": band.half_width.round(4).tolist(),
            "p": band.p_value,
            "differs_at_percent": [list(span) for span in band.spans],
        }
    return {"method": one.method, "kind": one.kind, "coordinates": coordinates, "notes": one.notes}


def _limits(one: Agreement) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(one).items()}


def cycles_csv(methods: Sequence[MethodCycles]) -> str:
    """A row for each figure (tidy): method, activity, coordinate, of (a phase or a measure), figure, value, unit.

    Args:
        methods: what was compared.

    Returns:
        The text of the table, with a heading line; a figure that does not exist has no row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "activity", "coordinate", "of", "figure", "value", "unit"])
    for one in methods:
        for name, errors in one.errors.items():
            rows = [(part, what, value, errors.unit) for part, what, value in _figures(errors)]
            band = errors.band
            rows += [("cycle", "count", errors.cycles, ""), ("cycle", "people", errors.persons, "")]
            rows += [("cycle", "mostly_untrusted", errors.doubtful, "")] if errors.doubtful else []
            rows += [("mean curve", "p", band.p_value, "")]
            rows += [
                ("mean curve", f"{end}_of_difference_{k + 1}", float(at), "percent")
                for k, span in enumerate(band.spans)
                for end, at in zip(("start", "end"), span, strict=True)
            ]
            writer.writerows(
                [one.method, one.kind, name, part, what, f"{value:.6g}", unit]
                for part, what, value, unit in rows
                if np.isfinite(value)
            )
    return text.getvalue()


def _figures(errors: CycleErrors) -> list[tuple[str, str, float]]:
    rows = [(part, what, value) for part, phase in errors.phases.items() for what, value in asdict(phase).items()]
    for measure, limits in errors.agreements.items():
        for what, value in _limits(limits).items():
            if what in ("count", "persons"):
                continue
            ends = zip(("from", "to"), value, strict=True) if isinstance(value, list) else [("", value)]
            rows += [(measure, f"{what}_{end}" if end else what, number) for end, number in ends]
    return rows
