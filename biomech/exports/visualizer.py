"""The .json of OpenCap's web viewer: where each body of the model is in every frame.

The layout is that of ``generateVisualizerJson`` in stanfordnmbl/opencap-core, utils.py, as its viewer reads it (looked
at in November 2026): ``time`` in s; under ``bodies`` for each its ``attachedGeometries`` (names of .vtp files, of which
the viewer has its own copies), ``scaleFactors`` of these, and frame by frame ``rotation``, three body-fixed angles
about X, Y and Z in rad, and ``translation`` in m, both of the body in the ground.
"""

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from biomech.exports.take import Take
from biomech.files import whole_file

DECIMALS = 6  # a micrometre, a microradian
UNSCALED = (1.0, 1.0, 1.0)


def write_visualizer(take: Take, path: Path) -> list[str]:
    """Write every frame that has a pose, at its own time.

    Args:
        take: to be written.
        path: the .json, written whole or not at all.

    Returns:
        What the user should know.
    """
    posed = take.posed
    bodies = {}
    for body, name in enumerate(posed.names):
        meshes = posed.meshes[body]
        angles = Rotation.from_matrix(posed.rotations[:, body]).as_euler("XYZ")
        bodies[name] = {
            "attachedGeometries": [mesh.file for mesh in meshes],
            "scaleFactors": list(meshes[0].factors if meshes else UNSCALED),
            "rotation": np.round(angles, DECIMALS).tolist(),
            "translation": np.round(posed.positions[:, body], DECIMALS).tolist(),
        }
    document = {"time": np.round(take.kinematics.time_s, DECIMALS).tolist(), "bodies": bodies}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(document), encoding="utf-8")
    return []
