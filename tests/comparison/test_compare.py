"""Comparisons whose answers are known, and the two accepted references of real trials."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from biomech.comparison.alignment import Heading, resample, turned
from biomech.comparison.compare import compare
from biomech.comparison.coordinate_names import group, match_coordinates, standard_name
from biomech.comparison.presets import preset_figures, presets
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion, recognise_motion
from biomech.skeleton.skeleton import Skeleton

NAMES = ["pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz", "knee_angle_r"]
ROTATIONAL = np.array([True, True, True, False, False, False, True])


def _motion(rate_hz: float = 100.0, start_s: float = 0.0, seconds: float = 4.0, **columns: np.ndarray) -> ReadMotion:
    """Someone who walks a curve and never twice alike; columns replace a coordinate (rad, m)."""
    t = start_s + np.arange(round(seconds * rate_hz) + 1) / rate_hz
    values = {
        "pelvis_tilt": 0.2 + 0.05 * np.sin(7 * t),
        "pelvis_list": 0.08 * np.cos(6 * t),
        "pelvis_rotation": 0.4 * np.sin(0.9 * t),
        "pelvis_tx": 1.2 * t,
        "pelvis_ty": 0.9 + 0.03 * np.sin(12 * t),
        "pelvis_tz": 0.3 * np.sin(0.8 * t),
        "knee_angle_r": 0.6 + 0.4 * np.sin(6 * t + 0.5 * t**2),
    } | columns
    return ReadMotion(Path("walk.mot"), Kinematics(NAMES, np.stack([values[n] for n in NAMES], 1), t, ROTATIONAL))


def _changed(motion: ReadMotion, **changes) -> ReadMotion:
    return replace(motion, path=Path("other.mot"), kinematics=replace(motion.kinematics, **changes))


def _subject4(biopose_data: Path, trial: str) -> tuple[ReadMotion, ReadMotion]:
    folder = biopose_data / "opencap_lab_subject4/IK"
    return recognise_motion(folder / f"{trial}_manual_scaling_ik.mot"), recognise_motion(folder / f"{trial}_ik.mot")


@pytest.mark.parametrize("trial", ["walking1", "walking2", "walking4"])
def test_the_two_accepted_references_differ_by_what_is_known(biopose_data: Path, trial: str) -> None:
    """4.5–4.9° in the mean over the angles (facts/opensim.md); counted a second time here from the files' text."""
    expert, other = _subject4(biopose_data, trial)
    comparison = compare(expert, other)
    assert comparison.rotations is not None and 4.5 < comparison.rotations.mae < 4.9

    def column(motion: ReadMotion, name: str) -> np.ndarray:
        lines = motion.path.read_text().splitlines()
        head = next(i for i, line in enumerate(lines) if line.startswith("time"))
        return np.loadtxt(lines[head + 1 :])[:, lines[head].split().index(name)]

    by_hand = column(expert, "knee_angle_r") - np.rad2deg(column(other, "knee_angle_r"))
    knee = comparison.errors["knee_angle_r"]
    assert knee.mae == pytest.approx(np.abs(by_hand).mean(), abs=1e-4)
    assert knee.rmse == pytest.approx(np.sqrt(np.square(by_hand).mean()), abs=1e-4)
    assert knee.max == pytest.approx(np.abs(by_hand).max(), abs=1e-4)
    assert comparison.groups["pelvis position"].unit == "mm" and comparison.groups["pelvis position"].mae < 15
    assert "patella" not in comparison.groups and comparison.compared_s[2] == len(expert.kinematics.time_s)


def test_known_errors() -> None:
    truth = _motion()
    values = truth.kinematics.values.copy()
    values[:, 6] = 2 * values[:, 6] + np.deg2rad(3)
    values[:, 4] -= 0.02
    comparison = compare(truth, _changed(truth, values=values))
    knee = np.rad2deg(truth.kinematics.column("knee_angle_r"))
    found = comparison.errors["knee_angle_r"]
    assert found.mae == found.bias == pytest.approx((knee + 3).mean())
    assert found.rmse == pytest.approx(np.sqrt(((knee + 3) ** 2).mean())) and found.max == pytest.approx(knee.max() + 3)
    assert found.range_ratio == pytest.approx(2) and found.correlation == pytest.approx(1)
    assert found.zero_mae == pytest.approx(knee.mean()) and found.skill == pytest.approx(-3 / knee.mean())
    height = comparison.errors["pelvis_ty"]
    assert height.figures()["mae_mm"] == pytest.approx(20) and np.isnan(height.skill)
    assert comparison.groups["pelvis position"].mae == pytest.approx(20 / 3)
    assert comparison.rotations is not None and comparison.rotations.mae == pytest.approx(found.mae / 4)
    still = compare(truth, _changed(truth, values=np.zeros_like(values))).errors["knee_angle_r"]
    assert still.skill == pytest.approx(0) and np.isnan(still.correlation) and still.range_ratio == 0


def test_angles_are_compared_around_the_circle() -> None:
    """Half a turn and back, once written past 180° and once with jumps; and a whole turn off."""
    t = np.arange(401) / 100
    course = np.deg2rad(175 + 20 * np.sin(t))
    truth = _motion(pelvis_rotation=course)
    other = _motion(pelvis_rotation=(course + np.deg2rad(2) + np.pi) % (2 * np.pi) - np.pi + 4 * np.pi)
    found = compare(truth, other).errors["pelvis_rotation"]
    assert found.mae == pytest.approx(2) and found.max == pytest.approx(2)
    assert found.correlation == pytest.approx(1) and found.range == pytest.approx(found.reference_range)


def test_other_rates_starts_and_gaps() -> None:
    """On the reference's times where both are there; curves at 30 Hz lose next to nothing, gaps are not bridged."""
    truth, slow = _motion(), _motion(rate_hz=30, start_s=1.003, seconds=5)
    comparison = compare(truth, slow)
    start, end, frames = comparison.compared_s
    assert (start, end, frames) == (1.01, 4.0, 300)
    assert comparison.errors["knee_angle_r"].max < 0.1
    values = slow.kinematics.values.copy()
    values[40:50] = np.nan
    holed = compare(truth, _changed(slow, values=values)).curves
    lost = np.isnan(holed.column("knee_angle_r")) & (holed.time_s >= 1.01)
    gap = (holed.time_s > slow.kinematics.time_s[39]) & (holed.time_s < slow.kinematics.time_s[50])
    np.testing.assert_array_equal(lost, gap)
    rows = np.r_[0:40, 50 : len(values)]  # the same gap as rows that are not there
    cut = _changed(slow, values=slow.kinematics.values[rows], time_s=slow.kinematics.time_s[rows])
    np.testing.assert_array_equal(np.isnan(compare(truth, cut).curves.values), np.isnan(holed.values))
    one = resample(
        replace(truth.kinematics, values=truth.kinematics.values[:1], time_s=np.array([2.0])), np.array([2, 2.1])
    )
    assert np.isfinite(one.values).all(1).tolist() == [True, False]


def test_motions_that_hardly_share_time_have_no_skill() -> None:
    """Errors of the few frames stand; what needs a course does not, and the notes say why."""
    truth = _motion()
    few = compare(truth, _motion(start_s=3.95))
    assert few.compared_s[2] == 6 and few.errors["knee_angle_r"].mae == pytest.approx(0, abs=1e-6)
    for errors in (*few.errors.values(), *few.groups.values(), few.rotations):
        assert errors is not None
        assert np.isnan([errors.correlation, errors.skill, errors.range, errors.range_ratio]).all()
    assert (
        "share 0.05 s of 0 to 4 s (reference) and 3.95 to 7.95 s" in few.notes[0]
        and "`time` finds the shift" in few.notes[0]
    )
    assert few.notes[1] == "6 frames (0.05 s) are compared: correlation, ranges and skill need 10 frames and 0.2 s"
    fast = compare(_motion(rate_hz=1000), _motion(start_s=3.95))  # many frames of a moment
    assert fast.compared_s[2] > 10 and np.isnan(fast.errors["knee_angle_r"].skill) and len(fast.notes) == 2
    part = compare(truth, _motion(start_s=3))
    assert np.isfinite(part.errors["knee_angle_r"].skill) and len(part.notes) == 1 and "share 1 s" in part.notes[0]
    assert compare(truth, _motion(start_s=1)).notes == []
    short = _motion(seconds=0.05)
    assert compare(short, short).notes == [
        "6 frames (0.05 s) are compared: correlation, ranges and skill need 10 frames"
    ]
    values = truth.kinematics.values.copy()
    values[5:, -1] = np.nan  # one coordinate alone
    holed = compare(truth, _changed(truth, values=values)).errors
    assert np.isnan(holed["knee_angle_r"].correlation) and holed["pelvis_tilt"].correlation == pytest.approx(1)


def test_time_is_aligned(biopose_data: Path) -> None:
    """A part of the other reference on a clock of its own, at another rate: its place is found to a few ms."""
    expert, other = _subject4(biopose_data, "squats1")
    part = resample(other.kinematics, 4.0 + np.arange(150) / 30)
    late = _changed(other, values=part.values, time_s=part.time_s + 100)
    with pytest.raises(BioposeError, match=r"no time in common: the reference has 0 to 13\.45 s, this motion 104 to"):
        compare(expert, late)
    found = compare(expert, late, time=True)
    assert found.time_shift is not None and found.time_shift.shift_s == pytest.approx(-100, abs=0.02)
    exact = compare(_changed(other), late, time=True)
    assert exact.time_shift is not None and exact.time_shift.shift_s == pytest.approx(-100, abs=2e-3)
    assert exact.time_shift.correlation > 0.9999 and exact.rotations is not None and exact.rotations.mae < 0.1


def test_a_motion_that_repeats_itself_has_more_than_one_shift() -> None:
    t = np.arange(401) / 100
    same = {
        name: 0.3 * np.sin(2 * np.pi * t) for name in ("pelvis_tilt", "pelvis_list", "pelvis_rotation", "knee_angle_r")
    }
    truth = _motion(**same)
    noisy = truth.kinematics.values + np.random.default_rng(3).normal(0, 0.02, truth.kinematics.values.shape)
    late = compare(truth, _changed(truth, values=noisy, time_s=t + 0.1), time=True)
    assert late.time_shift is not None and late.time_shift.shift_s == pytest.approx(-0.1, abs=0.01)
    assert any("fits nearly as well" in note for note in late.notes)
    still = _motion(**{name: np.zeros(401) for name in same})
    with pytest.raises(BioposeError, match="nothing moves"):
        compare(truth, still, time=True)


def test_heading_is_aligned(biopose_data: Path) -> None:
    """The turned motion poses the real model as the turned room does, and the alignment turns it back."""
    model = Skeleton.from_osim(biopose_data / "opencap_lab_subject4/Models/manually_scaled.osim")
    expert, _ = _subject4(biopose_data, "walking1")
    few = replace(expert.kinematics, values=expert.kinematics.values[::13], time_s=expert.kinematics.time_s[::13])
    away = turned(few, Heading(1.9, (0.5, -2.0)))

    def joints(motion: Kinematics) -> np.ndarray:
        columns = [motion.names.index(name) for name in model.coordinate_names]
        return model.forward(torch.as_tensor(motion.values[:, columns])).joints.numpy()

    c, s = np.cos(1.9), np.sin(1.9)
    room = joints(few) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + [0.5, 0, -2.0]
    np.testing.assert_allclose(joints(away), room, atol=1e-9)
    truth, other = replace(expert, kinematics=few), replace(expert, kinematics=away)
    unaligned = compare(truth, other)
    assert unaligned.errors["pelvis_rotation"].mae > 90 and unaligned.errors["pelvis_tx"].mae > 500
    aligned = compare(truth, other, heading=True)
    assert aligned.heading is not None and aligned.heading.turn_rad == pytest.approx(-1.9)
    assert max(errors.max for errors in aligned.errors.values()) < 1e-6
    # A motion of zeros gets no credit for a heading that the alignment takes away anyhow.
    facing = np.rad2deg(few.column("pelvis_rotation"))
    zero = np.abs(facing - facing.mean()).mean()
    assert compare(other, truth).errors["pelvis_rotation"].zero_mae > 90
    assert compare(other, truth, heading=True).errors["pelvis_rotation"].zero_mae == pytest.approx(zero, abs=0.3)


@pytest.mark.parametrize(
    ("name", "standard", "part"),
    [
        ("hip_flexion_r", "hip_flexion_r", "hip"),
        ("R_Hip_Flexion", "hip_flexion_r", "hip"),
        ("hipFlexionLeft", "hip_flexion_l", "hip"),
        ("right knee", "knee_angle_r", "knee"),
        ("knee_r", "knee_angle_r", "knee"),
        ("hip_flex_l", "hip_flexion_l", "hip"),
        ("subt_angle_r", "subtalar_angle_r", "subtalar"),
        ("pelvis_rot", "pelvis_rotation", "pelvis"),
        ("L5_S1_Flex_Ext", "lumbar_extension", "lumbar"),
        ("lumbar_twist", "lumbar_rotation", "lumbar"),
        ("elbow_flexion_l", "elbow_flex_l", "elbow"),
        ("knee_angle_r_beta", "knee_angle_beta_r", "patella"),
        ("clav_prot", "clav_prot", "other"),
    ],
)
def test_names(name: str, standard: str, part: str) -> None:
    assert standard_name(name) == standard
    assert group(name) == ("patella" if name.endswith("_beta") else part)


def test_names_are_matched_but_not_guessed() -> None:
    assert match_coordinates(["knee_angle_r", "knee_angle_l", "clav_prot"], ["knee_l", "Knee_R", "scapula"]) == {
        "knee_angle_r": "Knee_R",
        "knee_angle_l": "knee_l",
    }
    assert match_coordinates(["knee_angle_r"], ["knee_r", "right knee"]) == {}  # which of the two?
    assert match_coordinates(["hip_flexion_r", "hip_r"], ["hip_r"]) == {"hip_r": "hip_r"}


def test_old_models_and_new_ones(biopose_data: Path) -> None:
    """gait2392 bends its knee the other way; two walks of different people still resemble each other."""
    old = recognise_motion(biopose_data / "opensim_core_ik_standard/std_subject01_walk1_ik.mot")
    new = recognise_motion(biopose_data / "opensim_core_walk3d/coordinates.sto")
    comparison = compare(old, new, time=True)
    assert "the reference counts knee flexion negative, as older models do; turned round" in comparison.notes
    assert comparison.groups["knee"].correlation > 0.9 and comparison.groups["knee"].skill > 0.5
    assert any(note.startswith("only in the reference: subtalar_angle_r") for note in comparison.notes)
    with pytest.raises(BioposeError, match="no coordinate in common"):
        compare(old, recognise_motion(biopose_data / "opensim_core_ik_standard/std_subject1_abdbonepin_IK.mot"))


def test_conventions_are_suspected() -> None:
    truth = _motion()
    values = truth.kinematics.values.copy()
    values[:, 1] *= -1
    values[:, 6] = np.rad2deg(values[:, 6]) / 100
    notes = compare(truth, _changed(truth, values=np.deg2rad(values))).notes
    assert any(note.startswith("pelvis_list goes against the reference") for note in notes)
    values[:, 6] = np.deg2rad(truth.kinematics.values[:, 6])
    notes = compare(truth, _changed(truth, values=values)).notes
    assert "knee_angle_r differs from the reference by a factor of 57: degrees and radians?" in notes


def test_presets(biopose_data: Path) -> None:
    comparison = compare(*_subject4(biopose_data, "walking1"))
    assert presets() == ["opencapbench", "opencap-monocular"]
    bench = preset_figures("opencapbench", comparison)
    sides = [comparison.errors[f"knee_angle_{side}"].rmse for side in "rl"]
    assert len(bench.numbers) == 12 and bench.numbers["knee_angle"] == pytest.approx(np.mean(sides))
    assert bench.mean("deg") == pytest.approx(np.mean(list(bench.numbers.values())))
    assert bench.shifted is not None and bench.shift_s == pytest.approx(0, abs=0.005)
    assert bench.mean("deg", shifted=True) == pytest.approx(bench.mean("deg"), abs=0.05)
    assert preset_figures("opencapbench", compare(comparison.reference, comparison.motion, time=True)).shifted is None
    monocular = preset_figures("opencap-monocular", comparison)
    assert [list(monocular.units.values()).count(unit) for unit in ("deg", "mm")] == [18, 3]
    assert monocular.figures()["mean_mae_deg"] == pytest.approx(4.69, abs=0.01)
    assert monocular.numbers["pelvis_tx"] == comparison.errors["pelvis_tx"].mae


def test_a_preset_without_all_its_coordinates_has_no_mean() -> None:
    truth = _motion()
    figures = preset_figures("opencap-monocular", compare(truth, _changed(truth)))
    assert np.isnan(figures.mean("deg")) and figures.mean("mm") == pytest.approx(0, abs=1e-9)
    assert "hip_flexion_l" in figures.missing and "knee_angle_r" not in figures.missing
    with pytest.raises(BioposeError, match="no preset 'best'"):
        preset_figures("best", compare(truth, _changed(truth)))


@pytest.mark.parametrize("per_s", [1000.0, 100.0])
def test_a_time_in_ms_or_frames_is_no_time_in_s(per_s: float) -> None:
    """Rows that are seconds apart would be joined by a spline, through anything."""
    truth = _motion()
    other = _changed(truth, time_s=truth.kinematics.time_s * per_s)
    for pair in ((truth, other), (other, truth)):
        with pytest.raises(BioposeError, match="in ms, or does it count frames"):
            compare(*pair)
