"""What ``__init__.py`` imports when it is asked for, as type checkers and editors see it."""

from biomech.api.compare import compare as compare
from biomech.api.detect import detect as detect
from biomech.api.events import events as events
from biomech.api.export import export as export
from biomech.api.extract import extract as extract
from biomech.api.from_meshes import from_meshes as from_meshes
from biomech.api.ik import IkResult as IkResult
from biomech.api.ik import IkResults as IkResults
from biomech.api.ik import ik as ik
from biomech.api.label import label as label
from biomech.api.recover import recover as recover
from biomech.api.scale import scale as scale
from biomech.api.solve import solve as solve
from biomech.body.motion import BodyMotion as BodyMotion
from biomech.body.sources.mesh_motion import MeshMotion as MeshMotion
from biomech.comparison.compare import Comparison as Comparison
from biomech.errors import BioposeError as BioposeError
from biomech.exports.formats import Exported as Exported
from biomech.inverse_kinematics.marker_errors import MarkerErrors as MarkerErrors
from biomech.inverse_kinematics.solved import Solved as Solved
from biomech.inverse_kinematics.trusted import Trusted as Trusted
from biomech.keypoints.keypoints import Keypoints as Keypoints
from biomech.kinematics.kinematics import Kinematics as Kinematics
from biomech.markers.markers import Markers as Markers
from biomech.measures.found import Found as Found
from biomech.skeleton.osim import Model as Model
from biomech.skeleton.skeleton import Skeleton as Skeleton
from biomech.video import Video as Video

__version__: str
__all__ = [
    "BioposeError",
    "BodyMotion",
    "Comparison",
    "Exported",
    "Found",
    "IkResult",
    "IkResults",
    "Keypoints",
    "Kinematics",
    "MarkerErrors",
    "Markers",
    "MeshMotion",
    "Model",
    "Skeleton",
    "Solved",
    "Trusted",
    "Video",
    "__version__",
    "compare",
    "detect",
    "events",
    "export",
    "extract",
    "from_meshes",
    "ik",
    "label",
    "recover",
    "scale",
    "solve",
]
