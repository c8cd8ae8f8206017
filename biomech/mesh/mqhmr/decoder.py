"""The decoder: pose query tokens that attend to each other and to the feature pyramid, and become bone rotations.

Each layer: self-attention among the tokens (beside the front end's context tokens, if it has any) → multi-scale
deformable cross-attention to the maps → feed-forward, every part normalised before it and added to its input. Tokens,
their kinds of attention and their order are the paper's; sizes and where norms stand are ours. A token looks around a
reference point of its own, which starts where its query says and moves from layer to layer (Zhu et al., "Deformable
DETR", ICLR 2021, there for boxes).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from biomech.mesh.mqhmr.camera import wide
from biomech.mesh.mqhmr.deformable import DeformableAttention
from biomech.mesh.mqhmr.pyramid import Features

EDGE = 1e-3


class DecoderLayer(nn.Module):
    """One layer; ``position`` is what tells the tokens apart and is added wherever they ask, not to what they say."""

    def __init__(
        self,
        width: int,
        heads: int,
        levels: int,
        points: int,
        feed_width: int,
        memory_width: int,
        value_width: int,
        dropout: float,
    ):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_mix, self.norm_look, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.query_key, self.value = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.look = DeformableAttention(
            width, heads, levels, points, memory_width=memory_width, value_width=value_width
        )
        self.feed = nn.Sequential(
            nn.Linear(width, feed_width), nn.GELU(), nn.Dropout(dropout), nn.Linear(feed_width, width)
        )

    def forward(
        self,
        tokens: Float[Tensor, "batch tokens width"],
        position: Float[Tensor, "batch tokens width"],
        context: Float[Tensor, "batch n width"],
        references: Float[Tensor, "batch tokens 2"],
        *maps: Float[Tensor, "batch memory_width height width"],
    ) -> Float[Tensor, "batch tokens width"]:
        """The tokens after the layer.

        Args:
            tokens: as the layer before left them.
            position: the queries; see the class.
            context: tokens of the front end that are only listened to; n may be 0.
            references: where each token looks, x and y as parts of the map (0 … 1).
            maps: of each level, the finest first.

        Returns:
            What came in and what the three parts add to it, not normalised.
        """
        tokens = tokens + self._drop(self._mixed(self.norm_mix(tokens), position, context))
        tokens = tokens + self._drop(self.look(self.norm_look(tokens) + position, references, maps))
        return tokens + self._drop(self.feed(self.norm_feed(tokens)))

    def _mixed(self, tokens: Tensor, position: Tensor, context: Tensor) -> Tensor:
        asking = tokens + position
        (ask, listen), (ask_bias, listen_bias) = self.query_key.weight.chunk(2), self.query_key.bias.chunk(2)
        query = functional.linear(asking, ask, ask_bias)  # the context only listens
        key = functional.linear(torch.cat([asking, context], 1), listen, listen_bias)
        value = self.value(torch.cat([tokens, context], 1))
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (query, key, value))
        rate = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=rate)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _drop(self, change: Tensor) -> Tensor:
        return functional.dropout(change, self.dropout, self.training)


class Decoder(nn.Module):
    """All layers.

    Args:
        tokens: pose query tokens; the paper's ablation found 96 best of 24, 48, 96 and 192.
        checkpointing: keep no activations within the layers for the way back: less memory, one more way there.
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        layers: int,
        heads: int,
        levels: int,
        points: int,
        feed_width: int,
        memory_width: int,
        value_width: int,
        dropout: float = 0.0,
        checkpointing: bool = False,
    ):
        super().__init__()
        self.checkpointing = checkpointing
        self.queries = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.level = nn.Parameter(0.02 * torch.randn(levels, memory_width))
        self.start = nn.Linear(width, 2)
        moves = [nn.Linear(width, 2) for _ in range(layers - 1)]
        self.move = nn.ModuleList(moves)
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, levels, points, feed_width, memory_width, value_width, dropout)
            for _ in range(layers)
        )
        # Reference points spread over the crop at first, and keep still.
        nn.init.normal_(self.start.weight, std=50 / width)
        nn.init.zeros_(self.start.bias)
        for layer in moves:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, features: Features, queries: Float[Tensor, "*batch tokens width"] | None = None
    ) -> list[Float[Tensor, "batch tokens width"]]:
        """The tokens after every layer, the last one last.

        Args:
            features: of the front end; the summary is not looked at.
            queries: in place of the learned ones, one set for all or one for each of the batch.

        Returns:
            One set of tokens for each layer.
        """
        maps = [found + level[:, None, None] for found, level in zip(features.maps, self.level, strict=True)]
        position = (self.queries if queries is None else queries).expand(len(maps[0]), -1, -1)
        tokens, after = position, []
        references = wide(self.start(position)).sigmoid()
        for i, layer in enumerate(self.layers):
            arguments = (tokens, position, features.context, references, *maps)
            if self.checkpointing and self.training:
                tokens = checkpoint(layer, *arguments, use_reentrant=False)
            else:
                tokens = layer(*arguments)
            after.append(tokens)
            if i < len(self.move):
                there = torch.logit(references.clamp(EDGE, 1 - EDGE))
                references = (there + wide(self.move[i](tokens))).sigmoid()
        return after
