"""Where feet stand, and whether the body is in balance above them: what a fit takes as given for some steps."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from biomech.mesh.ground import LIFTED_M, STILL_M_S

NEAR_M = 0.06  # of the floor
# Slow is a body whose mass moves by less than this: its weight then hangs above where it bears.
SLOW_M_S = 0.25
SMOOTH_S = 0.25  # over so long speeds are taken: a keypoint trembles
STANDING_SHARE = 0.2  # of the heights of still feet below which the floor is looked for


@dataclass(frozen=True)
class Standing:
    """How surely each point of the soles stands, and how slowly the body's mass moves, frame by frame; 0 … 1."""

    contact: Float[np.ndarray, "frames soles"]
    slow: Float[np.ndarray, " frames"]

    def __getitem__(self, frames) -> "Standing":
        return Standing(self.contact[frames], self.slow[frames])


def standing(
    soles: Float[np.ndarray, "frames soles 3"],
    mass: Float[np.ndarray, "frames 3"],
    floor_m: float | None,
    interval_s: float,
) -> tuple[Standing, float]:
    """How surely feet stand, from where the soles and the mass were found.

    Args:
        soles: of ``ground.SOLES`` in this order, m, Y up.
        mass: its centre, m, Y up.
        floor_m: its height; None: the one that explains most is looked for.
        interval_s: between frames.

    Returns:
        The standing, and the floor's height (m), given or found.
    """
    frames = len(soles)
    speed = np.linalg.norm(_velocity(soles, interval_s), axis=-1)
    still = 1 / (1 + (np.repeat(speed.reshape(frames, 2, 3).min(-1), 3, axis=1) / STILL_M_S) ** 4)
    heights = soles[..., 1]
    lowest = heights.reshape(frames, 2, 3).min(-1)
    # A foot held in the air may be as still: it is above the other.
    lifted = np.repeat(lowest - lowest.min(1, keepdims=True), 3, axis=1)
    weight = still / (1 + (lifted / LIFTED_M) ** 4) + 1e-3
    if floor_m is None:
        feet = weight.reshape(frames, 2, 3).max(-1)
        order = np.argsort(lowest.ravel())
        share = np.cumsum(feet.ravel()[order]) / feet.sum()
        floor_m = float(lowest.ravel()[order][np.searchsorted(share, STANDING_SHARE)])
    near = 1 / (1 + np.clip((heights - floor_m) / NEAR_M, 0, None) ** 4)
    level_speed = np.linalg.norm(_velocity(mass, interval_s)[:, [0, 2]], axis=-1)
    return Standing(still * near, 1 / (1 + (level_speed / SLOW_M_S) ** 4)), floor_m


def _velocity(points: Float[np.ndarray, "frames *n 3"], interval_s: float) -> Float[np.ndarray, "frames *n 3"]:
    """Slope of a straight line over SMOOTH_S about each frame; at the ends over what there is."""
    frames = len(points)
    if frames < 3:
        return np.zeros_like(points)
    reach = max(1, min(round(SMOOTH_S / 2 / interval_s), (frames - 1) // 2))
    ahead = np.minimum(np.arange(frames) + reach, frames - 1)
    behind = np.maximum(np.arange(frames) - reach, 0)
    step = ((ahead - behind) * interval_s).reshape(-1, *[1] * (points.ndim - 1))
    return (points[ahead] - points[behind]) / step
