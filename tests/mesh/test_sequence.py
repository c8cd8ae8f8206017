"""The sequence network: its columns, mirror images, other rates and detectors, and that it learns."""

import numpy as np
import torch

from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.features import SIZE
from biomech.mesh.sequence import (
    INPUTS,
    POINTS,
    RATE_HZ,
    SequenceNet,
    columns_of,
    guess,
    mirrored_columns,
    seen_over_time,
)
from biomech.train.sequence import loss_of
from biomech.train.sequence_data import Moving, filmed, in_mirror, without_3d

CENTER = np.array([360.0, 640.0])


def clip(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    xy = CENTER + rng.normal(0, 100, (1, POINTS, 2)) + rng.normal(0, 3, (frames, POINTS, 2))
    return xy, np.ones((frames, POINTS)), rng.normal(0, 0.3, (frames, POINTS, 3))


def moving(motions: int = 3, frames: int = 30) -> Moving:
    rng = np.random.default_rng(0)
    people, moved = rng.normal(0, 0.3, (motions, 1, POINTS, 3)), rng.normal(0, 0.01, (motions, frames, POINTS, 3))
    points = people + moved + np.array([0.0, 1.0, 0.0])
    return Moving(points, rng.normal(0, 0.2, (motions, frames, SIZE)), np.full(motions, 1.7))


def test_columns_of_a_mirrored_picture_are_mirrored_columns() -> None:
    from biomech.mesh.sequence import MIRROR

    xy, present, world = clip(5)
    there = columns_of(xy, present, world, 1000.0, CENTER)
    assert there.shape == (5, INPUTS)
    other = xy[:, MIRROR] * [-1, 1] + [2 * CENTER[0], 0]
    seen = columns_of(other, present, world[:, MIRROR] * [-1, 1, 1], 1000.0, CENTER)
    np.testing.assert_allclose(mirrored_columns(torch.from_numpy(there)).numpy(), seen, atol=1e-9)


def test_absent_points_say_nothing() -> None:
    xy, present, _ = clip(4)
    present[:, 5] = 0
    one = columns_of(xy, present, None, 1000.0, CENTER)
    xy[:, 5] += 500
    np.testing.assert_array_equal(one, columns_of(xy, present, None, 1000.0, CENTER))


def test_the_same_seconds_at_any_rate_say_nearly_the_same() -> None:
    def said(rate_hz: float) -> np.ndarray:
        time_s = np.arange(0, 2, 1 / rate_hz)
        xy = np.tile(clip(1)[0], (len(time_s), 1, 1)) + (20 * np.sin(4 * time_s))[:, None, None]
        answer = seen_over_time(list(POINT_NAMES), xy, np.ones(xy.shape[:2]), None, time_s, 1000.0, CENTER)
        assert answer.features.shape == (len(time_s), SIZE) and answer.points.shape == (len(time_s), POINTS, 3)
        return answer.features[:: round(rate_hz / RATE_HZ)][:25]

    np.testing.assert_allclose(said(15.0), said(60.0), atol=0.05)


def test_one_frame_and_another_detector_s_points() -> None:
    xy, present, _ = clip(1)
    some = [POINT_NAMES.index(name) for name in ("left_hip", "right_hip", "left_knee", "right_knee", "nose")]
    names = [POINT_NAMES[k] for k in some] + ["left_big_toe"]
    picture = np.concatenate([xy[:, some], xy[:, :1]], 1)
    answer = seen_over_time(names, picture, present[:, :6], None, np.array([0.5]), 1000.0, CENTER)
    assert np.isfinite(answer.features).all() and (answer.features_sd > 0).all()


def test_a_clip_and_its_mirror_image_get_mirrored_answers() -> None:
    from biomech.mesh.features import mirrored

    columns = torch.from_numpy(columns_of(*clip(20), 1000.0, CENTER)).float()
    one, other = guess(columns.numpy()), guess(mirrored_columns(columns).numpy())
    np.testing.assert_allclose(mirrored(one.features), other.features, atol=1e-4)


def test_it_learns() -> None:
    torch.manual_seed(0)
    rng, network = np.random.default_rng(0), SequenceNet(width=24, dropout=0.0)
    batch = filmed(moving(), np.arange(3), 16, RATE_HZ, rng)
    assert batch.columns.shape == (3, 16, INPUTS) and torch.isfinite(batch.columns).all()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for step in range(30):
        loss = loss_of(network, in_mirror(batch) if step % 2 else without_3d(batch, 0.5, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.3


def test_a_spread_beyond_all_measure_has_a_gradient() -> None:
    network = SequenceNet(width=8)
    torch.nn.init.constant_(network.last.bias, 1e3)
    batch = filmed(moving(), np.arange(1), 6, RATE_HZ, np.random.default_rng(0))
    loss_of(network, batch).backward()
    assert all(torch.isfinite(part.grad).all() for part in network.parameters() if part.grad is not None)
