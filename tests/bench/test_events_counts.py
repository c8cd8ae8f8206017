"""What is missed and found too much, and what is so at a film's ends alone."""

from typing import Any

import numpy as np

from biomech.bench.events import _counts
from biomech.measures.found import Found, Repetition


class _Course:
    time_s = np.linspace(0.0, 10.0, 301)


def _found(*spans: tuple[str, float, float]) -> Found:
    repetitions = [Repetition(kind, 1, start, (start + end) / 2, end, {}) for kind, start, end in spans]
    courses: dict[str, Any] = {"": _Course()}
    return Found([], repetitions, [], courses, {}, [])


def test_what_hangs_on_a_frame_is_counted_apart() -> None:
    true = _found(("squat", 1.0, 2.0), ("squat", 4.0, 5.0), ("squat", 8.5, 9.95))
    found = _found(("squat", 1.1, 2.1), ("sit_down", 4.0, 5.0), ("squat", 0.05, 0.9))
    assert _counts(found, true) == {
        "true_repetitions": 3,
        "missed_repetitions": 1,
        "false_repetitions": 1,
        "missed_at_the_ends": 1,
        "false_at_the_ends": 1,
    }
