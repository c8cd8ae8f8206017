"""Reading .c3d: units, vertical axis, gaps, against the files' own content."""

import subprocess
import sys
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.markers.c3d import read_c3d

# In a process of its own: after other libraries made by SWIG (OpenSim) have run for a while, ezc3d's writer can take
# its own vectors for theirs. Its reader does not.
WRITER = """
import sys
import ezc3d
import numpy as np

path, up, points, unit, residual = sys.argv[1], sys.argv[2], np.load(sys.argv[3]), sys.argv[4], float(sys.argv[5])
file = ezc3d.c3d()
file["parameters"]["POINT"]["RATE"]["value"] = [100]
names = ["S1:A", "S1:B", "S1:C"] if points.shape[1] == 3 else [f"P{k}" for k in range(points.shape[1])]
file["parameters"]["POINT"]["LABELS"]["value"] = names[:255]
if names[255:]:
    file.add_parameter("POINT", "LABELS2", names[255:])
file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
file["data"]["meta_points"]["residuals"] = np.full((1, points.shape[1], len(points)), residual)
if up:
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", [up])
file["data"]["points"] = np.concatenate([points.transpose(2, 1, 0), np.ones((1, *points.shape[1::-1]))])
file.write(path)
"""


def _write(path: Path, points: np.ndarray, up: str | None, unit: str = "mm", residual: float = 0.0) -> None:
    np.save(path.with_suffix(".npy"), points)
    told = [str(path), up or "", str(path.with_suffix(".npy")), unit, str(residual)]
    subprocess.run([sys.executable, "-c", WRITER, *told], check=True)


# A, B, C in the body's own axes: C is 1.7 m up; X forward, Z right.
UPRIGHT = np.array([[0.1, 0.02, 0.3], [0.4, 0.9, 0.1], [0.2, 1.7, 0.2]])


@pytest.mark.parametrize(
    ("up", "lab_from_upright"),
    [("+Y", lambda p: p), ("+Z", lambda p: p[..., [0, 2, 1]] * [1, -1, 1]), (None, lambda p: p[..., [2, 0, 1]])],
)
def test_axes_and_units(tmp_path: Path, up: str | None, lab_from_upright) -> None:
    points = np.repeat(lab_from_upright(UPRIGHT)[None], 4, 0) * 1000
    _write(tmp_path / "a.c3d", points, up)
    markers = read_c3d(tmp_path / "a.c3d")
    np.testing.assert_allclose(markers.positions_m[2, :, 1], UPRIGHT[:, 1], atol=1e-6)
    if up:
        np.testing.assert_allclose(markers.positions_m[2], UPRIGHT, atol=1e-6)
        assert markers.notes == []
    else:
        assert "+Z is taken" in markers.notes[0]
    assert markers.names == ["A", "B", "C"] and markers.rate_hz == pytest.approx(100)


def test_gaps_and_the_trial_s_own_time(biopose_data: Path) -> None:
    path = biopose_data / "c3d/opensim_core/walking2.c3d"
    markers = read_c3d(path)
    file = ezc3d.c3d(str(path))
    missing = file["data"]["meta_points"]["residuals"][0].T < 0
    np.testing.assert_array_equal(np.isnan(markers.positions_m).all(-1), missing)
    raw = file["data"]["points"][:3].transpose(2, 1, 0)
    seen = ~missing
    np.testing.assert_allclose(markers.positions_m[seen][:, 1], raw[seen][:, 2] / 1000, atol=1e-9)
    cut = read_c3d(biopose_data / "c3d/cmu_dribble_shoot_basketball.c3d")
    assert cut.time_s[0] == pytest.approx(186 / 120)
    assert "C7" in cut.names


def test_modelled_outputs_are_no_markers(biopose_data: Path) -> None:
    names = read_c3d(biopose_data / "c3d/pycgm/Sample_Static.c3d").names
    assert "LASI" in names and not [name for name in names if name.endswith("Angles")]


def test_not_a_c3d(tmp_path: Path) -> None:
    (tmp_path / "a.c3d").write_bytes(b"hello" * 200)
    for path in (tmp_path / "a.c3d", tmp_path / "absent.c3d"):
        with pytest.raises(BioposeError):
            read_c3d(path)


def test_names_beyond_the_255th_stand_in_another_parameter(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0.1, 1.7, (3, 260, 3)) * 1000
    _write(tmp_path / "a.c3d", points, "+Y")
    markers = read_c3d(tmp_path / "a.c3d")
    assert markers.names == [f"P{k}" for k in range(260)]
    np.testing.assert_allclose(markers.positions_m, points / 1000, atol=1e-6)


@pytest.fixture
def upright(tmp_path: Path) -> Path:
    """Eight frames of ``UPRIGHT``, Y up."""
    _write(tmp_path / "a.c3d", np.repeat(UPRIGHT[None], 8, 0) * 1000, "+Y")
    return tmp_path / "a.c3d"


def test_a_file_that_ends_early_is_told(upright: Path) -> None:
    whole = upright.read_bytes()
    at = (int.from_bytes(whole[16:18], "little") - 1) * 512  # where the header says that the points begin
    frame = 3 * 4 * 4  # three points of four floats
    upright.write_bytes(whole[: at + 5 * frame])
    markers = read_c3d(upright)
    assert len(markers.time_s) == 5
    assert markers.notes == ["the header says 8 frames, the file holds 5: it ends early"]


def test_names_of_parameters_do_not_depend_on_case(upright: Path) -> None:
    whole = upright.read_bytes()
    for name in (b"POINT", b"LABELS", b"RATE", b"UNITS", b"X_SCREEN", b"Y_SCREEN", b"USED", b"SCALE", b"DATA_START"):
        assert name in whole
        whole = whole.replace(name, name.lower())
    upright.write_bytes(whole)
    markers = read_c3d(upright)
    assert markers.names == ["A", "B", "C"] and markers.notes == []
    np.testing.assert_allclose(markers.positions_m[3], UPRIGHT, atol=1e-6)


def test_a_big_endian_file_is_named(upright: Path) -> None:
    whole = bytearray(upright.read_bytes())
    whole[(whole[0] - 1) * 512 + 3] = 86
    upright.write_bytes(whole)
    with pytest.raises(BioposeError, match="big-endian") as refused:
        read_c3d(upright)
    assert "Save it again as Intel" in (refused.value.mend or "")


def test_a_blank_unit_is_millimetres_and_checked_by_size(tmp_path: Path) -> None:
    points = np.repeat(UPRIGHT[None], 4, 0)
    _write(tmp_path / "mm.c3d", points * 1000, "+Y", unit=" ")
    np.testing.assert_allclose(read_c3d(tmp_path / "mm.c3d").positions_m, points, atol=1e-6)
    _write(tmp_path / "m.c3d", points, "+Y", unit=" ")
    markers = read_c3d(tmp_path / "m.c3d")
    np.testing.assert_allclose(markers.positions_m, points, atol=1e-6)
    assert "taken as m" in markers.notes[0]


def test_points_that_are_all_marked_missing_have_coordinates(tmp_path: Path) -> None:
    _write(tmp_path / "a.c3d", np.repeat(UPRIGHT[None], 4, 0) * 1000, "+Y", residual=-1)
    with pytest.raises(BioposeError, match=r"every point is marked as missing \(residual -1\)"):
        read_c3d(tmp_path / "a.c3d")


def _changed(path: Path, at: bytes, to: bytes) -> None:
    whole = path.read_bytes()
    assert at in whole and len(at) == len(to)
    path.write_bytes(whole.replace(at, to, 1))


@pytest.mark.parametrize("share", [0.55, 0.7, 0.8])
def test_a_file_cut_in_its_parameters_is_refused_before_its_reader_crashes(upright: Path, share: float) -> None:
    whole = upright.read_bytes()
    parameters = (int.from_bytes(whole[16:18], "little") - 1) * 512
    upright.write_bytes(whole[: 512 + int(share * (whole.rindex(b"LABELS") - 512))])
    assert upright.stat().st_size < parameters
    with pytest.raises(BioposeError, match="cut or damaged"):
        read_c3d(upright)


@pytest.mark.parametrize(
    ("at", "to"),
    [
        (b"USED\x07\x00\x02\x00", b"USED\x07\x00\x02\x01"),  # a list of 3 whole numbers in a place for one
        (b"USED\x07\x00\x02\x00", b"USED\x07\x00\x03\x00"),  # no kind of value
        (b"USED\x07\x00\x02\x00", b"USED\xff\x7f\x02\x00"),  # the next parameter beyond the end
        (b"LABELS", b"\x7fABELS"),
    ],
)
def test_damaged_parameters_are_refused_before_their_reader_crashes(upright: Path, at: bytes, to: bytes) -> None:
    if at == b"LABELS":  # the length of its name, which stands two bytes before it
        place = upright.read_bytes().index(at) - 2
        at, to = (upright.read_bytes()[place : place + 8], b"\x7f" + upright.read_bytes()[place + 1 : place + 8])
    _changed(upright, at, to)
    with pytest.raises(BioposeError, match="cut or damaged"):
        read_c3d(upright)


def test_without_axes_y_up_stays_as_it_is(tmp_path: Path) -> None:
    _write(tmp_path / "a.c3d", np.repeat(UPRIGHT[None], 4, 0) * 1000, None)
    markers = read_c3d(tmp_path / "a.c3d")
    np.testing.assert_allclose(markers.positions_m[2], UPRIGHT, atol=1e-6)
    assert "+Y is taken" in markers.notes[0]


def test_two_rates_are_told(upright: Path) -> None:
    whole = bytearray(upright.read_bytes())
    whole[20:24] = np.float32(50).tobytes()
    upright.write_bytes(whole)
    markers = read_c3d(upright)
    assert markers.rate_hz == pytest.approx(100)
    assert markers.notes == ["the header says 50 Hz, POINT:RATE 100 Hz; POINT:RATE is used"]
