"""The noun ``Keypoints``: what a detector says about one person, frame by frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.keypoints.looks import Looks

MASK_SIZE = 64


@dataclass
class Keypoints:
    """One person followed through a clip.

    Pixels are those of the upright picture, origin at its upper left corner. Frames in which the person was not
    found hold NaN positions and zero confidence.
    """

    names: list[str]
    xy: Float[np.ndarray, "frames points 2"]  # px
    confidence: Float[np.ndarray, "frames points"]  # 0..1
    time_s: Float[np.ndarray, "frames"]
    size_px: tuple[int, int]  # width, height
    focal_px: float | None = None
    focal_source: str = "unknown"  # metadata, option or default, in words
    # The detector's own 3D, where it has one: hip-centred, m, x right, y down, z away from the lens.
    world_m: Float[np.ndarray, "frames points 3"] | None = None
    # Person mask at 64×64 over the detector's crop, a bit a cell (np.packbits), and where the crop is:
    # crop cell (0..64) = mask_from_image @ (x, y, 1).
    mask_bits: UInt8[np.ndarray, "frames 512"] | None = None
    mask_from_image: Float[np.ndarray, "frames 2 3"] | None = None
    looks: Looks | None = None  # the maps behind the points, where they were kept
    detector: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> Bool[np.ndarray, "frames"]:
        """Frames in which the person was found."""
        return np.isfinite(self.xy).all(-1).any(-1) & (self.confidence > 0).any(-1)

    def mask(self, frame: int) -> Bool[np.ndarray, "64 64"] | None:
        """The person mask of one frame, or None where the detector gives none."""
        if self.mask_bits is None:
            return None
        return np.unpackbits(self.mask_bits[frame]).reshape(MASK_SIZE, MASK_SIZE).astype(bool)

    def save(self, path: Path) -> None:
        """Write an .npz, whole or not at all."""
        arrays = {
            "names": np.array(self.names),
            "xy": self.xy.astype(np.float32),
            "confidence": self.confidence.astype(np.float32),
            "time_s": self.time_s,
            "size_px": np.array(self.size_px),
            "focal_px": np.array(np.nan if self.focal_px is None else self.focal_px),
            "focal_source": np.array(self.focal_source),
            "detector": np.array(self.detector),
            "notes": np.array(self.notes, dtype=str),
        }
        for name in ("world_m", "mask_bits", "mask_from_image"):
            value = getattr(self, name)
            if value is not None:
                arrays[name] = value.astype(np.float32) if value.dtype.kind == "f" else value
        if self.looks is not None:
            arrays |= self.looks.columns()
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Keypoints":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: the file is not a keypoint file.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                focal = float(data["focal_px"])
                return cls(
                    names=[str(n) for n in data["names"]],
                    xy=data["xy"].astype(np.float64),
                    confidence=data["confidence"].astype(np.float64),
                    time_s=data["time_s"],
                    size_px=(int(data["size_px"][0]), int(data["size_px"][1])),
                    focal_px=None if np.isnan(focal) else focal,
                    focal_source=str(data["focal_source"]),
                    world_m=data["world_m"].astype(np.float64) if "world_m" in data else None,
                    mask_bits=data["mask_bits"] if "mask_bits" in data else None,
                    mask_from_image=data["mask_from_image"].astype(np.float64) if "mask_from_image" in data else None,
                    looks=Looks.of_columns(data),
                    detector=str(data["detector"]),
                    notes=[str(n) for n in data["notes"]],
                )
        except (OSError, ValueError, KeyError) as error:
            raise BioposeError(
                f"not a keypoint file ({error})", where=str(path), mend="Make one with `biopose detect VIDEO`."
            ) from error
