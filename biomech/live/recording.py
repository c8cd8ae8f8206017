"""What is kept of a live session: the film with every frame that came, the points and angles of those looked at."""

import csv
import itertools
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from biomech.files import whole_file
from biomech.keypoints.detect import gathered, row_of
from biomech.keypoints.detector import Detection, Detector
from biomech.names import LIVE_ANGLES, LIVE_FILM, LIVE_KEYPOINTS
from biomech.report.overlay import write_video
from biomech.video import Video

FILM, KEYPOINTS, ANGLES = LIVE_FILM, LIVE_KEYPOINTS, LIVE_ANGLES
WAITING = 60  # frames, for the encoder; more are left out of the film

Frame = UInt8[np.ndarray, "height width 3"]


class LiveRecording:
    """Of one session, in a folder that is made.

    Args:
        folder: of the recording; files of an earlier one are written over.
        video: of the session: size and rate.
    """

    def __init__(self, folder: Path, video: Video):
        self.folder, self.video = Path(folder), video
        self.folder.mkdir(parents=True, exist_ok=True)
        self.left_out = 0
        self.frames = 0
        self._rows: list[tuple[float, dict[str, np.ndarray], Mapping[str, float]]] = []
        self._waiting: queue.Queue[tuple[float, Frame] | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def film(self, time_s: float, frame: Frame) -> None:
        """The next frame that came.

        Args:
            time_s: of the frame.
            frame: RGB; it is not to be drawn into.
        """
        try:
            self._waiting.put_nowait((time_s, frame))
        except queue.Full:
            self.left_out += 1

    def seen(self, time_s: float, found: Detection | None, angles: Mapping[str, float]) -> None:
        """What was found in a frame.

        Args:
            time_s: of the frame, later than the last one's.
            found: the person; None where nobody was seen.
            angles: degrees, by name; NaN where not known.
        """
        self._rows.append((time_s, {} if found is None else row_of(found), angles))

    def close(self, detector: Detector, focal: tuple[float, str]) -> list[Path]:
        """End the film and write the rest.

        Args:
            detector: that found the points.
            focal: the focal length (px), and where it is from.

        Returns:
            The files that were written.

        Raises:
            BioposeError: one cannot be.
        """
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        written = [self.folder / FILM] if self.frames else []
        if any(row for _, row, _ in self._rows):
            times, rows = [time_s for time_s, _, _ in self._rows], [row for _, row, _ in self._rows]
            gathered(self.video, detector, times, rows, None, focal).save(self.folder / KEYPOINTS)
            written.append(self.folder / KEYPOINTS)
        if self._rows:
            self._write_angles(self.folder / ANGLES)
            written.append(self.folder / ANGLES)
        return written

    def _write(self) -> None:
        width, height = (side - side % 2 for side in self.video.size_px)  # 4:2:0 needs even sides

        def frames() -> Iterator[tuple[float, Frame]]:
            last_s = -np.inf
            while (item := self._waiting.get()) is not None:
                time_s, frame = item
                if time_s > last_s:
                    last_s = time_s
                    yield time_s, np.ascontiguousarray(frame[:height, :width])

        try:
            first = next(ahead := frames(), None)
            if first is not None:
                self.frames = write_video(
                    self.folder / FILM, itertools.chain([first], ahead), (width, height), self.video.rate_hz
                )
        except BaseException as error:  # raised again where the recording is closed
            self._error = error
            while self._waiting.get() is not None:
                pass

    def _write_angles(self, path: Path) -> None:
        names = list(self._rows[0][2])
        with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["time_s", *(f"{name}_deg" for name in names)])
            for time_s, _, angles in self._rows:
                shown = ["" if np.isnan(angles[name]) else f"{angles[name]:.2f}" for name in names]
                table.writerow([f"{time_s:.4f}", *shown])
