"""`biopose extract`."""

import json
from dataclasses import replace

import numpy as np
import typer
from typer.testing import CliRunner

from biomech.cli.extract import extract
from biomech.markers.trc import read_trc
from biomech.markers.virtual import marker_body, neutral_motion, neutral_static


def test_extract_writes_the_markers_of_a_motion(tmp_path):
    body = marker_body()
    shape = body.default_shape().numpy()
    neutral_motion(body, shape, 3).save(tmp_path / "standing.npz")
    app = typer.Typer()
    app.command()(extract)
    target = tmp_path / "standing.trc"
    result = CliRunner().invoke(app, [str(tmp_path / "standing.npz"), "-o", str(target), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {"markers": str(target), "count": 142, "frames": 3, "notes": []}
    written, expected = read_trc(target), neutral_static(body, shape, 3)
    assert written.names == expected.names
    np.testing.assert_allclose(written.positions_m, expected.positions_m, atol=1e-5)


def test_frames_without_the_person_hold_no_numbers(tmp_path):
    body = marker_body()
    motion = replace(neutral_motion(body, body.default_shape().numpy(), 3), quality=np.array([0.9, 0.0, 0.2]))
    motion.save(tmp_path / "gone.npz")
    app = typer.Typer()
    app.command()(extract)
    target = tmp_path / "gone.trc"
    for fill, seen in ((["--fill"], [True, True, True]), ([], [True, False, True])):
        result = CliRunner().invoke(app, [str(tmp_path / "gone.npz"), "-o", str(target), *fill])
        assert result.exit_code == 0 and "seen well enough in 1 of 3 frames" in result.output
        assert np.isfinite(read_trc(target).positions_m).all((1, 2)).tolist() == seen


def test_help_names_the_file_that_is_written(tmp_path, monkeypatch):
    body = marker_body()
    neutral_motion(body, body.default_shape().numpy(), 2).save(tmp_path / "walk_motion.npz")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer(rich_markup_mode=None)
    app.command()(extract)
    assert "NAME_motion.trc" in CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert CliRunner().invoke(app, ["walk_motion.npz"]).exit_code == 0
    assert (tmp_path / "walk_motion.trc").is_file()
