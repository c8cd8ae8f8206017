"""The noun ``Markers``: named points moving through a Y-up world."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float


@dataclass
class Markers:
    """Marker trajectories in metres, Y up; NaN where a marker is missing."""

    names: list[str]
    positions_m: Float[np.ndarray, "frames markers 3"]
    time_s: Float[np.ndarray, "frames"]
    notes: list[str] = field(default_factory=list)  # what a reader had to mend or suspect

    @property
    def rate_hz(self) -> float:
        """Mean rate over the clip; 1 for a single frame."""
        if len(self.time_s) < 2:
            return 1.0
        return float((len(self.time_s) - 1) / (self.time_s[-1] - self.time_s[0]))

    @property
    def seen(self) -> list[str]:
        """The markers that some frame shows."""
        shown = np.isfinite(self.positions_m).all(-1).any(0)
        return [name for name, any_frame in zip(self.names, shown, strict=True) if any_frame]

    def select(self, names: list[str]) -> "Markers":
        """The named markers, in that order."""
        index = [self.names.index(n) for n in names]
        return Markers(list(names), self.positions_m[:, index], self.time_s, list(self.notes))
