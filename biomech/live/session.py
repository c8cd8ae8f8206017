"""A session: the newest frame is looked at, drawn and shown, again and again; what came meanwhile is missed.

Two threads of ours besides: one takes the frames as they come, one encodes the film. So nothing ever waits in a line,
and what is shown is as old as one look takes, and at most one frame older.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from biomech.errors import BioposeError
from biomech.keypoints.detector import Detection, Detector, Region
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.tracking import Tracker
from biomech.live.angles import DEFAULT_ANGLES, CausalAngles, takes_points
from biomech.live.drawing import draw_live
from biomech.live.frames import LiveCamera, Newest, Taken, camera_of, paced
from biomech.live.recording import LiveRecording
from biomech.names import LIVE_FILM, RUN_RECORD
from biomech.video import Video, focal_length

Picture = UInt8[np.ndarray, "height width 3"]
Show = Callable[[Picture], bool]
PERCENTILES = {"median": 50, "p95": 95, "max": 100}
MOST_MS = 200.0  # later is told


@dataclass
class LiveFigures:
    """How a session went.

    Attributes:
        latency_ms: of every frame that was shown: from when it was there to when it had been drawn and shown.
        missed: frames that came while another one was looked at.
        seconds: from the first frame to the last, on the clock.
        with_person: frames shown in which the person was found.
        left_out: frames that the film lacks, since the encoder did not keep up.
        files: that were written.
        notes: what there is to say.
    """

    latency_ms: list[float] = field(default_factory=list)
    missed: int = 0
    seconds: float = 0.0
    with_person: int = 0
    left_out: int = 0
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Frames, rate, and the latency that half, and 19 of 20 frames keep below; ms."""
        late = np.array(self.latency_ms or [np.nan])
        return {
            "frames": len(self.latency_ms),
            "frames_missed": self.missed,
            "frames_with_person": self.with_person,
            "rate_hz": round(max(len(self.latency_ms) - 1, 0) / max(self.seconds, 1e-9), 2),
            **{f"latency_ms_{name}": round(float(np.percentile(late, p)), 1) for name, p in PERCENTILES.items()},
        }


class Briefly:
    """A detector that never searches a picture closely, which takes a second: live, one looks again."""

    def __init__(self, detector: Detector):
        self._detector = detector
        self.name, self.point_names = detector.name, detector.point_names
        self.gives_world, self.gives_maps = detector.gives_world, detector.gives_maps

    def regions(self, frame: Picture, closely: bool = False) -> list[tuple[float, Region]]:
        """People in the picture as a whole, best first.

        Args:
            frame: RGB.
            closely: nobody is looked for so.

        Returns:
            Score and region of each.
        """
        return [] if closely else self._detector.regions(frame)

    def points(self, frame: Picture, region: Region) -> Detection:
        """The person in a region, as the detector has them.

        Args:
            frame: RGB.
            region: where to look.

        Returns:
            Points in pixels.
        """
        return self._detector.points(frame, region)


def live(
    source: str | int | Path,
    *,
    show: Show | None = None,
    detector: Detector | None = None,
    angles: Sequence[str] = DEFAULT_ANGLES,
    folder: Path | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    seconds: float | None = None,
) -> LiveFigures:
    """Follow a person while they are filmed, until the film ends, the window is closed, or Ctrl-C.

    Args:
        source: the number of a camera, or a film, which is shown at its own pace.
        show: called with every picture that was drawn (RGB); the session ends where it says False.
        detector: with BlazePose's 33 points in 2D and 3D; the default one if none is given.
        angles: coordinates of our skeleton that are shown (``angles.known_angles``).
        folder: where film, points and angles are kept; None: nothing is.
        focal_px, fov_deg: what is known of the lens: see ``focal_length``.
        seconds: end after this long.

    Returns:
        How it went.

    Raises:
        BioposeError: no such camera, film, angle or detector, or an impossible lens.
    """
    detector = detector or make_detector()
    if not takes_points(detector.point_names) or not detector.gives_world:
        raise BioposeError(f"live angles are of BlazePose's points, not of {detector.name}", mend="Leave it away.")
    number = camera_of(source)
    camera = None if number is None else LiveCamera(number)
    video = camera.video if camera is not None else Video.open(Path(str(source)), every=None)
    focal = focal_length(video, focal_px, fov_deg)
    causal = CausalAngles(angles, focal[0], video.size_px)
    if folder is not None and (folder / RUN_RECORD).exists() and not (folder / LIVE_FILM).exists():
        raise BioposeError("holds the run of another film", where=str(folder), mend="Give another `out`.")
    recording = None if folder is None else LiveRecording(folder, video)
    followed = _Session(Tracker(Briefly(detector)), causal, recording, show, detector.point_names)
    frames = camera.frames() if camera is not None else paced(video)
    try:
        followed.run(frames, seconds)
    except KeyboardInterrupt:
        followed.figures.notes.append("ended by Ctrl-C")
    finally:
        if recording is not None:
            followed.figures.files = recording.close(detector, focal)
            followed.figures.left_out = recording.left_out
    if camera is None:  # what reading it met with: that it breaks off
        followed.figures.notes.extend(video.notes)
    return _told(followed.figures)


class _Session:
    def __init__(
        self,
        tracker: Tracker,
        causal: CausalAngles,
        recording: LiveRecording | None,
        show: Show | None,
        names: list[str],
    ):
        self.tracker, self.causal, self.recording, self.show, self.names = tracker, causal, recording, show, names
        self.figures = LiveFigures()
        self._newest, self._stop = Newest[Taken](), threading.Event()

    def run(self, frames: Iterator[Taken], seconds: float | None) -> None:
        thread = threading.Thread(target=self._take, args=(frames,), daemon=True)
        thread.start()
        first_s = last_s = None
        try:
            while (taken := self._newest.take()) is not None:
                first_s = taken.clock_s if first_s is None else first_s
                last_s = taken.clock_s
                if not self._look(taken) or (seconds is not None and last_s - first_s >= seconds):
                    break
        finally:
            self._stop.set()
            thread.join()
            self.figures.missed = self._newest.missed
            self.figures.seconds = 0.0 if first_s is None or last_s is None else last_s - first_s

    def _take(self, frames: Iterator[Taken]) -> None:
        try:
            for taken in frames:
                if self._stop.is_set():
                    break
                if self.recording is not None:
                    self.recording.film(taken.time_s, taken.frame)
                self._newest.put(taken)
            self._newest.end()
        except BaseException as error:  # raised again where frames are taken
            self._newest.end(error)
        finally:
            if hasattr(frames, "close"):
                frames.close()

    def _look(self, taken: Taken) -> bool:
        found = self.tracker.follow(taken.frame, taken.time_s)
        angles = self.causal.add(found, taken.time_s)
        picture = taken.frame if self.recording is None else taken.frame.copy()
        draw_live(picture, self.names, found, angles)
        goes_on = self.show is None or self.show(picture)
        self.figures.latency_ms.append(1000 * (time.perf_counter() - taken.clock_s))
        self.figures.with_person += found is not None
        if self.recording is not None:
            self.recording.seen(taken.time_s, found, angles)
        return goes_on


def _told(figures: LiveFigures) -> LiveFigures:
    late: Float[np.ndarray, " frames"] = np.array(figures.latency_ms)
    if len(late) and float(np.median(late)) > MOST_MS:
        figures.notes.append(f"half of the frames were shown more than {MOST_MS:.0f} ms late: the machine is too slow")
    if figures.left_out:
        figures.notes.append(f"the film lacks {figures.left_out} frames: the encoder did not keep up")
    if len(late) and not figures.with_person:
        figures.notes.append("nobody was seen")
    return figures
