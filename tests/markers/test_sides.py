"""Exchanged sides are named, by what is exchanged; bodies that turn, lie, bend or cross their arms are not accused."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.markers.sides import check_sides

PLACES = {  # of the right one (m, X forward, Y up, Z right) and the body
    "RASI": (0.08, 1.00, 0.12, "pelvis"),
    "RPSI": (-0.10, 1.00, 0.05, "pelvis"),
    "RSHO": (0.0, 1.45, 0.18, "torso"),
    "RKNE": (0.0, 0.50, 0.15, "femur_r"),
    "RANK": (-0.02, 0.08, 0.14, "tibia_r"),
    "RHEE": (-0.08, 0.04, 0.10, "calcn_r"),
    "RTOE": (0.14, 0.04, 0.12, "toes_r"),
    "RWRA": (0.05, 0.80, 0.35, "hand_r"),
}
NAMES = [side + name[1:] for name in PLACES for side in "RL"] + ["C7"]
BODIES = [body if side == "R" else body.replace("_r", "_l") for *_, body in PLACES.values() for side in "RL"] + [
    "torso"
]
MODEL = np.array(
    [(x, y, z if side == "R" else -z) for x, y, z, _ in PLACES.values() for side in "RL"] + [(-0.1, 1.5, 0.0)]
)
WHERE = Path("walk.trc")


def person(frames: int = 20) -> np.ndarray:
    """Who walks: the legs swing, so that left and right are not alike."""
    at = np.repeat(1.1 * MODEL[None], frames, 0) + np.random.default_rng(0).normal(0, 0.01, (frames, len(NAMES), 3))
    swing = 0.4 * np.sin(np.arange(frames))
    for name, sign in (("RANK", 1), ("RHEE", 1), ("RTOE", 1), ("LANK", -1), ("LHEE", -1), ("LTOE", -1)):
        at[:, NAMES.index(name), 0] += sign * swing
    return at


def exchanged(at: np.ndarray, *which: str) -> np.ndarray:
    """With left and right of some pairs of markers in each other's place."""
    found = at.copy()
    for name in which:
        right, left = NAMES.index("R" + name), NAMES.index("L" + name)
        found[:, [right, left]] = at[:, [left, right]]
    return found


def told(at: np.ndarray) -> list[str]:
    return check_sides(NAMES, at, MODEL, BODIES, WHERE)


@pytest.mark.parametrize("turn", ["identity", "round", "lying", "z up"])
def test_whatever_way_the_body_is_turned(turn: str) -> None:
    rotations = {
        "identity": Rotation.identity(20),
        "round": Rotation.from_euler("Y", np.linspace(0, 360, 20)[:, None], degrees=True),
        "lying": Rotation.from_euler("Z", np.full((20, 1), 90.0), degrees=True),
        "z up": Rotation.from_euler("X", np.full((20, 1), 90.0), degrees=True),
    }
    at = np.einsum("fij,fmj->fmi", rotations[turn].as_matrix(), person())
    assert told(at) == []
    with pytest.raises(BioposeError, match=r"walk\.trc: left and right are exchanged: 8 of 8 pairs .* other's side"):
        told(exchanged(at, *(name[1:] for name in PLACES)))
    with pytest.raises(BioposeError, match="left-handed"):
        told(at * [1, 1, -1])


def test_some_pairs_are_named() -> None:
    with pytest.raises(BioposeError, match=r"exchanged in 1 of 8 pairs of markers: RASI and LASI") as error:
        told(exchanged(person(), "ASI"))
    assert "Exchange the names" in str(error.value)


def test_what_may_cross_is_only_told() -> None:
    (note,) = told(exchanged(person(), "WRA"))
    assert note.startswith("RWRA and LWRA lie on each other's side")
    (note,) = told(exchanged(person(), "KNE", "ANK"))  # or who sits cross-legged
    assert note.startswith("RKNE and LKNE, RANK and LANK")
    half = person()
    half[:10] = exchanged(half, "WRA")[:10]  # arms crossed for a while
    assert told(half) == []


def test_what_does_not_tell_is_silent() -> None:
    gaps = exchanged(person(), "ASI", "PSI")
    for name in ("RASI", "LASI", "RHEE", "RTOE"):
        gaps[:, NAMES.index(name)] = np.nan
    assert told(gaps) == []  # nothing shows which way is forward
    assert told(np.full((3, len(NAMES), 3), np.nan)) == []
    assert check_sides(["C7", "T10"], MODEL[None, :2], MODEL[:2], BODIES[:2], WHERE) == []
    backward = exchanged(person(), "WRA")
    for name in ("RHEE", "LHEE"):  # heels before the toes: pelvis and feet disagree
        backward[:, NAMES.index(name), 0] += 1.5
    assert told(backward) == []
