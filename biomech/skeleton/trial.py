"""A trial's frames solved together: from a few key frames to all, each started from its solved neighbours.

Key frames start from the default pose turned to several headings, and from one another's answers; the lowest objective
wins. The frames between start where the neighbours' motion would take them, which is a step or two from the minimum.
At the end, frames whose pose jumps or whose objective stands out are solved again from both neighbours.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from biomech.skeleton.elimination import Elimination
from biomech.skeleton.newton import minimise
from biomech.skeleton.normal_equations import MarkerEquations, Pull

STRIDES = (64, 16, 4, 1)  # frames between those that are solved at each level
FRAMES_AT_ONCE = 1024  # enough to outweigh the calls, few enough for a processor's cache
HEADINGS = 4
ROOT_ROUNDS = 15
APART = 0.5  # rad or m; neighbours that differ by more are not interpolated
JUMP = 0.35  # rad or m between consecutive frames
STANDS_OUT = 1.5  # times the neighbours' objective
LOWER = 1e-7  # part of the objective by which another answer must be better
REPAIRS = 20


class Trial:
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
        self.elimination = Elimination(equations)
        defaults = torch.as_tensor(equations.skeleton.defaults[equations.unknowns]).to(targets)
        self.defaults = defaults[:, None]
        frames = targets.shape[-1]
        self.unknowns = self.defaults.repeat(1, frames)
        self.objective = targets.new_full((frames,), torch.inf)
        self.evaluations = 0.0

    def solve(self) -> None:
        """Solve every frame."""
        frames = self.targets.shape[-1]
        keys = torch.arange(0, frames, STRIDES[0])
        self._solve_keys(keys)
        self.on_frames(len(keys))
        for wide, narrow in itertools.pairwise(STRIDES):
            between = torch.arange(0, frames, narrow)
            between = between[between % wide != 0]
            if len(between):
                self.improve(between, self._between(between, wide), near=wide <= 16)
                self.on_frames(len(between))
        self._repair()

    def improve(
        self,
        frames: Int[Tensor, " n"],
        start: Float[Tensor, "unknowns n"],
        *,
        near: bool,
        moving: Bool[Tensor, " unknowns"] | None = None,
        rounds: int = 60,
    ) -> Bool[Tensor, " n"]:
        """Solve some frames from a start and keep what is better than the answers so far; says where it is."""
        better = torch.zeros(len(frames), dtype=torch.bool)
        for part in torch.arange(len(frames)).split(FRAMES_AT_ONCE):
            chosen = frames[part]
            weights = self.weights if self.weights.shape[-1] == 1 else self.weights[:, chosen]
            solution = minimise(
                self.elimination,
                self.equations.sums(self.targets[..., chosen], weights),
                self.pull.take(chosen),
                start[:, part],
                self.bounds,
                near=near,
                moving=moving,
                rounds=rounds,
            )
            self.evaluations += solution.rounds * len(part)
            before = self.objective[chosen]
            lower = ~(solution.objective >= before - LOWER * before)
            better[part] = lower
            self.unknowns[:, chosen[lower]] = solution.unknowns[:, lower]
            self.objective[chosen[lower]] = solution.objective[lower]
        return better

    def _solve_keys(self, keys: Int[Tensor, " keys"]) -> None:
        """From the default pose in several headings, its root first; then from one another."""
        turned = [start.expand(-1, len(keys)) for start in self._headings(keys)]
        answers = []
        root = self.equations.at_root
        for start in turned:
            self.improve(keys, start, near=False, moving=root, rounds=ROOT_ROUNDS)
            answers.append((self.unknowns[:, keys], self.objective[keys]))
            self.objective[keys] = torch.inf
        order = torch.stack([objective for _, objective in answers]).argsort(0)
        placed = torch.stack([unknowns for unknowns, _ in answers])
        for rank in range(min(2, len(answers))):
            self.improve(keys, placed[order[rank], :, torch.arange(len(keys))].T, near=False)
        for other in (torch.roll(keys, 1), torch.roll(keys, -1)):
            if len(keys) > 1:
                self.improve(keys, self.unknowns[:, other], near=False)

    def _headings(self, keys: Int[Tensor, " keys"]) -> list[Float[Tensor, "unknowns keys"]]:
        start = self.defaults.repeat(1, len(keys))
        heading = self.equations.heading
        if heading is None:
            return [start]
        starts = []
        for k in range(HEADINGS):
            turned = start.clone()
            turned[heading] += 2 * np.pi * k / HEADINGS
            starts.append(turned)
        return starts

    def _between(self, frames: Int[Tensor, " n"], stride: int) -> Float[Tensor, "unknowns n"]:
        """Where the solved frames, every ``stride``-th, put those between: on a cubic through four of them."""
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
        nearest = torch.where(u < 0.5, at[1], at[2])
        return torch.where(inner & near, smooth, torch.where(close, linear, nearest))

    def _repair(self) -> None:
        """Solve again, from both neighbours, what does not go with them."""
        frames = self.targets.shape[-1]
        if frames < 2:
            return
        watched = torch.arange(frames)
        for _ in range(REPAIRS):
            jump = (self.unknowns[:, 1:] - self.unknowns[:, :-1]).abs().amax(0) > JUMP
            ratio = self.objective[1:] / self.objective[:-1].clamp(min=1e-300)
            seam = jump | (ratio > STANDS_OUT) | (ratio < 1 / STANDS_OUT)
            noticeable = torch.maximum(self.objective[1:], self.objective[:-1]) > 1e-9 * self.weights.sum(0).max()
            seam &= noticeable
            odd = torch.zeros(frames, dtype=torch.bool)
            odd[1:] |= seam
            odd[:-1] |= seam
            suspects = watched[odd[watched]]
            if not len(suspects):
                return
            changed = torch.zeros(frames, dtype=torch.bool)
            for shift in (-1, 1):
                there = (suspects + shift).clamp(0, frames - 1)
                changed[suspects] |= self.improve(suspects, self.unknowns[:, there], near=False)
            if not changed.any():
                return
            beside = changed.clone()
            beside[1:] |= changed[:-1]
            beside[:-1] |= changed[1:]
            watched = beside.nonzero()[:, 0]
