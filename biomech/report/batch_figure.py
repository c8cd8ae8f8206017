"""Figures of a batch: means and standard deviations of subjects and groups, over cycles or over whole trials."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from biomech.comparison.drawing import COLOURS
from biomech.measures.cycles import PERCENT, over_spans
from biomech.measures.found import DOUBTFUL

SHOWN = (
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle"),
    *("arm_flex", "arm_add", "elbow_flex", "lumbar_extension", "lumbar_bending", "pelvis_tilt"),
)
COLUMNS = 4
MOTION = "motion"  # the whole trial, in tables of measures

Curves = dict[str, Float[np.ndarray, " percents"]]


class BatchCourse(NamedTuple):
    """A recording's angles (seconds by coordinates, NaN where not trusted) and its table of measures."""

    subject: str
    group: str
    angles: pd.DataFrame
    measures: pd.DataFrame


def figures_of(recordings: Sequence[BatchCourse]) -> dict[str, Figure]:
    """A figure for each activity that was found, over its cycles; where none was, one over the whole trials.

    Args:
        recordings: those with a motion.

    Returns:
        By activity; ``motion`` for whole trials, laid over each other from their begin to their end.
    """
    windows = [_windows(one) for one in recordings]
    kinds = list(dict.fromkeys(kind for own in windows for kind in own))
    if not kinds:
        kinds = [MOTION] if recordings else []
    figures = {}
    for kind in kinds:
        courses = [
            (one, _cycle(one.angles, own.get(kind, []) if kind != MOTION else [("", *_ends(one.angles))]))
            for one, own in zip(recordings, windows, strict=True)
        ]
        held = [(one, course) for one, course in courses if course]
        if held:
            figures[kind] = _figure(_lines(held), "trial" if kind == MOTION else f"{kind} cycle")
    return figures


def _figure(lines: dict[str, list[Curves]], over: str) -> Figure:
    """A panel for each angle; the right side is drawn solid, the left one dashed."""
    rows = -(-len(SHOWN) // COLUMNS)
    figure = Figure(figsize=(13, 2.6 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True)
    for panel, name in zip(panels.flat, SHOWN, strict=True):
        for k, (label, of_line) in enumerate(lines.items()):
            for end, dash in (("", "-"), ("_r", "-"), ("_l", "--")):
                curves = [one[name + end] for one in of_line if name + end in one]
                if not curves:
                    continue
                mean, sd = _mean_sd(np.array(curves))
                colour = COLOURS[k % len(COLOURS)]
                said = f"{label} (n = {len(of_line)})" if end in ("", "_r") else None
                panel.plot(PERCENT, mean, dash, color=colour, lw=1.4, label=said)
                panel.fill_between(PERCENT, mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        panel.set_title(f"{name} (deg)", fontsize=10)
        panel.grid(alpha=0.3)
    for panel in np.atleast_2d(panels)[-1]:
        panel.set_xlabel(f"% of the {over}")
    held = [panel.get_legend_handles_labels() for panel in panels.flat]
    shown = {label: line for lines, labels in held for line, label in zip(lines, labels, strict=True)}
    title = "mean ± SD; n: recordings, of a group its subjects; solid: right, dashed: left"
    figure.legend([*shown.values()], [*shown], loc="outside upper center", ncols=4, fontsize=9, title=title)
    return figure


def _mean_sd(curves: Float[np.ndarray, "trials percents"]) -> tuple[Float[np.ndarray, " percents"], ...]:
    """Of the values that are there; no deviation of fewer than two, nothing where there is none."""
    there = np.isfinite(curves)
    count = there.sum(0)
    mean = np.where(there, curves, 0).sum(0) / np.where(count, count, np.nan)
    squares = np.where(there, (curves - mean) ** 2, 0).sum(0)
    return mean, np.sqrt(squares / np.maximum(count - 1, 1))


def _lines(courses: Sequence[tuple[BatchCourse, Curves]]) -> dict[str, list[Curves]]:
    """What each line is the mean of: recordings of a subject, or subjects of a group."""
    by_subject: dict[tuple[str, str], list[Curves]] = {}
    for one, course in courses:
        by_subject.setdefault((one.group, one.subject), []).append(course)
    groups: dict[str, list[list[Curves]]] = {}
    for (group, _), curves in by_subject.items():
        groups.setdefault(group, []).append(curves)
    lines: dict[str, list[Curves]] = {}
    for (_, subject), curves in by_subject.items():
        if len(by_subject) <= len(COLOURS):
            lines[subject] = curves
    for group, members in groups.items():
        if group and len(members) > 1:
            lines[f"group {group}"] = [_mean_course(own) for own in members]
    return lines or {subject: curves for (_, subject), curves in by_subject.items()}


def _mean_course(courses: Sequence[Curves]) -> Curves:
    names = dict.fromkeys(name for course in courses for name in course)
    return {name: _mean_sd(np.array([course[name] for course in courses if name in course]))[0] for name in names}


def _ends(angles: pd.DataFrame) -> tuple[float, float]:
    return float(angles.index[0]), float(angles.index[-1])


def _windows(one: BatchCourse) -> dict[str, list[tuple[str, float, float]]]:
    """Side (or none), begin and end of each cycle and repetition that is not doubtful, by activity."""
    table = one.measures
    if not len(table):
        return {}
    table = table[(table["activity"] != MOTION) & table["start_s"].notna() & ~(table["trusted_share"] < DOUBTFUL)]
    table = table.drop_duplicates(["activity", "number", "side"])
    found: dict[str, list[tuple[str, float, float]]] = {}
    for kind, side, start, end in zip(*(table[name] for name in ("activity", "side", "start_s", "end_s")), strict=True):
        found.setdefault(kind, []).append((side if isinstance(side, str) else "", float(start), float(end)))
    return found


def _cycle(angles: pd.DataFrame, windows: Sequence[tuple[str, float, float]]) -> Curves:
    """Mean over a recording's cycles, degrees at ``PERCENT`` of them."""
    times = angles.index.to_numpy(float)
    units = angles.attrs["units"]
    courses: Curves = {}
    for name in angles.columns:
        if units[name] != "deg":
            continue
        values = angles[name].to_numpy(float, copy=True)
        there = np.isfinite(values)
        values[there] = np.rad2deg(np.unwrap(np.deg2rad(values[there])))
        if len(cycles := over_spans(name, times, values, windows)):
            courses[name] = _mean_sd(cycles)[0]
    return courses
