"""MQ-HMR: one person in a picture → θ, β and camera of a parametric body.

"BioPose", arXiv 2501.07800: encoder → maps at 4×, 8×, 16× → decoder over pose query tokens → θ; an MLP on the encoder
→ β, camera. Two fronts feed the one decoder: ``rgb``, the ViT encoder and its pyramid, and ``evidence``, what the
embedded detector says (heat maps, mask, landmarks), whose training needs no licensed pictures.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from biomech.errors import BioposeError
from biomech.mesh.mqhmr.bodies import Bodies, BodyLayer, anny_layer, smpl_layer
from biomech.mesh.mqhmr.camera import Crop, Projection, exact, place, project, seen_through
from biomech.mesh.mqhmr.decoder import Decoder
from biomech.mesh.mqhmr.encoder import VIT_SIZES, Vit
from biomech.mesh.mqhmr.heads import Guess, GuessHead, PoseHead, rotation_from_6d
from biomech.mesh.mqhmr.pyramid import STRIDES, CropToken, DetectorOutput, EvidenceFront, Features, Pyramid


@dataclass(frozen=True)
class Config:
    """Sizes and choices of a network; written beside its weights."""

    front: Literal["rgb", "evidence"] = "rgb"
    encoder: str = "H"  # ViT, where the front is rgb
    body: Literal["anny", "smpl"] = "anny"
    projection: Projection = "full"
    tokens: int = 96
    layers: int = 6
    width: int = 1024
    heads: int = 8
    points: int = 4  # sampled per head and level
    feed_width: int = 2048
    memory_width: int = 256  # of the maps
    value_width: int = 1024  # of what is taken out of them
    strides: tuple[int, ...] = STRIDES
    dropout: float = 0.0
    checkpointing: bool = False
    halved: bool = False  # the encoder sees crops of half the rows and columns: a quarter of the work; for rgb


CONFIGS = {
    "H": Config(),
    "L": Config(encoder="L"),
    "B": Config(encoder="B", width=512, feed_width=1024, value_width=512),
    "S": Config(encoder="S", width=384, feed_width=768, memory_width=192, value_width=384, layers=4),
    "compact": Config(
        front="evidence",
        tokens=48,
        width=192,
        heads=4,
        layers=3,
        points=2,
        feed_width=384,
        memory_width=32,
        value_width=64,
        dropout=0.1,
    ),
}


class Inputs(NamedTuple):
    """What the network sees of a batch of people: a picture or the detector's evidence, and where that is."""

    crop: Crop
    picture: Float[Tensor, "batch 3 height width"] | None = None  # RGB, 0 … 1
    evidence: DetectorOutput | None = None


class BodyPrediction(NamedTuple):
    """What the network says; camera axes (x right, y down, z away), m."""

    rotations: Float[Tensor, "layers batch bones 3 3"]  # the guess, then each layer's; the root's: camera from rest
    betas: Float[Tensor, "batch shape"]
    camera: Float[Tensor, "batch 3"]  # as ``camera.place`` has it
    root_position_m: Float[Tensor, "batch 3"]


class MQHMR(nn.Module):
    """The network.

    Args:
        config: sizes and choices.
        body: layer of the body that ``config`` names.
    """

    def __init__(self, config: Config, body: BodyLayer):
        super().__init__()
        self.config, self.body = config, body
        if config.front == "rgb":
            size = VIT_SIZES[config.encoder]
            self.encoder = Vit(size, checkpointing=config.checkpointing)
            self.pyramid = Pyramid(size.width, config.memory_width, config.strides)
            self.place = CropToken(config.width)
            summary = size.width + config.width
        else:
            self.evidence = EvidenceFront(
                config.width, config.memory_width, strides=config.strides, dropout=config.dropout
            )
            summary = self.evidence.summary_width
        self.decoder = Decoder(
            config.tokens,
            config.width,
            config.layers,
            config.heads,
            len(config.strides),
            config.points,
            config.feed_width,
            config.memory_width,
            config.value_width,
            config.dropout,
            config.checkpointing,
        )
        self.pose_head = PoseHead(body, config.tokens, config.width)
        self.guess_head = GuessHead(body, summary, config.width)

    @classmethod
    def build(cls, config: Config, body_model: Path | None = None, encoder_weights: Path | None = None) -> "MQHMR":
        """A network to be trained.

        Args:
            config: sizes and choices.
            body_model: the user's SMPL file, where the body is that.
            encoder_weights: the user's ViTPose, HMR2.0 or MAE file, where the front is rgb.

        Returns:
            The network with random weights, but for the encoder's if a file is given.

        Raises:
            BioposeError: a file is missing or not what it should be.
        """
        network = cls(config, body_layer(config, body_model))
        if encoder_weights is not None:
            network.encoder.load_weights(encoder_weights)
        return network

    def features(self, inputs: Inputs) -> Features:
        """What the front end makes of the inputs; the same for every set of queries."""
        crop = self._crop(inputs.crop)
        if self.config.front == "evidence":
            assert inputs.evidence is not None
            return self.evidence(inputs.evidence, crop)
        assert inputs.picture is not None
        encoded = self.encoder(avg_pool2d(inputs.picture, 2) if self.config.halved else inputs.picture)
        told = self.place(crop)
        return Features(self.pyramid(encoded), told, torch.cat([encoded.mean((2, 3)), told[:, 0]], 1))

    def forward(
        self,
        inputs: Inputs,
        queries: Float[Tensor, "*batch tokens width"] | None = None,
        *,
        only_guess: bool = False,
    ) -> BodyPrediction:
        """θ, β and camera.

        Args:
            inputs: with a picture or with evidence, as the front end is.
            queries: pose query tokens in place of the learned ones (``decoder.queries``), one set for all or one for
                each of the batch; with gradients, if they have any.
            only_guess: from the landmarks alone, without the maps and the decoder; for the evidence front.

        Returns:
            The guess and each layer's answer; with ``only_guess`` the guess alone. Camera axes, m.
        """
        if only_guess:
            return self._guess(inputs)
        return self.decode(self.features(inputs), inputs.crop, queries)

    def decode(
        self, features: Features, crop: Crop, queries: Float[Tensor, "*batch tokens width"] | None = None
    ) -> BodyPrediction:
        """The answer from features that are known already.

        Args:
            features: by ``features``.
            crop: that they were made with.
            queries: in place of the learned tokens, as in ``forward``.

        Returns:
            As ``forward``.
        """
        after = self.decoder(features, queries)
        with exact(features.summary):
            guess = self.guess_head(features.summary.float())
            return self._answer(guess, [self.pose_head(tokens.float()) for tokens in after], crop)

    def _guess(self, inputs: Inputs) -> BodyPrediction:
        assert inputs.evidence is not None
        summary = self.evidence.summarised(inputs.evidence, self._crop(inputs.crop))
        with exact(summary):
            return self._answer(self.guess_head(summary.float()), [], inputs.crop)

    def _answer(self, guess: Guess, changes: list[Tensor], crop: Crop) -> BodyPrediction:
        numbers = torch.stack([guess.numbers, *(guess.numbers + change for change in changes)])
        rotations = self.body.whole_pose(rotation_from_6d(numbers))
        root, position = place(guess.camera, rotations[:, :, 0], self._crop(crop))
        rotations = torch.cat([root[:, :, None], rotations[:, :, 1:]], 2)
        return BodyPrediction(rotations, self.body.shape(guess.shape), guess.camera, position)

    def pose(self, answer: BodyPrediction, layer: int = -1) -> Bodies:
        """The body of an answer.

        Args:
            answer: for any number of people.
            layer: of the decoder: -1 the last, 1 its first; 0 is the guess before it.

        Returns:
            Joints, keypoints and surface in camera axes, m.
        """
        return self.body(answer.betas, answer.rotations[layer], answer.root_position_m)

    def project(self, points_m: Float[Tensor, "batch points 3"], crop: Crop) -> Float[Tensor, "batch points 2"]:
        """Picture pixels of points in camera axes, through the camera that the network is built for.

        Args:
            points_m: x right, y down, z away from the lens.
            crop: of the true picture; with the ``weak`` projection its long lens takes the camera's place.

        Returns:
            x and y, px of the whole picture.
        """
        return project(points_m, self._crop(crop))

    def seen_by(self, root_m: Float[Tensor, "batch 3"], crop: Crop) -> Float[Tensor, "batch 3"]:
        """Where the camera that the network is built for has a place that is known before the true one.

        Args:
            root_m: one place a person, true camera axes.
            crop: of the true picture.

        Returns:
            m; with the ``weak`` projection as far away as makes a person as large in the crop.
        """
        return seen_through(root_m, crop, self._crop(crop)) if self.config.projection == "weak" else root_m

    def _crop(self, crop: Crop) -> Crop:
        return crop.weak() if self.config.projection == "weak" else crop


def body_layer(config: Config, body_model: Path | None = None) -> BodyLayer:
    """The body that a configuration names.

    Args:
        config: of which the body's name counts.
        body_model: the user's file of SMPL or its kin; not looked at for Anny.

    Returns:
        The layer, on the CPU.

    Raises:
        BioposeError: it needs the user's file, and there is none.
    """
    if config.body == "anny":
        return anny_layer()
    if body_model is None:
        raise BioposeError(
            "SMPL's model file cannot be shipped", mend="Fetch it from its makers and name it with `body_model`."
        )
    return smpl_layer(body_model)


def configuration(name: str, **changes: object) -> Config:
    """One of ``CONFIGS`` with changes.

    Args:
        name: a key of ``CONFIGS``: a size of the paper's encoder, or ``compact`` for the evidence front.
        changes: fields of ``Config``; their values are not checked.

    Returns:
        A copy with the changes.

    Raises:
        BioposeError: there is none of this name.
    """
    if name not in CONFIGS:
        raise BioposeError(f"there is no network {name!r}", mend=f"Choose one of {', '.join(CONFIGS)}.")
    return replace(CONFIGS[name], **changes)  # type: ignore[arg-type]


def parse_levels(said: str) -> tuple[int, ...]:
    """Levels of the pyramid from words such as ``4,8,16``.

    Raises:
        BioposeError: they are not some of 4, 8 and 16 in rising order.
    """
    levels = tuple(int(part) if part.strip().isdecimal() else 0 for part in said.split(","))
    if not levels or any(level not in STRIDES for level in levels) or list(levels) != sorted(set(levels)):
        raise BioposeError(f"levels {said!r}", mend="Give some of 4,8,16 in this order.")
    return levels
