"""Bones beside a model: OpenSim finds all that our skeleton names, and reads them."""

import shutil
from pathlib import Path

import numpy as np
import opensim
import pytest

from biomech.osim_models import DEFAULT_PATH
from biomech.osim_models.bones import FOLDER, lay_bones, mesh_beside, meshes_of
from biomech.skeleton.model import load_model


def test_opensim_finds_every_bone_of_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "walk.osim"
    shutil.copyfile(DEFAULT_PATH, model)
    laid = lay_bones(model)
    assert sorted(path.name for path in laid) == sorted(meshes_of(model)) and len(laid) == 79
    assert all(mesh_beside(model, path.name) == path for path in laid)
    assert lay_bones(model) == []  # they are there
    opensim.Model(str(model)).initSystem()
    heard = capfd.readouterr()
    assert "Couldn't find file" not in heard.out + heard.err


def test_bones_that_are_there_stay(tmp_path: Path) -> None:
    model = tmp_path / "walk.osim"
    shutil.copyfile(DEFAULT_PATH, model)
    (tmp_path / "r_femur.vtp").write_text("mine")
    laid = lay_bones(model)
    assert "r_femur.vtp" not in {path.name for path in laid} and (tmp_path / "r_femur.vtp").read_text() == "mine"


def test_nothing_for_models_of_other_bones(tmp_path: Path) -> None:
    (tmp_path / "a.osim").write_text("<a><mesh_file>horse.vtp</mesh_file><mesh_file>../r_femur.vtp</mesh_file></a>")
    (tmp_path / "b.osim").write_text("<a><b></a>")
    assert lay_bones(tmp_path / "a.osim") == lay_bones(tmp_path / "b.osim") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.osim", "b.osim"]


def test_they_are_small_and_read_as_surfaces() -> None:
    files = sorted(FOLDER.glob("*.vtp"))
    assert sum(path.stat().st_size for path in files) < 1_000_000 and (FOLDER / "LICENSE").is_file()
    for path in files:
        mesh = opensim.PolygonalMesh() if hasattr(opensim, "PolygonalMesh") else None
        if mesh is not None:
            mesh.loadFile(str(path))
            assert mesh.getNumFaces() > 20, path.name


@pytest.mark.parametrize("side", "rl")
def test_the_thigh_reaches_from_hip_to_knee(side: str) -> None:
    """Drawn in the body's frame, so that it turns with it: the head at the hip, the condyles round the knee."""
    pyvista = pytest.importorskip("pyvista")
    bone = pyvista.read(FOLDER / f"{side}_femur.vtp")
    model = load_model(DEFAULT_PATH)
    state = model.getWorkingState()
    knee = model.getJointSet().get(f"walker_knee_{side}").getParentFrame().getPositionInGround(state).to_numpy()
    hip = model.getBodySet().get(f"femur_{side}").getPositionInGround(state).to_numpy()
    length = np.linalg.norm(knee - hip)
    assert -0.035 < bone.bounds[2] + length < -0.015 and 0 < bone.bounds[3] < 0.04
