"""A detection of somebody who stands or bends their knees, in BlazePose's points."""

import numpy as np

from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.layouts import BLAZEPOSE_33

SIDES = {"left": 1, "right": -1}
# Of somebody who stands and faces the lens: across to their left, down from the hips, m.
STANDING = {
    **{"shoulder": (0.17, -0.5), "elbow": (0.22, -0.22), "wrist": (0.24, 0.02), "hip": (0.1, 0.0)},
    **{"knee": (0.11, 0.42), "ankle": (0.12, 0.82), "heel": (0.12, 0.87), "foot_index": (0.14, 0.89)},
    **{"pinky": (0.25, 0.08), "index": (0.24, 0.1), "thumb": (0.22, 0.07)},
}


def somebody(bent: float = 0.0) -> Detection:
    """Somebody 3 m before the lens, their knees bent by moving hips down; ``bent`` 0 … 1."""
    world = np.zeros((33, 3))
    for k, name in enumerate(BLAZEPOSE_33):
        side, _, part = name.partition("_")
        across, down = STANDING.get(part, (0.03, -0.68))
        world[k, :2] = SIDES.get(side, 0) * across, down
        if down <= 0:
            world[k, 1] += 0.3 * bent
    world[[BLAZEPOSE_33.index(f"{side}_knee") for side in SIDES]] += bent * np.array([0.0, 0.12, -0.35])
    xy = 1000 * world[:, :2] / (world[:, 2:] + 3.0) + np.array([359.5, 600.0])
    region = Region((360.0, 600.0), 700.0, 0.0)
    hips = world[[BLAZEPOSE_33.index(f"{side}_hip") for side in SIDES]].mean(0)
    return Detection(xy, np.full(33, 0.95), world - hips, 0.99, region, region, None, np.eye(4)[0])
