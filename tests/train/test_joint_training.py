"""MQ-HMR tuned through NeurIK: markers with gradients, true coordinates, `biopose train joint`."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from biomech.body.motion import BodyMotion
from biomech.cli.train import app
from biomech.errors import BioposeError
from biomech.markers.virtual import extract, marker_body
from biomech.mesh.mqhmr.network import MQHMR, configuration
from biomech.neurik.network import coordinates_in_mirror
from biomech.train.mqhmr.joint import load_both
from biomech.train.mqhmr.losses import MeshLossWeights
from biomech.train.mqhmr.through_neurik import (
    Carried,
    JointClips,
    JointWeights,
    joint_figures,
    joint_losses,
    solved,
    together,
)
from biomech.train.mqhmr.train import MqhmrRecipe, prepare, write
from biomech.train.synthetic.clips import Clips

SMALL = configuration("compact", tokens=6, layers=2, width=16, heads=2, feed_width=16, memory_width=8, value_width=8)


@pytest.fixture(scope="module")
def folder(clip_of, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, seed in (("train_0", 0), ("train_1", 1), ("held_out_0", 2)):
        clip_of(seed).save(folder / f"{name}.npz")
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    write(MQHMR.build(SMALL), folder, {})
    return folder / "mqhmr.safetensors"


@pytest.fixture(scope="module")
def both(start):
    return load_both(start)


def test_markers_are_those_of_inference(both, folder) -> None:
    network, solver = both
    _, truth, _ = JointClips(Clips(folder, "train", "anny"), solver)[0]
    body = marker_body()
    motion = BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=truth.rotations.double().numpy(),
        root_position_m=truth.root_position_m.double().numpy(),
        shape=truth.betas[0].double().numpy(),
        shape_names=list(body.shape_names),
        time_s=np.arange(3) / 15,
    )
    found = Carried(network.body)(truth.betas, truth.rotations, truth.root_position_m)
    np.testing.assert_allclose(found.numpy(), extract(body, motion).positions_m, atol=1e-5)


def test_true_markers_give_true_coordinates(both, folder) -> None:
    """The clips' own coordinates are what NeurIK says of the true body, but for NeurIK's own error."""
    network, solver = both
    clips = JointClips(Clips(folder, "held_out", "anny"), solver)
    figures = joint_figures(None, solver, Carried(network.body), clips)
    assert figures["marker_mm"] < 0.2 and figures["mae_deg"] < 3
    assert joint_figures(network.eval(), solver, Carried(network.body), clips)["mae_deg"] > figures["mae_deg"]


def test_a_mirror_changes_what_it_has_to(both, folder) -> None:
    network, solver = both
    mirrored = JointClips(Clips(folder, "train", "anny", bone_names=network.body.bone_names), solver)
    usual = JointClips(Clips(folder, "train", "anny"), solver)
    index = next(i for i in range(40) if mirrored.clips.drawn(i).mirrored)
    _, _, ours = mirrored[index]
    _, truth, theirs = usual[index]
    there = coordinates_in_mirror(solver.anatomy, theirs.coordinates)
    turns = [k for k, name in enumerate(solver.anatomy.coordinate_names) if "pro_sup" not in name]
    torch.testing.assert_close(ours.coordinates[..., turns], there[..., turns], atol=0.02, rtol=0)
    assert torch.equal(ours.known, theirs.known) and ours.known.any()
    markers = Carried(network.body)(truth.betas, truth.rotations, truth.root_position_m)
    assert solved(solver, markers, theirs).shape == theirs.coordinates.shape


def test_angles_reach_the_decoder_and_not_neurik(both, folder) -> None:
    network, solver = both
    clips = JointClips(Clips(folder, "train", "anny"), solver)
    batch, carried = together([clips[0], clips[1]]), Carried(network.body)
    nothing = MeshLossWeights(*(0.0 for _ in range(6)))
    for weights in (JointWeights(0, 1), JointWeights(1, 0)):
        network.zero_grad()
        parts = joint_losses(network, solver, carried, nothing, weights, network.train(), batch, 0)
        parts["loss"].backward()
        gradient = network.decoder.layers[-1].feed[0].weight.grad
        assert gradient.isfinite().all() and gradient.abs().sum() > 0
    assert all(parameter.grad is None for parameter in solver.parameters())
    network.zero_grad()
    alone = joint_losses(network, solver, carried, MeshLossWeights(), JointWeights(0, 0), network.eval(), batch, 0)
    assert "angles" not in alone


def test_command_goes_on(folder, start, tmp_path) -> None:
    out = tmp_path / "out"
    command = ["joint", "--clips", str(folder), "--start", str(start), "--out", str(out), "--items", "2"]
    first = CliRunner().invoke(app, [*command, "--steps", "1", "--threads", "1"])
    assert first.exception is None, first.output
    again = CliRunner().invoke(app, [*command, "--steps", "2", "--threads", "1", "--resume"])
    assert again.exception is None, again.output
    said = json.loads((out / "mqhmr.json").read_text())
    assert (
        said["held_out"]["steps"] == 2 and said["held_out"]["mae18_deg"] > 0 and said["recipe"]["added"]["angles"] > 0
    )
    other = CliRunner().invoke(app, [*command, "--steps", "2", "--angles", "0", "--resume"])
    assert isinstance(other.exception, BioposeError) and "another added" in str(other.exception)


def test_a_network_of_pictures_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "biomech.train.mqhmr.joint.load_mqhmr",
        lambda path: type("Network", (), {"config": configuration("S")})(),
    )
    with pytest.raises(BioposeError, match="the detector's evidence"):
        load_both(tmp_path / "mqhmr.safetensors")


def test_only_the_guess_is_taken(folder, start) -> None:
    """Whatever number of tokens it had."""
    torch.manual_seed(1)
    other = configuration("compact", **{**SMALL.__dict__, "tokens": 9})
    network = prepare(MqhmrRecipe(config=other), folder, [], [], guess=start).network
    given, _ = load_both(start)
    torch.testing.assert_close(network.guess_head.state_dict(), given.guess_head.state_dict())
    assert network.decoder.queries.shape[0] == 9
    wider = configuration("compact", **{**SMALL.__dict__, "width": 32})
    with pytest.raises(BioposeError, match="other sizes"):
        prepare(MqhmrRecipe(config=wider), folder, [], [], guess=start)


def test_goes_on_only_with_the_networks_it_began_with(folder, start, tmp_path) -> None:
    out = tmp_path / "out"
    command = ["joint", "--clips", str(folder), "--out", str(out), "--items", "2", "--threads", "1"]
    first = CliRunner().invoke(app, [*command, "--start", str(start), "--steps", "1"])
    assert first.exception is None, first.output
    other = CliRunner().invoke(app, [*command, "--steps", "2", "--resume"])
    assert isinstance(other.exception, BioposeError) and "another start" in str(other.exception)


def test_clips_that_make_no_batch_are_named(both, clip_of, tmp_path) -> None:
    _, solver = both
    clip_of(0).save(tmp_path / "train_0.npz")
    clips = JointClips(Clips(tmp_path, "train", "anny"), solver)
    clips.longest = 1
    with pytest.raises(BioposeError, match="NeurIK's window holds 1"):
        clips[0]
