"""Where a film was cut: the whole picture changes between two frames as it changes nowhere near.

What follows a person through a film cannot see it: after a cut somebody else may stand there, or the same one
elsewhere.
"""

from collections import deque

import cv2
import numpy as np
from jaxtyping import UInt8

SIDE = 32  # pixels of the small pictures that are compared
ACROSS = 3  # frames on each side of a cut that must all differ: a flash or a torn frame passes
NEAR = 5  # steps on each side that show how much the picture changes anyhow
# Of full scale, in the mean over the picture; and times the largest change nearby. Films that are not cut, of
# hand-held and fixed cameras, reach 0.054 and, above the first limit, 1.4; parts of two films joined begin at 2.7, but
# for those of one room and one camera.
LEAST, TIMES = 0.015, 2.5
REPEATED = 0.002  # of full scale: less is the noise of a frame that shows the last one again
STEPS_KEPT = 50  # between frames, for the usual one
MOST_TOLD = 5

Small = UInt8[np.ndarray, "side side 3"]


class Cuts:
    """Looks for cuts in a film whose frames come one after the other; remembers no more than it needs."""

    def __init__(self) -> None:
        self.times_s: list[float] = []  # of the first frame after each cut
        self._small: list[Small] = []  # of the frames that bring anything new
        self._frames: list[tuple[float, float]] = []  # of those, when, and how long after the frame before
        self._steps_s: deque[float] = deque(maxlen=STEPS_KEPT)  # of all frames
        self._last_s: float | None = None
        self._next = 1  # which of those is looked at next, as the first after a cut

    def add(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> None:
        """Look at the next frame.

        Args:
            frame: RGB, of any size.
            time_s: later than the last one's.
        """
        after_s = 0.0 if self._last_s is None else time_s - self._last_s
        if self._last_s is not None:
            self._steps_s.append(after_s)
        self._last_s = time_s
        small = _shrunk(frame)
        if self._small and _change(self._small[-1], small) < REPEATED:
            return  # a film of five pictures a second may be stored at thirty
        self._small.append(small)
        self._frames.append((time_s, after_s))
        if len(self._small) > self._next + NEAR:
            self._look()
        if self._next > NEAR + 1:
            del self._small[0], self._frames[0]
            self._next -= 1

    def notes(self) -> list[str]:
        """What a user should know, once all frames have been added."""
        while self._next < len(self._small):
            self._look()
        if not self.times_s:
            return []
        said = ", ".join(f"{time:.2f}" for time in self.times_s[:MOST_TOLD]) + (
            " …" if self.times_s[MOST_TOLD:] else ""
        )
        return [
            f"the whole picture changes at once at {said} s: where the film was cut, a motion across it means nothing; "
            "take the parts one by one (`start_s`, `end_s`)"
        ]

    def _look(self) -> None:
        at, self._next = self._next, self._next + 1
        small, count = self._small, len(self._small)
        before, after = range(max(0, at - ACROSS), at), range(at, min(count, at + ACROSS))
        across = min(_change(small[i], small[j]) for i in before for j in after)
        if across < LEAST:
            return
        steps = [*range(max(1, at - NEAR), at), *range(at + 1, min(count, at + NEAR + 1))]
        usual = max((_change(small[k - 1], small[k]) for k in steps), default=0.0)
        time_s, after_s = self._frames[at]
        # Frames that are left out move everything farther, which is no cut.
        if across > TIMES * usual * max(1.0, after_s / float(np.median(self._steps_s))):
            self.times_s.append(time_s)


def _shrunk(frame: UInt8[np.ndarray, "height width 3"]) -> Small:
    """A frame of few pixels; shrunk by a whole number first, which is several times as fast."""
    times = max(1, min(frame.shape[:2]) // (2 * SIDE))
    height, width = (times * (side // times) for side in frame.shape[:2])
    near = cv2.resize(frame[:height, :width], (width // times, height // times), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(near, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _change(one: Small, other: Small) -> float:
    return float(cv2.absdiff(one, other).mean()) / 255
