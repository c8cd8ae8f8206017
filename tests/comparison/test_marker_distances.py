"""Markers that are off by what is known."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from biomech.cli.compare import compare
from biomech.comparison.marker_distances import compare_markers
from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc

TIMES = np.arange(200) / 100
NAMES = ["C7", "r.knee", "L_toe"]


@pytest.fixture
def reference() -> Markers:
    phase = 4 * TIMES[:, None] + 0.4 * TIMES[:, None] ** 2 + np.arange(3)
    places = np.stack(
        [0.8 * TIMES[:, None] + 0.1 * np.sin(phase), 1 + 0.2 * np.cos(phase), 0.3 * np.sin(phase / 2)], -1
    )
    return Markers(NAMES, places, TIMES)


def test_an_offset_is_no_straying(reference: Markers) -> None:
    places = reference.positions_m.copy()
    places[:, 1] += [0.03, 0.0, -0.04]
    places[:50, 2] = np.nan
    other = Markers(["c7", "R.Knee", "L_toe", "extra"], np.concatenate([places, places[:, :1]], 1), TIMES)
    told = compare_markers((Path("a.trc"), reference), (Path("b.trc"), other))
    knee = told.figures("r.knee")
    assert (knee["mean_mm"], knee["rms_mm"], knee["max_mm"]) == pytest.approx((50, 50, 50))
    assert (knee["x_mm"], knee["y_mm"], knee["z_mm"], knee["sd_mm"]) == pytest.approx((30, 0, -40, 0), abs=1e-9)
    assert told.figures("L_toe")["frames"] == 150 and told.figures("C7")["max_mm"] == pytest.approx(0, abs=1e-9)
    assert told.notes == ["only in this recording: extra"]
    assert told.figures()["max_mm"] == pytest.approx(50) and told.figures()["sd_mm"] == pytest.approx(0, abs=1e-9)


def test_another_clock_and_heading(reference: Markers) -> None:
    turn = Rotation.from_euler("Y", 40, degrees=True)
    places = turn.apply(reference.positions_m.reshape(-1, 3)).reshape(-1, 3, 3) + np.array([2.0, 0.0, -1.0])
    other = Markers(NAMES, places, TIMES + 0.5)
    told = compare_markers((Path("a.trc"), reference), (Path("b.trc"), other), time=True, heading=True)
    assert told.heading is not None and np.rad2deg(told.heading.turn_rad) == pytest.approx(-40, abs=0.1)
    assert told.time_shift is not None and told.time_shift.shift_s == pytest.approx(-0.5, abs=2e-3)
    assert told.figures()["max_mm"] < 3


def test_what_is_refused(reference: Markers) -> None:
    ours = (Path("a.trc"), reference)
    with pytest.raises(BioposeError, match="no marker in common"):
        compare_markers(ours, (Path("b.trc"), Markers(["x", "y", "z"], reference.positions_m, TIMES)))
    with pytest.raises(BioposeError, match="no time in common"):
        compare_markers(ours, (Path("b.trc"), Markers(NAMES, reference.positions_m, TIMES + 9)))


def test_the_command(reference: Markers, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(compare)
    write_trc(reference, tmp_path / "a.trc")
    write_trc(Markers(NAMES, reference.positions_m + np.array([0.01, 0, 0]), TIMES), tmp_path / "b.trc")
    files = [str(tmp_path / name) for name in ("a.trc", "b.trc")]
    lines = CliRunner().invoke(app, files).output.splitlines()
    assert lines[-1].split() == ["all", "markers", "mm", "200", *["10.0"] * 4, "0.0", "0.0", "0.0"]
    told = json.loads(CliRunner().invoke(app, [*files, "--json"]).output)
    assert told["motions"][0]["markers"]["C7"]["x_mm"] == pytest.approx(10, abs=0.01)
    rows = list(csv.DictReader(CliRunner().invoke(app, [*files, "--csv"]).output.splitlines()))
    assert [row["marker"] for row in rows] == NAMES and float(rows[0]["mean_mm"]) == pytest.approx(10, abs=0.01)
    refused = CliRunner().invoke(app, [*files, "--cycles"]).exception
    assert isinstance(refused, BioposeError) and "markers have no angles" in str(refused)
