"""How people hold themselves, gravity known: a density of poses, and the ranges of their joints.

A mixture of Gaussians with full covariance over ``features``, learned from the motion library by ``train.habit``;
 ``habit.json`` says from what, and how good it is.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file

from biomech.mesh.features import NAMES

FILE = Path(__file__).with_name("habit.safetensors")
LIMIT_SD = 0.05  # rad, beyond the range


@dataclass(frozen=True)
class Habit:
    """Residuals whose sum of squares grows as a pose gets rarer."""

    means: Float[np.ndarray, "components features"]
    whiteners: Float[np.ndarray, "components features features"]  # rows: features, columns: whitened
    rarity: Float[np.ndarray, " components"]  # of each component's centre, nats; 0 of the commonest
    lower: Float[np.ndarray, " features"]
    upper: Float[np.ndarray, " features"]

    @classmethod
    def load(cls, path: Path = FILE) -> "Habit":
        """The weights in the package."""
        tensors = {name: tensor.astype(float) for name, tensor in load_file(path).items()}
        return cls.of(tensors)

    @classmethod
    def of(cls, tensors: dict[str, np.ndarray]) -> "Habit":
        """From log weights, means, whiteners, and the ends of the ranges."""
        height = np.linalg.slogdet(tensors["whiteners"]).logabsdet + tensors["log_weights"]
        return cls(tensors["means"], tensors["whiteners"], height.max() - height, tensors["lower"], tensors["upper"])

    def components(self, values: Float[np.ndarray, "frames features"]) -> Int[np.ndarray, " frames"]:
        """The component that each pose most likely belongs to."""
        return (np.square(self._whitened(values)).sum(-1) / 2 + self.rarity).argmin(1)

    def cost(self, values: Float[np.ndarray, "frames features"]) -> float:
        """Half the sum of squares, and the rarity of the components."""
        outside = self._outside(values) / LIMIT_SD
        return float(self.rarities(values).sum() + np.square(outside).sum() / 2)

    def rarities(self, values: Float[np.ndarray, "frames features"]) -> Float[np.ndarray, " frames"]:
        """How rare each pose is (nats), whatever the ranges of joints say; 0 in the middle of the commonest."""
        return (np.square(self._whitened(values)).sum(-1) / 2 + self.rarity).min(1)

    def rows(
        self, values: Float[np.ndarray, "frames features"]
    ) -> tuple[Float[np.ndarray, "frames rows"], Float[np.ndarray, "frames rows features"]]:
        """Residuals and their derivatives by the features."""
        whitened = self._whitened(values)
        component = (np.square(whitened).sum(-1) / 2 + self.rarity).argmin(1)
        outside = self._outside(values)
        size = len(NAMES)
        jacobian = np.zeros((len(values), 2 * size, size))
        jacobian[:, :size] = np.swapaxes(self.whiteners[component], 1, 2)
        diagonal = np.arange(size)
        jacobian[:, size + diagonal, diagonal] = (outside != 0) / LIMIT_SD
        chosen = whitened[np.arange(len(values)), component]
        return np.concatenate([chosen, outside / LIMIT_SD], 1), jacobian

    def _whitened(
        self, values: Float[np.ndarray, "frames features"]
    ) -> Float[np.ndarray, "frames components features"]:
        return np.stack([(values - m) @ w for m, w in zip(self.means, self.whiteners, strict=True)], 1)

    def _outside(self, values: Float[np.ndarray, "frames features"]) -> Float[np.ndarray, "frames features"]:
        return np.clip(values - self.upper, 0, None) - np.clip(self.lower - values, 0, None)
