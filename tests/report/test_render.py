"""The renderer's picture against the camera's own projection."""

import subprocess
import sys

import numpy as np
import pytest
import pyvista as pv

from biomech.body.anny import AnnyBody
from biomech.camera import Camera
from biomech.report.render import Renderer


def looking_camera(size: tuple[int, int], center: tuple[float, float]) -> Camera:
    """From 3 m in front and a little above, turned and tilted, so that no axis is special."""
    position = np.array([3.0, 1.6, 0.7])
    forward = np.array([0.0, 0.9, 0.1]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross([0.1, -1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = np.stack((right, np.cross(forward, right), forward))
    return Camera(520.0, center, size, rotation, -rotation @ position)


@pytest.mark.parametrize(("size", "center"), [((512, 512), (255.5, 255.5)), ((400, 640), (170.0, 351.0))])
def test_balls_appear_where_the_camera_projects_them(size, center):
    camera = looking_camera(size, center)
    ball = pv.Sphere(radius=0.03, theta_resolution=24, phi_resolution=24)
    faces = ball.faces.reshape(-1, 4)[:, 1:]
    with Renderer(faces, camera, color=(1, 1, 1), background=(0, 0, 0), ambient=1.0) as renderer:
        for place in np.array([[0, 0.9, 0], [0.3, 1.7, 0.4], [-0.5, 0.3, -0.5], [0.5, 0.2, 0.6]]):
            picture = renderer.render(ball.points + place)
            assert picture.shape == (size[1], size[0], 3)
            assert picture.dtype == np.uint8
            weight = picture[..., 0] / 255.0
            rows, columns = np.indices(weight.shape)
            seen = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
            # Vertices of the ball, projected: their middle is where the picture's bright spot is.
            outline = camera.project(np.asarray(ball.points, float) + place)
            np.testing.assert_allclose(seen, (outline.min(0) + outline.max(0)) / 2, atol=0.3)
            np.testing.assert_allclose(np.ptp(columns[weight > 0.5]) + 1, np.ptp(outline[:, 0]), atol=1.5)


def test_a_body_fills_the_outline_of_its_projected_vertices():
    body = AnnyBody.load()
    vertices = body.rest(body.default_shape()).vertices.numpy() + np.array([0, 0.9, 0])
    camera = looking_camera((512, 512), (255.5, 255.5))
    with Renderer(body.faces.numpy(), camera, background=(0, 0, 1)) as renderer:
        first = renderer.render(vertices)
        moved = renderer.render(vertices + np.array([0, 0.1, 0]))
        again = renderer.render(vertices)
    drawn = np.argwhere(first[..., 2] < 200)[:, ::-1]
    outline = camera.project(vertices.astype(float))
    np.testing.assert_allclose(drawn.min(0), outline.min(0), atol=1.0)
    np.testing.assert_allclose(drawn.max(0), outline.max(0), atol=1.0)
    assert (first != moved).any()
    np.testing.assert_array_equal(first, again)
    body_pixels = first[first[..., 2] < 200]
    assert body_pixels.std() > 5  # shaded, not a flat silhouette


def test_vertex_colours_are_seen():
    square = np.array([[0, 0, -1], [0, 0, 1], [0, 2, 1], [0, 2, -1]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    colors = np.array([[1, 0, 0]] * 4, float)
    camera = looking_camera((64, 64), (31.5, 31.5))
    with Renderer(faces, camera, color=colors, background=(0, 0, 0), ambient=1.0) as renderer:
        pixel = renderer.render(square)[32, 32]
    assert pixel[0] > 200
    assert pixel[1] < 30


def test_it_needs_no_display():
    script = (
        "import os; os.environ.pop('DISPLAY', None)\n"
        "import numpy as np\n"
        "from biomech.camera import Camera\n"
        "from biomech.report.render import Renderer\n"
        "camera = Camera(50., (15.5, 15.5), (32, 32), np.diag([1., -1, -1]), np.array([0, 0, 3.]))\n"
        "with Renderer(np.array([[0, 1, 2]]), camera) as r:\n"
        "    print(r.render(np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0.]])).std() > 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "True", done.stderr
