"""Forward kinematics of the fit: against the body's own, and its derivatives against finite differences."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.mesh.chain import BonePoints, Chain, Shaped, inverse_right_jacobian, joint_positions
from biomech.mesh.subject import Subject

STEP = 1e-6
FRAMES = 2


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load([0])


@pytest.fixture(scope="module")
def chain(body: AnnyBody) -> Chain:
    return Chain(body.parents, body.bone_names)


@pytest.fixture(scope="module")
def subject(body: AnnyBody) -> Subject:
    return Subject.start(body, 1.75, 70.0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def points(chain: Chain, rng: np.random.Generator) -> BonePoints:
    """A point on every bone, those that do not turn included."""
    bones = np.arange(len(chain.parents))
    offset, before = rng.normal(0, 0.1, (2, len(bones), 3))
    before[0] = 0  # there is none before the root
    return BonePoints(list(chain.bone_names), bones, offset, before)


@pytest.fixture
def posed(chain: Chain, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    turns = Rotation.from_rotvec(rng.normal(0, 0.5, (FRAMES * len(chain.parents), 3))).as_matrix()
    return turns.reshape(FRAMES, -1, 3, 3), rng.normal(size=(FRAMES, 3))


def test_joints_are_the_bodys(body: AnnyBody, chain: Chain, subject: Subject, posed) -> None:
    rotations, root = posed
    with torch.no_grad():
        rest = body.rest(torch.tensor(subject.shape).float())
        expected = body.pose(rest, torch.tensor(rotations).float(), torch.tensor(root).float())
    np.testing.assert_allclose(chain.globals(rotations), expected.rotations, atol=1e-5)
    joints = joint_positions(chain.parents, subject.shaped.joints, chain.globals(rotations), root)
    np.testing.assert_allclose(joints, expected.joints, atol=1e-5)


def test_derivatives_by_the_pose(chain: Chain, subject: Subject, points: BonePoints, posed) -> None:
    rotations, root = posed
    placed = chain.place(points, subject.shaped, rotations, root)
    np.testing.assert_allclose(placed.points, chain.positions(points, subject.shaped, rotations, root), atol=1e-12)
    for unknown in range(chain.size):
        step = np.zeros((FRAMES, chain.size))
        step[:, unknown] = STEP
        ahead, behind = (
            chain.positions(points, subject.shaped, chain.turn(rotations, s[:, 3:]), root + s[:, :3])
            for s in (step, -step)
        )
        np.testing.assert_allclose(placed.by_pose[..., unknown], (ahead - behind) / (2 * STEP), atol=1e-7)
    assert (np.abs(placed.by_pose).max((0, 1, 2)) > 1e-3).all(), "an unknown that moves nothing"


def test_derivatives_by_the_shape(chain: Chain, subject: Subject, points: BonePoints, posed) -> None:
    """Given the slopes, to the last digit; the slopes themselves to what a piecewise linear shape space allows."""
    slopes, shaped = subject.slopes(), subject.shaped
    placed = chain.place(points, shaped, *posed, slopes)
    assert placed.by_shape is not None and placed.by_shape.shape[-1] == subject.size
    for number in range(subject.size):
        ahead, behind = (
            chain.positions(
                points,
                Shaped(
                    shaped.joints + s * slopes.joints[..., number], shaped.stature_m + s * float(slopes.stature[number])
                ),
                *posed,
            )
            for s in (STEP, -STEP)
        )
        np.testing.assert_allclose(placed.by_shape[..., number], (ahead - behind) / (2 * STEP), atol=1e-7)
        change = np.zeros(subject.size)
        change[number] = 0.01
        moved = chain.positions(points, subject.moved(change).shaped, *posed) - placed.points
        np.testing.assert_allclose(moved, 0.01 * placed.by_shape[..., number], atol=5e-4)


@pytest.mark.parametrize("angle", [0.0, 1e-5, 0.02, 1.0, 2.8])
def test_inverse_right_jacobian(angle: float, rng: np.random.Generator) -> None:
    axis = rng.normal(size=3)
    vector = angle * axis / np.linalg.norm(axis)
    start = Rotation.from_rotvec(vector)
    columns = [
        ((start * Rotation.from_rotvec(s)).as_rotvec() - (start * Rotation.from_rotvec(-s)).as_rotvec()) / (2 * STEP)
        for s in STEP * np.eye(3)
    ]
    np.testing.assert_allclose(inverse_right_jacobian(vector[None])[0], np.stack(columns, 1), atol=1e-6)
