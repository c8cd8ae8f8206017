"""Fewer looks at a film: where a motion is slow, every second frame is told from its neighbours.

A landmark network is most of what a film costs. It always looks at one frame in two; the frame between two looks is
looked at as well unless a cubic through the two looks before and the two after hardly differs from the straight line.
The difference is the motion's curvature; the cubic's own error is a fraction of it, and both are then below what the
network can tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.tracking import Tracker

# Of the region's side, by which cubic and straight line may differ: a pixel of a crop of 256, about 1 cm of a person.
# At looks of 15 Hz that is an acceleration of 18 m/s².
HARDLY = 1 / 256
SURE = 0.5  # points of less confidence jitter by more than they move
SLOWEST_HZ = 24.0  # of films less often than this every frame is news
REACH = 3  # frames to either side that a frame is told from

Frame = UInt8[np.ndarray, "height width 3"]


@dataclass
class _Waiting:
    """A frame that is not given out yet, or was one of the last that were."""

    time_s: float
    frame: Frame
    found: Detection | None
    looked: bool

    @property
    def seen(self) -> bool:
        return self.looked and self.found is not None


class Sparing:
    """Follows a person with few looks; the frames come out in their order, a few later than they went in.

    Args:
        tracker: of the person.
        every_look: look at every frame.
    """

    def __init__(self, tracker: Tracker, every_look: bool = False):
        self._tracker, self._every_look = tracker, every_look
        self._window: list[_Waiting] = []
        self._next = 0  # place in the window of the frame that is given out next
        self.left_out = 0  # frames that were not looked at

    def follow(self, frames: Iterable[tuple[float, Frame]]) -> Iterator[tuple[float, Frame, Detection | None]]:
        """The person in every frame.

        Args:
            frames: times (s), which ascend, and pictures (RGB, upright).

        Returns:
            The same with the person, who is None where they are not to be seen; of a frame that was not looked at
            without mask and maps.
        """
        if self._every_look:
            yield from ((time_s, frame, self._tracker.follow(frame, time_s)) for time_s, frame in frames)
            return
        for time_s, frame in frames:
            window = self._window
            passed = bool(window) and window[-1].seen
            found = None if passed else self._tracker.follow(frame, time_s)
            window.append(_Waiting(time_s, frame, found, looked=not passed))
            yield from self._ready(ended=False)
        yield from self._ready(ended=True)

    def _ready(self, ended: bool) -> Iterator[tuple[float, Frame, Detection | None]]:
        window = self._window
        while self._next < len(window):
            one = window[self._next]
            if not one.looked:
                if not ended and self._next + REACH >= len(window):
                    return
                one.found = self._between(one)
            yield one.time_s, one.frame, one.found
            self._next += 1
            if self._next > REACH:
                del window[0]
                self._next -= 1

    def _between(self, one: _Waiting) -> Detection | None:
        at, window = self._next, self._window
        places = [at - 3, at - 1, at + 1, at + 3]
        around = [window[place] for place in places if 0 <= place < len(window)]
        if len(around) == len(places) and all(other.seen for other in around):
            told = told_between(
                [other.found for other in around if other.found], [other.time_s for other in around], one.time_s
            )
            if told is not None:
                self.left_out += 1
                return told
        near = [other.found for other in window[max(0, at - 1) : at + 2] if other.seen and other.found is not None]
        return self._tracker.beside(one.frame, middle_region([found.next_region for found in near])) if near else None


def told_between(looks: list[Detection], times_s: list[float], at_s: float) -> Detection | None:
    """The person between looks, where the motion lets that be told.

    Args:
        looks: four.
        times_s: of the looks.
        at_s: between the second and the third.

    Returns:
        Points on a cubic through the looks; None where it differs from the straight line between the nearest two.
    """
    times = np.array(times_s)
    cubic = lagrange(times, at_s)
    part = (at_s - times[1]) / (times[2] - times[1])
    line = np.array([0, 1 - part, part, 0])
    xy = np.stack([look.xy for look in looks])
    region = middle_region([looks[1].next_region, looks[2].next_region])
    confidence = np.stack([look.confidence for look in looks])
    if not _hardly_bent(np.tensordot(cubic - line, xy, 1), confidence, region):
        return None
    worlds = [look.world_m for look in looks if look.world_m is not None]
    return Detection(
        xy=np.tensordot(cubic, xy, 1),
        confidence=np.tensordot(line, confidence, 1),
        world_m=np.tensordot(cubic, np.stack(worlds), 1) if len(worlds) == len(looks) else None,
        presence=min(looks[1].presence, looks[2].presence),
        region=region,
        next_region=region,
        mask=None,
        appearance=looks[1].appearance,
    )


def _hardly_bent(
    off_line: Float[np.ndarray, "points 2"], confidence: Float[np.ndarray, "looks points"], region: Region
) -> bool:
    sure: Bool[np.ndarray, " points"] = confidence.min(0) > SURE
    return bool((np.hypot(*off_line[sure].T) <= HARDLY * region.size_px).all())


def lagrange(times_s: Float[np.ndarray, " looks"], at_s: float) -> Float[np.ndarray, " looks"]:
    """The weights of values at some times in the polynomial through them, at another time.

    Args:
        times_s: of the values, all different.
        at_s: when the polynomial's value is wanted.

    Returns:
        One for each value; they sum to 1.
    """
    apart = times_s[:, None] - times_s
    np.fill_diagonal(apart, 1.0)
    to = np.where(np.eye(len(times_s), dtype=bool), 1.0, at_s - times_s)
    return np.asarray((to / apart).prod(1))


def middle_region(regions: list[Region]) -> Region:
    """Between regions of one person; angles are the mean of directions."""
    centers = np.mean([region.center_px for region in regions], axis=0)
    turned = np.mean([np.exp(1j * region.angle_rad) for region in regions])
    return Region(
        (float(centers[0]), float(centers[1])),
        float(np.mean([region.size_px for region in regions])),
        float(np.angle(turned)),
    )
