"""Whether left is left: every pair of markers against the side on which its names say that it lies.

What a body's forward and up are is read from the middles of pairs (and from central markers), which an exchange of
names leaves where they are: forward along the pelvis and from the heels to the toes, up from the pelvis to the trunk
(or from the feet to the pelvis). The model in its default pose goes through the same formula, so that no axis of it is
taken for granted.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.markers.matching import listed, normalised

LEGS = ("femur", "tibia", "patella", "fibula", "shank", "thigh")
FEET = ("calcn", "talus", "toes", "foot")
LEAST_APART_M = 0.04  # of a pair in the model, across the body
CENTRAL_M = 0.03  # from the middle of the model, of a marker without a partner
LEAST_LONG_M = 0.05  # of the markers of pelvis or feet, along the body
CLEAR = 0.5  # sine between forward and up, from which on the two say which side is right
OTHER_SIDE = -0.25  # times what the pair lies apart in the model
MOST_FRAMES = 0.9  # of those that tell
FEWEST_FRAMES = 0.5  # that must tell, of those that show a pair
ALL = 0.8  # of the pairs: then it is not single names


def check_sides(
    names: Sequence[str],
    positions_m: Float[np.ndarray, "frames markers 3"],
    model_m: Float[np.ndarray, "markers 3"],
    bodies: Sequence[str],
    where: Path,
) -> list[str]:
    """Refuse markers whose left and right are exchanged; pairs of arms and legs, which may cross, are only told.

    Args:
        names: the model's.
        positions_m: the measured markers, in the order of ``names``, NaN where missing.
        model_m: the same markers of the model in its default pose, X forward, Y up.
        bodies: on which each of the markers is.
        where: the file, for the message.

    Returns:
        Sentences for the user's notes; none where nothing is exchanged.

    Raises:
        BioposeError: all pairs lie on each other's side, or one on pelvis or trunk does.
    """
    pairs = _pairs(names)
    apart = _across(model_m[None], model_m, bodies, pairs)[0] if pairs else []
    pairs = [pair for pair, far in zip(pairs, apart, strict=True) if abs(far) > LEAST_APART_M]
    if not pairs:
        return []
    with np.errstate(invalid="ignore"):
        ratio = _across(positions_m, model_m, bodies, pairs) / _across(model_m[None], model_m, bodies, pairs)
        wrong = np.where(np.isfinite(ratio), ratio < OTHER_SIDE, np.nan)
    both = np.isfinite(positions_m[:, np.array(pairs)]).all((2, 3)).sum(0)
    told = (both > 0) & (np.isfinite(wrong).sum(0) >= FEWEST_FRAMES * both)
    share = np.array(
        [np.nanmean(column) if any_frame else 0.0 for column, any_frame in zip(wrong.T, told, strict=True)]
    )
    exchanged = [
        (names[right], names[left], bodies[right])
        for (right, left), s in zip(pairs, share, strict=True)
        if s > MOST_FRAMES
    ]
    if not exchanged:
        return []
    said = listed([f"{right} and {left}" for right, left, _ in exchanged])
    if len(exchanged) >= ALL * told.sum() and len(exchanged) > 1:
        raise BioposeError(
            f"left and right are exchanged: {len(exchanged)} of {int(told.sum())} pairs of markers lie on each other's "
            f"side ({said})",
            where=str(where),
            mend="Rename the markers; or, if the file's axes are left-handed (mirrored), write it again with one axis "
            "of the other sign.",
        )
    rigid = [(right, left) for right, left, body in exchanged if _may_not_cross(body)]
    if rigid:
        raise BioposeError(
            f"left and right are exchanged in {len(exchanged)} of {int(told.sum())} pairs of markers: {said}",
            where=str(where),
            mend="Exchange the names of each of these pairs, or leave the markers out of the file.",
        )
    return [f"{said} lie on each other's side of the body nearly throughout: are the names exchanged?"]


def _pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Right and left, by names that are the same but for the side."""
    row = {normalised(name): k for k, name in enumerate(names)}
    return [(k, row["l" + key[1:]]) for key, k in row.items() if key.startswith("r") and "l" + key[1:] in row]


def _may_not_cross(body: str) -> bool:
    """Of pelvis, trunk and head; legs and arms may cross for a whole trial, as those of who sits cross-legged."""
    body = body.casefold()
    return any(part in body for part in ("pelvis", "torso", "thorax", "trunk", "head", "lumbar"))


def _across(
    positions_m: Float[np.ndarray, "frames markers 3"],
    model_m: Float[np.ndarray, "markers 3"],
    bodies: Sequence[str],
    pairs: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "frames pairs"]:
    """How far right of its left one each right marker lies (m); NaN where the frame does not tell."""
    right, left = np.array(pairs, dtype=int).reshape(-1, 2).T
    used = {int(k) for pair in pairs for k in pair}
    single = [k for k in range(len(bodies)) if k not in used and abs(model_m[k, 2]) < CENTRAL_M]
    one, other = np.r_[right, single].astype(int), np.r_[left, single].astype(int)
    middles, along = (positions_m[:, one] + positions_m[:, other]) / 2, (model_m[one, 0] + model_m[other, 0]) / 2
    whose = [bodies[k].casefold() for k in one]
    feet = np.array([any(part in body for part in FEET) for body in whose], dtype=bool)
    pelvis = np.array(["pelvis" in body for body in whose], dtype=bool)
    upper = ~(feet | pelvis | np.array([any(part in body for part in LEGS) for body in whose], dtype=bool))
    up = _middle(middles, upper) - _middle(middles, pelvis)
    by_legs = _middle(middles, pelvis) - _middle(middles, feet)
    up = np.where(np.isfinite(up), up, by_legs)
    ahead = [_forward(middles, along, own) for own in (pelvis, feet)]
    across = [_unit(np.cross(_unit(forward), _unit(up))) for forward in ahead]
    for forward, axis in zip(ahead, across, strict=True):
        axis[np.linalg.norm(np.cross(_unit(forward), _unit(up)), axis=-1) < CLEAR] = np.nan
    first, second = across
    with np.errstate(invalid="ignore"):
        disagree = (first * second).sum(-1) < 0
    axis = np.where(np.isfinite(first), first, second)
    axis[disagree] = np.nan
    return np.einsum("fpi,fi->fp", positions_m[:, right] - positions_m[:, left], axis)


def _middle(middles: Float[np.ndarray, "frames pairs 3"], own: np.ndarray) -> Float[np.ndarray, "frames 3"]:
    """Of the pairs that a frame shows."""
    seen = np.isfinite(middles[:, own]).all(-1)
    total = np.where(seen[..., None], middles[:, own], 0.0).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / seen.sum(1)[:, None]


def _forward(
    middles: Float[np.ndarray, "frames pairs 3"], along: Float[np.ndarray, " pairs"], own: np.ndarray
) -> Float[np.ndarray, "frames 3"]:
    """From the hindmost of some pairs to the foremost, by where they are in the model; NaN where these are too near."""
    seen = np.isfinite(middles[:, own]).all(-1)
    weight = np.where(seen, along[own], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(seen, along[own] - (weight.sum(1) / seen.sum(1))[:, None], 0.0)
    forward = np.einsum("fp,fpi->fi", weight, np.where(seen[..., None], middles[:, own], 0.0))
    forward[np.linalg.norm(weight, axis=1) < LEAST_LONG_M] = np.nan
    return forward


def _unit(vectors: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
