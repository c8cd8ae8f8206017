"""Training: learns, goes on where it was cut off, and leaves what predict loads."""

import csv
import json

import numpy as np
import pytest
import torch

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.network import Sizes
from biomech.neurik.predict import load_network, neural_kinematics
from biomech.train.neurik.data import Batches, Variation, plain
from biomech.train.neurik.noise import MarkerNoise, facing
from biomech.train.neurik.train import NeurikRecipe, measure, train

SMALL = Sizes(window=16, node_width=12, width=24, layers=1, heads=2)
AS_IT_IS = Variation(mirrored=0, posed=0, resized=0, recovered=0, white=0, dropped=0)


@pytest.fixture(scope="module")
def noise(skeleton, motions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for number in range(3):
        truth = motions.markers[number].numpy()
        walk = np.cumsum(rng.normal(0, 0.002, (16, 142, 3)), 0)
        np.savez(folder / f"train_{number}.npz", truth=truth, recovered=truth + walk + [0.5, 0, 2.0], rate_hz=30.0)
    return MarkerNoise.learn(sorted(folder.glob("*.npz")), 60.0)


def recipe(**changes) -> NeurikRecipe:
    return NeurikRecipe(**{"steps": 6, "clips": 4, "rate": 1e-3, "report_every": 3, "sizes": SMALL, **changes})


@pytest.mark.slow
def test_a_few_motions_are_learned_by_heart(skeleton, motions, tmp_path):
    batches = Batches([motions], skeleton, 8, 0, variation=AS_IT_IS)
    held_out = [plain(motions.batch(list(range(8))))]
    sizes = Sizes(window=16, node_width=24, width=64, layers=1, heads=4)
    learned = recipe(steps=400, clips=8, rate=4e-3, average=0.9, report_every=400, sizes=sizes)
    network = train(skeleton, batches, held_out, tmp_path, learned)
    figures = measure(network, held_out)
    assert figures["mae_deg"] < 1.0
    assert figures["scale_mae"] < 0.01
    assert figures["causal_mae_deg"] < 2.0


def test_training_cut_off_ends_as_if_it_had_not_been(skeleton, motions, noise, tmp_path):
    def run(folder, steps, resume=False):
        batches = Batches([motions], skeleton, 4, 7, noise=noise)
        return train(skeleton, batches, [plain(motions.batch([0]))], folder, recipe(steps=steps), resume=resume)

    # The schedule falls with the steps asked for: to be cut off is to stop at a report within the same recipe.
    whole = run(tmp_path / "whole", 6)
    half = tmp_path / "half"
    with pytest.raises(_Cut):
        batches = Batches([motions], skeleton, 4, 7, noise=noise)
        train(
            skeleton, batches, [plain(motions.batch([0]))], half, recipe(),
            progress=lambda done, _: _cut(done, 5),
        )  # fmt: skip
    assert not (half / "neurik.safetensors").exists()
    resumed = run(half, 6, resume=True)
    for (name, one), other in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other), name
    with open(half / "loss.csv", newline="") as file:
        assert [float(row["step"]) for row in csv.DictReader(file)] == [3, 6]
    assert (half / "loss.png").stat().st_size > 1000
    with pytest.raises(BioposeError, match="holds a training already"):
        run(half, 6)
    with pytest.raises(BioposeError, match="another clips"):
        train(skeleton, batches, [], half, recipe(clips=5), resume=True)

    # What it left is what predict loads; names may come in any order, and some may be missing.
    assert json.loads((half / "neurik.json").read_text())["sizes"]["window"] == 16
    network = load_network(half / "neurik.safetensors", skeleton)
    names = network.anatomy.marker_names
    time = np.arange(16) / 60
    markers = Markers(list(names), motions.markers[0].double().numpy(), time)
    one = neural_kinematics(markers, network=network)
    other = neural_kinematics(markers.select(sorted(names)), network=network)
    assert np.allclose(one.kinematics.values, other.kinematics.values, atol=1e-5)
    assert set(one.scales) == set(network.anatomy.body_names[1:])
    few = neural_kinematics(markers.select(names[:120]), network=network)
    assert np.isfinite(few.kinematics.values).all()
    with pytest.raises(BioposeError, match="needs 30"):
        neural_kinematics(markers.select(names[:5]), network=network)


class _Cut(Exception):
    pass


def _cut(done: int, at: int) -> None:
    if done == at:
        raise _Cut


def test_any_length_and_rate(skeleton, motions, tmp_path):
    batches = Batches([motions], skeleton, 4, 0)
    network = train(skeleton, batches, [plain(motions.batch([0]))], tmp_path, recipe(steps=1))
    long = type(motions)(skeleton, count=1, time=90, seed=4)
    truth = long.markers[0].double().numpy()
    markers = Markers(list(network.anatomy.marker_names), truth, np.arange(len(truth)) / 60)
    reference = neural_kinematics(markers, network=network).kinematics
    for rate in (25.0, 100.0):
        time = np.arange(0, markers.time_s[-1], 1 / rate)
        moved = np.stack([np.interp(time, markers.time_s, c) for c in markers.positions_m.reshape(len(truth), -1).T], 1)
        answer = neural_kinematics(Markers(markers.names, moved.reshape(len(time), -1, 3), time), network=network)
        assert np.array_equal(answer.kinematics.time_s, time)
        same = np.stack([np.interp(time, reference.time_s, c) for c in reference.values.T], 1)
        assert np.abs(answer.kinematics.values - same).mean() < np.deg2rad(1.0)


def test_variations_keep_markers_and_labels_together(skeleton, motions):
    for share in ("mirrored", "posed", "resized"):
        changed = Variation(**{**vars(AS_IT_IS), share: 1.0})
        batch = Batches([motions], skeleton, 6, 0, variation=changed).at(3)
        carried = skeleton.carrying(Batches([motions], skeleton, 6, 0).anatomy.marker_names).to(torch.float32)
        again = carried(batch.coordinates, batch.scales[:, None].expand(-1, 16, -1, -1)).markers
        assert (again - batch.markers).abs().max() < 1e-4, share
        same = Batches([motions], skeleton, 6, 0, variation=AS_IT_IS).at(3)
        assert (batch.coordinates - same.coordinates).abs().max() > 0.01 or share == "resized"


def test_lost_markers_and_noise_are_what_they_say(skeleton, motions, noise):
    vary = Variation(**{**vars(AS_IT_IS), "dropped": 1.0})
    lost = Batches([motions], skeleton, 16, 0, variation=vary).at(0).markers.isnan().all(-1).float().mean()
    assert 0.005 < lost < 0.3
    vary = Variation(**{**vars(AS_IT_IS), "white": 1.0})
    batch = Batches([motions], skeleton, 16, 0, variation=vary).at(0)
    assert (batch.confidence < 1).any() and (batch.confidence == 1).all(-1).all(-1).any()
    vary = Variation(**{**vars(AS_IT_IS), "recovered": 1.0})
    plain_batch = Batches([motions], skeleton, 16, 0, variation=AS_IT_IS).at(0)
    off = Batches([motions], skeleton, 16, 0, variation=vary, noise=noise).at(0).markers - plain_batch.markers
    assert 0.001 < off.norm(dim=-1).mean() < 0.05
    # Place alone is no error.
    assert off.mean((1, 2)).abs().max() < 1e-4


def test_drawn_errors_have_the_measured_covariance_and_decay(noise):
    generator = torch.Generator().manual_seed(0)
    measured = noise.errors.flatten(1)
    drawn = noise.drawn(400, 20, generator)
    assert drawn.shape == (400, 20, 142, 3)
    centred = measured - measured.mean(0)
    ratio = drawn.flatten(2).var((0, 1)).sum() / centred.var(0).sum()
    assert 0.7 < ratio < 1.3
    step = (drawn[:, 1:] - drawn[:, :-1]).square().mean() / drawn.square().mean()
    assert step < 0.5  # white noise has 2


def test_errors_are_kept_in_the_axes_that_a_person_faces(motions):
    axes = facing(motions.markers.numpy())
    assert np.allclose(axes[..., 1], [0, 1, 0])
    names = load_virtual_markers().names
    right, left = (motions.markers.numpy()[..., names.index(n), :] for n in ("RASI", "LASI"))
    assert (((right - left) * axes[..., 2]).sum(-1) > 0.1).all()


def test_noise_file_round_trip_and_refusals(noise, tmp_path):
    noise.save(tmp_path / "noise.safetensors")
    again = MarkerNoise.load(tmp_path / "noise.safetensors")
    assert (again.errors - noise.errors).abs().max() < 1e-3 and again.rate_hz == 60.0
    (tmp_path / "bad.npz").write_text("no")
    with pytest.raises(BioposeError, match="not a pair"):
        MarkerNoise.learn([tmp_path / "bad.npz"], 60.0)
    with pytest.raises(BioposeError, match="no usable frame"):
        MarkerNoise.learn([], 60.0)
    with pytest.raises(BioposeError, match="no weights"):
        load_network(tmp_path / "none.safetensors")


@torch.no_grad()
def test_batches_come_ahead_in_order(skeleton, motions):
    batches = Batches([motions], skeleton, 2, 3)
    prefetched = batches.prefetched(5)
    for step in (5, 6):
        got = next(prefetched)
        assert torch.equal(got.coordinates, batches.at(step).coordinates)
    prefetched.close()
