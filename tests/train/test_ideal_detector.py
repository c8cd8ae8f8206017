"""Keypoints of a known body: where its points are, and noise of the size that was asked for."""

import numpy as np

from biomech.body.anny import AnnyBody
from biomech.mesh.points import detected_points
from biomech.train.synthetic.ideal_detector import ideally_detected


def test_points_and_noise(walking, camera) -> None:
    motion = walking(4)
    exact = ideally_detected(motion, camera)
    points = detected_points(AnnyBody.load([0]), motion)
    np.testing.assert_allclose(exact.xy, camera.project(points.positions_m), atol=0.01)
    noisy = ideally_detected(motion, camera, picture_noise_px=2.0, landmark_noise_m=0.02)
    assert exact.world_m is not None and noisy.world_m is not None
    assert 1.5 < np.std(noisy.xy - exact.xy) < 2.5
    assert 0.01 < np.std(noisy.world_m - exact.world_m) < 0.03
