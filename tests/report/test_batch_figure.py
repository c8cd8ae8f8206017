"""Means of a batch: over cycles, by side, without what is not trusted."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from biomech.report.batch_figure import BatchCourse, BatchMeans, _cycle, _windows

TIME = np.arange(0, 4.01, 0.02)


def recording(subject: str, *, late_s: float = 0.0, high: float = 60.0, group: str = "") -> BatchCourse:
    """Knees that bend once a second, and the table of three strides of either side."""
    angles = pd.DataFrame(index=TIME)
    for side, at in (("r", late_s), ("l", late_s + 0.5)):
        angles[f"knee_angle_{side}"] = high / 2 * (1 - np.cos(2 * np.pi * (TIME - at)))
    angles["pelvis_tx"] = TIME
    angles.attrs["units"] = {"knee_angle_r": "deg", "knee_angle_l": "deg", "pelvis_tx": "m"}
    rows = [
        {"activity": "walking", "number": n, "side": side, "start_s": at + n, "end_s": at + n + 1.0, "measure": measure}
        for side, at in (("r", late_s), ("l", late_s + 0.5))
        for n in range(3)
        for measure in ("duration", "speed")
    ]
    rows += [{"activity": "walking", "measure": "speed"}, {"activity": "motion", "number": 1, "start_s": 0.0}]
    rows = [{"trusted_share": 1.0, **row} for row in rows]
    return BatchCourse(subject, group, angles, pd.DataFrame(rows))


def figures_of(recordings: Sequence[BatchCourse]) -> dict[str, Figure]:
    means = BatchMeans((one.group, one.subject) for one in recordings)
    for one in recordings:
        means.add(one)
    return means.figures()


def test_cycles_lie_over_each_other_whenever_they_began() -> None:
    one, other = recording("anna"), recording("anna", late_s=0.3)
    windows = _windows(one)
    assert list(windows) == ["walking"] and len(windows["walking"]) == 6
    first, second = _cycle(one.angles, windows["walking"]), _cycle(other.angles, _windows(other)["walking"])
    assert set(first) == {"knee_angle_r", "knee_angle_l"}
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=0.2)
        assert first[name].argmax() == 50 and first[name].max() == pytest.approx(60, abs=0.1)


def test_what_is_not_trusted_has_no_say() -> None:
    one = recording("anna")
    one.angles.loc[1.0:2.0, "knee_angle_r"] = np.nan  # a whole stride
    one.angles.loc[:, "knee_angle_l"] = np.nan
    course = _cycle(one.angles, _windows(one)["walking"])
    assert course["knee_angle_r"].max() == pytest.approx(60, abs=0.1) and np.isnan(course["knee_angle_l"]).all()


def test_a_figure_for_each_activity_with_subjects_and_groups() -> None:
    trials = [recording("anna", group="a"), recording("bea", group="a", high=50), recording("carl")]
    (figure,) = figures_of(trials).values()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["anna (n = 1)", "bea (n = 1)", "carl (n = 1)", "group a (n = 2)"]
    assert "walking cycle" in figure.axes[-1].get_xlabel()
    still = [one._replace(measures=pd.DataFrame()) for one in trials]
    assert list(figures_of(still)) == ["motion"] and figures_of([]) == {}


def test_the_trunk_is_shown_over_the_right_foots_strides() -> None:
    """What goes right with one foot and left with the other is nothing in the mean of both."""
    one = recording("anna")
    one.angles["pelvis_list"] = 5 * np.cos(2 * np.pi * TIME)
    one.angles.attrs["units"]["pelvis_list"] = "deg"
    course = _cycle(one.angles, _windows(one)["walking"])["pelvis_list"]
    assert course[0] == pytest.approx(5, abs=0.1) and course[50] == pytest.approx(-5, abs=0.1)


def test_doubtful_strides_have_no_say() -> None:
    one = recording("anna")
    table = one.measures.assign(trusted_share=np.where(one.measures["number"] == 1, 0.3, 1.0))
    assert len(_windows(one._replace(measures=table))["walking"]) == 4
