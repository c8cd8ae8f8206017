"""Batches to train on: windows of labelled motion, varied as films and people vary.

A batch is a function of seed and step alone, so that a training that was cut off goes on with the very batches that it
would have had; the next ones are made by a thread while the network learns. Heading and place need no variation: the
network takes them out exactly.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from biomech.labels.shards import Split, Window
from biomech.neurik.anatomy import Anatomy
from biomech.neurik.network import RATE_HZ, coordinates_in_mirror, in_mirror
from biomech.neurik.predict import RECOVERED_CONFIDENCE
from biomech.prefetch import prefetch
from biomech.skeleton.skeleton import PosedSkeleton, Skeleton
from biomech.train.neurik.noise import MarkerNoise, facing
from biomech.train.neurik.people import ScaledBodies
from biomech.train.neurik.pose_errors import PoseErrors

TEMPOS = (1.0, 1.0, 0.75, 4 / 3)  # a motion played slower or faster than it was


class WindowSequence(Protocol):
    """What `Shards.windows` gives."""

    def __len__(self) -> int: ...
    def batch(self, indices: list[int]) -> Window: ...


class WindowSource(Protocol):
    """What windows are from: shards, or a library of motions."""

    @property
    def folder(self) -> Path: ...
    def windows(
        self, length: int, *, split: Split | None = None, rate_hz: float | None = None, step: int = 1
    ) -> WindowSequence:
        """All stretches of ``length`` frames, ``step`` frames apart.

        Args:
            length: frames of a window.
            split: only these subjects; None for all.
            rate_hz: of the windows; None for the source's usual.
            step: frames from one window's beginning to the next: of the recording in shards, at the windows' rate in a
                library.

        Returns:
            Each window is read or made when it is asked for; there may be none.
        """
        ...


class Batch(NamedTuple):
    """Clips with their labels; rad and m."""

    markers: Float[Tensor, "clips time markers 3"]  # NaN where missing
    confidence: Float[Tensor, "clips time markers"]
    coordinates: Float[Tensor, "clips time coordinates"]
    scales: Float[Tensor, "clips bodies 3"]
    mask: Bool[Tensor, "clips time coordinates"]

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(part.to(device, non_blocking=True) for part in self))


@dataclass(frozen=True)
class Variation:
    """How clips are varied: shares of clips, and sizes."""

    mirrored: float = 0.5
    worn: float = 0.6  # by another person
    posed: float = 0.2  # take other poses, within the ranges
    resized: float = 0.5  # the whole person larger or smaller
    size_sd: float = 0.06
    pose_errors: float = 0.3  # in a pose and of a size as mesh recovery mistakes them
    paired: float = 0.15  # not the clip, but one that was recovered from film
    recovered: float = 0.15  # with mesh recovery's errors added to the markers
    white: float = 0.2  # with white noise, each marker its own
    white_m: float = 0.01  # largest median of it
    dropped: float = 0.2  # with missing markers


class Batches:
    """Endless varied batches, by step.

    Args:
        windows: of the training subjects at ``RATE_HZ``, one set for each tempo.
        noise: errors of mesh recovery; without it those clips stay as they are.
        people: bodies for other people's motions; without them everyone keeps their own.
        poses: what mesh recovery makes of poses; without it none is misjudged.
    """

    def __init__(
        self,
        windows: list[WindowSequence],
        skeleton: Skeleton,
        clips: int,
        seed: int,
        *,
        variation: Variation | None = None,
        noise: MarkerNoise | None = None,
        people: ScaledBodies | None = None,
        poses: PoseErrors | None = None,
    ):
        self.windows, self.clips, self.seed = windows, clips, seed
        self.anatomy = Anatomy.of(skeleton)
        self.skeleton = skeleton.carrying(self.anatomy.marker_names).to(torch.float32)
        self.variation, self.noise, self.people, self.poses = variation or Variation(), noise, people, poses

    def at(self, step: int) -> Batch:
        """The batch of one step."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        windows = self.windows[int(torch.randint(len(self.windows), (), generator=generator))]
        chosen = torch.randint(len(windows), (self.clips,), generator=generator).tolist()
        return self.varied(windows.batch(chosen), generator)

    def prefetched(self, step: int) -> Iterator[Batch]:
        """The batches from ``step`` on, made by a thread of their own."""
        return prefetch(self.at(number) for number in itertools.count(step))

    def varied(self, window: Window, generator: torch.Generator) -> Batch:
        """A batch of windows with all variations.

        Args:
            window: with a first axis of clips; its arrays are not changed.
            generator: draws which clips are varied, and how.

        Returns:
            As many clips; markers NaN where they were missing or are dropped.
        """
        vary = self.variation
        batch = plain(window)
        clips = len(batch.markers)

        def some(share: float) -> Bool[Tensor, " clips"]:
            return torch.rand(clips, generator=generator) < share

        offsets = torch.from_numpy(np.array(window.marker_offsets))
        other, places = self._worn(batch, offsets, some(vary.worn), generator)
        other = self._posed(other, some(vary.posed), generator)
        batch = other._replace(markers=self._carried(batch, offsets, other, places))
        batch = self._with_pose_errors(batch, places, some(vary.pose_errors), generator)
        batch = self._paired(batch, some(vary.paired), generator)
        batch = self._resized(batch, some(vary.resized), generator)
        batch = self._recovered(batch, some(vary.recovered), generator)
        markers, confidence = self._white(batch.markers, batch.confidence, some(vary.white), generator)
        markers = self._dropped(markers, some(vary.dropped), generator)
        return self._mirrored(batch._replace(markers=markers, confidence=confidence), some(vary.mirrored))

    def _worn(self, batch: Batch, offsets: Tensor, which: Tensor, generator: torch.Generator) -> tuple[Batch, Tensor]:
        """The same motion on other people's bodies, with strides as much longer as their thighs."""
        if self.people is None or not which.any():
            return batch, offsets
        chosen = torch.randint(len(self.people.scales), (len(which),), generator=generator)
        scales = torch.where(_like(which, batch.scales), self.people.scales[chosen], batch.scales)
        places = torch.where(_like(which, offsets), self.people.offsets[chosen], offsets)
        thigh = self.skeleton.body_names.index("femur_r")
        longer = (scales / batch.scales)[:, thigh, 1]
        coordinates = batch.coordinates * self._lengths(longer)
        return batch._replace(coordinates=coordinates, scales=scales), places

    def _posed(self, batch: Batch, which: Tensor, generator: torch.Generator) -> Batch:
        """Other poses of the same people."""
        if not which.any():
            return batch
        coordinates = batch.coordinates
        clips, time, count = coordinates.shape
        low, high = torch.as_tensor(self.anatomy.ranges, dtype=torch.float32).T
        free = torch.as_tensor(self.anatomy.rotational).clone()
        free[torch.as_tensor(self.anatomy.chain_coordinates[0])] = False
        # A slow wave within each coordinate's range, and how far the motion goes over to it.
        pace = 2 * torch.pi * torch.rand(clips, 1, count, generator=generator) * 1.5 / RATE_HZ
        phase = 2 * torch.pi * torch.rand(clips, 1, count, generator=generator)
        swing = torch.rand(clips, 1, count, generator=generator)
        middle = torch.rand(clips, 1, count, generator=generator)
        wave = middle + swing * torch.minimum(middle, 1 - middle) * torch.sin(
            pace * torch.arange(time)[:, None] + phase
        )
        share = torch.rand(clips, 1, 1, generator=generator) * (torch.rand(clips, 1, count, generator=generator) < 0.7)
        other = torch.where(free, coordinates + share * (low + wave * (high - low) - coordinates), coordinates)
        turn = torch.pi * (torch.rand(clips, 1, 3, generator=generator) - 0.5) * torch.tensor([1.0, 0.5, 0.0])
        root = torch.as_tensor(self.anatomy.chain_coordinates[0])
        other[..., root] += turn * (torch.rand(clips, 1, 1, generator=generator) < 0.5)
        return batch._replace(coordinates=torch.where(_like(which, other), other, coordinates))

    def _with_pose_errors(self, batch: Batch, places: Tensor, which: Tensor, generator: torch.Generator) -> Batch:
        """Markers of a body that is posed and sized wrongly, as recovery would; the labels stay."""
        if self.poses is None or not which.any():
            return batch
        clips, frames = self.poses.stretches(int(which.sum()), batch.markers.shape[1], generator)
        amount = 0.5 + torch.rand(len(clips), 1, 1, generator=generator)
        right = Batch(*(part[which] for part in batch))
        wrong = right._replace(
            coordinates=right.coordinates + amount * self.poses.errors[frames],
            scales=right.scales * self.poses.sizes[clips] ** amount,
        )
        markers = self._carried(right, places[which], wrong, places[which])
        return batch._replace(
            markers=batch.markers.index_put((which,), markers),
            confidence=torch.where(_like(which, batch.confidence), RECOVERED_CONFIDENCE, batch.confidence),
        )

    def _paired(self, batch: Batch, which: Tensor, generator: torch.Generator) -> Batch:
        """Clips that were recovered, in the place of others."""
        if self.poses is None or not which.any():
            return batch
        clips, frames = self.poses.stretches(int(which.sum()), batch.markers.shape[1], generator)
        markers, coordinates = self.poses.markers[frames], self.poses.coordinates[frames]
        put = Batch(
            markers,
            torch.full(markers.shape[:3], RECOVERED_CONFIDENCE),
            coordinates,
            self.poses.scales[clips],
            torch.ones(coordinates.shape, dtype=torch.bool),
        )
        return Batch(*(whole.index_put((which,), part) for whole, part in zip(batch, put, strict=True)))

    @torch.no_grad()
    def _carried(self, batch: Batch, offsets: Tensor, other: Batch, places: Tensor) -> Tensor:
        """Markers that lie on their bodies, in another pose or of another person, as they did: skin motion included."""

        def pose(of: Batch, at: Tensor) -> PosedSkeleton:
            time = of.coordinates.shape[1]
            sizes, on_bodies = (part[:, None].expand(-1, time, -1, -1) for part in (of.scales, at))
            return self.skeleton(of.coordinates, sizes, on_bodies)

        was, now = pose(batch, offsets), pose(other, places)
        body = self.skeleton.marker_body
        turned = now.rotations[:, :, body] @ was.rotations[:, :, body].mT
        return now.markers + (turned @ (batch.markers - was.markers)[..., None])[..., 0]

    def _lengths(self, factor: Float[Tensor, " clips"]) -> Float[Tensor, "clips 1 coordinates"]:
        """What a larger person's coordinates are multiplied by."""
        return torch.where(torch.as_tensor(self.anatomy.rotational), 1.0, factor[:, None, None])

    def _resized(self, batch: Batch, which: Tensor, generator: torch.Generator) -> Batch:
        factor = torch.exp(self.variation.size_sd * torch.randn(len(which), generator=generator) * which)
        scales = batch.scales * factor[:, None, None]
        scales[:, 0] = 1
        return batch._replace(
            markers=batch.markers * factor[:, None, None, None],
            scales=scales,
            coordinates=batch.coordinates * self._lengths(factor),
        )

    def _recovered(self, batch: Batch, which: Tensor, generator: torch.Generator) -> Batch:
        """With recovery's errors added to the markers. The network is told: untold, it learned to correct markers
        that were right."""
        clips, time = batch.markers.shape[:2]
        if self.noise is None or not which.any():
            return batch
        drawn = torch.rand(clips, 1, 1, 1, generator=generator) < 0.3
        measured = self.noise.measured(clips, time, generator)
        errors = torch.where(drawn, self.noise.drawn(clips, time, generator), measured)
        axes = torch.from_numpy(facing(batch.markers.nan_to_num(0.0).numpy())).float()
        amount = which * torch.exp(0.4 * torch.randn(clips, generator=generator)).clamp(0.2, 2.0)
        return batch._replace(
            markers=batch.markers + (errors @ axes.mT) * amount[:, None, None, None],
            confidence=torch.where(_like(which, batch.confidence), RECOVERED_CONFIDENCE, batch.confidence),
        )

    def _white(
        self, markers: Tensor, confidence: Tensor, which: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Noise of each marker's own size; how sure one is of it says so in half of these clips."""
        clips, count = len(markers), markers.shape[2]
        middle = self.variation.white_m * torch.rand(clips, 1, generator=generator)
        size = which[:, None] * middle * torch.exp(0.7 * torch.randn(clips, count, generator=generator))
        noise = torch.randn(markers.shape, generator=generator) * size[:, None, :, None]
        said = which & (torch.rand(clips, generator=generator) < 0.5)
        surer = torch.where(said[:, None], 1 / (1 + (size / 0.01) ** 2), 1.0)
        return markers + noise, confidence * surer[:, None]

    def _dropped(self, markers: Tensor, which: Tensor, generator: torch.Generator) -> Tensor:
        """Single markers for a stretch, and now and then a whole body's."""
        clips, time, count = markers.shape[:3]
        share = 0.3 * torch.rand(clips, 1, generator=generator)
        lost = torch.rand(clips, count, generator=generator) < share
        body = torch.randint(len(self.anatomy.node_names), (clips, 1), generator=generator)
        limb = torch.as_tensor(self.anatomy.node_of_marker) == body
        lost = lost | (limb & (torch.rand(clips, 1, generator=generator) < 0.3))
        ends = (torch.rand(clips, 2, generator=generator) * time).long().sort(1).values
        frame = torch.arange(time)
        stretch = (frame >= ends[:, :1]) & (frame <= ends[:, 1:])
        gone = which[:, None, None] & stretch[..., None] & lost[:, None]
        return markers.masked_fill(gone[..., None], float("nan"))

    def _mirrored(self, batch: Batch, which: Tensor) -> Batch:
        order, bodies = torch.as_tensor(self.anatomy.mirror_markers), torch.as_tensor(self.anatomy.mirror_bodies)
        other = Batch(
            in_mirror(self.anatomy, batch.markers),
            batch.confidence[..., order],
            coordinates_in_mirror(self.anatomy, batch.coordinates),
            batch.scales[:, bodies],
            batch.mask[..., torch.as_tensor(self.anatomy.mirror_coordinates)],
        )
        return Batch(*(torch.where(_like(which, a), a, b) for a, b in zip(other, batch, strict=True)))


def plain(window: Window) -> Batch:
    """A batch as it was labelled."""
    markers = torch.from_numpy(np.array(window.markers, dtype=np.float32))
    coordinates = torch.from_numpy(np.array(window.coordinates, dtype=np.float32))
    return Batch(
        markers,
        markers.isfinite().all(-1).float(),
        coordinates.nan_to_num(0.0),
        torch.from_numpy(np.array(window.scales, dtype=np.float32)),
        torch.from_numpy(np.array(window.mask)) & coordinates.isfinite(),
    )


def _like(which: Tensor, values: Tensor) -> Tensor:
    return which.view(-1, *(1,) * (values.dim() - 1))
