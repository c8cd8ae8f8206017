"""Whether two recordings are of the same person: by the lengths of pelvis and legs between bony markers.

A static trial of somebody else gives a model that meets its markers and has nobody's joints.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.markers.markers import Markers

SEGMENTS = ("pelvis", "femur", "tibia", "talus", "calcn")
# Between the epicondyles and the malleoli lies one joint's axis or none: these distances hardly change.
ACROSS = ({"femur", "tibia"}, {"tibia", "talus"}, {"tibia", "calcn"}, {"talus", "calcn"})
SHORTEST_M = 0.05
STEADY = 0.03  # standard deviation over mean of a length that counts
FEWEST = 4
# Mean difference of the lengths. Same person: 2.1 % at worst in 49 pairs of a standing and a moving trial (Plug-in Gait
# and OpenCap markers); different people: below 3 % in 8 of 382 pairs.
SAME = 0.03


def bony(names: Mapping[str, tuple[str, bool]]) -> dict[str, str]:
    """Body by marker of those that are on bone, where the set tells them from others; of all where it does not.

    Args:
        names: body, and whether the marker is fixed, by its name.
    """
    fixed = {name: body for name, (body, is_fixed) in names.items() if is_fixed}
    return fixed or {name: body for name, (body, _) in names.items()}


def apart(one: Markers, other: Markers, bodies: Mapping[str, str]) -> float | None:
    """Mean difference of the lengths that both show (1 is 100 %); None where these are too few to tell.

    Args:
        one, other: under the model's names, any pose.
        bodies: OpenSim body by marker (``femur_r``), bony markers only.

    Returns:
        0 for equal lengths; None where they share fewer than ``FEWEST``.
    """
    first, second = _lengths(one, bodies), _lengths(other, bodies)
    shared = sorted(first.keys() & second.keys())
    if len(shared) < FEWEST:
        return None
    return float(np.mean([abs(np.log(first[pair] / second[pair])) for pair in shared]))


def check_same_person(static: Markers, motion: Markers, bodies: Mapping[str, str], where: Path) -> float | None:
    """Refuse a static trial of somebody else.

    Args:
        static, motion: under the model's names.
        bodies: as ``apart`` takes them.
        where: the static trial's file.

    Returns:
        How far ``apart`` the two are; None where that cannot be told.

    Raises:
        BioposeError: the lengths of pelvis and legs differ by more than a person's own do.
    """
    differ = apart(static, motion, bodies)
    if differ is not None and differ > SAME:
        raise BioposeError(
            f"the static trial is of another person, or its markers were placed anew: the lengths of pelvis and legs "
            f"differ from the motion's by {differ:.1%} in the mean (the same person's by {SAME:.0%} at most)",
            where=str(where),
            mend="Give the static trial of the same person and session, or none.",
        )
    return differ


def _lengths(markers: Markers, bodies: Mapping[str, str]) -> dict[tuple[str, str], float]:
    names = sorted(name for name in markers.names if name in bodies and _part(bodies[name])[0] in SEGMENTS)
    at = {name: markers.positions_m[:, markers.names.index(name)] for name in names}
    found = {}
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            if _keep_their_distance(bodies[one], bodies[other]):
                length = _length(at[one], at[other])
                if length is not None:
                    found[one, other] = length
    return found


def _length(one: Float[np.ndarray, "frames 3"], other: Float[np.ndarray, "frames 3"]) -> float | None:
    distances = np.linalg.norm(one - other, axis=1)
    distances = distances[np.isfinite(distances)]
    if not len(distances):
        return None
    length = float(np.median(distances))
    return length if length > SHORTEST_M and distances.std() < STEADY * length else None


def _keep_their_distance(one: str, other: str) -> bool:
    (first, side), (second, other_side) = _part(one), _part(other)
    return one == other or (side == other_side and {first, second} in ACROSS)


def _part(body: str) -> tuple[str, str]:
    part, _, side = body.rpartition("_")
    return (part, side) if part and side in ("r", "l") else (body, "")
