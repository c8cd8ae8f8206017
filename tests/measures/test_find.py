"""What is found in motions whose events are known, and that nothing is found where nothing is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from known_motions import halting_walk, known_jump, known_squats, known_walk
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import recognise_motion
from biomech.labels.library.generated import generate
from biomech.measures.find import find_events
from biomech.measures.found import MEASURE_COLUMNS, Found, KnownValues
from biomech.measures.jumps import HEIGHT_OFF_M
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import load_model

MODEL = load_model(DEFAULT_PATH)


def _found(motion: Kinematics, **options: object) -> Found:
    return find_events(MODEL, motion, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("belt", [False, True])
def test_strikes_of_a_walk_on_ground_and_on_a_treadmill(belt: bool) -> None:
    motion, strikes = known_walk(1.3, belt=belt)
    found = _found(motion)
    assert found.activities == ["walking"] and ("treadmill" in " ".join(found.notes)) is belt
    told = [event for event in found.events if event.kind == "heel_strike"]
    for event in told:
        assert np.abs(strikes[event.side] - event.time_s).min() < 0.034  # two frames at 60 Hz; Zeni is early by one
    inner = [t for s in "rl" for t in strikes[s] if 0.3 < t < 5.7]
    assert sum(any(abs(event.time_s - t) < 0.034 for event in told) for t in inner) >= len(inner) - 1
    summary = found.summary
    period = float(np.diff(strikes["r"])[0])
    assert summary["walking_stride_time_s"] == pytest.approx(period, abs=0.01)
    assert summary["walking_cadence_steps_min"] == pytest.approx(120 / period, rel=0.01)
    assert summary["walking_speed_m_s"] == pytest.approx(1.3, rel=0.03 if not belt else 0.15)
    assert summary["walking_step_length_m"] == pytest.approx(summary["walking_stride_length_m"] / 2, rel=0.02)
    assert 0.55 < summary["walking_stance_share"] < 0.68
    assert abs(summary["walking_step_time_asymmetry_percent"]) < 2
    cycles = found.cycles("walking")
    assert cycles is not None and cycles.count["knee_angle_r"] == sum(s.side == "r" for s in found.strides)
    assert 55 < cycles.mean["knee_angle_l"].max() < 70 and 65 < cycles.mean["knee_angle_l"].argmax() < 80


def test_a_step_that_closes_up_as_a_walk_ends_is_no_stride() -> None:
    motion, closed_s = halting_walk()
    found = _found(motion)
    assert [stride.end_s for stride in found.strides if stride.end_s > closed_s - 0.3] == []
    assert len(found.strides) == 4 and min(s.measures["step_length_m"] for s in found.strides) > 0.65
    (note,) = [note for note in found.notes if note.startswith("closing up")]
    assert "left at 3.6 s" in note
    assert not any("closing" in note for note in _found(known_walk(0.6)[0]).notes)


def test_a_limp_is_told_by_side() -> None:
    motion, strikes = known_walk(1.2, late=0.06)
    summary = _found(motion).summary
    true = {"l": (strikes["l"][1] - strikes["r"][0]) % np.diff(strikes["r"])[0]}
    true["r"] = np.diff(strikes["r"])[0] - true["l"]
    assert summary["walking_step_time_l_s"] == pytest.approx(true["l"], abs=0.02)
    asymmetry = 200 * (true["r"] - true["l"]) / (true["r"] + true["l"])
    assert summary["walking_step_time_asymmetry_percent"] == pytest.approx(asymmetry, abs=3)


def test_a_turned_world_changes_nothing() -> None:
    motion, _ = known_walk(1.3)
    turned = motion.values.copy()
    x, z = (motion.names.index(n) for n in ("pelvis_tx", "pelvis_tz"))
    angles = [motion.names.index(n) for n in ("pelvis_tilt", "pelvis_list", "pelvis_rotation")]
    about = Rotation.from_euler("Y", 130, degrees=True)
    turned[:, angles] = (about * Rotation.from_euler("ZXY", motion.values[:, angles])).as_euler("ZXY")
    turned[:, z] = -motion.values[:, x] * np.sin(np.radians(130))
    turned[:, x] = motion.values[:, x] * np.cos(np.radians(130))
    plain, other = (
        _found(motion).summary,
        _found(Kinematics(motion.names, turned, motion.time_s, motion.rotational)).summary,
    )
    assert plain.keys() == other.keys() and all(
        other[name] == pytest.approx(plain[name], abs=0.01, rel=0.05) for name in plain
    )


def test_squats_are_counted_and_measured() -> None:
    bottoms = [2.0, 4.6, 7.5]
    found = _found(known_squats(bottoms))
    assert found.activities == ["squat"]
    assert [one.middle_s for one in found.repetitions] == pytest.approx(bottoms, abs=0.04)
    for one in found.repetitions:
        assert 1.2 < one.measures["duration_s"] < 1.8 and one.measures["knee_bend_peak_deg"] == pytest.approx(97, abs=6)
    assert [event.kind for event in found.events] == 3 * ["squat_start", "squat_bottom", "squat_end"]


def test_a_squats_range_of_motion_is_counted_from_the_stand() -> None:
    motion = known_squats([2.0, 4.6])
    table = _found(motion).measures_table()
    for name in ("knee_angle_r", "hip_flexion_l"):
        told = table[(table.activity == "squat") & (table.coordinate == name) & (table.measure == "range")].value
        assert told.to_numpy() == pytest.approx(np.rad2deg(np.ptp(motion.column(name))), rel=0.04)


def test_what_is_mostly_not_trusted_counts_in_no_mean() -> None:
    motion = known_squats([2.0, 5.0], seconds=7.0)
    found = _found(motion, trusted=motion.time_s < 4.0)
    assert [one.doubtful for one in found.repetitions] == [False, True] and found.summary["squat_count"] == 1
    cycles = found.cycles("squat")
    assert cycles is not None and cycles.count["knee_angle_r"] == 1
    assert "squat at 4." in next(note for note in found.notes if note.startswith("doubtful"))
    nothing = _found(motion, trusted=np.zeros(len(motion.time_s), bool))
    assert nothing.activities == ["squat"] and nothing.summary == {} and nothing.cycles("squat") is None
    assert not any(one.doubtful for one in _found(motion).repetitions)


def test_half_a_squat_at_an_end_is_none() -> None:
    found = _found(known_squats([0.1, 3.0, 5.9], seconds=6.0))
    assert [one.middle_s for one in found.repetitions] == pytest.approx([3.0], abs=0.04)


@pytest.mark.parametrize("height", [0.15, 0.3, 0.45])
def test_jumps(height: float) -> None:
    motion, flight = known_jump(height)
    found = _found(motion)
    assert found.activities == ["jump"] and len(found.repetitions) == 1
    jump = found.repetitions[0]
    assert jump.start_s == pytest.approx(1.5, abs=0.04) and jump.end_s == pytest.approx(1.5 + flight, abs=0.05)
    assert jump.measures["height_by_rise_m"] == pytest.approx(height, abs=0.04)
    assert jump.measures["height_m"] == pytest.approx(height, abs=0.05)
    ways = [jump.measures[f"height_by_{way}_m"] for way in ("rise", "speed")]
    assert jump.measures["height_m"] == pytest.approx(np.mean(ways))
    assert jump.half_widths["height_m"] == pytest.approx(max(np.ptp(ways) / 2, HEIGHT_OFF_M))
    assert jump.measures["height_by_flight_time_m"] == pytest.approx(height, abs=0.05)
    assert jump.measures["height_above_standing_m"] > jump.measures["height_m"]


@pytest.mark.parametrize("kind", ["standing", "reach", "stairs_up", "lunge"])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_where_nothing_is(kind: str, seed: int) -> None:
    found = _found(generate(kind, 5.0, 30.0, np.random.default_rng(seed)))
    assert not {"squat", "jump", "stand_up", "sit_down", "running"} & set(found.activities)
    if kind in ("standing", "reach"):
        assert found.activities == [] and found.events == [] and found.summary == {}
        assert found.notes[0].startswith("no whole stride")


def test_sitting_is_not_squatting(biopose_data: Path) -> None:
    folder = biopose_data / "opencap_lab_subject4"
    motion = recognise_motion(folder / "IK/STS1_manual_scaling_ik.mot").kinematics
    found = find_events(folder / "Models/manually_scaled.osim", motion)
    assert [one.kind for one in found.repetitions] == 5 * ["stand_up", "sit_down"]
    squats = recognise_motion(folder / "IK/squats1_manual_scaling_ik.mot").kinematics
    assert find_events(folder / "Models/manually_scaled.osim", squats).activities == ["squat"]


def test_events_of_the_force_plates(biopose_data: Path) -> None:
    """Vertical force passes 20 N (grf_walk.mot): left on 0.836, off 1.590; right off 1.024, on 1.411 s."""
    folder = biopose_data / "opensim_core_walk3d"
    motion = recognise_motion(folder / "coordinates.sto").kinematics
    found = find_events(folder / "subject_walk_scaled.osim", motion)
    told = [(event.kind, event.side, event.time_s) for event in found.events]
    true = [("heel_strike", "l", 0.836), ("toe_off", "r", 1.024), ("heel_strike", "r", 1.411)]
    assert [one[:2] for one in told] == [one[:2] for one in true]
    assert max(abs(a[2] - b[2]) for a, b in zip(told, true, strict=True)) < 0.020
    assert found.activities == ["walking_step"]  # no whole stride, and none is made up


def test_filters() -> None:
    motion = known_squats([3.0], seconds=6.0)
    noise = 0.01 * np.random.default_rng(0).standard_normal(motion.values.shape)
    noisy = Kinematics(motion.names, motion.values + noise, motion.time_s, motion.rotational)
    plain, none, hard = _found(noisy), _found(noisy, filter_hz="none"), _found(noisy, filter_hz=3.0)
    assert plain.filter_hz == {"squat": 6.0, "": 6.0} and hard.filter_hz[""] == 3.0 and none.filter_hz[""] is None
    assert [len(one.repetitions) for one in (plain, none, hard)] == [1, 1, 1]
    table = none.measures_table()
    assert "velocity_peak" not in set(table.measure) and np.isnan(none.course.com_velocity_m_s).all()
    assert "velocity_peak" in set(plain.measures_table().measure)
    with pytest.raises(BioposeError, match="does not fit"):
        _found(noisy, filter_hz=40.0)
    with pytest.raises(BioposeError, match="is no filter"):
        _found(noisy, filter_hz="some")


def test_what_is_the_models_is_said_and_half_widths_are_those_of_the_moment() -> None:
    motion = known_squats([2.0], seconds=5.0)
    toes, knee = (motion.names.index(name) for name in ("mtp_angle_r", "knee_angle_r"))
    determined = np.ones(motion.values.shape, dtype=bool)
    determined[:, toes] = False
    believed = determined & (motion.time_s < 2.5)[:, None]
    half = np.full(motion.values.shape, np.nan)
    half[:, knee] = 4 + motion.time_s
    table = _found(motion, known=KnownValues(motion.time_s, determined, believed, half)).measures_table()
    whole = table[table.activity == "motion"].set_index(["coordinate", "measure"])
    assert set(whole.loc["mtp_angle_r"].source) == {"model"} and whole.loc["mtp_angle_r"].half_width.isna().all()
    assert (whole.loc["mtp_angle_r"].trusted_share == 0).all()
    assert set(whole.loc["knee_angle_r"].source) == {"measured"}
    assert whole.loc["knee_angle_r"].trusted_share.iloc[0] == pytest.approx(0.5, abs=0.01)
    deepest = motion.time_s[np.abs(motion.values[:, knee]).argmax()]
    assert whole.loc[("knee_angle_r", "max"), "half_width"] == pytest.approx(4 + deepest, abs=0.2)
    assert np.isnan(whole.loc[("knee_angle_r", "range"), "half_width"])
    assert np.isnan(whole.loc[("hip_flexion_r", "max"), "half_width"])


def test_a_coordinates_measures_leave_out_where_it_is_not_trusted() -> None:
    motion = known_squats([2.0, 5.0], seconds=7.0)
    knee, hip, toes = (motion.names.index(name) for name in ("knee_angle_r", "hip_flexion_r", "mtp_angle_r"))
    plain = _found(motion).measures_table()
    determined = np.ones(motion.values.shape, dtype=bool)
    determined[:, toes] = False
    deep = np.abs(motion.time_s - 2.0) < 0.4
    determined[deep, knee] = False  # at the bottom of the first squat
    determined[:, hip] = np.arange(len(motion.time_s)) % 2 == 0  # no two neighbours
    determined[motion.time_s > 3.5, hip] = False
    known = KnownValues(
        motion.time_s, determined, determined, np.where(deep[:, None], 90.0, np.ones(motion.values.shape))
    )
    found = _found(motion, known=known)
    table, columns = found.measures_table(), ["activity", "number", "coordinate", "measure"]
    value = {
        tuple(row[:4]): row[4] for row in table[[*columns, "value"]].dropna(subset=["number", "coordinate"]).to_numpy()
    }
    was = {
        tuple(row[:4]): row[4] for row in plain[[*columns, "value"]].dropna(subset=["number", "coordinate"]).to_numpy()
    }
    assert value.keys() == was.keys()  # no row is lost
    other = [key for key in was if key[2] not in ("knee_angle_r", "hip_flexion_r")]
    assert len(other) > 100 and all(value[key] == was[key] for key in other)  # the toes, the model's, among them
    shown = np.rad2deg(found.courses["squat"].kinematics.column("knee_angle_r"))
    times = found.courses["squat"].time_s
    first = found.repetitions[0].whole_s or (0.0, 0.0)
    left = (times >= first[0]) & (times <= first[1]) & (np.abs(times - 2.0) >= 0.4)
    assert value["squat", 1, "knee_angle_r", "max"] == pytest.approx(shown[left].max(), abs=0.01)
    assert value["squat", 1, "knee_angle_r", "max"] < was["squat", 1, "knee_angle_r", "max"] - 5
    assert value["squat", 2, "knee_angle_r", "max"] == was["squat", 2, "knee_angle_r", "max"]
    own = table[(table.coordinate == "knee_angle_r") & table.measure.isin(["max", "min"])]
    assert (own.half_width == 1).all()
    hips = {key[3]: value[key] for key in value if key[:3] == ("squat", 1, "hip_flexion_r")}
    assert np.isfinite(hips["range"]) and np.isnan(hips["velocity_peak"])
    none = table[(table.activity == "squat") & (table.number == 2) & (table.coordinate == "hip_flexion_r")]
    assert (
        len(none) == 4 and none.value.isna().all() and (none.trusted_share == 0).all() and none.half_width.isna().all()
    )


def test_nothing_is_measured_across_a_change_of_the_triple_that_names_a_shoulders_pose() -> None:
    motion = known_squats([2.0, 5.0], seconds=7.0)
    arm = [motion.names.index(name) for name in ("arm_flex_r", "arm_add_r", "arm_rot_r")]
    other = motion.values.copy()
    flex, add, rot = other[:, arm].T
    late = (motion.time_s > 2.0)[:, None]  # in the middle of the first squat
    other[:, arm] = np.where(late, np.stack([flex + np.pi, np.pi - add, rot - np.pi], 1), other[:, arm])
    plain, found = _found(motion), _found(Kinematics(motion.names, other, motion.time_s, motion.rotational))
    np.testing.assert_allclose(found.course.com_m, plain.course.com_m, atol=1e-9)  # nothing is filtered across it
    np.testing.assert_array_equal(found.course.changes.any(0).nonzero()[0], sorted(arm))
    assert (found.course.changes.sum(0)[arm] == 2).all()
    table, was = found.measures_table(), plain.measures_table()
    of_arm = table.coordinate.isin(["arm_flex_r", "arm_add_r", "arm_rot_r"])
    across = of_arm & ((table.activity == "motion") | ((table.activity == "squat") & (table.number == 1)))
    assert across.sum() == 24 and table[across].value.isna().all()
    assert table[of_arm & ~across].value.notna().all()
    second = of_arm & ~across & table.measure.isin(["range"])
    np.testing.assert_allclose(table[second].value, was[second].value, atol=1e-3)
    np.testing.assert_allclose(table[~of_arm].value, was[~of_arm].value, atol=1e-6)
    speed = found.course_table()["arm_flex_r_velocity_deg_s"]
    assert speed.isna().sum() == 2 and speed.abs().max() < 100
    cycles = found.cycles("squat")
    assert cycles is not None and cycles.count["arm_flex_r"] == 1 and cycles.count["knee_angle_r"] == 2
    assert any("angles that change" in note for note in found.notes)
    assert not any("angles that change" in note for note in plain.notes)


def test_a_frame_that_was_left_out_counts_as_its_neighbour() -> None:
    known = KnownValues(
        np.array([0.0, 0.1, 0.4]), np.ones((3, 1), bool), np.array([[True], [False], [True]]), np.ones((3, 1))
    )
    assert known.counted(np.array([-0.1, 0.04, 0.06, 0.2, 0.3, 0.5]))[:, 0].tolist() == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_tables_are_tidy_and_trust_is_told() -> None:
    motion = known_squats([2.0, 5.0], seconds=7.0)
    trusted = motion.time_s < 4.0
    found = _found(motion, trusted=trusted)
    table = found.measures_table()
    assert list(table.columns) == MEASURE_COLUMNS and table.value.notna().all() and table.half_width.isna().all()
    knee = table[(table.activity == "squat") & (table.coordinate == "knee_angle_r")].pivot(
        index="number", columns="measure", values="value"
    )
    assert np.allclose(knee["range"], knee["max"] - knee["min"], atol=0.01) and len(knee.dropna()) == 2
    shares = table[(table.activity == "squat") & table.number.notna()].groupby("number").trusted_share.first()
    assert shares[1] == 1 and shares[2] == 0
    means = table[(table.activity == "squat") & table.number.isna()]
    assert {"count", "duration"} <= set(means.measure)
    course = found.course_table()
    assert len(course) == len(motion.time_s) and {"com_y_m", "knee_angle_r_velocity_deg_s"} <= set(course.columns)
    assert isinstance(found.events_table(), pd.DataFrame) and len(found.events_table()) == 6


def test_one_squat_of_five_that_seems_to_lean_back_is_still_a_squat() -> None:
    """One camera errs by centimetres: the mass comes 4 cm behind the heels, once, for a third of a second."""
    motion = known_squats([2.0, 5.0, 8.0], seconds=10.0)
    bump = np.deg2rad(12) * np.exp(-(((motion.time_s - 5.0) / 0.35) ** 4))
    values = motion.values.copy()
    for name, sign in (("pelvis_tilt", 1), ("hip_flexion_r", -1), ("hip_flexion_l", -1)):
        values[:, motion.names.index(name)] += sign * bump
    leaning = Kinematics(motion.names, values, motion.time_s, motion.rotational)
    assert [one.kind for one in _found(leaning).repetitions] == ["squat"] * 3


def test_the_width_of_steps_says_how_far_off_it_may_be() -> None:
    motion, _ = known_walk(1.2)
    place = np.tile([0.01, 0.025], (len(motion.time_s), 1))  # across the way of who walks along X: Z
    found = _found(motion, place_half_width_m=place)
    assert [stride.half_widths["step_width_m"] for stride in found.strides] == pytest.approx(
        [0.1] * len(found.strides), abs=0.01
    )
    table = found.measures_table()
    widths = table[table.measure == "step_width"]
    assert widths.half_width.notna().all() and widths.number.isna().sum() == 1
    assert table[table.measure == "stride_time"].half_width.isna().all()
    assert found.half_widths("walking")["step_width_m"] == pytest.approx(0.1, abs=0.01)
    assert "step_width_m" not in _found(motion).half_widths("walking")


def test_a_walk_that_seems_to_sink_on_its_way_is_still_a_walk() -> None:
    """One camera lets a body that comes nearer rise or sink, as here by 0.2 m a second."""
    motion, _ = known_walk(1.2)
    values = motion.values.copy()
    values[:, motion.names.index("pelvis_ty")] += 0.2 * (motion.time_s - motion.time_s[0])
    sinking = Kinematics(motion.names, values, motion.time_s, motion.rotational)
    assert len(_found(sinking).strides) == len(_found(motion).strides) > 0
