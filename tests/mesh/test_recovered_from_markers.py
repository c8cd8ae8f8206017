"""The Anny body fitted to another body's markers: it finds itself, gaps stay gaps, trembling is not followed."""

import numpy as np
import pytest

from biomech.bench.mesh_sources import surface
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.body.sources.mesh_motion import MeshMotion
from biomech.errors import BioposeError
from biomech.labels.library.generated import generate
from biomech.labels.people import random_adult
from biomech.mesh.from_markers import MeshMarkers, recover_markers, trembling_m
from biomech.mesh.mesh_markers import markers_on, read_table


@pytest.fixture(scope="module")
def truth() -> BodyMotion:
    rng = np.random.default_rng(4)
    body = AnnyBody.load([0])
    driving = generate("squat", 0.6, 25.0, rng)
    return driven(body, random_adult(body, rng), driving.names, driving.values, driving.time_s)


@pytest.fixture(scope="module")
def mesh(truth) -> MeshMotion:
    return MeshMotion(surface(truth), truth.time_s, "anny", None, "measured")


def angles(motion: BodyMotion) -> np.ndarray:
    found = coordinates_of(pose_of_bones(AnnyBody.load([0]), motion.shape, motion.rotations))
    return np.degrees(np.stack([found[name] for name in found if not name.startswith(("pelvis", "mtp"))], 1))


def test_it_finds_itself_and_a_gap_stays_one(truth, mesh) -> None:
    vertices = mesh.vertices_m.copy()
    vertices[5:7] = np.nan
    markers, upright = markers_on(MeshMotion(vertices, mesh.time_s, "anny", None, "measured"))
    assert upright.frame == "world" and any("Y axis points up" in note for note in upright.notes)
    found = recover_markers(markers)
    seen = markers.seen
    assert np.abs(angles(found.motion) - angles(truth))[seen].mean() < 0.2
    assert found.marker_rms_mm < 3 and found.trembling_mm < 0.5
    assert (
        found.motion.quality is not None
        and (found.motion.quality[5:7] == 0).all()
        and (found.motion.quality[seen] > 0.9).all()
    )


def test_trembling_is_measured() -> None:
    rng, time_s = np.random.default_rng(0), np.arange(200) / 30
    moving = 0.3 * np.sin(2 * np.pi * 1.5 * time_s)[:, None, None] * np.ones((200, 4, 3))
    assert trembling_m(moving).max() < 0.002
    np.testing.assert_allclose(trembling_m(moving + 0.01 * rng.standard_normal(moving.shape)).mean(), 0.01, rtol=0.15)
    assert (trembling_m(moving[:2]) == 0).all()


def test_axes_are_recognised(mesh) -> None:
    part = mesh.vertices_m[:4]

    def seen(vertices: np.ndarray, frame: str | None = None) -> MeshMotion:
        return markers_on(MeshMotion(vertices, mesh.time_s[:4], "anny", frame, "measured"))[1]  # type: ignore[arg-type]

    z_up = np.stack([part[..., 0], -part[..., 2], part[..., 1]], -1)
    np.testing.assert_allclose(seen(z_up).vertices_m, part, atol=1e-6)
    down = part * np.array([1, -1, -1], np.float32)
    camera = seen(down)
    assert camera.frame == "camera" and any("Y points down" in note for note in camera.notes)
    with pytest.raises(BioposeError, match="upside down"):
        seen(down, "world")
    slanted = part @ np.linalg.qr(np.array([[1.0, 1, 0], [-1, 1, 1], [0, -1, 2]]))[0].T.astype(np.float32)
    with pytest.raises(BioposeError, match="along none"):
        seen(slanted)


def test_a_table_of_another_mesh(tmp_path, mesh) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(BioposeError, match="no markers are known"):
        markers_on(MeshMotion(mesh.vertices_m[:, ::2], mesh.time_s, "other", "world", "measured"))
    path.write_text("marker,vertex\nRASI,99999\n")
    with pytest.raises(BioposeError, match="RASI is at 99999"):
        read_table(path, 100)
    path.write_text("marker,vertex\nNOSUCH,1\n")
    with pytest.raises(BioposeError, match="no marker is called NOSUCH"):
        read_table(path, 100)
    path.write_text("name,vertex\nRASI,1\n")
    with pytest.raises(BioposeError, match="not a table"):
        read_table(path, 100)
    path.write_text("marker,vertex\nRASI,1\n")
    with pytest.raises(BioposeError, match="needs 12"):
        read_table(path, 100)


def test_nobody_is_refused() -> None:
    nobody = MeshMarkers(["RASI"] * 12, np.full((3, 12, 3), np.nan), np.arange(3.0), 0.0)
    with pytest.raises(BioposeError, match="no frame shows a person"):
        recover_markers(nobody)
