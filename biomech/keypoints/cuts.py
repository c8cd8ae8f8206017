"""Where a film was cut: the whole picture changes between two frames as it changes nowhere near.

What follows a person through a film cannot see it: after a cut somebody else may stand there, or the same one
elsewhere.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

SIDE = 32  # pixels of the small pictures that are compared
ACROSS = 3  # frames on each side of a cut that must all differ: a flash or a torn frame passes
NEAR = 5  # steps on each side that show how much the picture changes anyhow
# Of full scale, in the mean over the picture; and times the largest change nearby. Films that are not cut, of hand-held
# and fixed cameras, reach 0.054 and, above the first limit, 1.4; parts of two films joined begin at 2.7.
LEAST, TIMES = 0.015, 2.5
MOST_TOLD = 5

Small = UInt8[np.ndarray, "side side 3"]


class Cuts:
    """Looks for cuts in a film whose frames come one after the other; remembers no more than it needs."""

    def __init__(self) -> None:
        self.times_s: list[float] = []  # of the first frame after each cut
        self._small: list[Small] = []
        self._times: list[float] = []
        self._next = 1  # which of those is looked at next, as the first after a cut

    def add(self, frame: UInt8[np.ndarray, "height width 3"], time_s: float) -> None:
        """Look at the next frame.

        Args:
            frame: RGB, of any size.
            time_s: later than the last one's.
        """
        self._small.append(cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        self._times.append(time_s)
        if len(self._small) > self._next + NEAR:
            self._look()
        if self._next > NEAR + 1:
            del self._small[0], self._times[0]
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
        before, after = range(max(0, at - ACROSS), at), range(at, min(len(self._small), at + ACROSS))
        across = min(self._change(i, j) for i in before for j in after)
        if across < LEAST:
            return
        steps = [*range(max(1, at - NEAR), at), *range(at + 1, min(len(self._small), at + NEAR + 1))]
        usual = max((self._change(k - 1, k) for k in steps), default=0.0)
        # Frames that are left out move everything farther, which is no cut.
        long = (self._times[at] - self._times[at - 1]) / float(np.median(np.diff(self._times)))
        if across > TIMES * usual * max(1.0, long):
            self.times_s.append(self._times[at])

    def _change(self, one: int, other: int) -> float:
        return float(cv2.absdiff(self._small[one], self._small[other]).mean()) / 255
