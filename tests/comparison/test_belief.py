"""What a run does not trust of its motion, in its comparisons: known errors lie in known stretches."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from known_motions import known_squats

import biomech
from biomech.comparison.belief import read_believing
from biomech.comparison.compare import Comparison, compare
from biomech.comparison.curves import draw_curves
from biomech.comparison.cycle_tables import cycles_csv, cycles_json
from biomech.comparison.drawing import grid, room_above
from biomech.comparison.over_cycles import Compared, over_cycles
from biomech.comparison.overview import overview
from biomech.comparison.pairing import MotionPair
from biomech.comparison.presets import preset_figures
from biomech.comparison.tables import as_csv, as_json, tables
from biomech.errors import BioposeError
from biomech.inverse_kinematics.tidy import tidy_table
from biomech.inverse_kinematics.trusted import Trusted, table_beside
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.kinematics.recognise import ReadMotion, recognise_motion

BOTTOMS_S = [2.0, 4.5, 7.0, 9.5, 12.0, 14.5]
NAMES = ["pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_tz", "knee_angle_r", "ankle_angle_r"]
BADLY = "quality below 0.5"


def walked(seconds: float = 4.0, shift_s: float = 0.0) -> Kinematics:
    """Somebody who never moves twice alike, at 50 Hz."""
    t = np.arange(round(50 * seconds) + 1) / 50
    at = t + shift_s
    columns = [0.2 + 0.05 * np.sin(7 * at), 0.08 * np.cos(6 * at), 0.4 * np.sin(0.9 * at), 1.2 * at]
    columns += [0.3 * np.sin(0.8 * at), 0.6 + 0.4 * np.sin(6 * at + 0.5 * at**2), 0.2 * np.cos(5 * at + 0.3 * at**2)]
    rotational = np.array([not name.startswith("pelvis_t") or name == "pelvis_tilt" for name in NAMES])
    return Kinematics(NAMES, np.stack(columns, 1), t, rotational)


def added(motion: Kinematics, where: np.ndarray | slice, **degrees: float) -> Kinematics:
    values = motion.values.copy()
    for name, course in degrees.items():
        values[where, motion.names.index(name)] += np.deg2rad(course)
    return replace(motion, values=values)


def doubting(motion: Kinematics, where: np.ndarray, left_open: str = "") -> Trusted:
    return Trusted(motion.time_s, [BADLY if bad else "" for bad in where], [left_open] * len(where))


def of_run(motion: Kinematics, where: np.ndarray, left_open: str = "", name: str = "run_fast.mot") -> ReadMotion:
    trusted = doubting(motion, where, left_open)
    return ReadMotion(Path(name), motion, believed=trusted.values(motion.names))


def written(folder: Path, motion: Kinematics, where: np.ndarray, left_open: str = "") -> Path:
    """As a run leaves them: walk_fast.mot and walk_quality.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    write_mot(motion, folder / "walk_fast.mot")
    one, bad = np.ones(len(where)), np.asarray(where)
    reasons = np.where(bad, BADLY, "")
    columns = {"time": motion.time_s, "quality": one, "marker_rms_mm": one, "marker_max_mm": one}
    columns |= {"trusted": (~bad).astype(int), "reason": reasons, "not_determined": [left_open] * len(bad)}
    pd.DataFrame(columns).to_csv(folder / "walk_quality.csv", index=False)
    return folder / "walk_fast.mot"


@pytest.fixture
def late() -> np.ndarray:
    """A quarter of the walk, in its middle."""
    t = walked().time_s
    return (t > 1.99) & (t < 2.99)


@pytest.fixture
def truth() -> ReadMotion:
    return ReadMotion(Path("mocap.mot"), walked())


def test_what_is_not_trusted_counts_in_no_figure(truth: ReadMotion, late: np.ndarray) -> None:
    moved = added(added(walked(), late, knee_angle_r=40.0), slice(None), knee_angle_r=3.0)
    found = compare(truth, of_run(moved, late))
    knee = found.errors["knee_angle_r"]
    assert (knee.mae, knee.max, knee.bias) == pytest.approx((3, 3, 3))
    share = 1 - late.mean()
    assert knee.trusted_share == found.trusted_share == pytest.approx(share)
    assert found.compared_s[2] == (~late).sum()
    assert f"{late.mean():.0%} of the values are not trusted by the run of this motion; left out" in found.notes
    assert found.curves.column("knee_angle_r")[late] == pytest.approx(moved.column("knee_angle_r")[late])
    kept = compare(truth, of_run(moved, late), untrusted="keep")
    assert kept.errors["knee_angle_r"].max == pytest.approx(43) and kept.trusted_share == pytest.approx(share)
    assert any(note.endswith("counted all the same") for note in kept.notes)
    plain = compare(truth, ReadMotion(Path("run_fast.mot"), moved))
    without = {name: replace(errors, trusted_share=np.nan) for name, errors in kept.errors.items()}
    assert repr(plain.errors) == repr(without)
    assert np.isnan(plain.trusted_share) and "trusted" not in " ".join(plain.notes)


def test_a_reference_of_a_run_is_judged_too(truth: ReadMotion, late: np.ndarray) -> None:
    wrong = added(walked(), late, knee_angle_r=40.0)
    found = compare(of_run(wrong, late, name="first_fast.mot"), truth)
    assert found.errors["knee_angle_r"].max == pytest.approx(0, abs=1e-9)
    assert any("by the run of the reference; left out" in note for note in found.notes)
    early = np.roll(late, -60)
    both = compare(of_run(wrong, late), of_run(walked(), early))
    assert both.trusted_share == pytest.approx(1 - (late | early).mean())
    assert any("by the run of the reference and this motion" in note for note in both.notes)


def test_between_frames_both_neighbours_must_be_trusted(late: np.ndarray) -> None:
    t = walked().time_s[:-1] + 0.01
    between = replace(walked(), values=walked().values[:-1], time_s=t)
    found = compare(ReadMotion(Path("mocap.mot"), between), of_run(walked(), late))
    assert (~found.believed[:, 0]).sum() == late.sum() + 1


def test_a_coordinate_that_is_nowhere_trusted_is_named(truth: ReadMotion, late: np.ndarray) -> None:
    found = compare(truth, of_run(walked(), late, "ankle_angle_r"))
    assert "ankle_angle_r" not in found.errors and "knee_angle_r" in found.errors
    assert "nowhere trusted, so without a figure: ankle_angle_r" in found.notes
    (said,) = [note for note in found.notes if "by the run of" in note]
    shares = [1 - one.trusted_share for one in found.errors.values()]
    part = "all" if not any(shares) else f"{1 / (1 + sum(shares)):.0%}"
    assert said.endswith(f"; {part} of these belong to coordinates that are trusted nowhere and have no figures")
    assert "ankle" not in found.groups
    with pytest.raises(BioposeError, match="nothing in the time that both have is trusted") as refused:
        compare(truth, of_run(walked(), np.ones_like(late)))
    assert "`untrusted=keep`" in str(refused.value.mend)
    with pytest.raises(BioposeError, match="`untrusted=drop` is no way"):
        compare(truth, truth, untrusted="drop")


def test_nothing_is_aligned_by_what_is_not_trusted(truth: ReadMotion, late: np.ndarray) -> None:
    whirled = added(added(walked(), late, pelvis_rotation=90.0, pelvis_tilt=30.0), slice(None), pelvis_rotation=0.0)
    found = compare(truth, of_run(whirled, late), heading=True)
    assert found.heading is not None and found.heading.turn_rad == pytest.approx(0, abs=1e-9)
    assert found.errors["pelvis_rotation"].max < 1e-6
    away = walked(shift_s=0.4)
    disturbed = replace(
        away, values=np.where(late[:, None], np.random.default_rng(0).normal(size=(201, 7)), away.values)
    )
    found = compare(truth, of_run(disturbed, late), time=True)
    assert found.time_shift is not None and found.time_shift.shift_s == pytest.approx(0.4, abs=0.005)
    with pytest.raises(BioposeError, match="at no time is the pelvis's turn known in both"):
        compare(truth, of_run(walked(), late, "pelvis_rotation"), heading=True)
    open_tilt = compare(truth, of_run(walked(), late, "pelvis_tx"), heading=True)
    assert "pelvis_tz" not in open_tilt.errors and open_tilt.heading is not None and not open_tilt.heading.offset_m


def test_tables_beside_a_motion(tmp_path: Path, late: np.ndarray) -> None:
    motion = written(tmp_path, walked(), late, "ankle_angle_r")
    believed = read_believing(motion).believed
    assert believed is not None and (~believed[:, 5]).sum() == late.sum() and not believed[:, 6].any()
    (tmp_path / "walk_quality.csv").unlink()
    told = tidy_table(
        NAMES, walked().rotational, walked().time_s, walked().values, walked().values, believed, [""] * 201
    )
    told.to_csv(tmp_path / "walk_angles.csv", index=False)
    np.testing.assert_array_equal(read_believing(motion).believed, believed)
    told[told["coordinate"] != "ankle_angle_r"].to_csv(tmp_path / "walk_angles.csv", index=False)
    assert read_believing(motion).notes == ["walk_angles.csv says nothing of ankle_angle_r; taken as trusted"]
    told.assign(trusted=None).to_csv(tmp_path / "walk_angles.csv", index=False)
    assert read_believing(motion).believed is None
    (tmp_path / "walk_angles.csv").unlink()
    assert read_believing(motion).believed is None


def test_whose_a_table_is(tmp_path: Path) -> None:
    for name in ("walk_fast.mot", "walk_neural.mot", "walk.mot", "walk_2.mot", "walk_quality.csv"):
        (tmp_path / name).write_text("")
    run = tmp_path / "walk_quality.csv"
    (tmp_path / "walk_neural_quality.csv").write_text("")
    assert table_beside(tmp_path / "walk_fast.mot") == run
    assert table_beside(tmp_path / "walk_neural.mot") == tmp_path / "walk_neural_quality.csv"
    assert table_beside(tmp_path / "walk.mot") is None and table_beside(tmp_path / "walk_2.mot") is None
    (tmp_path / "walk_fast.mot").unlink()
    assert table_beside(tmp_path / "walk.mot") == run


@pytest.mark.parametrize("how", ["cut", "another's", "no table"])
def test_tables_that_do_not_fit(tmp_path: Path, truth: ReadMotion, late: np.ndarray, how: str) -> None:
    motion = written(tmp_path, walked(), late)
    table = tmp_path / "walk_quality.csv"
    if how == "cut":
        pd.read_csv(table, keep_default_na=False)[:100].to_csv(table, index=False)
    elif how == "another's":
        pd.read_csv(table, keep_default_na=False).assign(time=walked().time_s + 7).to_csv(table, index=False)
    else:
        table.write_text("nothing\n")
    with pytest.raises(BioposeError) as refused:
        read_believing(motion)
    assert refused.value.where == str(table) and "`untrusted=keep`" in str(refused.value.mend)
    kept = read_believing(motion, "keep")
    assert kept.believed is None and kept.notes[-1].startswith("what its run trusts is not known: walk_quality.csv")
    assert repr(compare(truth, kept).errors) == repr(compare(truth, recognise_motion(motion)).errors)


@pytest.fixture(scope="module")
def squats() -> tuple[ReadMotion, Kinematics]:
    """Six, and a motion of them whose right knee is 30° off in the third, and 2° in the others."""
    whole = known_squats(BOTTOMS_S, seconds=17.0)
    columns = [whole.names.index(name) for name in ("pelvis_ty", "knee_angle_r", "ankle_angle_r")]
    moved = added(added(whole, np.abs(whole.time_s - 7.0) < 1.0, knee_angle_r=28.0), slice(None), knee_angle_r=2.0)
    shown = [whole.names[k] for k in columns]
    chosen = Kinematics(shown, moved.values[:, columns], whole.time_s, whole.rotational[columns])
    return ReadMotion(Path("mocap.mot"), whole), chosen


def test_a_squat_that_is_mostly_not_trusted_is_in_no_mean(squats: tuple[ReadMotion, Kinematics]) -> None:
    reference, moved = squats
    third = np.abs(moved.time_s - 7.0) < 0.9  # most of it, and a corner of the others
    corner = np.abs(moved.time_s - 2.0) < 0.2
    (one,), _ = over_cycles([Compared(compare(reference, of_run(moved, third | corner)), "film")])
    knee = one.errors["knee_angle_r"]
    assert (knee.cycles, knee.doubtful) == (5, 1) and knee.phases["cycle"].rmse == pytest.approx(2)
    assert "1 squats are mostly not trusted; in no mean" in one.notes
    told = cycles_json([one], [])["methods"][0]["coordinates"]["knee_angle_r"]
    assert told["mostly_untrusted"] == 1 and "film,squat,knee_angle_r,cycle,mostly_untrusted,1," in cycles_csv([one])
    (kept,), _ = over_cycles([Compared(compare(reference, of_run(moved, third), untrusted="keep"), "film")])
    assert (kept.errors["knee_angle_r"].cycles, kept.errors["knee_angle_r"].doubtful) == (6, 0)
    assert "mostly_untrusted,1" not in cycles_csv([kept])


def test_squats_of_which_nothing_is_trusted_are_told(squats: tuple[ReadMotion, Kinematics]) -> None:
    reference, moved = squats
    during = np.any([np.abs(moved.time_s - at) < 1.0 for at in BOTTOMS_S], axis=0)
    doubted = of_run(moved, during, name="bad.mot")
    with pytest.raises(BioposeError, match="most of every stride and repetition is not trusted") as refused:
        over_cycles([Compared(compare(reference, doubted), "bad")])
    assert refused.value.where == "bad.mot" and "`untrusted=keep`" in str(refused.value.mend)
    good = of_run(moved, np.zeros_like(during), name="good.mot")
    methods, notes = over_cycles([Compared(compare(reference, one), one.path.stem) for one in (doubted, good)])
    assert [one.method for one in methods] == ["good"]
    assert "bad: its squats are mostly not trusted, and count in no figure" in notes
    open_knee = of_run(moved, during & False)
    believed = np.ones(moved.values.shape, dtype=bool)
    believed[during, 1] = False
    (one,), _ = over_cycles([Compared(compare(reference, replace(open_knee, believed=believed)), "film")])
    assert "knee_angle_r" not in one.errors and one.errors["ankle_angle_r"].cycles == 6
    assert "mostly not trusted in each of them, so without a figure: knee_angle_r" in one.notes


def test_tables_and_figures_say_it(truth: ReadMotion, late: np.ndarray) -> None:
    run = compare(truth, of_run(added(walked(), late, knee_angle_r=40.0), late, "ankle_angle_r"))
    plain = compare(truth, ReadMotion(Path("other.mot"), walked()))
    (_, headings, sections), (_, without, _) = tables([run, plain])
    assert (
        headings[-1] == "trusted (%)"
        and {row[-1] for row in sections[0]} == {"75"}
        and len(without) == len(headings) - 1
    )
    told = as_json([run, plain])["motions"]
    assert told[0]["untrusted"] == "omit" and told[0]["coordinates"]["knee_angle_r"]["trusted_share"] == pytest.approx(
        1 - late.mean()
    )
    assert told[1]["trusted_share"] is None and told[1]["coordinates"]["knee_angle_r"]["trusted_share"] is None
    assert "trusted_share" in as_csv([run]) and "trusted" not in as_csv([plain])
    pairs = [MotionPair(Path("mocap.mot"), one.motion.path, one.motion.path.stem) for one in (run, plain)]
    ((_, headings, sections),) = overview([run, plain], pairs)
    assert headings[-2:] == ["trusted (%) run_fast", "trusted (%) other"] and sections[0][0][-2:] == ["75", "–"]
    assert all(len(row) == len(headings) for section in sections for row in section)


def shaded(comparisons: list[Comparison]) -> tuple[dict[str, int], list[str]]:
    """How many bands each panel has, and the legend."""
    figure = draw_curves(comparisons)
    panels = {panel.get_title().split()[0]: len(panel.patches) for panel in figure.axes if panel.get_visible()}
    return panels, [text.get_text() for text in figure.legends[0].get_texts()]


def test_curves_show_what_is_not_trusted(truth: ReadMotion, late: np.ndarray) -> None:
    run = compare(truth, of_run(walked(), late, "ankle_angle_r"))
    panels, legend = shaded([run])
    assert panels == dict.fromkeys(NAMES, 1) and legend == ["mocap.mot", "run_fast.mot", "not trusted"]
    plain = compare(truth, ReadMotion(Path("other.mot"), walked()))
    assert shaded([plain]) == (dict.fromkeys(NAMES, 0), ["mocap.mot", "other.mot"])
    panels, legend = shaded([plain, run])
    assert panels["knee_angle_r"] == 1 and legend[-1] == "not trusted: run_fast.mot"
    knee = next(panel for panel in draw_curves([run]).axes if panel.get_title().startswith("knee_angle_r"))
    line = np.asarray(knee.lines[1].get_ydata(), dtype=float)
    assert np.isfinite(line).all() and len(line) == len(walked().time_s)


def test_presets_follow_what_they_are_asked_of(truth: ReadMotion, late: np.ndarray) -> None:
    twisted = of_run(added(walked(), late, pelvis_rotation=40.0), late)
    omitted, kept = (
        preset_figures("opencapbench", compare(truth, twisted, untrusted=untrusted)) for untrusted in ("omit", "keep")
    )
    assert (omitted.shifted or {})["pelvis_rotation"] < 0.1 and (kept.shifted or {})["pelvis_rotation"] > 10


def test_in_python(tmp_path: Path, late: np.ndarray) -> None:
    wrong = added(walked(), late, knee_angle_r=40.0)
    motion = written(tmp_path, wrong, late)
    solved = SimpleNamespace(kinematics=wrong, trusted=doubting(wrong, late))
    for given in (motion, str(motion), solved):
        assert biomech.compare(walked(), given).errors["knee_angle_r"].max < 0.01
        assert biomech.compare(walked(), given, untrusted="keep").errors["knee_angle_r"].max > 39
    assert biomech.compare(walked(), wrong).errors["knee_angle_r"].max > 39
    with pytest.raises(BioposeError, match="is no way to take"):
        biomech.compare(walked(), motion, untrusted="all")


def test_a_long_legend_has_room_above_the_panels() -> None:
    figure, panels = grid(["knee_angle_r", "knee_angle_l"], "time (s)")
    before = figure.get_size_inches()[1]
    feet = [before * panel.get_position().height for panel in panels.values()]
    room_above(figure, -0.2)
    room_above(figure, 0.44)
    height = figure.get_size_inches()[1]
    assert height == pytest.approx(before + 0.44)
    assert [height * panel.get_position().height for panel in panels.values()] == pytest.approx(feet)
    assert height * (1 - max(panel.get_position().y1 for panel in panels.values())) == pytest.approx(0.6 + 0.44)
