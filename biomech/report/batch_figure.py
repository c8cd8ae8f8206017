"""Figures of a batch: means and standard deviations of subjects and groups, over cycles or over whole trials."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from biomech.comparison.drawing import COLOURS
from biomech.measures.cycles import PERCENT, over_spans
from biomech.measures.found import DOUBTFUL, GAITS

SHOWN = (
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle"),
    *("arm_flex", "arm_add", "elbow_flex", "lumbar_extension", "lumbar_bending", "pelvis_tilt"),
)
PANELS = frozenset(name + end for name in SHOWN for end in ("", "_r", "_l"))
COLUMNS = 4
MOST_LINES = 12  # in one figure
MOTION = "motion"  # the whole trial, in tables of measures

Curves = dict[str, Float[np.ndarray, " percents"]]


class BatchCourse(NamedTuple):
    """A recording's angles (seconds by coordinates, NaN where not trusted) and its table of measures."""

    subject: str
    group: str
    angles: pd.DataFrame
    measures: pd.DataFrame


class RunningMean:
    """Mean and standard deviation of curves that come one by one, by coordinate and per cent, of values that are there.

    By the updates of B. P. Welford ("Note on a method for calculating corrected sums of squares and products",
    Technometrics 4, 1962), so that no curve has to be kept.

    Attributes:
        members: whose curves these are the mean of.
    """

    def __init__(self) -> None:
        self.members = 0
        self._parts: dict[str, Float[np.ndarray, "three percents"]] = {}  # count, mean, sum of squares about it

    def add(self, curves: Curves) -> None:
        """One member more."""
        self.members += 1
        for name, values in curves.items():
            if name not in self._parts:
                self._parts[name] = np.zeros((3, len(PERCENT)))
            count, mean, squares = self._parts[name]
            there = np.isfinite(values)
            count += there
            step = np.where(there, values - mean, 0.0)
            mean += step / np.maximum(count, 1)
            squares += np.where(there, step * (values - mean), 0.0)

    @property
    def curves(self) -> Curves:
        """The means; NaN where no member has a value."""
        return {name: np.where(count > 0, mean, np.nan) for name, (count, mean, _) in self._parts.items()}

    def mean_sd(self, name: str) -> tuple[Float[np.ndarray, " percents"], Float[np.ndarray, " percents"]] | None:
        """Of a coordinate, with no deviation of fewer than two; None where there is none."""
        if name not in self._parts:
            return None
        count, mean, squares = self._parts[name]
        return np.where(count > 0, mean, np.nan), np.sqrt(squares / np.maximum(count - 1, 1))


@dataclass
class _Kind:
    """Of one activity: subjects that are under way, those that are whole, groups, and all."""

    under_way: dict[tuple[str, str], RunningMean] = field(default_factory=dict)
    subjects: dict[tuple[str, str], RunningMean] = field(default_factory=dict)  # given up when they are too many
    groups: dict[str, RunningMean] = field(default_factory=dict)
    everybody: RunningMean = field(default_factory=RunningMean)


class BatchMeans:
    """The means of a batch, of recordings that come one by one; none of them is kept.

    A subject's mean is held from its first recording to its last; so recordings in the order of their subjects need
    the least memory.
    """

    def __init__(self, recordings: Iterable[tuple[str, str]]) -> None:
        """Begin.

        Args:
            recordings: group and subject of each that will be added.
        """
        self._left = Counter(recordings)
        self._order = {whose: k for k, whose in enumerate(self._left)}
        self._kinds: dict[str, _Kind] = {}
        self._cycles_found = False

    def add(self, one: BatchCourse) -> None:
        """One recording more."""
        windows = _windows(one)
        if windows and not self._cycles_found:
            self._cycles_found = True
            self._kinds.pop(MOTION, None)
        if not self._cycles_found:
            windows = {MOTION: [("", *_ends(one.angles))]}
        whose = (one.group, one.subject)
        for kind, own in windows.items():
            held = self._kinds.setdefault(kind, _Kind())
            if course := _cycle(one.angles, own, PANELS):
                held.under_way.setdefault(whose, RunningMean()).add(course)
        self._left[whose] -= 1
        if not self._left[whose]:
            for held in self._kinds.values():
                self._subject_is_whole(held, whose)

    def _subject_is_whole(self, held: _Kind, whose: tuple[str, str]) -> None:
        mean = held.under_way.pop(whose, None)
        if mean is None:
            return
        for above in (held.everybody, held.groups.setdefault(whose[0], RunningMean())):
            above.add(mean.curves)
        if held.everybody.members <= len(COLOURS):
            held.subjects[whose] = mean
        else:
            held.subjects.clear()

    def figures(self) -> dict[str, Figure]:
        """A figure for each activity that was found, over its cycles; where none was, one over the whole trials.

        Returns:
            By activity; ``motion`` for whole trials, laid over each other from their begin to their end.
        """
        found = {}
        for kind, held in self._kinds.items():
            for whose in list(held.under_way):
                self._subject_is_whole(held, whose)
            if held.everybody.members:
                found[kind] = _figure(self._lines(held), _over(kind))
        return found

    def _lines(self, held: _Kind) -> dict[str, RunningMean]:
        """Subjects where they are few, groups of several; all together where that leaves nothing, or far too much."""
        lines = {whose[1]: held.subjects[whose] for whose in sorted(held.subjects, key=self._order.__getitem__)}
        first = {group: k for (group, _), k in reversed(self._order.items())}
        for group in sorted(held.groups, key=first.__getitem__):
            if group and held.groups[group].members > 1:
                lines[f"group {group}"] = held.groups[group]
        return lines if 0 < len(lines) <= MOST_LINES else {"all subjects": held.everybody}


def _over(kind: str) -> str:
    return "trial" if kind == MOTION else f"{kind} cycle" if kind in GAITS else kind.replace("_", " ")


def _figure(lines: dict[str, RunningMean], over: str) -> Figure:
    """A panel for each angle; the right side is drawn solid, the left one dashed."""
    rows = -(-len(SHOWN) // COLUMNS)
    figure = Figure(figsize=(13, 2.6 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True)
    for panel, name in zip(panels.flat, SHOWN, strict=True):
        for k, (label, of_line) in enumerate(lines.items()):
            for end, dash in (("", "-"), ("_r", "-"), ("_l", "--")):
                if (found := of_line.mean_sd(name + end)) is None:
                    continue
                mean, sd = found
                colour = COLOURS[k % len(COLOURS)]
                said = f"{label} (n = {of_line.members})" if end in ("", "_r") else None
                panel.plot(PERCENT, mean, dash, color=colour, lw=1.4, label=said)
                panel.fill_between(PERCENT, mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        panel.set_title(f"{name} (deg)", fontsize=10)
        panel.grid(alpha=0.3)
    for panel in np.atleast_2d(panels)[-1]:
        panel.set_xlabel(f"% of the {over}")
    held = [panel.get_legend_handles_labels() for panel in panels.flat]
    shown = {label: line for lines, labels in held for line, label in zip(lines, labels, strict=True)}
    title = "mean ± SD; n: recordings, of a group (or all) its subjects; solid: right, dashed: left"
    figure.legend([*shown.values()], [*shown], loc="outside upper center", ncols=4, fontsize=9, title=title)
    return figure


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


def _cycle(
    angles: pd.DataFrame, windows: Sequence[tuple[str, float, float]], only: Collection[str] | None = None
) -> Curves:
    """Mean over a recording's cycles, degrees at ``PERCENT`` of them; of all its angles or of some."""
    times, units = angles.index.to_numpy(float), angles.attrs["units"]
    means = RunningMean()
    columns = angles.to_numpy(float).T  # one by one, pandas would copy the units with each
    for name, column in zip(angles.columns, columns, strict=True):
        if units[name] != "deg" or (only is not None and name not in only):
            continue
        values = column.copy()
        there = np.isfinite(values)
        values[there] = np.rad2deg(np.unwrap(np.deg2rad(values[there])))
        for cycle in over_spans(name, times, values, windows):
            means.add({name: cycle})
    return means.curves
