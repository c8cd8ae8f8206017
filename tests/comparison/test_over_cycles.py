"""Squats of which one motion differs from the other by what is known, in one phase, one leg, one person."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from known_motions import known_squats, known_walk

from biomech.comparison.compare import compare
from biomech.comparison.cycle_figures import draw_agreement, draw_differences, main_kind, write_differences
from biomech.comparison.cycle_tables import cycle_tables, cycles_csv, cycles_json
from biomech.comparison.over_cycles import Compared, MethodCycles, over_cycles
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion

BOTTOMS_S = [2.0, 4.5, 7.0, 9.5, 12.0, 14.5]
SHOWN = ["pelvis_ty", "hip_flexion_r", "knee_angle_r", "knee_angle_l", "ankle_angle_r"]


def changed(motion: Kinematics, name: str = "other.mot", until_s: float = np.inf, **added_deg) -> ReadMotion:
    """Something added to coordinates, and only some of the coordinates, until a time."""
    values = motion.values.copy()
    for coordinate, course in added_deg.items():
        values[:, motion.names.index(coordinate)] += np.deg2rad(course)
    columns, rows = [motion.names.index(one) for one in SHOWN], motion.time_s <= until_s
    chosen = Kinematics(SHOWN, values[np.ix_(rows, columns)], motion.time_s[rows], motion.rotational[columns])
    return ReadMotion(Path(name), chosen)


@pytest.fixture(scope="module")
def squats() -> Kinematics:
    return known_squats(BOTTOMS_S, seconds=17.0)


@pytest.fixture(scope="module")
def methods(squats: Kinematics) -> list[MethodCycles]:
    """The right knee 3° more everywhere; the right hip 5° more on the way down; the second ends after four squats."""
    reference = ReadMotion(Path("mocap.mot"), squats)
    down = sum(((squats.time_s > at - 0.9) & (squats.time_s < at)).astype(float) for at in BOTTOMS_S)
    noise = np.random.default_rng(0).normal(0, 0.3, len(squats.time_s))
    first = changed(squats, "down.mot", knee_angle_r=3.0, hip_flexion_r=5.0 * down + noise)
    second = changed(squats, "short.mot", until_s=11.2, ankle_angle_r=-2.0)
    found, notes = over_cycles([Compared(compare(reference, one), one.path.name) for one in (first, second)])
    assert notes == [
        "mocap.mot: no model is beside the reference: its events are found on a skeleton of average size",
        "mocap.mot: reference: found: 6 squats",
    ]
    return found


def test_what_differs_is_told_where_it_does(methods: list[MethodCycles]) -> None:
    first, _ = methods
    assert (first.method, first.kind, first.said) == ("down.mot", "squat", "6 squats")
    knee = first.errors["knee_angle_r"]
    for part in ("cycle", "descent", "ascent"):
        assert (knee.phases[part].bias, knee.phases[part].rmse) == pytest.approx((3, 3))
    assert knee.band.spans == [(0, 100)] and knee.band.p_value == pytest.approx(1 / 32)
    assert knee.agreements["max"].bias == pytest.approx(3) and knee.agreements["range"].bias == pytest.approx(
        0, abs=1e-9
    )
    assert knee.agreements["max"].lower_interval == pytest.approx((3, 3))
    hip = first.errors["hip_flexion_r"]
    assert hip.phases["descent"].bias == pytest.approx(5, abs=0.3) and hip.phases["ascent"].bias == pytest.approx(
        0, abs=0.3
    )
    ways = hip.band.differs
    assert ways[5:45].all() and ways[56:].mean() < 0.1
    still = first.errors["knee_angle_l"]
    assert still.phases["cycle"].rmse < 1e-9 and still.band.spans == [] and still.band.p_value == 1
    assert first.errors["pelvis_ty"].unit == "mm"


def test_squats_outside_the_motion_are_left_out(methods: list[MethodCycles]) -> None:
    second = methods[1]
    ankle = second.errors["ankle_angle_r"]
    assert ankle.cycles == 4 and np.isnan(ankle.band.p_value) and ankle.phases["cycle"].bias == pytest.approx(-2)
    said = " ".join(second.notes)
    assert (
        "2 squats lie outside this motion" in said and "4 squats: bands and p need 5" in said and "one person" in said
    )


def test_two_squats_give_no_rows_of_dashes() -> None:
    squats = known_squats([2.0, 5.0], seconds=7.0)
    reference = ReadMotion(Path("mocap.mot"), squats)
    found, _ = over_cycles([Compared(compare(reference, changed(squats, "two.mot", knee_angle_r=3.0)), "two.mot")])
    assert "2 squats are too few for limits of agreement (3) and for p (5)" in found[0].notes
    ((title, headings, (rows,)),) = cycle_tables(found, "max")
    assert title == "two.mot: 2 squats: by phase" and headings[-1] == "at %" and "–" not in {c for r in rows for c in r}


def test_tables_csv_and_json_say_the_same(methods: list[MethodCycles]) -> None:
    (_, headings, (rows,)), (title, _, (limits,)), *_ = cycle_tables(methods, "max")
    knee = dict(zip(headings, next(row for row in rows if row[0] == "knee_angle_r"), strict=True))
    assert (knee["descent bias"], knee["ascent RMSE"], knee["p"], knee["differs at %"]) == (
        "3.0",
        "3.0",
        "0.031",
        "0–100",
    )
    assert "the max" in title and next(row for row in limits if row[0] == "knee_angle_r")[3] == "3.0"
    told = cycles_json(methods, ["a note"])
    of_knee = told["methods"][0]["coordinates"]["knee_angle_r"]
    assert of_knee["phases"]["descent"]["bias"] == pytest.approx(3) and len(of_knee["mean_difference"]) == 101
    assert told["methods"][1]["coordinates"]["ankle_angle_r"]["p"] is None and told["notes"] == ["a note"]
    lines = [line.split(",") for line in cycles_csv(methods).splitlines()]
    assert ["down.mot", "squat", "knee_angle_r", "descent", "bias", "3", "deg"] in lines
    assert all(len(line) == 7 for line in lines) and not any("nan" in line for line in lines)


def test_the_figures(methods: list[MethodCycles], tmp_path: Path) -> None:
    shown, left_out = main_kind(methods)
    assert len(shown) == 2 and left_out == []
    for figure in (draw_differences(shown), draw_agreement(shown, "range")):
        panels = [panel for panel in figure.axes if panel.get_visible()]
        assert sorted(panel.get_title().split()[0] for panel in panels) == sorted(SHOWN)
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert labels[:2] == ["down.mot", "short.mot"]
        assert any("(%)" in panel.get_xlabel() or "(°)" in panel.get_xlabel() for panel in panels)
    write_differences(shown, tmp_path / "a.svg")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_people_are_told_from_cycles(squats: Kinematics) -> None:
    """Six squats of each of five people whose knees differ by 1 to 5°: five independent differences."""
    each = []
    for person in range(5):
        reference = ReadMotion(Path(f"mocap{person}.mot"), squats)
        other = compare(reference, changed(squats, knee_angle_r=1.0 + person))
        each.append(Compared(other, "phone", f"person {person}"))
    (one,), _ = over_cycles(each)
    knee = one.errors["knee_angle_r"]
    assert (knee.cycles, knee.persons, knee.band.count) == (30, 5, 5) and one.said == "30 squats of 5 people"
    told = knee.agreements["mean"]
    assert told.bias == pytest.approx(3) and told.sd == pytest.approx(np.std([1, 2, 3, 4, 5], ddof=1))
    assert told.sd_within == pytest.approx(0, abs=1e-6) and not any("one person" in note for note in one.notes)


def test_a_walk_has_stance_and_swing_of_each_side() -> None:
    motion, _ = known_walk(1.3, seconds=8.0)
    values = motion.values.copy()
    values[:, motion.names.index("knee_angle_l")] += np.deg2rad(4)
    other = ReadMotion(Path("other.mot"), Kinematics(motion.names, values, motion.time_s, motion.rotational))
    (one,), _ = over_cycles([Compared(compare(ReadMotion(Path("ours.mot"), motion), other), "other")])
    assert one.kind == "walking" and one.paired.phases == ("stance", "swing")
    left, right = one.errors["knee_angle_l"], one.errors["knee_angle_r"]
    assert left.phases["stance"].bias == pytest.approx(4) and left.phases["swing"].bias == pytest.approx(4)
    assert right.phases["cycle"].rmse == pytest.approx(0, abs=1e-9)
    assert 55 < one.paired.splits["knee_angle_l"].mean() < 68


def test_where_nothing_is_done_there_are_no_cycles(squats: Kinematics) -> None:
    still = Kinematics(squats.names, np.tile(squats.values[:1], (200, 1)), np.arange(200) / 60, squats.rotational)
    reference = ReadMotion(Path("still.mot"), still)
    with pytest.raises(BioposeError, match="shows no stride, squat"):
        over_cycles([Compared(compare(reference, reference), "other")])
