"""Measures how wide the fit's uncertainty must be: ``python -m biomech.train.expected PAIRS``.

Pairs of true and recovered markers (`biopose train pairs`) of held-out rendered clips that are seen as people film.
Both are read by inverse kinematics as the main job does. The half width of a coordinate is √((factor · sd)² + least²):
``least`` holds the errors of those frames in which the fit is surest, the factor those of the others.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped
from biomech.coverage import LEVELS
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.mesh.expected import FILE, NAMES, VIEWS
from biomech.train.neurik.noise import in_place
from biomech.train.neurik.pair import MAKE_ANEW, Pair
from biomech.train.neurik.reading import Reader

SUREST = 0.25  # share of the frames that settle the least width


def errors_of(pair: Path, reader: Reader) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Errors and standard deviations of the coordinates of one pair, and the view; of frames that were seen well.

    Args:
        pair: file of `biopose train pairs`.
        reader: gives true and recovered coordinates from the markers; the recovered clip is first moved and turned onto
            the true one.

    Returns:
        Absolute errors and standard deviations (frames, ``NAMES``; rad and m), and the angle (frames; degrees) between
        where the person faces and where the lens is, 180 from behind. None where no frame was seen well, or the pair is
        of other coordinates.

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
    return np.abs(error[good]), sd[good], view[good]


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


def calibrate(pairs: Path) -> dict[str, Any]:
    """The table of ``expected.json``.

    Raises:
        BioposeError: there are no pairs.
    """
    paths, reader = sorted(pairs.glob("held_*.npz")), Reader()
    found = [part for part in (errors_of(path, reader) for path in paths) if part is not None]
    if not found:
        raise BioposeError("no held-out pairs (held_*.npz)", where=str(pairs), mend="Make some: biopose train pairs.")
    error, sd, view = (np.concatenate(parts) for parts in zip(*found, strict=True))
    table: dict[str, Any] = {
        "command": "python -m biomech.train.expected PAIRS",
        "clips": len(found),
        "frames": len(error),
        "factor": {},
        "least": {},
    }
    for level in LEVELS:
        factor, least = fitted(error, sd, level)
        for part, values in (("factor", factor), ("least", least)):
            table[part][str(level)] = {name: float(f"{v:.4g}") for name, v in zip(NAMES, values, strict=True)}
        width = np.hypot(factor * sd, least)
        table.setdefault("within_percent", {})[str(level)] = {
            name: {
                group: round(100 * float((error <= width)[rows][:, columns].mean()), 1)
                for group, columns in _groups().items()
            }
            for name, rows in {
                "all": np.ones(len(view), bool),
                **{name: (view >= low) & (view < high) for name, (low, high) in VIEWS.items()},
            }.items()
            if rows.any()
        }
    return table


def _groups() -> dict[str, list[int]]:
    starts = {"all": "", "knees": "knee", "hips": "hip", "pelvis": "pelvis_tilt", "elbows": "elbow"}
    return {group: [k for k, name in enumerate(NAMES) if name.startswith(start)] for group, start in starts.items()}


if __name__ == "__main__":
    with whole_file(FILE) as path:
        path.write_text(json.dumps(calibrate(Path(sys.argv[1])), indent=1) + "\n")
