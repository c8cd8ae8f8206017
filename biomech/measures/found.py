"""What was found in a motion: strides, repetitions, events, and tables of them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from biomech.arrays import nearest
from biomech.measures.cycles import Cycles, cycles_over

if TYPE_CHECKING:
    import pandas as pd

    from biomech.measures.course import Course

GAITS = ("walking", "running")
KINDS = (*GAITS, "walking_step", "squat", "stand_up", "sit_down", "jump")
ZENI = "foot_against_pelvis"
BOTH_SIDES = ("step_length_m", "step_time_s", "stance_share")
SIGNIFICANT = 6
DOUBTFUL = 0.5  # of its frames trusted: what has fewer counts in no mean
EVENT_COLUMNS = ["time_s", "event", "side", "method", "second_method_time_s", "second_method_later_ms"]
MEASURE_COLUMNS = [
    *("activity", "number", "side", "start_s", "end_s", "trusted_share", "coordinate", "measure", "value", "unit"),
    *("half_width", "source"),
]
MEASURED, OF_THE_MODEL = "measured", "model"


@dataclass(frozen=True)
class Event:
    """One moment.

    Attributes:
        time_s: when.
        kind: ``heel_strike``, ``toe_off``, ``squat_start``, ``squat_bottom``, ``take_off`` …
        side: ``r`` or ``l``; empty where it is of the whole body.
        method: how it was found.
        other_s: when by the second method (heel strikes and toe offs); NaN where that tells nothing.
    """

    time_s: float
    kind: str
    side: str = ""
    method: str = ""
    other_s: float = np.nan


def share_between(
    trusted: Bool[np.ndarray, " frames"], time_s: Float[np.ndarray, " frames"], start_s: float, end_s: float
) -> float:
    """How much of a stride or repetition is trusted.

    Args:
        trusted: of frames.
        time_s: theirs.
        start_s, end_s: of the stride or repetition.

    Returns:
        Of the frames from start to end, 0 to 1; NaN where there is none.
    """
    inside = (time_s >= start_s - 1e-9) & (time_s <= end_s + 1e-9)
    return float(trusted[inside].mean()) if inside.any() else np.nan


@dataclass(frozen=True)
class Stride:
    """One foot's heel strike to its next; seconds.

    Attributes:
        gait: ``walking`` or ``running``.
        side, number: whose, and its how-manieth of that side, from 1.
        measures: by name with the unit (``gait.measured``).
        trusted_share: of its frames; NaN where nothing was said of them.
        half_widths: how far off a measure may be, by its name; of those of which it is known.
    """

    gait: str
    side: str
    number: int
    start_s: float
    end_s: float
    toe_off_s: float
    opposite_toe_off_s: float
    opposite_strike_s: float
    measures: dict[str, float]
    trusted_share: float = np.nan
    half_widths: dict[str, float] = field(default_factory=dict)

    @property
    def doubtful(self) -> bool:
        """Fewer than half of its frames are trusted."""
        return self.trusted_share < DOUBTFUL


@dataclass(frozen=True)
class Repetition:
    """A squat, a standing up, a sitting down, a jump, or a step of a walk without a whole stride; seconds.

    Attributes:
        kind: ``squat``, ``stand_up``, ``sit_down``, ``jump`` or ``walking_step``.
        number: its how-manieth of the kind, from 1.
        start_s, middle_s, end_s: a jump's take-off, top and landing; a step's strike, toe off and strike.
        measures: by name with the unit.
        trusted_share: of its frames; NaN where nothing was said of them.
        side: of a step.
        whole_s: from stand to stand, or between stand and seat, where that is more than from start to end.
        half_widths: how far off a measure may be, by its name; of those of which it is known.
    """

    kind: str
    number: int
    start_s: float
    middle_s: float
    end_s: float
    measures: dict[str, float]
    trusted_share: float = np.nan
    side: str = ""
    whole_s: tuple[float, float] | None = None
    half_widths: dict[str, float] = field(default_factory=dict)

    @property
    def doubtful(self) -> bool:
        """Fewer than half of its frames are trusted."""
        return self.trusted_share < DOUBTFUL


@dataclass(frozen=True)
class KnownValues:
    """What the run that solved a motion knows of each of its values.

    Attributes:
        time_s: of the frames.
        determined: by what was seen; a coordinate that never is (toes) has been taken from the model.
        believed: determined, and the frame is trusted.
        half_width: how far off a value may be, degrees and metres; NaN where it is not known.
    """

    time_s: Float[np.ndarray, " frames"]
    determined: Bool[np.ndarray, "frames coordinates"]
    believed: Bool[np.ndarray, "frames coordinates"]
    half_width: Float[np.ndarray, "frames coordinates"]

    def of(self, coordinate: int, start_s: float, end_s: float) -> dict[str, object]:
        """The cells of a coordinate's rows that say where it is from, and how much of it is trusted.

        Args:
            coordinate: its place.
            start_s, end_s: of the rows.

        Returns:
            ``source`` and ``trusted_share``.
        """
        if not self.determined[:, coordinate].any():
            return {"source": OF_THE_MODEL, "trusted_share": 0.0}
        share = share_between(self.believed[:, coordinate], self.time_s, start_s, end_s)
        return {"source": MEASURED, "trusted_share": round(share, 3)}

    def counted(self, time_s: Float[np.ndarray, " moments"]) -> Bool[np.ndarray, "moments coordinates"]:
        """Which values count in measures of their coordinate: those that are trusted, and all of what is the model's.

        Args:
            time_s: the moments; of each the nearest frame counts.

        Returns:
            In the order of the coordinates.
        """
        frames = nearest(self.time_s, time_s)
        counted: Bool[np.ndarray, "moments coordinates"] = self.believed[frames] | ~self.determined.any(0)
        return counted

    def half_width_at(self, coordinate: int, time_s: float) -> dict[str, float]:
        """The cell of a value at a moment.

        Args:
            coordinate: its place.
            time_s: the moment; the nearest frame counts.

        Returns:
            ``half_width``, degrees or metres; nothing of what is the model's or where it is not known.
        """
        half = float(self.half_width[nearest(self.time_s, np.array([time_s]))[0], coordinate])
        known = np.isfinite(half) and self.determined[:, coordinate].any()
        return {"half_width": _rounded(half)} if known else {}


@dataclass(frozen=True)
class Found:
    """All that was found in one motion.

    Attributes:
        strides, repetitions, events: in order of time; empty where there is nothing.
        courses: the motion, filtered, by activity; under ``""`` the one that tables of the whole motion are of.
        filter_hz: cut-off by activity, and of the whole motion under ``""``; None where nothing was filtered.
        notes: what there is, what not, and what was done.
        known: what the run knows of its coordinates, in their order; None where nobody told.
    """

    strides: list[Stride]
    repetitions: list[Repetition]
    events: list[Event]
    courses: "dict[str, Course]" = field(repr=False)
    filter_hz: dict[str, float | None]
    notes: list[str]
    known: KnownValues | None = field(default=None, repr=False)

    @property
    def activities(self) -> list[str]:
        """What was done, of ``KINDS``; empty where nothing was recognised."""
        there = {stride.gait for stride in self.strides} | {one.kind for one in self.repetitions}
        return [kind for kind in KINDS if kind in there]

    @property
    def course(self) -> "Course":
        """The motion, filtered: centre of mass, feet, coordinates and their velocities."""
        return self.courses[""]

    @property
    def summary(self) -> dict[str, float]:
        """Means over strides and repetitions that are not doubtful, by name with the unit."""
        told: dict[str, float] = {}
        for gait in GAITS:
            strides = [stride for stride in self.strides if stride.gait == gait and not stride.doubtful]
            if strides:
                told |= {f"{gait}_{name}": value for name, value in _of_strides(strides).items()}
        for kind in KINDS[2:]:
            each = [one.measures for one in self.repetitions if one.kind == kind and not one.doubtful]
            if each:
                told[f"{kind}_count"] = len(each)
                names = dict.fromkeys(name for one in each for name in one)
                told |= {f"{kind}_{n}": float(np.mean([one[n] for one in each if n in one])) for n in names}
        return told

    def half_widths(self, kind: str) -> dict[str, float]:
        """How far off means may be, by measure: no less than one of what they are of, for all err alike.

        Args:
            kind: of ``KINDS``.

        Returns:
            Means over what is not doubtful; of measures of which it is known.
        """
        ones = [one for one in self.ones(kind) if not one.doubtful]
        names = dict.fromkeys(name for one in ones for name in one.half_widths)
        return {n: float(np.mean([one.half_widths[n] for one in ones if n in one.half_widths])) for n in names}

    def ones(self, kind: str) -> "list[Stride | Repetition]":
        """The strides or repetitions of a kind, in order of time."""
        return [*(s for s in self.strides if s.gait == kind), *(r for r in self.repetitions if r.kind == kind)]

    def _of(self, name: str) -> str:
        """The activity that a mean of the summary is of."""
        return max((kind for kind in self.activities if name.startswith(f"{kind}_")), key=len, default="")

    def cycles(self, kind: str) -> Cycles | None:
        """Every coordinate over 0 to 100 % of the strides or repetitions of a kind that are not doubtful.

        Args:
            kind: of ``KINDS``.

        Returns:
            None where there is none.
        """
        strides = [stride for stride in self.strides if stride.gait == kind and not stride.doubtful]
        spans = [(stride.side, stride.start_s, stride.end_s) for stride in strides]
        spans += [("", one.start_s, one.end_s) for one in self.repetitions if one.kind == kind and not one.doubtful]
        return cycles_over(self.courses[kind], kind, spans) if spans else None

    def events_table(self) -> "pd.DataFrame":
        """A row for each event: time_s, event, side, method, and the second method's time and difference (ms)."""
        import pandas as pd

        rows = [
            {
                "time_s": round(event.time_s, 4),
                "event": event.kind,
                "side": event.side,
                "method": event.method,
                "second_method_time_s": round(event.other_s, 4),
                "second_method_later_ms": round(1000 * (event.other_s - event.time_s), 1),
            }
            for event in self.events
        ]
        return pd.DataFrame(rows, columns=EVENT_COLUMNS)

    def measures_table(self) -> "pd.DataFrame":
        """A row for each measure of each stride and repetition, and of the whole motion; tidy.

        Rows of an activity without a number are means over all of it that is not doubtful.
        """
        import pandas as pd

        rows: list[dict[str, object]] = []
        start, end = float(self.course.time_s[0]), float(self.course.time_s[-1])
        rows += _rows("motion", 1, "", (start, end), np.nan, {}, self.course, known=self.known)
        for stride in self.strides:
            span = (stride.start_s, stride.end_s)
            course = self.courses[stride.gait]
            rows += _rows(
                stride.gait, stride.number, stride.side, span, stride.trusted_share, stride.measures, course,
                half_widths=stride.half_widths, known=self.known,
            )  # fmt: skip
        for one in self.repetitions:
            span = (one.start_s, one.end_s)
            course, whole = self.courses[one.kind], one.whole_s or span
            rows += _rows(
                one.kind, one.number, one.side, span, one.trusted_share, one.measures, course, whole, one.half_widths,
                self.known,
            )  # fmt: skip
        for kind in self.activities:
            means = {n.removeprefix(f"{kind}_"): v for n, v in self.summary.items() if self._of(n) == kind}
            half_widths = self.half_widths(kind)
            for name, value in means.items():
                quantity, unit = _bare(name)
                row = {"activity": kind, "measure": quantity, "value": _rounded(value), "unit": unit}
                rows.append(row | _half_width(half_widths, name))
        table = pd.DataFrame(rows, columns=MEASURE_COLUMNS)
        return table.astype({"number": "Int64"})

    def course_table(self) -> "pd.DataFrame":
        """A row for each frame: the centre of mass, its velocity, and the velocity of every coordinate."""
        import pandas as pd

        course = self.course
        table = {"time_s": np.round(course.time_s, 6)}
        for k, axis in enumerate("xyz"):
            table[f"com_{axis}_m"] = np.round(course.com_m[:, k], 5)
        for k, axis in enumerate("xyz"):
            table[f"com_velocity_{axis}_m_s"] = np.round(course.com_velocity_m_s[:, k], 4)
        for k, (name, turns) in enumerate(zip(course.kinematics.names, course.kinematics.rotational, strict=True)):
            unit = "deg_s" if turns else "m_s"
            table[f"{name}_velocity_{unit}"] = np.round(course.shown_velocity[:, k], 3 if turns else 4)
        return pd.DataFrame(table)


def _of_strides(strides: list[Stride]) -> dict[str, float]:
    """Means of all strides, of each side, and how far right exceeds left, in per cent of their mean."""
    told: dict[str, float] = {"strides": len(strides)}
    names = dict.fromkeys(name for stride in strides for name in stride.measures)
    for name in names:
        told[name] = float(np.mean([s.measures[name] for s in strides if name in s.measures]))
    for name in (name for name in BOTH_SIDES if name in names):
        of = {side: [s.measures[name] for s in strides if s.side == side and name in s.measures] for side in ("r", "l")}
        means = {side: float(np.mean(values)) for side, values in of.items() if values}
        quantity, unit = _bare(name)
        told |= {f"{quantity}_{side}{unit and '_' + unit}": value for side, value in means.items()}
        if len(means) == 2 and means["r"] + means["l"]:
            told[f"{quantity}_asymmetry_percent"] = 200 * (means["r"] - means["l"]) / (means["r"] + means["l"])
    return told


UNITS = ("steps_min", "m_s", "deg_s", "deg", "percent", "m", "s")


def _bare(name: str) -> tuple[str, str]:
    """A measure's name and its unit, apart."""
    unit = next((unit for unit in UNITS if name.endswith(f"_{unit}")), "")
    return name.removesuffix(f"_{unit}") if unit else name, unit


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT}g}")


def _half_width(half_widths: dict[str, float], name: str) -> dict[str, float]:
    return {"half_width": _rounded(half_widths[name])} if name in half_widths else {}


def _rows(
    activity: str,
    number: int,
    side: str,
    span: tuple[float, float],
    trusted: float,
    measures: dict[str, float],
    course: "Course",
    whole: tuple[float, float] | None = None,
    half_widths: dict[str, float] | None = None,
    known: KnownValues | None = None,
) -> list[dict[str, object]]:
    """Of one stride or repetition: its own measures, then peaks, range and fastest turn of every coordinate.

    These are looked for from stand to stand (``whole``) where that is more, and where ``known`` is given in the frames
    in which the coordinate is trusted; a turn is as fast as between two trusted neighbours of a trusted frame. Where
    none is left, the value is NaN.
    """
    head = {
        "activity": activity,
        "number": number,
        "side": side,
        "start_s": round(span[0], 4),
        "end_s": round(span[1], 4),
        "trusted_share": round(trusted, 3),
    }
    rows: list[dict[str, object]] = []
    for name, value in measures.items():
        quantity, unit = _bare(name)
        row = {**head, "measure": quantity, "value": _rounded(value), "unit": unit}
        rows.append(row | _half_width(half_widths or {}, name))
    frames = course.frames(*(whole or span))
    times, values = course.time_s[frames], course.shown[frames].copy()
    velocity = course.shown_velocity[frames].copy()
    told_of_turns = np.isfinite(velocity).any(0)
    if known is not None:
        around = np.clip(np.arange(frames.start - 1, frames.stop + 1), 0, len(course.time_s) - 1)
        counted = known.counted(course.time_s[around])
        values[~counted[1:-1]] = np.nan
        velocity[~(counted[:-2] & counted[1:-1] & counted[2:])] = np.nan
    across = course.changes[frames].any(0)
    values[:, across], velocity[:, across] = np.nan, np.nan
    for k, (name, turns) in enumerate(zip(course.kinematics.names, course.kinematics.rotational, strict=True)):
        unit = "deg" if turns else "m"
        lowest, highest = _at(values[:, k], -values[:, k]), _at(values[:, k], values[:, k])
        own = {**head, "coordinate": name, **({} if known is None else known.of(k, *(whole or span)))}
        told: dict[str, tuple[float, int | None]]
        told = {"max": highest, "min": lowest, "range": (highest[0] - lowest[0], None)}
        for measure, (value, at) in told.items():
            half = {} if known is None or at is None else known.half_width_at(k, times[at])
            rows.append({**own, "measure": measure, "value": _rounded(value), "unit": unit} | half)
        if told_of_turns[k]:
            fastest, _ = _at(velocity[:, k], np.abs(velocity[:, k]))
            rows.append({**own, "measure": "velocity_peak", "value": _rounded(fastest), "unit": f"{unit}_s"})
    return rows


def _at(values: Float[np.ndarray, " frames"], by: Float[np.ndarray, " frames"]) -> tuple[float, int | None]:
    """The value where ``by`` is largest, and which frame that is; NaN and None where all are NaN."""
    if np.isnan(by).all():
        return np.nan, None
    row = int(np.nanargmax(by))
    return float(values[row]), row
