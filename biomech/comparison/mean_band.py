"""Where over a cycle the mean difference of two motions is not zero: a band that holds for the whole curve at once.

The band is the mean curve and a multiple of its standard error at every per cent. The multiple is such that the whole
true curve lies inside as often as is said, not each of its points by itself (M. W. Lenhoff and others, "Bootstrap
prediction and confidence bands: a superior statistical method for analysis of gait data", Gait Posture 9, 1999). It is
found by giving the curves' residuals random signs and taking the largest |t| over the curve (the multiplier bootstrap
with Rademacher signs, F. J. E. Telschow, A. Schwartzman, J Stat Plan Inference 216, 2022), which keeps its word with
few cycles, where resampling them does not.

The p value is of a permutation test with the same maximum (T. E. Nichols, A. P. Holmes, "Nonparametric permutation
tests for functional neuroimaging", Hum Brain Mapp 15, 2002; of curves T. C. Pataky, J. Vanrenterghem, M. A. Robinson,
"Zero- vs. one-dimensional, parametric vs. non-parametric … hypothesis testing procedures", J Biomech 48, 2015): where
two ways of measuring do not differ, each cycle's difference could as well have had the other sign. It is exact for any
smoothness of the curves, and corrected for looking at all of the cycle, not for looking at many coordinates.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

LEVEL = 0.95
FEWEST_CYCLES = 5  # for a band; that of four is some thirty standard errors wide
SIGNS = 2000  # drawn, where there are more ways than that to give them
SEED = 18
LEAST_SD = 1e-9  # of degrees or millimetres: so that curves that are all alike have a t


@dataclass(frozen=True)
class MeanBand:
    """Of differences over 0 to 100 %, in their unit.

    Attributes:
        count: of curves.
        mean: of them.
        half_width: the true mean lies within it of ``mean`` at all per cents at once, at ``LEVEL``; NaN of too few.
        p_value: of no difference anywhere; 2 of 2 to the power of ``count`` at the least. NaN of too few.
    """

    count: int
    mean: Float[np.ndarray, " percents"]
    half_width: Float[np.ndarray, " percents"]
    p_value: float

    @property
    def differs(self) -> Bool[np.ndarray, " percents"]:
        """Where the band leaves zero out."""
        with np.errstate(invalid="ignore"):
            found: Bool[np.ndarray, " percents"] = np.abs(self.mean) > self.half_width
        return found

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The same, as first and last per cents."""
        edges = np.flatnonzero(np.diff(np.concatenate(([False], self.differs, [False])).astype(int)))
        return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def mean_band(differences: Float[np.ndarray, "curves percents"], *, seed: int = SEED) -> MeanBand:
    """The band and the test, of curves that are independent of each other.

    Args:
        differences: motion less reference, a row for each cycle of one person, or for each person; no NaN.
        seed: of the signs, where not all of them are tried.

    Returns:
        Of fewer curves than ``FEWEST_CYCLES`` the mean alone.
    """
    count = len(differences)
    differences = np.where(np.abs(differences) < LEAST_SD, 0.0, differences)  # rounding is no difference
    mean = differences.mean(0)
    if count < FEWEST_CYCLES:
        return MeanBand(count, mean, np.full(len(mean), np.nan), float("nan"))
    signs = _signs(count, seed)
    error = np.maximum(differences.std(0, ddof=1), LEAST_SD) / np.sqrt(count)
    largest = _largest_t(differences - mean, signs)
    wide = float(np.quantile(largest, LEVEL, method="inverted_cdf"))
    met = _largest_t(differences, signs) >= _largest_t(differences, np.ones((1, count))) * (1 - 1e-9)
    tried_all = len(signs) == 2 ** (count - 1)
    return MeanBand(count, mean, wide * error, float(met.mean() if tried_all else (1 + met.sum()) / (1 + len(signs))))


def _signs(count: int, seed: int) -> Float[np.ndarray, "ways curves"]:
    """All ways, up to a change of all signs at once, or as many as ``SIGNS``."""
    if 2 ** (count - 1) <= SIGNS:
        bits = np.arange(2 ** (count - 1))[:, None] >> np.arange(count) & 1
        return 1.0 - 2.0 * bits
    return np.random.default_rng(seed).choice([-1.0, 1.0], (SIGNS, count))


def _largest_t(
    curves: Float[np.ndarray, "curves percents"], signs: Float[np.ndarray, "ways curves"]
) -> Float[np.ndarray, " ways"]:
    """The largest |t| over the cycle, each way."""
    count = len(curves)
    mean = signs @ curves / count
    variance = (np.square(curves).sum(0) - count * np.square(mean)) / (count - 1)
    largest: Float[np.ndarray, " ways"] = (np.abs(mean) / np.sqrt(np.maximum(variance, LEAST_SD**2) / count)).max(1)
    return largest
