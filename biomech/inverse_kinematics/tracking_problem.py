"""A trial's frames solved together: from a few key frames to all, each started from its solved neighbours.

Key frames start from a table of poses (``starts``), and where that leads nowhere good from one another's answers; the
lowest objective wins. The frames between start where the neighbours' motion would take them, which is a step or two
from the minimum. Only the last level is exact.
At the end, frames that stand at the bound of a ball-like joint are tried from its twin angles, and frames whose pose
jumps or whose objective stands out are solved again from both neighbours.
"""

import itertools
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.inverse_kinematics.branches import ball_joints
from biomech.inverse_kinematics.elimination import Elimination
from biomech.inverse_kinematics.newton import EXACT, ROUGH, minimise
from biomech.inverse_kinematics.normal_equations import MarkerEquations, Pull
from biomech.inverse_kinematics.starts import PoseTable

STRIDES = (16, 4, 1)  # frames between those that are solved at each level
FRAMES_AT_ONCE = 1536  # enough to outweigh the calls, few enough for a processor's cache
ROUNDS, KEY_ROUNDS, ROUGH_ROUNDS = 40, 8, 4  # at most; stragglers of the first levels go on in the last
APART = 0.5  # rad or m; neighbours that differ by more are not interpolated
STRAIGHT = 0.05  # rad or m; where a cubic through frames is not bent by more, exact second derivatives can be trusted
JUMP = 0.35  # rad or m between consecutive frames
STANDS_OUT = 0.7  # of the objective's logarithm between consecutive frames
USUAL = 6.0  # times the median of such differences, which noise makes
LOWER = 1e-7  # part of the objective by which another answer must be better
REPAIRS, REPAIR_ROUNDS = 20, 12
KEPT = 4  # models

# What solving needs of a model alone is kept for its next trials.
_elimination = lru_cache(KEPT)(Elimination)
_table = lru_cache(KEPT)(PoseTable)


class TrackingProblem:
    """Marker targets over the frames of one skeleton, and the answers so far.

    Attributes:
        unknowns: (unknowns, frames); ``objective``: of each frame, infinite before it is solved.
    """

    def __init__(
        self,
        equations: MarkerEquations,
        targets: Float[Tensor, "markers 3 frames"],
        weights: Float[Tensor, "markers #frames"],
        pull: Pull,
        bounds: tuple[Float[Tensor, "unknowns 1"], Float[Tensor, "unknowns 1"]],
        on_frames: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.equations, self.targets, self.weights, self.pull, self.bounds = equations, targets, weights, pull, bounds
        self.on_frames = on_frames
        self.elimination = _elimination(equations)
        defaults = torch.as_tensor(equations.skeleton.defaults[equations.unknowns]).to(targets)
        self.defaults = defaults[:, None]
        frames = targets.shape[-1]
        self.unknowns = self.defaults.repeat(1, frames)
        self.objective = targets.new_full((frames,), torch.inf)
        self.evaluations = 0.0

    def solve(self) -> None:
        """Solve every frame."""
        frames = self.targets.shape[-1]
        near = torch.ones(frames, dtype=torch.bool)
        self._solve_keys(torch.arange(0, frames, STRIDES[0]))
        for wide, narrow in itertools.pairwise(STRIDES):
            between = torch.arange(0, frames, narrow)
            between = between[between % wide != 0]
            if len(between):
                self.unknowns[:, between], near[between] = self._on_cubics(between, wide)
                if narrow > 1:
                    self.improve(between, self.unknowns[:, between], near=False, enough=ROUGH, rounds=ROUGH_ROUNDS)
        self.objective.fill_(torch.inf)
        for part in torch.arange(frames).split(FRAMES_AT_ONCE):
            self.improve(part, self.unknowns[:, part], near=near[part])
            self.on_frames(len(part))
        self._turn_from_bounds()
        self._repair()

    def improve(
        self,
        frames: Int[Tensor, " n"],
        start: Float[Tensor, "unknowns n"],
        *,
        near: bool | Bool[Tensor, " n"],
        enough: float = EXACT,
        rounds: int = ROUNDS,
    ) -> Bool[Tensor, " frames"]:
        """Solve some frames, which may come several times, and keep what is better than the answers so far.

        Args:
            start: of each of ``frames``.
            near: the start is near the answer.
            enough: ``EXACT``, or ``ROUGH`` for what is only to start others.

        Returns:
            Of all frames, which ones got better.
        """
        better = torch.zeros_like(self.objective, dtype=torch.bool)
        for part in torch.arange(len(frames)).split(FRAMES_AT_ONCE):
            chosen = frames[part]
            weights = self.weights if self.weights.shape[-1] == 1 else self.weights[:, chosen]
            solution = minimise(
                self.elimination,
                self.equations.sums(self.targets[..., chosen], weights),
                self.pull.take(chosen),
                start[:, part],
                self.bounds,
                near=near if isinstance(near, bool) else near[part],
                rounds=rounds,
                enough=enough,
            )
            self.evaluations += solution.rounds * len(part)
            # The lowest of a frame's answers comes last, and so stays.
            order = solution.objective.argsort(descending=True)
            before = self.objective[chosen[order]]
            lower = order[~(solution.objective[order] >= before - LOWER * before)]
            for one in lower.split(1) if len(chosen.unique()) < len(chosen) else (lower,):
                self.unknowns[:, chosen[one]] = solution.unknowns[:, one]
                self.objective[chosen[one]] = solution.objective[one]
            better[chosen[lower]] = True
        return better

    def _solve_keys(self, keys: Int[Tensor, " keys"]) -> None:
        """Roughly, each from the table; then from one another, where they do not go together."""
        weights = self.weights if self.weights.shape[-1] == 1 else self.weights[:, keys]
        start = _table(self.equations).choose(self.equations.sums(self.targets[..., keys], weights))
        self.improve(keys, start, near=False, enough=ROUGH, rounds=KEY_ROUNDS)
        best = self.objective[keys]
        odd = best > 2 * best.median()
        if odd.any():
            others = torch.cat([torch.roll(keys, 1)[odd], torch.roll(keys, -1)[odd]])
            self.improve(keys[odd].repeat(2), self.unknowns[:, others], near=False, enough=ROUGH, rounds=KEY_ROUNDS)

    def _on_cubics(
        self, frames: Int[Tensor, " n"], stride: int
    ) -> tuple[Float[Tensor, "unknowns n"], Bool[Tensor, " n"]]:
        """Where the solved frames, every ``stride``-th, put those between: on a cubic through four of them.

        And whether that can be near: where the cubic goes all but straight.
        """
        last = (self.targets.shape[-1] - 1) // stride
        left = frames // stride
        u = ((frames - left * stride) / stride).to(self.unknowns)
        at = [self.unknowns[:, (left + k).clamp(0, last) * stride] for k in (-1, 0, 1, 2)]
        smooth = (
            u * (at[2] * (u + 1) * (2 - u) + at[3] * (u + 1) * (u - 1) / 3) - at[0] * u * (u - 1) * (u - 2) / 3
        ) / 2
        smooth = smooth + at[1] * (u + 1) * (u - 1) * (u - 2) / 2
        linear = at[1] + u * (at[2] - at[1])
        inner = (left >= 1) & (left + 2 <= last)
        near = (torch.stack(at).amax(0) - torch.stack(at).amin(0)).amax(0) < APART
        close = (at[2] - at[1]).abs().amax(0) < APART
        straight = (smooth - linear).abs().amax(0) < STRAIGHT
        nearest = torch.where(u < 0.5, at[1], at[2])
        return torch.where(inner & near, smooth, torch.where(close, linear, nearest)), straight

    def _turn_from_bounds(self) -> None:
        """A ball-like joint at its bound may be turning the wrong way round: its twin angles are another start."""
        lower, upper = self.bounds
        place = {coordinate: row for row, coordinate in enumerate(self.equations.unknowns.tolist())}
        for joint in ball_joints(self.equations.skeleton.description):
            rows = [place[k] for k in joint.coordinates.tolist() if k in place]
            at = self.unknowns[rows]
            stopped = ((at <= lower[rows]) | (at >= upper[rows])).any(0).nonzero()[:, 0]
            if len(rows) < 3 or not len(stopped):
                continue
            twin = joint.twin(at[:, stopped].T.cpu().numpy())
            bounds = torch.cat([lower[rows], upper[rows]], dim=1).cpu().numpy()
            middle = np.where(np.isfinite(bounds).all(1), bounds.mean(1), 0.0)
            twin -= joint.turns * np.round((twin - middle) / joint.turns)
            start = self.unknowns[:, stopped].clone()
            start[rows] = torch.as_tensor(twin.T).to(start)
            self.improve(stopped, start, near=False)

    def _repair(self) -> None:
        """Solve again, from both neighbours, what does not go with them."""
        frames = self.targets.shape[-1]
        if frames < 2:
            return
        watched = torch.arange(frames)
        jumps, ratios = self._jumps(), self._ratios()
        # What noise does everywhere is no reason to doubt a frame.
        jump_limit = (USUAL * jumps.median(1, keepdim=True).values).clamp(min=JUMP)
        ratio_limit = (USUAL * ratios.median()).clamp(min=STANDS_OUT)
        for _ in range(REPAIRS):
            seam = (self._jumps() > jump_limit).any(0) | (self._ratios() > ratio_limit)
            noticeable = torch.maximum(self.objective[1:], self.objective[:-1]) > 1e-9 * self.weights.sum(0).max()
            seam &= noticeable
            odd = torch.zeros(frames, dtype=torch.bool)
            odd[1:] |= seam
            odd[:-1] |= seam
            suspects = watched[odd[watched]]
            if not len(suspects):
                return
            beside = torch.cat([suspects - 1, suspects + 1]).clamp(0, frames - 1)
            changed = self.improve(suspects.repeat(2), self.unknowns[:, beside], near=False, rounds=REPAIR_ROUNDS)
            if not changed.any():
                return
            mended = changed.nonzero()[:, 0]
            self.improve(mended, self.unknowns[:, mended], near=False)
            around = changed.clone()
            around[1:] |= changed[:-1]
            around[:-1] |= changed[1:]
            watched = around.nonzero()[:, 0]

    def _jumps(self) -> Float[Tensor, "unknowns steps"]:
        return self.unknowns.diff(dim=1).abs()

    def _ratios(self) -> Float[Tensor, " steps"]:
        """How much more the objective is than the neighbour's, as a logarithm."""
        return self.objective.clamp(min=1e-300).log().diff().abs()
