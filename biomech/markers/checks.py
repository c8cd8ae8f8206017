"""Whether recorded markers can be what their file says: the unit, the vertical, the gaps.

A file with a wrong unit or a laboratory whose Z points up is read by every program without a word, and then solved into
nonsense. What is plain is mended and told; what is not plain is refused.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.matching import listed

METRES_PER_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001, "meters": 1.0, "metres": 1.0}

# The markers of one person lie in a box whose diagonal is some centimetres (a hand) to a few metres (arms up).
PERSON_DIAGONAL_M = (0.02, 20.0)
MENDED_DIAGONAL_M = (0.3, 4.0)  # what a wrong factor of 1000 must lead to, to be taken as that and nothing else

# Largest and smallest person against a model that may be generic: a child of two is half an adult.
SIZE_AGAINST_MODEL = (0.4, 2.0)
FURTHEST_M = 200.0  # from the laboratory's origin
FRAMES_LOOKED_AT = 50
FEWEST_MARKERS = 4
NEARLY_A_LINE = 1e-3  # second against first singular value of the covariance
STANDS = 0.8  # cosine to an axis of the file, from which on a body counts as standing along it
MOST = 0.8  # of the frames that must agree


def factor_to_person(
    positions_m: Float[np.ndarray, "frames markers 3"], unit: str, where: Path, notes: list[str]
) -> float:
    """1, or the factor that a wrong unit calls for: a person cannot be 1.7 mm or 1.7 km tall.

    Args:
        positions_m: as the file's unit says.
        unit: a key of ``METRES_PER_UNIT``.
        notes: a factor other than 1 is told here.

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


def far_as_missing(positions_m: Float[np.ndarray, "frames markers 3"], names: list[str], notes: list[str]) -> None:
    """Make positions that lie outside any laboratory gaps, in place; they are told in ``notes``."""
    with np.errstate(invalid="ignore"):
        far = (np.abs(positions_m) > FURTHEST_M).any(-1)
    if far.any():
        positions_m[far] = np.nan
        whose = listed([name for name, any_frame in zip(names, far.any(0), strict=True) if any_frame])
        notes.append(f"{int(far.sum())} marker positions more than {FURTHEST_M:g} m away are taken as missing: {whose}")


def gap_notes(markers: Markers) -> list[str]:
    """How many frames of each marker are missing, worst first; empty when nothing is."""
    missing = (~np.isfinite(markers.positions_m).all(-1)).sum(0)
    frames, notes = len(markers.time_s), []
    if never := [name for name, count in zip(markers.names, missing, strict=True) if count == frames]:
        notes.append(f"{len(never)} markers are never seen: {listed(never)}")
    gaps = sorted((int(c), name) for name, c in zip(markers.names, missing, strict=True) if 0 < c < frames)[::-1]
    if gaps:
        notes.append(f"gaps of {len(gaps)} markers, in frames of {frames}: {listed([f'{n} {c}' for c, n in gaps])}")
    return notes


def turned_up(axis: int) -> Float[np.ndarray, "3 3"]:
    """The rotation that turns a file's axis (0, 1, 2: X, Y, Z) up to +Y; of Z up it keeps X."""
    up = np.eye(3)[axis]
    forward = np.eye(3)[0] if axis == 1 else np.roll(up, 1)
    return np.stack([forward, up, np.cross(forward, up)])


def agree_with_model(
    markers: Markers, model_m: Float[np.ndarray, "markers 3"], *, where: Path, find_up: bool
) -> Markers:
    """Markers of the size of the model, standing up along Y.

    The model's markers in its default pose are laid on those of each frame (rotation, translation and one scale, the
    symmetric one of Horn, J Opt Soc Am A 4 (1987)). The scale tells a wrong unit that is no factor of 1000; where the
    model's vertical goes tells which axis of the file is up.

    Args:
        markers: under the model's names.
        model_m: the same markers of the model in its default pose (m, Y up).
        where: the file, for the message.
        find_up: turn a body that stands along X or Z in nearly all frames up to Y, and say so in the notes.

    Raises:
        BioposeError: the markers are much larger or smaller than the model's.
    """
    looked_at = np.unique(np.linspace(0, len(markers.time_s) - 1, FRAMES_LOOKED_AT).astype(int))
    fits = [fit for frame in looked_at if (fit := _laid_on(markers.positions_m[frame], model_m)) is not None]
    if not fits:
        return markers
    size = float(np.median([scale for scale, _ in fits]))
    low, high = SIZE_AGAINST_MODEL
    if not low <= size <= high:
        raise BioposeError(
            f"the markers are {size:.3g} times the size of the model's; no person is",
            where=str(where),
            mend="Correct the unit in the file (m, cm or mm), or give the model that fits these markers.",
        )
    ups = np.array([rotation[:, 1] for _, rotation in fits])
    axis = int(np.argmax(ups.mean(0)))
    if not find_up or axis == 1 or (ups[:, axis] > STANDS).mean() < MOST:
        return markers
    name = "XYZ"[axis]
    note = f"the body stands along the file's {name} axis; {name} is taken as up (--up y if the person really lies)"
    return Markers(markers.names, markers.positions_m @ turned_up(axis).T, markers.time_s, [*markers.notes, note])


def _laid_on(
    measured: Float[np.ndarray, "markers 3"], model: Float[np.ndarray, "markers 3"]
) -> tuple[float, Float[np.ndarray, "3 3"]] | None:
    """Scale and rotation from the model to the markers; None where too few are seen, or nearly on a line."""
    seen = np.isfinite(measured).all(1)
    if seen.sum() < FEWEST_MARKERS:
        return None
    target = measured[seen] - measured[seen].mean(0)
    source = model[seen] - model[seen].mean(0)
    u, spread, vt = np.linalg.svd(source.T @ target)
    if spread[1] < NEARLY_A_LINE * spread[0]:
        return None
    proper = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return float(np.linalg.norm(target) / np.linalg.norm(source)), vt.T @ proper @ u.T
