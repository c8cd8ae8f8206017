"""Shards: what is written is what is read, whatever the order and the rate."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomech.errors import BioposeError
from biomech.labels.shards import Shard, Shards, Window, split_of, write_index, write_shard

NAMES = {
    "coordinates": ["a", "b"],
    "rotational": [True, False],
    "bodies": ["ground", "pelvis"],
    "joints": ["root"],
    "markers": ["RASI", "LASI", "C7"],
}


def _columns(frames: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "markers": rng.normal(size=(frames, 3, 3)),
        "coordinates": np.arange(frames)[:, None] * [0.01, 1.0] + seed,
        "joints": rng.normal(size=(frames, 1, 3)),
        "flags": rng.integers(0, 2, (frames, 2)),
        "marker_rms": rng.random(frames),
        "marker_max": rng.random(frames),
        "trusted": rng.random(frames) < 0.5,
        "scales": rng.random((2, 3)),
        "marker_offsets": rng.random((3, 3)),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, (subject, frames) in enumerate((("cmu_01", 40), ("cmu_09", 25), ("cmu_01", 5))):
        about = {"name": f"t{seed}", "subject": subject, "frames": frames, "rate_hz": 120.0}
        write_shard(tmp_path / "shards" / f"t{seed}.safetensors", _columns(frames, seed), about)
    write_index(tmp_path / "shards", NAMES)
    return tmp_path


def test_a_shard_comes_back(folder: Path) -> None:
    shards = Shards.open(folder)
    assert [s.about["name"] for s in shards] == ["t0", "t1", "t2"] and shards.coordinate_names == ["a", "b"]
    shard, columns = shards[1], _columns(25, 1)
    for name, column in columns.items():
        np.testing.assert_array_equal(getattr(shard, name), column.astype(getattr(shard, name).dtype))
    assert isinstance(shard.markers, np.memmap) and not shard.markers.flags.writeable
    np.testing.assert_array_equal(shard.mask, columns["flags"] == 0)


def test_the_same_labels_are_the_same_bytes(folder: Path) -> None:
    again = folder / "again.safetensors"
    about = {"rate_hz": 120.0, "frames": 40, "name": "t0", "subject": "cmu_01"}
    write_shard(again, _columns(40, 0), about)
    assert again.read_bytes() == (folder / "shards/t0.safetensors").read_bytes()


def test_splits_go_by_subject(folder: Path) -> None:
    assert [t["split"] for t in Shards.open(folder).trials] == [split_of("cmu_01"), "test", split_of("cmu_01")]
    assert split_of("cmu_09") == split_of("cmu_13") == "test"
    share = np.mean([split_of(f"s{i}") == "train" for i in range(2000)])
    assert 0.77 < share < 0.83
    assert {split_of(f"s{i}") for i in range(50)} == {"train", "val", "test"}


def test_windows_of_the_recording(folder: Path) -> None:
    shards = Shards.open(folder)
    windows = shards.windows(8)
    assert len(windows) == (40 - 7) + (25 - 7)  # the third trial is too short
    first, last = windows[0], windows[-1]
    np.testing.assert_array_equal(first.markers, shards[0].markers[:8])
    np.testing.assert_array_equal(last.coordinates, shards[1].coordinates[-8:])
    np.testing.assert_array_equal(last.mask, shards[1].mask[-8:])
    np.testing.assert_array_equal(shards.windows(8, doubts=2)[-1].mask, shards[1].flags[-8:] & 2 == 0)
    np.testing.assert_array_equal(last.scales, shards[1].scales)
    batch = windows.batch([33, 0])
    assert isinstance(batch, Window) and batch.markers.shape == (2, 8, 3, 3) and batch.scales.shape == (2, 2, 3)
    np.testing.assert_array_equal(batch.joints[1], first.joints)
    assert len(shards.windows(8, split="test")) == 18
    assert len(shards.windows(8, step=10)) == 4 + 2
    with pytest.raises(IndexError):
        windows[len(windows)]


@settings(deadline=None)
@given(
    rate_hz=st.sampled_from([120.0, 60.0, 30.0, 50.0, 25.0, 200.0, 119.0]),
    length=st.integers(1, 9),
    pick=st.floats(0, 1),
)
def test_windows_at_another_rate(tmp_path_factory, rate_hz: float, length: int, pick: float) -> None:
    folder = tmp_path_factory.mktemp("shards")
    write_shard(
        folder / "t.safetensors", _columns(40, 0), {"name": "t", "subject": "s", "frames": 40, "rate_hz": 120.0}
    )
    write_index(folder, NAMES)
    windows = Shards.open(folder).windows(length, rate_hz=rate_hz)
    window = windows[int(pick * (len(windows) - 1))]
    # One coordinate counts frames at 120 Hz: time goes on evenly at the rate asked for, and stays in the recording.
    np.testing.assert_allclose(np.diff(window.coordinates[:, 1]), 120 / rate_hz, atol=1e-4)
    assert window.coordinates.min() >= 0 and window.coordinates[:, 1].max() <= 39 + 1e-4
    assert window.markers.dtype == np.float32 and window.mask.shape == (length, 2)


def test_what_is_not_a_shard(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="no training shards"):
        Shards.open(tmp_path / "elsewhere")
    (tmp_path / "a.safetensors").write_bytes(b"\x05")
    with pytest.raises(BioposeError, match="not a training shard"):
        Shard.open(tmp_path / "a.safetensors")
    index = json.loads((folder / "shards/index.json").read_text())
    (folder / "shards/index.json").write_text(json.dumps(index | {"format": 0}))
    with pytest.raises(BioposeError, match="another version"):
        Shards.open(folder)
