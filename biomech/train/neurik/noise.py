"""The error that mesh recovery makes in the 142 markers: learned from clips whose truth is known, and drawn again.

A recovered body is off as a whole: limbs turn, depth is misjudged, shape is another's, and all of it lasts. White noise
teaches a network to average over time, which does nothing here. So whole stretches of measured error are kept, in the
axes that the person faces (forward, up, right), and added to other motions; where more is wanted than was measured,
errors are drawn with the same covariance over markers and the same decay over time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.train.neurik.kept import keep, kept
from biomech.train.neurik.pair import Pair

COMPONENTS = 40  # of the error's covariance over the markers
TOO_FAR_M = 0.5  # a frame with such an error is of another person, or lost
FASTEST_DECAY, SLOWEST_DECAY = 0.05, 0.995  # correlation from one frame to the next


@dataclass(frozen=True)
class MarkerNoise:
    """Measured errors (m, forward/up/right of the person), clip after clip, and their statistics."""

    errors: Float[Tensor, "frames markers 3"]  # float16 on disk
    first: Int[Tensor, " clips_and_end"]  # where each clip starts
    rate_hz: float
    mean: Float[Tensor, " errors"]
    components: Float[Tensor, "components errors"]  # times their standard deviation
    decay: Float[Tensor, " components"]  # correlation between neighbouring frames

    @classmethod
    def learn(cls, pairs: Sequence[Path], rate_hz: float) -> "MarkerNoise":
        """Learn from files of true and recovered markers (``Pair``).

        Args:
            pairs: files; frames with gaps, or more than ``TOO_FAR_M`` off, are left out.
            rate_hz: of the errors, which are resampled to it.

        Returns:
            The runs of good frames one after the other, and their statistics.

        Raises:
            BioposeError: there is no pair, or a file is not one.
        """
        clips = []
        for path in pairs:
            pair = Pair.load(path)
            off = in_facing_axes(pair.truth, in_place(pair.truth, pair.recovered) - pair.truth)
            good = np.isfinite(off).all((1, 2)) & (np.linalg.norm(off, axis=-1).max(1) < TOO_FAR_M)
            steps = np.arange(0, len(off) - 1 + 1e-9, pair.rate_hz / rate_hz)
            lower = np.minimum(steps.astype(int), len(off) - 2)
            share = (steps - lower)[:, None, None]
            resampled = off[lower] * (1 - share) + off[lower + 1] * share
            clips += _stretches(resampled.astype(np.float32), good[lower] & good[lower + 1])
        if not clips:
            raise BioposeError("no usable frame of true and recovered markers", mend="Make pairs first.")
        first = np.concatenate([[0], np.cumsum([len(c) for c in clips])])
        errors = torch.from_numpy(np.concatenate(clips))
        flat = errors.flatten(1)
        mean = flat.mean(0)
        _, spread, axes = torch.linalg.svd(flat - mean, full_matrices=False)
        count = min(COMPONENTS, len(spread))
        scores = (flat - mean) @ axes[:count].T
        inside = torch.ones(len(flat) - 1, dtype=torch.bool)
        inside[first[1:-1] - 1] = False
        product = (scores[1:] * scores[:-1])[inside].sum(0)
        decay = product / scores[:-1][inside].square().sum(0).clamp_min(1e-12)
        deviation = spread[:count] / len(flat) ** 0.5
        return cls(
            errors, torch.from_numpy(first), rate_hz, mean, axes[:count] * deviation[:, None],
            decay.clamp(FASTEST_DECAY, SLOWEST_DECAY),
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write as .safetensors."""
        tensors = {
            "errors": self.errors.half(), "first": self.first, "rate_hz": torch.tensor(self.rate_hz),
            "mean": self.mean, "components": self.components.contiguous(), "decay": self.decay,
        }  # fmt: skip
        keep(path, tensors)

    @classmethod
    def load(cls, path: Path) -> "MarkerNoise":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: it cannot be read.
        """

        def made(errors: Tensor, rate_hz: Tensor, **rest: Tensor) -> "MarkerNoise":
            return cls(errors=errors.float(), rate_hz=float(rate_hz), **rest)

        return kept(path, made, "a model of marker errors")

    def measured(self, clips: int, time: int, generator: torch.Generator) -> Float[Tensor, "clips time markers 3"]:
        """Stretches of measured error.

        Args:
            clips: how many.
            time: frames of each, at ``rate_hz``.
            generator: says which stretches.

        Returns:
            m; forward, up, right of the person; zero in the mean over a clip's markers and frames.
        """
        return in_place_of(self.errors[stretches(self.first, clips, time, generator)[1]])

    def drawn(self, clips: int, time: int, generator: torch.Generator) -> Float[Tensor, "clips time markers 3"]:
        """Errors of the same covariance and decay; each clip has its own constant part.

        Args:
            clips: how many.
            time: frames of each, at ``rate_hz``.
            generator: draws them.

        Returns:
            m; forward, up, right of the person; zero in the mean over a clip's markers and frames.
        """
        fresh = torch.randn(clips, time, len(self.decay), generator=generator)
        states = [fresh[:, 0]]
        for t in range(1, time):
            states.append(self.decay * states[-1] + (1 - self.decay.square()).sqrt() * fresh[:, t])
        errors = self.mean + torch.stack(states, 1) @ self.components
        return in_place_of(errors.unflatten(-1, (-1, 3)))


def stretches(
    first: Int[Tensor, " clips_and_end"], count: int, time: int, generator: torch.Generator
) -> tuple[Int[Tensor, " count"], Int[Tensor, "count time"]]:
    """Random stretches of clips that lie one after the other: their clips and their frames.

    Longer clips come more often; one that is too short goes back and forth.

    Args:
        first: frame at which each clip starts, and the end of the last.
        count: how many stretches.
        time: frames of each.
        generator: draws them.

    Returns:
        Number of the clip, and of each frame among all clips' frames.
    """
    lengths = first.diff()
    chosen = torch.multinomial(lengths.float(), count, replacement=True, generator=generator)
    start = (torch.rand(count, generator=generator) * lengths[chosen]).long()
    period = (2 * lengths[chosen] - 2).clamp_min(1)[:, None]
    phase = (start[:, None] + torch.arange(time)) % period
    return chosen, first[chosen][:, None] + torch.minimum(phase, period - phase)


def facing(markers: Float[np.ndarray, "*batch markers 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """World from the axes that a person faces: forward (horizontal, from back to front of the pelvis), up, right."""
    names = load_virtual_markers().names
    at = {name: markers[..., names.index(name), :] for name in ("RASI", "LASI", "RPSI", "LPSI")}
    forward = at["RASI"] + at["LASI"] - at["RPSI"] - at["LPSI"]
    forward = forward * np.array([1.0, 0.0, 1.0])
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True).clip(1e-9)
    up = np.broadcast_to(np.array([0.0, 1.0, 0.0]), forward.shape)
    return np.stack([forward, up, np.cross(forward, up)], -1)


def in_place(
    truth: Float[np.ndarray, "frames markers 3"], recovered: Float[np.ndarray, "frames markers 3"]
) -> Float[np.ndarray, "frames markers 3"]:
    """The recovered clip moved and turned about the vertical onto the truth, since nothing tells these.

    Args:
        truth: m, Y up; NaN where missing.
        recovered: as the truth.

    Returns:
        m; one shift (in height too) and one turn for the whole clip.
    """
    there, here = np.nanmean(truth, (0, 1)), np.nanmean(recovered, (0, 1))
    a, b = (recovered - here)[..., [2, 0]], (truth - there)[..., [2, 0]]
    angle = np.arctan2(np.nansum(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]), np.nansum(a * b))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    return (recovered - here) @ turn.T + there


def in_place_of(errors: Float[Tensor, "clips time markers 3"]) -> Float[Tensor, "clips time markers 3"]:
    """Errors without the part that all markers share over the clip."""
    return errors - errors.mean((1, 2), keepdim=True)


def in_facing_axes(
    truth: Float[np.ndarray, "frames markers 3"], error: Float[np.ndarray, "frames markers 3"]
) -> Float[np.ndarray, "frames markers 3"]:
    """Errors in the axes that the true person faces.

    Args:
        truth: the 142 markers in the table's order, m, Y up.
        error: of them, m, in the world's axes.

    Returns:
        m; forward, up, right, of each frame's own.
    """
    return error @ facing(truth)


def _stretches(errors: np.ndarray, good: np.ndarray) -> list[np.ndarray]:
    """Runs of good frames, two at least."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
    return [errors[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
