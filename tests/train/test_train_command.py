"""`biopose train neurik` on shards as `biopose label` writes them."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.cli.train import app
from biomech.errors import BioposeError
from biomech.labels.library.build import build
from biomech.labels.shards import split_of, write_index, write_shard
from biomech.neurik.anatomy import Anatomy
from biomech.train.neurik.noise import in_place
from biomech.train.synthetic.make import Plan, make_shard


@pytest.fixture
def labels(skeleton, motions, tmp_path):
    """A folder with a trial of a training subject, one of a validation subject and one that is too short."""
    anatomy = Anatomy.of(skeleton)
    names = [f"s{i}" for i in range(100)]
    of = {split: next(name for name in names if split_of(name) == split) for split in ("train", "val")}
    folder = tmp_path / "labels" / "shards"
    folder.mkdir(parents=True)
    for k, (subject, frames) in enumerate(((of["train"], 16), (of["val"], 16), (of["train"], 5))):
        columns = {
            "markers": motions.markers[k, :frames].numpy(),
            "coordinates": motions.coordinates[k, :frames].numpy(),
            "joints": motions.joints[k, :frames].numpy(),
            "flags": np.zeros((frames, 40), dtype=np.uint8),
            "marker_rms": np.zeros(frames),
            "marker_max": np.zeros(frames),
            "trusted": np.ones(frames, dtype=bool),
            "scales": motions.scales[k].numpy(),
            "marker_offsets": np.zeros((142, 3)),
        }
        about = {"name": f"t{k}", "subject": subject, "source": "made", "rate_hz": 60.0, "frames": frames}
        write_shard(folder / f"t{k}.safetensors", columns, about)
    parts = {
        "coordinates": skeleton.coordinate_names,
        "rotational": skeleton.rotational.tolist(),
        "bodies": skeleton.body_names,
        "joints": skeleton.joint_names,
        "markers": anatomy.marker_names,
    }
    write_index(folder, parts)
    return tmp_path / "labels"


@pytest.mark.parametrize("command", [["neurik"], ["mqhmr"]])
def test_a_device_that_is_not_there_is_refused_at_once(tmp_path, monkeypatch, command) -> None:
    """Before anything is read: neither folder nor clips are there."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    where = ["--out", str(tmp_path / "out"), "--data", "nowhere"] if command == ["neurik"] else ["--out", "out"]
    for device, why in (("cuda", "no GPU here"), ("tpu", "no device tpu")):
        done = CliRunner().invoke(app, [*command, *where, "--device", device])
        assert isinstance(done.exception, BioposeError) and why in str(done.exception), done.output


def arguments(labels, out, *more):
    small = ["--window", "12", "--width", "12", "--layers", "1", "--clips", "2", "--steps", "2", "--people", "3"]
    return ["neurik", "--data", str(labels), "--out", str(out), *small, *more]


def test_command_leaves_weights_recipe_and_curve(labels, tmp_path):
    out = tmp_path / "trained"
    result = CliRunner().invoke(app, arguments(labels, out))
    assert result.exception is None, result.output
    assert "windows to learn from" in result.output
    recipe = json.loads((out / "neurik.json").read_text())
    assert recipe["random_people"] == 3
    assert recipe["steps"] == 2 and recipe["sizes"]["width"] == 12 and recipe["held_out"]["mae_deg"] > 0
    assert (out / "neurik.safetensors").exists() and (out / "loss.csv").exists() and (out / "loss.png").exists()


@pytest.mark.slow
def test_the_network_learns_from_a_library_and_pairs(tmp_path):
    """The whole recipe, small: motions by code on random people, clips rendered, recovered, learned from."""
    library, clips, pairs = (tmp_path / name for name in ("library", "clips", "pairs"))
    build(library, each=3)
    make_shard(clips, Plan(), 16, 0, 0, clips=2)
    result = CliRunner().invoke(app, ["pairs", str(clips), "--out", str(pairs), "--jobs", "1"])
    assert result.exception is None and "2 pairs made" in result.output, result.output
    with np.load(next(pairs.glob("train_*.npz"))) as pair:
        assert pair["truth"].shape == pair["recovered"].shape == (16, 142, 3)
        assert np.allclose(np.linalg.norm(pair["forward_to_lens"], axis=1), 1)
        off = in_place(pair["truth"], pair["recovered"]) - pair["truth"]
    assert np.linalg.norm(off, axis=-1).mean() < 0.2
    out = tmp_path / "trained"
    small = ["--window", "12", "--width", "12", "--layers", "1", "--clips", "2", "--steps", "2", "--people", "4"]
    command = ["neurik", "--library", str(library), "--pairs", str(pairs), "--out", str(out), *small]
    result = CliRunner().invoke(app, command)
    assert result.exception is None, result.output
    assert json.loads((out / "neurik.json").read_text())["calibration"]["coverage_percent"]["clean"]["all"]


def test_command_says_what_it_cannot_use(labels, tmp_path):
    nothing = CliRunner().invoke(app, arguments(tmp_path, tmp_path / "out"))
    assert isinstance(nothing.exception, BioposeError) and "no training shards" in str(nothing.exception)
    neither = CliRunner().invoke(app, ["neurik", "--out", str(tmp_path / "out"), "--steps", "1", "--people", "0"])
    assert isinstance(neither.exception, BioposeError) and "nothing to learn from" in str(neither.exception)
    none = CliRunner().invoke(app, ["pairs", str(tmp_path / "nowhere"), "--out", str(tmp_path / "pairs")])
    assert isinstance(none.exception, BioposeError) and "no rendered clips" in str(none.exception)
    long = CliRunner().invoke(app, [*arguments(labels, tmp_path / "out"), "--window", "60"])
    assert isinstance(long.exception, BioposeError) and "no trial of 60 frames" in str(long.exception)
