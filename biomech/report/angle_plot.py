"""One picture of a motion: a panel for every coordinate, right and left in one, with what is known of their errors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from biomech.comparison.drawing import DOUBT, DOUBT_ALPHA, finish_panel, shade
from biomech.files import whole_file
from biomech.report.courses import Courses, in_pairs, side

COLUMNS = 4
PANEL_INCHES = (3.3, 1.8)
HEAD_INCHES = 0.45
# Told apart by the colour-blind and in grey print too; right and left as in the overlay: orange and blue.
COLOURS = {"r": "#e8710a", "l": "#00508a", "": "#222222"}
SIDES = {"r": "right", "l": "left", "": "trunk, pelvis"}
STYLES = {"-": "solid", "--": "dashed", ":": "dotted"}
LEAST_SPAN = {"deg": 10.0, "m": 0.05}  # so that noise at rest does not fill a panel
UNITS = {"deg": "°", "m": "m"}


def write_angle_plot(motions: Sequence[Courses], path: Path) -> None:
    """Draw every coordinate over time.

    Args:
        motions: of the same recording by several solvers; the first one's half widths are drawn as a band, and where
            it is not to be trusted the panels are grey.
        path: of the .png, written whole or not at all.
    """
    figure = draw_angles(motions)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, pil_kwargs={"compress_level": 3})


def draw_angles(motions: Sequence[Courses]) -> Figure:
    """The figure itself.

    Args:
        motions: as ``write_angle_plot``.

    Returns:
        Degrees and metres over seconds.
    """
    first = motions[0]
    panels = in_pairs(first.shown)
    rows = -(-len(panels) // COLUMNS)
    width, height = COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1] + HEAD_INCHES + 0.3
    figure = Figure(figsize=(width, height))
    # Panels that share their abscissa would set each other's, all in turn.
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    # By hand: matplotlib's constrained layout takes longer than all else together.
    figure.subplots_adjust(
        left=0.5 / width,
        right=1 - 0.15 / width,
        bottom=0.45 / height,
        top=1 - (HEAD_INCHES + 0.15) / height,
        hspace=0.4,
        wspace=0.22,
    )
    for place, panel in enumerate(axes.flat):
        if place >= len(panels):
            panel.set_visible(False)
            continue
        name = list(panels)[place]
        _draw_panel(panel, name, panels[name], motions)
        lowest = place + COLUMNS >= len(panels)
        panel.tick_params(labelbottom=lowest)
        if lowest:
            panel.set_xlabel("time (s)", fontsize=8, labelpad=1)
    spans = np.array([panel.get_xlim() for panel in axes.flat[: len(panels)]])
    for panel in axes.flat[: len(panels)]:
        panel.set_xlim(spans[:, 0].min(), spans[:, 1].max())
    figure.legend(
        handles=_legend(motions, panels), loc="upper center", frameon=False, ncols=8, fontsize=9, borderaxespad=0.3
    )
    return figure


def _draw_panel(panel: Axes, title: str, names: list[str], motions: Sequence[Courses]) -> None:
    first = motions[0]
    unit = first.unit(names[0])
    for name in names:
        colour = COLOURS[side(name)]
        for motion, style in zip(motions, STYLES, strict=False):
            if name not in motion.names:
                continue
            column = motion.names.index(name)
            values = motion.values[:, column]
            dot = "." if np.isfinite(values).sum() == 1 else None
            panel.plot(motion.time_s, values, style, marker=dot, color=colour, lw=1.3 if motion is first else 0.9)
            half = motion.half_widths[:, column]
            if motion is first and np.isfinite(half).any():
                panel.fill_between(motion.time_s, values - half, values + half, color=colour, alpha=0.18, lw=0)
    doubted = ~np.all([first.believed[:, first.names.index(name)] for name in names], axis=0)
    shade(panel, doubted, first.time_s)
    finish_panel(panel, title, UNITS[unit], LEAST_SPAN[unit])


def _legend(motions: Sequence[Courses], panels: dict[str, list[str]]) -> list[Line2D | Patch]:
    there = {side(name) for names in panels.values() for name in names}
    handles: list[Line2D | Patch] = [Line2D([], [], color=COLOURS[s], label=SIDES[s]) for s in "rl" if s in there]
    if "" in there:
        handles.append(Line2D([], [], color=COLOURS[""], label=SIDES[""] if len(there) > 1 else "coordinate"))
    if len(motions) > 1:
        handles += [
            Line2D([], [], color=COLOURS[""], ls=style, label=f"{word}: {motion.solver}")
            for motion, (style, word) in zip(motions, STYLES.items(), strict=False)
        ]
    if np.isfinite(motions[0].half_widths).any():
        handles.append(Patch(color=COLOURS[""], alpha=0.18, label="± half width"))
    if not motions[0].believed.all():
        handles.append(Patch(color=DOUBT, alpha=DOUBT_ALPHA, label="not trusted"))
    return handles
