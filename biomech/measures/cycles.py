"""Curves over 0 to 100 % of strides or repetitions, with mean and SD."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from biomech.measures.course import Course

PERCENT = np.arange(101.0)


@dataclass(frozen=True)
class Cycles:
    """Coordinates over the cycles of one kind.

    Attributes:
        kind: ``walking``, ``running``, ``squat`` …
        curves: by coordinate, degrees and metres. Of a gait, coordinates with a side have that side's strides, others
            the right foot's.
    """

    kind: str
    curves: dict[str, Float[np.ndarray, "cycles percents"]]

    @property
    def percent(self) -> Float[np.ndarray, "percents"]:
        """0 to 100."""
        return PERCENT

    @cached_property
    def mean(self) -> dict[str, Float[np.ndarray, "percents"]]:
        """Of every coordinate that has a cycle."""
        return {name: values.mean(0) for name, values in self.curves.items() if len(values)}

    @cached_property
    def sd(self) -> dict[str, Float[np.ndarray, "percents"]]:
        """Between the cycles of this motion; of coordinates with two or more."""
        return {name: values.std(0, ddof=1) for name, values in self.curves.items() if len(values) > 1}

    @property
    def count(self) -> dict[str, int]:
        """How many cycles."""
        return {name: len(values) for name, values in self.curves.items()}


def cycles_over(course: "Course", kind: str, spans: Sequence[tuple[str, float, float]]) -> Cycles:
    """The motion over each of the spans.

    Args:
        course: that they are of.
        kind: what they are.
        spans: side (empty for none), start and end (s).

    Returns:
        Every coordinate, without cycles in which it changes to the other triple that names the pose.
    """
    curves = {}
    for k, name in enumerate(course.kinematics.names):
        curve = over_spans(name, course.time_s, course.shown[:, k], spans)
        if course.changes[:, k].any():
            beside = over_spans(name, course.time_s, course.changes[:, k].astype(float), spans)
            curve = curve[~beside.any(1)]
        curves[name] = curve
    return Cycles(kind, curves)


def over_spans(
    name: str,
    time_s: Float[np.ndarray, " frames"],
    values: Float[np.ndarray, " frames"],
    spans: Sequence[tuple[str, float, float]],
) -> Float[np.ndarray, "cycles percents"]:
    """A coordinate over each of the spans that are its own: strides of its side, else the right foot's.

    Args:
        name: of the coordinate.
        time_s: of its values; ascending.
        values: NaN where there is none.
        spans: as ``cycles_over``.

    Returns:
        At ``PERCENT``; NaN beside values that are not there.
    """
    sided = any(side for side, _, _ in spans)
    side = name[-1] if name.endswith(("_r", "_l")) else "r"
    own = [(start, end) for of, start, end in spans if not sided or of == side]
    rows = [np.interp(start + (end - start) * PERCENT / 100, time_s, values) for start, end in own]
    return np.array(rows).reshape(-1, len(PERCENT))
