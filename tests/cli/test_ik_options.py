"""The flags of `biopose ik`, and what each of them tells the main job: pinned, so that none is lost unseen."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from biomech.cli.ik import Command, _looked_at, ik
from biomech.pipeline import run
from biomech.pipeline.options import Options

SETS: tuple[tuple[str, str, Any], ...] = (
    ("--height 1.7", "height_m", 1.7),
    ("--mass 70", "mass_kg", 70.0),
    ("--sex female", "sex", "female"),
    ("--start 1", "start_s", 1.0),
    ("--end 2", "end_s", 2.0),
    ("--model a.osim", "model", Path("a.osim")),
    ("--markers a.xml", "marker_set", Path("a.xml")),
    ("--scaling a.xml", "scaling", Path("a.xml")),
    ("--solver neural,fast", "solvers", ("neural", "fast")),
    ("--solver neural --solver fast", "solvers", ("neural", "fast")),
    ("--smooth 10", "smooth_mm", 10.0),
    ("--polish", "polish", True),
    ("--fill", "fill", True),
    ("--workers 2", "workers", 2),
    ("--person 1", "person", 1),
    ("--person 640,360", "person", (640.0, 360.0)),
    ("--detector openpose", "detector", "openpose"),
    ("--detector-weights a.onnx", "detector_weights", Path("a.onnx")),
    ("--detector-config a.py", "detector_config", Path("a.py")),
    ("--layout halpe26", "layout", "halpe26"),
    ("--camera-motion still", "camera_motion", "still"),
    ("--video a.mp4", "video", Path("a.mp4")),
    ("--size-px 1280x720", "size_px", (1280, 720)),
    ("--mirror", "mirror", True),
    ("--no-fewer-looks", "fewer_looks", False),
    ("--camera-motion still", "camera_motion", "still"),
    ("--recover mqhmr", "recover", "mqhmr"),
    ("--neutral 1 2", "neutral", (1.0, 2.0)),
    ("--neutral stand.mp4", "neutral", Path("stand.mp4")),
    ("--no-refine", "refine", False),
    ("--mqhmr-weights a.safetensors", "mqhmr_weights", Path("a.safetensors")),
    ("--rate 60", "rate_hz", 60.0),
    ("--every 2", "every", 2),
    ("--focal-px 900", "focal_px", 900.0),
    ("--fov 60", "fov_deg", 60.0),
    ("--calibration a.toml", "calibration", Path("a.toml")),
    ("--offsets 0.25,-1.5", "offsets_s", (0.25, -1.5)),
    ("--body-models models", "body_models", Path("models")),
    ("--marker-vertices a.csv", "marker_vertices", Path("a.csv")),
    ("--camera weak", "camera", "weak"),
    ("--allow-pickle", "allow_pickle", True),
    ("--no-overlay", "overlay", False),
    ("--no-report", "report", False),
    ("--static a.trc", "static", Path("a.trc")),
    ("--personalise", "personalise", True),
    ("--tasks a.xml", "tasks", Path("a.xml")),
    ("--up z", "up", "z"),
    ("--subject A", "subject", "A"),
    ("--recovered", "recovered", True),
)
OF_THE_COMMAND = {"--out", "--overwrite", "--json"}


class Caught(Exception):
    """What the main job was told."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    def catch(_source: Path, _folder: Path, options: Options, **_: object) -> None:
        raise Caught(options)

    monkeypatch.setattr(run, "run_ik", catch)

    def call(arguments: str) -> Options:
        app = typer.Typer(add_completion=False)
        app.command(cls=Command)(ik)
        error = CliRunner().invoke(app, ["film.mp4", *arguments.split()]).exception
        assert isinstance(error, Caught), error
        return error.args[0]

    return call


def test_without_flags_the_defaults_hold(told) -> None:
    assert told("") == Options()


@pytest.mark.parametrize(("arguments", "option", "value"), SETS)
def test_what_a_flag_sets(told, arguments: str, option: str, value: object) -> None:
    said = told(arguments)
    assert said == replace(Options(), **{option: value}) and type(getattr(said, option)) is type(value)


def test_every_option_has_its_flag() -> None:
    app = typer.Typer(add_completion=False)
    app.command(cls=Command)(ik)
    params = typer.main.get_command(app).params[1:]  # type: ignore[attr-defined]
    flags = {flag for param in params for flag in (*param.opts, *param.secondary_opts) if flag.startswith("--")}
    pinned = {arguments.split()[0] for arguments, _, _ in SETS}
    assert flags - {"--refine", "--fewer-looks"} == pinned | OF_THE_COMMAND
    assert {option for _, option, _ in SETS} == {option.name for option in fields(Options)}
    assert all(param.help for param in params)


@pytest.mark.parametrize("arguments", ["--every 0", "--workers 0", "--height tall"])
def test_what_a_flag_does_not_take(arguments: str) -> None:
    app = typer.Typer(add_completion=False)
    app.command(cls=Command)(ik)
    result = CliRunner().invoke(app, ["film.mp4", *arguments.split()])
    assert result.exit_code == 2 and arguments.split()[0] in result.output


def test_help_says_what_each_takes() -> None:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=Command)(ik)
    said = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout.split())
    for words in (
        "Of the person, m. Sizes and distances hang on it.",
        "--neutral T0 T1|FILM Video: from when to when (s)",
        "Markers: IK or scale setup (.xml) with their weights. [default: --scaling's]",
        "--refine / --no-refine Video: move MQ-HMR's answer onto the picture. [default: refine]",
        "[default: so that 30 a second are left] [x>=1]",
        "Another .osim; for a video give its --markers too.",
    ):
        assert words in said


def test_looks_are_counted_among_the_frames_taken() -> None:
    result: Any = SimpleNamespace(figures={"detect": {"frames": 404, "frames_looked_at": 149}})
    assert "149 of the 404 frames taken" in _looked_at(result)
    result.figures["detect"]["frames_looked_at"] = 404
    assert _looked_at(result) == ""
