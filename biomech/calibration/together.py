"""Keypoints of several films → the same moments, rectified, before cameras that agree: checked, and told in words."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from biomech.angles import rotation_angle_deg
from biomech.calibration.cameras import Calibration
from biomech.calibration.times import at_times, offset_by_geometry, offsets_by_speed
from biomech.calibration.triangulate import sampled, settled, triangulate
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints

TURN_SD = np.radians(0.5)  # of a camera from where its calibration has it: tripods are touched
TURNED_DEG = 0.3  # worth a note
# Shares of the person's size, medians of the camera that fits least once turned. Of 240 sets of two and three cameras
# around the twenty drawn people of `biopose bench activities`, all right: median 0.0036, 2 % over 0.012, at most 0.018.
MOST_OFF, DOUBTFUL = 0.025, 0.012
SWAPPED = 0.6  # of the error: films that fit so much better in another order
# Between how the detector's 3D of two films and their cameras are turned to each other: 3D is 10 to 20° off, and on one
# drawn clip in twenty it takes a back for a front; so this alone says nothing.
MOST_TURNED_DEG = 40.0
MANY = 4  # cameras of which all orders are tried; of more, every two exchanged
FEWEST_TWICE = 0.1  # of the frames, in which at least two cameras see the person
FEW_FRAMES = 60  # by which orders are told apart
MOST_OFFSET_S = 3600.0

MEND = (
    "Check that the calibration is of these cameras in these places, that all films show the same person at the same "
    "time, and their `offsets_s`. Films of different moments are given one at a time."
)

FindsCameras = Callable[[list[Keypoints], Sequence[str]], Calibration]


@dataclass(frozen=True)
class SyncedFilms:
    """What several cameras saw, as the fit takes it."""

    keypoints: list[Keypoints]  # rectified, all at the first film's moments
    calibration: Calibration
    offsets_s: list[float]  # how much later than the first each film began
    off_px: list[float]  # median distance of each camera's keypoints from the triangulated points
    notes: list[str]


def together(
    films: Sequence[Keypoints],
    names: Sequence[str],
    calibration: Calibration | None,
    *,
    find: FindsCameras | None = None,
    offsets_s: Sequence[float] | None = None,
) -> SyncedFilms:
    """Films of the same person put together.

    Args:
        films: what was detected in each, px of its own pictures.
        names: of the films, for messages.
        calibration: a camera for each film in this order, for its picture size; None: ``find`` finds them.
        find: the cameras, of keypoints at the same moments and the films' names; where there is no calibration.
        offsets_s: how much later than the first each film began, the first one's 0 left away or not; None: found.

    Returns:
        Keypoints at the moments of the first film that another saw too.

    Raises:
        BioposeError: one film is given twice, they have no time in common, or the calibration is not of these cameras
            in this order.
    """
    _check_different(films, names)
    given = None if offsets_s is None else _offsets(offsets_s, len(films))
    if calibration is None:
        assert find is not None
        others = zip(films[1:], names[1:], strict=True)
        offsets = given or [0.0, *(_likeliest(films[0], film, [names[0], name], find) for film, name in others)]
        calibration = find(_at_first(list(films), offsets)[0], names)
    rectified = [camera.rectified(film) for camera, film in zip(calibration.cameras, films, strict=True)]
    notes = list(calibration.notes)
    moved = [name for name, film in zip(names, films, strict=True) if film.camera_turns is not None]
    if moved:
        notes.append(f"{', '.join(moved)}: with several cameras each is taken to stand; its turning is not taken out")
    if given is None:
        offsets = [0.0]
        for number, film in enumerate(rectified[1:], 1):
            found = offset_by_geometry(rectified[0], film, calibration, number)
            offsets.append(0.0 if found is None else found)
        notes.append(_say_offsets(offsets, names, "found from the motion (`offsets_s` gives them)"))
    else:
        offsets = given
        notes.append(_say_offsets(offsets, names, "as given"))
    same, common = _at_first(rectified, offsets)
    if common < len(rectified[0].time_s):
        notes.append(
            f"of {len(rectified[0].time_s)} frames of {names[0]} the {common} are used that another film shows too"
        )
    _check_seen_twice(same, names)
    notes += _check_order(same, names, calibration)
    agreed = settled(same, calibration, turn_sd=TURN_SD)
    notes += _say_turns(calibration, agreed)
    points = triangulate(same, agreed)
    if points.worst > MOST_OFF:
        raise BioposeError(
            f"the films do not go together: keypoints are {_percent(points.worst)} of the person's size off "
            "where the cameras meet",
            where=calibration.source,
            mend=MEND,
        )
    off_px = [points.typical_px(k) for k in range(len(films))]
    said = ", ".join(f"{name} {px:.1f}" for name, px in zip(agreed.names, off_px, strict=True))
    notes.append(f"keypoints from where the cameras meet, median px: {said} ({_percent(points.typical)} of the person)")
    if points.worst > DOUBTFUL:
        notes.append("that is more than well calibrated cameras show: check calibration and offsets")
    return SyncedFilms(same, replace(agreed, notes=[]), offsets, off_px, notes)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _likeliest(first: Keypoints, other: Keypoints, names: Sequence[str], find: FindsCameras) -> float:
    """Of the offsets that the speeds leave open the one at which the cameras that are found agree best."""
    likely = offsets_by_speed(first, other) or [0.0]
    fits = {}
    for offset in likely if len(likely) > 1 else ():
        same = sampled(_at_first([first, other], [0.0, offset])[0], FEW_FRAMES)
        try:
            found = find(same, names)
        except BioposeError:
            continue
        both = [camera.rectified(film) for camera, film in zip(found.cameras, same, strict=True)]
        fits[offset] = triangulate(both, found).typical
    return min(fits, key=lambda offset: fits[offset]) if fits else likely[0]


def _offsets(given: Sequence[float], films: int) -> list[float]:
    offsets = [float(one) for one in given]
    offsets = offsets if len(offsets) == films else [0.0, *offsets]
    if len(offsets) != films or not np.isfinite(offsets).all() or np.abs(offsets).max() > MOST_OFFSET_S:
        raise BioposeError(
            f"{len(given)} offsets for {films} films",
            mend="Give one in seconds for each film after the first (`offsets_s=0.25`), or one for each film.",
        )
    return [offset - offsets[0] for offset in offsets]


def _check_different(films: Sequence[Keypoints], names: Sequence[str]) -> None:
    for (i, one), (j, other) in itertools.combinations(enumerate(films), 2):
        if one.xy.shape == other.xy.shape and np.array_equal(one.xy, other.xy, equal_nan=True):
            raise BioposeError(
                "the same film twice", where=f"{names[i]}, {names[j]}", mend="Give a film of each camera."
            )
        if list(one.names) != list(other.names):
            raise BioposeError(
                "keypoints of different detectors", where=f"{names[i]}, {names[j]}", mend="Detect all films alike."
            )


def _at_first(films: list[Keypoints], offsets: Sequence[float]) -> tuple[list[Keypoints], int]:
    """All films at those of the first one's moments that another shows too, and how many these are.

    Raises:
        BioposeError: there are none.
    """
    time_s = films[0].time_s
    shown = np.zeros(len(time_s), bool)
    for film, offset in zip(films[1:], offsets[1:], strict=True):
        shown |= (time_s - offset >= film.time_s[0] - 1e-6) & (time_s - offset <= film.time_s[-1] + 1e-6)
    if not shown.any():
        raise BioposeError("the films have no time in common", mend="Check `offsets_s`, `start_s` and `end_s`.")
    first, last = np.flatnonzero(shown)[[0, -1]]
    time_s = time_s[first : last + 1]
    same = [at_times(film, time_s - offset) for film, offset in zip(films, offsets, strict=True)]
    return [replace(film, time_s=time_s) for film in same], len(time_s)


def _check_seen_twice(films: list[Keypoints], names: Sequence[str]) -> None:
    seen = np.array([film.found for film in films])
    for name, found in zip(names, seen, strict=True):
        if not found.any():
            raise BioposeError(
                "nobody is seen while the other films go", where=name, mend="Check `offsets_s`, or leave the film away."
            )
    if (seen.sum(0) >= 2).mean() < FEWEST_TWICE:
        raise BioposeError(
            f"two cameras see the person at once in {(seen.sum(0) >= 2).mean():.0%} of the frames only",
            where=", ".join(names),
            mend="Check `offsets_s`, or solve one film alone.",
        )


def _check_order(films: list[Keypoints], names: Sequence[str], calibration: Calibration) -> list[str]:
    """That the films fit the cameras as they are given better than in any other order; a note where that is in doubt.

    Raises:
        BioposeError: another order fits much better, or the person is turned otherwise than the cameras are and the
            keypoints do not meet well either.
    """
    films = sampled(films, FEW_FRAMES)
    count = len(films)
    turned = _turned_by_3d(films)
    if count <= MANY:
        orders = list(itertools.permutations(range(count)))
    else:
        orders = [_exchanged(count, *pair) for pair in itertools.combinations(range(count), 2)]
    fits, angles = {}, {}
    for order in orders:
        tried = replace(calibration, cameras=[calibration.cameras[k] for k in order])
        fits[order] = triangulate(films, tried).worst
        angles[order] = max((_degrees(turn, tried.turn(k)) for k, turn in turned.items()), default=0.0)
    given = tuple(range(count))
    best = min(fits, key=lambda order: fits[order])
    swapped = fits[best] < SWAPPED * fits[given] and angles[best] < max(angles[given], MOST_TURNED_DEG)
    if swapped or angles[best] < MOST_TURNED_DEG < angles[given]:
        better = ", ".join(f"{name} as {calibration.names[k]}" for name, k in zip(names, best, strict=True))
        raise BioposeError(
            f"the films fit the calibration in another order: {better} (keypoints {_percent(fits[best])} of the "
            f"person's size off, not {_percent(fits[given])})",
            where=calibration.source,
            mend="Give the films in the order of the calibration, or name them by its cameras.",
        )
    if angles[given] <= MOST_TURNED_DEG:
        return []
    if fits[given] > DOUBTFUL:
        raise BioposeError(
            f"the films do not go together: the person is seen from {angles[given]:.0f}° elsewhere",
            where=calibration.source,
            mend=MEND,
        )
    return [
        f"the detector's 3D has the person turned {angles[given]:.0f}° otherwise than the cameras are: it took a back "
        "for a front in one film, or the films are not in the calibration's order"
    ]


def _turned_by_3d(films: list[Keypoints]) -> dict[int, Float[np.ndarray, "3 3"]]:
    """How each camera is turned to the first by the detector's 3D in either, where both have it; roughly."""
    turned, first = {}, films[0].world_m
    for number, film in enumerate(films[1:], 1):
        if first is None or film.world_m is None:
            continue
        both = np.isfinite(first).all((1, 2)) & np.isfinite(film.world_m).all((1, 2))
        if both.any():
            a, b = (points[both] - points[both].mean(1, keepdims=True) for points in (first, film.world_m))
            left, _, right = np.linalg.svd(np.einsum("fpi,fpj->ij", b, a))
            turned[number] = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    return turned


def _exchanged(count: int, one: int, other: int) -> tuple[int, ...]:
    order = list(range(count))
    order[one], order[other] = other, one
    return tuple(order)


def _say_offsets(offsets: Sequence[float], names: Sequence[str], how: str) -> str:
    later = [f"{name} {offset:+.3f} s" for name, offset in zip(names[1:], offsets[1:], strict=True)]
    return f"began later than {names[0]}: {', '.join(later)}, {how}"


def _say_turns(before: Calibration, after: Calibration) -> list[str]:
    turned = [_degrees(a.rotation, b.rotation) for a, b in zip(before.cameras, after.cameras, strict=True)]
    said = [f"{name} {angle:.1f}°" for name, angle in zip(after.names, turned, strict=True) if angle > TURNED_DEG]
    return [f"cameras turned a little until their keypoints agreed: {', '.join(said)}"] if said else []


def _degrees(one: Float[np.ndarray, "3 3"], other: Float[np.ndarray, "3 3"]) -> float:
    return float(rotation_angle_deg(one @ other.T))
