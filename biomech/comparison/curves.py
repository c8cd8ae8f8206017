"""One figure of several motions: a small panel for every coordinate, right beside left."""

import html
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from biomech.comparison.compare import Comparison, curve_deg_mm
from biomech.comparison.coordinate_names import COUPLED_GROUP, group, group_order, standard_name
from biomech.comparison.tables import file_labels
from biomech.errors import BioposeError
from biomech.files import whole_file

FORMATS = (".png", ".svg", ".html")
COLUMNS = 4
PANEL_INCHES = (3.2, 1.75)
HEAD_INCHES = 0.6
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # told apart by the colour-blind too
REFERENCE = "#222222"


def check_figure(path: Path) -> None:
    """Raises BioposeError for a file whose format is not one of ``FORMATS``."""
    if Path(path).suffix.lower() not in FORMATS:
        raise BioposeError(
            "a figure is .png, .svg or .html", where=str(path), mend="Name it so, for example curves.png."
        )


def write_curves(comparisons: Sequence[Comparison], path: Path) -> None:
    """Draw every coordinate of motions that were compared with one reference, as they were compared (aligned).

    An .html holds the drawing itself and needs nothing else.

    Args:
        comparisons: all with the same reference; at least one.
        path: .png, .svg or .html.

    Raises:
        BioposeError: another format.
    """
    path = Path(path)
    check_figure(path)
    figure = draw_curves(comparisons)
    with whole_file(path) as temporary:
        if path.suffix.lower() == ".png":
            figure.savefig(temporary, format="png", dpi=110)
            return
        text = io.StringIO()
        with rc_context({"svg.hashsalt": "biopose", "svg.fonttype": "none"}):
            figure.savefig(text, format="svg", metadata={"Date": None})
        drawing = text.getvalue()
        if path.suffix.lower() == ".html":
            title = html.escape(f"Compared with {comparisons[0].reference.path.name}")
            style = "svg{max-width:100%;height:auto}"
            page = (
                f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{style}</style></head>'
            )
            drawing = f"{page}<body>{drawing[drawing.index('<svg') :]}</body></html>\n"
        temporary.write_text(drawing, encoding="utf-8")


def draw_curves(comparisons: Sequence[Comparison]) -> Figure:
    """The figure itself: reference in black, motions in colour, degrees and millimetres over the reference's time."""
    panels = _panels(comparisons)
    rows = 1 + max(place // COLUMNS for place in panels)
    width, height = COLUMNS * PANEL_INCHES[0], rows * PANEL_INCHES[1] + HEAD_INCHES
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True)
    # By hand: matplotlib's constrained layout takes longer than all else together.
    figure.subplots_adjust(
        left=0.5 / width,
        right=1 - 0.15 / width,
        bottom=0.5 / height,
        top=1 - HEAD_INCHES / height,
        hspace=0.35,
        wspace=0.2,
    )
    spans = [comparison.compared_s for comparison in comparisons]
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    margin = 0.03 * (last - first) or 0.5
    axes.flat[0].set_xlim(first - margin, last + margin)
    labels = file_labels([comparisons[0].reference.path, *(c.motion.path for c in comparisons)])
    lines: dict[str, Line2D] = {}
    for place, panel in enumerate(axes.flat):
        if place not in panels:
            panel.set_visible(False)
            continue
        for label, line in _draw_panel(panel, panels[place], comparisons, labels, (first, last)):
            lines.setdefault(label, line)
        lowest = place + COLUMNS not in panels
        panel.tick_params(labelbottom=lowest)
        if lowest:
            panel.set_xlabel("time (s)", fontsize=8, labelpad=1)
    figure.legend(
        handles=list(lines.values()), labels=list(lines), loc="upper center", frameon=False, ncols=min(len(lines), 4)
    )
    return figure


def _draw_panel(
    panel: Axes, name: str, comparisons: Sequence[Comparison], labels: list[str], span_s: tuple[float, float]
) -> Iterator[tuple[str, Line2D]]:
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
        colour, style = COLOURS[i % len(COLOURS)], ("-", "--", ":")[i // len(COLOURS) % 3]
        yield labels[i + 1], panel.plot(curves.time_s[shown], courses[1], style, color=colour, lw=1.2)[0]
    panel.set_title(f"{name} ({unit})", fontsize=8, pad=3)
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.25, lw=0.5)
    low, high = panel.get_ylim()
    least = 2.0 if unit == "°" else 10.0  # so that the noise of an angle at rest does not fill a panel
    if high - low < least:
        panel.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def _panels(comparisons: Sequence[Comparison]) -> dict[int, str]:
    """The coordinate at each place: those of the middle first, then right and left of the limbs as neighbours."""
    names = list(dict.fromkeys(name for c in comparisons for name in c.errors if group(name) != COUPLED_GROUP))
    names = names or list(comparisons[0].errors)
    names.sort(key=lambda name: group_order(group(name)))
    standard = {name: standard_name(name) for name in names}
    limbs: dict[str, dict[str, str]] = {}
    for name in names:
        if standard[name].endswith(("_r", "_l")):
            limbs.setdefault(standard[name][:-2], {}).setdefault(standard[name][-1], name)
    middle = [name for name in names if not standard[name].endswith(("_r", "_l"))]
    panels = dict(enumerate(middle))
    place = -(-len(middle) // COLUMNS) * COLUMNS
    for pair in limbs.values():
        panels |= {place + k: pair[side] for k, side in enumerate("rl") if side in pair}
        place += 2
    return panels
