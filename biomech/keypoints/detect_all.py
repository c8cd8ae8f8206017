"""The stage Video → Keypoints of everybody in view, in one pass over the film."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from biomech.errors import BioposeError
from biomech.keypoints.camera_motion import AUTO, CameraWatch, check_way
from biomech.keypoints.crowd import Crowd, Trail, near_others
from biomech.keypoints.cuts import Cuts
from biomech.keypoints.detect import check_maps, frame_heat_maps, gathered, row_of
from biomech.keypoints.detector import Detection, Detector, Region
from biomech.keypoints.detectors import make_detector
from biomech.keypoints.keypoints import SURE, Keypoints
from biomech.keypoints.tracking import SEARCH_EVERY_S, distinct
from biomech.prefetch import prefetch
from biomech.video import Frame, Video, focal_length

CLOSELY_EVERY_S = 1.0  # small people are looked for, which costs as much as some ten frames
SEEN = 1 / 3  # of the points that must be sure: furniture and what is left of somebody at the rim has fewer
LATELY_S = 0.5  # for so long somebody is looked for where he should be, in every frame


@dataclass(frozen=True)
class Everybody:
    """Whom a film shows.

    Attributes:
        people: the points of each from when he is first seen to when he is last; those there from the beginning from
            left to right, then the others as they come.
        notes: what there is to say of the film, not of one of them.
    """

    people: list[Keypoints]
    notes: list[str]


def detect_all(
    video: Video,
    detector: Detector | None = None,
    *,
    focal_px: float | None = None,
    fov_deg: float | None = None,
    camera_motion: str = AUTO,
    keep_heat_maps: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Everybody:
    """Find the points of everybody in view; the film is read and searched once, and nothing is smoothed.

    Who is out of view for more than three seconds and comes back is taken for another.

    Args:
        video: of which its own window and rate are looked at.
        detector: what finds them in a frame; the default one if none is given.
        focal_px, fov_deg: what is known of the lens: see ``focal_length``.
        camera_motion, keep_heat_maps: as ``detect``.
        progress: called after every frame with the frames done and expected.

    Returns:
        The same for each as ``detect`` gives for one, in his own part of the film.

    Raises:
        BioposeError: nobody in view for half a second, or as ``detect``.
    """
    check_way(camera_motion)
    focal, source = focal_length(video, focal_px, fov_deg)
    detector = detector or make_detector()
    check_maps(detector, keep_heat_maps)
    crowd, looking, cuts, times = Crowd(), _Looking(detector), Cuts(), list[float]()

    watch = CameraWatch(focal, video.size_px) if camera_motion == AUTO else None

    def keep(one: Detection) -> tuple[dict[str, np.ndarray], object]:
        return row_of(one), frame_heat_maps(one) if keep_heat_maps else None

    for time_s, frame in prefetch(video.frames()):
        found, scores, searched = looking.people(frame, time_s, crowd)
        crowd.take(found, len(times), time_s, keep, newcomers=searched, scores=scores)
        cuts.add(frame, time_s)
        if watch is not None:
            watch.add(frame, found)
        times.append(time_s)
        if progress:
            progress(len(times), max(video.n_frames, len(times)))
    tracks, left_out = crowd.people()
    if not tracks:
        raise BioposeError(
            "; ".join(["nobody is in view for half a second", *left_out]) if left_out else "no person in view",
            where=str(video.path),
            mend="Choose a part that shows one with `start_s` and `end_s`.",
        )
    camera = None if watch is None else watch.motion(video.rate_hz)
    of_all = [*cuts.notes(), *(camera.notes if camera else [])]
    notes = [*video.notes, *video.window_notes(times[-1]), *of_all, *left_out]
    people = []
    for track in tracks:
        first, last = track.frames[0], track.frames[-1]
        rows: list[dict[str, np.ndarray]] = [{} for _ in range(first, last + 1)]
        maps = [None] * len(rows)
        for sighting in track.seen:
            rows[sighting.frame - first], maps[sighting.frame - first] = sighting.kept
        own = gathered(
            video, detector, times[first : last + 1], rows, maps if keep_heat_maps else None, (focal, source)
        )
        if camera is not None:
            camera.put_into(own, first)
        own.frames_looked_at = len(rows)
        own.notes = [*video.notes, *of_all, *told(track, tracks)]
        people.append(own)
    return Everybody(people, notes)


def told(track: Trail, tracks: list[Trail]) -> list[str]:
    """What there is to say of one of them.

    Args:
        track: of the one.
        tracks: of all.

    Returns:
        When he is in view, in how many frames he is not seen then, and where another is so near as to be confused.
    """
    first, last, frames = track.seen[0], track.last, track.last.frame - track.seen[0].frame + 1
    notes = [f"in view from {first.time_s:.2f} to {last.time_s:.2f} s"]
    if missed := frames - len(track.seen):
        notes.append(f"not to be seen in {missed} of {frames} frames in between")
    near = near_others(track, tracks)
    if near.any():
        when = [one.time_s for one, close in zip(track.seen, near, strict=True) if close]
        notes.append(f"another person is close by in {near.sum()} frames, {when[0]:.2f} to {when[-1]:.2f} s")
    return notes


class _Looking:
    """Where to look for people in a frame: where they should be, and now and then everywhere."""

    def __init__(self, detector: Detector):
        self._detector = detector
        self._searched_s = self._closely_s = -np.inf

    def people(self, frame: Frame, time_s: float, crowd: Crowd) -> tuple[list[Detection], list[float | None], bool]:
        """Everybody seen, nobody twice; how sure the person finder is of each; whether newcomers were looked for."""
        regions = crowd.expected(time_s, LATELY_S)
        everywhere: list[tuple[float, Region]] = []
        search = time_s - self._searched_s >= SEARCH_EVERY_S - 1e-6
        if search:
            closely = time_s - self._closely_s >= CLOSELY_EVERY_S - 1e-6
            self._searched_s = time_s
            self._closely_s = time_s if closely else self._closely_s
            everywhere = self._detector.regions(frame, closely=closely)
            regions += [region for _, region in everywhere if not _known(region, regions)]
        found = distinct(
            [one for one in map(functools.partial(self._detector.points, frame), regions) if _is_seen(one)]
        )
        return found, [_score(one, everywhere) for one in found], search


def _is_seen(one: Detection) -> bool:
    return bool((one.confidence > SURE).mean() >= SEEN)


def _score(one: Detection, everywhere: list[tuple[float, Region]]) -> float | None:
    """How sure the person finder is of somebody; None where it does not see him."""
    near = [score for score, region in everywhere if region.overlaps(one.region) or region.overlaps(one.next_region)]
    return max(near, default=None)


def _known(region: Region, looked_at: list[Region]) -> bool:
    """Whether the same person would be seen there."""
    return any(region.overlaps(other) for other in looked_at)
