"""Fewer looks: where a motion is slow, most frames are told from their neighbours instead of being looked at.

A landmark network is most of what a film costs. As long as a person moves slowly and is plainly seen, only every
second, fourth … frame is looked at, at least seven a second; as soon as they do not, every frame, one after the other.
A frame between two looks is told from them, unless a cubic through the two looks before and the two after bends away
from the straight line or its picture is unlike theirs; then it is looked at as well. The difference of cubic and line
is the motion's curvature; the cubic's own error is a fraction of it and below what the network can tell.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.tracking import Tracker

# Of the region's side, by which cubic and line may differ: two pixels of a crop of 256, about 2 cm of a person.
# At looks of 15 Hz that is an acceleration of 36 m/s², at 7.5 Hz one of 9. Chosen with the other limits on five films
# (jump, jumps, squats, a dance, a fall), so that what is told differs from looks by less than these jitter: 2 mm in the
# mean of a person of 1.7 m, jitter 4 to 5 mm.
HARDLY = 2 / 256
SURE = 0.5  # points of less confidence jitter by more than they move
SLOWEST_HZ = 24.0  # of films less often than this every frame is news
LONGEST_S = 0.14  # between two looks
HOLD_S = 0.2  # of every frame, after a step that was too long
MOST_BENT = 0.95  # share of the points that have to move slowly for longer steps; what the others do is seen later
UNLIKE = 0.015  # of full scale: by how much more a picture may differ from both looks than these from each other
THIN = 48  # cells of the shorter side of the pictures that are compared

Frame = UInt8[np.ndarray, "height width 3"]


@dataclass
class _Waiting:
    """A frame that is not given out yet, or was one of the last that were."""

    time_s: float
    frame: Frame
    found: Detection | None = None
    looked: bool = False

    @property
    def seen(self) -> bool:
        return self.looked and self.found is not None


class Sparing:
    """Follows a person with few looks; the frames come out in their order, some later than they went in.

    Args:
        tracker: of the person.
        every_look: look at every frame.
    """

    def __init__(self, tracker: Tracker, every_look: bool = False):
        self._tracker, self._every_look = tracker, every_look
        self._window: list[_Waiting] = []
        self._at = -1  # place in the window of the last frame that was followed to
        self._next = 0  # of the frame that is given out next
        self._step = 1  # frames to the next look
        self._hold_until_s = -np.inf  # every frame is looked at
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
            self._window.append(_Waiting(time_s, frame))
            while self._at + self._step < len(self._window):
                self._go()
            yield from self._ready(ended=False)
        while self._at + 1 < len(self._window):
            self._step = min(self._step, len(self._window) - 1 - self._at)
            self._go()
        yield from self._ready(ended=True)

    def _go(self) -> None:
        """On to the next look, or to a shorter step where the person did not stay where they were."""
        goal = self._window[self._at + self._step]
        if self._step == 1:
            goal.found = self._tracker.follow(goal.frame, goal.time_s)
        else:
            goal.found = self._tracker.leap(goal.frame, goal.time_s, self._step)
            if goal.found is None:
                self._step = 1
                self._hold_until_s = goal.time_s + HOLD_S
                return
        goal.looked = True
        self._at += self._step
        self._step = self._next_step()

    def _next_step(self) -> int:
        """As long as the last three looks allow; at most twice the last step."""
        looks = [one for one in self._window[: self._at + 1] if one.looked][-3:]
        if len(looks) < 3 or not all(one.seen for one in looks) or looks[-1].time_s < self._hold_until_s:
            return 1
        times = np.array([one.time_s for one in looks])
        found = [one.found for one in looks if one.found is not None]
        sure = np.stack([one.confidence for one in found]).min(0) > SURE
        if not sure.any():
            return 1
        # Twice the divided difference is the acceleration.
        first, second, third = times
        into = np.array([third - second, first - third, second - first])
        into /= (first - second) * (second - third) * (third - first)
        turning = np.hypot(*(2 * np.tensordot(into, np.stack([one.xy for one in found]), 1))[sure].T)
        bend = float(np.quantile(turning, MOST_BENT)) / 8 / found[-1].region.size_px  # times the square of the step
        frame_s = (self._window[self._at].time_s - self._window[0].time_s) / self._at
        step = 1
        while step < 2 * self._step and 2 * step * frame_s <= LONGEST_S and bend * (2 * step * frame_s) ** 2 <= HARDLY:
            step *= 2
        return step

    def _ready(self, ended: bool) -> Iterator[tuple[float, Frame, Detection | None]]:
        """Frames of which all is known: up to the last but one look, or all."""
        window = self._window
        looks = [place for place, one in enumerate(window[: self._at + 1]) if one.looked]
        until = len(window) if ended else looks[-2] + 1 if len(looks) > 1 else 0
        for before, after in itertools.pairwise(looks):
            if before + 1 < after < until:
                self._fill(before, after)
        for one in window[self._next : until]:
            yield one.time_s, one.frame, one.found
        self._next = max(self._next, until)
        # The looks that the next gap is told from.
        kept = [place for place in looks if place < self._next][-3:-2]
        if kept:
            del window[: kept[0]]
            self._at -= kept[0]
            self._next -= kept[0]

    def _fill(self, before: int, after: int) -> None:
        """The frames between two looks, told or looked at."""
        window = self._window
        between = range(before + 1, after)
        if not between or all(window[place].found is not None for place in between):
            return
        around = [*self._looks_about(before, -1), before, after, *self._looks_about(after, 1)]
        if len(around) == 4 and all(window[place].seen for place in around):
            looks = [found for place in around if (found := window[place].found) is not None]
            times = [window[place].time_s for place in around]
            told = [told_between(looks, times, window[place].time_s) for place in between]
            if all(one is not None for one in told) and self._alike(before, after):
                for place, one in zip(between, told, strict=True):
                    window[place].found = one
                self.left_out += len(told)
                return
        middle = (before + after) // 2
        near = [found for place in (before, after) if (found := window[place].found) is not None]
        waiting = window[middle]
        waiting.looked = True
        if near:
            region = middle_region([found.next_region for found in near])
            waiting.found = self._tracker.beside(waiting.frame, region)
        self._fill(before, middle)
        self._fill(middle, after)

    def _looks_about(self, place: int, way: int) -> list[int]:
        """The next look beyond one, if it is not too far."""
        window, beyond = self._window, place + way
        while 0 <= beyond < len(window) and not window[beyond].looked:
            beyond += way
        if not 0 <= beyond < len(window) or abs(window[beyond].time_s - window[place].time_s) > 1.5 * LONGEST_S:
            return []
        return [beyond]

    def _alike(self, before: int, after: int) -> bool:
        """Whether the pictures between two looks show what these show: none is black, torn or of another scene."""
        first, *inner, last = (_thin(one.frame) for one in self._window[before : after + 1])
        usual = _change(first, last) + UNLIKE
        return all(min(_change(first, one), _change(one, last)) < usual for one in inner)


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


def _thin(frame: Frame) -> Float[np.ndarray, "rows columns 3"]:
    """Few of a picture's pixels."""
    every = max(1, min(frame.shape[:2]) // THIN)
    return frame[::every, ::every].astype(np.float32)


def _change(one: Float[np.ndarray, "rows columns 3"], other: Float[np.ndarray, "rows columns 3"]) -> float:
    return float(np.abs(one - other).mean()) / 255


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
