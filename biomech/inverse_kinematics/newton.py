"""Damped Newton steps on many frames at once, each with its own damping, bounds and end."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from biomech.inverse_kinematics.elimination import Elimination
from biomech.inverse_kinematics.normal_equations import MarkerSums, Pull

# A frame has arrived when its step is to lower the objective by less than this part of the objective's terms; roughly,
# when the markers are within about 2 mm. Newton's last step is the error before it, and after it about its square.
EXACT, ROUGH = 3e-10, 2e-5
LAST_STEP = 1e-3  # rad and m
LONGEST_STEP = 1.2  # rad and m, of any coordinate
TRUST_STEP = 0.25  # a Gauss–Newton step below this is near enough to the minimum for exact second derivatives
FIRST_DAMPING, DAMPING_FACTOR, LEAST_DAMPING = 1e-3, 10.0, 1e-5
HARDEST_DAMPING = 1e8
CAUTION = 0.03  # of the objective, per rad²: keeps Gauss–Newton from far steps along what the markers hardly tell
BOUND_PASSES = 3  # of a step, to find which bounds it meets
ROUNDING = 1e-13  # of the objective's terms


@dataclass
class NewtonSolution:
    """What was found, frames last."""

    unknowns: Float[Tensor, "unknowns frames"]
    objective: Float[Tensor, " frames"]  # before the last step, which lowers it by less than rounding
    rounds: float  # evaluations of a frame, in the mean


def minimise(
    elimination: Elimination,
    sums: MarkerSums,
    pull: Pull,
    start: Float[Tensor, "unknowns frames"],
    bounds: tuple[Float[Tensor, "unknowns 1"], Float[Tensor, "unknowns 1"]],
    *,
    near: bool | Bool[Tensor, " frames"],
    rounds: int,
    enough: float = EXACT,
) -> NewtonSolution:
    """The nearest minimum to the start of every frame.

    Full Newton steps where the second derivatives are positive, Gauss–Newton's elsewhere; where the objective rises,
    the step is taken back and the damping grows. A coordinate at its bound stays there while the gradient pushes
    outwards. Frames that have arrived leave the batch.

    Args:
        elimination: of the skeleton's equations.
        sums: of the targets, the same frames.
        pull: of coordinates to values, the same frames.
        start: rad and m; put inside the bounds first.
        bounds: lowest and highest values; infinite where free.
        near: the start is near the minimum (a neighbour's answer), so begin with Newton steps.
        rounds: at most; a frame that has not arrived then gives its best pose so far.
        enough: ``EXACT`` or ``ROUGH``.

    Returns:
        The unknowns (rad and m), and the objective: weighted square distances (m²) and pulls.
    """
    lower, upper = bounds
    bounded = bool(torch.isfinite(lower).any() or torch.isfinite(upper).any())
    found = start.clamp(lower, upper)
    frames = found.shape[1]
    objective = found.new_full((frames,), torch.inf)
    index = torch.arange(frames, device=found.device)
    here, before, best = found, found, objective
    damping = found.new_zeros(frames)
    exact = torch.as_tensor(near, device=found.device).repeat(frames) if isinstance(near, bool) else near
    retreated = torch.zeros_like(exact)
    evaluated = 0
    for _ in range(rounds):
        if not len(index):
            break
        evaluated += len(index)
        at = elimination.equations.derivatives(here, sums, pull, exact)
        rose = at.objective > best + ROUNDING * sums.constant
        held = _held(here, at.gradient, bounds) if bounded else None
        if not exact.all():
            at = replace(at, diagonal=at.diagonal + torch.where(exact, 0.0, CAUTION * at.objective))
        prescribed = torch.zeros_like(here)
        step, sound = elimination.step(at, damping, held, prescribed)
        for _ in range(BOUND_PASSES if bounded and enough == EXACT else 0):
            stopped = torch.minimum(torch.maximum(step, lower - here), upper - here)
            crossing = stopped != step
            if not crossing.any():
                break
            held = crossing if held is None else held | crossing
            prescribed = torch.where(crossing, stopped, prescribed)
            step, sound = elimination.step(at, damping, held, prescribed)
        sound &= ~rose
        size = step.abs().amax(0)
        step = step * (LONGEST_STEP / size.clamp(min=LONGEST_STEP))
        ahead = torch.where(sound, here + step, torch.where(rose, before, here))
        if bounded:
            ahead = ahead.clamp(lower, upper)
            size = torch.where(sound, (ahead - here).abs().amax(0), size)
        gain = -(at.gradient * (ahead - here)).sum(0)
        arrived = sound & (gain < enough * sums.constant) & (damping < FIRST_DAMPING)
        if enough == EXACT:
            arrived &= exact & (size < LAST_STEP)
        arrived |= damping > HARDEST_DAMPING
        best = torch.where(rose, best, at.objective)
        before = torch.where(rose, before, here)
        harder = rose | (~sound & ~exact)
        easier = torch.where(retreated, damping, damping / DAMPING_FACTOR)  # once a step has proved good
        damping = torch.where(harder, (damping * DAMPING_FACTOR).clamp(min=FIRST_DAMPING), easier)
        damping = torch.where(damping < LEAST_DAMPING, 0.0, damping)
        exact = (sound & (exact | (size < TRUST_STEP))) | (rose & exact & (damping < 1))
        here, retreated = ahead, rose
        if arrived.any():
            done = index[arrived]
            found[:, done], objective[done] = here[:, arrived], best[arrived]
            left = (~arrived).nonzero()[:, 0]
            index, here, before = index[left], here[:, left], before[:, left]
            best, damping, exact, retreated = best[left], damping[left], exact[left], retreated[left]
            sums, pull = sums.take(left), pull.take(left)
    found[:, index], objective[index] = before, best
    return NewtonSolution(found, objective, evaluated / max(frames, 1))


def _held(
    here: Float[Tensor, "unknowns frames"],
    gradient: Float[Tensor, "unknowns frames"],
    bounds: tuple[Float[Tensor, "unknowns 1"], Float[Tensor, "unknowns 1"]],
) -> Bool[Tensor, "unknowns frames"] | None:
    """Unknowns that are at a bound and would go beyond."""
    held = ((here <= bounds[0]) & (gradient > 0)) | ((here >= bounds[1]) & (gradient < 0))
    return held if held.any() else None
