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
        Every coordinate.
    """
    sided = any(side for side, _, _ in spans)
    curves = {}
    for name, values in zip(course.kinematics.names, course.shown.T, strict=True):
        side = name[-1] if name.endswith(("_r", "_l")) else "r"
        own = [(start, end) for of, start, end in spans if not sided or of == side]
        rows = [np.interp(start + (end - start) * PERCENT / 100, course.time_s, values) for start, end in own]
        curves[name] = np.array(rows).reshape(-1, len(PERCENT))
    return Cycles(kind, curves)
