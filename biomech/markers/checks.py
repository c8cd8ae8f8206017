"""Whether recorded markers can be what their file says: the unit, the vertical, the gaps.

A file with a wrong unit or a laboratory whose Z points up is read by every program without a word, and then solved into
nonsense. What is plain is mended and told; what is not plain is refused.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.matching import listed
from biomech.markers.sides import check_sides

METRES_PER_UNIT = {
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 0.01),
    **dict.fromkeys(("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 0.001),
}
UNSAID_UNIT = "mm"  # of a file without one; checked by the size, as any
SENTINEL = re.compile(r"-1(\.0+)?|-?9{3,}(\.9*0*)?")  # what programs write three times where a marker is missing

# The markers of one person lie in a box whose diagonal is some centimetres (a hand) to a few metres (arms up).
PERSON_DIAGONAL_M = (0.02, 20.0)
MENDED_DIAGONAL_M = (0.3, 4.0)  # what a wrong factor of 1000 must lead to, to be taken as that and nothing else

# Largest and smallest person against a model that may be generic: a child of two is half an adult.
SIZE_AGAINST_MODEL = (0.4, 2.0)
FURTHEST_M = 200.0  # from the laboratory's origin
MIXED = 0.01  # of the other markers' way to the origin, within which a marker in m among mm stays
MIXED_PACE = 10.0  # times the fastest of the others: a marker at the origin that trembles is no marker in m
MM_PER_M = 1000.0
FRAMES_LOOKED_AT = 50
FEWEST_MARKERS = 4
NEARLY_A_LINE = 1e-3  # second against first singular value of the covariance
STANDS = 0.8  # cosine to an axis of the file, from which on a body counts as standing along it
MOST = 0.8  # of the frames that must agree
# What a body's mirror image misses its markers by, over what the body does: 2.4 and more in every frame of recordings
# in the marker sets of OpenCap, Plug-in Gait and CMU (one per person and kind), 0.42 and less once these were mirrored.
MIRRORED = 0.6
NOTHING_M = 1e-9
FASTEST_M_S = 15.0  # of half of the markers at once; the fastest sprinters reach 12
HELD_SHARE = 0.5  # of the frames; a file of one posture repeated is a static trial


def factor_to_person(
    positions_m: Float[np.ndarray, "frames markers 3"], unit: str, where: Path, notes: list[str]
) -> float:
    """1, or the factor that a wrong unit calls for: a person cannot be 1.7 mm or 1.7 km tall.

    Args:
        positions_m: as the file's unit says; NaN where missing.
        unit: a key of ``METRES_PER_UNIT``.
        where: the file, for the message.
        notes: a factor other than 1 is told here.

    Returns:
        1, 0.001 or 1000, by which positions are to be multiplied; 1 too where no frame shows three markers.

    Raises:
        BioposeError: the size is impossible, and not simply metres labelled millimetres or the reverse.
    """
    seen = positions_m[np.isfinite(positions_m).all(-1).sum(1) >= 3]
    if not len(seen):
        return 1.0
    diagonal = float(np.median(np.linalg.norm(np.nanmax(seen, 1) - np.nanmin(seen, 1), axis=-1)))
    low, high = PERSON_DIAGONAL_M
    if low <= diagonal <= high:
        return 1.0
    factor = 0.001 if diagonal > high else 1000.0
    right = {1.0: "m", 0.001: "mm"}.get(METRES_PER_UNIT[unit] * factor)
    smallest, largest = MENDED_DIAGONAL_M
    if right and smallest <= diagonal * factor <= largest:
        notes.append(
            f"the unit is given as {unit}, and then the markers would span {diagonal:.4g} m; taken as {right} "
            f"({diagonal * factor:.2f} m)"
        )
        return factor
    raise BioposeError(
        f"the unit is given as {unit}, and then the markers of a frame span {diagonal:.4g} m; no person does",
        where=str(where),
        mend="Correct the unit in the file (m, cm or mm).",
    )


def sentinels_as_missing(positions: Float[np.ndarray, "frames markers 3"], notes: list[str]) -> None:
    """Make gaps of -1, -1, -1 and of 9999.999 and its like, in the file's unit and in place; told in ``notes``.

    No marker is at three equal coordinates of just these digits.

    Args:
        positions: as in the file, any unit; NaN is written into it.
        notes: what was found is told here.
    """
    with np.errstate(invalid="ignore"):
        equal = (positions[..., 0] == positions[..., 1]) & (positions[..., 1] == positions[..., 2])
    for value in np.unique(positions[equal][:, 0]):
        if SENTINEL.fullmatch(f"{value:.4f}"):
            stands = equal & (positions[..., 0] == value)
            positions[stands] = np.nan
            notes.append(f"{int(stands.sum())} marker positions of {value:.10g}, thrice, are taken as missing")


def one_unit(positions: Float[np.ndarray, "frames markers 3"], names: list[str], unit: str, notes: list[str]) -> None:
    """Bring markers in m among others in mm to mm, in place; they are told in ``notes``.

    Such a marker stays within a hundredth of the others' way to the origin, and a thousand times as far it lies where
    the person is and moves no faster.

    Args:
        positions: in the file's unit, whichever that is.
        names: of the markers.
        unit: a key of ``METRES_PER_UNIT``; of a person's size in mm or m, whatever it says.
        notes: what was found is told here.
    """
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of markers without a frame
        away = np.nanmedian(np.linalg.norm(positions, axis=-1), axis=0)
        small = away < MIXED * np.nanmax(away, initial=0)
        if not small.any():
            return
        others = positions[:, np.isfinite(away) & ~small]
        pace = np.nanmax(np.nanmedian(np.linalg.norm(np.diff(others, axis=0), axis=-1), axis=0), initial=0)
        smallest, largest = PERSON_DIAGONAL_M[0], MENDED_DIAGONAL_M[1]
        found = []
        for k in np.flatnonzero(small):
            as_others = MM_PER_M * positions[:, k]
            reach = np.nanmedian(np.nanmax(np.linalg.norm(others - as_others[:, None], axis=-1), axis=1))
            in_place = any(smallest <= reach * factor * METRES_PER_UNIT[unit] <= largest for factor in (1, 0.001, 1000))
            step = np.nanmedian(np.linalg.norm(np.diff(as_others, axis=0), axis=-1)) if len(positions) > 1 else 0.0
            if in_place and not step > MIXED_PACE * pace + MIXED * reach:
                found.append(int(k))
    if found:
        positions[:, found] *= MM_PER_M
        notes.append(
            f"two units are mixed: {len(found)} markers are in m, the others in mm, and read so; in m are "
            f"{listed([names[k] for k in found])}"
        )


def far_as_missing(
    positions_m: Float[np.ndarray, "frames markers 3"], names: list[str], notes: list[str], where: Path | None = None
) -> None:
    """Make positions that lie outside any laboratory gaps, in place; they are told in ``notes``.

    Args:
        positions_m: NaN is written into it.
        names: of the markers.
        notes: what was found is told here.
        where: the file, for the message.

    Raises:
        BioposeError: all of them do, where a file is named.
    """
    with np.errstate(invalid="ignore"):
        far = (np.abs(positions_m) > FURTHEST_M).any(-1)
    if where is not None and far.any() and not np.isfinite(positions_m[~far]).all(-1).any():
        middle = np.nanmedian(positions_m.reshape(-1, 3), axis=0)
        axis = int(np.argmax(np.abs(middle)))
        raise BioposeError(
            f"all markers lie more than {FURTHEST_M:g} m from the origin (the middle at {middle[axis]:,.0f} m along "
            f"{'XYZ'[axis]}); no laboratory is so large",
            where=str(where),
            mend=f"Take the offset along {'XYZ'[axis]} off, or correct the unit.",
        )
    if far.any():
        positions_m[far] = np.nan
        whose = listed([name for name, any_frame in zip(names, far.any(0), strict=True) if any_frame])
        notes.append(f"{int(far.sum())} marker positions more than {FURTHEST_M:g} m away are taken as missing: {whose}")


def recording_notes(markers: Markers) -> list[str]:
    """What a recording lacks, in words: gaps that were held or never seen, and times that are not even."""
    return gap_notes(markers) + time_notes(markers)


def gap_notes(markers: Markers) -> list[str]:
    """How many frames of each marker are missing, worst first; empty when nothing is."""
    missing = (~np.isfinite(markers.positions_m).all(-1)).sum(0)
    frames, notes = len(markers.time_s), []
    if never := [name for name, count in zip(markers.names, missing, strict=True) if count == frames]:
        notes.append(f"{len(never)} of {len(missing)} markers never seen: {listed(never)}")
    gaps = sorted((int(c), name) for name, c in zip(markers.names, missing, strict=True) if 0 < c < frames)[::-1]
    if gaps:
        worst = listed([f"{name} {count}" for count, name in gaps])
        notes.append(f"gaps in {len(gaps)} of {len(missing)} markers, in frames of {frames}: {worst}")
    return notes


def time_notes(markers: Markers) -> list[str]:
    """Frames that cannot follow each other: the whole body jumps, or stands to the last digit while it moves.

    Fits of single frames see neither: rows in another order, two takes in one file, a gap that was held.
    """
    steps = np.linalg.norm(np.diff(markers.positions_m, axis=0), axis=-1)
    both = np.isfinite(steps)
    enough = both.sum(1) >= FEWEST_MARKERS
    if not enough.any():
        return []
    middle = np.full(len(steps), np.nan)
    middle[enough] = np.nanmedian(steps[enough], axis=1)
    times, notes = np.diff(markers.time_s), []
    with np.errstate(invalid="ignore"):
        jumps = np.flatnonzero(middle > FASTEST_M_S * times)
        still = enough & (np.where(both, steps, 0.0).max(1) == 0)
    if len(jumps):
        at = listed([f"{markers.time_s[k + 1]:.2f} s" for k in jumps])
        notes.append(f"the whole body jumps, faster than {FASTEST_M_S:g} m/s, at {at}: are the rows in order?")
    if 0 < still.sum() < HELD_SHARE * enough.sum():
        first = float(markers.time_s[np.flatnonzero(still)[0] + 1])
        count = int(still.sum())
        notes.append(
            f"all markers stand to the last digit in {count} frames, first at {first:.2f} s: a gap that was held?"
        )
    return notes


def turned_up(axis: str) -> Float[np.ndarray, "3 3"]:
    """The rotation that turns a file's axis (``x``, ``y``, ``z``, ``-x`` …) up to +Y.

    Of Z up it keeps X; what points down is first turned over, about X or, of X itself, about Y.
    """
    letter = "xyz".index(axis[-1])
    up = np.eye(3)[letter]
    forward = np.eye(3)[0] if letter == 1 else np.roll(up, 1)
    turn = np.stack([forward, up, np.cross(forward, up)])
    over = np.diag([1.0, -1.0, -1.0]) if letter else np.diag([-1.0, 1.0, -1.0])
    return turn @ over if axis.startswith("-") else turn


def agree_with_model(
    markers: Markers, model_m: Float[np.ndarray, "markers 3"], bodies: Sequence[str], *, where: Path, up: str | None
) -> Markers:
    """Markers of the size of the model, standing up along Y.

    The model's markers in its default pose are laid on those of each frame (rotation, translation and one scale, the
    symmetric one of Horn, J Opt Soc Am A 4 (1987)). The scale tells a wrong unit that is no factor of 1000; where the
    model's vertical goes tells which direction of the file is up. Where the mirror images of the single bodies fit far
    better than these, the file's axes are left-handed.

    Args:
        markers: under the model's names.
        model_m: the same markers of the model in its default pose (m, Y up).
        bodies: on which each of the markers is.
        where: the file, for the message.
        up: what the user said is up, and was turned up by the reader; where not given, a body that stands along another
            direction than Y in nearly all frames is turned up here, and the notes say so.

    Returns:
        The same markers where nothing is to be turned, else turned ones; the size is not changed.

    Raises:
        BioposeError: the markers are much larger or smaller than the model's, or mirrored, or their names exchanged.
    """
    looked_at = np.unique(np.linspace(0, len(markers.time_s) - 1, FRAMES_LOOKED_AT).astype(int))
    fits = [fit for frame in looked_at if (fit := _laid_on(markers.positions_m[frame], model_m)) is not None]
    if not fits:
        return markers
    size = float(np.median([fit.scale for fit in fits]))
    low, high = SIZE_AGAINST_MODEL
    if not low <= size <= high:
        raise BioposeError(
            f"the markers are {size:.3g} times the size of the model's; no person is",
            where=str(where),
            mend="Correct the unit in the file (m, cm or mm), or give the model that fits these markers.",
        )
    sides = check_sides(markers.names, markers.positions_m[looked_at], model_m, bodies, where)
    if _mirror_misses(markers.positions_m[looked_at], model_m, np.array(bodies)) < MIRRORED:
        raise BioposeError(
            "these markers are mirrored (left-handed axes): the model's mirror image fits them, the model does not",
            where=str(where),
            mend="Write the file again with one axis of the other sign; or, if the names have left and right "
            "exchanged, rename the markers.",
        )
    body_turns = np.array([fit.rotation for fit in fits])
    name, notes = up or _stands_along(body_turns[:, :, 1]), [*markers.notes, *sides]
    turn = np.eye(3) if up else turned_up(name)
    if name[-1] == "x":  # which way the body faces is then nobody's choice: as near to X as quarter turns lead
        facing = turn @ body_turns[:, :, 0].mean(0)
        quarters = np.round(np.arctan2(facing[2], facing[0]) / (np.pi / 2)) * (np.pi / 2)
        cos, sin = np.round(np.cos(quarters)), np.round(np.sin(quarters))
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) @ turn
    if not up and name != "y":
        really = "is upside down" if name == "-y" else "lies"
        notes.append(
            f"the body stands along the file's {name.upper()} axis; {name.upper()} is taken as up "
            f"(`up=y` if the person really {really})"
        )
    if np.array_equal(turn, np.eye(3)) and not sides:
        return markers
    return Markers(markers.names, markers.positions_m @ turn.T, markers.time_s, notes)


def _stands_along(ups: Float[np.ndarray, "fits 3"]) -> str:
    """The direction of the file along which the model's vertical goes in nearly all frames; Y where there is none."""
    axis = int(np.argmax(np.abs(ups.mean(0))))
    sign = float(np.sign(ups[:, axis].mean()))
    if (sign * ups[:, axis] > STANDS).mean() < MOST:
        return "y"
    return ("-" if sign < 0 else "") + "xyz"[axis]


def _mirror_misses(
    measured: Float[np.ndarray, "frames markers 3"], model: Float[np.ndarray, "markers 3"], bodies: np.ndarray
) -> float:
    """What the mirror images of the bodies miss their markers by, over what the bodies do; infinite if none tells."""
    ratios = []
    for frame in measured:
        missed = np.zeros(2)
        for body in np.unique(bodies):
            own = bodies == body
            fit = _laid_on(frame[own], model[own])
            if fit is not None:
                missed += np.isfinite(frame[own]).all(1).sum() * np.square([fit.mirrored_m, fit.missed_m])
        if missed[0] > NOTHING_M**2:
            ratios.append(np.sqrt(missed[0] / max(missed[1], NOTHING_M**2)))
    return float(np.median(ratios)) if ratios else np.inf


class _Fit(NamedTuple):
    """The model laid on the markers of a frame."""

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    missed_m: float  # RMS distance that is left
    mirrored_m: float  # and that of the model's mirror image


def _laid_on(measured: Float[np.ndarray, "markers 3"], model: Float[np.ndarray, "markers 3"]) -> _Fit | None:
    """None where too few markers are seen, or nearly on a line."""
    seen = np.isfinite(measured).all(1)
    if seen.sum() < FEWEST_MARKERS:
        return None
    target = measured[seen] - measured[seen].mean(0)
    source = model[seen] - model[seen].mean(0)
    u, spread, vt = np.linalg.svd(source.T @ target)
    if spread[1] <= NEARLY_A_LINE * spread[0]:
        return None
    scale = float(np.linalg.norm(target) / np.linalg.norm(source))
    hand = np.sign(np.linalg.det(u @ vt))
    missed = []
    for last in (hand, -hand):
        turn = vt.T @ np.diag([1.0, 1.0, last]) @ u.T
        missed.append(float(np.sqrt(np.square(scale * source @ turn.T - target).sum(1).mean())))
    return _Fit(scale, vt.T @ np.diag([1.0, 1.0, hand]) @ u.T, missed[0], missed[1])
