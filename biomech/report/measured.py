"""Events and measures as the report shows them: curves over the cycle with what is published, means, each one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import opensim
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.measures.find import find_events
from biomech.measures.found import DOUBTFUL, GAITS, Found, Repetition, Stride
from biomech.measures.published import BAND_SOURCE, normal_band
from biomech.report.courses import in_pairs, side

Curve = Float[np.ndarray, " percents"]
TITLES = {
    "walking": "Walking",
    "running": "Running",
    "walking_step": "A step of walking",
    "squat": "Squats",
    "stand_up": "Standing up",
    "sit_down": "Sitting down",
    "jump": "Jumps",
}
# What is looked at over the cycle; arms and feet's small joints are in the curves over time.
LOOKED_AT = (
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation", "hip_flexion", "hip_adduction", "hip_rotation"),
    *("knee_angle", "ankle_angle", "lumbar_extension", "lumbar_bending", "lumbar_rotation"),
)
MOST_EACH = 60  # strides or repetitions that are listed one by one
WORDS = {"com": "centre of mass", "r": "right", "l": "left"}
UNITS = {"deg": "°", "percent": "%", "m_s": "m/s", "deg_s": "°/s", "steps_min": "steps/min"}


@dataclass(frozen=True)
class Cycle:
    """One angle over 0 to 100 % of a cycle, degrees.

    Attributes:
        name: of the coordinate, without its side.
        sides: mean and SD between cycles, by ``r``, ``l`` or nothing.
        normal: published mean and SD, where there are any.
    """

    name: str
    sides: Mapping[str, tuple[Curve, Curve]]
    normal: tuple[Curve, Curve] | None = None


@dataclass(frozen=True)
class Activity:
    """What one activity came to.

    Attributes:
        title: its heading.
        axis: of the cycles.
        cycles: of the angles that are looked at.
        measures: means, with their units, half widths and spread, as text.
        head, each: a table of strides or repetitions, as text.
        doubt: what is said below the heading where most of what was found is not to be trusted.
        events: times (s), and what happens then.
        source: of the published bands.
        notes: what was found, and how it was filtered.
    """

    title: str
    axis: str
    cycles: list[Cycle] = field(default_factory=list)
    measures: list[tuple[str, str]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    each: list[list[str]] = field(default_factory=list)
    doubt: str = ""
    events: list[tuple[float, str]] = field(default_factory=list)
    source: str = ""
    notes: list[str] = field(default_factory=list)


def measured_of(
    model: opensim.Model,
    kinematics: Kinematics,
    trusted: Bool[np.ndarray, " frames"] | None = None,
    place_half_width_m: Float[np.ndarray, "frames 2"] | None = None,
) -> list[Activity]:
    """What was done in a motion, as far as it is recognised.

    Args:
        model: scaled.
        kinematics: of it (rad and m).
        trusted: of its frames.
        place_half_width_m: of the pelvis along X and Z in each of them.

    Returns:
        An entry for each activity; none where nothing was recognised, or where the model or the motion do not let one
        look for it.
    """
    try:
        found = find_events(model, kinematics, trusted=trusted, place_half_width_m=place_half_width_m)
    except BioposeError:
        return []
    told = sorted((_measured(found, kind) for kind in found.activities), key=lambda one: bool(one.doubt))
    if told:  # events and notes are of the whole motion
        events = [(round(one.time_s, 3), f"{_plain(one.kind)} {one.side}".strip()) for one in found.events]
        told[0].events.extend(events)
        told[0].notes.extend(found.notes)
    return told


def _measured(found: Found, kind: str) -> Activity:
    gait = kind in GAITS
    cycles = _cycles(found, kind, found.summary.get(f"{kind}_speed_m_s", 1.2))
    table = found.measures_table()
    means = table[(table.activity == kind) & table.number.isna() & table.coordinate.isna()]
    own = table[(table.activity == kind) & table.number.notna() & table.coordinate.isna()]
    spread = own[~(own.trusted_share < DOUBTFUL)].groupby("measure").value.std().fillna(0.0).to_dict()
    head, each = _each(found, kind)
    return Activity(
        TITLES.get(kind, _plain(kind)),
        "gait cycle (%)" if gait else "step (%)" if kind == "walking_step" else "repetition (%)",
        cycles,
        [
            (_plain(str(name)), _with_unit(float(value), str(unit), float(half), spread.get(str(name), 0.0)))
            for name, value, unit, half in zip(means.measure, means.value, means.unit, means.half_width, strict=True)
        ],
        head,
        each,
        _doubt(found, kind),
        source=BAND_SOURCE.get(kind, "") if any(cycle.normal is not None for cycle in cycles) else "",
    )


def _doubt(found: Found, kind: str) -> str:
    """Where nothing of a kind is to be trusted."""
    ones = [s.doubtful for s in found.strides if s.gait == kind] + [
        r.doubtful for r in found.repetitions if r.kind == kind
    ]
    return "Not to be trusted: the person was badly seen there. Look at the film first." if all(ones) else ""


def _cycles(found: Found, kind: str, speed_m_s: float) -> list[Cycle]:
    cycles = found.cycles(kind)
    if cycles is None:
        return []
    told = []
    for plain, names in in_pairs(list(cycles.mean)).items():
        if plain not in LOOKED_AT:
            continue
        sides = {side(name): (cycles.mean[name], cycles.sd.get(name, np.zeros(101))) for name in names}
        told.append(Cycle(plain, sides, normal_band(names[0], kind, speed_m_s) if kind in GAITS else None))
    return sorted(told, key=lambda cycle: LOOKED_AT.index(cycle.name))


def _each(found: Found, kind: str) -> tuple[list[str], list[list[str]]]:
    """A row for each stride or repetition: when, whose, and its measures."""
    ones: Sequence[Stride | Repetition] = [
        *(stride for stride in found.strides if stride.gait == kind),
        *(one for one in found.repetitions if one.kind == kind),
    ]
    ones = sorted(ones, key=lambda one: one.start_s)[:MOST_EACH]
    names = list(dict.fromkeys(name for one in ones for name in one.measures))
    rows = [
        [
            *(f"{one.start_s:.2f}", f"{one.end_s:.2f}", one.side),
            "" if np.isnan(one.trusted_share) else f"{100 * one.trusted_share:.0f}",
            *(_short(one.measures[name]) if name in one.measures else "" for name in names),
        ]
        for one in ones
    ]
    return ["from (s)", "to (s)", "side", "trusted (%)", *map(_headed, names)], rows


def _headed(name: str) -> str:
    unit = next(
        (unit for unit in ("steps_min", "m_s", "deg_s", "deg", "percent", "m", "s") if name.endswith(f"_{unit}")), ""
    )
    plain = _plain(name.removesuffix(f"_{unit}") if unit else name)
    return f"{plain} ({UNITS.get(unit, unit)})" if unit else plain


def _with_unit(value: float, unit: str, half_width: float, spread: float) -> str:
    """A mean; how far off it may be, where that is known; and the SD between strides or repetitions, of several."""
    unit = UNITS.get(unit, unit) if unit != "nan" else ""
    told = _to_one_place(value, spread) if spread else [_short(value)]
    told[1:1] = [f"half width {half_width:.2g}"] if half_width > 0 else []
    return "; ".join(f"{one} {unit}".strip() for one in told)


def _to_one_place(value: float, spread: float) -> list[str]:
    """Both to the same place: three figures of the mean, at most two of the SD, and one where that is farther right."""
    last = 2 - math.floor(math.log10(abs(value))) if value else 0
    first = -math.floor(math.log10(spread))
    places = max(0, min(max(last, first), max(0, last) + 1, first + 1))
    return [f"{value:.{places}f}".replace("-", "−"), f"spread {spread:.{places}f}"]


def _short(value: float) -> str:
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace("-", "−")


def _plain(name: str) -> str:
    name = " ".join(WORDS.get(word, word) for word in name.split("_"))
    return name.removesuffix(" peak") + " (largest)" if name.endswith(" peak") else name
