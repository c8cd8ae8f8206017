"""Measures how wide the fit's uncertainty must be: ``python -m biomech.train.expected PAIRS [BEFORE]``.

Pairs of true and recovered markers (`biopose train pairs`) of held-out rendered clips that are seen as people film.
Both are read by inverse kinematics as the main job does. The half width of a coordinate is √((factor · sd)² + least²):
``least`` holds the errors of those frames in which the fit is surest, the factor those of the others. Left and right
are taken together.

The generators keep heads straight and most trunks unturned, as nobody does, and the fit shows them straight: that says
nothing of how far it is off where somebody bends the neck. So of bending and rotation of trunk and neck only clips
count in which they move (``STILL``).

``BEFORE`` is a table of other clips: what holds as much here as it promises is kept of it, for a half width that other
clips needed is not too wide.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from biomech.angles import wrapped
from biomech.coverage import LEVEL, LEVELS
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.mesh.expected import FILE, NAMES, VIEWS
from biomech.train.neurik.noise import in_place
from biomech.train.neurik.pair import MAKE_ANEW, Pair
from biomech.train.neurik.reading import Reader

SUREST = 0.25  # share of the frames that settle the least width
TURNS = ("lumbar_bending", "lumbar_rotation", "neck_bending", "neck_rotation")  # that generators leave straight
STILL = np.radians(1.0)  # of one of these: a clip in which it is never farther from straight
SIDES = {"_r": "_l", "_l": "_r"}
MIRRORED = np.array(
    [NAMES.index(name[:-2] + SIDES[name[-2:]]) if name[-2:] in SIDES else k for k, name in enumerate(NAMES)]
)


@dataclass(frozen=True)
class Errors:
    """Of frames that were seen well; columns as ``NAMES``, rad and m.

    Attributes:
        error: absolute.
        sd: what the fit said.
        counts: whether the coordinate moves in the clip, so that its error says something.
        view: between where the person faces and where the lens is, degrees; 180 from behind.
    """

    error: Float[np.ndarray, "frames coordinates"]
    sd: Float[np.ndarray, "frames coordinates"]
    counts: Bool[np.ndarray, "frames coordinates"]
    view: Float[np.ndarray, " frames"]

    @classmethod
    def together(cls, parts: Sequence["Errors"]) -> "Errors":
        """Of several clips."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def of(self, coordinate: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Errors and standard deviations that count for a coordinate, both sides' where it has two."""
        both = dict.fromkeys((coordinate, int(MIRRORED[coordinate])))
        told = [(self.error[self.counts[:, k], k], self.sd[self.counts[:, k], k]) for k in both]
        error, sd = (np.concatenate(parts) for parts in zip(*told, strict=True))
        return error, sd


def errors_of(pair: Path, reader: Reader) -> Errors | None:
    """Of the coordinates of one pair, in frames that were seen well.

    Args:
        pair: file of `biopose train pairs`.
        reader: gives true and recovered coordinates from the markers; the recovered clip is first moved and turned onto
            the true one.

    Returns:
        None where no frame was seen well, or the pair is of other coordinates.

    Raises:
        BioposeError: the file is not a pair, or of an earlier version.
    """
    held = Pair.load(pair)
    sd, lens, quality = held.coordinate_sd, held.forward_to_lens, held.quality
    if sd is None or lens is None or quality is None:
        raise BioposeError("a pair without standard deviations", where=str(pair), mend=MAKE_ANEW)
    good = quality >= LEAST_QUALITY
    if not good.any() or list(held.coordinate_names or ()) != list(NAMES):
        return None
    true, wrong = (
        reader(markers, neutral).coordinates.numpy()
        for markers, neutral in zip((held.truth, in_place(held.truth, held.recovered)), held.neutral(pair), strict=True)
    )
    order = [reader.anatomy.coordinate_names.index(name) for name in NAMES]
    error = (wrong - true)[:, order]
    turning = reader.rotational[order]
    error[:, turning] = wrapped(error[:, turning])
    view = np.degrees(np.abs(np.arctan2(lens[:, 2], lens[:, 0])))
    moves = np.abs(true[:, order]).max(0) > STILL
    moves[[name not in TURNS for name in NAMES]] = True
    return Errors(np.abs(error[good]), sd[good], np.tile(moves, (int(good.sum()), 1)), view[good])


def fitted(
    error: Float[np.ndarray, "n coordinates"], sd: Float[np.ndarray, "n coordinates"], level: float
) -> tuple[Float[np.ndarray, " coordinates"], Float[np.ndarray, " coordinates"]]:
    """Factor and least width of each coordinate, with which so many of the errors lie inside.

    Args:
        error: absolute; rad or m.
        sd: what the fit said, in the same unit.
        level: share of the errors, 0 to 1.

    Returns:
        Factor (at most 1000) and least width (unit of the errors), as in √((factor · sd)² + least²).
    """
    factors, leasts = [], []
    for off, spread in zip(error.T, sd.T, strict=True):
        surest = spread <= np.quantile(spread, SUREST)
        # Of the surest frames' width half (in squares) is the fit's own word, half the least.
        # Where the word tells nothing, the surest may err more than all: the least is no more than theirs.
        least = min(np.quantile(off[surest], level), np.quantile(off, level)) / np.sqrt(2)
        low, high = 0.0, 1000.0
        for _ in range(60):
            middle = (low + high) / 2
            inside = (off <= np.hypot(middle * spread, least)).mean()
            low, high = (middle, high) if inside < level else (low, middle)
        factors.append(high)
        leasts.append(least)
    return np.array(factors), np.array(leasts)


def chosen(
    errors: Errors, before: Mapping[str, Any] | None
) -> tuple[dict[str, dict[float, Float[np.ndarray, " coordinates"]]], list[str]]:
    """Factor and least width of every coordinate at each level.

    Args:
        errors: of all clips.
        before: an earlier table; kept of it, as the mean of both sides, is what holds ``LEVEL`` of these errors.

    Returns:
        ``factor`` and ``least`` by level, columns as ``NAMES``; and the coordinates that are kept.
    """
    told = {part: {level: np.zeros(len(NAMES)) for level in LEVELS} for part in ("factor", "least")}
    kept = []
    for k, name in enumerate(NAMES):
        error, sd = errors.of(k)
        if not len(error):
            raise BioposeError(f"{name} moves in none of the pairs", mend="Give more, also of recorded motions.")
        old = None
        if before is not None:
            sides = (name, NAMES[MIRRORED[k]])
            old = {
                level: [float(np.mean([before[part][str(level)][one] for one in sides])) for part in told]
                for level in LEVELS
            }
            if (error <= np.hypot(old[LEVEL][0] * sd, old[LEVEL][1])).mean() >= LEVEL:
                kept.append(name)
            else:
                old = None
        for level in LEVELS:
            new = [values[0] for values in fitted(error[:, None], sd[:, None], level)] if old is None else old[level]
            told["factor"][level][k], told["least"][level][k] = new
    return told, kept


def calibrate(pairs: Path, before: Path | None = None) -> dict[str, Any]:
    """The table of ``expected.json``.

    Args:
        pairs: folder of the pairs.
        before: an earlier table; see ``chosen``.

    Raises:
        BioposeError: there are no pairs, or a coordinate moves in none.
    """
    paths, reader = sorted(pairs.glob("held_*.npz")), Reader()
    found = [part for part in (errors_of(path, reader) for path in paths) if part is not None]
    if not found:
        raise BioposeError("no held-out pairs (held_*.npz)", where=str(pairs), mend="Make some: biopose train pairs.")
    errors = Errors.together(found)
    earlier = None if before is None else json.loads(before.read_text())
    told, kept = chosen(errors, earlier)
    table: dict[str, Any] = {
        "command": "python -m biomech.train.expected PAIRS" + (" BEFORE" if before else ""),
        "clips": len(found),
        "frames": len(errors.error),
    }
    if earlier is not None:
        table |= {"before": {name: earlier[name] for name in ("clips", "frames")}, "kept_of_before": kept}
    for part, by_level in told.items():
        table[part] = {
            str(level): {name: float(f"{v:.4g}") for name, v in zip(NAMES, values, strict=True)}
            for level, values in by_level.items()
        }
    views = {name: (errors.view >= low) & (errors.view < high) for name, (low, high) in VIEWS.items()}
    for level in LEVELS:
        inside = errors.error <= np.hypot(told["factor"][level] * errors.sd, told["least"][level])
        table.setdefault("within_percent", {})[str(level)] = {
            name: {
                group: round(100 * float(inside[rows][:, columns][errors.counts[rows][:, columns]].mean()), 1)
                for group, columns in _groups().items()
            }
            for name, rows in {"all": np.ones(len(errors.view), bool), **views}.items()
            if rows.any()
        }
    return table


def _groups() -> dict[str, list[int]]:
    starts = {"all": "", "knees": "knee", "hips": "hip", "pelvis": "pelvis_tilt", "elbows": "elbow"}
    starts |= {name: name for name in TURNS}
    return {group: [k for k, name in enumerate(NAMES) if name.startswith(start)] for group, start in starts.items()}


if __name__ == "__main__":
    with whole_file(FILE) as path:
        path.write_text(json.dumps(calibrate(*map(Path, sys.argv[1:3])), indent=1) + "\n")
