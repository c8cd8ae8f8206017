"""The error that mesh recovery makes in poses: measured on clips whose truth is known, and made again in other motions.

A recovered body is a body: its markers fit the skeleton as well as true ones do, in a pose and of a size that are
wrong, for a while and alike in neighbouring frames. Noise on markers does not look like that. So the error is measured
in coordinates and scale factors, between the poses that inverse kinematics finds of the true and of the recovered
body (``reading``), and moved bodies are posed wrongly by it. What in a pose makes it misjudged is seen by the
measured clips themselves.

A network can tell neither from its markers alone; the markers' confidence says that they were recovered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.interpolate import make_interp_spline
from torch import Tensor

from biomech.angles import wrapped
from biomech.errors import BioposeError
from biomech.train.neurik.kept import keep, kept
from biomech.train.neurik.noise import TOO_FAR_M, in_place, stretches
from biomech.train.neurik.pair import Pair
from biomech.train.neurik.reading import Reading

Read = Callable[[np.ndarray, np.ndarray], Reading]
FEW_FRAMES = 16
TURNED_OVER_RAD = 2.0  # an error of so much is another person, or a turn about a pole of the angles


@dataclass(frozen=True)
class PoseErrors:
    """Clips of recovered bodies, one after the other; rad and m, ``rate_hz`` frames a second."""

    markers: Float[Tensor, "frames markers 3"]  # recovered, moved and turned onto the truth
    coordinates: Float[Tensor, "frames coordinates"]  # true
    errors: Float[Tensor, "frames coordinates"]  # recovered less true
    scales: Float[Tensor, "clips bodies 3"]  # true
    sizes: Float[Tensor, "clips bodies 3"]  # recovered over true
    first: Int[Tensor, " clips_and_end"]  # where each clip starts

    @classmethod
    def learn(
        cls, pairs: Sequence[Path], rate_hz: float, read: Read, rotational: Bool[np.ndarray, " coordinates"]
    ) -> "PoseErrors":
        """Measure on files of true and recovered markers (``pairs``).

        Args:
            pairs: files; clips that are short, have gaps or are far off are passed over.
            rate_hz: of what is kept, which is resampled to it.
            read: poses of a clip's markers, from the markers and those of the same body's neutral posture.
            rotational: which coordinates are angles.

        Returns:
            One clip for each pair that can be used.

        Raises:
            BioposeError: a file is not a pair, or none can be used.
        """
        parts = []
        for path in pairs:
            pair = Pair.load(path)
            truth, recovered = pair.truth, in_place(pair.truth, pair.recovered)
            far = np.linalg.norm(recovered - truth, axis=-1).max() > TOO_FAR_M
            if far or len(truth) < FEW_FRAMES or not np.isfinite(truth).all() or not np.isfinite(recovered).all():
                continue
            part = _measured(truth, recovered, pair.neutral(path), pair.rate_hz, rate_hz, read, rotational)
            if part is not None:
                parts.append(part)
        if not parts:
            raise BioposeError("no usable clip of true and recovered markers", mend="Make pairs first.")
        markers, coordinates, errors, scales, sizes = zip(*parts, strict=True)
        first = torch.from_numpy(np.concatenate([[0], np.cumsum([len(clip) for clip in markers])]))
        return cls(
            torch.cat(markers),
            torch.cat(coordinates),
            torch.cat(errors),
            torch.stack(scales),
            torch.stack(sizes),
            first,
        )

    def save(self, path: Path) -> None:
        """Write as .safetensors."""
        keep(path, vars(self))

    @classmethod
    def load(cls, path: Path) -> "PoseErrors":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: it cannot be read.
        """
        return kept(path, cls, "a file of recovered poses")

    def stretches(
        self, count: int, time: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, " count"], Int[Tensor, "count time"]]:
        """Random stretches: their clips and their frames.

        Args:
            count: how many.
            time: frames of each.
            generator: draws them.

        Returns:
            Rows of ``scales`` and ``sizes``, and rows of ``markers``, ``coordinates`` and ``errors``.
        """
        return stretches(self.first, count, time, generator)


def _measured(
    truth: np.ndarray,
    recovered: np.ndarray,
    neutral: tuple[np.ndarray, np.ndarray],
    rate: float,
    rate_hz: float,
    read: Read,
    rotational: Bool[np.ndarray, " coordinates"],
) -> tuple[Tensor, ...] | None:
    time_s = np.arange(len(truth)) / rate
    grid = np.arange(0, time_s[-1] + 1e-9, 1 / rate_hz)

    def at_rate(values: np.ndarray) -> Tensor:
        smooth = make_interp_spline(time_s, values.reshape(len(values), -1))(grid)
        return torch.from_numpy(smooth.reshape(len(grid), *values.shape[1:]))

    true, wrong = (read(markers, posture) for markers, posture in zip((truth, recovered), neutral, strict=True))
    error = wrong.coordinates - true.coordinates
    angles = torch.from_numpy(rotational)
    error = torch.where(angles, wrapped(error), error)
    if error[:, angles].abs().max() > TURNED_OVER_RAD:
        return None
    values, errors = at_rate(true.coordinates.numpy()), at_rate(error.numpy())
    return tuple(part.float() for part in (at_rate(recovered), values, errors, true.scales, wrong.scales / true.scales))
