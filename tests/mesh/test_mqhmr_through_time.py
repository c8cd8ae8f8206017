"""MQ-HMR's place in the street, with frames that are the truth of a walking body but for their errors."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.comparison.truth import joint_errors
from biomech.errors import BioposeError
from biomech.keypoints.detector import Region
from biomech.keypoints.heat_maps import FrameHeatMaps, HeatMaps
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh import recoverers
from biomech.mesh.mqhmr.network import CONFIGS, MQHMR
from biomech.mesh.mqhmr.point_sd import LANDMARKS, PointSd
from biomech.mesh.mqhmr.predict import Frames, look_at
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.points import detected_points
from biomech.train.mqhmr.point_sd import measure

FRAMES, HEIGHT_M, UNSEEN = 8, 1.70, 3
POINT_SD = PointSd(np.full((LANDMARKS, 3), 0.01), np.full((LANDMARKS, 3), 0.05))


@pytest.fixture(scope="module")
def truth(walking: Callable[..., BodyMotion]) -> BodyMotion:
    return walking(FRAMES)


@pytest.fixture(scope="module")
def keypoints(truth: BodyMotion, camera: Camera, seen: Callable[..., Keypoints]) -> Keypoints:
    return seen(truth, camera)


@pytest.fixture(scope="module")
def points(truth: BodyMotion, camera: Camera) -> np.ndarray:
    """The detector's points as they truly were, camera axes."""
    return camera.to_camera(detected_points(AnnyBody.load([0]), truth).positions_m)


@pytest.fixture(scope="module")
def frames(truth: BodyMotion, camera: Camera, points: np.ndarray) -> Frames:
    rng, rotations = np.random.default_rng(2), truth.rotations.copy()
    rotations[:, 0] = camera.rotation_camera_from_world @ rotations[:, 0]
    turns = Rotation.from_rotvec(rng.normal(0, 0.1, (rotations[..., 0, 0].size, 3))).as_matrix()
    said = np.concatenate([points + rng.normal(0, 0.01, points.shape), np.full((FRAMES, 3, 3), np.nan)], 1)
    found = Frames(
        rotations @ turns.reshape(rotations.shape),
        np.tile(truth.shape, (FRAMES, 1)),
        camera.to_camera(truth.root_position_m) * 1.1,  # where it stands is the picture's to say
        said,
        np.ones(FRAMES, bool),
    )
    found.seen[UNSEEN] = False
    for part in (found.rotations, found.betas, found.root_position_m, found.keypoints_m):
        part[UNSEEN] = np.nan
    return found


def test_frames_become_a_motion(keypoints: Keypoints, frames: Frames, truth: BodyMotion) -> None:
    motion = recover_frames(keypoints, frames, POINT_SD, height_m=HEIGHT_M)
    assert np.isfinite(motion.rotations).all() and np.isfinite(motion.root_position_m).all()
    assert joint_errors(motion, truth).pa_mpjpe_mm < 25
    assert float(AnnyBody.load([0]).stature(torch.tensor(motion.shape).float())) == pytest.approx(HEIGHT_M, abs=0.01)


def test_spread_is_measured(keypoints: Keypoints, frames: Frames, points: np.ndarray, truth: BodyMotion) -> None:
    stature_m = float(AnnyBody.load([0]).stature(torch.tensor(truth.shape).float()))
    sd = measure([(keypoints, frames, points / stature_m)] * 10)
    assert np.median(sd.seen) == pytest.approx(0.01 / stature_m, rel=0.25)


def test_the_file_says_what_was_measured(tmp_path: Path) -> None:
    POINT_SD.save(tmp_path / "s.json", "a test")
    again = PointSd.load(tmp_path / "s.json")
    np.testing.assert_array_equal(again.seen, POINT_SD.seen)
    sure = np.zeros((1, LANDMARKS))
    sure[0, 0] = 1
    np.testing.assert_allclose(again.at(sure)[0, :2, 0], [0.01, 0.05])


def test_the_network_looks_at_the_frames_with_the_person(keypoints: Keypoints) -> None:
    torch.manual_seed(0)
    network = MQHMR.build(CONFIGS["compact"]).eval()
    with pytest.raises(BioposeError, match="maps behind"):
        look_at(network, keypoints)
    rng = np.random.default_rng(0)
    maps: list[FrameHeatMaps | None] = [
        FrameHeatMaps.of(
            rng.integers(0, 255, (39, 64, 64), np.uint8), np.zeros((64, 64), np.uint8), Region((500.0, 500.0), 900, 0.1)
        )
        for _ in range(FRAMES)
    ]
    maps[UNSEEN] = None
    keypoints.heat_maps = HeatMaps.gathered(maps)
    found, averaged = look_at(network, keypoints, batch=3), look_at(network, keypoints, mirror=True)
    assert found.seen.tolist() == [i != UNSEEN for i in range(FRAMES)]
    assert np.isnan(found.rotations[UNSEEN]).all() and np.isfinite(found.keypoints_m[found.seen]).all()
    np.testing.assert_allclose(np.linalg.det(averaged.rotations[found.seen]), 1, atol=1e-4)
    # An untrained network says the mean pose of whatever it sees; its mirror image is nearly that.
    away = np.linalg.norm(averaged.root_position_m - found.root_position_m, axis=1)[found.seen]
    assert away.max() < 0.3


def test_no_such_recoverer_and_no_weights(
    keypoints: Keypoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BioposeError, match="no recoverer"):
        recoverers.recover_with("magic", keypoints)
    monkeypatch.setattr(recoverers, "SHIPPED", tmp_path / "none.safetensors")
    with pytest.raises(BioposeError, match="no weights"):
        recoverers.recover_with("mqhmr", keypoints)


def test_the_weights_in_the_package_are_small_and_their_recipe_says_what_they_are_worth() -> None:
    network, _ = recoverers.trained()
    assert network.config.front == "evidence"
    assert recoverers.SHIPPED.stat().st_size < 40e6
    held_out = json.loads(recoverers.SHIPPED.with_suffix(".json").read_text())["held_out"]
    assert held_out["pa_mpjpe_mm"] < 90
