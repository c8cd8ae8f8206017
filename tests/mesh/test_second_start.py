"""The second start: where it is looked for, what it may change, and that it finds what the first does not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.bench import hard_poses
from biomech.bench.lens import Filmed, film
from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, pose_of
from biomech.body.motion import BodyMotion
from biomech.mesh.features import SIZE
from biomech.mesh.fit import State
from biomech.mesh.second_start import _between, _path, orientations, second_start, unlike

ON_THE_SHOULDERS = {"pelvis_tilt": 165.0, "lumbar_extension": -45.0, "hip_flexion": 15.0, "neck_extension": -40.0}


@pytest.fixture(scope="module")
def lying() -> tuple[Filmed, BodyMotion]:
    shape = AnnyBody.load([0]).default_shape().double().numpy()
    motion, truth = hard_poses.entered({}, ON_THE_SHOULDERS, shape)
    return film(motion, truth, -60.0, 4.0, 67.0, ("second start", 0)), motion


@pytest.fixture(scope="module")
def trial(lying) -> hard_poses.Tried:
    return hard_poses.Tried.of(*lying)


def test_every_orientation_has_one_of_the_grid_near() -> None:
    grid = orientations()
    assert np.allclose(grid @ np.swapaxes(grid, 1, 2), np.eye(3)) and np.allclose(np.linalg.det(grid), 1)
    others = Rotation.random(200, random_state=1).as_matrix()
    traces = np.einsum("aij,bij->ab", others, grid).max(1)
    assert np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))).max() < 32


def test_what_the_network_is_sure_of_is_not_searched(trial) -> None:
    sure = replace(trial.evidence, guess_sd=np.full((len(trial.evidence.xy), SIZE), 0.1))
    unsure = replace(sure, guess_sd=3 * sure.guess_sd)
    unknown = replace(sure, guess_sd=np.full_like(sure.guess_sd, np.inf))
    assert not unlike([sure]).any() and unlike([unsure]).all() and not unlike([unknown]).any()
    assert not unlike([unsure, unsure]).any()


def test_costs_of_frames_are_what_the_cost_is_of(trial) -> None:
    fit, state = trial.fit(), trial.begun
    fit.minimise(state, iterations=0, grounded=False)
    costs, whole = fit.costs(state), fit.cost(state)
    assert (costs > 0).all() and 0.5 * whole < costs.sum() <= whole


def test_the_path_takes_what_is_cheap_and_does_not_jump_for_little() -> None:
    straight, bent = (pose_of(["knee_angle_r"], np.full((5, 1), angle)) for angle in (0.0, 2.0))
    states = [State(pose, np.zeros((5, 3)), None, None) for pose in (straight, bent)]  # type: ignore[arg-type]
    costs = np.array([[1.0, 9.0]] * 5)
    assert _path(costs, states, np.full(4, 0.1)).tolist() == [0] * 5
    costs[2] = [3.0, 1.0]  # worth no jump there and back
    assert _path(costs, states, np.full(4, 0.1)).tolist() == [0] * 5
    costs[:2], costs[2:] = [1.0, 100.0], [500.0, 1.0]
    assert _path(costs, states, np.full(4, 0.1)).tolist() == [0, 0, 1, 1, 1]


def test_frames_that_are_not_searched_stay(trial) -> None:
    found = trial.begun
    where = np.zeros(len(found.root), bool)
    where[10:20] = True
    chosen = np.array([10, 13, 16, 19])
    other = Pose(found.pose.balls[chosen] * 1.0, found.pose.hinges[chosen] + 1.0)
    state = _between(found, chosen, other, found.root[chosen] + 1.0, where)
    assert np.array_equal(state.root[~where], found.root[~where])
    assert np.allclose(state.pose.hinges[chosen], other.hinges)
    low, high = sorted((state.root[13, 0], state.root[16, 0]))
    assert low <= state.root[14, 0] <= high
    assert np.allclose(state.pose.balls @ np.swapaxes(state.pose.balls, 2, 3), np.eye(3))


@pytest.mark.slow
def test_who_hangs_upside_down_is_found_for_less(trial) -> None:
    fit, found = trial.fit(), trial.found(trial.begun)
    where = unlike([trial.evidence])
    assert where[hard_poses.held(trial.truth)].mean() > 0.8
    again = trial.found(second_start(fit, found, where))
    assert fit.cheaper(found, again) is again and trial.mae18_deg(again) < trial.mae18_deg(found) - 2
    assert fit.cheaper(again, found) is again
