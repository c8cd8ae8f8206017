"""How a body stands whose markers are rigid with it and whose neutral posture is known: the label of a pair.

As the main job does it: a model scaled by the neutral posture, markers where that has them, then inverse kinematics.
All frames at once, and no files.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.analytic import Analytic
from biomech.neurik.anatomy import Anatomy
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.static_pose import settled, static_poses
from biomech.skeleton.skeleton import Skeleton


class Reading(NamedTuple):
    """A clip's pose and its person's size."""

    coordinates: Float[Tensor, "frames coordinates"]  # rad and m, continuous in time
    scales: Float[Tensor, "bodies 3"]  # the ground first


class Reader:
    """Reads clips of the 142 markers."""

    rotational: Bool[np.ndarray, " coordinates"]

    def __init__(self) -> None:
        skeleton = Skeleton.from_osim(DEFAULT_PATH)
        self.anatomy = Anatomy.of(skeleton)
        self.skeleton = skeleton.carrying(self.anatomy.marker_names).double()
        self.analytic = Analytic(self.anatomy)
        self.weights = torch.from_numpy(load_virtual_markers().weight)
        self.rotational = self.anatomy.rotational

    @torch.no_grad()
    def __call__(
        self, positions_m: Float[np.ndarray, "frames 142 3"], neutral_m: Float[np.ndarray, "142 3"]
    ) -> Reading:
        """Read one clip.

        Args:
            positions_m: markers in the table's order.
            neutral_m: the same body's in the neutral posture.
        """
        seen = torch.from_numpy(np.asarray(positions_m, dtype=np.float64))
        person = static_poses(
            self.skeleton,
            torch.from_numpy(np.asarray(neutral_m, dtype=np.float64))[None],
            VIRTUAL_MARKER_MEASUREMENTS,
            self.weights,
            NEUTRAL_POSTURE,
        )
        frames = len(seen)
        first = self.analytic(
            seen.float().movedim(0, -1).contiguous(), torch.ones(seen.shape[1], frames), torch.ones(1, 1)
        )
        scales, offsets = (part.expand(frames, -1, -1) for part in (person.scales, person.offsets))
        pose = settled(self.skeleton, seen, scales, self.weights, first.coordinates.T.double(), offsets=offsets)
        values = pose.numpy().copy()
        values[:, self.rotational] = np.unwrap(values[:, self.rotational], axis=0)
        return Reading(torch.from_numpy(values), person.scales[0])
