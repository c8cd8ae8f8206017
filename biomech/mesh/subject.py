"""The shape of the person filmed: which numbers the fit may change, and what is known of them beforehand.

Adults: the body's segments are as long as those of people of that stature, sex and mass (``proportions``); the numbers
of the shape themselves are nearly free. Nobody measured children for us: below ``CHILD_BELOW_M`` Anny's own age
phenotype (MakeHuman's children) says how they are built, and its numbers stay near to that.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny.model import AnnyBody, Measured
from biomech.mesh.chain import Slopes
from biomech.mesh.placing import Linked
from biomech.person import check_sex
from biomech.scaling.proportions import Expected, body_lengths, people

ADULT_STATURE_M, ADULT_STATURE_SD_M = (
    1.70,
    0.09,
)  # both sexes together, ANSUR II (1.756 and 1.629 m, SD 0.069 and 0.064)
# Half widths (68 %) of a stature that nobody told, and of lengths with it: 45 drawn adults, docs/trust.md
ASSUMED_OFF_M, ASSUMED_OFF = 0.09, 0.05
UNUSUAL_SD = 2.0  # from the average adult: a stature that a picture's error explains better than a person does
KNOWN_STATURE_SD_M = 0.001  # a tape measure is not outvoted by thousands of keypoints that err alike
CHILD_BELOW_M = 1.45
CHILD_PHENOTYPE_SD, CHILD_LOCAL_SD = 0.25, 0.35
PHENOTYPE_SD, LOCAL_SD = 1.0, 3.0  # of adults: only so that no number runs away which no length determines
# People are built more differently than Anny's local changes within −1 … 1, and Anny goes on linearly: see
# ``bench.proportions_reach``.
LOCAL_REACH, PROPORTIONS_REACH = 3.0, (-1.0, 2.0)
GENDER = {"male": 0.1, "female": 0.9}  # 0 and 1 are caricatures
STEP = 0.02  # of shape numbers, for slopes
START_STEPS = 12
# What no keypoint sees: set from what the user says, or left ordinary.
FIXED = (
    *("gender", "age", "muscle", "weight", "waist_girth", "torso_width", "torso_depth", "hip_depth"),
    *("neck_forward", "head_height", "head_width", "head_depth"),
)


def assumed_note(stature_m: float) -> str:
    """What to say of a stature that nobody told.

    Args:
        stature_m: that was assumed.

    Returns:
        How far off it may be; of one that few adults have, that it is probably wrong.
    """
    off_m = stature_m - ADULT_STATURE_M
    said = f"no height given: a stature of {stature_m:.2f} m was assumed, an average adult's corrected by the picture; "
    if abs(off_m) > UNUSUAL_SD * ADULT_STATURE_SD_M:
        return said + (
            f"few adults are so {'tall' if off_m > 0 else 'small'}: something in the film probably misled it (somebody "
            "or something else in the picture, another lens); give `height_m`"
        )
    return said + (
        f"two of three adults are within {ASSUMED_OFF_M:.2f} m of it, their lengths and speeds within {ASSUMED_OFF:.0%}"
    )


@dataclass(frozen=True)
class Subject:
    """One subject's shape, its meaning to the fit, and the residuals that keep it plausible."""

    body: AnnyBody
    shape: Float[np.ndarray, "shape"]
    expected: Float[np.ndarray, "shape"]
    height_m: float | None
    lengths: Expected | None = None  # of a child none
    height_sd_m: float = KNOWN_STATURE_SD_M  # of a height that is known
    fixed: tuple[str, ...] = FIXED  # numbers that stay as they are

    @classmethod
    def start(cls, body: AnnyBody, height_m: float | None, mass_kg: float | None, sex: str | None = None) -> "Subject":
        """The most ordinary person of that height, mass and sex.

        Args:
            body: whose shape is sought.
            height_m: None: an adult's, as the mass and the sex have it. Below ``CHILD_BELOW_M`` it is a child's.
            mass_kg: None: the weight stays an ordinary one.
            sex: female or male; None: both together.

        Returns:
            Shape and what is expected of it are the same: nothing is known of the person yet.

        Raises:
            BioposeError: the sex is none of the two that were measured.
        """
        check_sex(sex)
        child = height_m is not None and height_m < CHILD_BELOW_M
        lengths = None if child else people(sex).given(mass_kg)
        shape = body.default_shape()
        names = body.shape_names
        if sex is not None:
            shape[names.index("gender")] = GENDER[sex]
        stature = lengths.stature_m if lengths is not None and height_m is None else float(height_m or 0)
        if child:
            shape[names.index("age")] = match(body, shape, names.index("age"), body.stature, stature)
        shape[names.index("height")] = match(body, shape, names.index("height"), body.stature, stature)
        numbers = shape.double().numpy()
        subject = cls(body, numbers, numbers, height_m, lengths)
        if lengths is not None:
            subject = subject.settled(START_STEPS)
        if mass_kg is not None:
            shape = torch.from_numpy(subject.shape).float()
            shape[names.index("weight")] = match(body, shape, names.index("weight"), body.mass, mass_kg)
            subject = subject.with_shape(shape.double().numpy())
            if lengths is not None:  # who weighs more is a little taller
                subject = subject.settled(3)
        return replace(subject, expected=subject.shape)

    def settled(self, steps: int) -> "Subject":
        """Towards the least of ``residual``: the most ordinary person, where nothing else is known."""
        subject = self
        for _ in range(steps):
            jacobian = subject.residual_slope(subject.slopes())
            step = np.linalg.lstsq(jacobian, -subject.residual(), rcond=None)[0]
            # Shortened as a whole: ``moved`` cuts single numbers off, which gives a known stature away.
            step *= min(1.0, 0.4 / max(float(np.abs(step).max()), 1e-9))
            # And where the shape space has a kink, by what lies beyond it.
            tried = [subject.moved(share * step) for share in (1.0, 0.5, 0.25, 0.1, 0.03)]
            subject = min([subject, *tried], key=lambda each: float(np.square(each.residual()).sum()))
        return subject

    @property
    def free(self) -> list[int]:
        """Numbers of the shape that the fit changes."""
        return [i for i, name in enumerate(self.body.shape_names) if name not in self.fixed]

    @property
    def size(self) -> int:
        return len(self.free)

    @cached_property
    def bounds(self) -> Float[np.ndarray, "shape 2"]:
        """Within which the fit keeps the numbers: wider than the body's own for adults."""
        bounds = self.body.shape_bounds.double().numpy().copy()
        if self.lengths is not None:
            bounds[bounds[:, 0] < 0] *= LOCAL_REACH
            bounds[self.body.shape_names.index("proportions")] = PROPORTIONS_REACH
        return bounds

    @cached_property
    def shaped(self) -> Linked:
        """Rest joints, stature, and how the bones lie in the links."""
        return Linked.of(self.body, self.shape, self._measured)

    @property
    def stature_m(self) -> float:
        return float(self._measured.stature[0])

    @cached_property
    def _measured(self) -> Measured:
        return self.body.measure(self.shape[None])

    def slopes(self) -> Slopes:
        """How they change with the free numbers: central differences, since the shape space is piecewise linear."""
        found = self.body.measure(self.about())
        joints = (found.joints[0::2] - found.joints[1::2]) / (2 * STEP)
        return Slopes(np.moveaxis(joints, 0, -1), (found.stature[0::2] - found.stature[1::2]) / (2 * STEP))

    def about(self) -> Float[np.ndarray, "twice_free shape"]:
        """Shapes a step beyond and a step before this one, free number by free number."""
        changes = STEP * np.eye(len(self.shape))[self.free]
        return (self.shape + np.stack([changes, -changes], 1)).reshape(-1, len(self.shape))

    def moved(self, step: Float[np.ndarray, "free"]) -> "Subject":
        """The subject after a step, kept within the bounds."""
        shape = self.shape.copy()
        shape[self.free] += np.clip(step, -0.5, 0.5)
        shape = np.clip(shape, self.bounds[:, 0], self.bounds[:, 1])
        return self.with_shape(shape)

    def with_shape(self, shape: Float[np.ndarray, "shape"]) -> "Subject":
        return replace(self, shape=shape)

    def residual(self) -> Float[np.ndarray, " rows"]:
        """How far the shape is from what is expected, in standard deviations: numbers, stature, lengths."""
        stature, spread = self._stature
        rows = [(self.shape - self.expected) / self.spread, np.array([(self.stature_m - stature) / spread])]
        if self.lengths is not None:
            rows.append(self.lengths.whitener @ (self._log_lengths - self.lengths.at(self.stature_m)))
        return np.concatenate(rows)

    def residual_slope(self, slopes: Slopes) -> Float[np.ndarray, "rows free"]:
        """Derivative of ``residual`` by the free numbers."""
        rows = [np.diag(1 / self.spread)[:, self.free], slopes.stature[None] / self._stature[1]]
        if self.lengths is not None:
            by_stature = np.outer(self.lengths.by_log_stature, slopes.stature / self.stature_m)
            rows.append(self.lengths.whitener @ (self._length_slopes - by_stature))
        return np.vstack(rows)

    @property
    def distance(self) -> float:
        """Mahalanobis distance of the lengths from those expected, as 12 numbers; 0 for a child."""
        return 0.0 if self.lengths is None else float(np.linalg.norm(self.residual()[-len(self.lengths.intercept) :]))

    @cached_property
    def _log_lengths(self) -> Float[np.ndarray, " lengths"]:
        return body_lengths().log(self.shape[None])[0]

    @cached_property
    def _length_slopes(self) -> Float[np.ndarray, "lengths free"]:
        logs = body_lengths().log(self.about())
        return (logs[0::2] - logs[1::2]).T / (2 * STEP)

    @cached_property
    def spread(self) -> Float[np.ndarray, " shape"]:
        """Of the numbers of the shape, beside what the lengths say."""
        local, phenotype = (CHILD_LOCAL_SD, CHILD_PHENOTYPE_SD) if self.lengths is None else (LOCAL_SD, PHENOTYPE_SD)
        return np.array([local if low < 0 else phenotype for low, _ in self.body.shape_bounds.tolist()])

    @property
    def _stature(self) -> tuple[float, float]:
        """Expected, and its standard deviation, m."""
        if self.height_m is not None:
            return self.height_m, self.height_sd_m
        assert self.lengths is not None  # a child is one by its height
        return self.lengths.stature_m, self.lengths.stature_sd_m


def match(body: AnnyBody, shape: torch.Tensor, place: int, measure, wanted: float) -> float:
    """The value of one shape number, within its bounds, that brings a measure closest to what is wanted.

    Args:
        body: whose bounds they are.
        shape: the other numbers; left as it is.
        place: of the number among them.
        measure: of a shape; grows with the number.
        wanted: in the measure's unit (m, kg).

    Returns:
        The number, to 1/4096 of its range; next to an end of it if what is wanted lies beyond.
    """
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
