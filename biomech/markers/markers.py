"""The noun ``Markers``: named points moving through a Y-up world."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.arrays import Field, check_arrays, check_names, check_times

MARKER_SUFFIXES = (".trc", ".c3d")
NOUN = "a recording of markers"
FURTHEST_M = 10_000.0
FIELDS = {
    "names": Field("text", ("markers",)),
    "positions_m": Field("number", ("frames", "markers", 3), -FURTHEST_M, FURTHEST_M, gaps=True),
    "time_s": Field("number", ("frames",)),
}


def is_marker_file(path: Path) -> bool:
    """Whether a file's name says that it holds markers."""
    return Path(path).suffix.lower() in MARKER_SUFFIXES


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

    def check(self, where: str | None = None) -> None:
        """That this can be a recording: shapes, names that come once, times in seconds that increase.

        Raises:
            BioposeError: it cannot.
        """
        arrays = {"names": np.array(self.names), "positions_m": self.positions_m, "time_s": self.time_s}
        check_arrays(arrays, FIELDS, where=where, noun=NOUN)
        check_names(self.names, where=where, noun=NOUN)
        check_times(self.time_s, where=where, noun=NOUN)

    @property
    def seen(self) -> list[str]:
        """The markers that some frame shows."""
        shown = np.isfinite(self.positions_m).all(-1).any(0)
        return [name for name, any_frame in zip(self.names, shown, strict=True) if any_frame]

    def select(self, names: list[str]) -> "Markers":
        """The named markers, in that order."""
        index = [self.names.index(n) for n in names]
        return Markers(list(names), self.positions_m[:, index], self.time_s, list(self.notes))
