"""How far a mesh of another topology is from the surface of the body that was fitted to its markers: what a table of
markers that is wrong cannot hide.

The body is laid on the mesh by their markers, frame by frame, so that it does not matter in whose axes the mesh is.
Distances go from the mesh's vertices to the nearest place on the body, as the nearest vertex' plane has it: hands,
clothes and hair that our body lacks count, and so does what the table got wrong.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.body.sources.mesh_motion import MeshMotion
from biomech.markers.virtual import extract, marker_body
from biomech.mesh.from_markers import MeshMarkers

FRAMES = 6
MOST_VERTICES = 4000  # of the mesh, in each frame
FAR_MM = 25.0  # meshes that tremble by 2 cm are 10 to 14 mm away, those that do not below 2


@dataclass(frozen=True)
class SurfaceDistance:
    """Over some frames, of the mesh's vertices from the body's surface."""

    mean_mm: float
    worst_mm: float  # 95 of 100 are nearer

    def notes(self) -> list[str]:
        """In words."""
        said = (
            f"the mesh's surface is {self.mean_mm:.0f} mm from our body's in the mean (95 of 100 vertices within "
            f"{self.worst_mm:.0f} mm)"
        )
        if self.mean_mm <= FAR_MM:
            return [said]
        return [said, "that is another body: look at the table of markers before you trust the angles"]


def skin(motion: BodyMotion, frames: slice | np.ndarray = slice(None)) -> Float[np.ndarray, "frames vertices 3"]:
    """The whole skin of a motion of the Anny body, m, single precision.

    Args:
        motion: of the Anny body.
        frames: which.

    Returns:
        In the motion's world.
    """
    body = AnnyBody.load()
    with torch.no_grad():
        rest = body.rest(torch.as_tensor(motion.shape, dtype=torch.float32))
        rotations = torch.as_tensor(motion.rotations[frames], dtype=torch.float32)
        root = torch.as_tensor(motion.root_position_m[frames], dtype=torch.float32)
        return body.skin(rest, body.pose(rest, rotations, root)).numpy()


def surface_distance(motion: BodyMotion, mesh: MeshMotion, markers: MeshMarkers) -> SurfaceDistance:
    """How far the mesh is from the body that was fitted to it.

    Args:
        motion: fitted to the markers; of the same frames.
        mesh: in whichever axes.
        markers: of the mesh, in the same axes.

    Returns:
        The distances.
    """
    seen = np.flatnonzero(mesh.seen & markers.seen)
    some = seen[np.linspace(0, len(seen) - 1, min(FRAMES, len(seen))).round().astype(int)]
    ours = extract(marker_body(), motion).select(markers.names).positions_m[some]
    step = max(1, mesh.vertices_m.shape[1] // MOST_VERTICES)
    faces = AnnyBody.load().faces.numpy()
    away = []
    for points, mine, theirs, vertices in zip(
        skin(motion, some).astype(float),
        ours,
        markers.positions_m[some],
        mesh.vertices_m[some][:, ::step].astype(float),
        strict=True,
    ):
        from_, onto = theirs.mean(0), mine.mean(0)
        there = Rotation.align_vectors(mine - onto, theirs - from_)[0].apply(vertices - from_) + onto
        at = cKDTree(points).query(there)[1]
        away.append(np.abs(((there - points[at]) * _normals(points, faces)[at]).sum(1)))
    off_mm = 1000 * np.concatenate(away)
    return SurfaceDistance(float(off_mm.mean()), float(np.quantile(off_mm, 0.95)))


def _normals(points: Float[np.ndarray, "vertices 3"], faces: np.ndarray) -> Float[np.ndarray, "vertices 3"]:
    """Outward, of every vertex; zero of one that is in no face."""
    corners = points[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(points)) for axis in range(3)], axis=1
    )
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
