"""The skeleton's files as other programs read them, against OpenSim's own forward kinematics."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pyvista
import vtk
from bvh_places import joint_places
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.exports.bones import octahedron
from biomech.exports.bvh import write_bvh
from biomech.exports.glb import write_skeleton_glb
from biomech.exports.take import Take
from biomech.exports.visualizer import write_visualizer
from biomech.kinematics.kinematics import Kinematics

GAP, RATE_HZ = 3, 50.0


@pytest.mark.parametrize("positions_add", [False, True])
def test_bvh(take: Take, truth: SimpleNamespace, tmp_path: Path, positions_add: bool) -> None:
    (note,) = write_bvh(take, tmp_path / "m.bvh")
    assert note == "1 of 6 frames have no pose: the .bvh holds the pose before"
    places, frame_s = joint_places(tmp_path / "m.bvh", positions_add=positions_add)
    assert frame_s == pytest.approx(1 / RATE_HZ)
    assert set(places) == {*truth.centres, "tibia_r_glide", "tibia_l_glide"}
    for name, centres in truth.centres.items():
        held = np.insert(centres, GAP, centres[GAP - 1], axis=0)
        assert np.abs(places[name] / 100 - held).max() < 1e-6, name  # a micrometre


def test_visualizer_json(take: Take, truth: SimpleNamespace, files: SimpleNamespace, tmp_path: Path) -> None:
    write_visualizer(take, tmp_path / "m.json")
    said = json.loads((tmp_path / "m.json").read_text())
    np.testing.assert_allclose(said["time"], files.motion.time_s, atol=1e-6)
    assert set(said["bodies"]) == set(truth.origins)
    for name, body in said["bodies"].items():
        np.testing.assert_allclose(body["translation"], truth.origins[name], atol=1e-6)
        # As three.js turns: about X, then the turned Y, then the turned Z.
        for angles, turn in zip(body["rotation"], truth.turns[name], strict=True):
            by_axis = [Rotation.from_euler(axis, angle).as_matrix() for axis, angle in zip("xyz", angles, strict=True)]
            np.testing.assert_allclose(by_axis[0] @ by_axis[1] @ by_axis[2], turn, atol=1e-5)
        assert len(body["scaleFactors"]) == 3
    assert said["bodies"]["femur_r"]["attachedGeometries"] == ["r_femur.vtp"]


def shown(path: Path, steps: list[int]) -> dict[int, list[np.ndarray]]:
    """Points of every node's own surface in the ground, by frame and node, as VTK sees the file; 2 s a frame."""
    reader = vtk.vtkGLTFReader()
    reader.SetFileName(str(path))
    reader.SetApplyDeformationsToGeometry(True)
    reader.SetFrameRate(round(RATE_HZ))
    reader.UpdateInformation()
    reader.EnableAnimation(0)
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    frames = {}
    for step in steps:
        reader.UpdateTimeStep(times[step])
        found: dict[int, np.ndarray] = {}
        _surfaces(pyvista.wrap(reader.GetOutput()), found)
        frames[step] = [found[node] for node in sorted(found)]
    return frames


def _surfaces(block: pyvista.MultiBlock, found: dict[int, np.ndarray]) -> None:
    for number in range(block.n_blocks):
        name, part = block.get_block_name(number) or "", block[number]
        if name.startswith("Mesh_"):
            found[int(name[5:])] = np.array(part[0].points)
        elif isinstance(part, pyvista.MultiBlock):
            _surfaces(part, found)


def test_glb(take: Take, truth: SimpleNamespace, files: SimpleNamespace, tmp_path: Path) -> None:
    """Every body's surface where OpenSim's transform brings it, in every frame."""
    assert write_skeleton_glb(take, tmp_path / "m.glb") == []
    steps = np.flatnonzero(files.solved).tolist()
    frames = shown(tmp_path / "m.glb", [steps[0], steps[2], steps[-1]])
    at_first = frames[0]
    for node, name in enumerate(take.posed.names):
        local = (at_first[node] - truth.origins[name][0]) @ truth.turns[name][0]
        assert 0.02 < np.ptp(local, axis=0).max() < 0.6
        for step in frames:
            frame = steps.index(step)
            expected = local @ truth.turns[name][frame].T + truth.origins[name][frame]
            assert np.abs(frames[step][node] - expected).max() < 1e-4, (name, frame)


def test_glb_names_its_nodes(take: Take, tmp_path: Path) -> None:
    write_skeleton_glb(take, tmp_path / "m.glb")
    content = (tmp_path / "m.glb").read_bytes()
    said = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    assert [node["name"] for node in said["nodes"]] == take.posed.names
    assert {channel["target"]["path"] for channel in said["animations"][0]["channels"]} == {"translation", "rotation"}


def test_own_surfaces_are_taken_where_they_are(files: SimpleNamespace, tmp_path: Path) -> None:
    folder = tmp_path / "surfaces"
    folder.mkdir()
    pyvista.Sphere(radius=0.1, center=(0, -0.2, 0)).save(folder / "r_femur.vtp")
    take = Take.read(files.paths[:2], folder)
    (note,) = write_skeleton_glb(take, tmp_path / "m.glb")
    assert note == "1 bodies have the model's own surfaces, the others plain bones"
    femur = take.posed.names.index("femur_r")
    assert len(shown(tmp_path / "m.glb", [0])[0][femur]) > 1000
    with pytest.raises(BioposeError, match="no such folder"):
        Take.read(files.paths[:2], tmp_path / "none")


def test_an_octahedron_is_closed_and_faces_outwards() -> None:
    corners = octahedron([0, 0, 0], [0, 0.4, 0])
    assert corners.shape == (8, 3, 3)
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(2 * 0.03**2 * 0.4 / 3, rel=1e-6)
    assert len(octahedron([0, 0, 0], [0, 0, 0])) == 0


def test_uneven_frames_go_into_files_that_keep_times(take: Take, tmp_path: Path) -> None:
    motion = take.kinematics
    uneven = Kinematics(
        motion.names, motion.values, motion.time_s[0] + np.array([0, 0.01, 0.05, 0.06, 0.2]), motion.rotational
    )
    bare = Take(name="uneven", model=take.model, kinematics=uneven)
    with pytest.raises(BioposeError, match="not evenly apart"):
        write_bvh(bare, tmp_path / "m.bvh")
    assert list(tmp_path.iterdir()) == []
    write_visualizer(bare, tmp_path / "m.json")
    np.testing.assert_allclose(np.diff(json.loads((tmp_path / "m.json").read_text())["time"]), [0.01, 0.04, 0.01, 0.14])
