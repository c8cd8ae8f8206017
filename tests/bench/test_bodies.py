"""The bench of bodies that the model does not have: the same person in each, and rows that count what is told."""

from pathlib import Path

import numpy as np

from biomech.bench.bodies import _row
from biomech.bench.drawn_bodies import VIEWS, coordinates, moving, odd_people
from biomech.bench.failures import WAY_M
from biomech.train.synthetic.odd_people import KINDS


def test_every_kind_is_the_same_person_in_the_same_motion(tmp_path: Path) -> None:
    wanted = odd_people(tmp_path, list(KINDS), count=2, seed=5)
    assert len({one.name for one in wanted}) == 2 * len(KINDS) * len(VIEWS)
    first = {(one.activity, one.view): one for one in wanted if one.person == 0}
    ordinary, forearm = first["ordinary", "front"], first["no forearm", "side"]
    assert np.array_equal(coordinates(ordinary).values, coordinates(forearm).values)
    truth = coordinates(ordinary)
    assert np.array_equal(moving(ordinary, truth).shape, moving(forearm, truth).shape)
    seat = first["wheelchair", "side"]
    way = moving(seat, coordinates(seat)).root_position_m
    assert np.isclose(np.ptp(way[:, 0]), WAY_M) and np.allclose(np.ptp(way[:, 1:], axis=0), 0)


def test_a_row_counts_what_ought_to_be_told() -> None:
    told = [{"told": {"short": 1.0}, "knee_mae_deg": 2.0}, {"told": {"child": 1.0}, "knee_mae_deg": 4.0}, {}]
    row = _row("no forearm, front", told)
    assert (row["clips"], row["seen"], row["detected"], row["others"], row["which"]) == (3, 2, 1, 1, "child")
    assert row["knee_mae_deg"] == 3.0 and _row("ordinary, side", told)["detected"] is None
