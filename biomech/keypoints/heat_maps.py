"""What the landmark network's maps said of a clip, frame by frame: the evidence behind its points.

Dense, the maps are 160 kB a frame; nearly all of their cells say nothing. Only those that say something are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt16

from biomech.arrays import Field
from biomech.errors import BioposeError
from biomech.keypoints.detector import Region

STEPS = 255  # of a heat map and of the mask
LEAST = 2  # steps; what a cell has to say to be kept
MAPS, HEAT_SIZE = 39, 64
CELLS = HEAT_SIZE * HEAT_SIZE
PREFIX = "look_"  # of the columns in a file that holds other things besides

FIELDS = {
    PREFIX + name: field
    for name, field in {
        "values": Field("bits", ("cells",), optional=True),
        "places": Field("bits", ("cells",), optional=True),
        "ends": Field("number", ("frames", MAPS), 0, optional=True),
        "masks": Field("bits", ("frames", HEAT_SIZE, HEAT_SIZE), optional=True),
        "center_px": Field("number", ("frames", 2), gaps=True, optional=True),
        "size_px": Field("number", ("frames",), gaps=True, optional=True),
        "angle_rad": Field("number", ("frames",), gaps=True, optional=True),
    }.items()
}


def scaled(values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Numbers of 0 … 1 in steps of 1/255."""
    return np.round(np.clip(values, 0, 1) * STEPS).astype(np.uint8)


@dataclass(frozen=True)
class FrameHeatMaps:
    """One frame: the cells that say something, map after map, and the region that was looked at."""

    values: UInt8[np.ndarray, " cells"]
    places: UInt16[np.ndarray, " cells"]  # of each in its map, row by row
    counts: Int[np.ndarray, "39"]  # of each map's cells
    mask: UInt8[np.ndarray, "64 64"]
    region: Region

    @classmethod
    def of(
        cls, heat: UInt8[np.ndarray, "39 64 64"], mask: UInt8[np.ndarray, "64 64"], region: Region
    ) -> "FrameHeatMaps":
        """Keep the cells of one frame's maps that say something.

        Args:
            heat: where each point may be, 255 × 0 … 1.
            mask: 255 × the share of the person in each cell.
            region: that both lie over.

        Returns:
            The frame's part of ``HeatMaps``.
        """
        flat = heat.reshape(-1)
        cells = np.flatnonzero(flat >= LEAST)
        counts = np.diff(np.searchsorted(cells, CELLS * np.arange(MAPS + 1)))
        return cls(flat[cells], (cells % CELLS).astype(np.uint16), counts, mask, region)


@dataclass(frozen=True)
class HeatMaps:
    """A clip; regions are NaN, and maps and masks empty, in frames without the person."""

    values: UInt8[np.ndarray, " cells"]
    places: UInt16[np.ndarray, " cells"]
    ends: Int[np.ndarray, "frames 39"]  # of each map's cells among all
    masks: UInt8[np.ndarray, "frames 64 64"]  # 255 × the share of the person
    center_px: Float[np.ndarray, "frames 2"]
    size_px: Float[np.ndarray, " frames"]
    angle_rad: Float[np.ndarray, " frames"]

    @classmethod
    def gathered(cls, frames: Sequence[FrameHeatMaps | None]) -> "HeatMaps":
        """The frames of a clip in turn; None where the person was not found."""
        nothing = np.zeros(0, np.uint8), np.zeros(0, np.uint16), np.zeros(MAPS, int)
        none = FrameHeatMaps(
            *nothing, np.zeros((HEAT_SIZE, HEAT_SIZE), np.uint8), Region((np.nan, np.nan), np.nan, np.nan)
        )
        rows = [frame or none for frame in frames]
        return cls(
            np.concatenate([row.values for row in rows]),
            np.concatenate([row.places for row in rows]),
            np.cumsum([row.counts for row in rows]).reshape(-1, MAPS),
            np.stack([row.mask for row in rows]),
            np.array([row.region.center_px for row in rows], float),
            np.array([row.region.size_px for row in rows], float),
            np.array([row.region.angle_rad for row in rows], float),
        )

    def check(self, frames: int, where: str | None = None) -> None:
        """That these are the maps of so many frames.

        Args:
            frames: of the keypoints that they belong to.
            where: the file, for the message; None where there is none.

        Raises:
            BioposeError: they are not.
        """
        ends = self.ends.ravel()
        whole = (
            self.masks.shape == (frames, HEAT_SIZE, HEAT_SIZE)
            and self.ends.shape == (frames, MAPS)
            and (np.diff(ends, prepend=0) >= 0).all()
            and len(self.values) == len(self.places) == ends[-1]
            and (self.places < CELLS).all()
            and not (self.size_px <= 0).any()
        )
        if not whole:
            raise BioposeError(
                "the network's maps in it are not whole",
                where=where,
                mend="Make them with `keep_heat_maps` of `biopose detect`.",
            )

    @property
    def seen(self) -> Bool[np.ndarray, " frames"]:
        """Frames with the person."""
        return np.isfinite(self.size_px)

    def heat(self, rows: Int[np.ndarray, " rows"]) -> UInt8[np.ndarray, "rows 39 64 64"]:
        """Where each point may be, 255 × 0 … 1, over the region; what said less than 2 says nothing."""
        dense = np.zeros((len(rows), MAPS, CELLS), np.uint8)
        ends = np.append(0, self.ends)
        for place, row in enumerate(rows):
            of_frame = ends[MAPS * row : MAPS * (row + 1) + 1]
            cells = slice(of_frame[0], of_frame[-1])
            dense[place, np.repeat(np.arange(MAPS), np.diff(of_frame)), self.places[cells]] = self.values[cells]
        return dense.reshape(-1, MAPS, HEAT_SIZE, HEAT_SIZE)

    def mask(self, rows: Int[np.ndarray, " rows"]) -> UInt8[np.ndarray, "rows 64 64"]:
        """255 × the share of the person in each cell of the region."""
        return self.masks[rows]

    def columns(self) -> dict[str, np.ndarray]:
        """Arrays for a file."""
        return {PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_columns(cls, columns: Mapping[str, np.ndarray]) -> "HeatMaps | None":
        """What ``columns`` made, out of a file; None where it holds none."""
        if any(PREFIX + field.name not in columns for field in fields(cls)):
            return None
        return cls(*(columns[PREFIX + field.name] for field in fields(cls)))
