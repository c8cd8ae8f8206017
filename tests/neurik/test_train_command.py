"""`biopose train neurik` on shards as `biopose label` writes them."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.cli.train import app
from biomech.errors import BioposeError
from biomech.labels.shards import split_of, write_index, write_shard
from biomech.neurik.anatomy import Anatomy


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


def arguments(labels, out, *more):
    small = ["--window", "12", "--width", "12", "--layers", "1", "--clips", "2", "--steps", "2", "--people", "3"]
    return ["neurik", "--data", str(labels), "--out", str(out), *small, *more]


def test_command_leaves_weights_recipe_and_curve(labels, tmp_path):
    out = tmp_path / "trained"
    result = CliRunner().invoke(app, arguments(labels, out))
    assert result.exception is None, result.output
    assert "5 windows of 1 subjects" in result.output
    recipe = json.loads((out / "neurik.json").read_text())
    assert recipe["random_people"] == 3
    assert recipe["steps"] == 2 and recipe["sizes"]["width"] == 12 and recipe["held_out"]["mae_deg"] > 0
    assert (out / "neurik.safetensors").exists() and (out / "loss.csv").exists() and (out / "loss.png").exists()


def test_command_says_what_it_cannot_use(labels, tmp_path):
    nothing = CliRunner().invoke(app, arguments(tmp_path, tmp_path / "out"))
    assert isinstance(nothing.exception, BioposeError) and "no training shards" in str(nothing.exception)
    long = CliRunner().invoke(app, [*arguments(labels, tmp_path / "out"), "--window", "60"])
    assert isinstance(long.exception, BioposeError) and "no trial of 60 frames" in str(long.exception)
