"""AMASS, and what is kept as it: SMPL, SMPL-H or SMPL-X parameters of motion capture with a frame rate; Z up, m."""

from collections.abc import Mapping
from typing import Any

from biomech.body.sources.people import Person, numbers, parameters

RATES = ("mocap_framerate", "mocap_frame_rate")
NAME = "AMASS"


def recognises(tree: Any) -> bool:
    """Poses, places and a frame rate of motion capture."""
    return isinstance(tree, Mapping) and {"poses", "trans"} <= set(tree) and any(rate in tree for rate in RATES)


def people(tree: Any, camera: str | None) -> list[Person]:
    """The one subject.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    rate = float(numbers(next(tree[name] for name in RATES if name in tree), "the frame rate").ravel()[0])
    found, notes = parameters(tree, place=("trans",), whole=("poses",), root=(), pose=())
    return [Person("subject", found, None, "world", "z", "measured", rate_hz=rate, notes=notes)]
