"""Everybody in other programs' keypoints; who is who, is told by where they go: the files hold no colours."""

from pathlib import Path
from typing import Any

import numpy as np

from biomech.errors import BioposeError
from biomech.keypoints.crowd import Crowd
from biomech.keypoints.detect_all import Everybody, told
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.film import film_of, told_of_film
from biomech.keypoints.keypoints import Keypoints
from biomech.keypoints.readers import PersonPoints, as_keypoints, parsed_file
from biomech.video import focal_length

FEWEST_POINTS = 3  # of which somebody is known


def read_everybody(
    path: Path,
    *,
    video: Path | None = None,
    size_px: tuple[int, int] | None = None,
    rate_hz: float | None = None,
    layout: str | None = None,
    focal_px: float | None = None,
    fov_deg: float | None = None,
) -> Everybody:
    """The points of everybody in OpenPose's folder, or AlphaPose's or mmpose's .json.

    Args:
        path: of the keypoints.
        video, size_px, rate_hz, layout, focal_px, fov_deg: as ``read_keypoints``.

    Returns:
        Each in his own part of the film.

    Raises:
        BioposeError: nobody is there for half a second, or as ``read_keypoints``.
    """
    path = Path(path)
    film = film_of(path, video, size_px, rate_hz)
    parsed = parsed_file(path, layout)
    crowd = Crowd()
    for number, people in enumerate(parsed.frames):
        crowd.take([_sight(one) for one in people if _known(one)], number, number / film.rate_hz, lambda one: one.maps)
    tracks, left_out = crowd.people()
    if not tracks:
        raise BioposeError("nobody in these files for half a second", where=str(path))
    focal = focal_length(film, focal_px, fov_deg)
    people_found: list[Keypoints] = []
    for track in tracks:
        first = track.frames[0]
        rows: list[PersonPoints | None] = [None] * (track.frames[-1] + 1 - first)
        for sighting in track.seen:
            rows[sighting.frame - first] = sighting.kept
        one = as_keypoints(rows, parsed, path, film.size_px, film.rate_hz)
        one.time_s = one.time_s + first / film.rate_hz
        one.focal_px, one.focal_source = focal
        one.notes += told(track, tracks)
        people_found.append(one)
    return Everybody(people_found, [*left_out, *told_of_film(film, len(parsed.frames))])


def _known(points: PersonPoints) -> bool:
    return int((points[:, 2] > 0).sum()) >= FEWEST_POINTS


def _sight(points: PersonPoints) -> Detection:
    """Somebody as a detector would say it, but for colours; ``maps`` takes the points as they are."""
    seen = points[points[:, 2] > 0, :2]
    low, high = seen.min(0), seen.max(0)
    x, y = (low + high) / 2
    region = Region((float(x), float(y)), 1.25 * max(float((high - low).max()), 1.0), 0.0)
    kept: Any = points
    return Detection(
        xy=points[:, :2],
        confidence=points[:, 2].clip(0, 1),
        world_m=None,
        presence=1.0,
        region=region,
        next_region=region,
        mask=None,
        appearance=np.zeros(0),
        maps=kept,
    )
