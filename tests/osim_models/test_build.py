"""Our skeleton against LaiUhlrich2022, and against OpenSim's own tools."""

import re
import subprocess
import sys

import numpy as np
import opensim
import pytest

from biomech.errors import BioposeError
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models import build, figures
from biomech.skeleton.model import load_model, quiet_opensim

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
NEW_COORDINATES = {"neck_extension", "neck_bending", "neck_rotation"} | {
    f"wrist_{motion}_{side}" for motion in ("flex", "dev") for side in "rl"
}


@pytest.fixture(scope="module")
def ours() -> opensim.Model:
    return load_model(build.DEFAULT_PATH)


@pytest.fixture(scope="module")
def with_patella(tmp_path_factory) -> opensim.Model:
    path = tmp_path_factory.mktemp("model") / "patella.osim"
    build.write(path, patella=True)
    return load_model(path)


@pytest.fixture(scope="module")
def reference(biopose_data) -> opensim.Model:
    return load_model(biopose_data / "models" / "laiuhlrich2022_opencap" / "LaiUhlrich2022.osim")


def coordinates(model) -> dict[str, opensim.Coordinate]:
    return {c.getName(): c for c in model.getCoordinateSet()}


def posed(model, pose: dict[str, float]) -> opensim.State:
    """The model's state in a pose, free of the ranges; patellae follow their knees."""
    state = model.getWorkingState()
    for name, coordinate in coordinates(model).items():
        coordinate.setClamped(state, False)
        value = pose.get(name.removesuffix("_beta"), 0.0)
        coordinate.setValue(state, value, False)
    model.realizePosition(state)
    return state


def body_transforms(model, state) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = {}
    for body in model.getBodySet():
        transform = body.getTransformInGround(state)
        rotation = transform.R().asMat33()
        found[body.getName()] = (
            transform.p().to_numpy(),
            np.array([[rotation.get(i, j) for j in range(3)] for i in range(3)]),
        )
    return found


def joint_centres(model, state) -> dict[str, np.ndarray]:
    return {
        joint.getName() + end: frame.getPositionInGround(state).to_numpy()
        for joint in model.getJointSet()
        for end, frame in ((" parent", joint.getParentFrame()), (" child", joint.getChildFrame()))
    }


def random_pose(model, rng) -> dict[str, float]:
    return {
        name: rng.uniform(c.getRangeMin(), c.getRangeMax())
        for name, c in coordinates(model).items()
        if not name.endswith("_beta") and name not in NEW_COORDINATES
    }


def disagreement(ours, reference, poses: int) -> tuple[float, float]:
    """Largest difference of a joint centre or body origin (m) and of a body's orientation (rad)."""
    rng = np.random.default_rng(0)
    distance = angle = 0.0
    for _ in range(poses):
        pose = random_pose(ours, rng)
        state, state_reference = posed(ours, pose), posed(reference, pose)
        centres, theirs = joint_centres(ours, state), joint_centres(reference, state_reference)
        for name in centres.keys() & theirs.keys():
            distance = max(distance, np.linalg.norm(centres[name] - theirs[name]))
        bodies, theirs = body_transforms(ours, state), body_transforms(reference, state_reference)
        for name in bodies.keys() & theirs.keys():
            distance = max(distance, np.linalg.norm(bodies[name][0] - theirs[name][0]))
            difference = bodies[name][1].T @ theirs[name][1]
            sine = np.linalg.norm(difference - difference.T) / np.sqrt(8)
            angle = max(angle, np.arctan2(sine, (np.trace(difference) - 1) / 2))
    return float(distance), float(angle)


def test_joint_centres_agree_with_laiuhlrich2022(ours, reference):
    distance, angle = disagreement(ours, reference, poses=40)
    assert distance < 1e-4
    assert angle < 1e-4


def test_patella_variant_agrees_with_laiuhlrich2022(with_patella, reference):
    distance, angle = disagreement(with_patella, reference, poses=10)
    assert distance < 1e-4
    assert angle < 1e-4
    assert {"patella_r", "patella_l"} <= {b.getName() for b in with_patella.getBodySet()}


def test_bodies_and_coordinates_are_those_of_laiuhlrich2022_and_neck_and_wrists(ours, with_patella, reference):
    assert set(coordinates(with_patella)) == set(coordinates(reference)) | NEW_COORDINATES
    assert set(coordinates(ours)) == set(coordinates(with_patella)) - {"knee_angle_r_beta", "knee_angle_l_beta"}
    bodies = {b.getName() for b in reference.getBodySet()}
    assert {b.getName() for b in with_patella.getBodySet()} == bodies | {"head"}
    assert {j.getName() for j in with_patella.getJointSet()} == {j.getName() for j in reference.getJointSet()} | {
        "neck"
    }


def test_mass_and_mass_centre_stay_where_they_are(ours, with_patella, reference):
    for model in (ours, with_patella):
        state, state_reference = posed(model, {"pelvis_ty": 0.9}), posed(reference, {"pelvis_ty": 0.9})
        assert model.getTotalMass(state) == pytest.approx(reference.getTotalMass(state_reference))
        assert model.calcMassCenterPosition(state).to_numpy() == pytest.approx(
            reference.calcMassCenterPosition(state_reference).to_numpy(), abs=1e-6
        )


def test_head_and_torso_together_have_the_inertia_of_the_whole(with_patella, reference):
    """Standing, every turn of the whole body feels the same inertia as before the head was split off."""
    inertias = []
    for model in (with_patella, reference):
        state = posed(model, {"pelvis_ty": 0.9})
        matrix = opensim.Matrix()
        model.getMatterSubsystem().calcM(state, matrix)
        # the pelvis joins the ground first, so its three rotations are the first speeds
        inertias.append(np.array([[matrix.get(i, j) for j in range(3)] for i in range(3)]))
    assert inertias[0] == pytest.approx(inertias[1], rel=1e-6, abs=1e-6)


def test_rebuilding_gives_the_committed_file(tmp_path):
    """Else run ``python -m biomech.osim_models.build`` again: a figure or a marker has changed."""
    build.write(tmp_path / "again.osim", load_virtual_markers().on_model())
    again, committed = (
        (NUMBER.split(path.read_text()), NUMBER.findall(path.read_text()))
        for path in (tmp_path / "again.osim", build.DEFAULT_PATH)
    )
    assert again[0] == committed[0]
    # Other processors round the last digits otherwise.
    assert [float(n) for n in again[1]] == pytest.approx([float(n) for n in committed[1]], rel=1e-12, abs=1e-15)


def test_the_committed_file_carries_the_virtual_markers(ours):
    found = {
        marker.getName(): (marker.getParentFrame().getName(), *marker.get_location().to_numpy())
        for marker in ours.getMarkerSet()
    }
    assert len(found) == 142
    for name, body, location in load_virtual_markers().on_model():
        assert found[name][0] == body
        assert found[name][1:] == pytest.approx(location)


def meshes(model, state) -> dict[str, tuple]:
    """Each mesh file's origin in the ground and its scale factor, in the given pose."""
    found = {}
    for component in model.getComponentsList():
        mesh = opensim.Mesh.safeDownCast(component)
        if mesh is not None:
            origin = mesh.getFrame().getPositionInGround(state).to_numpy()
            found[mesh.get_mesh_file()] = (*origin, mesh.get_scale_factors().get(0))
    return found


def test_bones_are_drawn_where_laiuhlrich2022_draws_them(with_patella, reference):
    standing = {"pelvis_ty": 0.94}
    found = meshes(with_patella, posed(with_patella, standing))
    expected = meshes(reference, posed(reference, standing))
    assert found.keys() == expected.keys()
    for name, place in expected.items():
        assert found[name] == pytest.approx(place, abs=1e-6), name


def scaled(model, factors: dict[str, tuple[float, float, float]]) -> opensim.Model:
    copy = opensim.Model(model)
    state = copy.initSystem()
    scales = opensim.ScaleSet()
    for body, three in factors.items():
        scale = opensim.Scale()
        scale.setSegmentName(body)
        scale.setScaleFactors(opensim.Vec3(*three))
        scale.setApply(True)
        scales.cloneAndAppend(scale)
    assert copy.scale(state, scales, True, 80.0)
    copy.initSystem()
    return copy


def test_scales_as_laiuhlrich2022_does(ours, reference):
    """Unlike factors for every body and axis, so that a centre scaled by a wrong body's or along a wrong axis shows."""
    rng = np.random.default_rng(2)
    names = [body.getName() for body in reference.getBodySet()]
    factors = {name: tuple(float(x) for x in rng.uniform(0.8, 1.2, 3)) for name in names}
    factors["head"] = (1.0, 1.0, 1.0)
    distance, angle = disagreement(scaled(ours, factors), scaled(reference, factors), poses=10)
    assert distance < 1e-4
    assert angle < 1e-4


SIGNS = [  # coordinate, body, a point of it (m), direction in which a positive value moves the point
    ("neck_extension", "head", (0, 0.2, 0), (-1, 0, 0)),
    ("neck_bending", "head", (0, 0.2, 0), (0, 0, 1)),
    ("neck_rotation", "head", (0.1, 0, 0), (0, 0, -1)),
    ("wrist_flex_r", "hand_r", (0, -0.1, 0), (1, 0, 0)),
    ("wrist_flex_l", "hand_l", (0, -0.1, 0), (1, 0, 0)),
    ("wrist_dev_r", "hand_r", (0, -0.1, 0), (0, 0, -1)),
    ("wrist_dev_l", "hand_l", (0, -0.1, 0), (0, 0, 1)),
    ("knee_angle_r", "tibia_r", (0, -0.4, 0), (-1, 0, 0)),
    ("knee_angle_l", "tibia_l", (0, -0.4, 0), (-1, 0, 0)),
    ("elbow_flex_l", "ulna_l", (0, -0.2, 0), (1, 0, 0)),
]


@pytest.mark.parametrize(("coordinate", "body", "point", "direction"), SIGNS, ids=[row[0] for row in SIGNS])
def test_a_positive_value_moves_as_documented(ours, coordinate, body, point, direction):
    at = []
    for value in (0.0, 0.05):
        state = posed(ours, {coordinate: value})
        station = opensim.Vec3(*(float(x) for x in point))
        at.append(ours.getBodySet().get(body).findStationLocationInGround(state, station).to_numpy())
    moved = (at[1] - at[0]) / np.linalg.norm(at[1] - at[0])
    assert moved @ direction > 0.9


def test_every_coordinate_has_its_range(ours):
    found = coordinates(ours)
    for name, figure in figures.COORDINATES.items():
        unit = 1.0 if name in figures.PELVIS_TRANSLATIONS else np.pi / 180
        assert (found[name].getRangeMin(), found[name].getRangeMax()) == pytest.approx(
            (figure.low * unit, figure.high * unit)
        )
    for name, figure in figures.SIDE_COORDINATES.items():
        for coordinate in (found[f"{name}_r"], found[f"{name}_l"]):
            assert np.degrees(coordinate.getRangeMin()) == pytest.approx(figure.low)
            assert np.degrees(coordinate.getRangeMax()) == pytest.approx(figure.high)
    assert len(found) == len(figures.COORDINATES) + 2 * len(figures.SIDE_COORDINATES)
    assert not any(coordinate.getDefaultClamped() for coordinate in found.values())


def test_opensim_loads_saves_and_realises_it_without_a_warning(tmp_path):
    """In a process of its own, with the log at Warn; only meshes, which the wheel lacks, may be missed."""
    code = (
        "import opensim; opensim.Logger.removeFileSink(); opensim.Logger.setLevelString('Warn')\n"
        f"model = opensim.Model({str(build.DEFAULT_PATH)!r}); state = model.initSystem()\n"
        "model.realizeAcceleration(state); model.printToXML('again.osim')\n"
        "opensim.Model('again.osim').initSystem()"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    said = [line for line in (run.stdout + run.stderr).splitlines() if "warning" in line or "error" in line]
    assert [line for line in said if not line.endswith(".vtp'.")] == []


def test_inverse_kinematics_tool_finds_a_pose(tmp_path):
    places = ((0.0, 0.1, 0.1), (0.1, 0.0, -0.1), (-0.1, -0.2, 0.05))
    markers = [(f"{body}_{k}", body, place) for body in ("pelvis", "femur_r") for k, place in enumerate(places)]
    build.write(tmp_path / "model.osim", markers)
    model = load_model(tmp_path / "model.osim")
    truth = {
        "pelvis_tilt": 0.2,
        "pelvis_ty": 0.95,
        "hip_flexion_r": 0.9,
        "hip_adduction_r": -0.2,
        "hip_rotation_r": 0.1,
    }
    state = posed(model, truth)
    positions = [marker.getLocationInGround(state).to_numpy() for marker in model.getMarkerSet()]
    table = opensim.TimeSeriesTableVec3()
    table.setColumnLabels([name for name, _, _ in markers])
    for time in (0.0, 0.1, 0.2):
        table.appendRow(time, opensim.RowVectorVec3([opensim.Vec3(*(float(x) for x in p)) for p in positions]))
    table.addTableMetaDataString("DataRate", "10")
    table.addTableMetaDataString("Units", "m")
    opensim.TRCFileAdapter.write(table, str(tmp_path / "markers.trc"))
    tool = opensim.InverseKinematicsTool()
    tool.setModel(model)
    tool.setMarkerDataFileName(str(tmp_path / "markers.trc"))
    tool.setOutputMotionFileName(str(tmp_path / "found.mot"))
    tool.setStartTime(0.0)
    tool.setEndTime(0.2)
    tool.set_accuracy(1e-9)
    tool.setResultsDir(str(tmp_path))
    with quiet_opensim():
        assert tool.run()
    found = opensim.TimeSeriesTable(str(tmp_path / "found.mot"))
    for name, value in truth.items():
        got = found.getDependentColumn(name).to_numpy()
        assert got == pytest.approx(value if name == "pelvis_ty" else np.degrees(value), abs=0.01)


def test_a_marker_on_an_unknown_body_is_refused():
    with pytest.raises(BioposeError, match="tail"):
        build.build_model([("tip", "tail", (0, 0, 0))])
