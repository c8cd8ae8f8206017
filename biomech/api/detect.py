"""Video → Keypoints."""

from collections.abc import Callable
from pathlib import Path

from biomech.errors import BioposeError
from biomech.keypoints import detect as stage
from biomech.keypoints.detector import Detector
from biomech.keypoints.detectors import DEFAULT_DETECTOR, make_detector
from biomech.keypoints.keypoints import Keypoints
from biomech.video import Video


def detect(
    video: Video | Path | str,
    *,
    detector: Detector | str = DEFAULT_DETECTOR,
    person: int | tuple[float, float] | None = None,
    mirror: bool = False,
    start_s: float | None = None,
    end_s: float | None = None,
    rate_hz: float | None = None,
    every: int | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    network: Path | str | None = None,
    config: Path | str | None = None,
    layout: str | None = None,
    threads: int | None = None,
    camera_motion: str = "auto",
    keep_heat_maps: bool = False,
    fewer_looks: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Keypoints:
    """Find one person's body points in every frame of a film.

    Args:
        video: an opened one, or the path of a film or of a folder of pictures.
        detector: ``blazepose``, ``onnx`` or ``mmpose``, or one of your own that is as
            ``biomech.keypoints.detector.Detector`` says.
        person: who, where there are several: 0, 1 … from left to right, or a pixel (x, y); by default the most
            prominent one.
        mirror: average with the mirrored picture's answer: better, at half the speed.
        start_s, end_s, rate_hz, every: of a path: which part is looked at, how fast pictures follow each other, and
            every Nth frame (by default as leaves 30 a second); an opened video has its own.
        focal_px, fov_deg: of the lens, upright picture: focal length, or angle of view across the longer side; by
            default what the file says, else a phone's.
        network: weights: of ``onnx`` the network, of ``mmpose`` the checkpoint; for ``blazepose`` a pose_landmarker
            .task file in place of its own.
        config: mmpose's, of the network; it is Python, which mmpose runs.
        layout: of the points, where their number does not tell: coco17, halpe26, …
        threads: of the network; all cores, four at most, by default.
        camera_motion: ``auto`` finds whether and how the camera turned while it filmed; ``still`` takes it to stand.
        keep_heat_maps: keep the network's maps too, which ``recover(…, recoverer="mqhmr")`` needs.
        fewer_looks: do not run the network on frames that slow motion lets be told from their neighbours; False runs it
            on every frame.
        progress: called after every frame with the frames done and expected.

    Returns:
        Points in pixels, (frames, points, 2), in the detector's layout (33 of BlazePose), with a confidence of 0 to 1;
        NaN where the person is not to be seen. Its notes say what was noticed.

    Raises:
        BioposeError: the film cannot be read, nobody or not the chosen person is in view, an impossible lens, no
            such detector, what it needs is not installed, or no network.

    Example:
        >>> import biomech
        >>> keypoints = biomech.detect("walk.mp4", end_s=0.2, fov_deg=60.0)  # doctest: +SKIP
        >>> keypoints.xy.shape  # doctest: +SKIP
        (6, 33, 2)
    """
    if not isinstance(video, Video):
        video = Video.open(video, start_s, end_s, rate_hz, every)
    elif (start_s, end_s, rate_hz, every) != (None,) * 4:
        raise BioposeError(
            "an opened video has its part and rate already", where=str(video.path), mend="Give them to Video.open."
        )
    if isinstance(detector, str):
        detector = make_detector(
            detector,
            network=None if network is None else Path(network),
            config=None if config is None else Path(config),
            layout=layout,
            threads=threads,
            mirror=mirror,
        )
    elif mirror or any(told is not None for told in (network, config, layout, threads)):
        raise BioposeError(
            "a detector that is made already has its network, layout, threads and mirror",
            mend="Give them where it is made.",
        )
    return stage.detect(
        video,
        detector,
        person=person,
        focal_px=focal_px,
        fov_deg=fov_deg,
        camera_motion=camera_motion,
        keep_heat_maps=keep_heat_maps,
        fewer_looks=fewer_looks,
        progress=progress,
    )
