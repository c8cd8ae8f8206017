"""Makes the coarse skin of the body that the report draws: some of Anny's vertices, and triangles between them.

python -m biomech.build.body_surface
"""

import json

import numpy as np
import pyvista as pv
import torch
from scipy.spatial import cKDTree

from biomech.body.anny.model import AnnyBody
from biomech.files import whole_file
from biomech.report.scene import SURFACE

TRIANGLES = 1100


def main() -> None:
    """Thin the average adult's skin out; every vertex that is left is one of Anny's own."""
    body = AnnyBody.load()
    with torch.no_grad():
        vertices = body.rest(body.default_shape()).vertices.numpy()
    faces = body.faces.numpy()
    mesh = pv.PolyData(vertices, np.hstack((np.full((len(faces), 1), 3), faces)).ravel())
    # Only the outer skin: eyes, teeth and tongue lie within.
    outer = mesh.connectivity("largest").extract_surface(algorithm="dataset_surface").triangulate()
    thin = outer.decimate_pro(1 - TRIANGLES / outer.n_cells, preserve_topology=True, splitting=False)
    kept = np.asarray(cKDTree(vertices).query(np.asarray(thin.points))[1])
    assert np.abs(vertices[kept] - thin.points).max() < 1e-5
    triangles = thin.faces.reshape(-1, 4)[:, 1:]
    with whole_file(SURFACE) as temporary:
        temporary.write_text(json.dumps({"vertices": kept.tolist(), "triangles": triangles.tolist()}) + "\n")
    print(f"{SURFACE}: {len(kept)} vertices, {len(triangles)} triangles")


if __name__ == "__main__":
    main()
