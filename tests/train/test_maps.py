"""The lesson of the keypoints' heat maps, which encoders of pictures learn beside the body."""

import math

import numpy as np
import pytest
import torch

from biomech.mesh.mqhmr.bodies import KEYPOINTS
from biomech.mesh.mqhmr.camera import Crop
from biomech.train.mqhmr.losses import Truth
from biomech.train.mqhmr.maps import map_loss

ROWS, COLUMNS = 64, 48
SIDE = 300.0


@pytest.fixture
def crop() -> Crop:
    return Crop(
        torch.tensor([[400.0, 300.0]]),
        torch.tensor([SIDE]),
        torch.tensor([0.0]),
        torch.tensor([900.0]),
        torch.tensor([[500.0, 400.0]]),
    )


def truth_at(xy: tuple[float, float]) -> Truth:
    count = len(KEYPOINTS)
    unknown = torch.full((1, count, 3), torch.nan)
    confidence = torch.zeros(1, count)
    confidence[0, 0] = 1
    places = torch.full((1, count, 2), torch.nan)
    places[0, 0] = torch.tensor(xy)
    empty = torch.full((1, 1), torch.nan)
    return Truth(empty, empty, empty, places, confidence, unknown, torch.zeros(1, count))


def test_least_where_the_point_is(crop: Crop) -> None:
    """A point at a cell's centre; the Gaussian's own entropy is what remains."""
    column, row = 30, 10
    x = 400 + ((column + 0.5) / COLUMNS - 0.5) * 0.75 * SIDE
    y = 300 + ((row + 0.5) / ROWS - 0.5) * SIDE
    down, across = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")

    def loss(at: tuple[int, int]) -> float:
        maps = (-((across - at[0]) ** 2 + (down - at[1]) ** 2) / 2.0).expand(1, len(KEYPOINTS), -1, -1)
        return float(map_loss(maps, crop, truth_at((x, y))))

    assert loss((column, row)) == pytest.approx(math.log(2 * math.pi * math.e), abs=1e-3)
    assert (
        min(loss((column + dx, row + dy)) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))) > loss((column, row)) + 0.4
    )
    assert float(map_loss(torch.zeros(1, len(KEYPOINTS), ROWS, COLUMNS), crop, truth_at((x, y)))) == pytest.approx(
        math.log(ROWS * COLUMNS), abs=1e-3
    )


def test_points_beyond_the_crop_do_not_count(crop: Crop) -> None:
    maps = torch.zeros(1, len(KEYPOINTS), ROWS, COLUMNS, requires_grad=True)
    loss = map_loss(maps, crop, truth_at((400 + 0.4 * SIDE, 300.0)))  # within the square, beside the part that is shown
    loss.backward()
    assert float(loss.detach()) == 0 and maps.grad is not None and not np.any(maps.grad.numpy())
