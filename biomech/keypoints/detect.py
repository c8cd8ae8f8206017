"""The stage Video → Keypoints."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from biomech.ahead import ahead
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import BlazePose
from biomech.keypoints.detector import Detection
from biomech.keypoints.keypoints import MASK_SIZE, Keypoints
from biomech.keypoints.looks import Glance, Looks, scaled
from biomech.keypoints.tracking import Person, Tracker
from biomech.video import Video, focal_length


def detect(
    video: Video,
    *,
    person: Person | None = None,
    mirror: bool = False,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    detector_path: Path | None = None,
    threads: int | None = None,
    keep_looks: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Keypoints:
    """Find one person's points in every frame, with BlazePose; nothing is smoothed.

    Args:
        video: of which its own window and rate are looked at.
        person: who, when there are several: see ``Tracker``.
        mirror: average with the mirrored picture's answer; at half the speed, evens out a left-right skew.
        focal_px, fov_deg: what is known of the lens: see ``focal_length``.
        detector_path: a .task file in place of the pinned one.
        threads: for the networks; by default all cores, four at most.
        keep_looks: keep the landmark network's maps too (``Keypoints.looks``), for MQ-HMR.
        progress: called after every frame with the frames done and expected.

    Returns:
        33 points a frame in pixels with confidences of 0 to 1; a frame without the person is NaN and 0.

    Raises:
        BioposeError: nobody (or not the chosen person) in view, an impossible lens, or no network.
    """
    focal, source = focal_length(video, focal_px, fov_deg)
    detector = BlazePose(detector_path, threads, mirror)
    tracker = Tracker(detector, person)
    count = len(detector.point_names)
    nowhere = (
        np.full((count, 2), np.nan),
        np.zeros(count),
        np.full((count, 3), np.nan),
        np.zeros(MASK_SIZE * MASK_SIZE // 8, np.uint8),
        np.full((2, 3), np.nan),
    )
    times, rows, glances = [], [], []
    for time_s, frame in ahead(video.frames()):
        found = tracker.follow(frame, time_s)
        times.append(time_s)
        rows.append(
            nowhere
            if found is None
            else (found.xy, found.confidence, found.world_m, np.packbits(found.mask), found.region.matrix(MASK_SIZE))
        )
        if keep_looks:
            glances.append(_glance(found))
        if progress:
            progress(len(times), max(video.n_frames, len(times)))
    missed = sum(row is nowhere for row in rows)
    if missed == len(rows):
        error = tracker.missing()
        raise BioposeError(error.what, where=str(video.path), mend=error.mend)
    notes = list(video.notes)
    if missed:
        notes.append(f"the person is not to be seen in {missed} of {len(rows)} frames")
    notes += _others(tracker.most_seen, person)
    xy, confidence, world_m, mask_bits, mask_from_image = (np.stack(column) for column in zip(*rows, strict=True))
    return Keypoints(
        names=list(detector.point_names),
        xy=xy,
        confidence=confidence,
        time_s=np.array(times),
        size_px=video.size_px,
        focal_px=focal,
        focal_source=source,
        world_m=world_m,
        mask_bits=mask_bits,
        mask_from_image=mask_from_image,
        looks=Looks.gathered(glances) if keep_looks else None,
        detector=detector.name,
        notes=notes,
    )


def _others(people: int, person: Person | None) -> list[str]:
    """That there are more in view than the one who was followed."""
    if people < 2:
        return []
    followed = f"person {person}" if isinstance(person, int) else "whoever is at that pixel"
    if person is None:
        followed = "the most prominent one"
    return [f"{people} people in view: {followed} was followed" + (" (`person` chooses)" if person is None else "")]


def _glance(found: Detection | None) -> Glance | None:
    if found is None or found.maps is None:
        return None
    return Glance.of(scaled(found.maps.heat), scaled(found.maps.mask), found.region)
