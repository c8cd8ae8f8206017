"""Plain bones to look at, for bodies whose surfaces are not at hand: an octahedron from joint to joint."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from biomech.exports.posed import PosedBodies

THICK, THICKEST_M = 0.12, 0.03  # of a bone's length; half across
BELLY = 0.2  # of the length, where it is thickest
SHORTEST_M = 1e-3
# Corners: the start, four around the belly, the end.
TRIANGLES = np.array(
    [(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (5, 1, 2), (5, 2, 3), (5, 3, 4), (5, 4, 1)], dtype=np.int64
)


def bones_of(posed: PosedBodies, body: int) -> Float[np.ndarray, "triangles 3 3"]:
    """The bones of a body: from its own joint to those of the bodies that hang on it, or to its end.

    Args:
        posed: whose first frame says where joints are.
        body: which.

    Returns:
        Corners of the triangles (m), in the body's axes; seen from outside they go round against the clock.
    """
    start = posed.centres[body]
    turn, origin = posed.rotations[0, body], posed.positions[0, body]
    ends = [turn.T @ (posed.joint_centres[0, child] - origin) for child in posed.children(body)]
    return np.concatenate([octahedron(start, end) for end in ends or [posed.tips[body]]])


def octahedron(start: Sequence[float] | np.ndarray, end: Sequence[float] | np.ndarray) -> np.ndarray:
    """One bone.

    Args:
        start: where it is thick (m).
        end: its tip.

    Returns:
        Corners of eight triangles; none where it would have no length.
    """
    start, along = np.asarray(start, float), np.asarray(end, float) - np.asarray(start, float)
    length = float(np.linalg.norm(along))
    if length < SHORTEST_M:
        return np.empty((0, 3, 3))
    along = along / length
    side = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    side /= np.linalg.norm(side)
    across = np.cross(along, side)
    half = min(THICK * length, THICKEST_M)
    belly = start + BELLY * length * along
    ring = [belly + half * step for step in (side, across, -side, -across)]
    corners: np.ndarray = np.array([start, *ring, start + length * along])[TRIANGLES]
    return corners
