"""Drawn people are built as measured ones."""

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.labels.people import random_person, seeded
from biomech.scaling.proportions import LENGTHS, body_lengths, people


def test_their_lengths_and_statures_are_those_of_the_survey() -> None:
    drawn = [random_person(seeded("person", i), "male") for i in range(6)]
    men = people("male").given()
    logs = body_lengths().log(np.stack([p.shape for p in drawn]))
    off = logs - np.array([men.at(p.stature_m) for p in drawn])
    spread = np.sqrt(np.diag(men.covariance))
    meant = np.hypot(spread, list(LENGTHS.values()))  # what a length is on the body is uncertain too
    assert (np.abs(off.mean(0)) < 1.2 * meant).all()
    assert 0.4 < np.median(off[:, :2].std(0) / spread[:2]) < 1.8
    assert np.mean([p.stature_m for p in drawn]) == pytest.approx(men.stature_m, abs=0.08)
    assert all(40 < p.mass_kg < 140 and p.sex == "male" for p in drawn)


def test_the_same_seed_is_the_same_person_of_either_sex() -> None:
    one, again = random_person(seeded("p", 1)), random_person(seeded("p", 1))
    np.testing.assert_array_equal(one.shape, again.shape)
    assert {random_person(seeded("q", i)).sex for i in range(4)} == {"female", "male"}
    with pytest.raises(BioposeError):
        random_person(seeded("p", 1), "neither")
