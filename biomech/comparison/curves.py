"""One figure of several motions: a small panel for every coordinate, right beside left."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from biomech.comparison.compare import Comparison, curve_deg_mm
from biomech.comparison.drawing import (
    DOUBT,
    DOUBT_ALPHA,
    REFERENCE,
    finish_panel,
    grid,
    look,
    room_above,
    shade,
    write_figure,
)
from biomech.comparison.tables import file_labels

IN_A_LINE, LINE_INCHES = 4, 0.22  # of the legend


def write_curves(comparisons: Sequence[Comparison], path: Path) -> None:
    """Draw every coordinate of motions that were compared with one reference, as they were compared (aligned).

    An .html holds the drawing itself and needs nothing else.

    Args:
        comparisons: all with the same reference; at least one.
        path: .png, .svg or .html.

    Raises:
        BioposeError: another format.
    """
    write_figure(draw_curves(comparisons), path, f"Compared with {comparisons[0].reference.path.name}")


def draw_curves(comparisons: Sequence[Comparison]) -> Figure:
    """The figure itself: reference in black, motions in colour, degrees and millimetres over the reference's time.

    What the run of a motion (or of the reference) does not trust lies on grey; of several motions on each one's colour.
    """
    figure, panels = grid([name for comparison in comparisons for name in _drawn(comparison)], "time (s)")
    times = [one.curves.time_s[np.isfinite(one.curves.values).any(1)] for one in comparisons]
    first, last = min(own[0] for own in times), max(own[-1] for own in times)
    margin = 0.03 * (last - first) or 0.5
    next(iter(panels.values())).set_xlim(first - margin, last + margin)
    labels = file_labels([comparisons[0].reference.path, *(c.motion.path for c in comparisons)])
    lines: dict[str, Line2D | Patch] = {}
    for name, panel in panels.items():
        for label, line in _draw_panel(panel, name, comparisons, labels, (first, last)):
            lines.setdefault(label, line)
    lines = dict(sorted(lines.items(), key=lambda one: isinstance(one[1], Patch)))
    room_above(figure, LINE_INCHES * (-(-len(lines) // IN_A_LINE) - 1))
    figure.legend(
        handles=list(lines.values()),
        labels=list(lines),
        loc="upper center",
        frameon=False,
        ncols=min(len(lines), IN_A_LINE),
    )
    return figure


def _drawn(comparison: Comparison) -> list[str]:
    """Coordinates of which both have values, trusted or not."""
    both = np.isfinite(comparison.curves.values) & np.isfinite(comparison.reference_curves.values)
    return [name for name, there in zip(comparison.names, both.any(0), strict=True) if there]


def _draw_panel(
    panel: Axes, name: str, comparisons: Sequence[Comparison], labels: list[str], span_s: tuple[float, float]
) -> Iterator[tuple[str, Line2D | Patch]]:
    unit = "°"
    for i, comparison in enumerate(comparisons):
        if name not in comparison.names:
            continue
        column = comparison.names.index(name)
        reference, curves = comparison.reference_curves, comparison.curves
        shown = (curves.time_s >= span_s[0]) & (curves.time_s <= span_s[1])
        rotational = bool(reference.rotational[column])
        unit = "°" if rotational else "mm"
        courses = [curve_deg_mm(values[shown, column], rotational) for values in (reference.values, curves.values)]
        if not panel.lines:
            yield labels[0], panel.plot(curves.time_s[shown], courses[0], color=REFERENCE, lw=1.6)[0]
        colour, style = look(i)
        yield labels[i + 1], panel.plot(curves.time_s[shown], courses[1], style, color=colour, lw=1.2)[0]
        alone = len(comparisons) == 1
        colour, label = (DOUBT, "not trusted") if alone else (colour, f"not trusted: {labels[i + 1]}")
        doubted = ~comparison.believed[:, column] & np.isfinite(curves.values[:, column])
        if shade(panel, doubted[shown], curves.time_s[shown], colour):
            yield label, Patch(color=colour, alpha=DOUBT_ALPHA)
    finish_panel(panel, name, unit)
