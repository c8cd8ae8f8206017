"""Where the centre of a joint rests that glides on a surface while it turns, and how fast it glides.

An EllipsoidJoint (a scapula on the ribs) keeps the child's origin where the ellipsoid's normal is the child's z axis,
scaled by the radii. A ConstantCurvatureJoint (a spine) puts it at the end of an arc of fixed length that leaves the
parent along y and is bent evenly into the child's y axis. Both follow from one direction alone, the third rotation's
axis as the first two have turned it. OpenSim gives up the arc, and goes straight towards the direction, where its sine
is below 0.001 or above 0.999; so do we. Formulas after OpenSim 4.6 (EllipsoidJoint: A. Seth; ConstantCurvatureJoint:
K. Werling), found equal to it to rounding.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_STRAIGHT_BELOW, _STRAIGHT_ABOVE = 0.001, 0.999  # sine of the bend


def rest(
    direction: Float[Tensor, "surfaces 3 frames"], arc: Bool[Tensor, " surfaces"]
) -> Float[Tensor, "surfaces 3 frames"]:
    """Where a centre rests, in units of the surface's sizes: the direction itself, or the end of the arc.

    Args:
        direction: of the third rotation's axis, of unit length, in the joint's parent frame.
        arc: which of the surfaces are arcs of a spine; the others are ellipsoids.

    Returns:
        To be multiplied by the sizes (m) along the surface's axes.
    """
    bent, sine, angle, cosine = _bend(direction, arc)
    across, up = (1 - cosine) / (angle * sine), sine / angle
    x, _, z = direction.unbind(1)
    return torch.where(bent[:, None], torch.stack([across * x, up, across * z], dim=1), direction)


def glide(
    direction: Float[Tensor, "surfaces 3 frames"],
    turning: Float[Tensor, "surfaces 3 frames"],
    arc: Bool[Tensor, " surfaces"],
) -> Float[Tensor, "surfaces 3 frames"]:
    """How fast ``rest`` moves while the direction turns about an axis, per radian.

    Args:
        direction, arc: as in ``rest``.
        turning: axis of the turn, in the joint's parent frame.

    Returns:
        Change of ``rest`` per radian, in units of the surface's sizes.
    """
    bent, sine, angle, cosine = _bend(direction, arc)
    change = torch.linalg.cross(turning, direction, dim=1)
    (x, _, z), (dx, _, dz) = direction.unbind(1), change.unbind(1)
    dsine = (x * dx + z * dz) / sine
    dangle = dsine / cosine
    across = (1 - cosine) / (angle * sine)
    dacross = (sine * dangle - across * (dangle * sine + angle * dsine)) / (angle * sine)
    dup = (dsine - sine / angle * dangle) / angle
    along = torch.stack([dacross * x + across * dx, dup, dacross * z + across * dz], dim=1)
    return torch.where(bent[:, None], along, change)


def _bend(direction: Tensor, arc: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whether an arc is bent, and the sine, angle and cosine of its bend (harmless ones where it is not)."""
    x, _, z = direction.unbind(1)
    square = x * x + z * z
    bent = arc[:, None] & (square >= _STRAIGHT_BELOW**2) & (square <= _STRAIGHT_ABOVE**2)
    sine = torch.sqrt(torch.where(bent, square, 0.5))
    return bent, sine, torch.asin(sine), torch.sqrt(1 - sine * sine)
