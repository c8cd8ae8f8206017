"""What is told of a coordinate over cycles: limits of agreement, errors by phase, and where the mean curves differ."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from biomech.comparison.agreement import Agreement, limits_of_agreement
from biomech.comparison.mean_band import MeanBand, mean_band
from biomech.comparison.paired_cycles import PairedCycles
from biomech.measures.cycles import PERCENT

WHOLE = "cycle"
MEASURES: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "max": np.max, "min": np.min, "range": np.ptp}


@dataclass(frozen=True)
class PhaseErrors:
    """Of a part of the cycle, in the coordinate's unit; every cycle counts alike."""

    bias: float
    rmse: float


@dataclass(frozen=True)
class CycleErrors:
    """Of one coordinate over the cycles of one kind; degrees or millimetres.

    Attributes:
        unit: deg or mm.
        cycles, persons: how many, and of how many people.
        doubtful: how many cycles are mostly not trusted, and not among these.
        phases: ``cycle`` for the whole, and each phase.
        agreements: of ``MEASURES`` of each cycle.
        values: the same measures of each cycle, of reference and motion.
        band: of the mean difference.
    """

    unit: str
    cycles: int
    persons: int
    doubtful: int
    phases: dict[str, PhaseErrors]
    agreements: dict[str, Agreement]
    values: dict[str, tuple[Float[np.ndarray, " cycles"], Float[np.ndarray, " cycles"]]]
    band: MeanBand


def cycle_errors(paired: PairedCycles) -> dict[str, CycleErrors]:
    """Of every coordinate.

    Args:
        paired: at least one cycle of each.

    Returns:
        By the reference's names.
    """
    return {name: _of(paired, name) for name in paired.reference}


def _of(paired: PairedCycles, name: str) -> CycleErrors:
    difference, persons = paired.difference(name), paired.persons[name]
    first = PERCENT <= paired.splits[name][:, None]
    parts = {WHOLE: np.ones_like(first)} | dict(zip(paired.phases, (first, ~first), strict=bool(paired.phases)))
    values = {
        measure: (of(paired.reference[name], axis=1), of(paired.motion[name], axis=1))
        for measure, of in MEASURES.items()
    }
    return CycleErrors(
        unit=paired.units[name],
        cycles=len(difference),
        persons=len(set(persons)),
        doubtful=paired.doubtful.get(name, 0),
        phases={part: _phase(difference, where) for part, where in parts.items()},
        agreements={measure: limits_of_agreement(theirs - ours, persons) for measure, (ours, theirs) in values.items()},
        values=values,
        band=mean_band(paired.independent(name)),
    )


def _phase(difference: np.ndarray, where: np.ndarray) -> PhaseErrors:
    bias = np.nanmean(np.where(where, difference, np.nan), axis=1)
    square = np.nanmean(np.where(where, np.square(difference), np.nan), axis=1)
    return PhaseErrors(float(bias.mean()), float(np.sqrt(square.mean())))
