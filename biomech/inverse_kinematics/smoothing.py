"""A trial's frames solved as one trajectory: the markers' own noise weighed against how a body can move.

The most probable motion when every marker is off by white noise of standard deviation σ_m, and every coordinate's
acceleration and speed are drawn from normal distributions of standard deviations σ_a and σ_v: the minimum of

    Σ_frames Σ_m w_m |p_m(q) − t_m|² + σ_m² Σ_coordinates ( Σ (q̈ / σ_a)² + Σ (q̇ / σ_v)² )

with second and first differences over the time step for q̈ and q̇ (a smoothing spline in tension; the marker of mean
weight counts as one of noise σ_m). As every frame adds one of each term, the answer hardly depends on the rate. For a
coordinate whose error of 1 rad moves n markers by r, motion slower than (n r²)^¼ (σ_a / σ_m)^½ rad/s passes. With the
defaults, our model and its 142 markers that is 10 to 13 Hz for flexion and abduction of hip, knee and shoulder, 7 to
9 Hz for ankle, elbow and the limbs' turns about their length, 3 to 6 Hz for toes, wrist and the forearm's turn (all
other coordinates free). Where markers are missing the motion goes on as it was, and after σ_v / σ_a seconds of that
straight on to where they are seen again. Near a joint's singular pose (an arm held out, where two of its angles turn
the same way) the angles' own accelerations grow without the body's, and it is those that are smoothed.

Newton's method on all frames at once: the second derivatives couple a frame with the two before it, so that they form
a band, factorised in time that grows with the number of frames.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.linalg import LinAlgError, solveh_banded
from torch import Tensor

from biomech.inverse_kinematics.normal_equations import Derivatives, MarkerEquations, Pull

ROUNDS = 30
FRAMES_AT_ONCE = 1024  # whose second derivatives are held as whole matrices
LAST_STEP = 1e-6  # rad and m
LOWERED = 1e-12  # part of the objective; less is rounding
LONGEST_STEP = 1.0  # rad and m
DAMPING_FACTOR, FIRST_DAMPING, HARDEST_DAMPING = 10.0, 1e-3, 1e8


@dataclass(frozen=True)
class Smoothness:
    """What is known of the noise and of the motion, as standard deviations.

    The defaults of the motion are those of fast coordinates: in CMU's walks the ankle's acceleration has 40 rad/s² and
    the pelvis 3 m/s², in runs the knee's 110 rad/s² and the pelvis 9 m/s² (root mean squares).
    """

    marker_noise_m: float = 0.01
    angular_acceleration_rad_s2: float = 100.0
    acceleration_m_s2: float = 20.0
    angular_speed_rad_s: float = 10.0
    speed_m_s: float = 5.0


class _MotionTerms:
    """The terms of acceleration and speed of some coordinates: symmetric bands over the frames, a row a difference."""

    def __init__(
        self, frames: int, acceleration: Float[np.ndarray, " unknowns"], speed: Float[np.ndarray, " unknowns"]
    ) -> None:
        self.terms = [((1.0, -2.0, 1.0), acceleration), ((-1.0, 1.0), speed)]
        self.bands = np.zeros((3, frames, len(acceleration)))  # row frame f + k, column frame f
        for stencil, weight in self.terms:
            pieces = frames - len(stencil) + 1
            for i, one in enumerate(stencil):
                for j in range(i + 1):
                    self.bands[i - j, j : j + max(pieces, 0)] += one * stencil[j] * weight

    def __call__(
        self, values: Float[np.ndarray, "frames unknowns"]
    ) -> tuple[float, Float[np.ndarray, "frames unknowns"]]:
        """The terms' sum, and half its gradient."""
        gradient = self.bands[0] * values
        for k in (1, 2):
            gradient[k:] += self.bands[k, : len(values) - k] * values[: len(values) - k]
            gradient[:-k] += self.bands[k, : len(values) - k] * values[k:]
        orders = ((len(stencil) - 1, weight) for stencil, weight in self.terms)
        return float(sum((weight * np.diff(values, order, axis=0) ** 2).sum() for order, weight in orders)), gradient


def smooth(
    equations: MarkerEquations,
    targets: Float[Tensor, "markers 3 frames"],
    weights: Float[Tensor, "markers #frames"],
    pull: Pull,
    bounds: tuple[Float[Tensor, "#unknowns 1"], Float[Tensor, "#unknowns 1"]],
    start: Float[Tensor, "unknowns frames"],
    rate_hz: float,
    smoothness: Smoothness,
) -> Float[Tensor, "unknowns frames"]:
    """The trajectory, from the frames' own answers, which must be continuous.

    Args:
        equations: of the skeleton, which carries the markers.
        targets: m; NaN where missing, whole frames too.
        weights: of the squared distances.
        pull: of coordinates to values, the same frames.
        bounds: lowest and highest values; infinite where free.
        start: rad and m, without whole turns between frames.
        rate_hz: of the frames.
        smoothness: standard deviations of the markers' noise and of the motion.

    Returns:
        The unknowns (rad and m) of every frame, those without markers included.
    """
    frames = start.shape[1]
    seen = torch.isfinite(targets).all(1)
    mean_weight = float((weights * seen).sum() / seen.sum())
    angle = equations.skeleton.rotational[equations.unknowns]
    variance = mean_weight * smoothness.marker_noise_m**2
    acceleration = np.where(angle, smoothness.angular_acceleration_rad_s2, smoothness.acceleration_m_s2)
    speed = np.where(angle, smoothness.angular_speed_rad_s, smoothness.speed_m_s)
    motion = _MotionTerms(frames, variance * (rate_hz**2 / acceleration) ** 2, variance * (rate_hz / speed) ** 2)
    lower, upper = (bound.double().numpy().T for bound in bounds)
    sums = equations.sums(targets, weights)
    parts = [(part, sums.take(part), pull.take(part)) for part in torch.arange(frames).split(FRAMES_AT_ONCE)]

    def at(values: Float[np.ndarray, "frames unknowns"], exact: bool) -> tuple[float, np.ndarray, list[Derivatives]]:
        unknowns = torch.from_numpy(values.T.copy()).to(start)
        derivatives = [
            equations.derivatives(unknowns[:, part], its_sums, its_pull, torch.full((len(part),), exact))
            for part, its_sums, its_pull in parts
        ]
        total, gradient = motion(values)
        total += sum(float(d.objective.double().sum()) for d in derivatives)
        gradient += np.concatenate([d.gradient.double().numpy().T for d in derivatives])
        return total, gradient, derivatives

    here = start.double().numpy().T.clip(lower, upper)
    exact, damping = True, 0.0
    objective, gradient, derivatives = at(here, exact)
    for _ in range(ROUNDS):
        held = ((here <= lower) & (gradient > 0)) | ((here >= upper) & (gradient < 0))
        step = _step((equations.hessian(d) for d in derivatives), motion.bands, gradient, held, damping)
        if step is None and exact:  # not positive: Gauss–Newton's is
            exact = False
            objective, gradient, derivatives = at(here, exact)
            continue
        if step is None:
            damping = max(DAMPING_FACTOR * damping, FIRST_DAMPING)
            continue
        step *= LONGEST_STEP / np.abs(step).max(axis=1, keepdims=True).clip(min=LONGEST_STEP)
        ahead = (here + step).clip(lower, upper)
        size = float(np.abs(ahead - here).max())
        tried = at(ahead, exact)
        if tried[0] <= objective:
            lowered = objective - tried[0]
            here, (objective, gradient, derivatives) = ahead, tried
            damping = damping / DAMPING_FACTOR if damping > FIRST_DAMPING else 0.0
            if size < LAST_STEP or lowered < LOWERED * objective:
                break
        elif damping > HARDEST_DAMPING or size < LAST_STEP:
            break
        else:
            damping = max(DAMPING_FACTOR * damping, FIRST_DAMPING)
    return torch.from_numpy(here.T.copy()).to(start)


def _step(
    hessian: Iterable[Float[Tensor, "some unknowns unknowns"]],
    motion: Float[np.ndarray, "3 frames unknowns"],
    gradient: Float[np.ndarray, "frames unknowns"],
    held: Bool[np.ndarray, "frames unknowns"],
    damping: float,
) -> Float[np.ndarray, "frames unknowns"] | None:
    """Newton's step of what is not held; None where the second derivatives are not positive definite.

    Args:
        hessian: the markers', some frames at a time, in order.
    """
    frames, n = gradient.shape
    band = np.zeros((frames, n, 2 * n + 1))  # of each column what stands 0, 1 … below the diagonal, as LAPACK takes it
    first = 0
    for some in hessian:
        rows = slice(first, first + len(some))
        for k in range(n):
            band[rows, : n - k, k] = some.diagonal(-k, 1, 2).double().numpy()
        first += len(some)
    band[..., 0] += damping * np.abs(band[..., 0])
    for gap in range(3):
        band[..., gap * n] += motion[gap]
    band = band.reshape(frames * n, 2 * n + 1)
    if held.any():
        free = np.concatenate([~held.ravel(), np.zeros(2 * n, dtype=bool)])
        band *= np.lib.stride_tricks.sliding_window_view(free, 2 * n + 1)
        band[held.ravel()] = 0
        band[held.ravel(), 0] = 1
    try:
        solved = solveh_banded(band.T, np.where(held, 0, -gradient).ravel(), overwrite_ab=True, lower=True)
    except LinAlgError:
        return None
    return solved.reshape(frames, n)
