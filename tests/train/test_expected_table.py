"""How the table of half widths is made: both sides together, straight necks aside, what held kept."""

import json
from dataclasses import replace

import numpy as np
import pytest

from biomech.coverage import LEVEL, LEVELS
from biomech.errors import BioposeError
from biomech.mesh.expected import FILE, NAMES, half_widths
from biomech.train.expected import MIRRORED, TURNS, Errors, chosen

KNEES = [NAMES.index(f"knee_angle_{side}") for side in "rl"]
NECK = NAMES.index("neck_bending")


def errors(frames: int = 600) -> Errors:
    """Of spreads that are right up to a factor of two; in half of the frames the neck is straight and found so."""
    rng = np.random.default_rng(0)
    sd = rng.uniform(0.01, 0.05, (frames, len(NAMES)))
    error = np.abs(rng.normal(0, 2 * sd))
    counts = np.ones(error.shape, dtype=bool)
    counts[::2, NECK], error[::2, NECK] = False, 0.0
    return Errors(error, sd, counts, np.zeros(frames))


def share(found: Errors, told: dict, coordinate: int, rows: np.ndarray) -> float:
    wide = np.hypot(told["factor"][LEVEL][coordinate] * found.sd[:, coordinate], told["least"][LEVEL][coordinate])
    return float((found.error[:, coordinate] <= wide)[rows].mean())


def test_frames_in_which_the_neck_is_straight_do_not_narrow_it() -> None:
    found = errors()
    told, kept = chosen(found, None)
    assert kept == []
    moves = found.counts[:, NECK]
    assert share(found, told, NECK, moves) == pytest.approx(LEVEL, abs=0.01)
    every, _ = chosen(replace(found, counts=np.ones_like(found.counts)), None)
    assert share(found, every, NECK, moves) < 0.5


def test_left_and_right_have_one_width() -> None:
    found = errors()
    found.error[:, KNEES[0]] *= 2
    told, _ = chosen(found, None)
    assert told["factor"][LEVEL][KNEES[0]] == told["factor"][LEVEL][KNEES[1]]
    both = [share(found, told, k, np.ones(600, bool)) for k in KNEES]
    assert both[0] < LEVEL < both[1] and np.mean(both) == pytest.approx(LEVEL, abs=0.01)


def test_what_holds_is_kept_of_the_table_before() -> None:
    found = errors()
    told, _ = chosen(found, None)
    wide = {
        part: {str(level): dict(zip(NAMES, 1.5 * told[part][level], strict=True)) for level in LEVELS} for part in told
    }
    for part in told:
        wide[part][str(LEVEL)]["neck_bending"] = 0.01
    again, kept = chosen(found, wide)
    assert set(NAMES) - set(kept) == {"neck_bending"}
    assert again["factor"][LEVEL][NECK] == pytest.approx(told["factor"][LEVEL][NECK])
    assert again["least"][0.9][KNEES[0]] == pytest.approx(1.5 * told["least"][0.9][KNEES[0]])


def test_a_coordinate_that_moves_nowhere_is_told() -> None:
    found = errors()
    found.counts[:, NECK] = False
    with pytest.raises(BioposeError, match="neck_bending moves in none"):
        chosen(found, None)


def test_the_table_in_the_package() -> None:
    """Wider levels are wider, both sides alike, and no turn of trunk or neck is surer than a degree."""
    sd = np.radians(np.linspace(0.2, 6, 30))[:, None] * np.ones(len(NAMES))
    by_level = np.array([half_widths(list(NAMES), sd, level) for level in LEVELS])
    assert (np.diff(by_level, axis=0) > 0).all()
    np.testing.assert_array_equal(by_level, by_level[:, :, MIRRORED])
    assert np.degrees(by_level[1][:, [NAMES.index(name) for name in TURNS]]).min() > 0.5
    assert set(json.loads(FILE.read_text())["factor"]) == {str(level) for level in LEVELS}
