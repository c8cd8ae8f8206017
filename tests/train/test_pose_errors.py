"""Errors of recovered poses: measured, kept, and made again in other motions."""

import numpy as np
import pytest
import torch

from biomech.errors import BioposeError
from biomech.neurik.anatomy import Anatomy
from biomech.neurik.predict import RECOVERED_CONFIDENCE
from biomech.train.neurik.data import Batches, Variation, plain
from biomech.train.neurik.pose_errors import PoseErrors
from biomech.train.neurik.reading import Reading

NOTHING = dict.fromkeys(vars(Variation()), 0.0)
KNEE_RAD = -0.2


class Solver:
    """Gives back the coordinates of the motions that the markers are of, as a perfect solver would."""

    def __init__(self, clips):
        self.clips = clips  # markers, coordinates, scales

    def __call__(self, positions_m, neutral_m):
        near = [np.abs(positions_m[0] - clip[0][0]).max() for clip in self.clips]
        _, coordinates, scales = self.clips[int(np.argmin(near))]
        return Reading(torch.from_numpy(coordinates).double(), torch.from_numpy(scales).double())


@pytest.fixture(scope="module")
def knee(skeleton):
    return skeleton.coordinate_names.index("knee_angle_r")


@pytest.fixture(scope="module")
def pair(skeleton, motions, knee, tmp_path_factory):
    """A clip whose right knee was seen too straight and whose person 5 % too large; the solver that reads it."""
    model = skeleton.carrying(Anatomy.of(skeleton).marker_names).float()
    wrong = motions.coordinates[0].clone()
    wrong[:, knee] += KNEE_RAD
    scales = motions.scales[0] * 1.05
    scales[0] = 1
    seen = model(wrong, scales.expand(len(wrong), -1, -1)).markers.numpy()
    truth = motions.markers[0].numpy()
    folder = tmp_path_factory.mktemp("pairs")
    neutral = truth[0]
    np.savez(
        folder / "train_0.npz",
        truth=truth, recovered=seen, rate_hz=60.0, neutral_truth=neutral, neutral_recovered=neutral,
    )  # fmt: skip
    right = (truth, motions.coordinates[0].numpy(), motions.scales[0].numpy())
    return folder, Solver([right, (seen, wrong.numpy(), scales.numpy())])


@pytest.fixture(scope="module")
def poses(skeleton, pair):
    folder, solver = pair
    return PoseErrors.learn(sorted(folder.glob("*.npz")), 60.0, solver, skeleton.rotational)


def test_errors_are_recovered_less_true(skeleton, motions, poses, knee, tmp_path):
    expected = torch.zeros(16, len(skeleton.coordinate_names))
    expected[:, knee] = KNEE_RAD
    assert torch.allclose(poses.errors, expected, atol=1e-6)
    assert torch.allclose(poses.sizes[0, 1:], torch.tensor(1.05))
    assert torch.allclose(poses.coordinates, motions.coordinates[0]) and poses.first.tolist() == [0, 16]
    poses.save(tmp_path / "poses.safetensors")
    again = PoseErrors.load(tmp_path / "poses.safetensors")
    assert torch.equal(again.markers, poses.markers) and torch.equal(again.sizes, poses.sizes)


def test_a_misjudged_clip_shows_the_wrong_pose_and_keeps_its_label(skeleton, motions, poses, knee):
    variation = Variation(**NOTHING | {"pose_errors": 1.0})
    batches = Batches([motions], skeleton, 2, 0, variation=variation, poses=poses)
    window = motions.batch([1, 2])
    made, own = batches.varied(window, torch.Generator().manual_seed(0)), plain(window)
    assert torch.equal(made.coordinates, own.coordinates) and torch.equal(made.scales, own.scales)
    assert (made.confidence == RECOVERED_CONFIDENCE).all()
    model = skeleton.carrying(Anatomy.of(skeleton).marker_names).float()
    for clip in range(2):  # the amount is drawn; one must explain all markers
        best = []
        for amount in torch.linspace(0.5, 1.5, 101):
            coordinates = own.coordinates[clip].clone()
            coordinates[:, knee] += amount * KNEE_RAD
            sizes = own.scales[clip] * poses.sizes[0] ** amount
            posed = model(coordinates, sizes.expand(16, -1, -1)).markers
            best.append(float((posed - made.markers[clip]).norm(dim=-1).max()))
        assert min(best) < 3e-3


def test_paired_clips_are_the_recovered_ones(skeleton, motions, poses):
    variation = Variation(**NOTHING | {"paired": 1.0})
    batches = Batches([motions], skeleton, 2, 0, variation=variation, poses=poses)
    made = batches.varied(motions.batch([1, 2]), torch.Generator().manual_seed(0))
    rows = [int((poses.markers == frame).flatten(1).all(1).nonzero()) for frame in made.markers[0]]
    assert torch.equal(made.coordinates[0], poses.coordinates[rows]) and made.mask.all()
    assert torch.equal(made.scales[0], poses.scales[0]) and (made.confidence == RECOVERED_CONFIDENCE).all()


def test_a_pair_without_neutral_postures_is_refused(skeleton, pair, tmp_path):
    with np.load(pair[0] / "train_0.npz") as file:
        np.savez(tmp_path / "train_0.npz", **{name: file[name] for name in ("truth", "recovered", "rate_hz")})
    with pytest.raises(BioposeError, match=r"without neutral postures"):
        PoseErrors.learn([tmp_path / "train_0.npz"], 60.0, pair[1], skeleton.rotational)


def test_files_that_are_not_pairs_are_refused(skeleton, pair, tmp_path):
    (tmp_path / "train_0.npz").write_bytes(b"no")
    with pytest.raises(BioposeError, match="not a pair"):
        PoseErrors.learn([tmp_path / "train_0.npz"], 60.0, pair[1], skeleton.rotational)
    with pytest.raises(BioposeError, match="no usable clip"):
        PoseErrors.learn([], 60.0, pair[1], skeleton.rotational)
    with pytest.raises(BioposeError, match="not a file of recovered poses"):
        PoseErrors.load(tmp_path / "train_0.npz")
