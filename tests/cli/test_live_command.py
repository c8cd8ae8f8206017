"""`biopose live`: what it prints, and what it refuses before anything is opened."""

import json

import pytest
from typer.testing import CliRunner

from biomech.cli import main
from biomech.errors import BioposeError
from biomech.live import session
from biomech.live.session import LiveFigures


@pytest.fixture(scope="module")
def app():
    if not main.app.registered_commands:
        main._register()
    return main.app


@pytest.fixture
def asked(monkeypatch):
    calls = []

    def live(source, **told):
        calls.append((source, told))
        files = [] if told["folder"] is None else [told["folder"] / "live.mp4"]
        return LiveFigures([80.0, 100.0], missed=3, seconds=0.1, with_person=2, files=files)

    monkeypatch.setattr(session, "live", live)
    return calls


def test_as_json(app, asked):
    result = CliRunner().invoke(
        app, ["live", "0", "--no-window", "--angle", "elbow_flex_r", "--seconds", "2", "--json"]
    )
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["frames"] == 2 and said["frames_missed"] == 3 and said["latency_ms_median"] == 90.0
    (source, told), *_ = asked
    assert source == "0" and told["angles"] == ("elbow_flex_r",) and told["seconds"] == 2.0 and told["show"] is None


def test_how_it_is_finished_is_said(app, asked, tmp_path):
    result = CliRunner().invoke(app, ["live", "film.mp4", "--no-window", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"biopose ik {tmp_path / 'live.mp4'} --out {tmp_path}" in result.stdout.replace("\n", "")


def test_an_angle_that_there_is_not(app, asked):
    result = CliRunner().invoke(app, ["live", "0", "--no-window", "--angle", "knee"])
    assert isinstance(result.exception, BioposeError)
    assert asked == []
