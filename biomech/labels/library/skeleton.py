"""Our skeleton as the generators need it: names and ranges of the coordinates, and how high the feet are."""

import functools

import numpy as np
import torch
from jaxtyping import Float

from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

# Points of a sole: body and place in it (m).
SOLE = (
    ("calcn", (0.0, 0.0, 0.0)),
    ("calcn", (0.17, 0.0, 0.03)),
    ("calcn", (0.18, 0.0, -0.03)),
    ("toes", (0.05, 0.0, 0.0)),
)


@functools.cache
def skeleton() -> Skeleton:
    """Our skeleton of average size."""
    return Skeleton.from_osim(load_model(DEFAULT_PATH))


@functools.cache
def _legs() -> Skeleton:
    """What carries the soles, for speed."""
    return skeleton().carrying(["RHEE", "LHEE", "RTOE", "LTOE"])


@functools.cache
def names() -> tuple[str, ...]:
    """The 40 coordinates, in the model's order."""
    return tuple(skeleton().coordinate_names)


@functools.cache
def limits_rad() -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each coordinate (rad or m)."""
    low_high = np.asarray(skeleton().ranges)
    return {name: (float(low), float(high)) for name, (low, high) in zip(names(), low_high, strict=True)}


def sole_points(values: Float[np.ndarray, "frames coordinates"]) -> Float[np.ndarray, "frames sides points 3"]:
    """Points of the right and left sole in the ground (m), of motions in the model's order."""
    ours = _legs()
    with torch.no_grad():
        pose = ours(torch.as_tensor(values, dtype=ours.axes.dtype))
    feet = []
    for side in "rl":
        mirror = 1.0 if side == "r" else -1.0
        points = []
        for body, (x, y, z) in SOLE:
            at = ours.body_names.index(f"{body}_{side}")
            place = pose.rotations.new_tensor([x, y, z * mirror])
            points.append(pose.positions[:, at] + pose.rotations[:, at] @ place)
        feet.append(torch.stack(points, 1))
    return torch.stack(feet, 1).double().numpy()


def foot_height_m(values: Float[np.ndarray, "frames coordinates"]) -> Float[np.ndarray, "frames sides"]:
    """Of the lowest point of each sole (m), with the pelvis where the coordinates have it."""
    return sole_points(values)[..., 1].min(-1)
