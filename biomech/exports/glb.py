"""The skeleton in motion as .glb: a node for every body of the model, each with its bones or its own surfaces."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech import __version__
from biomech.exports.bones import bones_of
from biomech.exports.posed import AttachedMesh, PosedBodies
from biomech.exports.take import Take
from biomech.files import whole_file
from biomech.gltf import FLOAT, INT, TRIANGLES, VERTICES, GltfAnimation, GltfFile

BONE_COLOUR = [0.89, 0.86, 0.76, 1.0]
STILL_M = 1e-6  # a way that is none
READ = (".vtp", ".stl", ".obj", ".ply")


def write_skeleton_glb(take: Take, path: Path) -> list[str]:
    """Write the frames that have a pose, from 0 s on; m, Y up. A viewer goes straight from one to the next.

    Args:
        take: to be written; surfaces that its model names are looked for in ``take.geometry``.
        path: the .glb, written whole or not at all.

    Returns:
        What the user should know.
    """
    posed = take.posed
    moved, turned = posed.in_parent(posed.positions)
    file = GltfFile()
    surfaces, notes = _surfaces(posed, take.geometry)
    nodes: list[dict[str, Any]] = []
    meshes: list[dict[str, Any]] = []
    animation = GltfAnimation(file, take.kinematics.time_s)
    for body, name in enumerate(posed.names):
        node: dict[str, Any] = {
            "name": name,
            "translation": moved[0, body].tolist(),
            "rotation": Rotation.from_matrix(turned[0, body]).as_quat().tolist(),
        }
        if children := posed.children(body):
            node["children"] = children
        if len(surfaces[body]):
            node["mesh"] = len(meshes)
            meshes.append({"name": name, "primitives": [_primitive(surfaces[body], file)]})
        nodes.append(node)
        if np.ptp(moved[:, body], axis=0).max() > STILL_M:
            animation.move(body, moved[:, body])
        animation.turn(body, turned[:, body])
    document = {
        "asset": {"version": "2.0", "generator": f"biopose {__version__}"},
        "scene": 0,
        "scenes": [{"name": take.name, "nodes": [b for b, parent in enumerate(posed.parents) if parent < 0]}],
        "nodes": nodes,
        "meshes": meshes,
        "materials": [
            {
                "name": "bone",
                "doubleSided": True,
                "pbrMetallicRoughness": {"baseColorFactor": BONE_COLOUR, "metallicFactor": 0.0},
            }
        ],
        "animations": [animation.document(take.name)],
    }
    with whole_file(path) as temporary:
        temporary.write_bytes(file.written(document))
    return notes


def _primitive(corners: Float[np.ndarray, "triangles 3 3"], file: GltfFile) -> dict[str, Any]:
    """Flat faces: every triangle has corners and a normal of its own."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(lengths > 0, normals / np.where(lengths > 0, lengths, 1), [0.0, 1.0, 0.0])
    places = corners.reshape(-1, 3).astype(np.float32)
    return {
        "attributes": {
            "POSITION": file.add(places, FLOAT, "VEC3", target=VERTICES, bounds=True),
            "NORMAL": file.add(np.repeat(normals, 3, 0).astype(np.float32), FLOAT, "VEC3", target=VERTICES),
        },
        "indices": file.add(np.arange(len(places), dtype=np.uint32), INT, "SCALAR", target=TRIANGLES),
        "material": 0,
    }


def _surfaces(posed: PosedBodies, folders: tuple[Path, ...]) -> tuple[list[np.ndarray], list[str]]:
    """Triangles of each body, in its axes: of its own surfaces where all of them are there, else plain bones."""
    surfaces, found = [], 0
    for body, meshes in enumerate(posed.meshes):
        places = [_place(mesh, folders) for mesh in meshes]
        if meshes and all(places):
            read = [_read(place, mesh) for place, mesh in zip(places, meshes, strict=True) if place]
            surfaces.append(np.concatenate(read))
            found += 1
        else:
            surfaces.append(bones_of(posed, body))
    return surfaces, [f"{found} bodies have the model's own surfaces, the others plain bones"] if found else []


def _place(mesh: AttachedMesh, folders: tuple[Path, ...]) -> Path | None:
    name = Path(mesh.file)
    tried = (folder / name.with_suffix(suffix).name for folder in folders for suffix in (name.suffix, *READ))
    return next((place for place in tried if place.suffix.lower() in READ and place.is_file()), None)


def _read(path: Path, mesh: AttachedMesh) -> Float[np.ndarray, "triangles 3 3"]:
    import pyvista  # slow to load

    surface = pyvista.read(path).extract_surface(algorithm="dataset_surface").triangulate()
    points = np.asarray(surface.points, float) * mesh.factors
    corners: np.ndarray = points[np.asarray(surface.faces).reshape(-1, 4)[:, 1:]]
    return corners
