"""Points where the cameras' rays meet, and cameras that were touched."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation
from several_cameras import calibrated

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.calibration.triangulate import settled, triangulate
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.points import detected_points


def off_m(films: list[Keypoints], calibration: Calibration, walker: BodyMotion) -> np.ndarray:
    """Of the triangulated points from the true ones."""
    first = calibration.cameras[0]
    true = detected_points(AnnyBody.load([0]), walker).positions_m @ first.rotation.T + first.shift_m
    return np.linalg.norm(triangulate(films, calibration).points - true, axis=-1)


def turned(camera: CalibratedCamera, vector_deg: list[float]) -> CalibratedCamera:
    turn = Rotation.from_rotvec(vector_deg, degrees=True).as_matrix()
    return replace(camera, rotation=turn @ camera.rotation, shift_m=turn @ camera.shift_m)


def test_points_lie_where_they_are(
    walker_seen: list[Keypoints], round_walker: list[Camera], walker: BodyMotion
) -> None:
    calibration = calibrated(round_walker)
    assert np.median(off_m(walker_seen, calibration, walker)) < 0.008
    found = triangulate(walker_seen, calibration)
    assert found.typical < 0.005 and 0.5 < found.typical_px(1) < 2.5 and found.worst >= found.typical


def test_one_camera_of_three_that_errs_is_not_believed(
    walker_seen: list[Keypoints], round_walker: list[Camera], walker: BodyMotion
) -> None:
    wild = replace(walker_seen[1], xy=walker_seen[1].xy.copy())
    wild.xy[:, 15] += 200
    off = off_m([walker_seen[0], wild, walker_seen[2]], calibrated(round_walker), walker)
    assert np.median(off[:, 15]) < 0.03


def test_what_one_camera_sees_alone_is_no_point(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    blind = [replace(film, confidence=film.confidence.copy()) for film in walker_seen]
    blind[0].confidence[3], blind[1].confidence[3] = 0.0, 0.0
    points = triangulate(blind, calibrated(round_walker)).points
    assert np.isnan(points[3]).all() and np.isfinite(np.delete(points, 3, 0)).all()


def test_a_touched_camera_is_turned_back(walker_seen: list[Keypoints], round_walker: list[Camera]) -> None:
    true = calibrated(round_walker)
    touched = replace(true, cameras=[true.cameras[0], turned(true.cameras[1], [0.5, 0.9, -0.3]), true.cameras[2]])
    before = triangulate(walker_seen, touched)
    after = triangulate(walker_seen, settled(walker_seen, touched, turn_sd=np.radians(0.5)))
    assert after.typical < 0.3 * before.typical
    again = settled(walker_seen, true, turn_sd=np.radians(0.5))
    for one, other in zip(true.cameras, again.cameras, strict=True):
        assert np.degrees(Rotation.from_matrix(one.rotation @ other.rotation.T).magnitude()) < 0.15
        np.testing.assert_allclose(one.place_m, other.place_m, atol=1e-9)
