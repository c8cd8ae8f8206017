"""Keypoints are looked at where they come in, and by the stage that takes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.recoverers import recover_with

WHOLE = Keypoints(
    ["nose", "left_hip"], np.full((3, 2, 2), 50.0), np.full((3, 2), 0.9), np.arange(3) / 30, (640, 480), 500.0
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    gaps = replace(WHOLE, xy=np.where(np.arange(3)[:, None, None] == 1, np.nan, WHOLE.xy), focal_px=None)
    gaps.save(tmp_path / "a.npz")
    found = Keypoints.load(tmp_path / "a.npz")
    assert found.found.tolist() == [True, False, True] and found.focal_px is None and found.names == WHOLE.names
    assert found.frames_looked_at is None  # of older files
    replace(WHOLE, frames_looked_at=2).save(tmp_path / "b.npz")
    assert Keypoints.load(tmp_path / "b.npz").frames_looked_at == 2
    replace(WHOLE, frames_looked_at=len(WHOLE.time_s) + 1).save(tmp_path / "c.npz")
    with pytest.raises(BioposeError, match="cannot have been looked at"):
        Keypoints.load(tmp_path / "c.npz")


@pytest.mark.parametrize(
    "wrong",
    [
        {"focal_px": -500.0},
        {"focal_px": np.inf},
        {"time_s": np.array([0, np.inf, np.inf])},
        {"time_s": np.array([0.0, 33, 67])},
        {"xy": np.full((3, 2, 2), 1e30)},
        {"confidence": np.full((3, 2), 90.0)},
        {"xy": WHOLE.xy[:2]},
        {"size_px": (0, 480)},
        {"names": ["nose", "nose"]},
    ],
)
@pytest.mark.usefixtures("unchecked_shapes")
def test_what_cannot_be(tmp_path: Path, wrong: dict) -> None:
    odd = replace(WHOLE, **wrong)
    with pytest.raises(BioposeError):
        odd.check()
    with pytest.raises(BioposeError):
        recover_with("fit", odd)
    odd.save(tmp_path / "a.npz")
    with pytest.raises(BioposeError, match=r"a\.npz"):
        Keypoints.load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda xy: xy / np.array([640, 480]), "between 0 and 1, not in pixels"),
        (lambda xy: 0 * xy, "between 0 and 1, not in pixels"),
        (lambda xy: 10 * xy, "of the points that were found lie outside the picture of 640 x 480"),
        (lambda xy: xy - 5000, "of the points that were found lie outside the picture of 640 x 480"),
    ],
)
def test_points_outside_the_picture_are_of_another_unit(change, message: str) -> None:
    xy = np.random.default_rng(0).uniform([100, 100], [600, 400], (5, 3, 2))
    whole = Keypoints(["a", "b", "c"], xy, np.full((5, 3), 0.9), np.arange(5) / 30, (640, 480))
    whole.check_in_picture()
    with pytest.raises(BioposeError, match=message):
        replace(whole, xy=change(xy)).check_in_picture()
    replace(whole, xy=change(xy), confidence=np.full((5, 3), 0.1)).check_in_picture()  # a guess may lie anywhere
