"""The bench on drawn people: who does what, what is drawn once, and what the figures are of."""

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.bench import activities, drawn_people
from biomech.bench.activities import agreement, bench_activities, over_people, solved, summary
from biomech.bench.drawn_people import ACTIVITIES, Drawn, coordinates, draw, moving, people, shape, size
from biomech.bench.standing import soles_cm
from biomech.body.gait import joint_angles
from biomech.cli.bench import app
from biomech.comparison.compare import compare
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot, write_mot
from biomech.kinematics.recognise import ReadMotion
from biomech.pipeline.run import Options


def generated(kind, seconds, rate_hz, rng):
    """Steps on the spot in a style of one's own, whatever was asked for."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    style = rng.uniform(0.9, 1.1)
    curves = {"pelvis_tilt": np.full(len(time_s), -0.05), "pelvis_list": 0 * time_s, "pelvis_rotation": 0 * time_s}
    curves |= {"lumbar_extension": 0 * time_s}
    for side, ahead in (("r", 0.0), ("l", 0.5)):
        angles = joint_angles(time_s + ahead)
        for name in ("hip_flexion", "knee_angle", "ankle_angle", "elbow_flex"):
            curves[f"{name}_{side}"] = style * angles[name]
    return Kinematics(list(curves), np.stack(list(curves.values()), 1), time_s, np.ones(len(curves), bool))


@pytest.fixture(autouse=True)
def library(monkeypatch):
    monkeypatch.setattr(drawn_people, "generate", generated)


def changed(motion, **degrees):
    values = motion.values.copy()
    for name, by in degrees.items():
        values[:, motion.names.index(name)] += np.radians(by)
    return Kinematics(motion.names, values, motion.time_s, motion.rotational)


def test_everybody_does_everything_seen_from_everywhere(tmp_path):
    wanted = people(tmp_path, count=2, seed=7)
    assert len({one.name for one in wanted}) == len(wanted) == 3 * 3 * 2
    assert wanted[0].name == "walk_front_007_00" and {one.activity for one in wanted} == set(ACTIVITIES)


def test_a_motion_is_the_persons_whatever_the_view(tmp_path):
    front, side, other = (Drawn("walk", *who, tmp_path, 0) for who in (("front", 0), ("side", 0), ("front", 1)))
    assert np.array_equal(coordinates(front).values, coordinates(side).values)
    assert not np.allclose(coordinates(front).values, coordinates(other).values)
    assert np.array_equal(shape(front), shape(side)) and not np.allclose(shape(front), shape(other))


def test_who_is_drawn_is_about_the_origin_and_on_the_floor(tmp_path):
    one = Drawn("walk", "front", 0, tmp_path, 0)
    motion = moving(one, coordinates(one))
    assert motion.root_position_m[:, [0, 2]].mean(0) == pytest.approx([0, 0], abs=1e-9)
    heights = soles_cm(motion, np.ones(len(motion.time_s), bool))
    assert min(heights.values()) > -0.2 and np.ptp(motion.root_position_m[:, 0]) > 1.5


def test_what_is_there_is_not_drawn_again(tmp_path, monkeypatch):
    looked = []

    class Seen:
        def save(self, path):
            path.write_bytes(b"seen")

    def see(motion, camera, eyes, rng):
        looked.append(camera.size_px)
        return Seen() if len(looked) > 1 else None  # the first scene hides somebody

    monkeypatch.setattr(drawn_people, "see", see)
    monkeypatch.setattr(drawn_people, "keypoints_of", lambda clip, rate_hz: clip)
    monkeypatch.setattr(drawn_people, "Skin", lambda: None)
    monkeypatch.setattr(drawn_people, "BlazePose", lambda threads: None)
    wanted = [Drawn("squat", view, 0, tmp_path / "clips", 0) for view in ("front", "side")]
    draw(wanted)
    assert len(looked) == 3 and looked[0] == looked[1] != looked[2]
    for one in wanted:
        known = read_mot(one.truth)
        assert np.allclose(known.values, coordinates(one).values, atol=1e-4) and one.keypoints.exists()
    draw(wanted)
    assert len(looked) == 3
    assert size(wanted[0]) == size(wanted[1]) and 1.4 < size(wanted[0])[0] < 2.1


def test_somebody_whom_the_detector_does_not_see(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn_people, "see", lambda *_: None)
    monkeypatch.setattr(drawn_people, "Skin", lambda: None)
    monkeypatch.setattr(drawn_people, "BlazePose", lambda threads: None)
    with pytest.raises(BioposeError, match="does not see squat_side"):
        draw([Drawn("squat", "side", 0, tmp_path, 0)])
    assert not list(tmp_path.glob("*.npz"))


def test_figures_are_of_coordinates(tmp_path):
    truth = coordinates(Drawn("walk", "front", 0, tmp_path, 0))
    answer = changed(truth, knee_angle_r=6, hip_flexion_l=-4, pelvis_tilt=3, pelvis_rotation=50)
    figures = agreement(compare(ReadMotion(tmp_path, truth), ReadMotion(tmp_path, answer), heading=True))
    assert figures["knee_mae_deg"] == pytest.approx(3) and figures["knee_bias_deg"] == pytest.approx(3)
    assert figures["hip_bias_deg"] == pytest.approx(-2)
    assert figures["knee_range_share"] == pytest.approx(1) and figures["knee_correlation"] == pytest.approx(1)
    assert figures["pelvis_tilt_mae_deg"] == pytest.approx(3, abs=0.1)
    assert np.isnan(figures["pelvis_tilt_range_share"])  # it does not move


def test_figures_over_people_and_views():
    def row(knee, hip=5.0, share=1.0):
        plain = {"knee_mae_deg": knee, "hip_mae_deg": hip, "knee_range_share": share, "knee_correlation": 0.9}
        return plain | {"hip_range_share": np.nan}

    both = over_people([row(4.0), row(8.0)])
    assert (both["knee_mae_deg"], both["knee_worst_person_mae_deg"]) == (6, 8) and np.isnan(both["hip_range_share"])
    figures = summary({"walk_front": row(18.0), "squat_front": row(5.0, 12.0, 0.8), "sit_to_stand_side": row(7.0, 3.0)})
    assert figures["walk_front_knee_mae_deg"] == 18 and "walk_side_knee_mae_deg" not in figures
    assert (figures["worst_squat_sit_knee_mae_deg"], figures["worst_squat_sit_hip_mae_deg"]) == (7, 12)
    assert (figures["squat_sit_knee_range_share_min"], figures["squat_sit_knee_range_share_max"]) == (0.8, 1)


def test_the_truth_as_answer_is_without_error(tmp_path, monkeypatch):
    def draw_nothing(wanted, say):
        for one in wanted:
            one.folder.mkdir(exist_ok=True)
            write_mot(coordinates(one), one.truth)

    monkeypatch.setattr(activities, "draw", draw_nothing)
    monkeypatch.setattr(activities, "solved", lambda one, *_: (one.truth, {"recover": 1.0, "solve": 0.5}))
    figures = bench_activities(tmp_path / "clips", tmp_path / "runs", count=2, only=("walk_front", "squat"))
    assert list(figures["activities"]) == ["walk_front", "squat_front", "squat_side", "squat_behind"]
    assert figures["walk_front_knee_mae_deg"] == figures["worst_squat_sit_hip_mae_deg"] == 0
    assert figures["seconds_per_frame"] == pytest.approx(1.5 / 75) and figures["people"] == 2


def test_an_activity_that_there_is_not(tmp_path):
    told = CliRunner().invoke(app, ["activities", "--only", "swim", "--clips", str(tmp_path / "clips")])
    assert isinstance(told.exception, BioposeError) and "swim" in str(told.exception)
    assert not (tmp_path / "clips").exists()


@pytest.mark.slow
def test_drawn_detected_and_solved(tmp_path, monkeypatch):
    monkeypatch.setattr(drawn_people, "SECONDS", 0.5)
    one = Drawn("walk", "side", 0, tmp_path / "clips", 0)
    draw([one])
    answer, seconds = solved(one, tmp_path / "runs", Options(solvers=("fast",)), sized=True)
    assert set(seconds) == {"recover", "extract", "scale", "solve"}
    motion = read_mot(answer)
    height_m, mass_kg = size(one)
    assert 1.4 < height_m < 2.1 and 40 < mass_kg < 130
    assert len(motion.time_s) == 15 and np.isfinite(motion.values).all()
    assert {path.name for path in one.folder.iterdir()} == {one.truth.name, one.keypoints.name, one.build.name}
