"""Clips as a renderer writes them, training on them and on pictures, `biopose train mqhmr`."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from biomech.cli.train import app
from biomech.errors import BioposeError
from biomech.keypoints.heat_maps import scaled
from biomech.mesh.mqhmr.bodies import anny_layer
from biomech.mesh.mqhmr.deformable import DeformableAttention
from biomech.mesh.mqhmr.encoder import VIT_SIZES, VitSize
from biomech.mesh.mqhmr.load import load_mqhmr
from biomech.mesh.mqhmr.network import CONFIGS, MQHMR, configuration
from biomech.train.loop import Schedule
from biomech.train.mqhmr.losses import completed
from biomech.train.mqhmr.train import MqhmrRecipe, joined, measure, prepare, train_mqhmr
from biomech.train.synthetic.clips import Clip, Clips

SMALL = configuration("compact", tokens=6, layers=2, width=16, heads=2, feed_width=16, memory_width=8, value_width=8)
SCHEDULE = Schedule(steps=4, report_every=2, warm_steps=1)


@pytest.fixture(scope="module")
def body():
    return anny_layer()


@pytest.fixture(scope="module")
def folder(clip_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, seed in (("train_0", 0), ("train_1", 1), ("held_out_0", 2)):
        clip_of(seed).save(folder / f"{name}.npz")
    return folder


def trained(body, folder, out, schedule=SCHEDULE, config=SMALL, **more):
    torch.manual_seed(0)
    data = Clips(folder, "train", "anny", 2), Clips(folder, "held_out", "anny")
    recipe = MqhmrRecipe(config=config, schedule=schedule, items=2)
    return train_mqhmr(MQHMR(config, body), *data, joined, out, recipe, **more)


def test_clip_is_what_was_saved(clip_of, folder, tmp_path):
    clip, again = clip_of(0), Clip.load(folder / "train_0.npz")
    np.testing.assert_array_equal(again.heat, clip.heat)
    np.testing.assert_allclose(again.rotations, clip.rotations)
    assert again.focal_px == 900 and again.body == "anny"
    assert scaled(np.array([-0.1, 0.5, 2.0])).tolist() == [0, 128, 255]
    np.savez(tmp_path / "train_1.npz", heat=clip.heat)
    with pytest.raises(BioposeError, match="not a clip"):
        Clips(tmp_path, "train", "anny")[0]
    with pytest.raises(BioposeError, match=r"no clips held_out_"):
        Clips(tmp_path, "held_out", "anny")
    with pytest.raises(BioposeError, match="of the body 'anny', not 'smpl'"):
        Clips(folder, "train", "smpl")[0]


def test_items_are_frames_of_one_clip(body, folder):
    clips = Clips(folder, "train", "anny", frames=2)
    first, again, other = (clips[i][0].evidence.xy for i in (0, 0, 0 + 2 * len(clips)))
    assert first.shape == (2, 33, 2) and torch.equal(first, again) and not torch.equal(first, other)
    known = torch.from_numpy(Clip.load(folder / "train_0.npz").xy)
    assert all(any(torch.equal(row, frame) for frame in known) for row in other)
    inputs, truth = joined([clips[0], clips[1]])
    assert inputs.evidence.heat.shape == (4, 39, 64, 64) and 0 <= inputs.evidence.heat.min() <= 1
    whole = completed(MQHMR(SMALL, body), truth, inputs.crop)
    assert (whole.confidence_2d == 1).all() and whole.keypoints_m.isfinite().all()
    assert truth.confidence_2d.sum() == 0
    # A person upright about the root, 4 m away, 900 px of focal length: the crown some 0.8 m above.
    crown, pelvis = whole.keypoints_px[0, 35], whole.keypoints_px[0, 33]
    assert 0.6 < (pelvis - crown)[1] / 900 * 4 < 1.1


@pytest.mark.slow
def test_resumed_training_is_the_same(body, folder, tmp_path):
    whole = trained(body, folder, tmp_path / "whole")

    def stop_in_the_third_step(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(body, folder, tmp_path / "cut", progress=stop_in_the_third_step)
    again = trained(body, folder, tmp_path / "cut", resume=True)
    for ours, theirs in zip(again.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    with pytest.raises(BioposeError, match="holds a training already"):
        trained(body, folder, tmp_path / "cut")
    with pytest.raises(BioposeError, match="another config"):
        trained(body, folder, tmp_path / "cut", config=replace(SMALL, points=3), resume=True)


def test_weights_load_and_answer_the_same(body, folder, tmp_path):
    network = trained(body, folder, tmp_path)
    loaded = load_mqhmr(tmp_path / "mqhmr.safetensors")
    inputs, _ = Clips(folder, "held_out", "anny")[0]
    with torch.no_grad():
        torch.testing.assert_close(loaded(inputs).rotations, network(inputs).rotations, atol=0.01, rtol=0)
    said = json.loads((tmp_path / "mqhmr.json").read_text())
    assert said["config"]["tokens"] == 6 and said["held_out"]["steps"] == 4
    figures = measure(loaded, Clips(folder, "held_out", "anny"), joined)
    assert figures["mpjpe_mm"] == pytest.approx(said["held_out"]["mpjpe_mm"], rel=0.05)
    assert 0 < figures["pa_mpjpe_mm"] < figures["mpjpe_mm"] < 150  # it starts at the mean pose, which is the truth
    (tmp_path / "other.safetensors").write_bytes((tmp_path / "mqhmr.safetensors").read_bytes())
    with pytest.raises(BioposeError, match="not a network"):
        load_mqhmr(tmp_path / "other.safetensors")


def test_half_precision_keeps_geometry_exact(body, folder):
    network = MQHMR(SMALL, body).eval()
    inputs, _ = Clips(folder, "held_out", "anny")[0]
    with torch.no_grad():
        usual = network(inputs)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(inputs)
    assert half.rotations.dtype == half.root_position_m.dtype == torch.float32
    identity = half.rotations @ half.rotations.mT
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)
    torch.testing.assert_close(half.rotations, usual.rotations, atol=0.01, rtol=0)


def test_half_precision_looks_at_the_same_places():
    """A ramp across the map, read near its right end: within a hundredth of a cell, not of half precision's steps."""
    attention = DeformableAttention(8, heads=2, levels=1, points=1)
    with torch.no_grad():
        attention.value_proj.weight.copy_(torch.eye(8))
        attention.sampling_offsets.bias.zero_()
        attention.output_proj.weight.copy_(torch.eye(8))
    ramp = [(torch.arange(64.0) / 64).expand(1, 8, 64, 64)]
    places = torch.tensor([[[0.90 + 0.001 * i, 0.5] for i in range(10)]])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        values = attention.value_proj(torch.zeros(1, 1, 8))
        seen = attention(torch.zeros(1, 10, 8), places, ramp)[0, :, 0].float()
    assert values.dtype == torch.bfloat16 and seen.diff().min() >= 0 and len(seen.unique()) > 2
    torch.testing.assert_close(seen, places[0, :, 0] - 0.5 / 64, atol=0.004, rtol=0)


def test_command_on_clips(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(CONFIGS, "compact", SMALL)
    arguments = ["mqhmr", "--clips", str(folder), "--tokens", "6", "--steps", "1", "--items", "1", "--frames", "2"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--threads", "1"])
    assert result.exception is None, result.output
    assert "2 clips to learn from, 1 held out" in result.output
    for name in ("mqhmr.safetensors", "mqhmr.json", "loss.csv", "loss.png", "checkpoint.pt"):
        assert (tmp_path / "out" / name).exists()


def test_command_on_pictures(tmp_path, monkeypatch):
    monkeypatch.setitem(VIT_SIZES, "S", VitSize(24, 1, 2))
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((200, 150, 3), 90, np.uint8))
    joints = [[20.0 + 5 * i, 30.0 + 9 * i] for i in range(16)]
    row = {"image": "a.jpg", "center": [70, 100], "scale": 0.8, "joints": joints, "joints_vis": [1] * 16}
    (tmp_path / "mpii.json").write_text(json.dumps([row, row]))
    people = f"mpii={tmp_path / 'mpii.json'},{tmp_path}"
    arguments = ["mqhmr", "--size", "S", "--people", people, "--held-out", people, "--steps", "1", "--items", "2"]
    result = CliRunner().invoke(app, [*arguments, "--tokens", "4", "--out", str(tmp_path / "out"), "--threads", "1"])
    assert result.exception is None, result.output
    said = json.loads((tmp_path / "out" / "mqhmr.json").read_text())
    assert said["held_out"]["crop_error"] > 0 and said["held_out"]["mpjpe_mm"] == 0  # no 3D in MPII
    assert said["recipe"]["maps"] > 0 and load_mqhmr(tmp_path / "out" / "mqhmr.safetensors").config.front == "rgb"
    header = (tmp_path / "out" / "loss.csv").read_text().splitlines()[0]
    assert "maps" in header.split(",")
    without = [*arguments, "--tokens", "4", "--out", str(tmp_path / "plain"), "--threads", "1", "--maps", "0"]
    result = CliRunner().invoke(app, without)
    assert result.exception is None, result.output
    assert "maps" not in json.loads((tmp_path / "plain" / "mqhmr.json").read_text())["recipe"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "trained with `clips`"),
        (["--size", "S", "--people", "coco=a,b"], "`held_out`"),
        (["--size", "S", "--people", "lsp=a,b", "--held-out", "coco=a,b"], "not a data set: lsp"),
        (["--size", "S", "--people", "3dpw=a,b", "--held-out", "coco=a,b"], "not looked into unasked"),
        (["--size", "XXL"], "no network 'XXL'"),
    ],
)
def test_command_says_what_it_cannot_do(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setitem(VIT_SIZES, "S", VitSize(24, 1, 2))
    result = CliRunner().invoke(app, ["mqhmr", "--out", str(tmp_path), *arguments])
    assert isinstance(result.exception, BioposeError) and message in str(result.exception)


def test_the_first_guess_is_learned_alone(body, folder, tmp_path):
    """Neither maps nor decoder are touched, and the whole network can start from it."""
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in MQHMR(SMALL, body).named_parameters()}
    data = Clips(folder, "train", "anny", 2, maps=False), Clips(folder, "held_out", "anny", maps=False)
    recipe = MqhmrRecipe(config=SMALL, schedule=SCHEDULE, items=2, only_guess=True)
    torch.manual_seed(0)
    train_mqhmr(MQHMR(SMALL, body), *data, joined, tmp_path, recipe)
    after = load_mqhmr(tmp_path / "mqhmr.safetensors").state_dict()
    changed = {name.split(".")[0] for name in before if not torch.allclose(before[name], after[name], 2e-3, 2e-4)}
    assert changed == {"evidence", "guess_head"}
    prepared = prepare(MqhmrRecipe(config=SMALL), folder, [], [], start=tmp_path / "mqhmr.safetensors")
    torch.testing.assert_close(
        prepared.network.state_dict()["guess_head.layers.1.bias"], after["guess_head.layers.1.bias"]
    )
