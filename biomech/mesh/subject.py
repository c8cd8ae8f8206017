"""The shape of the person filmed: which numbers the fit may change, and what is known of them beforehand."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny.model import AnnyBody
from biomech.mesh.chain import Shaped, shaped

ADULT_STATURE_M, ADULT_STATURE_SD_M = 1.70, 0.09  # both sexes together, ANSUR II (1.756 and 1.629 m, SD 0.069 and 0.064)
KNOWN_STATURE_SD_M = 0.004
CHILD_BELOW_M = 1.45
PHENOTYPE_SD, LOCAL_SD = 0.25, 0.35
FIXED = ("gender", "age", "muscle", "weight")  # no keypoint sees them; set from what the user says


@dataclass(frozen=True)
class Subject:
    """One subject's shape, its meaning to the fit, and the residuals that keep it plausible."""

    body: AnnyBody
    shape: Float[np.ndarray, "shape"]
    expected: Float[np.ndarray, "shape"]
    height_m: float | None
    shaped: Shaped

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
        return cls(body, numbers, numbers, height_m, shaped(body, shape))

    @property
    def free(self) -> list[int]:
        """Numbers of the shape that the fit changes."""
        return [i for i, name in enumerate(self.body.shape_names) if name not in FIXED]

    @property
    def size(self) -> int:
        return len(self.free)

    @property
    def basis(self) -> Float[np.ndarray, "shape free"]:
        """Turns a step of the free numbers into one of the whole shape."""
        return np.eye(len(self.shape))[:, self.free]

    def moved(self, step: Float[np.ndarray, "free"]) -> "Subject":
        """The subject after a step, kept within the body's bounds."""
        bounds = self.body.shape_bounds.double().numpy()
        shape = np.clip(self.shape + self.basis @ np.clip(step, -0.5, 0.5), bounds[:, 0], bounds[:, 1])
        return self.with_shape(shape)

    def with_shape(self, shape: Float[np.ndarray, "shape"]) -> "Subject":
        return Subject(self.body, shape, self.expected, self.height_m, shaped(self.body, torch.tensor(shape).float()))

    def residual(self) -> tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "rows free"]]:
        """How far the shape is from what is expected, in standard deviations, and its derivative."""
        spread = np.array([LOCAL_SD if low < 0 else PHENOTYPE_SD for low, _ in self.body.shape_bounds.tolist()])
        stature_sd = ADULT_STATURE_SD_M if self.height_m is None else KNOWN_STATURE_SD_M
        stature = ADULT_STATURE_M if self.height_m is None else self.height_m
        residual = np.append((self.shape - self.expected) / spread, (self.shaped.stature_m - stature) / stature_sd)
        jacobian = np.vstack([np.diag(1 / spread), self.shaped.stature_by_shape / stature_sd])
        return residual, jacobian @ self.basis


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
