"""`biopose recover` and `refine` with MQ-HMR, on a folder that holds what a run of a video leaves."""

import json

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from biomech.body.motion import BodyMotion
from biomech.cli.recover import recover
from biomech.cli.refine import refine
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.detector import Region
from biomech.keypoints.heat_maps import FrameHeatMaps, HeatMaps, scaled
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.trc import read_trc
from biomech.mesh.mqhmr.bodies import anny_layer
from biomech.mesh.mqhmr.network import MQHMR, configuration
from biomech.mesh.mqhmr.point_sd import PointSd
from biomech.train.mqhmr.train import write

SMALL = configuration("compact", tokens=6, layers=2, width=16, heads=2, feed_width=16, memory_width=8, value_width=8)
FRAMES = 3


@pytest.fixture
def run(tmp_path):
    """A person in the mean pose, 4 m away; the detector sees the points where they are."""
    torch.manual_seed(0)
    network = MQHMR(SMALL, anny_layer()).eval()
    write(network, tmp_path, {})
    PointSd(np.full((33, 3), 0.03), np.full((33, 3), 0.08)).save(tmp_path / "spread.json", "flat")
    body, rng = network.body, np.random.default_rng(0)
    root = torch.tensor([[0.0, 0.0, 4.0]]).repeat(FRAMES, 1)
    with torch.no_grad():
        points = body(body.mean_shape.repeat(FRAMES, 1), body.mean_pose.repeat(FRAMES, 1, 1, 1), root)
    points = points.keypoints[:, :33].double().numpy()
    xy = points[..., :2] / points[..., 2:] * 900 + [479.5, 359.5]
    maps = (
        scaled(rng.uniform(0, 1, (39, 64, 64)) ** 8),
        np.zeros((64, 64), np.uint8),
        Region((480.0, 360.0), 600.0, 0.0),
    )
    keypoints = Keypoints(
        list(POINT_NAMES),
        xy,
        np.full((FRAMES, 33), 0.9),
        np.arange(FRAMES) / 30,
        (960, 720),
        900.0,
        "given",
        points - points[:, 23:25].mean(1, keepdims=True),
        heat_maps=HeatMaps.gathered([FrameHeatMaps.of(*maps)] * FRAMES),
    )
    keypoints.save(tmp_path / "film_keypoints.npz")
    recover = {"options": {"height_m": 1.75, "mass_kg": None}}
    record = {"source": {"name": "film.mp4"}, "stages": {"recover": recover}}
    (tmp_path / "biopose.json").write_text(json.dumps(record))
    return tmp_path


def invoked(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_writes_motion_and_markers_beside_the_runs_own(run):
    result = invoked(refine, run, "--mqhmr-weights", run / "mqhmr.safetensors", "--iterations", "2", "--json")
    assert result.exception is None, result.output
    said = json.loads(result.stdout)
    assert said["frames_seen"] == FRAMES and 0 <= said["refined"] <= FRAMES
    motion = BodyMotion.load(run / "film_refined_motion.npz")
    assert len(motion.time_s) == FRAMES and not (run / "film_motion.npz").exists()
    assert np.isfinite(read_trc(run / "film_refined.trc").positions_m).all()


def test_recovers_with_weights_of_ones_own(run):
    given = run / "film_keypoints.npz", "--recover", "mqhmr", "--mqhmr-weights", run / "mqhmr.safetensors"
    result = invoked(recover, *given, "--height", "1.75", "-o", run / "moved.npz")
    assert result.exception is None, result.output
    motion = BodyMotion.load(run / "moved.npz")
    assert len(motion.time_s) == FRAMES and np.linalg.norm(np.diff(motion.root_position_m, axis=0), axis=1).max() < 0.05
    (run / "spread.json").unlink()
    result = invoked(recover, *given, "-o", run / "again.npz")
    assert isinstance(result.exception, BioposeError) and "points stray" in str(result.exception)
    assert not (run / "again.npz").exists()


def test_of_a_body_that_was_fitted_it_says_what_to_run(run):
    record = json.loads((run / "biopose.json").read_text())
    record["source"]["name"] = "my film.mp4"
    record["stages"]["recover"]["options"]["recover"] = "fit"
    (run / "biopose.json").write_text(json.dumps(record))
    told = str(invoked(refine, run).exception)
    assert "`biopose ik 'my film.mp4'` with `recover=mqhmr`" in told


def test_needs_a_run(tmp_path):
    result = invoked(refine, tmp_path)
    assert isinstance(result.exception, BioposeError) and "no run of a video" in str(result.exception)
