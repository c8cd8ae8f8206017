"""Networks that see one person's box: where the boxes come from, and what else of them a tracker needs.

People are found by BlazePose's person detector; from then on a person's box is the one around the points of the last
frame, as BlazePose itself goes on.
"""

from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.errors import BioposeError
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.keypoints import MASK_SIZE
from biomech.keypoints.layouts import COCO_17

PADDING = 1.25  # of a person's box, as those networks are trained
BEYOND_POINTS = 1.1  # a person's box, of the one around the points: crown, soles and fingers have none
SEEN = 0.3  # a point's confidence from which on it counts for the box
FEW = 4  # points; of fewer there is no box
BINS = 512


class PersonFinder(Protocol):
    """Finds people in a picture, as ``Detector.regions``."""

    def regions(self, frame: UInt8[np.ndarray, "height width 3"], closely: bool = False) -> list[tuple[float, Region]]:
        """Score and region of each person; see ``Detector.regions``."""
        ...


class TopDownNetwork(Protocol):
    """What a ``TopDown`` detector asks.

    Attributes:
        name: with its weights, as ``Keypoints.detector`` keeps it.
        point_names: its layout, in order.
        aspect: width of the box that it sees, as a part of its height.
    """

    name: str
    point_names: list[str]
    aspect: float

    def look(
        self,
        frame: UInt8[np.ndarray, "height width 3"],
        center_px: tuple[float, float],
        box_px: tuple[float, float],
    ) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
        """The points of the person in an upright box.

        Args:
            frame: RGB, upright.
            center_px: of the box.
            box_px: its width and height, padding and all; it may reach beyond the picture.

        Returns:
            Pixels of the frame, and how sure they are: 0 … 1, and more of some networks.
        """
        ...


class TopDown:
    """A ``Detector`` of a network that sees one person's box.

    A ``Region`` is here the upright box's longer side: turned it is never.
    """

    gives_world = gives_maps = False

    def __init__(self, network: TopDownNetwork, people: PersonFinder):
        self._network, self._people = network, people
        self.name, self.point_names = network.name, list(network.point_names)
        # A hand or a face may be out of view: the body's points tell whether there is anybody.
        self._body = [k for k, name in enumerate(self.point_names) if name in COCO_17]

    def regions(self, frame: UInt8[np.ndarray, "height width 3"], closely: bool = False) -> list[tuple[float, Region]]:
        """People in the picture, best first: BlazePose's, upright.

        Args:
            frame: RGB, upright.
            closely: find small people too, at more cost.

        Returns:
            Score (0 … 1) and region of each; empty where nobody is found.
        """
        found = self._people.regions(frame, closely)
        return [(score, Region(region.center_px, region.size_px, 0.0)) for score, region in found]

    def points(self, frame: UInt8[np.ndarray, "height width 3"], region: Region) -> Detection:
        """The points of the person in a region.

        Args:
            frame: RGB, upright.
            region: where to look; it may reach beyond the picture.

        Returns:
            Pixels of the frame; presence is the mean confidence of the surer half of the body's points.

        Raises:
            BioposeError: the network answers with something that is no number.
        """
        height = region.size_px / max(1.0, self._network.aspect)
        xy, score = self._network.look(frame, region.center_px, (self._network.aspect * height, height))
        if not (np.isfinite(xy).all() and np.isfinite(score).all()):
            raise BioposeError(
                "the network's answer is not a number",
                where=self.name,
                mend="Its weights are damaged, or not those of this network.",
            )
        confidence = np.clip(score, 0.0, 1.0)
        body = np.sort(confidence[self._body])
        return Detection(
            xy=xy,
            confidence=confidence,
            world_m=None,
            presence=float(body[len(body) // 2 :].mean()),
            region=region,
            next_region=self._around(xy[confidence > SEEN], region),
            mask=None,
            appearance=_appearance(frame, xy[confidence > SEEN]),
        )

    def _around(self, seen: Float[np.ndarray, "seen 2"], before: Region) -> Region:
        """The box around points, as the network wants it; the one before where there are too few."""
        if len(seen) < FEW:
            return before
        low, high = seen.min(0), seen.max(0)
        width, height = np.maximum(high - low, 1.0) * BEYOND_POINTS * PADDING
        height = max(height, width / self._network.aspect)
        x, y = (low + high) / 2
        return Region((float(x), float(y)), float(height * max(1.0, self._network.aspect)), 0.0)


def _appearance(
    frame: UInt8[np.ndarray, "height width 3"], seen: Float[np.ndarray, "seen 2"]
) -> Float[np.ndarray, "512"]:
    """Colours of the person: a histogram of 8 × 8 × 8 shades inside the outline of the points."""
    inside = _inside(frame.shape[:2], seen)
    if inside is None:
        return np.full(BINS, 1 / BINS)
    (top, left), mask = inside
    colours = frame[top : top + mask.shape[0], left : left + mask.shape[1]][mask] >> 5
    bins = colours[:, 0].astype(int) * 64 + colours[:, 1] * 8 + colours[:, 2]
    return np.bincount(bins, minlength=BINS) / max(len(bins), 1)


def _inside(
    size: tuple[int, int], seen: Float[np.ndarray, "seen 2"]
) -> tuple[tuple[int, int], Bool[np.ndarray, "rows columns"]] | None:
    """The outline of points, filled, with its upper left corner (row, column); None where it is not in the picture."""
    if len(seen) < FEW:
        return None
    corner = np.maximum(np.floor(seen.min(0)).astype(int), 0)
    end = np.minimum(np.ceil(seen.max(0)).astype(int) + 1, [size[1], size[0]])
    if (end - corner < 2).any():
        return None
    step = max(1, int((end - corner).max() // (4 * MASK_SIZE)))  # a few thousand pixels tell its colours
    mask = np.zeros((end - corner)[::-1], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull((seen - corner).round().astype(np.int32)), 1)
    thinned = np.zeros_like(mask)
    thinned[::step, ::step] = mask[::step, ::step]
    return (int(corner[1]), int(corner[0])), thinned.astype(bool)
