"""Points that a detector's layout lacks, put where the others say: the sequence network has hardly seen people without.

COCO-17 has no feet, Halpe-26 and COCO-17 no hands. Told that they are absent the network errs more than their want
explains: on the 32 drawn clips its knees by 10.2° without feet, by 4.5° with all 33 points. So its own first answer
says where they are, hung on the joints beside them that are seen, and it looks again. Nothing is learned by that of
the feet; the rest is then seen by a network that knows such pictures (4.4°).
"""

import numpy as np
from jaxtyping import Bool, Float

from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.rays import origin_on

LOOKS = 2  # after the first: a third changes nothing
# The point beside which each lies; a layout that lacks that one too is not completed there.
BESIDE = {
    **{f"{side}_{point}": f"{side}_ankle" for side in ("left", "right") for point in ("heel", "foot_index")},
    **{f"{side}_{point}": f"{side}_wrist" for side in ("left", "right") for point in ("pinky", "index", "thumb")},
    **{f"{side}_eye{part}": "nose" for side in ("left", "right") for part in ("_inner", "", "_outer")},
    **{point: "nose" for point in ("left_ear", "right_ear", "mouth_left", "mouth_right")},
}


def lacking(known: Bool[np.ndarray, " points"]) -> dict[int, int]:
    """Which of BlazePose's points a layout lacks, and beside which of those that it has each lies.

    Args:
        known: of ``POINT_NAMES``, which the layout has.

    Returns:
        Rows of ``POINT_NAMES``.
    """
    rows = {POINT_NAMES.index(name): POINT_NAMES.index(beside) for name, beside in BESIDE.items()}
    return {point: beside for point, beside in rows.items() if not known[point] and known[beside]}


def completed(
    xy: Float[np.ndarray, "frames points 2"],
    present: Float[np.ndarray, "frames points"],
    laid: Float[np.ndarray, "frames points 3"],
    lacks: dict[int, int],
    focal_px: float,
    center_px: Float[np.ndarray, "2"],
) -> tuple[Float[np.ndarray, "frames points 2"], Float[np.ndarray, "frames points"]]:
    """The picture's points with those that the layout lacks.

    Args:
        xy: px; finite.
        present: 1 where a point is to be believed, else 0.
        laid: where all of them are in space, about any point, camera axes; of any size.
        lacks: as ``lacking`` says.
        focal_px: of the clip.
        center_px: principal point.

    Returns:
        Copies; what is put in is present where the point beside it is.
    """
    placed = laid + origin_on(xy, present, laid, focal_px, center_px)[:, None]
    pixels = center_px + focal_px * placed[..., :2] / np.maximum(placed[..., 2:], 0.1)
    xy, present = xy.copy(), present.copy()
    for point, beside in lacks.items():
        xy[:, point] = xy[:, beside] + pixels[:, point] - pixels[:, beside]
        present[:, point] = present[:, beside]
    return xy, present
