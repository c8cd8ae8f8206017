"""The noun ``Pair``: true and recovered markers of one rendered clip, as `biopose train pairs` writes them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.arrays import Field, read_arrays
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.markers.virtual import load_virtual_markers

MAKE_ANEW = "Make pairs anew: `biopose train pairs CLIPS -o FOLDER`."
NOUN = "a pair of true and recovered markers"
MARKERS = len(load_virtual_markers().names)
FIELDS = {
    "truth": Field("number", ("frames", MARKERS, 3), gaps=True),
    "recovered": Field("number", ("frames", MARKERS, 3), gaps=True),
    "rate_hz": Field("number", least=1e-3, most=1e3),
    "neutral_truth": Field("number", (MARKERS, 3), optional=True),
    "neutral_recovered": Field("number", (MARKERS, 3), optional=True),
    "forward_to_lens": Field("number", ("frames", 3), optional=True),
    "quality": Field("number", ("frames",), optional=True),
    "coordinate_names": Field("text", ("coordinates",), optional=True),
    "coordinate_sd": Field("number", ("frames", "coordinates"), optional=True),
}


@dataclass(frozen=True)
class Pair:
    """Markers (m, Y up) in the table's order; what earlier versions did not write is None."""

    truth: Float[np.ndarray, "frames markers 3"]
    recovered: Float[np.ndarray, "frames markers 3"]
    rate_hz: float
    neutral_truth: Float[np.ndarray, "markers 3"] | None = None  # of both bodies, upright and straight
    neutral_recovered: Float[np.ndarray, "markers 3"] | None = None
    forward_to_lens: Float[np.ndarray, "frames 3"] | None = None  # from the pelvis, in the true pelvis' axes
    quality: Float[np.ndarray, " frames"] | None = None  # of the recovery
    coordinate_names: tuple[str, ...] | None = None
    coordinate_sd: Float[np.ndarray, "frames coordinates"] | None = None  # rad and m, as the recovery has them

    @classmethod
    def load(cls, path: Path) -> "Pair":
        """Read and check.

        Raises:
            BioposeError: the file is not a pair, or its arrays do not fit together.
        """
        held = read_arrays(path, FIELDS, noun=NOUN, mend=MAKE_ANEW)
        if not len(held["truth"]):
            raise BioposeError(f"not {NOUN} (it holds no frame)", where=str(path), mend=MAKE_ANEW)
        names, rate = held.pop("coordinate_names", None), held.pop("rate_hz")
        arrays: dict[str, Any] = {name: array.astype(np.float64) for name, array in held.items()}
        return cls(**arrays, rate_hz=float(rate), coordinate_names=None if names is None else tuple(names.tolist()))

    def save(self, path: Path) -> None:
        """Write as .npz."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **{name: value for name, value in held.items() if value is not None})

    def neutral(self, where: Path) -> tuple[Float[np.ndarray, "markers 3"], Float[np.ndarray, "markers 3"]]:
        """The neutral postures of the true and the recovered body.

        Raises:
            BioposeError: the pair (``where``) is of a version that wrote none.
        """
        if self.neutral_truth is None or self.neutral_recovered is None:
            raise BioposeError("a pair without neutral postures", where=str(where), mend=MAKE_ANEW)
        return self.neutral_truth, self.neutral_recovered
