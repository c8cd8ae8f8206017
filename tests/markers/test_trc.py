"""Reading and writing .trc, judged by OpenSim's own readers."""

from pathlib import Path

import numpy as np
import opensim as osim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.trc import is_ours, read_trc, write_trc

osim.Logger.removeFileSink()
osim.Logger.setLevelString("error")


def _markers(frames: int = 5, start_s: float = 2.0, rate_hz: float = 30.0) -> Markers:
    rng = np.random.default_rng(1)
    return Markers(
        ["r_knee", "L.ASIS", "C7", "Top Head"],
        rng.uniform(-1, 1, (frames, 4, 3)),
        start_s + np.arange(frames) / rate_hz,
    )


def _text(units: str = "m", rate: str = "30", rows: str | None = None, newline: str = "\n") -> str:
    rows = rows or "1\t0.0\t0\t1\t0\t0.3\t1\t0\t0.1\t1.5\t0\n2\t0.033333\t0\t1\t0\t0.3\t1\t0\t0.1\t1.5\t0\n"
    text = (
        "PathFileType\t4\t(X/Y/Z)\tx.trc\n"
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n"
        f"{rate}\t{rate}\t2\t3\t{units}\t{rate}\t1\t2\nFrame#\tTime\tA\t\t\tB\t\t\tC\t\t\n\t\tX1\tY1\tZ1\n\n{rows}"
    )
    return text.replace("\n", newline)


@settings(max_examples=20, deadline=None)
@given(
    frames=st.integers(1, 6), start=st.floats(0, 1e4), rate=st.sampled_from([23.976, 30, 119.88, 250.0]), data=st.data()
)
def test_round_trip(tmp_path_factory, frames: int, start: float, rate: float, data) -> None:
    markers = _markers(frames, start, rate)
    gaps = data.draw(st.lists(st.booleans(), min_size=frames * 4, max_size=frames * 4))
    markers.positions_m[np.array(gaps).reshape(frames, 4)] = np.nan
    path = tmp_path_factory.mktemp("trc") / "a.trc"
    write_trc(markers, path)
    back = read_trc(path)
    assert back.names == markers.names and back.notes == []
    np.testing.assert_allclose(back.positions_m, markers.positions_m, atol=1e-8)
    np.testing.assert_allclose(back.time_s, markers.time_s, atol=1e-8)


def test_what_others_wrote_is_told_from_ours(tmp_path: Path) -> None:
    write_trc(_markers(rate_hz=29.97), ours := tmp_path / "a.trc")
    assert is_ours(ours)
    (tmp_path / "b.trc").write_text(_text())
    (tmp_path / "c.trc").write_text("")
    assert [is_ours(tmp_path / name) for name in ("b.trc", "c.trc")] == [False, False]


def test_opensim_reads_what_is_written_gaps_included(tmp_path: Path) -> None:
    markers = _markers()
    markers.positions_m[1, 0] = markers.positions_m[2, 3] = np.nan  # inside a row, and at its end
    markers.positions_m[3] = np.nan
    path = tmp_path / "a.trc"
    write_trc(markers, path)
    table = osim.TimeSeriesTableVec3(str(path))
    assert table.getNumRows() == 5 and list(table.getColumnLabels()) == markers.names
    np.testing.assert_allclose(table.getIndependentColumn(), markers.time_s, atol=1e-8)
    for frame in range(5):
        row = table.getRowAtIndex(frame)
        read = np.array([[row[k][axis] for axis in range(3)] for k in range(4)])
        np.testing.assert_allclose(read, markers.positions_m[frame], atol=1e-8)
    older = osim.MarkerData(str(path))
    assert older.getNumMarkers() == 4 and older.getNumFrames() == 5
    assert older.getDataRate() == pytest.approx(30, abs=1e-5)


def test_variable_rate_keeps_its_time_stamps(tmp_path: Path) -> None:
    markers = _markers()
    markers.time_s = np.array([0.5, 0.6, 0.65, 0.9, 1.0])
    write_trc(markers, tmp_path / "a.trc")
    back = read_trc(tmp_path / "a.trc")
    np.testing.assert_allclose(back.time_s, markers.time_s)
    assert back.notes == [] and back.rate_hz == pytest.approx(8)


def test_zeros_are_missing_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_text(
        _text(rows="1\t0.0\t0\t0\t0\t0\t1\t0\t0.5\t1\t0\n2\t0.033333\t0\t1\t0\t0\t0\t0\t1\t1\t0\n")
    )
    markers = read_trc(tmp_path / "a.trc")
    assert np.isnan(markers.positions_m[0, 0]).all() and np.isnan(markers.positions_m[1, 1]).all()
    assert np.isfinite(markers.positions_m[0, 1]).all()  # a zero coordinate alone is a value
    assert any(note.startswith("2 marker positions of exactly 0, 0, 0") for note in markers.notes)


def test_windows_lines_trailing_tabs_and_empty_cells(tmp_path: Path) -> None:
    rows = "1\t0.0\t0.1\t1\t0\t\t\t\t0.1\t1.5\t0\t\t\n2\t0.033333\t0.1\t1\t0\t0.3\t1\t0\t\t\t\n"
    (tmp_path / "a.trc").write_bytes(_text(rows=rows, newline="\r\n").encode())
    missing = np.isnan(read_trc(tmp_path / "a.trc").positions_m).all(-1)
    np.testing.assert_array_equal(missing, [[False, True, False], [False, False, True]])


@pytest.mark.parametrize(("units", "scale"), [("m", 1.0), ("cm", 0.01), ("mm", 0.001), (" mm ", 0.001)])
def test_units(tmp_path: Path, units: str, scale: float) -> None:
    body = np.array([[0.1, 1.0, 0.2], [0.3, 1.0, 0.1], [0.1, 1.5, 0.3]]) / scale
    rows = "".join(f"{i}\t{i / 30}\t" + "\t".join(f"{v:.6f}" for v in body.ravel()) + "\n" for i in range(2))
    (tmp_path / "a.trc").write_text(_text(units, rows=rows))
    np.testing.assert_allclose(read_trc(tmp_path / "a.trc").positions_m[0], body * scale, atol=1e-9)


def test_a_wrong_data_rate_is_told_and_time_kept(tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_text(_text(rate="120"))
    markers = read_trc(tmp_path / "a.trc")
    assert markers.rate_hz == pytest.approx(30, rel=1e-4)
    assert any("DataRate says 120 Hz" in note for note in markers.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_text("m").replace("1.5", "150000"), "no person does"),
        (_text("cm").replace("1.5", "150000"), "no person does"),
        (
            _text("mm").replace("1.5", "0.15").replace("\t1\t", "\t0.1\t").replace("0.3", "0.1"),
            "no person does",
        ),  # a part, or a toy
        (_text("furlong"), "not one of m, cm, mm"),
        (_text().replace("\tC\t", "\t\t"), "11 columns, and the marker names on the fourth line are for 8"),
        (_text().replace("0.033333", "0.0"), "does not increase at data row 2"),
        (_text().replace("0.033333", "soon"), "where a number should be"),
        (_text().replace("\tB\t", "\tA\t"), "repeated: A"),
        ("hello", "not a .trc file"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.trc").write_text(text)
    with pytest.raises(BioposeError, match=message) as caught:
        read_trc(tmp_path / "a.trc")
    assert caught.value.where == str(tmp_path / "a.trc")


def test_nothing_is_left_of_a_refused_write(tmp_path: Path) -> None:
    markers = _markers()
    markers.time_s[2] = markers.time_s[1]
    with pytest.raises(BioposeError, match="increases"):
        write_trc(markers, tmp_path / "a.trc")
    assert list(tmp_path.iterdir()) == []


def test_real_files(biopose_data: Path) -> None:
    odd = read_trc(biopose_data / "opensim_core_ik_standard/subject01_synthetic_marker_data.trc")  # a tab too many
    assert odd.names[0] == "Sternum" and odd.positions_m[0, 0] == pytest.approx([0.67076, 1.3961, -0.025106])
    assert odd.time_s[0] == pytest.approx(0.4)
    walk = read_trc(biopose_data / "opensim_core_walk3d/markers_walk.trc")
    assert walk.positions_m[0, 0] == pytest.approx([-0.652630, 1.529542, -0.094520])
    cut = read_trc(biopose_data / "opensim_core_ik_standard/abdbonepin.trc")
    assert cut.notes == ["NumFrames says 3514, the file has 1991 frames"]


@pytest.mark.parametrize(
    ("units", "told", "scale"),
    [("mm", "taken as m (", 1.0), ("m", "taken as mm (", 1000.0), ("meters", "taken as mm (", 1000.0)],
)
def test_metres_and_millimetres_mistaken_are_mended_and_told(
    tmp_path: Path, units: str, told: str, scale: float
) -> None:
    body = np.array([[0.1, 0.1, 0.2], [0.3, 1.0, 0.1], [0.1, 1.7, 0.3]])
    rows = "".join(f"{i}\t{i / 30}\t" + "\t".join(f"{v:.6f}" for v in (body * scale).ravel()) + "\n" for i in range(2))
    (tmp_path / "a.trc").write_text(_text(units, rows=rows))
    markers = read_trc(tmp_path / "a.trc")
    np.testing.assert_allclose(markers.positions_m[1], body, atol=1e-9)
    assert len(markers.notes) == 1 and told in markers.notes[0] and f"given as {units}," in markers.notes[0]


def test_counts_that_disagree_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_text(_text().replace("30\t30\t2\t3\tm", "30\t30\t7\t4\tm"))
    markers = read_trc(tmp_path / "a.trc")
    assert markers.names == ["A", "B", "C"] and len(markers.time_s) == 2
    assert markers.notes == ["NumFrames says 7, the file has 2 frames", "NumMarkers says 4, the file has 3 markers"]


def test_frames_left_out_of_a_regular_time_column_are_told(tmp_path: Path) -> None:
    markers = _markers(frames=40)
    kept = np.delete(np.arange(40), [10, 20, 21])
    write_trc(Markers(markers.names, markers.positions_m[kept], markers.time_s[kept]), tmp_path / "a.trc")
    assert [note for note in read_trc(tmp_path / "a.trc").notes if "leaves frames out in 2 places" in note]


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    swapped = "2\t0.033333\t0\t1\t0\t0.3\t1\t0\t0.1\t1.5\t0\n1\t0.0\t0\t1\t0\t0.3\t1\t0\t0.1\t1.5\t0\n"
    (tmp_path / "a.trc").write_text(_text(rows=swapped))
    with pytest.raises(BioposeError, match="does not increase at data row 2"):
        read_trc(tmp_path / "a.trc")


def test_what_was_edited_is_ours_no_more(tmp_path: Path) -> None:
    write_trc(_markers(), path := tmp_path / "a.trc")
    text = path.read_text()
    assert is_ours(path) and osim.TimeSeriesTableVec3(str(path)).getNumRows() == 5
    assert osim.MarkerData(str(path)).getNumFrames() == 5, "OpenSim's other reader"
    path.write_text(text[:-2] + ("1" if text[-2] == "0" else "0") + "\n")
    assert not is_ours(path)
    path.write_text(text.replace(text.splitlines()[0], "PathFileType\t4\t(X/Y/Z)\ta.trc"))
    assert is_ours(path), "of a version that wrote no sum"


def test_a_name_of_two_lines_leaves_the_head_as_it_is(tmp_path: Path) -> None:
    write_trc(_markers(), path := tmp_path / "a\nb\tc.trc")
    assert is_ours(path) and read_trc(path).names == _markers().names
    assert path.read_text().splitlines()[0].split("\t")[3] == "a_b_c.trc"


@pytest.mark.parametrize("change", ["no line of axes", "neither that nor a blank line", "keys in lower case", "DOS"])
def test_heads_of_other_writers(tmp_path: Path, change: str) -> None:
    cells = "\t10\t900\t0\t300\t1000\t0\t100\t1500\t0"
    lines = _text(units="mm", rows=f"1\t0.0{cells}\n2\t0.033333{cells}").split("\n")
    if change == "keys in lower case":
        lines[1] = lines[1].lower()
    elif change == "DOS":
        lines += ["\x1a", "\0\0\0"]
    else:
        del lines[4 : 5 if change == "no line of axes" else 6]
    (tmp_path / "a.trc").write_text("\n".join(lines))
    markers = read_trc(tmp_path / "a.trc")
    assert len(markers.time_s) == 2 and markers.notes == []
    np.testing.assert_allclose(markers.positions_m[0, 1], [0.3, 1, 0])


def test_a_lost_cell_is_no_frame(tmp_path: Path) -> None:
    """Pandas would shift the cells behind it to the left; a row that was cut off is left out."""
    whole = "\t".join(["0\t1\t0", "0.3\t1\t0", "0.1\t1.5\t0"])
    rows = [f"{k + 1}\t{k / 30:.6f}\t{whole}" for k in range(4)]
    (tmp_path / "a.trc").write_text(_text(rows="\n".join([rows[0], rows[1].replace("0.3\t", ""), *rows[2:]]) + "\n"))
    with pytest.raises(BioposeError, match="line 8 has 10 cells"):
        read_trc(tmp_path / "a.trc")
    (tmp_path / "b.trc").write_text(_text(rows="\n".join([*rows[:3], rows[3][:24]])))
    cut = read_trc(tmp_path / "b.trc")
    assert len(cut.time_s) == 3 and any("the file was cut off" in note for note in cut.notes)
    last = rows[3].removesuffix("\t0.1\t1.5\t0")  # the third marker is missing there
    (tmp_path / "c.trc").write_text(_text(rows="\n".join([*rows[:3], last]) + "\n"))
    assert len(read_trc(tmp_path / "c.trc").time_s) == 4
