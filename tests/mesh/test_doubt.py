"""Doubts: the packaged table, what is silent, what is said; and that ordinary poses are left alone, others not."""

from dataclasses import replace

import numpy as np
import pytest

from biomech.bench import hard_poses
from biomech.bench.doubts import told
from biomech.bench.lens import film
from biomech.body.anny import AnnyBody
from biomech.body.linkage import pose_of_bones
from biomech.errors import BioposeError
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.doubt import FILE, SIGNALS, UNSETTLED, Doubt, judged, note, smoothed
from biomech.mesh.evidence import seen_by
from biomech.mesh.habit import Habit
from biomech.mesh.recover import recover
from biomech.mesh.signatures import signed
from biomech.mesh.start import FromDetector


def clip(name: str, azimuth_deg: float):
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    motion, truth = hard_poses.posed(name, shape)
    return film(motion, truth, azimuth_deg, 4.5, 67.0, ("doubt", 0))


def test_the_packaged_table_is_of_these_signals(tmp_path) -> None:
    table = Doubt.load()
    assert len(table.weight) == len(SIGNALS) and (table.spread > 0).all()
    assert table.log_odds(table.mean[None])[0] == pytest.approx(table.bias)
    other = tmp_path / "doubt.json"
    other.write_text(FILE.read_text().replace(SIGNALS[0], "another"))
    with pytest.raises(BioposeError, match="other signals"):
        Doubt.load(other)


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
        one = clip(name, 0.0)
        motion = recover(one.keypoints)
        when = hard_poses.held(one.truth)
        assert abs(np.mean([why == UNSETTLED for why in motion.doubts[when]]) - doubts) < 0.2
        assert any(UNSETTLED in said for said in motion.notes) == doubts
        assert list(signed(motion, one.keypoints).doubts) == list(motion.doubts)
        signals, interval_s = told(one.keypoints, recover(one.keypoints, initialiser=FromDetector(judged=False)))
        odds = smoothed(Doubt.load().log_odds(signals), interval_s)
        assert np.array_equal(odds > Doubt.load().limit, [bool(why) for why in motion.doubts])


def test_nothing_is_doubted_where_no_network_spoke() -> None:
    one = clip("handstand", 0.0)
    places, correspondence = Correspondence.load(AnnyBody.load([0]).bone_names).match(one.keypoints.names)
    (evidence,), _ = seen_by([one.keypoints], places, correspondence, FromDetector(), None)
    silent = replace(evidence, guess_sd=np.full_like(evidence.guess_sd, np.inf))
    frames = len(evidence.xy)
    body = AnnyBody.load([0])
    rotations = np.tile(np.eye(3), (frames, len(body.bone_names), 1, 1))
    pose = pose_of_bones(body, body.default_shape().double().numpy(), rotations)
    where, sd = judged(silent, pose, np.ones((frames, 40)), np.ones(frames), Habit.load())
    assert not where.any() and (sd == 1).all()
