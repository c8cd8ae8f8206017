"""Random people, scaled as the labels' models are but thousands at once: other bodies for the motions of a training.

How a person's markers lie on the scaled model decides the zero of the angles, so a network must have seen many people.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.labels.people import random_adult, seeded
from biomech.markers.virtual import load_virtual_markers, marker_body, neutral_static
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.static_pose import static_poses
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.kept import keep, kept

AT_ONCE = 64


class ScaledBodies(NamedTuple):
    """Bodies to wear a motion."""

    scales: Float[Tensor, "people bodies 3"]  # factors of each body; the ground's are 1
    offsets: Float[Tensor, "people markers 3"]  # of the markers from their scaled generic places, in their bodies (m)

    def save(self, path: Path) -> None:
        """Write as .safetensors."""
        keep(path, self._asdict())

    @classmethod
    def load(cls, path: Path) -> "ScaledBodies":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: it cannot be read.
        """
        return kept(path, cls, "a file of random people")


def random_people(
    skeleton: Skeleton, count: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> ScaledBodies:
    """Adults as `biopose label --bodies` draws them, of seeds that it does not use.

    Args:
        skeleton: the generic model with the 142 markers, in the table's order and in double precision.
        count: how many.
        seed: the same gives the same people.
        progress: called with people done and ``count``.

    Returns:
        Factors and offsets (m), in single precision.
    """
    body, weights = marker_body(), torch.from_numpy(load_virtual_markers().weight)
    found = []
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        shapes = (random_adult(body, seeded(seed, "people", number)) for number in numbers)
        seen = np.stack([neutral_static(body, shape, 1).positions_m[0] for shape in shapes])
        standing = static_poses(skeleton, torch.from_numpy(seen), VIRTUAL_MARKER_MEASUREMENTS, weights, NEUTRAL_POSTURE)
        found.append((standing.scales, standing.offsets))
        if progress is not None:
            progress(numbers.stop, count)
    return ScaledBodies(*(torch.cat(parts).float() for parts in zip(*found, strict=True)))
