"""What is shown while it is filmed: the detector's points as a skeleton, and angles in a corner."""

import itertools
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from biomech.keypoints.detector import Detection
from biomech.keypoints.layouts import BLAZEPOSE_33
from biomech.report.overlay import MIDDLE, SkeletonDrawing, draw, text_height, write_text

SURE = 0.3  # points of less confidence are not drawn
_LIMBS = ("shoulder", "elbow", "wrist"), ("shoulder", "hip", "knee", "ankle", "heel", "foot_index"), ("wrist", "index")
SEGMENTS = [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")] + [
    (f"{side}_{one}", f"{side}_{other}")
    for side in ("left", "right")
    for limb in _LIMBS
    for one, other in itertools.pairwise(limb)
]
SKELETON = SkeletonDrawing(
    SEGMENTS,
    left=frozenset(name for name in BLAZEPOSE_33 if name.startswith("left")),
    right=frozenset(name for name in BLAZEPOSE_33 if name.startswith("right")),
)
JOINTS = {name for segment in SEGMENTS for name in segment}
GAP = 1.15  # from line to line, of what one takes
LINE = 1 / 24  # of the picture's height, or of two thirds of its width

Picture = UInt8[np.ndarray, "height width 3"]


def draw_live(picture: Picture, names: list[str], found: Detection | None, angles: Mapping[str, float]) -> None:
    """Draw into the picture, which is changed.

    Args:
        picture: RGB.
        names: of the detector's points.
        found: of this frame; nothing is drawn of nobody.
        angles: degrees, by name; NaN is shown as a dash.
    """
    height, width = picture.shape[:2]
    if found is not None:
        known = zip(names, np.where(found.confidence[:, None] >= SURE, found.xy, np.nan), strict=True)
        pixels = dict(known)
        draw(picture, pixels, JOINTS & pixels.keys(), SKELETON)
    scale = min(1.0, 1.2 * height / width)  # in wide pictures smaller, to hide less of who is filmed
    step = max(16.0, LINE * min(height, 1.5 * width), *(GAP * text_height(picture, name, scale) for name in angles))
    for row, (name, value) in enumerate(angles.items(), start=1):
        said = "-" if np.isnan(value) else f"{value:.0f} deg"
        write_text(picture, f"{name} {said}", (width / 25, row * step), MIDDLE, scale=scale)
