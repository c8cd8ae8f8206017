"""BioPose: from one ordinary video to a scaled OpenSim model and a motion.

Functions take nouns and give nouns; whatever they need is imported where one is first asked for. The types are in
``__init__.pyi``: an import here, even for type checkers alone, would make everything depend on everything.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "detect": "api.detect",
    "recover": "api.recover",
    "from_meshes": "api.from_meshes",
    "extract": "api.extract",
    "scale": "api.scale",
    "solve": "api.solve",
    "ik": "api.ik",
    "export": "api.export",
    "label": "api.label",
    "compare": "api.compare",
    "events": "api.events",
    "BioposeError": "errors",
    "BodyMotion": "body.motion",
    "Comparison": "comparison.compare",
    "Exported": "exports.formats",
    "Found": "measures.found",
    "IkResult": "api.ik",
    "IkResults": "api.ik",
    "Keypoints": "keypoints.keypoints",
    "Kinematics": "kinematics.kinematics",
    "MarkerErrors": "inverse_kinematics.marker_errors",
    "Markers": "markers.markers",
    "MeshMotion": "body.sources.mesh_motion",
    "Model": "skeleton.osim",
    "Skeleton": "skeleton.skeleton",
    "Solved": "inverse_kinematics.solved",
    "Trusted": "inverse_kinematics.trusted",
    "Video": "video",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'biomech' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"biomech.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
