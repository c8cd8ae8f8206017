"""Frames as they come: of a camera, or of a film at its own pace; and the newest of them, whatever was missed."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np
from jaxtyping import UInt8

from biomech.errors import BioposeError
from biomech.prefetch import prefetch
from biomech.video import Video

Frame = UInt8[np.ndarray, "height width 3"]
Item = TypeVar("Item")
CAMERA_HZ = 30.0  # of cameras that do not say
BLANK_READS = 30  # of a camera, before it is taken to have ended


@dataclass(frozen=True)
class Taken:
    """A frame, and when it was there."""

    clock_s: float  # ``time.perf_counter``
    time_s: float  # in the recording
    frame: Frame  # RGB, upright


class Newest(Generic[Item]):
    """Hands over the newest item alone: who takes late misses some, and lags behind by none."""

    def __init__(self) -> None:
        self.missed = 0
        self._item: Item | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """The next item, in place of one that was not taken."""
        with self._changed:
            self.missed += self._item is not None
            self._item = item
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """There are no more; an error is raised where they are taken."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def take(self) -> Item | None:
        """The newest item, waited for; None after the last one."""
        with self._changed:
            while self._item is None and not self._ended:
                self._changed.wait(0.1)  # so that Ctrl-C is heard
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item


def camera_of(source: str | int | Path) -> int | None:
    """The number of a camera: 0, 1 …, or of /dev/video0; None of a file."""
    text = str(source).removeprefix("/dev/video")
    return int(text) if text.isdigit() and not Path(str(source)).is_file() else None


class LiveCamera:
    """A camera of this machine.

    Args:
        number: as the system counts them, from 0.

    Raises:
        BioposeError: there is none, or it gives no picture.
    """

    def __init__(self, number: int):
        self._capture = cv2.VideoCapture(number)
        read, first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not read or first is None:
            self._capture.release()
            raise BioposeError(
                f"there is no camera {number}, or it gives no picture",
                mend="Count from 0, see that no other program uses it, or name a film.",
            )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        height, width = first.shape[:2]
        self.video = Video(Path(f"camera {number}"), (width, height), rate if 1 <= rate <= 1000 else CAMERA_HZ, 0)

    def frames(self) -> Iterator[Taken]:
        """As they come, until the camera gives none any more."""
        started, blank = time.perf_counter(), 0
        with closing(_Released(self._capture)):
            while blank < BLANK_READS:
                read, picture = self._capture.read()
                if not read or picture is None:
                    blank += 1
                    continue
                blank, clock_s = 0, time.perf_counter()
                yield Taken(clock_s, clock_s - started, cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


class _Released:
    def __init__(self, capture: cv2.VideoCapture):
        self.close = capture.release


def paced(video: Video) -> Iterator[Taken]:
    """A film as if it were filmed now; a frame counts as there when it is due, and is left out once the next one is.

    Args:
        video: opened; its own window and rate.

    Yields:
        Its frames, each at its time.
    """
    started: float | None = None
    for time_s, frame in prefetch(video.frames()):
        started = time.perf_counter() - time_s if started is None else started
        due = started + time_s
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        elif wait < -1 / video.rate_hz:
            continue
        yield Taken(due, time_s, frame)
