"""`biopose mesh` on real film."""

import json

import pytest
import typer
from typer.testing import CliRunner

from biomech.cli.mesh import mesh


@pytest.mark.slow
def test_writes_the_moving_body_and_its_meshes(biopose_data, tmp_path):
    film = biopose_data / "video/pose2sim_demo/videos/cam01.mp4"
    app = typer.Typer()
    app.command()(mesh)
    arguments = [
        str(film),
        "--end",
        "0.1",
        "--every",
        "1",
        "--glb",
        "--obj",
        "--obj-every",
        "3",
        "-o",
        str(tmp_path),
        "--json",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["figures"]["detect"]["frames"] == 6
    assert (tmp_path / "cam01.glb").read_bytes()[:4] == b"glTF"
    assert sorted(path.name for path in (tmp_path / "cam01_obj").iterdir()) == ["cam01_000000.obj", "cam01_000003.obj"]
