"""The bench of MQ-HMR on tiny data: what its errors are of, which angles it measures, what it says of failures."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from biomech.bench import mqhmr_rendered
from biomech.bench.drawn_people import camera_at
from biomech.bench.mqhmr import against, of_camera
from biomech.bench.mqhmr_pictures import draw_failures, why
from biomech.bench.mqhmr_rendered import HIPS, bench_rendered, detector_errors, held_out_frames
from biomech.cli.bench import app
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.keypoints.heat_maps import scaled
from biomech.mesh.mqhmr.bodies import anny_layer
from biomech.mesh.mqhmr.network import MQHMR, configuration
from biomech.mesh.mqhmr.point_sd import PointSd
from biomech.mesh.rays import towards
from biomech.train.mqhmr.train import write
from biomech.train.synthetic.clips import Clip
from biomech.train.synthetic.make import keypoints_of

SMALL = configuration("compact", tokens=6, layers=2, width=16, heads=2, feed_width=16, memory_width=8, value_width=8)
POINT_SD = PointSd(np.full((33, 3), 0.03), np.full((33, 3), 0.08))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return MQHMR(SMALL, anny_layer()).eval()


def clip_of(network, distance_m, frames=3):
    """The mean pose before the lens; the detector says where its points are, exactly, in the picture and in space."""
    body, rng = network.body, np.random.default_rng(0)
    root = torch.tensor([[0.4, 0.2, distance_m]]).repeat(frames, 1)
    rotations = body.mean_pose.repeat(frames, 1, 1, 1)
    with torch.no_grad():
        points = body(body.mean_shape.repeat(frames, 1), rotations, root).keypoints[:, :33].double().numpy()
    assert body.keypoint_names[:33] == list(POINT_NAMES)
    center = np.array([479.5, 359.5])
    xy = points[..., :2] / points[..., 2:] * 900 + center
    confidence = np.full((frames, 33), 0.9)
    turn = towards(xy, confidence, center, 900.0)
    return Clip(
        heat=scaled(rng.uniform(0, 1, (frames, 39, 64, 64)) ** 8),
        mask=scaled(rng.integers(0, 2, (frames, 64, 64))),
        xy=xy,
        confidence=confidence,
        world_m=np.einsum("fji,fpj->fpi", turn, points - points[:, HIPS].mean(1, keepdims=True)),
        center_px=xy.mean(1),
        size_px=np.ptp(xy[..., 1], axis=1) * 1.3,
        angle_rad=np.zeros(frames),
        focal_px=900.0,
        principal_px=center,
        body="anny",
        rotations=rotations.numpy(),
        betas=body.mean_shape.numpy(),
        root_position_m=root.numpy(),
        up=np.array([0.0, -1.0, 0.0]),
        floor_m=-1.2,
    )


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for name, distance in (("held_out_0", 5.0), ("held_out_1", 1.0), ("train_0", 3.0)):
        clip_of(network, distance).save(folder / f"{name}.npz")
    return folder


def test_errors_are_of_the_true_body(network, folder):
    rendered = held_out_frames(folder, network, frames=2)
    assert rendered.names[:2] == ["held_out_0 frame 0", "held_out_0 frame 2"] and len(rendered.names) == 4
    assert rendered.distance_m.round().tolist() == [5, 5, 1, 1]
    detector = detector_errors(rendered).figures()
    assert detector["mpjpe_mm"] < 0.2 and detector["pa_mpjpe_mm"] < 0.2  # float32
    with pytest.raises(BioposeError, match="no held-out clips"):
        held_out_frames(folder / "none", network, frames=2)


def test_rendered_figures_and_pictures(network, folder, tmp_path):
    other = MQHMR(configuration("compact", **{**SMALL.__dict__, "tokens": 3}), network.body).eval()
    networks = {"mqhmr": network, "few": other}
    figures, rendered, errors = bench_rendered(networks, folder, frames=2, refinements=(0, 2))
    assert figures["rendered_mpjpe_mm"] >= figures["rendered_pa_mpjpe_mm"] > 0
    assert set(figures["refinement"]) == {"0 iterations", "2 iterations"}
    assert figures["networks"]["few"]["tokens"] == 3 and figures["networks"]["mqhmr"]["levels"] == 3
    assert figures["networks"]["mqhmr"]["points"] == SMALL.points
    assert {near: row["frames"] for near, row in figures["mpjpe_mm_by_distance"].items()} == {"1 m": 2, "5 m": 2}
    reasons = why(network, rendered, errors)
    assert "lens 1." in reasons[2] and "truncated" in reasons[2] and "truncated" not in reasons[0]
    written = draw_failures(network, rendered, errors, tmp_path / "pictures", 5)
    assert len(written) == 2 and all((tmp_path / "pictures" / name).stat().st_size > 5000 for name in written)


@pytest.mark.parametrize(("view", "right", "nearer"), [("front", -1, 1), ("behind", 1, -1), ("side", 0, 0)])
def test_views_are_as_they_are_called(view, right, nearer):
    """The person faces X, Z to the right."""
    camera = camera_at(view)
    beside, ahead = camera.to_camera(np.array([0.0, 1.0, 0.5])), camera.to_camera(np.array([0.5, 1.0, 0.0]))
    assert np.sign(np.round(beside[0], 6)) == right
    assert np.sign(np.round(camera.to_camera(np.array([0.0, 1.0, 0.0]))[2] - ahead[2], 6)) == nearer
    low, high = camera.project(np.array([[0.0, 0.0, 0.0], [0.0, 1.9, 0.0]]))[:, 1]
    assert 0 < high < low < camera.size_px[1]


def test_film_figures():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.4, (6, 12, 3))
    turned = truth @ np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]) + 1
    figures = against(1.1 * turned, truth)
    assert figures["pa_mpjpe_mm"] < 1e-6 < 10 < figures["mpjpe_mm"] and figures["knee_flexion_mae_deg"] < 1e-6
    assert figures["knee_flexion_range_ratio"] == pytest.approx(1)


@pytest.mark.slow
def test_every_way_on_one_clip(network, folder):
    clip = Clip.load(folder / "held_out_0.npz")
    rng = np.random.default_rng(0)
    figures = of_camera(network, POINT_SD, keypoints_of(clip), rng.normal(0, 0.4, (3, 12, 3)))
    assert {"real_pa_mpjpe_mm", "real_refined_pa_mpjpe_mm", "fit_pa_mpjpe_mm", "fit_mpjpe_mm"} <= set(figures)
    errors = {name: value for name, value in figures.items() if name.endswith(("_mm", "_mae_deg", "_per_frame"))}
    assert len(errors) == 6 * 3 + 2 and all(np.isfinite(value) for value in errors.values())


def test_command(network, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(mqhmr_rendered, "REFINEMENTS", (0,))
    write(network, tmp_path, {})
    weights = str(tmp_path / "mqhmr.safetensors")
    POINT_SD.save(tmp_path / "spread.json", "flat")
    arguments = ["mqhmr", "--clips", str(folder), "--mqhmr-weights", weights]
    result = CliRunner().invoke(app, [*arguments, "--frames", "1", "--runs", f"same={weights}", "--json"])
    assert result.exception is None, result.output
    figures = json.loads(result.stdout)
    assert figures["networks"]["same"]["mpjpe_mm"] == figures["networks"]["mqhmr"]["mpjpe_mm"]
    result = CliRunner().invoke(app, [*arguments, "--runs", "same"])
    assert isinstance(result.exception, BioposeError) and "NAME=WEIGHTS" in str(result.exception)
    result = CliRunner().invoke(app, ["mqhmr", *arguments[3:]])
    assert isinstance(result.exception, BioposeError) and "nothing to measure on" in str(result.exception)
