"""Projection, and a camera that looks somewhere."""

import numpy as np
import pytest

from biomech.camera import Camera, direction, projected, rotation_looking


def test_a_camera_looks_where_it_is_told() -> None:
    away = direction(0.3, 0.8)
    rotation = rotation_looking(away)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation @ away, [0, 0, 1], atol=1e-12)
    assert (rotation @ [0, 1, 0])[1] < 0 and (rotation @ [0, 1, 0])[0] == pytest.approx(0)  # up in the picture is -y


def test_what_is_behind_the_lens() -> None:
    points = np.array([[0.5, -0.25, 2.0], [0.5, 0.25, -1.0]])
    camera = Camera(100.0, (50.0, 40.0), (101, 81), np.eye(3), np.zeros(3))
    np.testing.assert_allclose(camera.project(points)[0], [75.0, 27.5])
    assert np.isnan(camera.project(points)[1]).all()
    np.testing.assert_allclose(projected(points, 100.0, (50.0, 40.0)), [[75.0, 27.5], [550.0, 290.0]])
