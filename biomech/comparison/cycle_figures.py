"""Two figures over cycles: the mean differences with their bands, and limits of agreement."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from biomech.comparison.drawing import REFERENCE, UNITS, finish_panel, grid, look, write_figure
from biomech.comparison.over_cycles import MethodCycles
from biomech.measures.cycles import PERCENT

HEAD_INCHES, LINE_INCHES, IN_A_LINE = 0.75, 0.2, 4  # of the title, and of each line of the legend
MARKERS = "os^Dv*"
SPLIT = "#777777"
MOST_POINTS = 60  # cycles drawn each by itself


def main_kind(methods: Sequence[MethodCycles]) -> tuple[list[MethodCycles], list[str]]:
    """What one figure shows: the kind of which there are most cycles.

    Args:
        methods: at least one.

    Returns:
        Those of that kind, and which kinds are left out.
    """
    counts: dict[str, int] = {}
    for one in methods:
        counts[one.kind] = max(counts.get(one.kind, 0), *(errors.cycles for errors in one.errors.values()))
    kind = max(counts, key=lambda name: counts[name])
    return [one for one in methods if one.kind == kind], [name for name in counts if name != kind]


def write_differences(methods: Sequence[MethodCycles], path: Path) -> None:
    """Draw the mean difference of each method over the cycle, with the band that holds for the whole curve.

    Args:
        methods: all of one kind.
        path: .png, .svg or .html.

    Raises:
        BioposeError: another format.
    """
    write_figure(draw_differences(methods), path, "Mean differences over the cycle")


def draw_differences(methods: Sequence[MethodCycles]) -> Figure:
    """The figure itself: degrees and millimetres over per cent of the cycle."""
    figure, panels = grid(_names(methods), "cycle (%)", head_inches=_head_inches(len(methods) + 2))
    for name, panel in panels.items():
        unit = _draw_each(panel, methods, name, _draw_difference)
        _draw_split(panel, methods, name)
        panel.set_xlim(0, 100)
        finish_panel(panel, name, unit)
        _draw_where(panel, methods, name)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=look(i)[0], ls=look(i)[1], lw=1.6, label=one.method) for i, one in enumerate(methods)
    ]
    handles.append(Patch(color=SPLIT, alpha=0.3, label="95 % band of the whole mean curve; bar below: leaves 0 out"))
    if phases := methods[0].paired.phases:
        handles.append(Line2D([], [], color=SPLIT, ls=":", label=f"{phases[0]} | {phases[1]}"))
    _head(figure, f"{methods[0].said}: motion less reference", handles)
    return figure


def _draw_each(
    panel: Axes, methods: Sequence[MethodCycles], name: str, draw: Callable[[Axes, MethodCycles, str, int], None]
) -> str:
    """Zero, and every method that has the coordinate; its unit."""
    unit = "°"
    panel.axhline(0, color=REFERENCE, lw=0.8)
    for place, one in enumerate(methods):
        if name in one.errors:
            unit = UNITS[one.errors[name].unit]
            draw(panel, one, name, place)
    return unit


def _names(methods: Sequence[MethodCycles]) -> list[str]:
    return [name for one in methods for name in one.errors]


def _head_inches(entries: int) -> float:
    return HEAD_INCHES + LINE_INCHES * -(-entries // IN_A_LINE)


def _head(figure: Figure, title: str, handles: list[Line2D | Patch]) -> None:
    height = figure.get_size_inches()[1]
    figure.suptitle(title, fontsize=11, y=1 - 0.08 / height, va="top")
    figure.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.28 / height),
        frameon=False,
        ncols=min(len(handles), IN_A_LINE),
        fontsize=9,
    )


def _draw_difference(panel: Axes, one: MethodCycles, name: str, place: int) -> None:
    colour, style = look(place)
    curves, band = one.paired.independent(name), one.errors[name].band
    if len(curves) <= MOST_POINTS:
        panel.plot(PERCENT, curves.T, color=colour, lw=0.4, alpha=0.35)
    panel.plot(PERCENT, band.mean, style, color=colour, lw=1.6)
    if np.isfinite(band.half_width).all():
        low, high = band.mean - band.half_width, band.mean + band.half_width
        panel.fill_between(PERCENT, low, high, color=colour, alpha=0.2, lw=0)


def _draw_split(panel: Axes, methods: Sequence[MethodCycles], name: str) -> None:
    first = next((one for one in methods if name in one.errors and one.paired.phases), None)
    if first is not None:
        panel.axvline(float(first.paired.splits[name].mean()), color=SPLIT, ls=":", lw=1)


def _draw_where(panel: Axes, methods: Sequence[MethodCycles], name: str) -> None:
    """A bar for each method along the lower edge, in stretches in which its band leaves zero out."""
    low, high = panel.get_ylim()
    thick = 0.035 * (high - low)
    panel.set_ylim(low - (len(methods) + 0.5) * thick, high)
    for i, one in enumerate(methods):
        if name in one.errors:
            for start, end in one.errors[name].band.spans:
                bottom = low - (i + 1) * thick
                panel.broken_barh([(start, max(end - start, 0.5))], (bottom, 0.8 * thick), color=look(i)[0])


def write_agreement(methods: Sequence[MethodCycles], measure: str, path: Path) -> None:
    """Draw each cycle's difference over the mean of both, with the limits of agreement.

    Args:
        methods: all of one kind.
        measure: of each cycle.
        path: .png, .svg or .html.

    Raises:
        BioposeError: another format.
    """
    write_figure(draw_agreement(methods, measure), path, "Limits of agreement")


def draw_agreement(methods: Sequence[MethodCycles], measure: str) -> Figure:
    """The figure itself (Bland–Altman).

    Args:
        methods: all of one kind.
        measure: of each cycle.

    Returns:
        Degrees and millimetres on both axes.
    """
    figure, panels = grid(_names(methods), "mean of both", head_inches=_head_inches(len(methods) + 2), share="none")
    for name, panel in panels.items():
        unit = _draw_each(panel, methods, name, partial(_draw_limits, measure=measure))
        if panel.get_xlabel():
            panel.set_xlabel(f"mean of both ({unit})", fontsize=8, labelpad=1)
        panel.margins(x=0.12)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        finish_panel(panel, name, unit)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=look(i)[0], marker=MARKERS[i % len(MARKERS)], lw=1.4, label=one.method)
        for i, one in enumerate(methods)
    ]
    handles.append(Line2D([], [], color=SPLIT, ls="--", label="limits of agreement (95 %)"))
    handles.append(Line2D([], [], color=SPLIT, marker="|", ls="", ms=9, mew=2.5, label="95 % confidence of each limit"))
    _head(figure, f"{methods[0].said}: {measure} of each cycle, motion less reference", handles)
    return figure


def _draw_limits(panel: Axes, one: MethodCycles, name: str, place: int, measure: str) -> None:
    colour, errors = look(place)[0], one.errors[name]
    ours, theirs = errors.values[measure]
    told = errors.agreements[measure]
    panel.plot(
        (ours + theirs) / 2, theirs - ours, MARKERS[place % len(MARKERS)], color=colour, ms=4, mec="white", mew=0.4
    )
    panel.axhline(told.bias, color=colour, lw=1.2)
    aside = 0.985 - 0.02 * place  # of the panel's width, so that those of several methods stand beside each other
    for limit, ends in ((told.lower, told.lower_interval), (told.upper, told.upper_interval)):
        if np.isfinite(limit):
            panel.axhline(limit, color=colour, ls="--", lw=1)
            panel.plot([aside, aside], ends, color=colour, lw=2.5, alpha=0.6, transform=panel.get_yaxis_transform())
