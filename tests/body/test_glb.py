"""The .glb as a viewer reads it, against the body that it was made from."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.glb import write_glb, write_objs
from biomech.body.motion import BodyMotion

NUMBERS = {5121: np.uint8, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
FRAMES = 3


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load()


@pytest.fixture(scope="module")
def motion(body: AnnyBody) -> BodyMotion:
    """Every third bone turned, about another axis in each frame."""
    rng = np.random.default_rng(0)
    rotations = np.tile(np.eye(3), (FRAMES, len(body.parents), 1, 1))
    for bone in range(0, len(body.parents), 3):
        rotations[:, bone] = Rotation.from_rotvec(rng.normal(0, 0.5, (FRAMES, 3))).as_matrix()
    return BodyMotion(
        body.name,
        list(body.bone_names),
        rotations,
        rng.normal(0, 1, (FRAMES, 3)),
        body.default_shape().double().numpy(),
        list(body.shape_names),
        10 + np.arange(FRAMES) / 30,
    )


@pytest.fixture(scope="module")
def skin(body: AnnyBody, motion: BodyMotion) -> np.ndarray:
    rest = body.rest(torch.tensor(motion.shape).float())
    turns, root = torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float()
    return body.skin(rest, body.pose(rest, turns, root)).double().numpy()


def read_posed(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, posed vertices and triangles, by nothing but what the format says."""
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack_from("<4sIII4s", content)
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), b"JSON")
    said = json.loads(content[20 : 20 + size])
    binary = content[20 + size + 8 :]

    def array(number: int) -> np.ndarray:
        accessor = said["accessors"][number]
        start, width = said["bufferViews"][accessor["bufferView"]]["byteOffset"], WIDTHS[accessor["type"]]
        dtype = NUMBERS[accessor["componentType"]]
        return np.frombuffer(binary, dtype, accessor["count"] * width, start).reshape(-1, width)

    animation, skin = said["animations"][0], said["skins"][0]
    times = array(animation["samplers"][0]["input"])[:, 0]
    local = np.tile(np.eye(4), (len(times), len(said["nodes"]), 1, 1))
    for number, node in enumerate(said["nodes"]):
        local[:, number, :3, 3] = node.get("translation", [0, 0, 0])
    for channel in animation["channels"]:
        values, node = array(animation["samplers"][channel["sampler"]]["output"]), channel["target"]["node"]
        if channel["target"]["path"] == "translation":
            local[:, node, :3, 3] = values
        else:
            local[:, node, :3, :3] = Rotation.from_quat(values).as_matrix()
    placed = local.copy()
    for number, node in enumerate(said["nodes"]):  # parents come first
        for child in node.get("children", []):
            placed[:, child] = placed[:, number] @ local[:, child]
    inverse = array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
    bones = placed[:, skin["joints"]] @ inverse
    primitive = said["meshes"][0]["primitives"][0]
    position, joints, weights = (array(primitive["attributes"][n]) for n in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
    blended = np.einsum("vk,fvkij->fvij", weights, bones[:, joints])
    posed = np.einsum("fvij,vj->fvi", blended, np.column_stack([position, np.ones(len(position))]))
    return times, posed[..., :3], array(primitive["indices"]).reshape(-1, 3)


def test_a_viewer_sees_the_body(body: AnnyBody, motion: BodyMotion, skin: np.ndarray, tmp_path: Path) -> None:
    write_glb(body, motion, tmp_path / "m.glb")
    times, posed, triangles = read_posed(tmp_path / "m.glb")
    np.testing.assert_allclose(times, np.arange(FRAMES) / 30, atol=1e-6)
    np.testing.assert_array_equal(triangles, body.faces.numpy())
    away = np.linalg.norm(posed - skin, axis=-1)
    # The bones beyond the fourth of a vertex are left away.
    assert away.max() < 0.01 and np.median(away) < 1e-5, (away.max(), np.median(away))


def test_objs(body: AnnyBody, motion: BodyMotion, skin: np.ndarray, tmp_path: Path) -> None:
    assert write_objs(body, motion, tmp_path, "m", every=2) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m_000000.obj", "m_000002.obj"]
    rows = [line.split() for line in (tmp_path / "m_000002.obj").read_text().splitlines()]
    vertices = np.array([row[1:] for row in rows if row[0] == "v"], float)
    triangles = np.array([row[1:] for row in rows if row[0] == "f"], int)
    np.testing.assert_allclose(vertices, skin[2], atol=1e-5)
    np.testing.assert_array_equal(triangles - 1, body.faces.numpy())
