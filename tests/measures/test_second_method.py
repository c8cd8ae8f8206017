"""The second method's time of a gait event: told where it is one event's, not where chance would choose."""

import numpy as np
import pytest

from biomech.measures.gait import _the_same

SPAN_S = (0.0, 3.0)


@pytest.mark.parametrize(
    ("others_s", "told"),
    [
        ([0.4, 1.05, 1.9], 1.05),
        ([0.87, 1.13], np.nan),  # the toe is raised: two falls about one strike
        ([0.78, 1.1], 1.1),
        ([0.82, 1.1], np.nan),
        ([1.2], np.nan),
        ([], np.nan),
    ],
)
def test_it_is_told_where_it_is_clearly_the_same_event(others_s: list[float], told: float) -> None:
    assert _the_same(1.0, np.array(others_s), SPAN_S) == pytest.approx(told, nan_ok=True)


def test_a_second_one_may_lie_outside_the_motion() -> None:
    assert np.isnan(_the_same(2.85, np.array([2.72]), SPAN_S))
    assert _the_same(2.85, np.array([2.8]), SPAN_S) == 2.8
