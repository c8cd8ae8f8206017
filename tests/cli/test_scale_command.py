"""`biopose scale`: the stage between `extract` and `solve`, alone."""

import json
from pathlib import Path
from typing import Any

import opensim
import pytest
import typer
from typer.testing import CliRunner

from biomech.cli.scale import scale
from biomech.cli.solve import solve
from biomech.errors import BioposeError
from biomech.markers.trc import write_trc
from biomech.markers.virtual import marker_body, neutral_motion, neutral_static


def invoked(command, *arguments: object) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, body = tmp_path_factory.mktemp("scale"), marker_body()
    shape = body.default_shape().numpy()
    neutral_motion(body, shape, 3).save(folder / "a walk_motion.npz")
    write_trc(neutral_static(body, shape, 3), folder / "static.trc")
    return folder


def test_a_recovered_body_and_its_static_trial_give_one_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = [invoked(scale, folder / name, "--mass", 70, "--json") for name in ("a walk_motion.npz", "static.trc")]
    first, second = (json.loads(result.stdout) for result in said)
    assert (first["model"], second["model"]) == ("a_walk_scaled.osim", "static_scaled.osim")
    for name, factors in first["factors"].items():
        assert second["factors"][name] == pytest.approx(factors, abs=0.01)
    model = opensim.Model("a_walk_scaled.osim")
    assert model.getTotalMass(model.initSystem()) == pytest.approx(70)
    assert Path("a_walk_scaled_scale_setup.xml").is_file()
    solved = invoked(solve, folder / "static.trc", "--model", "a_walk_scaled.osim", "--solver", "fast", "--json")
    assert json.loads(solved.stdout)["marker_rms_mm"] < 10


def test_what_it_refuses(folder: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (("a walk_motion.npz", "--up", "z"), "is for a static trial"),
        (("a walk_motion.npz", "--model", folder / "static.trc"), "go together"),
        (("a walk_motion.npz", "-o", tmp_path / "a b.osim"), "Name it a_b.osim"),
        (("static.trc", "--mass", 0.5), "mass"),
        (("none.trc",), "no such file"),
    ):
        told = invoked(scale, folder / arguments[0], *arguments[1:])
        assert isinstance(told.exception, BioposeError) and said in str(told.exception), told.output
    assert not list(tmp_path.iterdir())
