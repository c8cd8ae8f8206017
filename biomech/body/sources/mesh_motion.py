"""The noun ``MeshMotion``: the surface of a body through time, as another program gave it; and what was assumed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from biomech.errors import BioposeError

Frame = Literal["world", "camera"]
Place = Literal["measured", "recovered", "weak"]
TOPOLOGIES = {6890: "smpl", 10475: "smplx", 18439: "mhr"}
SMALLEST_M, LARGEST_M = 0.4, 3.0  # a person's largest extent, however bent
FURTHEST_M = 1000.0
UNITS = {"mm": 0.001, "cm": 0.01}
UP_AXES: dict[str, list[list[int]]] = {
    "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "x": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    "-y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "-z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "-x": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
}


@dataclass(frozen=True)
class MeshMotion:
    """One person's surface at times equally far apart.

    ``frame`` world: Y up, where on the floor and how high is as the source had it. ``frame`` camera: the axes of a
    camera that stands (x right, y down, z away).
    """

    vertices_m: Float[np.ndarray, "frames vertices 3"]  # NaN throughout a frame that lacks the person
    time_s: Float[np.ndarray, " frames"]
    topology: str  # smpl, smplx, mhr, anny or other
    frame: Frame | None  # None: to be found by which way the body stands
    # How surely it says where the person is: motion capture, a video, or a video of which only a scale is known.
    place: Place
    template_m: Float[np.ndarray, "vertices 3"] | None = None  # of the unposed body, where there is a model
    focal_px: float | None = None
    size_px: tuple[int, int] | None = None
    landmarks_m: Float[np.ndarray, "frames landmarks 3"] | None = None  # in the vertices' axes
    landmark_names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seen(self) -> Bool[np.ndarray, " frames"]:
        return np.isfinite(self.vertices_m[:, :1]).all((1, 2))

    def check(self, where: str | None = None) -> None:
        """That this can be a person in metres.

        Raises:
            BioposeError: numbers are missing within a frame, nobody is there, or the size is no person's.
        """
        whole = np.isfinite(self.vertices_m).all((1, 2))
        broken = np.isfinite(self.vertices_m).any((1, 2)) & ~whole
        if broken.any():
            raise BioposeError(
                f"{broken.sum()} frames hold vertices that are not numbers, the first is frame {broken.argmax()}",
                where=where,
                mend="Leave such frames out, or fill them with NaN throughout.",
            )
        if not whole.any():
            raise BioposeError("no frame shows a person", where=where)
        if np.abs(self.vertices_m[whole]).max() > FURTHEST_M:
            raise BioposeError("the person is over a kilometre away", where=where, mend="Places are in metres.")
        check_size(extent(self.vertices_m[whole]), where)


def extent(points: Float[np.ndarray, "frames points 3"]) -> float:
    """The largest extent of a body (m), of a frame in the middle of all."""
    some = points[:: max(1, len(points) // 50)]
    return float(np.median(np.linalg.norm(np.ptp(some, axis=1), axis=-1)))


def check_size(size_m: float, where: str | None) -> None:
    """Refuse a body that no person is.

    Args:
        size_m: its largest extent.
        where: the file, for the message.

    Raises:
        BioposeError: it is smaller or larger than people are.
    """
    if not SMALLEST_M <= size_m <= LARGEST_M:
        raise BioposeError(
            f"the body is {size_m:.3g} m across, which nobody is",
            where=where,
            mend="Vertices are in metres (millimetres and centimetres are recognised by a body's size).",
        )


def in_metres(
    vertices: Float[np.ndarray, "frames vertices 3"],
) -> tuple[float, list[str]]:
    """The factor to metres, by the size of what must be a person, and what is to be said of it."""
    seen = np.isfinite(vertices).all((1, 2))
    if not seen.any():
        return 1.0, []
    size = extent(vertices[seen])
    for unit, factor in UNITS.items():
        if SMALLEST_M <= size * factor <= LARGEST_M:
            return factor, [f"the vertices are in {unit}: a body of {size:.0f} cannot be in metres"]
    return 1.0, []


def regular(numbers: Sequence[int] | np.ndarray, where: str | None) -> tuple[np.ndarray, int]:
    """Rows of frames that have numbers, in a row of frames without gaps.

    Args:
        numbers: of the frames, in any order.
        where: for the message.

    Returns:
        The row of each, from 0, and how many rows there are.

    Raises:
        BioposeError: two frames have the same number, or the numbers cannot be frames'.
    """
    frames = np.asarray(numbers, dtype=np.int64).ravel()
    rows = frames - frames.min(initial=0 if not len(frames) else frames[0])
    if len(np.unique(rows)) < len(rows):
        raise BioposeError("the same person is in one frame twice", where=where, mend="Name the person with `person`.")
    if len(rows) and rows.max() > 100 * len(rows) + 10_000:
        raise BioposeError("frame numbers lie too far apart", where=where)
    return rows, int(rows.max(initial=-1)) + 1


def with_gaps(values: Float[np.ndarray, "some *n"], rows: np.ndarray, frames: int) -> Float[np.ndarray, "frames *n"]:
    """All frames, NaN in those that are not there.

    Args:
        values: of the frames that are.
        rows: of each of them.
        frames: how many there are in all.

    Returns:
        A copy.
    """
    whole = np.full((frames, *values.shape[1:]), np.nan, dtype=values.dtype)
    whole[rows] = values
    return whole


def upright(mesh: MeshMotion, up: str) -> MeshMotion:
    """A world whose axis ``up`` points up, as one whose Y does.

    Args:
        mesh: in its source's axes.
        up: one of ``UP_AXES``.

    Returns:
        A copy, in the world.
    """
    turn = np.array(UP_AXES[up], dtype=np.float32)
    return replace(mesh, vertices_m=mesh.vertices_m @ turn.T, frame="world")
