"""The trajectory solver: against the frame-by-frame answer on noisy markers of a real motion whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from biomech.body.anny import AnnyBody
from biomech.body.cmu import read_cmu, replay
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.normal_equations import MarkerEquations, Pull
from biomech.inverse_kinematics.smoothing import Smoothness, smooth
from biomech.markers.markers import Markers
from biomech.markers.virtual import extract, load_virtual_markers
from biomech.osim_models import build
from biomech.skeleton.skeleton import Skeleton

RATE_HZ = 60.0
WEIGHTS = load_virtual_markers().weights_by_name()
# Told well by the markers, and the largest of a run.
LARGE = [f"{name}_{side}" for name in ("hip_flexion", "knee_angle", "arm_flex", "elbow_flex") for side in "rl"]


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.from_osim(build.DEFAULT_PATH)


@pytest.fixture(scope="module")
def run(biopose_data: Path, skeleton: Skeleton) -> np.ndarray:
    """A run of CMU's (09_01), without the jitter that solving frame by frame left in it."""
    body = AnnyBody.load()
    markers = extract(body, replay(read_cmu(biopose_data / "cmu_bvh_01_14.zip", "09_01"), body, every=2))
    kinematics, _ = inverse_kinematics(skeleton, markers, WEIGHTS)
    smoothed = savgol_filter(kinematics.values, 7, 3, axis=0)
    return skeleton.complete(torch.from_numpy(smoothed)).numpy()


def posed(skeleton: Skeleton, values: np.ndarray, noise_m: float = 0.0, drift_m: float = 0.0) -> Markers:
    """Markers with white noise, and noise that stays for half a second (standard deviations)."""
    with torch.no_grad():
        positions = skeleton(torch.from_numpy(values)).markers.numpy()
    rng = np.random.default_rng(0)
    drift = gaussian_filter1d(rng.normal(size=positions.shape), RATE_HZ / 2, axis=0)
    positions = positions + noise_m * rng.normal(size=positions.shape) + drift_m * drift / drift.std()
    return Markers(list(skeleton.marker_names), positions, np.arange(len(values)) / RATE_HZ)


def acceleration_error(skeleton: Skeleton, found: np.ndarray, true: np.ndarray) -> float:
    second = np.diff(found - true, 2, axis=0)[:, skeleton.rotational] * RATE_HZ**2
    return float(np.sqrt((second**2).mean()))


def test_noise_goes_and_fast_motion_stays(skeleton: Skeleton, run: np.ndarray):
    markers = posed(skeleton, run, noise_m=0.01, drift_m=0.005)
    plain, _ = inverse_kinematics(skeleton, markers, WEIGHTS)
    smoothed, errors = inverse_kinematics(skeleton, markers, WEIGHTS, smoothness=Smoothness())
    again, _ = inverse_kinematics(skeleton, markers, WEIGHTS, smoothness=Smoothness())
    np.testing.assert_array_equal(smoothed.values, again.values)
    angle = skeleton.rotational

    def error_deg(found: np.ndarray) -> float:
        return float(np.rad2deg(np.abs(found - run)[:, angle]).mean())

    assert error_deg(smoothed.values) < 0.75 * error_deg(plain.values)
    ratio = acceleration_error(skeleton, smoothed.values, run) / acceleration_error(skeleton, plain.values, run)
    assert ratio < 0.08
    assert errors.solved.all() and 0.01 < errors.clip_rms_m < 0.025
    for name in LARGE[:4]:  # nor does it flatten more than the drift alone
        true = run[:, skeleton.coordinate_names.index(name)]
        one, other = (np.polyfit(true, motion.column(name), 1)[0] for motion in (smoothed, plain))
        assert one == pytest.approx(other, abs=0.02), name


def test_the_term_itself_flattens_nothing(skeleton: Skeleton, run: np.ndarray):
    smoothed, _ = inverse_kinematics(skeleton, posed(skeleton, run), WEIGHTS, smoothness=Smoothness())
    for name in LARGE:
        true = run[:, skeleton.coordinate_names.index(name)]
        assert np.ptp(smoothed.column(name)) == pytest.approx(np.ptp(true), rel=0.02), name


def test_no_noise_gives_the_motion_back(skeleton: Skeleton, run: np.ndarray):
    exact, _ = inverse_kinematics(skeleton, posed(skeleton, run), WEIGHTS, smoothness=Smoothness(marker_noise_m=1e-6))
    np.testing.assert_allclose(exact.values, run, atol=1e-5)


def test_gaps_are_bridged(skeleton: Skeleton, run: np.ndarray):
    markers = posed(skeleton, run)
    body = {marker.name: marker.body for marker in skeleton.description.markers}
    of_arm = [k for k, n in enumerate(markers.names) if body[n] in ("humerus_r", "ulna_r", "radius_r", "hand_r")]
    markers.positions_m[20:26] = np.nan
    markers.positions_m[40:46, of_arm] = np.nan
    plain, _ = inverse_kinematics(skeleton, markers, WEIGHTS)
    smoothed, errors = inverse_kinematics(skeleton, markers, WEIGHTS, smoothness=Smoothness(marker_noise_m=0.001))
    assert np.flatnonzero(~errors.solved).tolist() == list(range(20, 26))
    for gap in (slice(20, 26), slice(40, 46)):
        off = np.abs(smoothed.values - run)[gap]
        assert off.mean() < 0.7 * np.abs(plain.values - run)[gap].mean()


def test_the_answer_is_the_minimum_inside_the_bounds(skeleton: Skeleton, run: np.ndarray):
    """No gradient is left but at a bound, where it points outwards; checked by differences of the whole objective."""
    few = run[:12]
    markers = posed(skeleton, few, noise_m=0.01)
    knee = skeleton.coordinate_names.index("knee_angle_r")
    limit = float(np.median(few[:, knee]))
    parts = tuple(
        replace(c, range=(-0.1, limit), clamped=True) if k == knee else c
        for k, c in enumerate(skeleton.description.coordinates)
    )
    clamped = Skeleton(replace(skeleton.description, coordinates=parts))
    smoothness = Smoothness()
    kinematics, _ = inverse_kinematics(clamped, markers, WEIGHTS, smoothness=smoothness)
    found = kinematics.values
    assert found[:, knee].max() <= limit + 1e-12
    weights = torch.tensor([WEIGHTS[name] for name in clamped.marker_names], dtype=torch.float64)
    angle = torch.from_numpy(clamped.rotational)
    acceleration = torch.where(angle, smoothness.angular_acceleration_rad_s2, smoothness.acceleration_m_s2)
    speed = torch.where(angle, smoothness.angular_speed_rad_s, smoothness.speed_m_s)
    free = torch.from_numpy(clamped.free)

    values = torch.from_numpy(found).requires_grad_()
    off = clamped(values).markers - torch.from_numpy(markers.positions_m)
    steps = values[:, free].diff(dim=0) * RATE_HZ / speed[free]
    changes = values[:, free].diff(n=2, dim=0) * RATE_HZ**2 / acceleration[free]
    motion = weights.mean() * smoothness.marker_noise_m**2 * (steps.square().sum() + changes.square().sum())
    objective = (weights[:, None] * off.square()).sum() + motion
    (slope,) = torch.autograd.grad(objective, values)
    held = np.zeros(found.shape, dtype=bool)
    held[:, knee] = found[:, knee] > limit - 1e-9
    assert held.any() and (slope.numpy()[held] < 0).all()
    assert np.abs(slope.numpy()[~held]).max() < 1e-5 * float(weights.sum())


@pytest.mark.parametrize("frames", [1, 2])
def test_short_trials(skeleton: Skeleton, frames: int):
    values = np.tile(skeleton.defaults, (frames, 1))
    kinematics, _ = inverse_kinematics(skeleton, posed(skeleton, values), WEIGHTS, smoothness=Smoothness())
    np.testing.assert_allclose(kinematics.values, values, atol=1e-6)


def test_a_start_from_afar_ends_at_the_same_trajectory(skeleton: Skeleton, run: np.ndarray):
    few = run[:30]
    carried = skeleton.carrying(skeleton.marker_names)
    equations = MarkerEquations(carried)
    target = torch.from_numpy(posed(skeleton, few, noise_m=0.005).positions_m).movedim(0, -1).contiguous()
    weight = torch.tensor([[WEIGHTS[name]] for name in carried.marker_names], dtype=torch.float64)
    none = torch.zeros(1, 1, dtype=torch.float64)
    free = (torch.full((1, 1), -torch.inf), torch.full((1, 1), torch.inf))
    true = torch.from_numpy(few.T)[equations.unknowns]
    rng = np.random.default_rng(5)
    starts = (true, true + 0.3 * torch.from_numpy(rng.normal(size=true.shape)))
    one, other = (
        smooth(equations, target, weight, Pull(none, none), free, start, RATE_HZ, Smoothness()) for start in starts
    )
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
