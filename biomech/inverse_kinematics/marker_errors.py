"""How well solved poses meet the markers, judged as OpenSim's users judge it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

# OpenSim's "Getting Started with Inverse Kinematics": maximum marker error under 4 cm, RMS under 2 cm.
MAX_ERROR_M = 0.04
RMS_ERROR_M = 0.02


@dataclass
class MarkerErrors:
    """Distances between the measured markers and those of the posed model, unweighted."""

    names: list[str]
    distances_m: Float[np.ndarray, "frames markers"]  # NaN where the marker is missing or the frame was not solved
    time_s: Float[np.ndarray, " frames"]
    solved: Bool[np.ndarray, " frames"]  # the others show too few markers
    notes: list[str] = field(default_factory=list)

    @property
    def rms_m(self) -> Float[np.ndarray, " frames"]:
        """RMS over the markers of each frame; NaN where not solved."""
        return _over_seen(self.distances_m**2, 1, np.mean) ** 0.5

    @property
    def max_m(self) -> Float[np.ndarray, " frames"]:
        """Largest marker error of each frame; NaN where not solved."""
        return _over_seen(self.distances_m, 1, np.max)

    @property
    def rms_by_marker_m(self) -> dict[str, float]:
        """RMS over the frames of each marker; NaN for one that was never seen."""
        return dict(zip(self.names, (_over_seen(self.distances_m**2, 0, np.mean) ** 0.5).tolist(), strict=True))

    @property
    def clip_rms_m(self) -> float:
        """RMS over all markers and frames."""
        return float(np.sqrt(np.nanmean(self.distances_m**2)))

    @property
    def good(self) -> Bool[np.ndarray, " frames"]:
        """Frames that were solved within both of OpenSim's thresholds."""
        return self.solved & (self.rms_m <= RMS_ERROR_M) & (self.max_m <= MAX_ERROR_M)

    def flags(self, *, filled: bool = True) -> list[str]:
        """What a user should know, in sentences; empty when every frame is good.

        Args:
            filled: whether the frames that could not be solved are interpolated in the motion, or left out of it.
        """
        from biomech.markers.virtual import in_words  # torch: this noun is imported by whoever reads a signature

        said = list(self.notes)
        frames = len(self.time_s)
        if not self.solved.all():
            what = "interpolated" if filled else "left out of the motion (`fill` interpolates them)"
            said.append(f"{int((~self.solved).sum())} of {frames} frames show too few markers and are {what}")
        for errors, limit, word in ((self.rms_m, RMS_ERROR_M, "RMS"), (self.max_m, MAX_ERROR_M, "largest")):
            above = self.solved & (errors > limit)
            if not above.any():
                continue
            worst = int(np.nanargmax(errors))
            marker = in_words(self.names[int(np.nanargmax(self.distances_m[worst]))], self.names)
            said.append(
                f"the {word} marker error exceeds {limit * 100:g} cm in {int(above.sum())} of {frames} frames; "
                f"at worst {errors[worst] * 100:.1f} cm at {self.time_s[worst]:.3f} s (marker {marker})"
            )
        return said


def _over_seen(
    values: Float[np.ndarray, "frames markers"], axis: int, reduce: Callable[..., Any]
) -> Float[np.ndarray, " kept"]:
    seen = np.ma.masked_invalid(values)
    return np.ma.filled((seen.mean if reduce is np.mean else seen.max)(axis=axis).astype(np.float64), np.nan)
