"""What the comparison's figures share: formats, colours, and how they are written."""

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from biomech.arrays import spans
from biomech.comparison.coordinate_names import COUPLED_GROUP, group, group_order, standard_name
from biomech.errors import BioposeError
from biomech.files import whole_file

FORMATS = (".png", ".svg", ".html")
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind too
STYLES = ("-", "--", ":")  # of the seventh motion on, in the same colours
REFERENCE = "#222222"
UNITS = {"deg": "°", "mm": "mm"}
DOUBT = "#999999"  # behind what is not trusted
DOUBT_ALPHA = 0.25
LEAST_SPAN = {"°": 2.0, "mm": 10.0}  # so that the noise of an angle at rest does not fill a panel
COLUMNS = 4
PANEL_INCHES = (3.2, 1.75)
HEAD_INCHES, FOOT_INCHES = 0.6, 0.5


def check_figure(path: Path) -> None:
    """Raises BioposeError for a folder, or a file whose format is not one of ``FORMATS``."""
    if Path(path).suffix.lower() not in FORMATS:
        raise BioposeError(
            "a figure is .png, .svg or .html", where=str(path), mend="Name it so, for example curves.png."
        )
    if Path(path).is_dir():
        raise BioposeError("is a folder", where=str(path), mend="Name a file.")


def look(place: int) -> tuple[str, str]:
    """Colour and line of the how-manieth motion, from 0."""
    return COLOURS[place % len(COLOURS)], STYLES[place // len(COLOURS) % len(STYLES)]


def grid(
    names: Sequence[str], x_label: str, *, head_inches: float = HEAD_INCHES, share: Literal["all", "none"] = "all"
) -> tuple[Figure, dict[str, Axes]]:
    """An empty panel for every coordinate.

    Args:
        names: of coordinates, some more than once.
        x_label: with its unit, below the lowest panels.
        head_inches: for the legend.
        share: the abscissa of all panels, or each its own.

    Returns:
        The figure, and the panels in the order in which they stand.
    """
    places = panels_of(names)
    rows = 1 + max(place // COLUMNS for place in places)
    own = share == "none"  # each panel has its own numbers below it
    width, height = COLUMNS * PANEL_INCHES[0], rows * (PANEL_INCHES[1] + 0.25 * own) + head_inches
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, COLUMNS, squeeze=False, sharex=share)
    # By hand: matplotlib's constrained layout takes longer than all else together.
    figure.subplots_adjust(
        left=0.5 / width,
        right=1 - 0.15 / width,
        bottom=FOOT_INCHES / height,
        top=1 - head_inches / height,
        hspace=0.55 if own else 0.35,
        wspace=0.2,
    )
    for place, panel in enumerate(axes.flat):
        panel.set_visible(place in places)
        lowest = place + COLUMNS not in places
        panel.tick_params(labelbottom=lowest or own)
        if lowest:
            panel.set_xlabel(x_label, fontsize=8, labelpad=1)
    return figure, {name: axes.flat[place] for place, name in places.items()}


def room_above(figure: Figure, inches: float) -> None:
    """Make a figure of ``grid`` (with its usual head) higher, for a legend of more than one line.

    Args:
        figure: is changed.
        inches: that come on top; none or fewer change nothing.
    """
    if inches <= 0:
        return
    width, height = figure.get_size_inches()
    height += inches
    figure.set_size_inches(width, height)
    figure.subplots_adjust(bottom=FOOT_INCHES / height, top=1 - (HEAD_INCHES + inches) / height)


def finish_panel(panel: Axes, name: str, unit: str, least: float | None = None) -> None:
    """Its title, and ordinates that do not magnify what is nothing.

    Args:
        panel: drawn.
        name: of the coordinate.
        unit: ° or mm; another one with its own least span.
        least: span of the ordinates; ``LEAST_SPAN`` of the unit where None.
    """
    panel.set_title(f"{name} ({unit})", fontsize=8, pad=3, y=1.0)  # where nothing stands above: else that is sought
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.25, lw=0.5)
    low, high = panel.get_ylim()
    least = LEAST_SPAN[unit] if least is None else least
    if high - low < least:
        panel.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def shade(
    panel: Axes, where: Bool[np.ndarray, " frames"], time_s: Float[np.ndarray, " frames"], colour: str = DOUBT
) -> bool:
    """Bands behind what is not trusted.

    Args:
        panel: over time (s).
        where: it is not.
        time_s: of the same frames.
        colour: of the bands.

    Returns:
        Whether there are any.
    """
    for begin, end in spans(where, time_s):
        panel.axvspan(begin, end, color=colour, alpha=DOUBT_ALPHA, lw=0, zorder=0)
    return bool(where.any())


def panels_of(names: Sequence[str]) -> dict[int, str]:
    """The coordinate at each place: those of the middle first, then right and left of the limbs as neighbours.

    Args:
        names: of coordinates, some more than once; those that only follow others are left out where there are more.

    Returns:
        By place, row after row of ``COLUMNS``; some stay empty.
    """
    shown = list(dict.fromkeys(name for name in names if group(name) != COUPLED_GROUP)) or list(dict.fromkeys(names))
    shown.sort(key=lambda name: group_order(group(name)))
    standard = {name: standard_name(name) for name in shown}
    limbs: dict[str, dict[str, str]] = {}
    for name in shown:
        if standard[name].endswith(("_r", "_l")):
            limbs.setdefault(standard[name][:-2], {}).setdefault(standard[name][-1], name)
    middle = [name for name in shown if not standard[name].endswith(("_r", "_l"))]
    panels = dict(enumerate(middle))
    place = -(-len(middle) // COLUMNS) * COLUMNS
    for pair in limbs.values():
        panels |= {place + k: pair[side] for k, side in enumerate("rl") if side in pair}
        place += 2
    return panels


def write_figure(figure: Figure, path: Path, title: str) -> None:
    """Write it whole or not at all; an .html holds the drawing itself and needs nothing else.

    Args:
        figure: to be written.
        path: .png, .svg or .html.
        title: of the page.

    Raises:
        BioposeError: another format.
    """
    path = Path(path)
    check_figure(path)
    with whole_file(path) as temporary:
        if path.suffix.lower() == ".png":
            figure.savefig(temporary, format="png", dpi=110)
            return
        text = io.StringIO()
        with rc_context({"svg.hashsalt": "biopose", "svg.fonttype": "none"}):
            figure.savefig(text, format="svg", metadata={"Date": None})
        drawing = text.getvalue()
        if path.suffix.lower() == ".html":
            style = "svg{max-width:100%;height:auto}"
            head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
            body = drawing[drawing.index("<svg") :]
            drawing = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
        temporary.write_text(drawing, encoding="utf-8")
