"""Several motions in one table: what of each coordinate and part of the body is said of all of them, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from biomech.comparison.compare import Comparison, CoordinateErrors, mean_errors
from biomech.comparison.marker_fit import marker_fit
from biomech.comparison.tables import TRUSTED, Table, figure_of

if TYPE_CHECKING:
    from biomech.comparison.pairing import MotionPair

Column = tuple[str, int, int, str]  # of CoordinateErrors, times what, digits, heading
COLUMNS: list[Column] = [("rmse", 1, 1, "RMSE"), ("bias", 1, 1, "bias"), ("correlation", 1, 2, "r")]


def overview(comparisons: Sequence[Comparison], pairs: Sequence["MotionPair"]) -> list[Table]:
    """One table: a row for each coordinate, group and the whole, a column for each method's RMSE, bias and r.

    Args:
        comparisons: at least one.
        pairs: that they are of, in the same order; those of one method are told by their mean.

    Returns:
        One table. Rows of what not every method has show a dash there.
    """
    methods: dict[str, list[Comparison]] = {}
    for comparison, pair in zip(comparisons, pairs, strict=True):
        methods.setdefault(pair.method, []).append(comparison)
    told = any(np.isfinite(one.trusted_share) for one in comparisons)
    columns = [*COLUMNS, ("trusted_share", 100, 0, TRUSTED)] if told else COLUMNS
    headings = ["", "unit", *(f"{heading} {method}" for *_, heading in columns for method in methods)]
    parts = [
        [one.errors for one in comparisons],
        [one.groups for one in comparisons],
        [{"all rotations": one.rotations} if one.rotations else {} for one in comparisons],
    ]
    sections = []
    for part in parts:
        of = dict(zip(map(id, comparisons), part, strict=True))
        names = list(dict.fromkeys(name for errors in part for name in errors))
        own = [[of[id(one)] for one in each] for each in methods.values()]
        sections.append([_row(name, own, columns) for name in names])
    sections.append(_fits(methods, len(columns)))
    people = len({pair.person for pair in pairs})
    references = list(dict.fromkeys(str(one.reference.path) for one in comparisons))
    against = references[0] if len(references) == 1 else f"{len(references)} references"
    whose = f" of {people} people" if people > 1 else ""
    return [(f"all motions{whose} against {against}", headings, [section for section in sections if section])]


def _row(name: str, methods: list[list[dict[str, CoordinateErrors]]], columns: Sequence[Column]) -> list[str]:
    there = [[errors[name] for errors in each if name in errors] for each in methods]
    means = [mean_errors(each) if each else None for each in there]
    unit = next(one.unit for one in means if one)
    cells = [
        figure_of(times * getattr(one, what) if one else float("nan"), digits)
        for what, times, digits, _ in columns
        for one in means
    ]
    return [name, unit, *cells]


def _fits(methods: dict[str, list[Comparison]], columns: int) -> list[list[str]]:
    """How far each motion is from its own markers, where its program said it: no error against the reference."""
    fits = [[fit for one in each if (fit := marker_fit(one.motion.path))] for each in methods.values()]
    if not any(fits):
        return []
    empty = ["–"] * (columns - 1) * len(fits)
    rms = [figure_of(float(np.mean([fit.rms_mm for fit in each])) if each else float("nan"), 1) for each in fits]
    largest = [figure_of(max((fit.max_mm for fit in each), default=float("nan")), 1) for each in fits]
    return [["own markers, RMS", "mm", *rms, *empty], ["own markers, largest", "mm", *largest, *empty]]
