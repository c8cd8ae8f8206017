"""The stage Video → Keypoints."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from biomech.errors import BioposeError
from biomech.keypoints.camera_motion import AUTO, CameraWatch, check_way
from biomech.keypoints.cuts import Cuts
from biomech.keypoints.detector import Detection, Detector
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.heat_maps import FrameHeatMaps, HeatMaps, scaled
from biomech.keypoints.keypoints import MASK_SIZE, Keypoints
from biomech.keypoints.sparing import SLOWEST_HZ, Sparing
from biomech.keypoints.tracking import Person, Tracker
from biomech.prefetch import ITEMS_AHEAD, prefetch
from biomech.video import Video, focal_length

MOST_AHEAD, AHEAD_BYTES = 8, 24_000_000  # pictures that wait between two threads


def detect(
    video: Video,
    detector: Detector | None = None,
    *,
    person: Person | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    camera_motion: str = AUTO,
    keep_heat_maps: bool = False,
    fewer_looks: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Keypoints:
    """Find one person's points in every frame; nothing is smoothed.

    Args:
        video: of which its own window and rate are looked at.
        detector: what finds them in a frame; the default one if none is given.
        person: who, when there are several: see ``Tracker``.
        focal_px, fov_deg: what is known of the lens: see ``focal_length``.
        camera_motion: auto (find whether and how the camera turned) or still (it stands).
        keep_heat_maps: keep the landmark network's maps too (``Keypoints.heat_maps``), for MQ-HMR.
        fewer_looks: of 24 frames a second and more, do not look at those that slow motion lets be told from their
            neighbours (``sparing``), unless maps are kept.
        progress: called after every frame with the frames done and expected.

    Returns:
        The detector's points in pixels, with confidences of 0 to 1, and its 3D landmarks and masks where it has any;
        a frame without the person is NaN and 0.

    Raises:
        BioposeError: nobody (or not the chosen person) in view, an impossible lens, no network, or no maps to keep.
    """
    check_way(camera_motion)
    focal, source = focal_length(video, focal_px, fov_deg)
    detector = detector or make_detector()
    check_maps(detector, keep_heat_maps)
    tracker, cuts = Tracker(detector, person, others=True), Cuts()
    watch = CameraWatch(focal, video.size_px) if camera_motion == AUTO else None
    times, rows, kept = [], [], []
    looking = Sparing(tracker, not fewer_looks or keep_heat_maps or video.rate_hz < SLOWEST_HZ)
    # Decoded, followed and looked at for cuts and turns in a thread each.
    ahead = pictures_ahead(video.size_px)
    for time_s, frame, found in prefetch(looking.follow(prefetch(video.frames(), ahead)), ahead):
        cuts.add(frame, time_s)
        if watch is not None:
            watch.add(frame, [found])
        times.append(time_s)
        rows.append({} if found is None else row_of(found))
        if keep_heat_maps:
            kept.append(frame_heat_maps(found))
        if progress:
            progress(len(times), max(video.n_frames, len(times)))
    rows = [row if time_s > tracker.forgotten_until_s else {} for time_s, row in zip(times, rows, strict=True)]
    missed = sum(not row for row in rows)
    if missed == len(rows):
        error = tracker.missing()
        raise BioposeError(error.what, where=str(video.path), mend=error.mend)
    found_in = gathered(video, detector, times, rows, kept if keep_heat_maps else None, (focal, source))
    found_in.frames_looked_at = len(rows) - looking.left_out
    notes = list(video.notes)
    if missed:
        notes.append(f"the person is not to be seen in {missed} of {len(rows)} frames")
    notes += video.window_notes(times[-1])
    notes += cuts.notes()
    if watch is not None:
        camera = watch.motion(video.rate_hz)
        camera.put_into(found_in)
        notes += camera.notes
    notes += _others(tracker, person) + _came_back(tracker)
    found_in.notes = notes
    return found_in


def pictures_ahead(size_px: tuple[int, int]) -> int:
    """How many pictures of a film wait between its threads: of small ones as many as there are from look to look.

    Args:
        size_px: of the film.

    Returns:
        ``ITEMS_AHEAD`` or more.
    """
    return max(ITEMS_AHEAD, min(MOST_AHEAD, AHEAD_BYTES // (3 * size_px[0] * size_px[1])))


def check_maps(detector: Detector, wanted: bool) -> None:
    """Whether a detector has the maps that are to be kept.

    Args:
        detector: any.
        wanted: whether they are.

    Raises:
        BioposeError: it has none.
    """
    if wanted and not detector.gives_maps:
        raise BioposeError(
            f"{detector.name} has no maps that could be kept for MQ-HMR",
            mend="Give `detector=blazepose`, or `recover=fit`, which needs none.",
        )


def gathered(
    video: Video,
    detector: Detector,
    times_s: Sequence[float],
    rows: Sequence[dict[str, np.ndarray]],
    maps: Sequence[FrameHeatMaps | None] | None,
    focal: tuple[float, str],
) -> Keypoints:
    """What was found of one person, frame by frame, as Keypoints without notes.

    Args:
        video: that was looked at.
        detector: that did.
        times_s: of the frames.
        rows: of each frame what ``row_of`` says, empty where the person was not found.
        maps: of each frame what ``frame_heat_maps`` says; None where none are kept.
        focal: the focal length (px), and where it is from.

    Returns:
        The person's points.
    """
    blank = _blank(len(detector.point_names))
    held = [name for name in blank if any(name in row for row in rows)]
    fields: dict[str, Any] = {name: np.stack([row.get(name, blank[name]) for row in rows]) for name in held}
    return Keypoints(
        names=list(detector.point_names),
        time_s=np.array(times_s),
        size_px=video.size_px,
        focal_px=focal[0],
        focal_source=focal[1],
        heat_maps=None if maps is None else HeatMaps.gathered(list(maps)),
        detector=detector.name,
        **fields,
    )


def row_of(found: Detection) -> dict[str, np.ndarray]:
    """A frame's part of the fields of ``Keypoints``; only what the detector has."""
    row = {"xy": found.xy, "confidence": found.confidence}
    if found.world_m is not None:
        row["world_m"] = found.world_m
    if found.mask is not None:
        row |= {"mask_bits": np.packbits(found.mask), "mask_from_image": found.region.matrix(MASK_SIZE)}
    return row


def _blank(points: int) -> dict[str, np.ndarray]:
    """The same where nobody was found."""
    return {
        "xy": np.full((points, 2), np.nan),
        "confidence": np.zeros(points),
        "world_m": np.full((points, 3), np.nan),
        "mask_bits": np.zeros(MASK_SIZE * MASK_SIZE // 8, np.uint8),
        "mask_from_image": np.full((2, 3), np.nan),
    }


def _others(tracker: Tracker, person: Person | None) -> list[str]:
    """That there are more in view than the one who was followed."""
    followed = f"person {person}" if isinstance(person, int) else "whoever is at that pixel"
    if person is None:
        followed = "the most prominent one"
    if tracker.most_seen > 1:
        chooses = " (`person` chooses)" if person is None else ""
        return [f"{tracker.most_seen} people in view: {followed} was followed{chooses}"]
    if tracker.other_seen is None:
        return []
    time_s, other = tracker.other_seen
    x, y = (round(float(value)) for value in other.next_region.center_px)
    if person is None:
        followed = "the most prominent one of the first frame that shows anybody"
    return [
        f"somebody else is in view at {time_s:.1f} s, about pixel {x}, {y}: {followed} was followed (`person` chooses, "
        "by number from the left or by pixel; `person=all` takes everybody)"
    ]


def _came_back(tracker: Tracker) -> list[str]:
    """That nobody knows whether it is the same person who came back."""
    if not tracker.out_of_view:
        return []
    left_s, back_s = tracker.out_of_view[0]
    more = f", the first of {len(tracker.out_of_view)} times" if len(tracker.out_of_view) > 1 else ""
    return [
        f"the person was out of view from {left_s:.1f} to {back_s:.1f} s{more}; who then came is followed for being of "
        "like colours: see that it is the same one, or give a part of the film (`start_s`, `end_s`)"
    ]


def frame_heat_maps(found: Detection | None) -> FrameHeatMaps | None:
    """The maps that are kept of a frame; None where there are none."""
    if found is None or found.maps is None:
        return None
    return FrameHeatMaps.of(scaled(found.maps.heat), scaled(found.maps.mask), found.region)
