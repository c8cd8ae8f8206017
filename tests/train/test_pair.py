"""A pair is read by one reader, which refuses what does not fit together."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.train.neurik.pair import Pair

FRAMES, MARKERS = 5, len(load_virtual_markers().names)


def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    places = {name: rng.normal(size=(FRAMES, MARKERS, 3)) for name in ("truth", "recovered")}
    return {**places, "rate_hz": np.array(24.0)}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    arrays, rng = _arrays(), np.random.default_rng(1)
    pair = Pair(
        arrays["truth"],
        arrays["recovered"],
        24.0,
        neutral_truth=rng.normal(size=(MARKERS, 3)),
        neutral_recovered=rng.normal(size=(MARKERS, 3)),
        coordinate_names=("knee_angle_r", "hip_flexion_r"),
        coordinate_sd=rng.normal(size=(FRAMES, 2)),
    )
    pair.save(tmp_path / "pair.npz")
    again = Pair.load(tmp_path / "pair.npz")
    assert again.rate_hz == 24 and again.coordinate_names == pair.coordinate_names and again.quality is None
    for name in ("truth", "recovered", "coordinate_sd"):
        np.testing.assert_array_equal(getattr(again, name), getattr(pair, name))
    np.testing.assert_array_equal(again.neutral(tmp_path)[1], pair.neutral_recovered)


def test_a_pair_of_an_earlier_version_has_no_neutral_posture(tmp_path: Path) -> None:
    np.savez(tmp_path / "pair.npz", **_arrays())  # type: ignore[arg-type]
    with pytest.raises(BioposeError, match="without neutral postures"):
        Pair.load(tmp_path / "pair.npz").neutral(tmp_path / "pair.npz")


@pytest.mark.parametrize(
    "wrong",
    [
        {"truth": None},
        {"rate_hz": None},
        {"rate_hz": np.array(np.nan)},
        {"rate_hz": np.array(0.0)},
        {"truth": np.zeros((0, MARKERS, 3)), "recovered": np.zeros((0, MARKERS, 3))},
        {"recovered": np.zeros((FRAMES - 1, MARKERS, 3))},
        {"truth": np.zeros((FRAMES, 3, 3))},
        {"truth": np.array("x")},
        {"quality": np.ones(FRAMES + 1)},
        {"coordinate_sd": np.ones((FRAMES, 2)), "coordinate_names": np.array(["a"])},
        {"neutral_truth": np.zeros(3)},
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, wrong: dict) -> None:
    path = tmp_path / "pair.npz"
    np.savez(path, **{name: value for name, value in (_arrays() | wrong).items() if value is not None})
    with pytest.raises(BioposeError, match="pair of true and recovered markers"):
        Pair.load(path)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pair.npz"
    for content in (b"", b"PK\x03\x04cut", b"hello" * 100):
        path.write_bytes(content)
        with pytest.raises(BioposeError, match="not a pair"):
            Pair.load(path)
