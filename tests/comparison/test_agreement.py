"""Limits of agreement: textbook figures, several differences of a person, and intervals that hold what they say."""

import numpy as np
import pytest
from scipy.stats import norm

from biomech.comparison.agreement import limits_of_agreement

Z = norm.ppf(0.975)


def drawn(
    rng: np.random.Generator, people: int, each: int, between: float, within: float
) -> tuple[np.ndarray, list[str]]:
    """Differences with a bias of 2."""
    means = 2 + between * rng.standard_normal(people)
    counts = rng.integers(max(1, each - 2), each + 3, people)
    persons = np.repeat(np.arange(people), counts)
    return means[persons] + within * rng.standard_normal(len(persons)), [str(one) for one in persons]


def test_one_difference_of_each_person() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 10.0])
    told = limits_of_agreement(values, list("abcde"))
    assert (told.count, told.persons) == (5, 5) and told.bias == 4 and told.sd == pytest.approx(values.std(ddof=1))
    assert told.upper == pytest.approx(4 + Z * told.sd) and told.lower == pytest.approx(4 - Z * told.sd)
    assert told.bias_interval[1] - 4 == pytest.approx(2.776 * told.sd / np.sqrt(5), rel=1e-3)
    # Of five the limits themselves are hardly known, outwards less than inwards.
    assert told.upper_interval[1] - told.upper > told.upper - told.upper_interval[0] > 0
    assert told.lower_interval == pytest.approx((8 - told.upper_interval[1], 8 - told.upper_interval[0]))


def test_several_differences_of_a_person_by_hand() -> None:
    """Two people, two differences each, and a third: variances as an analysis of variance has them."""
    told = limits_of_agreement(np.array([0.0, 2.0, 4.0, 6.0, 9.0, 9.0]), list("aabbcc"))
    assert told.bias == 5 and told.sd_within == pytest.approx(np.sqrt(4 / 3))
    between = np.var([1, 5, 9], ddof=1) - (4 / 3) / 2
    assert told.sd_between == pytest.approx(np.sqrt(between))
    assert told.sd == pytest.approx(np.sqrt(between + 4 / 3))


def test_one_person_and_too_few() -> None:
    told = limits_of_agreement(np.array([1.0, 2.0, 4.0]))
    assert told.persons == 1 and told.sd_within == told.sd and np.isnan(told.sd_between)
    few = limits_of_agreement(np.array([1.0, 2.0, 5.0, 6.0]), list("aabb"))  # of two people nothing is known of others
    assert few.bias == 3.5 and np.isnan([few.sd, few.lower, *few.upper_interval]).all()


def test_pooling_strides_would_be_too_sure() -> None:
    """Where people differ: the same numbers, taken for so many people, give limits that are far too sure."""
    values, persons = drawn(np.random.default_rng(1), 6, 20, 3.0, 1.0)
    right, pooled = (limits_of_agreement(values, who) for who in (persons, None))
    widths = [told.upper_interval[1] - told.upper_interval[0] for told in (right, pooled)]
    assert widths[0] > 3 * widths[1]


@pytest.mark.parametrize(("people", "each"), [(8, 1), (8, 5), (1, 10)])
def test_the_intervals_hold_the_true_limit(people: int, each: int) -> None:
    rng, hits = np.random.default_rng(2), []
    for _ in range(250):
        if people == 1:
            told, spread = limits_of_agreement(2 + rng.standard_normal(each)), 1.0
        elif each == 1:
            told = limits_of_agreement(2 + 2 * rng.standard_normal(people), [str(k) for k in range(people)])
            spread = 2.0
        else:
            told, spread = limits_of_agreement(*drawn(rng, people, each, 2.0, 1.0)), np.sqrt(5)
        truth = 2 + Z * spread
        hits.append(
            (
                told.upper_interval[0] <= truth <= told.upper_interval[1],
                told.bias_interval[0] <= 2 <= told.bias_interval[1],
            )
        )
    assert (np.mean(hits, axis=0) > 0.91).all()
