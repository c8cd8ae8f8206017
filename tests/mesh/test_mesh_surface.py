"""How far a mesh is from the body that was fitted to it: its own skin is on it, a wrong table is far away."""

from dataclasses import replace

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.body.sources.mesh_motion import MeshMotion
from biomech.labels.library.generated import generate
from biomech.labels.people import random_adult
from biomech.mesh.mesh_markers import markers_on
from biomech.mesh.mesh_surface import SurfaceDistance, skin, surface_distance


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    rng = np.random.default_rng(6)
    body = AnnyBody.load([0])
    driving = generate("squat", 0.4, 25.0, rng)
    return driven(body, random_adult(body, rng), driving.names, driving.values, driving.time_s)


def test_its_own_skin_is_on_the_body_in_whatever_axes(motion) -> None:
    own = MeshMotion(skin(motion), motion.time_s, "anny", "world", "measured")
    markers, mesh = markers_on(own)
    assert surface_distance(motion, mesh, markers).mean_mm < 0.5  # the markers of the body are rounded
    turn = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    turned = replace(mesh, vertices_m=(mesh.vertices_m @ turn.T + 2).astype(np.float32))
    elsewhere = replace(markers, positions_m=markers.positions_m @ turn.T + 2)
    found = surface_distance(motion, turned, elsewhere)
    assert found.mean_mm < 0.5 and len(found.notes()) == 1
    thicker = replace(mesh, vertices_m=mesh.vertices_m * np.float32(1.02))
    assert 2 < surface_distance(motion, thicker, replace(markers, positions_m=markers.positions_m * 1.02)).mean_mm < 10


def test_a_body_that_lies_elsewhere_is_told(motion) -> None:
    markers, mesh = markers_on(MeshMotion(skin(motion), motion.time_s, "anny", "world", "measured"))
    gap = mesh.vertices_m.copy()
    gap[2] = np.nan
    backwards = replace(markers, positions_m=markers.positions_m[:, ::-1])
    found = surface_distance(motion, replace(mesh, vertices_m=gap), backwards)
    assert found.mean_mm > 25 and "table of markers" in found.notes()[1]
    assert SurfaceDistance(8.2, 21.0).notes() == [
        "the mesh's surface is 8 mm from our body's in the mean (95 of 100 vertices within 21 mm)"
    ]
