"""Where a network's maps say that its points are, finer than their cells.

Two kinds of answer are common: a heat map for each point, and SimCC's two curves, one along either side of the picture
(Li et al., "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation", 2022).
"""

import cv2
import numpy as np
from jaxtyping import Float

BLUR_CELLS = 11  # as DARK smooths maps of 64 × 48 before it takes their logarithm
LEAST = 1e-6
MOST_CELLS = 1.0  # that a peak lies off its cell


def curve_peaks(
    along_x: Float[np.ndarray, "points width"], along_y: Float[np.ndarray, "points height"]
) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
    """The highest places of SimCC's curves, each through the parabola over its highest bin and the two beside it.

    Args:
        along_x, along_y: of each point, a number for each bin.

    Returns:
        Bins from 0 on, as far as between two; and the lower of the two curves' heights, which says how sure it is.
    """
    places = np.stack([_parabola(along_x), _parabola(along_y)], 1)
    return places, np.minimum(along_x.max(1), along_y.max(1))


def map_peaks(
    maps: Float[np.ndarray, "points height width"],
) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
    """The highest places of heat maps, as DARK finds them between the cells.

    A map is taken for a Gaussian, smoothed: from its highest cell one Newton step on its logarithm leads to the peak
    (Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation", 2020).

    Args:
        maps: of each point.

    Returns:
        Cells, x and y from 0 on, as far as between them; and the maps' heights, which say how sure they are.
    """
    count, height, width = maps.shape
    flat = maps.reshape(count, -1)
    highest = flat.argmax(1)
    rows, columns = np.divmod(highest, width)
    peaks = np.stack([columns, rows], 1).astype(np.float64)
    for point in range(count):
        x, y = int(columns[point]), int(rows[point])
        if 1 < x < width - 2 and 1 < y < height - 2:
            peaks[point] += _newton(maps[point], x, y)
    return peaks, flat.max(1)


def _parabola(curves: Float[np.ndarray, "points bins"]) -> Float[np.ndarray, " points"]:
    count, bins = curves.shape
    at = curves.argmax(1)
    inner = at.clip(1, bins - 2)
    before, top, after = (curves[np.arange(count), inner + step].astype(np.float64) for step in (-1, 0, 1))
    bend = before - 2 * top + after
    off = np.where(bend < -LEAST, 0.5 * (before - after) / np.minimum(bend, -LEAST), 0.0)
    return np.where(at == inner, at + off.clip(-0.5, 0.5), at)


def _newton(one: Float[np.ndarray, "height width"], x: int, y: int) -> Float[np.ndarray, "2"]:
    """From the cell (x, y) to the peak."""
    reach = BLUR_CELLS // 2 + 2  # the step looks two cells far
    padded = np.pad(one.astype(np.float64), reach)
    around = padded[y : y + 2 * reach + 1, x : x + 2 * reach + 1]
    smooth = cv2.GaussianBlur(around, (BLUR_CELLS, BLUR_CELLS), 0)
    f = np.log(np.maximum(smooth[reach - 2 : reach + 3, reach - 2 : reach + 3], LEAST * max(smooth.max(), LEAST)))
    slope = 0.5 * np.array([f[2, 3] - f[2, 1], f[3, 2] - f[1, 2]])
    across = 0.25 * (f[3, 3] - f[1, 3] - f[3, 1] + f[1, 1])
    bend = np.array(
        [
            [0.25 * (f[2, 4] - 2 * f[2, 2] + f[2, 0]), across],
            [across, 0.25 * (f[4, 2] - 2 * f[2, 2] + f[0, 2])],
        ]
    )
    if not (np.linalg.eigvalsh(bend) < -LEAST).all():
        return np.zeros(2)
    return -np.linalg.solve(bend, slope).clip(-MOST_CELLS, MOST_CELLS)
