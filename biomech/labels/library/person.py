"""Somebody or other: how they stand and how they differ from the mean, and a motion being written down."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation
from biomech.labels.library.norms import STANDING
from biomech.labels.library.skeleton import foot_height_m, limits_rad, names

Curve = Float[np.ndarray, " frames"]
SIDES = ("r", "l")
ASYMMETRY = 0.35  # share of a deviation's SD that is a side's own
LIMIT_SD = 1.8  # a person's constant deviations end there
INSIDE_RAD = 0.01  # values stay so far inside the ranges of the coordinates
GRAVITY = 9.81


def normal(rng: np.random.Generator, size: int | None = None) -> np.ndarray:
    """Standard normal numbers, cut at ``LIMIT_SD``.

    Args:
        rng: is drawn from.
        size: how many; None gives one number.

    Returns:
        Of the shape asked for.
    """
    return np.clip(rng.standard_normal(size), -LIMIT_SD, LIMIT_SD)


def both_sides(rng: np.random.Generator, sd: float) -> tuple[float, float]:
    """Deviations of the right and left side, alike but not the same.

    Args:
        rng: is drawn from.
        sd: of each side; the result has its unit.

    Returns:
        Right and left, zero in the mean.
    """
    common, own = normal(rng), normal(rng, 2)
    values = sd * (np.sqrt(1 - ASYMMETRY**2) * common + ASYMMETRY * own)
    return float(values[0]), float(values[1])


def wander(rng: np.random.Generator, frames: int, rate_hz: float, sd: float, memory_s: float) -> Curve:
    """Slow random drift with a standard deviation and a memory, zero in the mean.

    Args:
        rng: is drawn from.
        frames: how many.
        rate_hz: frames a second.
        sd: the result has its unit.
        memory_s: SD of the Gaussian window that smooths the noise; over several of it values are unrelated.

    Returns:
        A value for each frame. Zero is the mean over many draws, not of each.
    """
    sigma = max(memory_s * rate_hz, 1e-3)
    pad = int(4 * sigma) + 1
    noise = gaussian_filter1d(rng.standard_normal(frames + 2 * pad), sigma, mode="wrap")[pad : pad + frames]
    return sd * noise * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def ramp(at: Curve, start: float, length: float) -> Curve:
    """From 0 to 1 with rest at both ends, as hands and bodies move (minimum jerk: Flash & Hogan 1985).

    Args:
        at: times (or phases).
        start: when it leaves 0.
        length: how long it takes, in the same unit; above 0.

    Returns:
        0 to 1 at each time.
    """
    x = np.clip((np.asarray(at) - start) / length, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x**2)


@dataclass
class StandingPosture:
    """How somebody stands (degrees), by coordinate."""

    standing: dict[str, float]

    @classmethod
    def random(cls, rng: np.random.Generator) -> "StandingPosture":
        """With the spread between people; the soles are flat and the trunk is upright."""
        angle = {name: 0.0 for name in names() if not is_translation(name)}
        for name, (mean, sd) in STANDING.items():
            if f"{name}_r" in angle:
                right, left = both_sides(rng, sd)
                angle[f"{name}_r"], angle[f"{name}_l"] = mean + right, mean + left
            else:
                angle[name] = mean + sd * float(normal(rng))
        # A pelvis that leans forwards has a spine that leans back.
        angle["lumbar_extension"] -= 0.7 * (angle["pelvis_tilt"] - STANDING["pelvis_tilt"][0])
        angle["neck_extension"] -= 0.6 * (angle["lumbar_extension"] + angle["pelvis_tilt"] + 4.0)
        lean = 2.5 + 1.5 * float(normal(rng))  # of the shanks, forwards
        for side in SIDES:
            knee = angle[f"knee_angle_{side}"] = max(angle[f"knee_angle_{side}"], -4.0)
            ankle = angle[f"ankle_angle_{side}"] = lean + 0.5 * knee
            angle[f"hip_flexion_{side}"] = knee - ankle - angle["pelvis_tilt"]
        return cls(angle)


@dataclass
class Draft:
    """A motion being written: degrees by coordinate over time; what is not written is as the person stands."""

    person: StandingPosture
    seconds: float
    rate_hz: float
    rng: np.random.Generator
    time_s: Curve = field(init=False)
    curves: dict[str, Curve] = field(init=False)

    def __post_init__(self) -> None:
        self.time_s = np.arange(max(round(self.seconds * self.rate_hz), 1)) / self.rate_hz
        self.curves = {name: np.full(len(self.time_s), value) for name, value in self.person.standing.items()}

    def add(self, name: str, degrees: Curve | float) -> None:
        """To what is there.

        Args:
            name: of a rotational coordinate.
            degrees: a constant or one for each frame; the draft is changed.
        """
        self.curves[name] = self.curves[name] + degrees

    def pitch(self, side: str) -> Curve:
        """Of a sole, toes up, degrees; good in the sagittal plane."""
        c = self.curves
        return c["pelvis_tilt"] + c[f"hip_flexion_{side}"] - c[f"knee_angle_{side}"] + c[f"ankle_angle_{side}"]

    def tremble(self, sd_deg: float = 0.5, memory_s: float = 0.25) -> None:
        """What never repeats exactly, on every angle.

        Args:
            sd_deg: of the drift of each angle.
            memory_s: as of ``wander``.
        """
        for name in self.curves:
            self.add(name, wander(self.rng, len(self.time_s), self.rate_hz, sd_deg, memory_s))

    def finish(
        self, forward_m: Curve | float = 0.0, right_m: Curve | float = 0.0, above_floor_m: Curve | float = 0.0
    ) -> Kinematics:
        """Radians and metres inside the coordinates' ranges; the lower foot is on the floor (plus what is said).

        Args:
            forward_m: pelvis_tx (X).
            right_m: pelvis_tz (Z).
            above_floor_m: of the lower foot, above Y = 0.

        Returns:
            All 40 coordinates in the model's order; what was written beyond a range is clipped.
        """
        frames = len(self.time_s)
        values = np.zeros((frames, len(names())))
        for column, name in enumerate(names()):
            if name in self.curves:
                low, high = limits_rad()[name]
                values[:, column] = np.clip(np.radians(self.curves[name]), low + INSIDE_RAD, high - INSIDE_RAD)
        values[:, names().index("pelvis_tx")] = forward_m
        values[:, names().index("pelvis_tz")] = right_m
        values[:, names().index("pelvis_ty")] = above_floor_m - foot_height_m(values).min(1)
        return Kinematics(list(names()), values, self.time_s, np.array([not is_translation(n) for n in names()]))
