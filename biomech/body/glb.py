"""A moving body as a file for viewers and animation programs: .glb (glTF 2.0, binary) and .obj.

The .glb is small, since only bones move: the mesh at rest, four bones a vertex, and a turn of each bone in each frame
(Khronos, "glTF 2.0 Specification", sections 3.7.3 and 3.11 on skins and animations). Axes are ours: Y up, m.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from biomech import __version__
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.files import whole_file
from biomech.gltf import BYTE, FLOAT, INT, TRIANGLES, VERTICES, GltfAnimation, GltfFile

BONES_OF_A_VERTEX = 4  # what every viewer can do
SKIN_COLOUR = [0.72, 0.62, 0.55, 1.0]


def write_glb(body: AnnyBody, motion: BodyMotion, path: Path) -> None:
    """Write the motion as a skinned mesh with one animation, whole or not at all.

    Skinning with four bones a vertex is not quite the body's own, whose vertices hang on up to as many as the rig has.

    Args:
        body: of the motion; its kept vertices have to be all.
        motion: rotations and root (m) go into the file as they are, times from 0 on.
        path: the .glb.
    """
    rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32))
    joints = rest.joints.double().numpy()
    bones, weights = _strongest(body.skin_weights.double().numpy())
    file = GltfFile()
    mesh = {
        "POSITION": file.add(rest.vertices.float().numpy(), FLOAT, "VEC3", target=VERTICES, bounds=True),
        "JOINTS_0": file.add(bones.astype(np.uint8), BYTE, "VEC4", target=VERTICES),
        "WEIGHTS_0": file.add(weights.astype(np.float32), FLOAT, "VEC4", target=VERTICES),
    }
    triangles = file.add(body.faces.numpy().astype(np.uint32).ravel(), INT, "SCALAR", target=TRIANGLES)
    into_bone = np.tile(np.eye(4), (len(joints), 1, 1))
    into_bone[:, :3, 3] = -joints
    nodes: list[dict[str, Any]] = []
    for bone, (name, parent) in enumerate(zip(body.bone_names, body.parents, strict=True)):
        from_parent = joints[bone] - (joints[parent] if parent >= 0 else 0)
        children = [child for child, above in enumerate(body.parents) if above == bone]
        nodes.append(
            {"name": name, "translation": from_parent.tolist(), **({"children": children} if children else {})}
        )
    nodes.append({"name": body.name, "mesh": 0, "skin": 0})
    columns_first = np.swapaxes(into_bone, 1, 2).reshape(-1, 16).astype(np.float32)
    document = {
        "asset": {"version": "2.0", "generator": f"biopose {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0, len(joints)]}],
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": mesh, "indices": triangles, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": SKIN_COLOUR, "metallicFactor": 0.0}}],
        "skins": [
            {
                "inverseBindMatrices": file.add(columns_first, FLOAT, "MAT4"),
                "joints": list(range(len(joints))),
                "skeleton": 0,
            }
        ],
        "animations": [_animation(motion, file)],
    }
    with whole_file(path) as temporary:
        temporary.write_bytes(file.written(document))


def write_objs(body: AnnyBody, motion: BodyMotion, folder: Path, name: str, every: int = 1) -> int:
    """Write the posed mesh of every Nth frame, each an .obj (m) named by the frame's number.

    Args:
        body: of the motion; its kept vertices have to be all.
        motion: to be written.
        folder: made if it is not there.
        name: what the files' names begin with: ``NAME_000000.obj``.
        every: 1 writes all frames.

    Returns:
        How many files were written.
    """
    rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32))
    triangles = "".join(f"f {a} {b} {c}\n" for a, b, c in (body.faces + 1).tolist())
    folder.mkdir(parents=True, exist_ok=True)
    rows = range(0, len(motion.time_s), every)
    for row in rows:
        at = slice(row, row + 1)
        rotations, root = (torch.from_numpy(m[at]).float() for m in (motion.rotations, motion.root_position_m))
        vertices = body.skin(rest, body.pose(rest, rotations, root))[0].tolist()
        with whole_file(folder / f"{name}_{row:06d}.obj") as temporary:
            temporary.write_text("".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in vertices) + triangles)
    return len(rows)


def _strongest(weights: Float[np.ndarray, "vertices bones"]) -> tuple[Int[np.ndarray, "vertices 4"], np.ndarray]:
    """The bones that a vertex hangs on most, and their shares."""
    bones = np.argsort(-weights, axis=1)[:, :BONES_OF_A_VERTEX]
    kept = np.take_along_axis(weights, bones, 1)
    return np.where(kept > 0, bones, 0), kept / kept.sum(1, keepdims=True)


def _animation(motion: BodyMotion, file: GltfFile) -> dict[str, Any]:
    """Turns of the bones that move at all, and the way of the root."""
    animation = GltfAnimation(file, motion.time_s)
    animation.move(0, motion.root_position_m)
    for bone in range(len(motion.bone_names)):
        if not np.allclose(motion.rotations[:, bone], np.eye(3), atol=1e-6):
            animation.turn(bone, motion.rotations[:, bone])
    return animation.document()
