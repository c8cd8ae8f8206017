"""Arrays out of files: kind, shape and range are looked at before they are used; nothing is executed."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from biomech.arrays import Field, are_rotations, check_names, check_times, read_arrays
from biomech.errors import BioposeError

FIELDS = {
    "time_s": Field("number", ("frames",)),
    "places": Field("number", ("frames", 3), -10, 10, gaps=True),
    "names": Field("text", ("names",), optional=True),
}
WHOLE = {"time_s": np.arange(4) / 30, "places": np.zeros((4, 3)), "names": np.array(["a", "b"])}


def read(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path, FIELDS, noun="a table", mend="Make one.")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    gaps = WHOLE["places"].copy()
    gaps[2] = np.nan
    np.savez(tmp_path / "a.npz", **WHOLE | {"places": gaps})
    found = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["places"], gaps)
    assert found["names"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"places": np.zeros((3, 3))}, "places has the shape 3 × 3 instead of frames × 3"),
        ({"places": np.zeros(4)}, "places has the shape 4 instead of"),
        ({"places": np.full((4, 3), 1e30)}, "places holds 1e\\+30"),
        ({"places": np.full((4, 3), np.inf)}, "places is infinite"),
        ({"time_s": np.array([0, np.nan, 1, 2])}, "time_s is not a number everywhere"),
        ({"time_s": np.array(["x"] * 4)}, "time_s is no number"),
        ({"names": np.zeros(2)}, "names is no text"),
    ],
)
def test_what_is_refused(tmp_path: Path, changed: dict[str, np.ndarray], why: str) -> None:
    np.savez(tmp_path / "a.npz", **WHOLE | changed)
    with pytest.raises(BioposeError, match=why) as caught:
        read(tmp_path / "a.npz")
    assert "Make one." in str(caught.value)


def test_a_missing_array_and_a_cut_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", time_s=WHOLE["time_s"])
    with pytest.raises(BioposeError, match="it has no places"):
        read(tmp_path / "a.npz")
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    for name in ("cut.npz", "none.npz"):
        with pytest.raises(BioposeError, match="not a table"):
            read(tmp_path / name)


def test_nothing_is_executed_and_no_header_is_believed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **WHOLE)
    for content in (pickle.dumps(print), _header((1 << 40, 3)), _header((-1, 3))):
        with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive, zipfile.ZipFile(tmp_path / "a.npz") as whole:
            for name in whole.namelist():
                archive.writestr(name, content if name == "places.npy" else whole.read(name))
        with pytest.raises(BioposeError, match="not a table"):
            read(tmp_path / "b.npz")


def _header(shape: tuple[int, ...]) -> bytes:
    said = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little") + said


@pytest.mark.parametrize("time_s", [[], [0, 0], [1, 0], [0, np.inf], [0, 33, 67], [0, 1e-9], [1e12, 1e12 + 1]])
def test_times_that_cannot_be(time_s: list[float]) -> None:
    with pytest.raises(BioposeError):
        check_times(np.array(time_s, float), where=None, noun="a table")
    check_times(np.array([5.0, 5.033, 5.5]), where=None, noun="a table")


def test_names_and_rotations() -> None:
    for names in ([], ["a", "a"], ["a", " "]):
        with pytest.raises(BioposeError, match="names"):
            check_names(names, where=None, noun="a table")
    assert are_rotations(np.eye(3)[None])
    assert not are_rotations(2 * np.eye(3)) and not are_rotations(np.diag([1.0, 1, -1]))
