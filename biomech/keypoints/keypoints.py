"""The noun ``Keypoints``: what a detector says about one person, frame by frame."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.arrays import Field, are_rotations, check_arrays, check_names, check_times, read_arrays
from biomech.camera import check_focal
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.keypoints.heat_maps import FIELDS as HEAT_MAP_FIELDS
from biomech.keypoints.heat_maps import HeatMaps

MASK_SIZE = 64
NOUN, MEND = "a keypoint file", "Make one with `biopose detect VIDEO`."
LARGEST_PX = 100_000.0
FURTHEST_M = 100.0  # of a point in space from the hips
SURE = 0.3  # a point's confidence, from which on its place counts
UNIT = 1.5  # the largest of points that are shares of the picture, or shares of half of it either way
EDGE, MOST_OUTSIDE = 0.05, 0.5  # shares of the picture by which, and of the points that, may lie outside
FIELDS = {
    "names": Field("text", ("points",)),
    "xy": Field("number", ("frames", "points", 2), -LARGEST_PX, LARGEST_PX, gaps=True),
    "confidence": Field("number", ("frames", "points"), -1e-6, 1 + 1e-6),
    "time_s": Field("number", ("frames",)),
    "size_px": Field("number", (2,), 1, LARGEST_PX),
    "focal_px": Field("number", gaps=True),
    "focal_source": Field("text"),
    "world_m": Field("number", ("frames", "points", 3), -FURTHEST_M, FURTHEST_M, gaps=True, optional=True),
    "mask_bits": Field("bits", ("frames", MASK_SIZE * MASK_SIZE // 8), optional=True),
    "mask_from_image": Field("number", ("frames", 2, 3), gaps=True, optional=True),
    "camera_turns": Field("number", ("frames", 3, 3), -1.01, 1.01, optional=True),
    "camera_unsure": Field("number", ("frames",), 0, 1, optional=True),
    "camera_carried": Field("number", (), 0, 1, optional=True),
    "frames_looked_at": Field("number", (), 0, optional=True),
    "detector": Field("text"),
    "notes": Field("text", ("notes",)),
    **HEAT_MAP_FIELDS,
}


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
    heat_maps: HeatMaps | None = None  # the maps behind the points, where they were kept
    # Of a camera that moves: its axes in each frame from those of a camera that does not turn, and where they are not
    # known or it did more than turn; None for one that stands.
    camera_turns: Float[np.ndarray, "frames 3 3"] | None = None
    camera_unsure: Bool[np.ndarray, "frames"] | None = None
    camera_carried: bool = False  # it probably changed its place
    # On how many frames the network ran; the others are told from their neighbours (``sparing``). None: nobody kept it.
    frames_looked_at: int | None = None
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
        if self.camera_turns is not None:
            arrays["camera_turns"] = self.camera_turns
        if self.camera_unsure is not None:
            arrays["camera_unsure"] = self.camera_unsure.astype(np.uint8)
        if self.camera_carried:
            arrays["camera_carried"] = np.array(1, np.uint8)
        if self.frames_looked_at is not None:
            arrays["frames_looked_at"] = np.array(self.frames_looked_at)
        if self.heat_maps is not None:
            arrays |= self.heat_maps.columns()
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Keypoints":
        """Read what ``save`` wrote.

        Raises:
            BioposeError: the file is not a keypoint file, or what ``check`` refuses.
        """
        held = read_arrays(path, FIELDS, noun=NOUN, mend=MEND)
        focal = float(held["focal_px"])
        found = cls(
            names=[str(n) for n in held["names"]],
            xy=held["xy"],
            confidence=held["confidence"].clip(0, 1),
            time_s=held["time_s"].astype(np.float64),
            size_px=(int(held["size_px"][0]), int(held["size_px"][1])),
            focal_px=None if np.isnan(focal) else focal,
            focal_source=str(held["focal_source"]),
            world_m=world if (world := held.get("world_m")) is not None and np.isfinite(world).any() else None,
            mask_bits=held.get("mask_bits"),
            mask_from_image=held.get("mask_from_image"),
            heat_maps=HeatMaps.of_columns(held),
            camera_turns=held.get("camera_turns"),
            camera_unsure=None if (unsure := held.get("camera_unsure")) is None else unsure > 0,
            camera_carried=bool(held.get("camera_carried", 0) > 0),
            frames_looked_at=None if (looked := held.get("frames_looked_at")) is None else int(looked),
            detector=str(held["detector"]),
            notes=[str(n) for n in held["notes"]],
        )
        found.check(str(path))
        return found

    def check(self, where: str | None = None) -> None:
        """That these can be a person's points in a film: as ``load`` does, and the stages that take them.

        Raises:
            BioposeError: a shape, a time, a size or a focal length cannot be.
        """
        arrays = {name: getattr(self, name) for name in ("xy", "confidence", "time_s", "size_px", "world_m")}
        arrays |= {"names": np.array(self.names), "mask_bits": self.mask_bits, "mask_from_image": self.mask_from_image}
        arrays |= {"camera_turns": self.camera_turns, "camera_unsure": self.camera_unsure}
        check_arrays(arrays, FIELDS, where=where, noun=NOUN, mend=MEND)
        check_names(self.names, where=where, noun=NOUN, mend=MEND)
        check_times(self.time_s, where=where, noun=NOUN, mend=MEND)
        if self.frames_looked_at is not None and not 0 <= self.frames_looked_at <= len(self.time_s):
            raise BioposeError(
                f"of {len(self.time_s)} frames {self.frames_looked_at} cannot have been looked at",
                where=where,
                mend=MEND,
            )
        if self.camera_turns is not None and not are_rotations(self.camera_turns):
            raise BioposeError(f"not {NOUN} (turns of the camera that do not only turn)", where=where, mend=MEND)
        if self.focal_px is not None:
            check_focal(self.focal_px, self.size_px, where)
        if self.heat_maps is not None:
            self.heat_maps.check(len(self.time_s), where)

    def check_in_picture(self, where: str | None = None) -> None:
        """That most points which were found lie in the picture, and are in pixels.

        Raises:
            BioposeError: they do not.
        """
        found = self.xy[(self.confidence > SURE) & np.isfinite(self.xy).all(-1)]
        if len(found) and np.abs(found).max() <= UNIT:
            raise BioposeError(
                f"not {NOUN} (the points are between 0 and 1, not in pixels)",
                where=where,
                mend="Multiply them by the width and height of the picture.",
            )
        size = np.array(self.size_px)
        outside = ((found < -EDGE * size) | (found > (1 + EDGE) * size)).any(1)
        if len(found) and outside.mean() > MOST_OUTSIDE:
            raise BioposeError(
                f"not {NOUN} ({outside.mean():.0%} of the points that were found lie outside the picture of "
                f"{size[0]} x {size[1]} pixels)",
                where=where,
                mend="Give the points in pixels of the picture whose size is given.",
            )
