"""An evaluation as tables of text and as one JSON object."""

import math
from collections.abc import Mapping
from typing import Any

from biomech.comparison.tables import Table
from biomech.evaluation.evaluate import Evaluation
from biomech.evaluation.sequence import Figures

COLUMNS: dict[str, dict[str, str]] = {
    "angles": {
        "mae18_deg": "MAE 18 (°)",
        "mae3_mm": "MAE 3 (mm)",
        "rmse12_deg": "RMSE 12 (°)",
        "rmse12_shifted_deg": "shifted (°)",
        "angles_mae_deg": "MAE all (°)",
        "shift_s": "shift (s)",
        "frames": "frames",
    },
    "mesh": {
        "mpjpe_mm": "MPJPE (mm)",
        "pa_mpjpe_mm": "PA (mm)",
        "pve_mm": "PVE (mm)",
        "missing": "missing",
        "frames": "frames",
    },
}


def tables(evaluation: Evaluation) -> list[Table]:
    """Sequence by sequence; then totals, groups of several sequences, and the published rows.

    Args:
        evaluation: of any data set.

    Returns:
        Two tables: title, headings, sections of rows of text.
    """
    columns = COLUMNS[evaluation.dataset.kind]
    title = f"{evaluation.dataset.title}, split {evaluation.split}"
    rows = [
        [score.sequence, score.system, *_cells(score.figures, columns)]
        for score in evaluation.scores
        if score.error is None
    ]
    each: Table = (title, ("sequence", "system", *columns.values()), [rows])
    sections = [
        [
            [system, _count(figures["sequences"]), *_cells(figures, columns)]
            for system, figures in evaluation.totals.items()
        ],
        [
            [system, group, *_cells(figures, columns)]
            for system, groups in evaluation.groups.items()
            if 1 < len(groups) < len([score for score in evaluation.scores if score.system == system])
            for group, figures in groups.items()
        ],
        [
            [row.system, f"published [{_cited(evaluation).index(row.source) + 1}]", *_cells(row.figures, columns)]
            for row in evaluation.published
        ],
    ]
    totals: Table = (f"{title}: in all", ("system", "over", *columns.values()), [part for part in sections if part])
    return [each, totals]


def sources(evaluation: Evaluation) -> list[str]:
    """Whose the published rows are, a line each, by the numbers in the table."""
    return [f"[{number}] {source}" for number, source in enumerate(_cited(evaluation), 1)]


def _count(sequences: float) -> str:
    return "1 sequence" if sequences == 1 else f"{sequences:.0f} sequences"


def _cited(evaluation: Evaluation) -> list[str]:
    return list(dict.fromkeys(row.source for row in evaluation.published))


def _cells(figures: Mapping[str, float], columns: Mapping[str, str]) -> list[str]:
    def cell(name: str) -> str:
        value = figures.get(name, math.nan)
        if not math.isfinite(value):
            return "–"
        digits = 0 if name == "frames" else 1 if name.endswith("_mm") else 2
        return f"{round(value, digits) + 0.0:.{digits}f}"  # no −0.00

    return [cell(name) for name in columns]


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, units in the names; what does not exist is null.

    Args:
        evaluation: of any data set.

    Returns:
        Scores, totals, groups and the published rows with their sources.
    """
    return {
        "dataset": evaluation.dataset.name,
        "split": evaluation.split,
        "scores": [
            {
                "sequence": score.sequence,
                "group": score.group,
                "system": score.system,
                "kept": score.kept,
                "error": score.error,
                "figures": _finite(score.figures),
            }
            for score in evaluation.scores
        ],
        "totals": {system: _finite(figures) for system, figures in evaluation.totals.items()},
        "groups": {
            system: {group: _finite(figures) for group, figures in groups.items()}
            for system, groups in evaluation.groups.items()
        },
        "published": [
            {"system": row.system, "figures": row.figures, "source": row.source} for row in evaluation.published
        ],
    }


def _finite(figures: Figures) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
