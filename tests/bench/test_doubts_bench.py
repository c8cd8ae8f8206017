"""The table of doubts: other poses than the bench reports, and a regression that finds what it is given."""

import numpy as np
import pytest

from biomech.bench import doubts
from biomech.bench.doubts import Judged
from biomech.bench.hard_poses import POSES
from biomech.coverage import LEVEL
from biomech.labels.library.skeleton import limits_rad, names
from biomech.mesh import expected
from biomech.mesh.doubt import SIGNALS


def test_no_pose_is_one_of_the_reported() -> None:
    assert not set(doubts.OTHERS) & set(POSES)
    assert not [name for name, table in doubts.OTHERS.items() if table in POSES.values()]


def test_mixtures_name_coordinates_and_are_the_same_each_time() -> None:
    one = doubts.mixture(3)
    assert one == doubts.mixture(3) != doubts.mixture(4)
    assert set(one) <= set(names()) <= set(limits_rad())


def test_the_regression_finds_what_is_wrong() -> None:
    rng = np.random.default_rng(1)

    def clip(group: str, shift: float) -> Judged:
        signals = rng.standard_normal((200, len(SIGNALS)))
        signals[:, 0] += shift
        wrong = (signals[:, 0] > 3.0) & (group != "ordinary")
        return Judged(group, signals, wrong, np.ones(200, bool), 1.0)

    hard, ordinary = [clip("one", 3.0), clip("two", 3.0)], [clip("ordinary", 0.0)]
    table = doubts._regression([*hard, *ordinary])
    assert np.abs(table[2]).argmax() == 0 and table[2][0] > 1
    assert doubts._odds(ordinary[0], table).mean() < doubts._odds(hard[0], table).mean()
    assert doubts._beyond(ordinary, table, np.inf) == 0


def test_widths_are_widened_until_the_level_is_reached() -> None:
    table = (np.zeros(len(SIGNALS)), np.ones(len(SIGNALS)), np.zeros(len(SIGNALS)), 1.0)
    times = np.tile(np.linspace(0.1, 4, 200)[:, None], (1, len(expected.NAMES)))
    times[:, 0] = np.nan
    one = Judged("one", np.zeros((200, len(SIGNALS))), *[np.ones(200, bool)] * 2, 1.0, 0, times)
    widen = doubts._widening([one], table, 0.0)
    assert widen[0] == 1 and doubts._within(one, widen) == pytest.approx(LEVEL, abs=0.01)
