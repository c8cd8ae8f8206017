"""What others have published on the data sets, each row with its source: published.json."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


class PublishedRow(NamedTuple):
    """A row of somebody's table."""

    system: str
    figures: dict[str, float]
    source: str


def published(dataset: str) -> list[PublishedRow]:
    """Rows of a data set, in the order of the file.

    Args:
        dataset: its name.

    Returns:
        Figures by the names of our own scores (mm, degrees); none where nothing is known.
    """
    told = _table()
    rows = []
    for row in told.get(dataset, []):
        figures = {name: float(value) for name, value in row.items() if name not in ("system", "source")}
        rows.append(PublishedRow(row["system"], figures, told["sources"][row["source"]]))
    return rows


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("biomech.evaluation").joinpath("published.json").read_text("utf-8"))
    return found
