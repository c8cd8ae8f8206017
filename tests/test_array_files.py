"""Files of arrays: what is read of them, and that nothing in them runs."""

import io
import os
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from biomech.array_files import load
from biomech.errors import BioposeError


class Runs:
    """Writes a file where it is read by Python's own pickle."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class SetsState:
    """Has its state set by code of its own."""

    def __reduce__(self):
        return SetsState, (), {"x": 1}


@pytest.fixture
def held() -> dict:
    return {
        "a": np.arange(12.0).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(20.0).reshape(4, 5)),
        "tensor": torch.arange(6).reshape(2, 3).T,
        "number": np.float32(3),
        "list": [1, "x", None, True],
        "by_name": OrderedDict(b=np.array(["a", "b"])),
        "sparse": scipy.sparse.csc_matrix(np.array([[0.0, 2, 0], [1, 0, 3]])),
    }


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_arrays_is_read_where_it_is_allowed(tmp_path, held, protocol) -> None:
    path = tmp_path / "held.pkl"
    path.write_bytes(pickle.dumps(held, protocol=protocol))
    with pytest.raises(BioposeError, match="not read unasked"):
        load(path)
    found = load(path, allow_pickle=True)
    np.testing.assert_array_equal(found["a"], held["a"])
    np.testing.assert_array_equal(found["fortran"], held["fortran"])
    np.testing.assert_array_equal(found["tensor"], held["tensor"].numpy())
    np.testing.assert_array_equal(found["sparse"], held["sparse"].toarray())
    assert found["number"] == 3 and found["list"] == held["list"]


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)])
def test_joblib_s_files_are_read(tmp_path, compress) -> None:
    joblib = pytest.importorskip("joblib")
    people: defaultdict[int, dict] = defaultdict(dict)
    people[1] = {"pose": np.ones((3, 72), np.float32), "trans": np.asfortranarray(np.arange(9.0).reshape(3, 3))}
    joblib.dump(people, tmp_path / "wham_output.pkl", compress=compress)
    found = load(tmp_path / "wham_output.pkl", allow_pickle=True)
    np.testing.assert_array_equal(found[1]["trans"], people[1]["trans"])
    assert found[1]["pose"].dtype == np.float32


@pytest.mark.parametrize("allow", [False, True])
def test_nothing_that_a_file_names_is_run(tmp_path, allow) -> None:
    """os.system in a pickle, in joblib's, in numpy's arrays of objects, in torch's; in its newest and oldest form."""
    ran = tmp_path / "ran"
    files = []
    for protocol in range(6):
        files.append(tmp_path / f"bad{protocol}.pkl")
        files[-1].write_bytes(pickle.dumps({"pose": np.zeros(3), "bad": Runs(ran)}, protocol=protocol))
    np.savez(tmp_path / "bad.npz", poses=np.array([Runs(ran)], dtype=object))
    np.save(tmp_path / "bad.npy", np.array([Runs(ran)], dtype=object))
    torch.save({"pose": Runs(ran)}, tmp_path / "bad.pt")
    torch.save({"pose": Runs(ran)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    files += [tmp_path / name for name in ("bad.npz", "bad.npy", "bad.pt", "old.pt")]
    for path in files:
        with pytest.raises(BioposeError) as refused:
            load(path, allow_pickle=allow)
        assert str(path) in str(refused.value)
    assert not ran.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n(cbuiltins\ndict\nS'__class__'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"Phere\n.",
    ],
)
def test_other_names_are_refused(tmp_path, text) -> None:
    (tmp_path / "bad.pkl").write_bytes(text)
    with pytest.raises(BioposeError, match=r"names|refers"):
        load(tmp_path / "bad.pkl", allow_pickle=True)


def test_state_is_set_of_arrays_alone(tmp_path) -> None:
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(SetsState()))
    with pytest.raises(BioposeError, match="no array"):
        load(tmp_path / "bad.pkl", allow_pickle=True)
    # A dictionary whose attributes are set.
    (tmp_path / "bad.pkl").write_bytes(b"cbuiltins\ndict\n(tR(S'a'\nI1\ndb.")
    with pytest.raises(BioposeError, match="changes a dict"):
        load(tmp_path / "bad.pkl", allow_pickle=True)


def test_damaged_files_are_said(tmp_path) -> None:
    whole = io.BytesIO()
    np.savez(whole, vertices=np.zeros((2, 5, 3)))
    for name, data in {
        "cut.npz": whole.getvalue()[:100],
        "empty.pt": b"",
        "text.npy": b"hello",
        "cut.pkl": pickle.dumps({"a": np.zeros(1000)})[:200],
        "no.json": b"{",
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BioposeError, match=name):
            load(tmp_path / name, allow_pickle=True)
    with pytest.raises(BioposeError, match="no file of arrays"):
        (tmp_path / "a.fbx").write_bytes(b"x")
        load(tmp_path / "a.fbx")
    with pytest.raises(BioposeError, match="no such file"):
        load(tmp_path / "absent.npz")
