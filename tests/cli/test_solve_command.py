"""`biopose solve` on a real trial."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from biomech.cli import main
from biomech.cli.solve import solve
from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc


def _run(*arguments: str):
    import typer

    app = typer.Typer()
    app.command()(solve)
    return CliRunner().invoke(app, list(arguments))


def test_an_already_scaled_model(biopose_data: Path, tmp_path: Path) -> None:
    subject = biopose_data / "opencap_lab_subject4"
    whole = read_trc(subject / "MarkerData/walking1.trc")
    few = Markers(whole.names, whole.positions_m[20:23], whole.time_s[20:23])
    write_trc(few, tmp_path / "walk.trc")
    result = _run(
        str(tmp_path / "walk.trc"),
        *("--model", str(subject / "Models/manually_scaled.osim"), "-o", str(tmp_path / "out"), "--json"),
        *("--tasks", str(subject / "IK/walking1_ik_on_manually_scaled_setup.xml")),
    )
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert summary["frames"] == 3 and summary["ik_marker_rms_mm"] < 20
    files = ["walk.trc", "walk_classical.mot", "walk_ik_setup.xml"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == files


def test_our_model_asks_for_a_static_trial(tmp_path: Path) -> None:
    rows = "1\t0\t0\t1\t0\t0.3\t1\t0\t0.1\t1.5\t0\n"
    (tmp_path / "a.trc").write_text(
        "PathFileType\t4\t(X/Y/Z)\ta.trc\nDataRate\tNumFrames\tNumMarkers\tUnits\n30\t1\t3\tm\n"
        f"Frame#\tTime\tRASI\t\t\tLASI\t\t\tC7\n\n\n{rows}"
    )
    result = _run(str(tmp_path / "a.trc"))
    assert isinstance(result.exception, BioposeError)
    assert "static trial" in str(result.exception)
    with pytest.raises(BioposeError, match="not a marker file"):
        raise _run(str(tmp_path / "a.mp4")).exception  # type: ignore[misc]
    assert "solve" in main.VERBS
