"""Our skeleton against LaiUhlrich2022, and against OpenSim's own tools."""

import numpy as np
import opensim
import pytest
from biomech.osim_models import build

from biomech.skeleton.model import load_model

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


@pytest.mark.parametrize("patella", [False, True])
def test_rebuilding_gives_the_same_file(tmp_path, patella):
    build.write(tmp_path / "a.osim", patella=patella)
    build.write(tmp_path / "b.osim", patella=patella)
    assert (tmp_path / "a.osim").read_bytes() == (tmp_path / "b.osim").read_bytes()
    if not patella:
        assert (tmp_path / "a.osim").read_bytes() == build.DEFAULT_PATH.read_bytes()
