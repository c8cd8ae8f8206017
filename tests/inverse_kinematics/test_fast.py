"""The solver of the torch skeleton: exact on markers without noise, and never above OpenSim's own optimum."""

from pathlib import Path

import numpy as np
import opensim
import pytest
import torch

from biomech.errors import BioposeError
from biomech.inverse_kinematics.elimination import Elimination
from biomech.inverse_kinematics.fast import CoordinateTask, inverse_kinematics
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.inverse_kinematics.normal_equations import MarkerEquations, Pull
from biomech.kinematics.mot import read_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc
from biomech.osim_models import build
from biomech.skeleton.model import quiet_opensim
from biomech.skeleton.skeleton import Skeleton

SUBJECT = "opencap_lab_subject4"
OPENSIM_ACCURACY = 1e-9
# Coordinates that the markers of these trials hardly tell: toes without a marker of their own, and the forearm's turn.
ILL_CONDITIONED = ("mtp_angle_r", "mtp_angle_l", "pro_sup_r", "pro_sup_l")


@pytest.fixture(scope="module")
def expert(biopose_data: Path) -> Skeleton:
    return Skeleton.from_osim(biopose_data / SUBJECT / "Models" / "manually_scaled.osim")


@pytest.fixture(scope="module")
def truth(biopose_data: Path, expert: Skeleton) -> np.ndarray:
    motion = read_mot(biopose_data / SUBJECT / "IK" / "walking1_manual_scaling_ik.mot")
    assert motion.names == expert.coordinate_names
    inside = np.clip(motion.values, *np.where(expert.clamped[:, None], expert.ranges, [-np.inf, np.inf]).T)
    return expert.complete(torch.from_numpy(inside[:80])).numpy()


def posed(skeleton: Skeleton, values: np.ndarray, rate_hz: float = 100.0) -> Markers:
    positions = skeleton(torch.from_numpy(values)).markers.numpy()
    return Markers(list(skeleton.marker_names), positions, np.arange(len(values)) / rate_hz)


def error_deg(skeleton: Skeleton, found: np.ndarray, true: np.ndarray) -> np.ndarray:
    moved = [k for k, name in enumerate(skeleton.coordinate_names) if not name.startswith("mtp")]
    return np.rad2deg(np.abs(found - true))[:, [k for k in moved if skeleton.rotational[k]]]


def test_hessian_is_the_second_derivative_of_the_objective():
    skeleton = Skeleton.from_osim(build.DEFAULT_PATH)
    skeleton = skeleton.carrying(skeleton.marker_names)
    equations = MarkerEquations(skeleton)
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    at = torch.as_tensor(skeleton.defaults)[equations.unknowns] + 0.3 * random(len(equations.unknowns))
    weights = random(len(skeleton.marker_names)).abs()[:, None]
    target = skeleton.trace(equations.complete(at[:, None] + 0.05)).markers + 0.02 * random(weights.shape[0], 3, 1)
    base = torch.as_tensor(skeleton.defaults)

    def half_objective(unknowns: torch.Tensor) -> torch.Tensor:
        whole = base.index_copy(0, torch.from_numpy(equations.unknowns), unknowns)[:, None]
        return (weights[:, None] * (skeleton.trace(whole).markers - target).square()).sum() / 2

    none = torch.zeros(1, 1, dtype=torch.float64)
    sums = equations.sums(target, weights)
    found = equations.derivatives(at[:, None], sums, Pull(none, none), torch.ones(1, dtype=torch.bool))
    whole = equations.hessian(found)[0]
    expected = torch.autograd.functional.hessian(half_objective, at)
    off_diagonal = ~torch.eye(len(at), dtype=torch.bool)  # the knees' splines curve; see the module
    assert float(found.objective[0] / 2) == pytest.approx(float(half_objective(at)), rel=1e-12)
    torch.testing.assert_close(found.gradient[:, 0], torch.autograd.functional.jacobian(half_objective, at))
    torch.testing.assert_close(whole[off_diagonal], expected[off_diagonal], rtol=1e-9, atol=1e-11)
    assert (whole.diagonal() - expected.diagonal()).abs().max() < 0.02 * expected.diagonal().abs().max()


def test_elimination_along_the_tree_equals_factorised_matrices(expert: Skeleton, truth: np.ndarray):
    skeleton = expert.carrying(expert.marker_names)
    equations = MarkerEquations(skeleton)
    elimination = Elimination(equations)
    at = torch.from_numpy(truth[:5].T)[equations.unknowns] + 0.1
    target = torch.from_numpy(posed(skeleton, truth[:5]).positions_m).movedim(0, -1)
    pull = Pull(*(torch.full((1, 1), value, dtype=torch.float64) for value in (1e-6, 0.0)))
    sums = equations.sums(target, torch.ones(len(skeleton.marker_names), 1, dtype=torch.float64))
    derivatives = equations.derivatives(at, sums, pull, torch.zeros(5, dtype=torch.bool))
    held = torch.zeros(at.shape, dtype=torch.bool)
    held[::4, 1:] = True
    prescribed = torch.where(held, 0.1, 0.0).double()
    damping = torch.linspace(0, 1, 5).double()
    along, with_matrices = (
        solve(derivatives, damping, held, prescribed) for solve in (elimination._along_tree, elimination._with_matrices)
    )
    torch.testing.assert_close(along[0], with_matrices[0], rtol=1e-6, atol=1e-9)
    assert along[1].all() and with_matrices[1].all()


def test_markers_without_noise_give_the_pose_back(expert: Skeleton, truth: np.ndarray):
    kinematics, errors = inverse_kinematics(expert, posed(expert, truth), dict.fromkeys(expert.marker_names, 1.0))
    off = error_deg(expert, kinematics.values, truth)
    assert off.mean() < 1e-4 and off.max() < 1e-3  # the issue asks for 0.01 and 0.1
    assert errors.clip_rms_m < 1e-8
    assert errors.solved.all()


def test_gaps_and_outlying_weights(expert: Skeleton, truth: np.ndarray):
    markers = posed(expert, truth)
    hidden = [markers.names.index(name) for name in ("L_knee", "r_toe", "C7")]
    markers.positions_m[10:30, hidden] = np.nan
    markers.positions_m[50:53, 4:] = np.nan  # too few to solve
    spoilt = markers.names.index("r_shoulder" if "r_shoulder" in markers.names else markers.names[0])
    markers.positions_m[40, spoilt] += 0.3
    weights = np.ones(markers.positions_m.shape[:2])
    weights[40, spoilt] = 0
    kinematics, errors = inverse_kinematics(expert, markers, dict.fromkeys(expert.marker_names, 1.0), weights=weights)
    assert np.flatnonzero(~errors.solved).tolist() == [50, 51, 52]
    assert np.isnan(errors.distances_m[15, [errors.names.index("L_knee"), errors.names.index("C7")]]).all()
    off = error_deg(expert, kinematics.values, truth)
    assert off[errors.solved].max() < 0.01
    assert off[50:53].max() < 3


def test_any_heading_is_found(expert: Skeleton, truth: np.ndarray):
    turned = truth.copy()
    turned[:, expert.coordinate_names.index("pelvis_rotation")] += np.deg2rad(170)
    kinematics, _ = inverse_kinematics(expert, posed(expert, turned), dict.fromkeys(expert.marker_names, 1.0))
    off = (kinematics.values - turned + np.pi) % (2 * np.pi) - np.pi
    assert error_deg(expert, off, 0 * off).max() < 0.01


def test_clamped_coordinates_stay_inside(expert: Skeleton, truth: np.ndarray):
    beyond = truth.copy()
    knee = expert.coordinate_names.index("knee_angle_r")
    beyond[:, knee] = expert.ranges[knee, 0] - 0.1
    assert expert.clamped[knee]
    kinematics, _ = inverse_kinematics(expert, posed(expert, beyond), dict.fromkeys(expert.marker_names, 1.0))
    np.testing.assert_allclose(kinematics.values[:, knee], expert.ranges[knee, 0], atol=1e-12)


def test_crossed_arms_are_found_from_nothing(biopose_data: Path):
    folder = biopose_data / SUBJECT
    skeleton = Skeleton.from_osim(folder / "Models" / "optimized_scale_and_markers.osim")
    markers = read_trc(folder / "MarkerData" / "STS1.trc")
    chosen = Markers(markers.names, markers.positions_m[:200], markers.time_s[:200])
    _, errors = inverse_kinematics(skeleton, chosen, dict.fromkeys(skeleton.marker_names, 1.0))
    assert errors.clip_rms_m < 0.011  # an arm on the wrong side: 0.04 and more
    assert errors.distances_m[errors.solved].max() < 0.06


def test_noise_leaves_no_frame_above_the_truth(expert: Skeleton, truth: np.ndarray):
    markers = posed(expert, truth)
    noise = 0.01 * np.random.default_rng(0).standard_normal(markers.positions_m.shape)
    noisy = Markers(markers.names, markers.positions_m + noise, markers.time_s)
    _, errors = inverse_kinematics(expert, noisy, dict.fromkeys(expert.marker_names, 1.0))
    squares = np.array([np.square(noise[:, markers.names.index(name)]).sum(-1) for name in errors.names]).T
    assert (np.square(errors.distances_m).sum(1) < squares.sum(1)).all()


def test_coordinate_tasks_draw(expert: Skeleton, truth: np.ndarray):
    markers, tasks = posed(expert, truth), dict.fromkeys(expert.marker_names, 1.0)
    name = "elbow_flex_r"
    k = expert.coordinate_names.index(name)
    wanted = truth[:, k] + 0.2
    strong, _ = inverse_kinematics(expert, markers, tasks, coordinate_tasks={name: CoordinateTask(wanted, 1e4)})
    np.testing.assert_allclose(strong.values[:, k], wanted, atol=1e-3)
    # OpenSim weighs a task against the mean over the markers: their weights' sum makes no difference.
    weak = {name: CoordinateTask(wanted, 1e-3)}
    once, _ = inverse_kinematics(expert, markers, tasks, coordinate_tasks=weak)
    tenfold = dict.fromkeys(expert.marker_names, 10.0)
    again, _ = inverse_kinematics(expert, markers, tenfold, coordinate_tasks=weak)
    drawn = once.values[:, k] - truth[:, k]
    assert 0.01 < drawn.min() and drawn.max() < 0.19
    np.testing.assert_allclose(again.values[:, k], once.values[:, k], atol=1e-6)
    with pytest.raises(BioposeError, match="knee_angle_r_beta"):
        inverse_kinematics(expert, markers, tasks, coordinate_tasks={"knee_angle_r_beta": CoordinateTask(0.0, 1.0)})


def opensim_optimum(model: Path, trc: Path, weights: dict[str, float], frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and weighted sums of squares of OpenSim's solver."""
    with quiet_opensim():
        opensim_model = opensim.Model(str(model))
        state = opensim_model.initSystem()
        marker_weights = opensim.SetMarkerWeights()
        for name, weight in weights.items():
            marker_weights.cloneAndAppend(opensim.MarkerWeight(name, weight))
        reference = opensim.MarkersReference(str(trc), marker_weights)
        time = reference.getMarkerTable().getIndependentColumn()
        solver = opensim.InverseKinematicsSolver(
            opensim_model, reference, opensim.SimTKArrayCoordinateReference(), float("inf")
        )
        solver.setAccuracy(OPENSIM_ACCURACY)
        state.setTime(time[0])
        solver.assemble(state)
        values, sums, errors = [], [], opensim.SimTKArrayDouble()
        for frame in range(frames):
            state.setTime(time[frame])
            solver.track(state)
            values.append([c.getValue(state) for c in opensim_model.getCoordinateSet()])
            solver.computeCurrentSquaredMarkerErrors(errors)
            names = [solver.getMarkerNameForIndex(i) for i in range(solver.getNumMarkersInUse())]
            sums.append(sum(weights[name] * errors.getElt(i) for i, name in enumerate(names)))
    return np.array(values), np.array(sums)


@pytest.mark.slow
def test_never_above_opensim_on_a_real_trial(biopose_data: Path, expert: Skeleton):
    folder = biopose_data / SUBJECT
    trc = folder / "MarkerData" / "walking1.trc"
    tasks = read_tasks(folder / "IK" / "walking1_ik_on_manually_scaled_setup.xml")
    tasks = {name: weight * (3.0 if name.endswith("ASIS") else 1.0) for name, weight in tasks.items()}
    markers = read_trc(trc)
    kinematics, errors = inverse_kinematics(expert, markers, tasks)
    weights = {name: tasks[name] for name in errors.names}
    frames = 12
    values, sums = opensim_optimum(folder / "Models" / "manually_scaled.osim", trc, weights, frames)
    ours = np.nansum(errors.distances_m[:frames] ** 2 * np.array(list(weights.values())), axis=1)
    assert (ours <= sums * (1 + 1e-9)).all()
    told = [k for k, name in enumerate(expert.coordinate_names) if name not in ILL_CONDITIONED]
    assert np.rad2deg(np.abs(kinematics.values[:frames] - values))[:, told].max() < 0.05
