"""The bench of several cameras: which sets, what is predicted, what is stated."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from several_cameras import calibrated, camera_round

from biomech.bench import cameras as bench
from biomech.bench.cameras import ON_MODEL, beam_cases, bench_cameras, phone_cases, summary
from biomech.calibration.together import SyncedFilms
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.markers import Markers
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.run import Options

RNG = np.random.default_rng(0)
NAMES = [f"{side}_{part}" for part in ON_MODEL for side in ("left", "right")]


def test_every_set_of_the_films_is_there(biopose_data: Path) -> None:
    beam = beam_cases(biopose_data / "video" / "pose2sim_demo")
    assert [sum(len(case.films) == count for case in beam) for count in (1, 2, 3, 4)] == [4, 6, 4, 1]
    phones = phone_cases(biopose_data / "video" / "cmbbe2024")
    assert len(phones) == 9 and sum(case.several for case, _, _ in phones) == 3
    files = [path for case in beam for path in (*case.films, case.calibration)]
    files += [path for case, motion, markers in phones for path in (*case.films, motion, markers)]
    assert all(path.is_file() for path in files)


def test_what_is_stated() -> None:
    rows = {
        "beam_01": {"pa_mpjpe_mm": 50.0},
        "beam_02": {"pa_mpjpe_mm": 60.0},
        "beam_01_02": {"pa_mpjpe_mm": 20.0, "left_out_px": [10.0, 20.0]},
        "beam_01_02_03_04": {"pa_mpjpe_mm": 14.0},
        "cmbbe_squats_cam0": {"mae18_deg": 6.0},
        "cmbbe_squats_cam0_cam1": {"mae18_deg": 5.0, "triangulated_ik_mae18_deg": 9.0},
    }
    assert summary(rows) == {
        "one_camera_pa_mpjpe_mm": 55.0,
        "two_cameras_pa_mpjpe_mm": 20.0,
        "two_cameras_left_out_px": 15.0,
        "four_cameras_pa_mpjpe_mm": 14.0,
        "cmbbe_one_mae18_deg": 6.0,
        "cmbbe_two_mae18_deg": 5.0,
        "cmbbe_two_triangulated_ik_mae18_deg": 9.0,
    }


def films(points: np.ndarray) -> tuple[SyncedFilms, list[Keypoints]]:
    """Three cameras that see points exactly."""
    rig = [camera_round(azimuth) for azimuth in (0, 80, 200)]
    seen = [
        Keypoints(NAMES, camera.project(points), np.ones(points.shape[:2]), np.arange(len(points)) / 30, camera.size_px,
                  focal_px=camera.focal_px)
        for camera in rig
    ]  # fmt: skip
    calibration = calibrated(rig)
    two = replace(calibration, cameras=calibration.cameras[:2])
    return SyncedFilms(seen[:2], two, [0.0, 0.0], [0.0, 0.0], []), seen


def test_a_camera_that_was_left_out() -> None:
    true = RNG.uniform([-0.4, 0, -0.4], [0.4, 1.7, 0.4], (5, len(NAMES), 3))
    joined, seen = films(true)
    joined.keypoints[0].confidence[2, 3] = 0.0
    points = bench.in_the_world(joined)
    np.testing.assert_allclose(np.delete(points.positions_m, 2, 0), np.delete(true, 2, 0), atol=1e-6)
    np.testing.assert_allclose(points.positions_m[2, 3], true[[1, 3], 3].mean(0), atol=1e-6)  # across the gap
    unseen = calibrated([camera_round(azimuth) for azimuth in (0, 80, 200)]).cameras[2]
    assert bench._predicted_px(points, unseen, seen[2]) == (0.0, 0.0)
    shifted = replace(seen[2], xy=seen[2].xy + np.array([30.0, 40.0]))
    assert bench._predicted_px(points, unseen, shifted) == (50.0, 0.0)


@pytest.mark.parametrize(("turn", "up"), [(np.eye(3), "y"), (np.diag([1.0, -1, -1]), "-y"),
                                          (np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), "z")])  # fmt: skip
def test_joint_centres_go_to_the_main_job(
    turn: np.ndarray, up: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict = {}

    def caught(source: Path, folder: Path, options: Options, **_: object) -> None:
        said.update(source=source, options=options)

    monkeypatch.setattr(bench, "run_ik", caught)
    height = [1.4 if "shoulder" in name else 0.1 for name in NAMES]
    positions = np.zeros((3, len(NAMES), 3))
    positions[..., 1] = height
    bench.by_inverse_kinematics(Markers(NAMES, positions @ turn.T, np.arange(3) / 30), tmp_path)
    assert said["options"].up == up and said["options"].personalise
    with open(said["options"].marker_set) as file:
        bodies = {row["body"] for row in csv.DictReader(file)}
    model = DEFAULT_PATH.read_text()
    assert len(bodies) == 16 and all(f'<Body name="{body}">' in model for body in bodies)


def test_without_the_films(tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no reference"):
        bench_cameras(tmp_path, tmp_path / "out")
