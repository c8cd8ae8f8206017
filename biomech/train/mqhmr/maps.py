"""Where the keypoints are in the picture, as a lesson beside the body: heat maps out of the finest level.

A body's few numbers tell an untrained encoder hardly anything about any one of its patches, so that it answers the same
for every picture for a long time; a map for each keypoint tells every patch what is in it. Pose encoders are commonly
learned from such maps (Tompson et al., NeurIPS 2014; ViTPose, Xu et al., NeurIPS 2022). The layer that makes them is
left behind when the training ends.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from biomech.mesh.mqhmr.bodies import KEYPOINTS
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.encoder import CROP_HEIGHT, CROP_WIDTH
from biomech.mesh.mqhmr.network import MQHMR, BodyPrediction, Inputs
from biomech.train.mqhmr.losses import Truth

WIDTH_CELLS = 1.0  # standard deviation of a keypoint's true map


class WithMaps(nn.Module):
    """A network of the picture front that says the keypoints' maps as well.

    Args:
        network: is trained as it is part of this.
    """

    def __init__(self, network: MQHMR):
        super().__init__()
        self.network = network
        self.maps = nn.Conv2d(network.config.memory_width, len(KEYPOINTS), 1)

    def forward(self, inputs: Inputs) -> tuple[BodyPrediction, Float[Tensor, "batch keypoints rows columns"]]:
        """The body, as the network says it, and a map of each keypoint before its softmax, over the crop.

        Args:
            inputs: with pictures.
        """
        features = self.network.features(inputs)
        return self.network.decode(features, inputs.crop), self.maps(features.maps[0])


def map_loss(maps: Float[Tensor, "batch keypoints rows columns"], crop: Crop, truth: Truth) -> Float[Tensor, ""]:
    """Cross-entropy between the maps and the keypoints' true places, each a Gaussian.

    Args:
        maps: before the softmax over their cells; they show the middle 3 : 4 part of the crop.
        crop: of the same people.
        truth: its keypoints in the picture count where their confidence is above 0 and they are in that part.

    Returns:
        nats, the mean over the keypoints that count; 0 where none does.
    """
    rows, columns = maps.shape[2:]
    place = crop.into(truth.keypoints_px)  # −½ … ½ from side to side
    x = (place[..., 0] * CROP_HEIGHT / CROP_WIDTH + 0.5) * columns - 0.5
    y = (place[..., 1] + 0.5) * rows - 0.5
    inside = (x > -0.5) & (x < columns - 0.5) & (y > -0.5) & (y < rows - 0.5) & (truth.confidence_2d > 0)
    x, y = (torch.where(inside, value, 0.0)[..., None] for value in (x, y))
    across, down = (
        torch.softmax(-((torch.arange(cells, device=maps.device) - at) ** 2) / (2 * WIDTH_CELLS**2), -1)
        for cells, at in ((columns, x), (rows, y))
    )
    said = maps.float().flatten(2).log_softmax(-1).unflatten(-1, (rows, columns))
    surprise = -torch.einsum("bkrc,bkr,bkc->bk", said, down, across)
    return (surprise * inside).sum() / inside.sum().clamp_min(1)
