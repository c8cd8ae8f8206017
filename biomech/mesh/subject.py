"""The shape of the person filmed: which numbers the fit may change, and what is known of them beforehand."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny.model import AnnyBody
from biomech.body.linkage import bones_in_links
from biomech.mesh.chain import Slopes
from biomech.mesh.placing import Linked

ADULT_STATURE_M, ADULT_STATURE_SD_M = (
    1.70,
    0.09,
)  # both sexes together, ANSUR II (1.756 and 1.629 m, SD 0.069 and 0.064)
KNOWN_STATURE_SD_M = 0.001  # a tape measure is not outvoted by thousands of keypoints that err alike
CHILD_BELOW_M = 1.45
PHENOTYPE_SD, LOCAL_SD = 0.25, 0.35
# What no keypoint sees: set from what the user says, or left ordinary.
FIXED = (
    *("gender", "age", "muscle", "weight", "waist_girth", "torso_width", "torso_depth", "hip_depth"),
    *("neck_forward", "head_height", "head_width", "head_depth"),
)


@dataclass(frozen=True)
class Subject:
    """One subject's shape, its meaning to the fit, and the residuals that keep it plausible."""

    body: AnnyBody
    shape: Float[np.ndarray, "shape"]
    expected: Float[np.ndarray, "shape"]
    height_m: float | None

    @classmethod
    def start(cls, body: AnnyBody, height_m: float | None, mass_kg: float | None) -> "Subject":
        """The most ordinary person of that height and mass."""
        shape = body.default_shape()
        names = body.shape_names
        stature = ADULT_STATURE_M if height_m is None else height_m
        if height_m is not None and height_m < CHILD_BELOW_M:
            shape[names.index("age")] = _match(body, shape, names.index("age"), body.stature, stature)
        shape[names.index("height")] = _match(body, shape, names.index("height"), body.stature, stature)
        if mass_kg is not None:
            shape[names.index("weight")] = _match(body, shape, names.index("weight"), body.mass, mass_kg)
        numbers = shape.double().numpy()
        return cls(body, numbers, numbers, height_m)

    @property
    def free(self) -> list[int]:
        """Numbers of the shape that the fit changes."""
        return [i for i, name in enumerate(self.body.shape_names) if name not in FIXED]

    @property
    def size(self) -> int:
        return len(self.free)

    @cached_property
    def shaped(self) -> Linked:
        """Rest joints, stature, and how the bones lie in the links."""
        numbers = self._measure(self.shape)
        return Linked(numbers[:-1].reshape(-1, 3), float(numbers[-1]), bones_in_links(self.body, self.shape))

    def slopes(self) -> Slopes:
        """How they change with the free numbers: central differences, since the shape space is piecewise linear."""
        step = 0.02
        columns = [
            (self._measure(self.shape + change) - self._measure(self.shape - change)) / (2 * step)
            for change in step * np.eye(len(self.shape))[self.free]
        ]
        slope = np.stack(columns, 1)
        return Slopes(slope[:-1].reshape(-1, 3, self.size), slope[-1])

    def _measure(self, shape: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(shape).float()
        return np.append(self.body.rest(tensor).joints.double().numpy().ravel(), float(self.body.stature(tensor)))

    def moved(self, step: Float[np.ndarray, "free"]) -> "Subject":
        """The subject after a step, kept within the body's bounds."""
        bounds = self.body.shape_bounds.double().numpy()
        shape = self.shape.copy()
        shape[self.free] += np.clip(step, -0.5, 0.5)
        shape = np.clip(shape, bounds[:, 0], bounds[:, 1])
        return self.with_shape(shape)

    def with_shape(self, shape: Float[np.ndarray, "shape"]) -> "Subject":
        return Subject(self.body, shape, self.expected, self.height_m)

    def residual(self) -> Float[np.ndarray, " rows"]:
        """How far the shape is from what is expected, in standard deviations."""
        stature = ADULT_STATURE_M if self.height_m is None else self.height_m
        return np.append(
            (self.shape - self.expected) / self._spread, (self.shaped.stature_m - stature) / self._stature_sd
        )

    def residual_slope(self, slopes: Slopes) -> Float[np.ndarray, "rows free"]:
        """Derivative of ``residual`` by the free numbers."""
        return np.vstack([np.diag(1 / self._spread)[:, self.free], slopes.stature / self._stature_sd])

    @property
    def _spread(self) -> Float[np.ndarray, " shape"]:
        return np.array([LOCAL_SD if low < 0 else PHENOTYPE_SD for low, _ in self.body.shape_bounds.tolist()])

    @property
    def _stature_sd(self) -> float:
        return ADULT_STATURE_SD_M if self.height_m is None else KNOWN_STATURE_SD_M


def _match(body: AnnyBody, shape: torch.Tensor, place: int, measure, wanted: float) -> float:
    """The value of one shape number, within its bounds, that brings a measure closest to what is wanted."""
    low, high = body.shape_bounds[place].tolist()
    for _ in range(12):
        middle = (low + high) / 2
        shape = shape.clone()
        shape[place] = middle
        if float(measure(shape)) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
