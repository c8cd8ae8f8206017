"""Doubts: the packaged tables, what is silent, what is said; and that ordinary poses are left alone, others not."""

from dataclasses import replace

import numpy as np
import pytest

from biomech.bench import hard_poses
from biomech.bench.doubts import told
from biomech.bench.layouts import reduced
from biomech.bench.lens import film
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt import FILE, UNSETTLED, Doubt, judged, note, smoothed
from biomech.mesh.doubt_signals import SIGNALS, Judgeable, signals_of
from biomech.mesh.evidence import seen_by
from biomech.mesh.expected import NAMES
from biomech.mesh.habit import Habit
from biomech.mesh.recover import recover
from biomech.mesh.signatures import signed
from biomech.mesh.start import FromDetector
from biomech.names import RECOVERERS


def clip(name: str, azimuth_deg: float):
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    motion, truth = hard_poses.posed(name, shape)
    return film(motion, truth, azimuth_deg, 4.5, 67.0, ("doubt", 0)), motion


def shown(name: str = "standing", layout: str = "blazepose_2d"):
    """The truth of a pose as a recovery would show it, and what judges it."""
    one, motion = clip(name, 0.0)
    keypoints = reduced(one.keypoints, layout)
    frames = len(motion.time_s)
    motion = replace(
        motion,
        camera=one.camera,
        quality=np.ones(frames),
        coordinate_names=list(NAMES),
        coordinate_sd=np.full((frames, len(NAMES)), 0.1),
    )
    places, correspondence = Correspondence.load(AnnyBody.load([0]).bone_names).match(keypoints.names)
    (evidence,), _ = seen_by([keypoints], places, correspondence, FromDetector(), None)
    return evidence, Judgeable.of_motion(motion), correspondence, motion, keypoints


@pytest.mark.parametrize("recoverer", RECOVERERS)
def test_the_packaged_tables_are_of_these_signals(recoverer, tmp_path) -> None:
    table = Doubt.load(recoverer)
    assert len(table.weight) == len(SIGNALS) and (table.spread > 0).all()
    assert table.log_odds(table.mean[None])[0] == pytest.approx(table.bias)
    assert table.wide <= table.limit
    other = tmp_path / "doubt.json"
    other.write_text(FILE.read_text().replace(SIGNALS[0], "another"))
    with pytest.raises(BioposeError, match="other signals"):
        Doubt.load(recoverer, other)


def test_signals_see_how_the_body_is_bent_and_how_it_points_to_the_lens() -> None:
    values = {}
    for name in ("standing", "squat"):
        signals = signals_of(*shown(name)[:3], Habit.load())
        assert signals.shape[1] == len(SIGNALS) and np.isfinite(signals).all()
        values[name] = dict(zip(SIGNALS, signals[-1], strict=True))
    standing, squat = values["standing"], values["squat"]
    assert np.degrees(squat["knee"]) == pytest.approx(90, abs=1) and np.degrees(squat["hip"]) == pytest.approx(
        90, abs=1
    )
    assert standing["trunk upright"] > 0.98 > squat["trunk upright"]
    # From the front the thighs of who squats come towards the lens: against the ray.
    assert squat["thighs along the ray"] < -0.8 < standing["thighs along the ray"]
    assert squat["shanks mirrored in depth"] > standing["shanks mirrored in depth"]
    assert standing["hidden knees and ankles"] == standing["hidden elbows and wrists"] == 0
    assert squat["rarity"] > standing["rarity"]
    assert standing["speed"] < -2.5


def test_signals_are_the_same_in_any_world() -> None:
    *_, motion, keypoints = shown("squat")
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    camera: Camera = motion.camera
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    turned: BodyMotion = replace(
        motion,
        rotations=rotations,
        root_position_m=motion.root_position_m @ turn.T,
        camera=replace(camera, rotation_camera_from_world=camera.rotation_camera_from_world @ turn.T),
    )
    first, _ = told(keypoints, motion)
    second, _ = told(keypoints, turned)
    assert np.allclose(first, second, atol=1e-6)


def test_layouts_without_hands_and_feet_have_signals_too() -> None:
    signals = signals_of(*shown(layout="coco17")[:3], Habit.load())
    assert np.isfinite(signals).all()


def test_odds_are_means_of_half_a_second_whatever_the_rate() -> None:
    odds = np.zeros(60)
    odds[30] = 1.0
    assert smoothed(odds, 1 / 30).max() == pytest.approx(1 / 15)
    assert np.array_equal(smoothed(odds, 1.0), odds)


def test_a_few_frames_are_no_note() -> None:
    where = np.zeros(100, bool)
    where[:4] = True
    assert note(where) == []
    where[:30] = True
    (said,) = note(where)
    assert said.startswith(f"{UNSETTLED} in 30% of the frames")


@pytest.mark.slow
def test_who_stands_is_trusted_and_who_folds_is_not() -> None:
    for name, doubts in (("standing", False), ("downward dog", True)):
        one, _ = clip(name, 0.0)
        motion = recover(one.keypoints)
        when = hard_poses.held(one.truth)
        assert abs(np.mean([why == UNSETTLED for why in motion.doubts[when]]) - doubts) < 0.2
        assert any(UNSETTLED in said for said in motion.notes) == doubts
        assert list(signed(motion, one.keypoints).doubts) == list(motion.doubts)
        signals, interval_s = told(one.keypoints, recover(one.keypoints, initialiser=FromDetector(judged=False)))
        odds = smoothed(Doubt.load().log_odds(signals), interval_s)
        assert np.array_equal(odds > Doubt.load().limit, [bool(why) for why in motion.doubts])


def test_nothing_is_doubted_where_no_network_spoke() -> None:
    evidence, answer, correspondence, _, _ = shown("handstand")
    silent = replace(evidence, guess_sd=np.full_like(evidence.guess_sd, np.inf))
    where, sd = judged("fit", silent, answer, correspondence, Habit.load())
    assert not where.any() and (sd == 0.1).all()
