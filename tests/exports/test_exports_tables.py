"""Markers and coordinates as ezc3d and pandas read them."""

from pathlib import Path
from types import SimpleNamespace

import ezc3d
import numpy as np
import pandas as pd

from biomech.exports.c3d import write_c3d
from biomech.exports.take import Take
from biomech.exports.tidy import write_tidy
from biomech.markers.c3d import read_c3d

GAP = 3


def test_c3d(take: Take, files: SimpleNamespace, tmp_path: Path) -> None:
    assert write_c3d(take, tmp_path / "m.c3d") == []
    file = ezc3d.c3d(str(tmp_path / "m.c3d"))
    said = file["parameters"]["POINT"]
    assert said["UNITS"]["value"] == ["mm"] and said["RATE"]["value"][0] == 50
    assert [said[f"{axis}_SCREEN"]["value"] for axis in "XY"] == [["+X"], ["+Y"]]
    labels, motion = said["LABELS"]["value"], files.motion
    assert labels == ["RKNE", "HEAD", *motion.names]
    lengths = [name for name, turns in zip(motion.names, motion.rotational, strict=True) if not turns]
    assert said["SCALARS"]["value"] == lengths
    assert said["ANGLES"]["value"] == [name for name in motion.names if name not in lengths]
    points, residuals = file["data"]["points"], file["data"]["meta_points"]["residuals"][0]
    np.testing.assert_array_equal(residuals[0] < 0, [False, False, True, False, False, False])
    seen = residuals[0] >= 0
    np.testing.assert_allclose(points[:3, 0, seen].T / 1000, files.places[seen, 0], atol=2e-5)
    for column, name in enumerate(motion.names):
        row = labels.index(name)
        expected = (
            np.rad2deg(motion.values[:, column]) if motion.rotational[column] else motion.values[:, column] * 1000
        )
        np.testing.assert_allclose(points[0, row, files.solved], expected, atol=1e-3)
        assert residuals[row, GAP] < 0 and (points[1:3, row, files.solved] == 0).all()


def test_c3d_comes_back_as_markers(take: Take, files: SimpleNamespace, tmp_path: Path) -> None:
    """The coordinates among its points are no markers."""
    write_c3d(take, tmp_path / "m.c3d")
    markers = read_c3d(tmp_path / "m.c3d")
    assert markers.names == ["RKNE", "HEAD"]
    np.testing.assert_allclose(markers.time_s, files.times, atol=1e-6)
    np.testing.assert_allclose(markers.positions_m, files.places, atol=2e-5)


def test_tidy(take: Take, files: SimpleNamespace, tmp_path: Path) -> None:
    write_tidy(take, tmp_path / "m.csv")
    table = pd.read_csv(tmp_path / "m.csv", keep_default_na=False)
    assert list(table.columns) == ["time", "coordinate", "value", "unit", "half_width", "trusted", "reason"]
    wide = table.pivot(index="time", columns="coordinate", values="value")
    np.testing.assert_allclose(wide[files.motion.names].to_numpy(), files.motion.table().to_numpy(), atol=6e-4)
    assert set(table["unit"][table["coordinate"] == "pelvis_tx"]) == {"m"}
    assert set(table["half_width"][table["unit"] == "deg"]) == {2.5}
    frames = table.groupby("time")["trusted"]
    assert frames.sum().tolist() == [40, 0, 39, 40, 40]
    bad = table[table["trusted"] == 0]
    assert set(bad["reason"]) == {"a marker over 6 cm off", "not determined by the markers seen"}


def test_without_a_quality_file_nothing_is_called_trusted(files: SimpleNamespace, tmp_path: Path) -> None:
    write_tidy(Take.read(files.paths[:2]), tmp_path / "m.csv")
    table = pd.read_csv(tmp_path / "m.csv")
    assert table["trusted"].isna().all() and table["half_width"].isna().all()
    assert set(table["reason"]) == {"nothing says whether it is to be trusted"}
