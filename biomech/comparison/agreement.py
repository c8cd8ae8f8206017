"""Bland–Altman limits of agreement between two ways of measuring, with confidence intervals.

Differences of one person are repeated measures: people differ from one another by more than one person's strides do, so
that pooling all strides would make the limits too narrow and far too sure (J. M. Bland, D. G. Altman, "Agreement
between methods of measurement with multiple observations per individual", J Biopharm Stat 17, 2007; the true value
changes from stride to stride). The variance of a single difference is therefore put together of the variance between
people's means and that within people. Confidence intervals of the limits are Zou's (G. Y. Zou, "Confidence interval
estimation for the Bland–Altman limits of agreement with multiple observations per individual", Stat Methods Med Res
22, 2013), with Student's t for the mean, because there are few people as a rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2, norm, t

LEVEL = 0.95  # of the limits: the share of differences between them; and of their confidence intervals
FEWEST = 3  # differences of one person, or people, for limits

Interval = tuple[float, float]
UNKNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Agreement:
    """Of differences, motion less reference, in their unit.

    Attributes:
        count, persons: how many differences, and of how many people. Limits of one person's are of that person alone.
        bias: mean of the people's means, and its confidence interval.
        sd: of a single difference; NaN where there are too few.
        sd_between, sd_within: of people's true means, and of one person's differences; NaN where that is not told.
        lower, upper: the limits, between which 95 % of such differences lie, with their confidence intervals.
    """

    count: int
    persons: int
    bias: float
    bias_interval: Interval
    sd: float
    sd_between: float
    sd_within: float
    lower: float
    lower_interval: Interval
    upper: float
    upper_interval: Interval


def limits_of_agreement(
    differences: Float[np.ndarray, " differences"], persons: Sequence[str] | None = None
) -> Agreement:
    """Bias and limits, by how many people the differences are of.

    Args:
        differences: motion less reference; no NaN; at least one.
        persons: whose each one is; None for one person's, or one of each person.

    Returns:
        Of fewer than three people (or differences of one person) the bias alone.
    """
    values = np.asarray(differences, dtype=float)
    who = np.zeros(len(values), int) if persons is None else np.unique(list(persons), return_inverse=True)[1]
    counts = np.bincount(who)
    people = len(counts)
    if people == 1 or (counts == 1).all():
        within = _spread(values) if people == 1 else np.nan
        return _agreement(values, people, [(np.square(_spread(values)), len(values) - 1)], np.nan, within)
    means = np.bincount(who, values) / counts
    inside = len(values) - people
    within_2 = float(np.square(values - means[who]).sum() / inside)
    between_2 = float(means.var(ddof=1))
    per = float(np.mean(1 / counts))  # one over the harmonic mean of the numbers
    true = float(np.sqrt(max(between_2 - per * within_2, 0.0)))
    parts = [(between_2, people - 1), ((1 - per) * within_2, inside)]
    return _agreement(means, people, parts, true, float(np.sqrt(within_2)), len(values))


def _agreement(
    units: Float[np.ndarray, " units"],
    people: int,
    parts: list[tuple[float, int]],
    between: float,
    within: float,
    count: int | None = None,
) -> Agreement:
    """Of units that are independent of each other, and the parts of a difference's variance with their freedom."""
    n = len(units)
    bias, count = float(units.mean()), n if count is None else count
    if n < FEWEST:
        nan = float("nan")
        return Agreement(count, people, bias, UNKNOWN, nan, between, within, nan, UNKNOWN, nan, UNKNOWN)
    mean_off = float(t.ppf(0.5 + LEVEL / 2, n - 1) * units.std(ddof=1) / np.sqrt(n))
    z = float(norm.ppf(0.5 + LEVEL / 2))
    variance = sum(part for part, _ in parts)
    less, more = (
        np.sqrt(sum((part * (1 - free / chi2.ppf(at, free))) ** 2 for part, free in parts))
        for at in (0.5 + LEVEL / 2, 0.5 - LEVEL / 2)
    )
    sd, least, most = (float(np.sqrt(max(one, 0.0))) for one in (variance, variance - less, variance + more))
    inwards, outwards = (float(np.hypot(mean_off, z * off)) for off in (sd - least, most - sd))
    lower, upper = bias - z * sd, bias + z * sd
    return Agreement(
        count=count,
        persons=people,
        bias=bias,
        bias_interval=(bias - mean_off, bias + mean_off),
        sd=sd,
        sd_between=between,
        sd_within=within,
        lower=lower,
        lower_interval=(lower - outwards, lower + inwards),
        upper=upper,
        upper_interval=(upper - inwards, upper + outwards),
    )


def _spread(values: Float[np.ndarray, " differences"]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")
