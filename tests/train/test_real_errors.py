"""Errors of the real detector on other motions: they come back from a clip as they are, and go to what looks alike."""

from pathlib import Path

import numpy as np
import pytest

from biomech.mesh.features import SIZE
from biomech.mesh.sequence import INPUTS, MIRROR, POINTS
from biomech.train.real_errors import RealErrors, with_real_errors
from biomech.train.sequence_data import Moving, seen_clips

FRAMES = 6


@pytest.fixture
def errors(clip_of, tmp_path: Path) -> RealErrors:
    paths = [tmp_path / f"train_000_{seed:06d}_00.npz" for seed in range(2)]
    for seed, path in enumerate(paths):
        clip_of(seed, FRAMES).save(path)
    return RealErrors.of(seen_clips(paths))


def test_a_clip_and_its_mirror_image_err_alike(errors: RealErrors) -> None:
    clips = len(errors.picture) // 2
    assert errors.frames == FRAMES
    np.testing.assert_allclose(errors.picture[clips:], errors.picture[:clips, :, MIRROR] * [-1, 1])
    np.testing.assert_allclose(errors.said[clips:], errors.said[:clips, :, MIRROR] * [-1, 1, 1])


def test_the_most_alike_is_the_same_clip(errors: RealErrors, monkeypatch) -> None:
    monkeypatch.setattr("biomech.train.real_errors.ALIKE", 1)
    truth = errors.looks[1].reshape(-1, POINTS, 3)
    at = np.linspace(0, FRAMES - 1, len(truth)).round().astype(int)
    whole = np.zeros((FRAMES, POINTS, 3), np.float32)
    whole[at] = truth
    assert errors.most_alike(whole, np.random.default_rng(0)) == 1


def test_motions_bear_errors_and_3d(errors: RealErrors) -> None:
    rng = np.random.default_rng(1)
    person = rng.normal(0, 0.3, (1, 1, POINTS, 3)) + np.array([0.0, 1.0, 0.0])
    moving = Moving(np.repeat(person, 10, 1), np.zeros((1, 10, SIZE)), np.array([1.7]))
    batch = with_real_errors(moving, np.array([0, 0]), errors, rng)
    assert batch.columns.shape == (2, FRAMES, INPUTS)
    assert (batch.columns[..., -1] == 1).all()
    assert np.isfinite(batch.columns.numpy()).all()
