"""Small motions of the model itself, in the shape in which labels come."""

import numpy as np
import pytest
import torch

from biomech.labels.shards import Window
from biomech.neurik.anatomy import Anatomy
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton


class Motions:
    """Windows of smooth random motion of people of one or several sizes; markers are the model's own."""

    def __init__(self, skeleton: Skeleton, count: int, time: int, seed: int = 0, still: float = 0.35):
        generator = torch.Generator().manual_seed(seed)
        anatomy = Anatomy.of(skeleton)
        skeleton = skeleton.carrying(anatomy.marker_names).to(torch.float32)
        low, high = torch.as_tensor(anatomy.ranges, dtype=torch.float32).T
        low, high = low.clamp(-1.0, 0.0), high.clamp(0.0, 1.0)
        coordinates = len(low)
        middle = still * torch.rand(count, 1, coordinates, generator=generator)
        phase = 6 * torch.rand(count, 1, coordinates, generator=generator)
        wave = 0.5 + middle * torch.sin(phase + 3.0 * torch.arange(time)[:, None] / 60.0)
        self.coordinates = low + wave * (high - low)
        factor = torch.exp(0.05 * torch.randn(count, 1, 1, generator=generator))
        self.scales = torch.ones(count, len(anatomy.body_names), 3) * factor
        self.scales[:, 0] = 1
        pose = skeleton(self.coordinates, self.scales[:, None].expand(-1, time, -1, -1))
        self.markers, self.joints = pose.markers, pose.joints

    def __len__(self) -> int:
        return len(self.markers)

    def batch(self, indices: list[int]) -> Window:
        rows = np.array(indices)
        coordinates = self.coordinates.numpy()[rows]
        return Window(
            self.markers.numpy()[rows],
            coordinates,
            self.joints.numpy()[rows],
            np.ones(coordinates.shape, dtype=bool),
            self.scales.numpy()[rows],
            np.zeros((len(rows), self.markers.shape[2], 3), dtype=np.float32),
        )


@pytest.fixture(scope="session")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)


@pytest.fixture(scope="session")
def motions(skeleton: Skeleton) -> Motions:
    return Motions(skeleton, count=8, time=16)
