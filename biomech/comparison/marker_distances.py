"""Recorded markers beside a reference's: how far each is from the one of the same name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.comparison.alignment import Heading, TimeShift, best_shift, resample
from biomech.comparison.tables import Table, figure_of, without_nan
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers

HEADINGS = ("", "unit", "frames", "mean", "RMS", "max", "X", "Y", "Z", "SD about that")


@dataclass(frozen=True)
class MarkerDistances:
    """One recording against the reference, at the reference's times where both show a marker.

    Attributes:
        names: of the markers that both have, as the reference calls them.
        differences_mm: recording less reference (X, Y, Z); NaN where one is missing.
        time_shift, heading: what was aligned away.
        notes: what was not compared.
    """

    path: Path
    reference: Path
    names: list[str]
    differences_mm: Float[np.ndarray, "frames markers 3"]
    time_shift: TimeShift | None
    heading: Heading | None
    notes: list[str]

    def figures(self, name: str | None = None) -> dict[str, float]:
        """Of one marker, or of all together.

        Args:
            name: of the marker.

        Returns:
            Distances and mean offsets, mm; ``sd_mm`` is how far the marker strays from its mean offset (RMS): what a
            marker that was only placed elsewhere has none of.
        """
        columns = slice(None) if name is None else [self.names.index(name)]
        apart = self.differences_mm[:, columns]
        there = np.isfinite(apart).all(-1)
        offset = np.array([one[seen].mean(0) if seen.any() else [0.0] * 3 for one, seen in _each(apart, there)])
        stray = np.linalg.norm(apart - offset, axis=-1)[there]
        distance, mean = np.linalg.norm(apart, axis=-1)[there], apart[there].mean(0)
        return {
            "frames": float(there.any(1).sum()),
            "mean_mm": float(distance.mean()),
            "rms_mm": float(np.sqrt(np.square(distance).mean())),
            "max_mm": float(distance.max()),
            **{f"{axis}_mm": float(value) for axis, value in zip("xyz", mean, strict=True)},
            "sd_mm": float(np.sqrt(np.square(stray).mean())),
        }


def _each(apart: np.ndarray, there: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(apart[:, k], there[:, k]) for k in range(apart.shape[1])]


def compare_markers(
    reference: tuple[Path, Markers], recording: tuple[Path, Markers], *, time: bool = False, heading: bool = False
) -> MarkerDistances:
    """Compare markers of the same names; upper and lower case are one.

    Args:
        reference: its path and markers (m, Y up); distances are at its times.
        recording: the other.
        time: shift it in time to where the markers' heights correlate best.
        heading: turn it about the vertical and move it horizontally, each by a constant, onto the reference.

    Returns:
        Differences in mm.

    Raises:
        BioposeError: no marker or no time in common, or nothing moves that could be aligned in time.
    """
    (our_path, ours), (their_path, theirs) = reference, recording
    where = f"{their_path} against {our_path}"
    known = {name.casefold(): name for name in theirs.names}
    names = [name for name in ours.names if name.casefold() in known]
    if not names:
        raise BioposeError(
            f"no marker in common: {', '.join(ours.names[:8])} and {', '.join(theirs.names[:8])}",
            where=where,
            mend="Rename the markers as the reference has them.",
        )
    notes = [f"{what}: {', '.join(lacking)}" for what, lacking in _lacking(ours, theirs) if lacking]
    truth, other = ours.select(names), theirs.select([known[name.casefold()] for name in names])
    shift = None
    times = other.time_s
    if time:
        shift = best_shift(_heights(truth), _heights(other), where=where)
        times = times + shift.shift_s
    flat = other.positions_m.reshape(len(times), -1)
    columns = [str(k) for k in range(flat.shape[1])]
    moved = resample(Kinematics(columns, flat, times, np.zeros(len(columns), bool)), truth.time_s)
    places = moved.values.reshape(len(truth.time_s), -1, 3)
    both = np.isfinite(places).all(-1) & np.isfinite(truth.positions_m).all(-1)
    if not both.any():
        spans = [f"{one[0]:g} to {one[-1]:g} s" for one in (truth.time_s, times)]
        raise BioposeError(
            f"no time in common: the reference has {spans[0]}, this recording {spans[1]}",
            where=where,
            mend="If they show the same movement on different clocks, `time` finds the shift.",
        )
    turn = None
    if heading:
        turn, places = _turned(truth.positions_m, places, both)
    seen = both.any(0)
    notes += [f"{name} has no time in common; not compared" for name, some in zip(names, seen, strict=True) if not some]
    differences = np.where(both[..., None], 1000 * (places - truth.positions_m), np.nan)[:, seen]
    kept = [name for name, some in zip(names, seen, strict=True) if some]
    return MarkerDistances(their_path, our_path, kept, differences, shift, turn, notes)


def _lacking(ours: Markers, theirs: Markers) -> list[tuple[str, list[str]]]:
    first, second = ({name.casefold() for name in one.names} for one in (ours, theirs))
    return [
        ("only in the reference", [name for name in ours.names if name.casefold() not in second]),
        ("only in this recording", [name for name in theirs.names if name.casefold() not in first]),
    ]


def _heights(markers: Markers) -> Kinematics:
    """What no heading changes, for the search of a shift (which is of rotations)."""
    return Kinematics(markers.names, markers.positions_m[..., 1], markers.time_s, np.ones(len(markers.names), bool))


def _turned(
    ours: Float[np.ndarray, "frames markers 3"], theirs: Float[np.ndarray, "frames markers 3"], both: np.ndarray
) -> tuple[Heading, Float[np.ndarray, "frames markers 3"]]:
    """The turn about Y and the move on the floor of the least squares, and the places after it."""
    a, b = ours[both][:, [0, 2]], theirs[both][:, [0, 2]]
    middle_a, middle_b = a.mean(0), b.mean(0)
    a, b = a - middle_a, b - middle_b
    turn = float(np.arctan2((b[:, 1] * a[:, 0] - b[:, 0] * a[:, 1]).sum(), (a * b).sum()))
    flat = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # about Y, of X and Z
    offset = middle_a - flat @ middle_b
    places = theirs.copy()
    places[..., [0, 2]] = theirs[..., [0, 2]] @ flat.T + offset
    return Heading(turn, (float(offset[0]), float(offset[1]))), places


def marker_tables(each: Sequence[MarkerDistances]) -> list[Table]:
    """One for each recording: a row for every marker, and one for all."""
    found: list[Table] = []
    for one in each:
        said = f"{one.path} against {one.reference}: markers"
        if one.time_shift:
            said += f", time {one.time_shift.shift_s:+.3f} s (r {one.time_shift.correlation:.2f})"
        if one.heading:
            said += f", heading {np.rad2deg(one.heading.turn_rad):+.1f}°, moved on the floor"
        rows = [_row(name, one.figures(name)) for name in one.names]
        found.append((said, HEADINGS, [rows, [_row("all markers", one.figures())]]))
    return found


def _row(name: str, figures: dict[str, float]) -> list[str]:
    frames, *others = figures.values()
    return [name, "mm", f"{frames:.0f}", *(figure_of(value, 1) for value in others)]


def markers_json(each: Sequence[MarkerDistances]) -> dict[str, Any]:
    """One object; units stand in the names."""
    motions = [
        {
            "file": str(one.path),
            "time_shift_s": one.time_shift.shift_s if one.time_shift else None,
            "heading_deg": float(np.rad2deg(one.heading.turn_rad)) if one.heading else None,
            "all": one.figures(),
            "markers": {name: one.figures(name) for name in one.names},
            "notes": one.notes,
        }
        for one in each
    ]
    told: dict[str, Any] = without_nan({"reference": str(each[0].reference), "motions": motions})
    return told


def markers_csv(each: Sequence[MarkerDistances]) -> str:
    """A row for each recording and marker."""
    head = ",".join(["motion", "marker", *each[0].figures()])
    rows = [
        ",".join([f'"{one.path}"', name, *(f"{value:.6g}" for value in one.figures(name).values())])
        for one in each
        for name in one.names
    ]
    return "\n".join([head, *rows]) + "\n"
